//! An object that holds one long list, taken apart as it comes: its other members each in one piece, and the
//! list's elements one by one. In whatever order they stand.

use super::scan::{Gather, Gathered, unspaced};
use super::{Fault, MAX_OBJECT};

/// The members that are taken apart: a list's and a table's.
pub(super) const LONG: [&str; 2] = ["items", "rows"];

/// The longest name of a member.
const MAX_KEY: usize = 256;
/// The longest of the other members. The columns of a table, each with its description, are the longest.
const MAX_MEMBER: usize = 1024 * 1024;

/// One part of the object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// A member that isn't taken apart: its name, and its value as it stands there.
    Member(&'a str, &'a [u8]),
    /// The long list begins. Its name.
    Opens(&'a str),
    /// An element of it: an object, as it stands there.
    Element(&'a [u8]),
    /// The long list ends.
    Closes,
    /// The object ends.
    Ends,
}

/// What must come next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The object.
    #[default]
    Object,
    /// A name, or the end of the object.
    NameOrEnd,
    /// A name.
    Name,
    /// The `:` behind a name.
    Colon,
    /// A member's value.
    Value,
    /// A comma, or the end of the object.
    CommaOrEnd,
    /// An element, or the end of the list.
    ElementOrEnd,
    /// An element.
    Element,
    /// A comma, or the end of the list.
    CommaOrClose,
    /// Nothing but space.
    Nothing,
}

/// Takes one object apart.
#[derive(Debug, Default)]
pub(super) struct Outline {
    next: Next,
    name: String,
    gather: Gather,
}

impl Outline {
    /// Goes on with the next piece, of any size. `on` gets each part as soon as it is whole.
    pub(super) fn feed(
        &mut self,
        mut piece: &[u8],
        mut on: impl FnMut(Part<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while let Some((first, from)) = self.start(piece) {
            piece = from;
            if let Some(most) = self.longest(first) {
                match self.gather.take(piece, most)? {
                    Gathered::All => return Ok(()),
                    Gathered::Value(value, behind) => {
                        self.next = behind_value(self.next, &mut self.name, value, &mut on)?;
                        piece = behind;
                    }
                }
            } else {
                self.mark(first, &mut on)?;
                piece = piece.get(1..).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// What is left of the piece, from the first byte that says something.
    fn start<'a>(&self, piece: &'a [u8]) -> Option<(u8, &'a [u8])> {
        let piece = if self.gather.is_within() { piece } else { unspaced(piece) };
        Some((*piece.first()?, piece))
    }

    /// How long the value that goes on or begins here may be. None: it is no value's byte.
    fn longest(&self, first: u8) -> Option<usize> {
        let within = self.gather.is_within();
        match self.next {
            Next::NameOrEnd | Next::Name if within || first == b'"' => Some(MAX_KEY),
            Next::Value if within || !self.opens_long(first) => Some(MAX_MEMBER),
            Next::ElementOrEnd | Next::Element if within || first == b'{' => Some(MAX_OBJECT),
            _ => None,
        }
    }

    /// Whether the object has ended.
    pub(super) fn is_over(&self) -> bool {
        self.next == Next::Nothing
    }

    fn opens_long(&self, first: u8) -> bool {
        first == b'[' && LONG.contains(&self.name.as_str())
    }

    /// A byte that stands between names, values and elements.
    fn mark(&mut self, byte: u8, on: &mut impl FnMut(Part<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
        self.next = match (self.next, byte) {
            (Next::Object, b'{') => Next::NameOrEnd,
            (Next::Colon, b':') => Next::Value,
            (Next::Value, _) => {
                on(Part::Opens(&self.name))?;
                Next::ElementOrEnd
            }
            (Next::CommaOrEnd, b',') => Next::Name,
            (Next::CommaOrClose, b',') => Next::Element,
            (Next::ElementOrEnd | Next::CommaOrClose, b']') => {
                on(Part::Closes)?;
                Next::CommaOrEnd
            }
            (Next::NameOrEnd | Next::CommaOrEnd, b'}') => {
                on(Part::Ends)?;
                Next::Nothing
            }
            (Next::Object, _) => return Err(Fault::Form("it is no JSON object")),
            (Next::Nothing, _) => return Err(Fault::Form("something stands behind it")),
            (Next::Element | Next::ElementOrEnd, _) => {
                return Err(Fault::Form("an element of its list is no object"));
            }
            _ => return Err(Fault::Form("it is no JSON")),
        };
        Ok(())
    }
}

/// Hands on the value that has ended, and says what comes behind it.
fn behind_value(
    next: Next,
    name: &mut String,
    value: &[u8],
    on: &mut impl FnMut(Part<'_>) -> Result<(), Fault>,
) -> Result<Next, Fault> {
    match next {
        Next::NameOrEnd | Next::Name => {
            *name =
                serde_json::from_slice(value).or(Err(Fault::Form("a member's name is no JSON string")))?;
            Ok(Next::Colon)
        }
        Next::Value => on(Part::Member(name, value)).map(|()| Next::CommaOrEnd),
        _ => on(Part::Element(value)).map(|()| Next::CommaOrClose),
    }
}
