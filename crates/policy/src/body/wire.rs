//! The protobuf wire format (protobuf.dev, "Encoding"), as much as finding and replacing fields takes.
//!
//! Fields that aren't asked for are kept byte for byte. What gogo's readers in the API server could read in
//! another way (a tag over 32 bits, a group, a varint over ten bytes) is refused.

use super::error::BodyError;
use super::json::VALUES;

/// One field: its number, what it holds, and the bytes it was written in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
    pub(super) raw: &'a [u8],
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// 32 or 64 bits, which nothing here reads.
    Fixed,
}

impl<'a> Field<'a> {
    pub(super) fn bytes(&self) -> Result<&'a [u8], BodyError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Varint(_) | Value::Fixed => Err(BodyError::Protobuf("a field has the wrong wire type")),
        }
    }

    pub(super) fn text(&self) -> Result<&'a str, BodyError> {
        str::from_utf8(self.bytes()?).or(Err(BodyError::Protobuf("a text is not UTF-8")))
    }

    pub(super) fn varint(&self) -> Result<u64, BodyError> {
        match self.value {
            Value::Varint(value) => Ok(value),
            Value::Bytes(_) | Value::Fixed => Err(BodyError::Protobuf("a field has the wrong wire type")),
        }
    }
}

/// All fields of a message, in order: as many as a JSON body has values, since one takes two bytes there and
/// fifty here.
pub(super) fn fields(message: &[u8]) -> Result<Vec<Field<'_>>, BodyError> {
    let mut rest = message;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        if fields.len() >= VALUES {
            return Err(BodyError::TooManyValues);
        }
        let before = rest;
        let tag = u32::try_from(varint(&mut rest)?).or(Err(BodyError::Protobuf("a tag is over 32 bits")))?;
        let number = tag >> 3;
        if number == 0 {
            return Err(BodyError::Protobuf("a field has the number 0"));
        }
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut rest)?),
            1 => take(&mut rest, 8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).or(Err(ENDS))?;
                Value::Bytes(take(&mut rest, length)?)
            }
            5 => take(&mut rest, 4).map(|_| Value::Fixed)?,
            _ => return Err(BodyError::Protobuf("a field has a wire type that is not read")),
        };
        let raw = before.get(..before.len() - rest.len()).unwrap_or_default();
        fields.push(Field { number, value, raw });
    }
    Ok(fields)
}

/// The one field of a number. Twice is refused: readers would merge or replace.
pub(super) fn only<'a, 'b>(fields: &'b [Field<'a>], number: u32) -> Result<Option<&'b Field<'a>>, BodyError> {
    let mut found = fields.iter().filter(|field| field.number == number);
    match (found.next(), found.next()) {
        (field, None) => Ok(field),
        (_, Some(_)) => Err(BodyError::Protobuf("a field that may come once comes twice")),
    }
}

/// A message with one field of bytes replaced, or added at the end; all others stay byte for byte.
pub(super) fn replaced(fields: &[Field<'_>], number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    let mut done = false;
    for field in fields {
        if field.number == number {
            put(&mut message, number, bytes);
            done = true;
        } else {
            message.extend_from_slice(field.raw);
        }
    }
    if !done {
        put(&mut message, number, bytes);
    }
    message
}

/// Writes a field of bytes.
pub(super) fn put(message: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_varint(message, u64::from(number) << 3 | 2);
    put_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn put_varint(message: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            message.push(low);
            return;
        }
        message.push(low | 0x80);
    }
}

const ENDS: BodyError = BodyError::Protobuf("it ends inside a field");

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], BodyError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(ENDS)?;
    *rest = left;
    Ok(taken)
}

fn varint(rest: &mut &[u8]) -> Result<u64, BodyError> {
    let mut value: u64 = 0;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first().ok_or(ENDS)?;
        *rest = left;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(BodyError::Protobuf("a number is over 64 bits"));
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BodyError::Protobuf("a number is over ten bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_fields_is_bounded() {
        assert_eq!(fields(&[0x18, 0x05].repeat(VALUES)).map(|fields| fields.len()), Ok(VALUES));
        let one_more = [0x18, 0x05].repeat(VALUES + 1);
        assert!(matches!(fields(&one_more), Err(BodyError::TooManyValues)));
    }
}
