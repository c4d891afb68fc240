//! Percent-encoding (RFC 3986), both ways. What is encoded here decodes to the same bytes in every reader.

use std::fmt::Write as _;

/// The value of the two hexadecimal digits that follow a `%`.
pub(super) fn digits(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let high = digit()?;
    let low = digit()?;
    Some(high << 4 | low)
}

/// RFC 3986 "unreserved": what no reader ever encodes or decodes differently.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What may stand raw in a segment (RFC 3986 "pchar"). `;` is left out of what we write ourselves.
pub(super) const fn is_segment(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b':' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b';'
        )
}

/// What may stand raw in a query: "pchar", `/`, `?`, and the brackets that browsers leave raw.
pub(super) const fn is_query(byte: u8) -> bool {
    is_segment(byte) || matches!(byte, b'/' | b'?' | b'[' | b']')
}

/// Writes a path segment.
pub(super) fn segment(text: &str, into: &mut String) {
    encode(text, into, |byte| is_segment(byte) && byte != b';');
}

/// Writes a key or a value of a query.
pub(super) fn component(text: &str, into: &mut String) {
    encode(text, into, is_unreserved);
}

fn encode(text: &str, into: &mut String, raw: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if raw(byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            write!(into, "%{byte:02X}").ok();
        }
    }
}
