//! What the gateway knows, in memory and in the database, and how it changes. Manifests: they are written,
//! then the snapshot is swapped, then the leases are walked. Who is suspended or revoked is stopped first:
//! swapped, walked, then written.

mod apply;
pub mod change;
pub mod compare;
pub mod expiry;
pub mod identities;
pub mod issuers;
mod judge;
pub mod plan;
pub mod resync;
pub mod rights;
pub mod snapshot;
pub mod standing;
mod stopped;
pub mod unified;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what a test spawns ends with its runtime")]
mod tests;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use drawbridge_policy::{AgentName, Case, Decision, Facts, Millis, Payload, Rules, With, decide};
use drawbridge_store::Store;
use thiserror::Error;
use tokio::sync::{Mutex, watch};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::cluster::Patience;
use crate::identity::issuer::Around;
use crate::lease::{Closed, CutReason, Held, Leases, Parting, Stream};
use crate::record::writer::Record;
use snapshot::{Fittings, Snapshot, Unbuildable};
use standing::Subject;

/// The state of this replica.
#[derive(Debug)]
pub struct State {
    current: ArcSwap<Snapshot>,
    /// Held by whoever changes something. In it: whose standing is in force here but not in the database.
    changing: Mutex<HashSet<Subject>>,
    changed: watch::Sender<i64>,
    store: Store,
    leases: Leases,
    record: Record,
    clock: Clock,
    fittings: Fittings,
    watched: Option<PathBuf>,
}

/// What a state is made with.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The database.
    pub store: Store,
    /// What is open.
    pub leases: Leases,
    /// Where changes are written.
    pub record: Record,
    /// The time.
    pub clock: Clock,
    /// Bounds on clusters.
    pub patience: Patience,
    /// The directory of manifests that is applied by itself, if there is one.
    pub watched: Option<PathBuf>,
    /// Where work goes on that nobody waits for.
    pub tasks: TaskTracker,
}

/// Why the state can't be read.
#[derive(Debug, Error)]
pub enum Unloadable {
    /// The database.
    #[error(transparent)]
    Store(#[from] drawbridge_store::Error),
    /// What is in it.
    #[error(transparent)]
    Content(#[from] Unbuildable),
}

impl State {
    /// Reads the database.
    pub async fn load(parts: Parts) -> Result<State, Unloadable> {
        let Parts { store, leases, record, clock, patience, watched, tasks } = parts;
        let around = Around { clock: clock.clone(), tasks, metrics: record.metrics().clone() };
        let fittings = Fittings { patience, around };
        let everything = store.load().await?;
        let snapshot = Snapshot::build(everything, &fittings)?;
        let (changed, _) = watch::channel(snapshot.revision());
        let current = ArcSwap::from_pointee(snapshot);
        let changing = Mutex::default();
        Ok(State { current, changing, changed, store, leases, record, clock, fittings, watched })
    }

    /// Everything as it is now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The database, for reading the record.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The requests that are open.
    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    /// Swaps the snapshot, then ends what may no longer go on. In this order: a request that registers its
    /// lease too late to be seen here loads the new snapshot.
    async fn swap(&self, next: Snapshot) -> Closed {
        let before = self.snapshot();
        let next = Arc::new(next);
        self.current.store(next.clone());
        self.changed.send_replace(next.revision());
        self.review(&before, &next).await
    }

    /// Decides every open request again, as things are at this moment.
    async fn review(&self, before: &Snapshot, now: &Arc<Snapshot>) -> Closed {
        let gone: Vec<AgentName> = before
            .manifests()
            .iter()
            .filter(|stored| stored.row.kind == "Agent")
            .filter_map(|stored| AgentName::parse(&stored.row.name).ok())
            // Who was out before has had its connections closed, and gets no further than the door of new
            // ones.
            .filter(|agent| is_out(now, agent) && !is_out(before, agent))
            .collect();
        let time = self.clock.now();
        self.leases.cut(|held| verdict(held, before, now, time), &gone).await
    }
}

fn agent_named(kind: &str, name: &str) -> Option<AgentName> {
    (kind == "Agent").then(|| AgentName::parse(name).ok()).flatten()
}

fn is_out(snapshot: &Snapshot, agent: &AgentName) -> bool {
    let subject = Subject::Agent(agent.clone());
    let active = matches!(snapshot.standings().of(&subject), standing::Standing::Active);
    !active || snapshot.agent(agent).is_none()
}

/// Why an open request may not go on, if it may not.
fn verdict(held: &Held, before: &Snapshot, now: &Snapshot, time: Millis) -> Option<CutReason> {
    if let Err(out) = now.standing(held.agent(), held.means(), held.issuer()) {
        return Some(match out.what {
            "agent" => CutReason::Agent,
            "key" => CutReason::Key,
            _ => CutReason::Identity,
        });
    }
    let Some(cluster) = now.cluster(held.cluster()) else { return Some(CutReason::Cluster) };
    if before.cluster(held.cluster()).is_some_and(|was| !Arc::ptr_eq(was, cluster)) {
        return Some(CutReason::Cluster);
    }
    let permitted = held.permitted()?;
    let goes_on = match permitted.stream {
        Stream::Open => {
            let none = Rules::none();
            let rules = now.rules(held.agent(), held.cluster()).unwrap_or(&none);
            if permitted.with == With::Terms {
                let was = before.rules(held.agent(), held.cluster());
                let over = permitted.until.is_some_and(|until| until <= time);
                let changed = over || !was.is_some_and(|was| was.same_as(rules));
                return changed.then(|| match permitted.parting {
                    Parting::Told if now.grant_in_force(&permitted.grant, time).is_some() => CutReason::Scope,
                    Parting::Told | Parting::Silent => CutReason::Grant,
                });
            }
            let case = Case::new(held.agent().clone(), permitted.attributes.clone(), Payload::none());
            // One that rests on terms now isn't what it was: nothing looks at what goes on flowing.
            case.is_ok_and(|case| match decide(case, rules, &Facts::none(), time) {
                Decision::Permit(permit) => permit.with() == With::RulesAlone,
                Decision::Deny(..) | Decision::Needs(..) | Decision::Expand(_) => false,
            })
        }
        Stream::Short => permitted.grant.is_empty() || now.grant_in_force(&permitted.grant, time).is_some(),
    };
    (!goes_on).then_some(CutReason::Grant)
}
