//! What every request needs, in one place: built once by `serve`, shared by all connections.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::bodies::Bodies;
use crate::clock::Clock;
use crate::config::limits::Limits;
use crate::lease::Leases;
use crate::record::writer::Record;
use crate::state::State;

/// The gateway, as the pipeline sees it.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Agents, scopes, grants, clusters and standings.
    pub state: Arc<State>,
    /// What is open.
    pub leases: Leases,
    /// Where everything is written.
    pub record: Record,
    /// Reads request bodies.
    pub bodies: Bodies,
    /// Every bound.
    pub limits: Limits,
    /// The gateway's url, which tokens must name as their audience.
    pub audience: Arc<str>,
    /// The time.
    pub clock: Clock,
    /// Where tasks are spawned, so that shutdown can wait for them.
    pub tasks: TaskTracker,
}
