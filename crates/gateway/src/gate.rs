//! What every request needs, in one place: built once by `serve`, shared by all connections.

use std::sync::Arc;

use drawbridge_policy::{Limited, Permit};
use tokio_util::task::TaskTracker;

use crate::bodies::Bodies;
use crate::broker::screen::continue_token::ContinueTokens;
use crate::clock::Clock;
use crate::config::Domain;
use crate::config::limits::Limits;
use crate::connection::peer::Peer;
use crate::identity::account::admit::Accounts;
use crate::identity::authenticate::Identity;
use crate::lease::Leases;
use crate::lease::instances::{Fresh, Instances, Place};
use crate::limits::{Counted, RuleLimits};
use crate::manifest::Beyond;
use crate::record::writer::Record;
use crate::refusal::Refusal;
use crate::state::State;
use crate::state::snapshot::Snapshot;

/// The gateway, as the pipeline sees it.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Agents, scopes, grants, clusters and standings.
    pub state: Arc<State>,
    /// What is open.
    pub leases: Leases,
    /// Which copies of the agents run.
    pub instances: Instances,
    /// What is asked of service accounts.
    pub accounts: Arc<Accounts>,
    /// Seals the continue tokens of filtered lists.
    pub continue_tokens: Arc<ContinueTokens>,
    /// Where everything is written.
    pub record: Record,
    /// Counts requests under the limits of rules.
    pub rule_limits: RuleLimits,
    /// Reads request bodies.
    pub bodies: Bodies,
    /// Every bound.
    pub limits: Limits,
    /// The gateway's url, which tokens must name as their audience.
    pub audience: Arc<str>,
    /// The domain under which clusters have host names.
    pub domain: Option<Arc<Domain>>,
    /// The time.
    pub clock: Clock,
    /// Where tasks are spawned, so that shutdown can wait for them.
    pub tasks: TaskTracker,
}

impl Gate {
    /// Whether one more request of the agent's fits, on the connection that it came on.
    pub fn room_for(&self, identity: &Identity, peer: &Peer) -> Result<(), Refusal> {
        let limits = &self.limits;
        let (requests, connections) = (limits.requests, limits.connections);
        self.leases.room_for(identity.agent(), requests, peer.connection(), connections)
    }

    /// Counts a request under the limits of the rule that allows it, where it has any.
    ///
    /// # Errors
    /// `Limit`, `NotCounted`.
    pub async fn count(&self, permit: &Permit, counted: &mut Counted) -> Result<(), Refusal> {
        let Some(Limited { rule, limits }) = permit.limited() else { return Ok(()) };
        self.rule_limits.take(permit.agent(), rule, limits, counted).await
    }

    /// Takes a place among the agent's running copies. One too many is told in the record,
    /// or refused.
    pub async fn enter(&self, identity: &Identity, snapshot: &Snapshot) -> Result<Place, Refusal> {
        let (agent, instance) = (identity.agent(), identity.instance());
        let bound = snapshot.agent(agent).and_then(|agent| agent.instances);
        let refused = bound.filter(|bound| bound.beyond == Beyond::Refuse).map(|bound| bound.max);
        let now = self.clock.now();
        let entered = self.instances.enter(agent, instance, refused, now);
        let too_many = |_running| Refusal::TooManyInstances(agent.as_str().to_owned(), refused.unwrap_or(0));
        let entered = entered.map_err(too_many)?;
        if let (Fresh::Yes, Some(bound)) = (entered.fresh, bound)
            && entered.running > bound.max
        {
            self.state.too_many(agent, instance, entered.running, bound.max).await;
        }
        Ok(entered.place)
    }
}
