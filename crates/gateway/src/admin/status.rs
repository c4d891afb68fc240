//! `GET /v1/status`: how the gateway is.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Admin;
use crate::chain::Chain;
use crate::cluster::Cluster;
use crate::directory::Condition;

/// Reading one cluster's credential may take this long; a credential plugin that asks a person would take
/// forever.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the gateway is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The release.
    pub version: String,
    /// Counts changes of manifests and standings.
    pub revision: i64,
    /// The address that agents use.
    pub url: String,
    /// The certificate authority, in PEM, that agents must trust; none where the certificate comes from
    /// files.
    pub ca: Option<String>,
    /// Since the start.
    pub uptime_seconds: i64,
    /// `ok`, or `failing` while the record takes no writes and requests are refused.
    pub record: String,
    /// How the watched directory of manifests stands, if there is one.
    #[serde(default)]
    pub directory: Option<Condition>,
    /// All clusters.
    pub clusters: Vec<OneCluster>,
    /// The agents with open requests.
    pub agents: Vec<OneAgent>,
}

/// A cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OneCluster {
    /// Its name.
    pub name: String,
    /// Why its credential can't be read, if it can't.
    pub trouble: Option<String>,
}

/// An agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OneAgent {
    /// Its name.
    pub name: String,
    /// Its open requests.
    pub open: usize,
}

/// Shows it.
pub(super) async fn show(State(admin): State<Arc<Admin>>) -> Json<Status> {
    let snapshot = admin.gate.state.snapshot();
    let mut clusters = join_all(snapshot.clusters().map(|cluster| look(cluster))).await;
    clusters.sort_by(|a, b| a.name.cmp(&b.name));
    let open = admin.gate.leases.count().into_iter();
    let mut agents: Vec<OneAgent> =
        open.map(|(agent, open)| OneAgent { name: agent.as_str().to_owned(), open }).collect();
    agents.sort_by(|a, b| a.name.cmp(&b.name));
    let record = if admin.gate.record.is_failing() { "failing" } else { "ok" };
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: snapshot.revision(),
        url: admin.gate.audience.to_string(),
        ca: admin.ca.clone(),
        uptime_seconds: admin.gate.clock.now().0.saturating_sub(admin.started.0) / 1_000,
        record: record.to_owned(),
        directory: admin.directory.as_ref().map(|directory| directory.condition()),
        clusters,
        agents,
    })
}

pub(super) async fn look(cluster: &Cluster) -> OneCluster {
    let trouble = match timeout(PATIENCE, cluster.try_wire()).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Chain(&error).to_string()),
        Err(_elapsed) => Some(format!("its credential was not read within {} s", PATIENCE.as_secs())),
    };
    OneCluster { name: cluster.name().to_owned(), trouble }
}
