//! The frames of a WebSocket (RFC 6455 §5.2), as a caller sends them to tunnel something.

use super::Fault;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A frame's head, which isn't all there.
    Partial,
    /// A frame's head, of this length.
    Head(usize),
    /// As many bytes of data, masked.
    Data(usize),
    /// As many bytes of a control frame.
    Control(usize),
    /// The caller has closed it, and nobody reads on.
    Over,
}

/// Reads frames.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// As many bytes of the frame are still to come.
    left: u64,
    mask: [u8; 4],
    /// How many bytes of the frame were unmasked, modulo 4.
    turn: usize,
    kind: Kind,
    message: Message,
    closes: Closes,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Data,
    Control,
}

/// Whether a message is to be continued.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Message {
    #[default]
    Whole,
    Begun,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Closes {
    #[default]
    No,
    Yes,
}

impl Messages {
    /// Whether the caller has closed it.
    pub(super) fn are_over(&self) -> bool {
        self.closes == Closes::Yes && self.left == 0
    }

    /// Says what these bytes, which aren't none, begin with.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<Piece, Fault> {
        if self.left > 0 {
            let length = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
            self.left -= length as u64;
            return Ok(match self.kind {
                Kind::Data => Piece::Data(length),
                Kind::Control => Piece::Control(length),
            });
        }
        if self.are_over() {
            return Ok(Piece::Over);
        }
        self.head(bytes)
    }

    /// Takes the mask off the data that [`Self::next`] told of.
    pub(super) fn unmask(&mut self, data: &mut [u8]) {
        for byte in data {
            *byte ^= self.mask.get(self.turn % 4).copied().unwrap_or_default();
            self.turn = (self.turn + 1) % 4;
        }
    }

    fn head(&mut self, bytes: &[u8]) -> Result<Piece, Fault> {
        let Some((&[first, second], rest)) = bytes.split_first_chunk() else { return Ok(Piece::Partial) };
        if first & 0x70 != 0 {
            return Err(Fault::Unread("it has a WebSocket frame of an extension"));
        }
        if second & 0x80 == 0 {
            return Err(Fault::Unread("it has a WebSocket frame without a mask"));
        }
        let (length, rest) = match (second & 0x7f, rest) {
            (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest),
            (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
                (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), rest)
            }
            (126 | 127, _) => return Ok(Piece::Partial),
            (short, rest) => (u64::from(short), rest),
        };
        let shortest = match second & 0x7f {
            126 => length > 125,
            127 => length > u64::from(u16::MAX) && length <= i64::MAX as u64,
            _ => true,
        };
        if !shortest {
            return Err(Fault::Unread("it has a WebSocket frame whose length is written in a longer form"));
        }
        let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(Piece::Partial) };
        self.begin(first, length)?;
        (self.left, self.mask, self.turn) = (length, *mask, 0);
        Ok(Piece::Head(bytes.len() - rest.len()))
    }

    /// Whether a frame of this kind may come here.
    fn begin(&mut self, first: u8, length: u64) -> Result<(), Fault> {
        let last = first & 0x80 != 0;
        let next = if last { Message::Whole } else { Message::Begun };
        match (first & 0x0f, self.message) {
            (2, Message::Whole) | (0, Message::Begun) => {
                (self.kind, self.message) = (Kind::Data, next);
                Ok(())
            }
            (8..=10, _) if last && length <= 125 => {
                self.kind = Kind::Control;
                if first & 0x0f == 8 {
                    self.closes = Closes::Yes;
                }
                Ok(())
            }
            _ => Err(Fault::Unread("it has a WebSocket frame that has no place in a tunnel")),
        }
    }
}
