//! A cluster's answer on its way to the caller, with the entry and the lease of its request inside: when it
//! ends, however it ends, the entry gets its outcome and the lease is given back.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::screen::Fault;
use super::screen::stream::Ended;
use crate::lease::Lease;
use crate::record::draft::{Entry, Outcome};

/// Why an answer ended early.
#[derive(Debug, Error)]
pub enum Broken {
    /// The request was cut.
    #[error("the stream was closed: the agent's standing changed")]
    Cut,
    /// The cluster broke off.
    #[error("the cluster broke off its answer")]
    Cluster(#[source] hyper::Error),
    /// What came could not be screened.
    #[error("{0}")]
    Screen(#[source] Fault),
}

/// A body that flows from a cluster to a caller. The fields' order is the order of their ends: the cluster's
/// half first, then the entry, and last the lease, which says that all is over.
#[derive(Debug)]
pub struct Relay {
    body: Incoming,
    entry: Option<Entry>,
    status: u16,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    lease: Lease,
}

impl Relay {
    /// Relays `body`; `entry` and `lease` end with it.
    pub fn new(body: Incoming, status: u16, entry: Entry, lease: Lease) -> Relay {
        let stopped = Box::pin(lease.stopped());
        Relay { body, entry: Some(entry), status, stopped, lease }
    }

    /// What came of it where it is given up before the cluster's end of it.
    pub(super) fn ended(&mut self, ended: &Ended<'_>) {
        if self.lease.cut().is_some() {
            // The entry's own end sees that it was cut.
            self.entry = None;
        }
        let status = self.status;
        self.finish(&match ended {
            Ended::Fault(fault) => Outcome::ClusterGone { message: fault.to_string(), status: None },
            // The entry's own end sees that it was cut.
            Ended::Told if self.lease.cut().is_some() => return self.entry = None,
            Ended::Told => Outcome::Answered { status },
        });
    }

    fn finish(&mut self, outcome: &Outcome) {
        if let Some(entry) = self.entry.take() {
            entry.finish(outcome);
        }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.stopped.as_mut().poll(context).is_ready() {
            // The entry's own end sees that it was cut.
            self.entry = None;
            return Poll::Ready(Some(Err(Broken::Cut)));
        }
        match std::task::ready!(Pin::new(&mut self.body).poll_frame(context)) {
            // API servers send no trailers, and headers cross by name only.
            Some(Ok(frame)) if frame.is_data() => {
                if let (Some(data), Some(entry)) = (frame.data_ref(), self.entry.as_mut()) {
                    entry.traffic().to_caller += data.len() as u64;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                self.finish(&Outcome::ClusterGone { message: error.to_string(), status: None });
                Poll::Ready(Some(Err(Broken::Cluster(error))))
            }
            Some(Ok(_)) | None => {
                let status = self.status;
                self.finish(&Outcome::Answered { status });
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // A body of known length is dropped at its last byte, without being asked for the end.
        if self.body.is_end_stream() {
            let status = self.status;
            self.finish(&Outcome::Answered { status });
        }
    }
}
