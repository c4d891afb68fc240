//! `GET /livez` and `GET /readyz`: for whoever restarts or routes to the gateway.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::Admin;

/// The process answers.
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// Requests can be served: the record takes writes, and the gateway isn't ending.
pub(super) async fn readyz(State(admin): State<Arc<Admin>>) -> (StatusCode, &'static str) {
    if admin.shutdown.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the gateway is ending\n");
    }
    if admin.gate.record.is_failing() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the record takes no writes\n");
    }
    (StatusCode::OK, "ok\n")
}
