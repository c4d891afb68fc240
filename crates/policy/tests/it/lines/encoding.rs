//! Percent-encoding as clients do it: some encode more, some less, in capital or small digits.

use crate::random::Random;

/// What clients leave as it is in a segment.
const SEGMENT: &str = "-._~:@!$&'()*+,=";
/// What clients leave as it is in a query's key or value.
const COMPONENT: &str = "-._~:@!$'()*,/?[]";

/// A name in a path. No name that a client sends has a '/', '%', '\\', or anything but ASCII.
pub(crate) fn segment(random: &mut Random, text: &str) -> String {
    encode(random, text, SEGMENT)
}

/// A key or a value of a query.
pub(crate) fn component(random: &mut Random, text: &str) -> String {
    let encoded = encode(random, text, COMPONENT);
    if random.one_in(2) { encoded.replace("%20", "+") } else { encoded }
}

fn encode(random: &mut Random, text: &str, raw: &str) -> String {
    let small = random.one_in(3);
    let eager = random.one_in(4);
    let mut encoded = String::new();
    for byte in text.bytes() {
        let c = char::from(byte);
        let keeps = c.is_ascii_alphanumeric() || "-._~".contains(c) || (raw.contains(c) && !eager);
        match (keeps, small) {
            (true, _) => encoded.push(c),
            (false, true) => encoded += &format!("%{byte:02x}"),
            (false, false) => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}
