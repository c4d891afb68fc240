//! `GET /metrics`: the gateway's numbers, as Prometheus reads them. It takes the admin credential, or the one
//! in `metrics.token` of the data directory, which opens nothing else: who collects numbers is no
//! administrator.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderName, header};

use super::Admin;
use super::failure::Failure;
use crate::telemetry::Level;

/// The credential's file in the data directory.
pub const TOKEN: &str = "metrics.token";
/// The path.
pub(super) const PATH: &str = "/metrics";
/// OpenMetrics 1.0.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Shows them.
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
) -> Result<([(HeaderName, &'static str); 1], String), Failure> {
    let gate = &admin.gate;
    let open = gate.leases.count();
    let snapshot = gate.state.snapshot();
    let issuers = snapshot.issuers().all();
    let mute = issuers.iter().filter(|issuer| issuer.health().keys == 0).count();
    let level = Level {
        open: open.values().sum(),
        agents: open.len(),
        places: gate.record.places(),
        failing: usize::from(gate.record.is_failing()),
        unrecognised: gate.record.unrecognised().count(),
        clusters: snapshot.clusters().count(),
        issuers: (issuers.len(), mute),
    };
    let text = gate.record.metrics().text(level).or(Err(Failure::Fault))?;
    Ok(([(header::CONTENT_TYPE, KIND)], text))
}
