//! Request bodies: read whole before anything is decided, within bounds on each and on all together.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use drawbridge_policy::{MAX_BODY, Payload};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::refusal::Refusal;

/// Memory is given out in pieces of this size, so that small bodies cost little.
const PIECE: usize = 16 * 1024;

/// Of a body that is too large, this many bytes are read and dropped before it is refused.
const DROPPED: usize = 32 * 1024 * 1024;

/// Reads bodies; holds how much memory all of them may take.
#[derive(Debug, Clone)]
pub struct Bodies {
    room: Arc<Semaphore>,
    time: Duration,
}

/// The memory that one body takes, given back when it is dropped.
#[derive(Debug)]
pub struct Room(#[expect(dead_code, reason = "held for its drop")] Option<OwnedSemaphorePermit>);

impl Bodies {
    /// `memory` bytes for all bodies being read at once, and `time` for each to arrive.
    pub fn new(memory: usize, time: Duration) -> Bodies {
        let pieces = (memory / PIECE).clamp(MAX_BODY / PIECE + 1, Semaphore::MAX_PERMITS);
        Bodies { room: Arc::new(Semaphore::new(pieces)), time }
    }

    /// The whole body of a request, and the memory it takes until it was sent.
    pub async fn read(&self, headers: &HeaderMap, body: Incoming) -> Result<(Payload, Room), Refusal> {
        let content_type = framing(headers)?;
        if body.is_end_stream() {
            return Ok((Payload::new(content_type, Bytes::new()), Room(None)));
        }
        let announced = body.size_hint().upper().unwrap_or(MAX_BODY as u64);
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        let whole = async {
            if announced > MAX_BODY {
                return Err(too_large(body).await);
            }
            let pieces = u32::try_from(announced.div_ceil(PIECE)).unwrap_or(u32::MAX);
            let room = self.room.clone().acquire_many_owned(pieces).await.or(Err(Refusal::Fault))?;
            let bytes = collect(body, announced).await?;
            Ok((bytes, Room(Some(room))))
        };
        let late = Err(Refusal::NoBody("it took too long"));
        let (bytes, room) = timeout(self.time, whole).await.unwrap_or(late)?;
        Ok((Payload::new(content_type, bytes), room))
    }
}

/// The whole body; `expected` bytes are likely.
async fn collect(mut body: Incoming, expected: usize) -> Result<Bytes, Refusal> {
    let mut bytes = BytesMut::with_capacity(expected.min(PIECE));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_broken| Refusal::NoBody("its sender broke off"))?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len().saturating_add(data.len()) > MAX_BODY {
            drop(bytes);
            return Err(too_large(body).await);
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes.freeze())
}

/// Most callers read no answer before they have sent their all, and a connection that is closed with bytes
/// unread is reset, answer and all. So the rest is taken and dropped, up to a bound.
async fn too_large(mut body: Incoming) -> Refusal {
    let mut dropped = 0;
    while let Some(Ok(frame)) = body.frame().await {
        dropped += frame.data_ref().map_or(0, Bytes::len);
        if dropped > DROPPED {
            break;
        }
    }
    Refusal::TooLarge(MAX_BODY)
}

/// What the headers say about the body, where they say one thing only. A Content-Length beside a
/// Transfer-Encoding is not seen here: hyper goes by the chunks and closes the connection behind them
/// (RFC 9112 §6.3), to which the attacks' request_smuggling.rs holds it.
fn framing(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::Ambiguous("its body has a Content-Encoding; send it as it is"));
    }
    let mut types = headers.get_all(CONTENT_TYPE).into_iter();
    let (first, second) = (types.next(), types.next());
    if second.is_some() {
        return Err(Refusal::Ambiguous("it has more than one Content-Type"));
    }
    first.map(|value| value.to_str().or(Err(Refusal::Ambiguous("its Content-Type is not ASCII")))).transpose()
}
