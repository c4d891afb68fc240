//! A dry run, to see what would be stored. It is a send: with a permit, an entry and the lease of the request
//! that it is made for. Its answer decides and is never passed on.

use std::sync::Arc;

use drawbridge_policy::{Attributes, Permit};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio::time::timeout;

use super::Asking;
use crate::broker::moved::moved;
use crate::broker::send::outgoing;
use crate::cluster::apis::Whose;
use crate::cluster::{Answers, Wait, Way};
use crate::record::draft::{Intent, Outcome};
use crate::refusal::{ClusterFault, Refusal};
use crate::telemetry::Called;

/// An object may have this many bytes; etcd takes less than 2 MiB, and defaults add some.
const MAX_OBJECT: usize = 4 * 1024 * 1024;

/// The API groups that the API server itself always answers for. Of others it is asked: what another server
/// stands behind could take a dry run for the real thing.
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

/// What is answered where nobody knows whether a dry run changes nothing.
const NOT_TRIED: Refusal = Refusal::NotRehearsed(StatusCode::NOT_IMPLEMENTED);

impl Asking<'_> {
    /// What the cluster would store. None: what had been read has changed meanwhile.
    pub(super) async fn rehearse(self, permit: Permit) -> Result<Option<Value>, Refusal> {
        self.is_tried_out(permit.attributes()).await?;
        let record = &self.gate.record;
        let draft = record.draft(self.draft.rehearsed()).await.map_err(Refusal::NotRecorded)?;
        let intent = Intent::of(draft.id(), self.case);
        let entry = draft.intend(record, &permit, &intent).await;
        let mut entry = entry.map_err(|(_, refused)| Refusal::NotRecorded(refused))?;
        // Whatever was revoked meanwhile, it isn't sent.
        if !Arc::ptr_eq(self.at, &self.gate.state.snapshot()) {
            entry.refuse(&Refusal::Cut);
            return Ok(None);
        }
        let mut request =
            outgoing(&permit, &entry, &plain(self.headers), None).map_err(|_unbuilt| Refusal::Fault)?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let agent = permit.agent();
        let way = Way { cluster: self.cluster, agent, wait: Wait::Bounded, answers: Answers::Cluster };
        entry.sent();
        let response = match way.send(request).await {
            Ok(response) => response,
            Err(fault) => {
                let refusal = Refusal::Cluster(fault);
                entry.refuse(&refusal);
                return Err(refusal);
            }
        };
        let status = response.status();
        entry.answered(status.as_u16());
        let silent = || Refusal::Cluster(ClusterFault::Silent(self.cluster.name().to_owned()));
        let whole = Limited::new(response.into_body(), MAX_OBJECT).collect();
        let whole = timeout(self.cluster.answers_within(), whole).await;
        let Ok(Ok(body)) = whole else {
            entry.refuse(&silent());
            return Err(silent());
        };
        let body = body.to_bytes();
        entry.finish(&Outcome::Answered { status: status.as_u16() });
        match status {
            StatusCode::OK | StatusCode::CREATED => {
                serde_json::from_slice(&body).map(Some).map_err(|_no_json| silent())
            }
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY
                if permit.pinned().is_some_and(|pin| moved(&body, pin)) =>
            {
                Ok(None)
            }
            status if status.is_client_error() => Err(refused(&permit, status)),
            _ => Err(silent()),
        }
    }
}

impl Asking<'_> {
    /// Fails unless the API server itself stores it.
    async fn is_tried_out(self, attributes: &Attributes) -> Result<(), Refusal> {
        let Some(resource) = attributes.resource() else { return Err(NOT_TRIED) };
        let (group, version) = (resource.group(), resource.version());
        if OWN_GROUPS.contains(&group) {
            return Ok(());
        }
        let asked = self.cluster.stores(group, version, self.gate.clock.now());
        match self.gate.record.metrics().errand(Called::ApiService, asked).await {
            Ok(Whose::Own) => Ok(()),
            Ok(Whose::Unknown) => Err(NOT_TRIED),
            Err(fault) => Err(Refusal::Cluster(fault)),
        }
    }
}

/// What a failed dry run is answered with: nothing that it said, and where the agent could not read the
/// object not even that there is one.
fn refused(permit: &Permit, status: StatusCode) -> Refusal {
    match permit.veiled() {
        Some(denial) => Refusal::Denied(Box::new(denial.clone())),
        None => Refusal::NotRehearsed(status),
    }
}

/// The caller's headers, less what it accepts: what comes back is for us.
pub fn plain(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [header::ACCEPT, header::ACCEPT_ENCODING, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
        headers.remove(name);
    }
    headers
}
