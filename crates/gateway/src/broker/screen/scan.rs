//! Where a JSON value ends, found in bytes that come in pieces. Nothing is understood here but strings and
//! brackets: what is cut out is parsed by `serde_json` afterwards, and what is no JSON fails there.

use memchr::memchr2;

use super::Fault;

/// A long value's memory is given back after it.
const KEPT: usize = 64 * 1024;

/// Looks for the end of one value, which begins with the first byte that it is given.
#[derive(Debug, Default)]
struct Scan {
    depth: usize,
    place: Place,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Outside of strings.
    #[default]
    Outside,
    /// In a string.
    Text,
    /// Behind a backslash in a string.
    Escaped,
    /// In a number or a word that is the whole value.
    Bare,
    /// Behind the value.
    Over,
}

impl Scan {
    /// How many bytes of `piece` belong to the value, if it ends in there.
    fn end(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.place {
                Place::Outside => self.outside(rest),
                Place::Text => self.text(rest),
                Place::Escaped => {
                    self.place = Place::Text;
                    1
                }
                Place::Bare => self.bare(rest),
                Place::Over => 0,
            };
            if self.place == Place::Over {
                return Some(at);
            }
        }
        None
    }

    fn outside(&mut self, rest: &[u8]) -> usize {
        for (index, byte) in rest.iter().enumerate() {
            match byte {
                b'"' => self.place = Place::Text,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        self.place = Place::Over;
                    }
                }
                _ if self.depth == 0 => self.place = Place::Bare,
                _ => {}
            }
            if self.place != Place::Outside {
                return index + 1;
            }
        }
        rest.len()
    }

    fn text(&mut self, rest: &[u8]) -> usize {
        let Some(at) = memchr2(b'"', b'\\', rest) else { return rest.len() };
        self.place = match rest.get(at) {
            Some(b'\\') => Place::Escaped,
            _ if self.depth == 0 => Place::Over,
            _ => Place::Outside,
        };
        at + 1
    }

    fn bare(&mut self, rest: &[u8]) -> usize {
        let ends = |byte: &u8| is_space(*byte) || matches!(byte, b',' | b':' | b']' | b'}');
        let Some(at) = rest.iter().position(ends) else { return rest.len() };
        self.place = Place::Over;
        at
    }
}

/// Gathers the bytes of one value after the other.
#[derive(Debug, Default)]
pub(super) struct Gather {
    scan: Scan,
    kept: Vec<u8>,
}

/// What one piece held of a value.
pub(super) enum Gathered<'value, 'piece> {
    /// All of the piece, and the value goes on.
    All,
    /// The whole value, and what stands behind it.
    Value(&'value [u8], &'piece [u8]),
}

impl Gather {
    /// Whether a value has begun and not ended.
    pub(super) fn is_within(&self) -> bool {
        self.scan.place != Place::Over && (self.scan.place != Place::Outside || self.scan.depth > 0)
    }

    /// Gives back the memory of the last value, where nothing may come for long.
    pub(super) fn rest(&mut self) {
        if !self.is_within() {
            self.kept = Vec::new();
        }
    }

    /// Goes on with the value, or begins the next, which must begin with the piece's first byte. A value
    /// that lies in one piece is not copied. Over `most` bytes it is refused.
    pub(super) fn take<'value, 'piece: 'value>(
        &'value mut self,
        piece: &'piece [u8],
        most: usize,
    ) -> Result<Gathered<'value, 'piece>, Fault> {
        if !self.is_within() {
            self.scan = Scan::default();
            self.kept.clear();
            self.kept.shrink_to(KEPT);
        }
        let end = self.scan.end(piece);
        let (part, rest) = piece.split_at_checked(end.unwrap_or(piece.len())).unwrap_or((piece, &[]));
        if self.kept.len() + part.len() > most {
            return Err(Fault::TooLarge(most));
        }
        if end.is_some() && self.kept.is_empty() {
            return Ok(Gathered::Value(part, rest));
        }
        self.kept.extend_from_slice(part);
        Ok(if end.is_some() { Gathered::Value(&self.kept, rest) } else { Gathered::All })
    }
}

/// What JSON calls whitespace.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// What is left of a piece behind the space that it begins with.
pub(super) fn unspaced(piece: &[u8]) -> &[u8] {
    let start = piece.iter().position(|byte| !is_space(*byte)).unwrap_or(piece.len());
    piece.get(start..).unwrap_or_default()
}
