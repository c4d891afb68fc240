//! The gateway's own calls to a cluster.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use drawbridge_policy::AgentName;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio::time::timeout;

use super::review::Asker;
use super::{Answers, Cluster, Wait, Way};
use crate::errand::{Errand, ToCluster, Wish};
use crate::refusal::ClusterFault;

/// What came back from an errand.
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Cluster {
    /// Carries out an errand: the status and the whole body.
    ///
    /// # Errors
    /// The cluster gave no answer in time, or one that is longer than it may be.
    pub async fn run(&self, errand: ToCluster<'_>) -> Result<(StatusCode, Bytes), ClusterFault> {
        let told = self.tell(errand).await?;
        Ok((told.status, told.body))
    }

    /// The same with the answer's headers.
    pub(super) async fn tell(&self, errand: ToCluster<'_>) -> Result<Told, ClusterFault> {
        let unusable = || ClusterFault::Unusable(self.name().to_owned());
        let request = Errand::from(errand).request().or(Err(unusable()))?;
        let response = match errand {
            ToCluster::Fact { agent, .. } | ToCluster::Review { asker: Asker::Agent(agent), .. } => {
                let way = Way { cluster: self, agent, wait: Wait::Bounded, answers: Answers::Cluster };
                way.send(request).await?
            }
            ToCluster::IssuerDocument
            | ToCluster::IssuerKeys
            | ToCluster::TokenReview { .. }
            | ToCluster::ApiService { .. }
            | ToCluster::Review { asker: Asker::Gateway, .. }
            | ToCluster::Renew { .. } => {
                let (wired, response) = self.deliver(request, Wait::Bounded).await?;
                self.own(&wired, response)?
            }
        };
        let (head, body) = response.into_parts();
        let silent = || ClusterFault::Silent(self.name().to_owned());
        let body = Limited::new(body, Errand::from(errand).longest_answer()).collect();
        let body = timeout(self.patience.answer, body).await.or(Err(silent()))?.or(Err(silent()))?;
        Ok(Told { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    /// Reads what a decision asks about, as the agent.
    ///
    /// # Errors
    /// The cluster does not say.
    pub async fn fact(&self, agent: &AgentName, wish: Wish<'_>, entry: &str) -> Result<Read, ClusterFault> {
        let (status, body) = self.run(ToCluster::Fact { agent, wish, entry }).await?;
        let silent = || ClusterFault::Silent(self.name().to_owned());
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map(Read::Present).map_err(|_no_json| silent()),
            StatusCode::NOT_FOUND => Ok(Read::Absent),
            StatusCode::GONE => Ok(Read::Expired),
            // A subresource that nobody can read, either.
            StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED => Ok(Read::Unseen),
            _ => Err(silent()),
        }
    }
}

/// What a cluster answered to who asked for an object.
#[derive(Debug)]
pub enum Read {
    /// There is none.
    Absent,
    /// The version that was asked for is too old.
    Expired,
    /// It lets the agent read none.
    Unseen,
    /// There is one.
    Present(Value),
}

/// Stands where a request would be sent, and hands back the headers that were put on it.
#[derive(Debug, Clone, Copy)]
pub struct Capture;

impl<B> tower::Service<Request<B>> for Capture {
    type Response = Response<()>;
    type Error = tower::BoxError;
    type Future = Ready<Result<Response<()>, tower::BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), tower::BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut headers = Response::new(());
        *headers.headers_mut() = request.headers().clone();
        ready(Ok(headers))
    }
}
