//! `GET /v1/unrecognised`: callers with a good credential of no known agent, seen lately. The list is kept in
//! memory and begins anew with the gateway; the record has every one of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Admin;
use crate::identity::unrecognised::Seen;

/// All of them, the latest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct List {
    /// One for each credential.
    pub items: Vec<One>,
}

/// One credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct One {
    /// The kind of credential: `key`, `service-account` or `oidc`.
    pub kind: String,
    /// Why it is nobody's: `unknown`, `recreated` or `several`.
    pub because: String,
    /// The agent whose account was made again, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Who it is, in the words of whoever vouches for it.
    pub subject: String,
    /// The entry of its last request, which its caller was told.
    pub id: String,
    /// When it was seen first.
    pub first: Option<Timestamp>,
    /// When it was seen last.
    pub last: Option<Timestamp>,
    /// How often.
    pub count: u64,
    /// The address that the last request came from.
    pub source: String,
    /// What an Agent's manifest would have to have under `identities`.
    pub identity: Value,
}

/// Lists.
pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Json<List> {
    let items = admin.gate.record.unrecognised().list().into_iter().map(One::new);
    Json(List { items: items.collect() })
}

impl One {
    fn new(seen: Seen) -> One {
        let time = |millis: drawbridge_policy::Millis| Timestamp::from_millisecond(millis.0).ok();
        One {
            kind: seen.kind.to_owned(),
            because: seen.because.as_str().to_owned(),
            agent: seen.agent.map(|agent| agent.to_string()),
            subject: seen.subject,
            identity: seen.identity,
            id: seen.id,
            first: time(seen.first),
            last: time(seen.last),
            count: seen.count,
            source: seen.source.to_string(),
        }
    }
}
