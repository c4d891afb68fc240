//! Request bodies: read whole before anything is decided, within bounds on each and on all together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use drawbridge_policy::{AgentName, MAX_BODY, Payload};
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

/// One agent may take this part of the memory, so that one that sends slowly doesn't hold up the others.
const PART: usize = 8;

/// Reads bodies; holds how much memory all of them may take.
#[derive(Debug, Clone)]
pub struct Bodies {
    room: Arc<Semaphore>,
    /// What each agent has left of its part. As many entries as there are agents that sent bodies.
    parts: Arc<Mutex<HashMap<AgentName, Arc<Semaphore>>>>,
    part: usize,
    time: Duration,
}

/// The memory that one body takes, of its agent's part and of all, given back when it is dropped.
#[derive(Debug)]
pub struct Room(#[expect(dead_code, reason = "held for its drop")] Option<[OwnedSemaphorePermit; 2]>);

impl Bodies {
    /// `memory` bytes for all bodies being read at once, and `time` for each to arrive.
    pub fn new(memory: usize, time: Duration) -> Bodies {
        let one = MAX_BODY / PIECE + 1;
        let pieces = (memory / PIECE).clamp(one, Semaphore::MAX_PERMITS);
        let part = (pieces / PART).max(one);
        Bodies { room: Arc::new(Semaphore::new(pieces)), parts: Arc::default(), part, time }
    }

    /// The whole body of a request of this agent's, and the memory it takes until it was sent.
    pub async fn read(
        &self,
        agent: &AgentName,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<(Payload, Room), Refusal> {
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
            let room = self.room(agent, pieces).await?;
            collect(body).await.map(|bytes| (bytes, Room(Some(room))))
        };
        let late = Err(Refusal::NoBody("it took too long"));
        let (bytes, room) = timeout(self.time, whole).await.unwrap_or(late)?;
        Ok((Payload::new(content_type, bytes), room))
    }

    /// Waits for room in the agent's part first: who has used that up holds no place in the line of all.
    async fn room(&self, agent: &AgentName, pieces: u32) -> Result<[OwnedSemaphorePermit; 2], Refusal> {
        let part = {
            let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(Semaphore::new(self.part));
            parts.entry(agent.clone()).or_insert_with(fresh).clone()
        };
        let own = part.acquire_many_owned(pieces).await.or(Err(Refusal::Fault))?;
        let of_all = self.room.clone().acquire_many_owned(pieces).await.or(Err(Refusal::Fault))?;
        Ok([own, of_all])
    }
}

/// All of a body in one piece of memory: kept frame by frame, frames of one byte would take many times as
/// much.
async fn collect<B>(mut body: B) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.or(Err(Refusal::NoBody("its sender broke off")))?;
        // Trailers say nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if whole.len().saturating_add(data.len()) > MAX_BODY {
            drop(whole);
            return Err(too_large(body).await);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Most callers read no answer before they have sent their all, and a connection that is closed with bytes
/// unread is reset, answer and all. So the rest is taken and dropped, up to a bound.
async fn too_large<B>(mut body: B) -> Refusal
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
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

#[cfg(test)]
mod tests {
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    #[tokio::test]
    async fn one_agent_takes_its_part_and_leaves_the_rest_to_the_others() {
        let bodies = Bodies::new(64 * MAX_BODY, Duration::from_secs(1));
        let [slow, other] = ["slow", "other"].map(|name| AgentName::parse(name).unwrap());
        let pieces = u32::try_from(MAX_BODY / PIECE).unwrap();
        let mut held = Vec::new();
        while let Ok(room) = timeout(Duration::ZERO, bodies.room(&slow, pieces)).await {
            held.push(room.unwrap());
        }
        assert_eq!(held.len(), 64 / PART);
        assert!(timeout(Duration::ZERO, bodies.room(&other, pieces)).await.is_ok());
        held.clear();
        assert!(timeout(Duration::ZERO, bodies.room(&slow, pieces)).await.is_ok());
    }

    async fn collected(frames: usize, each: usize) -> Result<usize, Refusal> {
        let frame = move |_| Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![7; each])));
        let stream = futures_util::stream::iter((0..frames).map(frame));
        collect(StreamBody::new(stream)).await.map(|bytes| bytes.len())
    }

    #[tokio::test]
    async fn a_body_is_whole_up_to_its_bound_however_it_is_cut_up() {
        assert!(matches!(collected(5_000, 1).await, Ok(5_000)));
        assert!(matches!(collected(3, MAX_BODY / 3).await, Ok(MAX_BODY)));
        assert!(matches!(collected(4, MAX_BODY / 3).await, Err(Refusal::TooLarge(_))));
        assert!(matches!(collected(1_000, 0).await, Ok(0)));
    }
}
