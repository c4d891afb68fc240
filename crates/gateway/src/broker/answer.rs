//! The body of every answer: whole, or relayed from a cluster, screened on its way or not.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::relay::{Broken, Relay};
use super::screen::stream::{self, Screened};

/// What a caller gets.
#[derive(Debug)]
pub struct Answer(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Full<Bytes>),
    Relay(Box<Relay>),
    Screened(Box<Screened<Relay>>),
}

impl Answer {
    /// An answer of the gateway's own.
    pub fn whole(bytes: impl Into<Bytes>) -> Answer {
        Answer(Kind::Whole(Full::new(bytes.into())))
    }

    /// A cluster's answer.
    pub fn relayed(relay: Relay) -> Answer {
        Answer(Kind::Relay(Box::new(relay)))
    }

    /// What a cluster's answer leaves to be seen.
    pub fn screened(screened: Screened<Relay>) -> Answer {
        Answer(Kind::Screened(Box::new(screened)))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.0 {
            Kind::Whole(whole) => Pin::new(whole).poll_frame(context).map(|frame| {
                frame.map(|result| match result {
                    Ok(frame) => Ok(frame),
                    Err(never) => match never {},
                })
            }),
            Kind::Relay(relay) => Pin::new(relay.as_mut()).poll_frame(context),
            Kind::Screened(screened) => {
                Pin::new(screened.as_mut()).poll_frame(context).map_err(|broken| match broken {
                    stream::Broken::Cluster(broken) => broken,
                    stream::Broken::Fault(fault) => Broken::Screen(fault),
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(whole) => whole.is_end_stream(),
            Kind::Relay(relay) => relay.is_end_stream(),
            Kind::Screened(screened) => screened.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(whole) => whole.size_hint(),
            Kind::Relay(relay) => relay.size_hint(),
            Kind::Screened(screened) => screened.size_hint(),
        }
    }
}
