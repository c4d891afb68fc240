//! The gateway's own calls to a cluster: a closed list. Everything else that is sent has a permit.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use drawbridge_policy::{AgentName, Attributes, Live};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;

use super::{Answers, Cluster, Wait, Way};
use crate::refusal::ClusterFault;

/// An object that a decision reads may have this many bytes; etcd takes less than 2 MiB.
const MAX_OBJECT: usize = 3 * 1024 * 1024;

/// Why the gateway itself calls a cluster.
#[derive(Debug, Clone, Copy)]
pub enum Errand<'a> {
    /// The live object that a decision needs, read as the agent, so that the ceiling bounds it.
    Live {
        /// As whom.
        agent: &'a AgentName,
        /// The request whose object it is.
        attributes: &'a Attributes,
        /// That request's entry, so that the cluster's audit log joins with the record here, too.
        entry: &'a str,
    },
}

impl Cluster {
    /// Reads the object that a decision asks about.
    pub async fn live(&self, errand: Errand<'_>) -> Result<Live, ClusterFault> {
        let Errand::Live { agent, attributes, entry } = errand;
        let request = Request::builder()
            .method(Method::GET)
            .uri(object_path(attributes))
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "drawbridge")
            .header("audit-id", entry)
            .body(Full::<Bytes>::default())
            .or(Err(ClusterFault::Unusable(self.name().to_owned())))?;
        let response = Way { cluster: self, agent, wait: Wait::Bounded, answers: Answers::Cluster }.send(request).await?;
        let status = response.status();
        let silent = || ClusterFault::Silent(self.name().to_owned());
        let body =
            Limited::new(response.into_body(), MAX_OBJECT).collect().await.or(Err(silent()))?.to_bytes();
        match status {
            StatusCode::OK => present(&body).ok_or_else(silent),
            StatusCode::NOT_FOUND => Ok(Live::Absent),
            StatusCode::FORBIDDEN => Ok(Live::Unseen),
            _ => Err(silent()),
        }
    }
}

/// The path of the object itself: the request's, without the subresource and what follows it.
fn object_path(attributes: &Attributes) -> &str {
    let beyond = attributes.resource().map_or(0, |resource| resource.parts().len().saturating_sub(2));
    let mut path = attributes.path();
    for _ in 0..beyond {
        path = path.rsplit_once('/').map_or(path, |(object, _)| object);
    }
    path
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
