//! `GET /livez` and `GET /readyz`: for whoever restarts or routes to the gateway.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::Admin;

/// The process answers.
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// Requests can be served: the record takes writes, and the gateway isn't ending. A manifests directory that
/// can't be applied is said and is no reason to stop serving.
pub(super) async fn readyz(State(admin): State<Arc<Admin>>) -> (StatusCode, &'static str) {
    // Anybody may ask this: what exactly is wrong stands in the status, which needs the credential.
    const LAST_GOOD: &str = "ok, but the manifests directory can't be applied as it is: what was last good \
        is in force, and 'drawbridge get agents' says what is wrong\n";
    if admin.shutdown.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the gateway is ending\n");
    }
    if admin.gate.record.is_failing() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the record takes no writes\n");
    }
    let standing = admin.directory.as_ref().map(|directory| directory.standing());
    match standing {
        Some(standing) if !standing.warnings().is_empty() => (StatusCode::OK, LAST_GOOD),
        Some(_) | None => (StatusCode::OK, "ok\n"),
    }
}
