//! The gateway's own calls to a cluster.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use drawbridge_policy::{AgentName, Attributes, Live};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio::time::timeout;

use super::{Answers, Cluster, Wait, Way};
use crate::errand::{Errand, ToCluster};
use crate::refusal::ClusterFault;

impl Cluster {
    /// Carries out an errand: the status and the whole body.
    ///
    /// # Errors
    /// The cluster gave no answer in time, or one that is longer than it may be.
    pub async fn run(&self, errand: ToCluster<'_>) -> Result<(StatusCode, Bytes), ClusterFault> {
        let unusable = || ClusterFault::Unusable(self.name().to_owned());
        let request = Errand::from(errand).request().or(Err(unusable()))?;
        let response = match errand {
            ToCluster::Live { agent, .. } => {
                let way = Way { cluster: self, agent, wait: Wait::Bounded, answers: Answers::Cluster };
                way.send(request).await?
            }
            ToCluster::IssuerDocument | ToCluster::IssuerKeys | ToCluster::TokenReview { .. } => {
                let (wired, response) = self.deliver(request, Wait::Bounded).await?;
                self.own(&wired, response)?
            }
        };
        let status = response.status();
        let silent = || ClusterFault::Silent(self.name().to_owned());
        let body = Limited::new(response.into_body(), Errand::from(errand).longest_answer()).collect();
        let body = timeout(self.patience.answer, body).await.or(Err(silent()))?.or(Err(silent()))?;
        Ok((status, body.to_bytes()))
    }

    /// Reads the object that a decision asks about, as the agent.
    ///
    /// # Errors
    /// The cluster does not say.
    pub async fn live(
        &self,
        agent: &AgentName,
        attributes: &Attributes,
        entry: &str,
    ) -> Result<Live, ClusterFault> {
        let (status, body) = self.run(ToCluster::Live { agent, attributes, entry }).await?;
        let silent = || ClusterFault::Silent(self.name().to_owned());
        match status {
            StatusCode::OK => present(&body).ok_or_else(silent),
            StatusCode::NOT_FOUND => Ok(Live::Absent),
            StatusCode::FORBIDDEN => Ok(Live::Unseen),
            _ => Err(silent()),
        }
    }
}

fn present(body: &[u8]) -> Option<Live> {
    let object: Value = serde_json::from_slice(body).ok()?;
    let metadata = object.get("metadata")?;
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).map(str::to_owned);
    Some(Live::Present {
        uid: text("uid")?,
        resource_version: text("resourceVersion")?,
        owner_references: metadata.get("ownerReferences").cloned().unwrap_or(Value::Null),
    })
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
