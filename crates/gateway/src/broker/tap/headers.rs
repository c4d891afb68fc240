//! The header blocks of SPDY/3 (§2.6.10): all of a connection are one zlib stream with a dictionary.

use std::collections::BTreeMap;
use std::fmt;

use flate2::{Decompress, DecompressError, FlushDecompress, Status};

use super::Fault;

/// The header that names a stream's port.
pub(super) const PORT: &[u8] = b"port";

/// The longest block, in bytes, once it is read. kubectl's have less than 100.
const LONGEST: usize = 16 * 1024;
/// The most headers of a block. kubectl's have three.
const MOST: u32 = 64;

/// What all blocks are compressed with (§2.6.10.1): 1,423 bytes.
static DICTIONARY: &[u8] = include_bytes!("dictionary.bin");
/// Its Adler-32, by which a stream asks for it.
const DICTIONARY_ID: u32 = 0xe3c6_a7c2;

/// Reads the blocks of one direction, in their order.
pub(super) struct Headers(Decompress);

impl Default for Headers {
    fn default() -> Headers {
        Headers(Decompress::new(true))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Headers").finish_non_exhaustive()
    }
}

impl Headers {
    /// Reads the next block. It must end where its frame does: a reader takes what a block holds beyond its
    /// headers for the beginning of the next.
    pub(super) fn read(&mut self, block: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Fault> {
        let plain = self.inflate(block)?;
        parse(&plain).ok_or(Fault::Unread("it has headers that can't be read in one way only"))
    }

    fn inflate(&mut self, mut block: &[u8]) -> Result<Vec<u8>, Fault> {
        const BROKEN: Fault = Fault::Unread("it has headers that aren't compressed as SPDY/3's are");
        // One byte more, to see that there is more.
        let mut plain = vec![0; LONGEST + 1];
        let mut length = 0;
        loop {
            let Some(room) = plain.get_mut(length..).filter(|room| !room.is_empty()) else {
                return Err(Fault::Unread("it has headers that are too long"));
            };
            let (before, made) = (self.0.total_in(), self.0.total_out());
            let status = self.0.decompress(block, room, FlushDecompress::Sync);
            let taken = difference(self.0.total_in(), before);
            let made = difference(self.0.total_out(), made);
            block = block.get(taken..).unwrap_or_default();
            length += made;
            match status {
                Err(error) => self.begin(&error).ok_or(BROKEN)?,
                Ok(Status::StreamEnd) => return Err(BROKEN),
                Ok(Status::Ok | Status::BufError) if (taken, made) != (0, 0) => {}
                Ok(Status::Ok | Status::BufError) => break,
            }
        }
        if !block.is_empty() {
            return Err(BROKEN);
        }
        plain.truncate(length);
        Ok(plain)
    }

    /// Gives the dictionary to a stream that has asked for it.
    fn begin(&mut self, error: &DecompressError) -> Option<()> {
        let wanted = error.needs_dictionary()? == DICTIONARY_ID;
        let given = wanted.then(|| self.0.set_dictionary(DICTIONARY))?;
        given.ok().map(drop)
    }
}

fn difference(now: u64, before: u64) -> usize {
    usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
}

/// A number of headers, then each name and value with its length before it, and nothing more. Names are in
/// lower case and there once.
fn parse(mut plain: &[u8]) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let number = |rest: &mut &[u8]| {
        let (head, tail) = rest.split_first_chunk()?;
        *rest = tail;
        Some(u32::from_be_bytes(*head))
    };
    let text = |rest: &mut &[u8]| {
        let length = usize::try_from(number(rest)?).ok()?;
        let (text, tail) = rest.split_at_checked(length)?;
        *rest = tail;
        Some(text.to_vec())
    };
    let count = number(&mut plain).filter(|count| *count <= MOST)?;
    let mut headers = BTreeMap::new();
    for _ in 0..count {
        let (name, value) = (text(&mut plain)?, text(&mut plain)?);
        let plain_name = |byte: &u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
        if name.is_empty() || !name.iter().all(plain_name) || headers.insert(name, value).is_some() {
            return None;
        }
    }
    plain.is_empty().then_some(headers)
}
