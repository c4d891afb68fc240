//! The path, split and decoded.

use super::percent;
use super::unreadable::{PathFault, Unreadable};

/// A path as decoded segments.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) segments: Vec<String>,
    pub(super) ending: Ending,
}

/// How a path ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Segment,
    /// At this byte. `/` alone is one too.
    Slash(usize),
}

impl Path {
    pub(super) fn read(raw: &str) -> Result<Self, Unreadable> {
        if raw.len() > super::MAX_PATH {
            return Err(Unreadable::PathTooLong(raw.len()));
        }
        let refuse = |(fault, at)| Unreadable::Path { fault, at };
        let rest = raw.strip_prefix('/').ok_or(refuse((PathFault::NoSlash, 0)))?;
        let mut segments = Vec::new();
        let mut at = 1;
        let mut pieces = rest.split('/').peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            if piece.is_empty() && last {
                return Ok(Self { segments, ending: Ending::Slash(at - 1) });
            }
            segments.push(decode(piece, at).map_err(refuse)?);
            at += piece.len() + 1;
        }
        Ok(Self { segments, ending: Ending::Segment })
    }

    /// As `RequestInfo.Path` has it: decoded.
    pub(super) fn plain(&self) -> String {
        self.join(|segment, into| into.push_str(segment))
    }

    /// As it is sent: encoded anew.
    pub(super) fn canonical(&self) -> String {
        self.join(percent::segment)
    }

    fn join(&self, write: impl Fn(&str, &mut String)) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            text.push('/');
            write(segment, &mut text);
        }
        if let Ending::Slash(_) = self.ending {
            text.push('/');
        }
        text
    }
}

fn decode(piece: &str, offset: usize) -> Result<String, (PathFault, usize)> {
    match piece {
        "" => return Err((PathFault::EmptySegment, offset)),
        "." | ".." => return Err((PathFault::DotSegment, offset)),
        _ => {}
    }
    let mut text = String::with_capacity(piece.len());
    let mut bytes = piece.bytes();
    while let Some(byte) = bytes.next() {
        let at = offset + piece.len() - bytes.len() - 1;
        let fault = match byte {
            b'%' => match percent::digits(&mut bytes) {
                Some(value) => match encoded(value) {
                    Ok(character) => {
                        text.push(character);
                        continue;
                    }
                    Err(fault) => fault,
                },
                None => PathFault::BadEscape,
            },
            b'\\' => PathFault::Backslash,
            b'#' => PathFault::Fragment,
            0..=0x1f | 0x7f => PathFault::Control,
            0x80.. => PathFault::NonAscii,
            byte if percent::is_segment(byte) => {
                text.push(char::from(byte));
                continue;
            }
            _ => PathFault::Character,
        };
        return Err((fault, at));
    }
    Ok(text)
}

/// What may stand encoded: what no reader splits, joins or decodes once more.
fn encoded(value: u8) -> Result<char, PathFault> {
    match value {
        b'/' => Err(PathFault::EncodedSlash),
        b'\\' => Err(PathFault::EncodedBackslash),
        b'.' => Err(PathFault::EncodedDot),
        b'%' => Err(PathFault::EncodedPercent),
        0..=0x1f | 0x7f => Err(PathFault::Control),
        0x80.. => Err(PathFault::NonAscii),
        _ => Ok(char::from(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(raw: &str) -> (PathFault, usize) {
        match Path::read(raw) {
            Err(Unreadable::Path { fault, at }) => (fault, at),
            other => panic!("{raw}: {other:?}"),
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused_where_it_stands() {
        assert_eq!(fault("api"), (PathFault::NoSlash, 0));
        assert_eq!(fault(""), (PathFault::NoSlash, 0));
        assert_eq!(fault("/a/../b"), (PathFault::DotSegment, 3));
        assert_eq!(fault("/a//b"), (PathFault::EmptySegment, 3));
        assert_eq!(fault("//a"), (PathFault::EmptySegment, 1));
        assert_eq!(fault("/a//"), (PathFault::EmptySegment, 3));
        assert_eq!(fault("/a/%2Fb"), (PathFault::EncodedSlash, 3));
        assert_eq!(fault("/a/b%5c"), (PathFault::EncodedBackslash, 4));
        assert_eq!(fault("/a/%2e%2e"), (PathFault::EncodedDot, 3));
        assert_eq!(fault("/a%252f"), (PathFault::EncodedPercent, 2));
        assert_eq!(fault("/a\\b"), (PathFault::Backslash, 2));
        assert_eq!(fault("/a%00"), (PathFault::Control, 2));
        assert_eq!(fault("/a\u{e9}"), (PathFault::NonAscii, 2));
        assert_eq!(fault("/a%c3%a9"), (PathFault::NonAscii, 2));
        assert_eq!(fault("/a%4"), (PathFault::BadEscape, 2));
        assert_eq!(fault("/a%+1"), (PathFault::BadEscape, 2));
        assert_eq!(fault("/a#b"), (PathFault::Fragment, 2));
        assert_eq!(fault("/a b"), (PathFault::Character, 2));
    }

    #[test]
    fn ordinary_characters_are_decoded_and_written_one_way() {
        let path = Path::read("/a%3Ab/c%20d;e/").expect("readable");
        assert_eq!(path.segments, ["a:b", "c d;e"]);
        assert_eq!(path.plain(), "/a:b/c d;e/");
        assert_eq!(path.canonical(), "/a:b/c%20d%3Be/");
        assert_eq!(Path::read("/").map(|p| p.canonical()).ok().as_deref(), Some("/"));
    }
}
