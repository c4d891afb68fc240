//! The frames of SPDY/3.1 (the draft of that name, §2.2 and §2.6), as far as a caller sends them.
//!
//! The cluster's end (`moby/spdystream`) reads some frames by what they must hold and not by the length that
//! they state: a length that isn't the type's own would let the rest be read as a frame of its own there. So
//! every length must be exact, and what a caller never sends is refused.

use drawbridge_policy::Ports;

use super::Fault;
use super::headers::{Headers, PORT};

/// The longest control frame, in bytes. kubectl's have less than 200.
pub(super) const LONGEST: usize = 16 * 1024;

/// Every frame begins with as many bytes.
const HEAD: usize = 8;
/// What a SYN_STREAM holds before its headers: two streams, a priority and a slot.
const OPENING: usize = 10;
/// What a HEADERS frame holds before its headers: its stream.
const MORE: usize = 4;

/// Reads frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    headers: Headers,
    /// A control frame, or the head of any, that isn't all there yet.
    waiting: Vec<u8>,
    /// As many bytes of a data frame are still to come.
    data: usize,
}

/// A frame's head.
enum Head {
    Data { length: usize },
    Control { kind: Kind, length: usize },
}

/// The control frames that a caller sends.
#[derive(Clone, Copy)]
enum Kind {
    Open,
    Reset,
    Settings,
    Ping,
    GoAway,
    Headers,
    Window,
}

impl Frames {
    /// How many of the last bytes belong to a frame that wasn't read yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Reads on.
    pub(super) fn read(&mut self, mut bytes: &[u8], ports: &Ports) -> Result<(), Fault> {
        while !bytes.is_empty() {
            if self.data > 0 {
                let passed = self.data.min(bytes.len());
                bytes = bytes.get(passed..).unwrap_or_default();
                self.data -= passed;
                continue;
            }
            let whole = match head(&self.waiting)? {
                Some(Head::Control { length, .. }) => HEAD + length,
                Some(Head::Data { .. }) | None => HEAD,
            };
            let taken = whole.saturating_sub(self.waiting.len()).min(bytes.len());
            let (now, later) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            self.waiting.extend_from_slice(now);
            bytes = later;
            self.end_frame(ports)?;
        }
        Ok(())
    }

    /// Looks at what is there, if that is a whole frame.
    fn end_frame(&mut self, ports: &Ports) -> Result<(), Fault> {
        match head(&self.waiting)? {
            Some(Head::Data { length }) => {
                self.data = length;
                self.waiting.clear();
            }
            Some(Head::Control { kind, length }) if self.waiting.len() == HEAD + length => {
                let body = self.waiting.get(HEAD..).unwrap_or_default();
                control(kind, body, &mut self.headers, ports)?;
                self.waiting.clear();
            }
            Some(Head::Control { .. }) | None => {}
        }
        Ok(())
    }
}

/// Reads a frame's head; None: it isn't all there.
fn head(bytes: &[u8]) -> Result<Option<Head>, Fault> {
    let Some(&[first, version, kind_high, kind, _flags, high, mid, low]) = bytes.first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([0, high, mid, low]) as usize;
    if first & 0x80 == 0 {
        if [first, version, kind_high, kind] == [0; 4] {
            return Err(Fault::Unread("it has data for no stream"));
        }
        return Ok(Some(Head::Data { length }));
    }
    if (first, version, kind_high) != (0x80, 3, 0) {
        return Err(Fault::Unread("it has a frame that is not SPDY/3's"));
    }
    let (kind, fits) = match kind {
        1 => (Kind::Open, length >= OPENING),
        3 => (Kind::Reset, length == 8),
        4 => (Kind::Settings, length >= 4 && length % 8 == 4),
        6 => (Kind::Ping, length == 4),
        7 => (Kind::GoAway, length == 8),
        8 => (Kind::Headers, length >= MORE),
        9 => (Kind::Window, length == 8),
        _ => return Err(Fault::Unread("it has a frame that no caller sends")),
    };
    if !fits || length > LONGEST {
        return Err(Fault::Unread("it has a frame whose length isn't one of its kind"));
    }
    Ok(Some(Head::Control { kind, length }))
}

/// Looks at a whole control frame.
fn control(kind: Kind, body: &[u8], headers: &mut Headers, ports: &Ports) -> Result<(), Fault> {
    match kind {
        Kind::Open => {
            let named = headers.read(body.get(OPENING..).unwrap_or_default())?;
            let Some(value) = named.get(PORT) else {
                return Err(Fault::Unread("it opens a stream that names no port"));
            };
            Ok(ports.look(port(value)?)?)
        }
        // They are no use here, but the next block is read with what this one said.
        Kind::Headers => match headers.read(body.get(MORE..).unwrap_or_default())?.get(PORT) {
            None => Ok(()),
            Some(_) => Err(Fault::Unread("it names a port for a stream that is open")),
        },
        Kind::Settings => {
            let count = body.first_chunk().map(|count| u32::from_be_bytes(*count) as usize);
            if count == Some((body.len() - 4) / 8) {
                return Ok(());
            }
            Err(Fault::Unread("it has a frame whose length isn't one of its kind"))
        }
        Kind::Reset | Kind::Ping | Kind::GoAway | Kind::Window => Ok(()),
    }
}

/// A port in one spelling only: readers take `0080`, and the first of several.
fn port(value: &[u8]) -> Result<u16, Fault> {
    let digits = value.iter().all(u8::is_ascii_digit) && value.first().is_some_and(|first| *first != b'0');
    let text = std::str::from_utf8(value).ok().filter(|_| digits);
    let port = text.and_then(|text| text.parse().ok());
    port.ok_or(Fault::Unread("it names a port that isn't a number from 1 to 65535 and nothing else"))
}
