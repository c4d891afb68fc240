//! Port-forwards under a condition on ports: the caller's half is read frame by frame, since every stream
//! names its own port. Nothing of a frame reaches the cluster before the frame was read and its port may be
//! reached; what can't be read in one way only ends the connection.
//!
//! The frames are SPDY/3.1, bare or in WebSocket messages (`SPDY/3.1+portforward.k8s.io`). Over plain
//! WebSocket (`v4.channel.k8s.io`) the query names all ports there are, and they were decided with it.

mod headers;
mod spdy;
mod websocket;

use bytes::{Bytes, BytesMut};
use drawbridge_policy::{Denial, Ports};
use http::HeaderMap;

use super::headers::{Protocol, tunnels_spdy};
use spdy::Frames;
use websocket::{Messages, Piece};

/// What waits for the rest of its frame: a frame that opens a stream (at most [`spdy::LONGEST`]), in
/// WebSocket frames, which may be as small as they like.
const MAX_HELD: usize = 64 * 1024;

/// Why a connection is ended.
#[derive(Debug)]
pub enum Fault {
    /// A stream names a port that may not be reached.
    Port(Box<Denial>),
    /// It can't be read, or in more than one way. Holds a sentence.
    Unread(&'static str),
}

impl From<Box<Denial>> for Fault {
    fn from(denial: Box<Denial>) -> Fault {
        Fault::Port(denial)
    }
}

/// Reads one caller's half.
#[derive(Debug)]
pub struct Tap {
    ports: Ports,
    frames: Frames,
    carried: Carried,
    /// What came and was not let through yet.
    held: BytesMut,
}

#[derive(Debug)]
enum Carried {
    Bare,
    InMessages(Inside),
}

/// Where the reading of WebSocket frames stands, in what is held.
#[derive(Debug, Default)]
struct Inside {
    messages: Messages,
    /// Up to here frames were read.
    read: usize,
    /// From here on it waits for the rest of a SPDY frame.
    waits: Option<usize>,
    plain: Vec<u8>,
}

impl Tap {
    /// What reads the caller's half of a connection that has just changed its protocol. None: nobody has to
    /// look. `asked` and `answered` are the headers of its request and answer.
    ///
    /// # Errors
    /// Nobody can tell what it will carry.
    pub fn of(
        ports: Option<&Ports>,
        protocol: Protocol,
        asked: &HeaderMap,
        answered: &HeaderMap,
    ) -> Result<Option<Tap>, Fault> {
        let Some(ports) = ports else { return Ok(None) };
        let carried = match (protocol, tunnels_spdy(asked), tunnels_spdy(answered)) {
            (Protocol::Spdy, ..) => Carried::Bare,
            (Protocol::WebSocket, true, true) => Carried::InMessages(Inside::default()),
            (Protocol::WebSocket, false, false) if ports.are_named() => return Ok(None),
            (Protocol::WebSocket, ..) => {
                return Err(Fault::Unread("nothing says in which protocol its ports are named"));
            }
        };
        Ok(Some(Tap { ports: ports.clone(), frames: Frames::default(), carried, held: BytesMut::new() }))
    }

    /// Reads on; the answer is what may be passed on now.
    ///
    /// # Errors
    /// The connection must end; nothing of what came may be passed on any more.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Bytes, Fault> {
        self.held.extend_from_slice(bytes);
        let (frames, ports) = (&mut self.frames, &self.ports);
        let through = match &mut self.carried {
            Carried::Bare => {
                frames.read(bytes, ports)?;
                self.held.len().saturating_sub(frames.waiting())
            }
            Carried::InMessages(inside) => {
                let through = inside.read(&self.held, frames, ports)?;
                if inside.messages.are_over() {
                    // Nobody reads on after a close: what follows goes nowhere.
                    self.held.truncate(through);
                }
                through
            }
        };
        let through = self.held.split_to(through.min(self.held.len())).freeze();
        if self.held.len() > MAX_HELD {
            return Err(Fault::Unread("a frame comes in too many pieces"));
        }
        Ok(through)
    }
}

impl Inside {
    /// Reads what is held from where the last call stopped; the answer is how much of it may pass.
    fn read(&mut self, held: &[u8], frames: &mut Frames, ports: &Ports) -> Result<usize, Fault> {
        while let Some(rest) = held.get(self.read..).filter(|rest| !rest.is_empty()) {
            let length = match self.messages.next(rest)? {
                Piece::Partial => break,
                Piece::Over => break,
                Piece::Head(length) | Piece::Control(length) => length,
                Piece::Data(length) => {
                    self.plain.clear();
                    self.plain.extend_from_slice(rest.get(..length).unwrap_or_default());
                    self.messages.unmask(&mut self.plain);
                    frames.read(&self.plain, ports)?;
                    let waiting = frames.waiting();
                    if waiting <= length {
                        // It begins in this piece, or nothing waits.
                        self.waits = (waiting > 0).then(|| self.read + length - waiting);
                    }
                    length
                }
            };
            self.read += length;
        }
        let through = self.waits.unwrap_or(self.read);
        self.read -= through;
        self.waits = self.waits.map(|at| at - through);
        Ok(through)
    }
}

#[cfg(test)]
mod tests;
