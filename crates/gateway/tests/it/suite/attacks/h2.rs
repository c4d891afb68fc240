//! HTTP/2 frame by frame (RFC 9113), for requests that no library would send.

use std::io::{Read, Write};

use drawbridge_testkit::Gateway;

use super::super::wire::{self, Tls};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection.
pub(super) struct H2 {
    tls: Tls,
    next: u32,
}

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With status 200 and this body.
    Ok(Vec<u8>),
    /// With another status and this body.
    Refused(Vec<u8>),
    /// The stream was reset or the connection ended.
    Broken,
}

impl End {
    /// Whether it was status 200.
    pub(super) fn is_ok(&self) -> bool {
        matches!(self, End::Ok(_))
    }

    /// The refusal's status code as its body has it; 0 if there is none.
    pub(super) fn code(&self) -> u64 {
        let End::Refused(body) = self else { return 0 };
        serde_json::from_slice::<serde_json::Value>(body).map_or(0, |body| body["code"].as_u64().unwrap_or(0))
    }
}

impl H2 {
    /// Connects and says hello.
    pub(super) fn open(gateway: &Gateway, certificate: Option<&(String, String)>) -> H2 {
        let mut tls = wire::connect(gateway, certificate, &[b"h2"]);
        tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut connection = H2 { tls, next: 1 };
        connection.frame(SETTINGS, 0, 0, &[]);
        connection
    }

    /// Begins a request; the stream's number is returned.
    pub(super) fn head(&mut self, fields: &[(&str, &str)], ended: bool) -> u32 {
        let stream = self.next;
        self.next += 2;
        let mut block = Vec::new();
        for (name, value) in fields {
            // A literal field without indexing, with a literal name.
            block.push(0);
            text(&mut block, name.as_bytes());
            text(&mut block, value.as_bytes());
        }
        let flags = END_HEADERS | if ended { END_STREAM } else { 0 };
        self.frame(HEADERS, flags, stream, &block);
        stream
    }

    /// Sends a part of a body.
    pub(super) fn body(&mut self, stream: u32, bytes: &[u8], ended: bool) {
        self.frame(DATA, if ended { END_STREAM } else { 0 }, stream, bytes);
    }

    /// Trailers: a second block of fields, which ends the stream.
    pub(super) fn trailers(&mut self, stream: u32, fields: &[(&str, &str)]) {
        let next = self.next;
        self.next = stream;
        self.head(fields, true);
        self.next = next;
    }

    /// One request without a body, and how it ended.
    pub(super) fn ask(&mut self, fields: &[(&str, &str)]) -> End {
        let stream = self.head(fields, true);
        self.end(stream)
    }

    /// Waits for the end of a stream.
    pub(super) fn end(&mut self, stream: u32) -> End {
        let (mut ok, mut body) = (false, Vec::new());
        while let Some((kind, flags, on, payload)) = self.read() {
            match kind {
                SETTINGS if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]),
                PING if flags & ACK == 0 => self.frame(PING, ACK, 0, &payload),
                GOAWAY => return End::Broken,
                RESET if on == stream => return End::Broken,
                HEADERS if on == stream => ok = is_200(&payload),
                DATA if on == stream => body.extend(payload),
                _ => {}
            }
            if on == stream && matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
                return if ok { End::Ok(body) } else { End::Refused(body) };
            }
        }
        End::Broken
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        // A connection that the other side ended is noticed when reading.
        let written = self.tls.write_all(&frame).and_then(|()| self.tls.flush());
        if let Err(error) = written {
            eprintln!("a frame was not sent: {error}");
        }
    }

    fn read(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.tls.read_exact(&mut head).ok()?;
        let [a, b, c, kind, flags, s0, s1, s2, s3] = head;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap();
        let mut payload = vec![0; length];
        self.tls.read_exact(&mut payload).ok()?;
        Some((kind, flags, u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff, payload))
    }
}

/// Whether a block of fields begins with `:status: 200`, an entry of the static table (RFC 7541, appendix A).
fn is_200(block: &[u8]) -> bool {
    // A change of the table's size may stand before it.
    block.iter().find(|byte| **byte & 0xe0 != 0x20) == Some(&0x88)
}

/// A string literal (RFC 7541 §5.2), as it is.
fn text(block: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128).unwrap() | 128);
            length /= 128;
        }
        block.push(u8::try_from(length).unwrap());
    }
    block.extend(bytes);
}
