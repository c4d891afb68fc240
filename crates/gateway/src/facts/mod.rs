//! What a decision needs to know of the cluster: read as the agent, so that the ceiling bounds it too, and
//! never taken from the caller.

mod rehearse;
mod revisions;

pub use rehearse::plain;

use std::sync::Arc;

use drawbridge_policy::{Case, Fact, Facts, Live, Needs, Wanted};
use http::HeaderMap;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::errand::Read;
use crate::errand::Wish;
use crate::gate::Gate;
use crate::record::draft::Draft;
use crate::refusal::{ClusterFault, Refusal};
use crate::state::snapshot::Snapshot;
use crate::telemetry::Called;

/// On whose behalf facts are read.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The gateway.
    pub gate: &'a Gate,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// What it is decided with.
    pub at: &'a Arc<Snapshot>,
    /// The request that is decided.
    pub case: &'a Case,
    /// Its entry.
    pub draft: &'a Draft,
    /// Its headers.
    pub headers: &'a HeaderMap,
}

/// What came of it.
#[derive(Debug)]
pub enum Gathered {
    /// All facts there are now.
    Known(Box<Facts>),
    /// What had been read has changed meanwhile: nothing is known any more.
    Moved,
}

impl Asking<'_> {
    /// Adds what is needed to what is known.
    ///
    /// # Errors
    /// The cluster does not say, or would not take what the request asks for.
    pub async fn gather(self, needs: Needs, facts: Facts) -> Result<Gathered, Refusal> {
        match needs {
            Needs::Facts(wanted) => self.read(wanted, facts).await.map(Box::new).map(Gathered::Known),
            Needs::Rehearsal(permit) => match self.rehearse(*permit).await? {
                Some(stored) => Ok(Gathered::Known(Box::new(facts.and(Fact::Stored(stored))))),
                None => Ok(Gathered::Moved),
            },
        }
    }

    async fn read(self, wanted: Wanted, mut facts: Facts) -> Result<Facts, Refusal> {
        let attributes = self.case.attributes();
        if wanted.live || (wanted.revisions && facts.live().is_none()) {
            facts = facts.and(Fact::Live(self.object(Wish::Live(attributes)).await?));
        }
        if wanted.part {
            facts = facts.and(Fact::Part(self.object(Wish::Part(attributes)).await?));
        }
        if let (true, Some(resource)) = (wanted.namespace, attributes.resource()) {
            let read = self.one(Called::Namespace, Wish::Namespace(resource.namespace())).await?;
            facts = facts.and(Fact::Namespace(present(read)));
        }
        if wanted.revisions {
            let live = facts.live().and_then(Live::object).cloned();
            facts = facts.and(Fact::Revisions(self.revisions(live.as_ref()).await?));
        }
        Ok(facts)
    }

    async fn object(self, wish: Wish<'_>) -> Result<Live, Refusal> {
        let silent = || Refusal::Cluster(ClusterFault::Silent(self.cluster.name().to_owned()));
        match self.one(Called::Live, wish).await? {
            Read::Absent => Ok(Live::Absent),
            Read::Expired | Read::Unseen => Ok(Live::Unseen),
            Read::Present(object) => live(object).ok_or_else(silent),
        }
    }

    async fn one(self, called: Called, wish: Wish<'_>) -> Result<Read, Refusal> {
        let errand = self.cluster.fact(self.case.agent(), wish, self.draft.id());
        let read = self.gate.record.metrics().errand(called, errand).await;
        read.map_err(Refusal::Cluster)
    }
}

fn live(object: Value) -> Option<Live> {
    let text = |field: &str| object.pointer(field).and_then(Value::as_str).map(str::to_owned);
    let (uid, resource_version) = (text("/metadata/uid")?, text("/metadata/resourceVersion")?);
    Some(Live::Present { uid, resource_version, object })
}

fn present(read: Read) -> Option<Value> {
    match read {
        Read::Present(object) => Some(object),
        Read::Absent | Read::Expired | Read::Unseen => None,
    }
}
