//! The admin API: what people and the command line do. JSON over HTTPS on a listener of its own; everything
//! but `/livez` and `/readyz` needs the admin credential. One file for each URL.

pub mod apply;
pub mod body;
pub mod credentials;
pub mod describe;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod failure;
pub mod listener;
pub mod log;
pub mod looked;
pub mod manifests;
pub mod metrics;
pub mod probes;
pub mod standing;
pub mod status;
pub mod token;
pub mod unrecognised;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, post};
use drawbridge_policy::Millis;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::directory::Directory;
use crate::gate::Gate;
use crate::state::change::{Author, NotChanged};
use failure::Failure;
use token::Token;

/// The header in which the command line says who runs it. It is their claim: the credential proves only an
/// admin.
pub const CLAIMED_BY: &str = "drawbridge-by";
/// The longest claim that is kept, in characters.
const LONGEST_CLAIM: usize = 128;
/// The longest reason that a change may give, in bytes.
const LONGEST_REASON: usize = 4_096;

/// What the admin API works on.
#[derive(Debug)]
pub struct Admin {
    /// The gateway.
    pub gate: Gate,
    /// The credential that callers must show.
    pub token: Token,
    /// The credential for `/metrics` alone.
    pub metrics: Token,
    /// The data directory.
    pub data: PathBuf,
    /// When the gateway started.
    pub started: Millis,
    /// The certificate authority, in PEM, that agents must trust; none where the certificate comes from
    /// files.
    pub ca: Option<String>,
    /// The watched directory of manifests, if there is one.
    pub directory: Option<Arc<Directory>>,
    /// Cancelled when the gateway ends; waiting calls answer then.
    pub shutdown: CancellationToken,
}

/// How many streams and connections a change closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Requests that were open and ended.
    pub streams: usize,
    /// Connections that were closed.
    pub connections: usize,
    /// Requests that had not ended when the wait was over. Anything but 0 is a fault.
    pub left: usize,
}

impl From<crate::lease::Closed> for Closed {
    fn from(closed: crate::lease::Closed) -> Closed {
        Closed { streams: closed.streams, connections: closed.connections, left: closed.left }
    }
}

/// All URLs. The credential is checked in one place, in front of every path, known or not.
pub fn router(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/livez", get(probes::livez))
        .route("/readyz", get(probes::readyz))
        .route(metrics::PATH, get(metrics::show))
        .route("/v1/apply", post(apply::apply))
        .route("/v1/credentials", post(credentials::keep))
        .route("/v1/describe/{kind}/{name}", get(describe::describe))
        .route("/v1/diff", post(diff::diff))
        .route("/v1/doctor", get(doctor::look))
        .route("/v1/explain", get(explain::explain))
        .route("/v1/manifests", get(manifests::list))
        .route("/v1/manifests/{kind}/{name}", delete(manifests::delete))
        .route("/v1/standing", post(standing::change))
        .route("/v1/log", get(log::read))
        .route("/v1/status", get(status::show))
        .route("/v1/unrecognised", get(unrecognised::list))
        .fallback(failure::nowhere)
        .method_not_allowed_fallback(failure::wrong_method)
        .layer(middleware::from_fn_with_state(admin.clone(), token::check))
        .layer(DefaultBodyLimit::max(body::MAX_BYTES))
        .with_state(admin)
}

/// Who makes a change, as the record keeps it.
fn author(headers: &HeaderMap, reason: &str) -> Result<Author, Failure> {
    if reason.len() > LONGEST_REASON {
        return Err(Failure::Malformed(format!("a reason has at most {LONGEST_REASON} bytes")));
    }
    let claim = headers.get(CLAIMED_BY).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let claim: String = claim.chars().filter(char::is_ascii_graphic).take(LONGEST_CLAIM).collect();
    let by = if claim.is_empty() { "admin".to_owned() } else { format!("admin (says it is {claim})") };
    Ok(Author { by, reason: reason.to_owned() })
}

/// Runs a change to its end even if its caller goes away meanwhile. A call that is dropped half way could
/// leave a revocation in the database that this process does not act on.
async fn to_the_end<T: Send + 'static>(
    admin: &Admin,
    change: impl Future<Output = Result<T, NotChanged>> + Send + 'static,
) -> Result<T, Failure> {
    match admin.gate.tasks.spawn(change).await {
        Ok(done) => done.map_err(Failure::NotChanged),
        Err(fault) => {
            tracing::error!(%fault, "a change ended in a fault");
            Err(Failure::Fault)
        }
    }
}
