//! A dry run, to see what would be stored. It is a send: with a permit, an entry and the lease of the request
//! that it is made for. Its answer decides and is never passed on.

use drawbridge_policy::{Attributes, Permit};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio::time::timeout;

use super::Asking;
use crate::broker::send::outgoing;
use crate::cluster::{Answers, Wait, Way};
use crate::record::draft::{Intent, Outcome};
use crate::refusal::{ClusterFault, Refusal};

/// An object may have this many bytes; etcd takes less than 2 MiB, and defaults add some.
const MAX_OBJECT: usize = 4 * 1024 * 1024;

/// The API groups whose dry runs the API server itself answers for. What another server stands behind could
/// take a dry run for the real thing.
const OWN_GROUPS: [&str; 18] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

impl Asking<'_> {
    /// What the cluster would store. None: what had been read has changed meanwhile.
    pub(super) async fn rehearse(self, permit: Permit) -> Result<Option<Value>, Refusal> {
        if !is_own(permit.attributes()) {
            return Err(Refusal::NotRehearsed(StatusCode::NOT_IMPLEMENTED));
        }
        let record = &self.gate.record;
        let draft = record.draft(self.draft.rehearsed()).await.map_err(Refusal::NotRecorded)?;
        let intent = Intent::of(draft.id(), self.case);
        let entry = draft.intend(record, &permit, &intent).await;
        let mut entry = entry.map_err(|(_, refused)| Refusal::NotRecorded(refused))?;
        let mut request =
            outgoing(&permit, &entry, &plain(self.headers), None).map_err(|_| Refusal::Fault)?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let agent = permit.agent();
        let way = Way { cluster: self.cluster, agent, wait: Wait::Bounded, answers: Answers::Cluster };
        entry.sent();
        let response = way.send(request).await.map_err(Refusal::Cluster)?;
        let status = response.status();
        entry.answered(status.as_u16());
        let silent = || Refusal::Cluster(ClusterFault::Silent(self.cluster.name().to_owned()));
        let whole = Limited::new(response.into_body(), MAX_OBJECT).collect();
        let whole = timeout(self.cluster.answers_within(), whole).await;
        let body = whole.map_err(|_late| silent())?.map_err(|_broken| silent())?.to_bytes();
        entry.finish(&Outcome::Answered { status: status.as_u16() });
        match status {
            StatusCode::OK | StatusCode::CREATED => {
                serde_json::from_slice(&body).map(Some).map_err(|_no_json| silent())
            }
            StatusCode::CONFLICT if permit.pinned().is_some() => Ok(None),
            status if status.is_client_error() => Err(Refusal::NotRehearsed(status)),
            _ => Err(silent()),
        }
    }
}

/// Whether the API server itself stores it. Anything else could be another server's.
fn is_own(attributes: &Attributes) -> bool {
    let group = attributes.resource().map_or("", |resource| resource.group());
    OWN_GROUPS.contains(&group)
}

/// The caller's headers, less what it accepts: what comes back is for us.
pub fn plain(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [header::ACCEPT, header::ACCEPT_ENCODING, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
        headers.remove(name);
    }
    headers
}
