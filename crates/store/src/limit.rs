//! Bounds on what is stored, the same on both databases.

use crate::Error;

/// The longest text in a key or an indexed column, in bytes. PostgreSQL takes index entries up to 2,704
/// bytes, and the widest index of ours has four texts. Kubernetes' own names end at 253.
pub(crate) const KEY_BYTES: usize = 512;

/// Refuses texts that PostgreSQL can't hold, on SQLite too.
pub(crate) fn texts<const N: usize>(texts: [&String; N]) -> Result<(), Error> {
    if texts.iter().any(|text| text.contains('\0')) {
        return Err(Error::Invalid("a text holds a NUL character".to_owned()));
    }
    Ok(())
}

/// Refuses keys that an index can't hold.
pub(crate) fn keys<const N: usize>(keys: [&String; N]) -> Result<(), Error> {
    if keys.iter().any(|key| key.len() > KEY_BYTES) {
        return Err(Error::Invalid(format!("a kind, name or id is longer than {KEY_BYTES} bytes")));
    }
    texts(keys)
}

/// The beginning of a text, as far as a search column holds it: up to its bound, or to a NUL character.
/// Columns repeat what is in the body; a caller that sends an overlong name must not be able to make the
/// writing of its row fail.
pub(crate) fn cut(text: &str) -> &str {
    let text = text.split('\0').next().unwrap_or_default();
    text.get(..text.floor_char_boundary(KEY_BYTES)).unwrap_or_default()
}
