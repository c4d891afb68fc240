//! Request lines, made up: plain ones, as clients send them, and hostile ones.

mod discovery;
mod encoding;
mod hostile;
mod plain;
mod selectors;

use super::random::Random;
use discovery::Served;

/// What is asked of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As a client sends it: it must be accepted.
    Plain,
    /// Accepted or refused, but rightly.
    Any,
}

/// A line, in the bytes that are on the wire; never with a line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) kind: Kind,
    pub(crate) line: Vec<u8>,
}

/// Makes lines.
pub(crate) struct Maker {
    served: Vec<Served>,
}

impl Maker {
    pub(crate) fn new() -> Maker {
        Maker { served: discovery::served() }
    }

    /// Every resource with every verb that it has, in the forms that clients use.
    pub(crate) fn every(&self) -> Vec<Made> {
        self.served.iter().flat_map(plain::every).map(plainly).collect()
    }

    /// A plain line, at random.
    pub(crate) fn plain(&self, random: &mut Random) -> Made {
        plainly(plain::any(random, &self.served))
    }

    /// A line that was tampered with, or never was one.
    pub(crate) fn hostile(&self, random: &mut Random) -> Made {
        let line = if random.one_in(6) {
            hostile::soup(random)
        } else if random.one_in(3) {
            hostile::selecting(random)
        } else {
            let plain = plain::any(random, &self.served);
            hostile::tamper(random, plain.into_bytes())
        };
        // A line feed would make two lines of it.
        let line = line.into_iter().map(|byte| if byte == b'\n' { b'\r' } else { byte }).collect();
        Made { kind: Kind::Any, line }
    }
}

fn plainly(line: String) -> Made {
    Made { kind: Kind::Plain, line: line.into_bytes() }
}
