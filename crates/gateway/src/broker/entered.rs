//! What can't be bound to the pod that was decided on: an exec, an attach, a log, a port-forward. Once the
//! cluster has opened it, the pod is read again, before anything of it is passed on either way.

use drawbridge_policy::Permit;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::errand::Read;
use crate::errand::Wish;
use crate::gate::Gate;
use crate::refusal::{ClusterFault, Refusal};
use crate::telemetry::Called;

/// Whether the pod is still the one that was decided on; nothing to ask where no condition looked at it. Its
/// containers may have been started anew. `entry` is the entry's id.
///
/// # Errors
/// It is another or none, or nobody can say.
pub(super) async fn same(
    gate: &Gate,
    cluster: &Cluster,
    permit: &Permit,
    entry: &str,
) -> Result<(), Refusal> {
    let Some(uid) = permit.still() else { return Ok(()) };
    let errand = cluster.fact(permit.agent(), Wish::Live(permit.attributes()), entry);
    // It was sent by now, whatever became of this question.
    let silent = |_: ClusterFault| Refusal::Cluster(ClusterFault::Silent(cluster.name().to_owned()));
    match gate.record.metrics().errand(Called::Live, errand).await.map_err(silent)? {
        Read::Present(pod) if pod.pointer("/metadata/uid").and_then(Value::as_str) == Some(uid) => Ok(()),
        Read::Present(_) | Read::Absent | Read::Unseen | Read::Expired => Err(Refusal::Replaced),
    }
}
