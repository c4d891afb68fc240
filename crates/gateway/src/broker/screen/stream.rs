//! A cluster's answer as a body that is screened on its way. Nothing is read ahead: a piece is taken from the
//! cluster when the caller has taken what was left of the one before.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use thiserror::Error;

use super::Fault;
use super::list::List;
use super::watch::Watch;
use crate::broker::relay::Relay;

/// How many pieces of which nothing is shown are taken in one go, before others get their turn.
const PIECES: usize = 16;

/// What is read.
pub enum Reading {
    /// A list or a table.
    List(Box<List>),
    /// A watch.
    Watch(Box<Watch>),
}

/// Why a screened answer broke off.
#[derive(Debug, Error)]
pub enum Broken<E> {
    /// The cluster's half broke.
    #[error(transparent)]
    Cluster(E),
    /// It could not be screened.
    #[error(transparent)]
    Fault(Fault),
}

/// How a screened answer ended, where it wasn't at the cluster's end of it.
#[derive(Debug)]
pub enum Ended<'a> {
    /// It could not be screened, and broke off.
    Fault(&'a Fault),
    /// The last event of a watch said why.
    Told,
}

/// What ends a watch before its time, and what its caller is told.
struct Expiry {
    reached: Pin<Box<dyn Future<Output = ()> + Send>>,
    why: String,
}

/// A body of which only what is shown goes on. After its end, or a fault, the cluster's half is dropped.
pub struct Screened<B> {
    from: Option<B>,
    reading: Reading,
    expiry: Option<Expiry>,
    told: fn(&mut B, &Ended<'_>),
}

impl Screened<Relay> {
    /// Screens a cluster's answer, whose entry gets the outcome.
    #[must_use]
    pub fn relay(relay: Relay, reading: Reading) -> Screened<Relay> {
        Screened::new(relay, reading, Relay::ended)
    }
}

impl<B> Screened<B> {
    /// Screens `from`, which is told how it ended before it is dropped, if not at its end.
    pub fn new(from: B, reading: Reading, told: fn(&mut B, &Ended<'_>)) -> Screened<B> {
        Screened { from: Some(from), reading, expiry: None, told }
    }

    /// Ends a watch when `reached` is, with a 410 that says `why`.
    #[must_use]
    pub fn expiring(
        mut self,
        reached: impl Future<Output = ()> + Send + 'static,
        why: String,
    ) -> Screened<B> {
        self.expiry = Some(Expiry { reached: Box::pin(reached), why });
        self
    }

    /// Lets the cluster's half go.
    fn end(&mut self, ended: &Ended<'_>) {
        if let Some(mut from) = self.from.take() {
            (self.told)(&mut from, ended);
        }
    }

    /// The 410, once it is due.
    fn expire(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let (Reading::Watch(watch), Some(expiry)) = (&mut self.reading, &mut self.expiry) else {
            return Ok(());
        };
        match expiry.reached.as_mut().poll(context) {
            Poll::Ready(()) => watch.expire(&expiry.why, out),
            Poll::Pending => Ok(()),
        }
    }
}

impl<B> Screened<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    /// Takes one piece of the cluster's, or its end, and appends what the caller gets of it.
    fn step(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<Result<(), Broken<B::Error>>> {
        if self.from.is_some() {
            self.expire(context, out).map_err(Broken::Fault)?;
        }
        if self.reading.is_over() {
            self.end(&Ended::Told);
        }
        let Some(from) = self.from.as_mut() else { return Poll::Ready(Ok(())) };
        match ready!(Pin::new(from).poll_frame(context)) {
            // Trailers say nothing here.
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    self.reading.feed(&piece, out).map_err(Broken::Fault)?;
                }
            }
            Some(Err(error)) => return Poll::Ready(Err(Broken::Cluster(error))),
            None => {
                self.reading.end().map_err(Broken::Fault)?;
                self.from = None;
            }
        }
        if self.reading.is_over() {
            self.end(&Ended::Told);
        }
        Poll::Ready(Ok(()))
    }
}

impl Reading {
    fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Reading::List(list) => list.feed(piece, out),
            Reading::Watch(watch) => watch.feed(piece, out),
        }
    }

    fn end(&self) -> Result<(), Fault> {
        match self {
            Reading::List(list) => list.end(),
            Reading::Watch(watch) => watch.end(),
        }
    }

    /// Whether nothing more will be written.
    fn is_over(&self) -> bool {
        match self {
            Reading::List(_) => false,
            Reading::Watch(watch) => watch.is_over(),
        }
    }
}

impl<B> Body for Screened<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = Broken<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let mut out = Vec::new();
        for _ in 0..PIECES {
            match this.step(context, &mut out) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(broken)) => {
                    if let Broken::Fault(fault) = &broken {
                        this.end(&Ended::Fault(fault));
                    }
                    this.from = None;
                    return Poll::Ready(Some(Err(broken)));
                }
                Poll::Ready(Ok(())) if !out.is_empty() => {
                    return Poll::Ready(Some(Ok(Frame::data(out.into()))));
                }
                Poll::Ready(Ok(())) if this.from.is_none() => return Poll::Ready(None),
                Poll::Ready(Ok(())) => {}
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.from.is_none()
    }
}

impl<B> std::fmt::Debug for Screened<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screened")
    }
}

#[cfg(test)]
mod tests;
