//! `GET /v1/manifests` and `DELETE /v1/manifests/KIND/NAME`: what is declared, and how each of it stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use drawbridge_policy::Millis;
use http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::{Admin, Closed, author, to_the_end};
use crate::lease::instances::Shown;
use crate::manifest::{Agent, Grant, Manifest, Scope, builtin};
use crate::state::snapshot::{Snapshot, Stored};
use crate::state::standing::{Standing, Subject};

/// The kinds there are.
pub use crate::manifest::KINDS;

/// Which manifests to list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    kind: Option<String>,
    name: Option<String>,
}

/// A list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct List {
    /// Each a manifest with its `status`.
    pub items: Vec<Value>,
    /// What people should know who look at it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Why something is deleted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Why {
    #[serde(default)]
    reason: String,
}

/// What a deletion closed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deleted {
    /// The streams that were no longer allowed.
    pub closed: Closed,
    /// What their author should know.
    #[serde(default)]
    pub caution: Option<String>,
}

/// Lists.
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<List>, Failure> {
    let Query(wanted) = wanted?;
    if let Some(kind) = wanted.kind.as_deref() {
        known(kind)?;
    }
    let snapshot = admin.gate.state.snapshot();
    let open = admin.gate.leases.count();
    let now = admin.gate.clock.now();
    let shown = snapshot
        .manifests()
        .iter()
        .filter(|stored| wanted.kind.as_ref().is_none_or(|kind| *kind == stored.row.kind))
        .filter(|stored| wanted.name.as_ref().is_none_or(|name| *name == stored.row.name))
        .map(|stored| {
            let mut item = shown(stored, &snapshot, now);
            if let (Manifest::Agent(agent), Some(item)) = (&stored.manifest, item.pointer_mut("/status")) {
                let open = open.get(&agent.name).copied().unwrap_or(0);
                item["open"] = json!(open);
                let instances = admin.gate.instances.of(&agent.name);
                item["instances"] = instances.iter().map(instance).collect();
            }
            item
        });
    let of_kind = wanted.kind.as_deref().is_none_or(|kind| kind == "Scope");
    let built_in = built_in(&snapshot)
        .filter(|scope| of_kind && wanted.name.as_ref().is_none_or(|name| *name == scope.metadata.name));
    let shown = shown.chain(built_in.map(of_program));
    let condition = admin.directory.as_ref().map(|directory| directory.condition());
    let warnings = condition.map(|condition| condition.warnings()).unwrap_or_default();
    Ok(Json(List { items: shown.collect(), warnings }))
}

/// Deletes.
pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Path((kind, name)): Path<(String, String)>,
    why: Result<Query<Why>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<Deleted>, Failure> {
    let Query(why) = why?;
    known(&kind)?;
    let author = author(&headers, &why.reason)?;
    let state = admin.gate.state.clone();
    let change = async move { state.delete(&kind, &name, &author).await };
    let (closed, caution) = to_the_end(&admin, change).await?;
    Ok(Json(Deleted { closed: closed.into(), caution }))
}

pub(super) fn known(kind: &str) -> Result<(), Failure> {
    if KINDS.contains(&kind) {
        return Ok(());
    }
    Err(Failure::Malformed(format!("there is no kind {kind:?}; there are {}", KINDS.join(", "))))
}

/// The scopes that come with the program and that no manifest takes the place of.
pub(super) fn built_in(snapshot: &Snapshot) -> impl Iterator<Item = &'static Scope> {
    let declared = |scope: &Scope| {
        let same =
            |stored: &Arc<Stored>| stored.row.kind == "Scope" && stored.row.name == scope.metadata.name;
        snapshot.manifests().iter().any(same)
    };
    builtin::scopes().iter().filter(move |scope| !declared(scope))
}

/// A built-in scope as a manifest; its `status` says that nobody declared it.
pub(super) fn of_program(scope: &Scope) -> Value {
    let mut item = Manifest::Scope(scope.clone()).to_json();
    if let Some(item) = item.as_object_mut() {
        item.insert("status".to_owned(), json!({ "builtIn": true }));
    }
    item
}

/// A manifest with its `status`.
pub(super) fn shown(stored: &Stored, snapshot: &Snapshot, now: Millis) -> Value {
    let mut item = stored.manifest.to_json();
    if let Some(item) = item.as_object_mut() {
        item.insert("status".to_owned(), Value::Object(status(stored, snapshot, now)));
    }
    item
}

fn status(stored: &Stored, snapshot: &Snapshot, now: Millis) -> Map<String, Value> {
    let mut status = Map::new();
    match &stored.manifest {
        Manifest::Agent(agent) => of_agent(agent, snapshot, &mut status),
        Manifest::Grant(grant) => of_grant(grant, snapshot, now, &mut status),
        Manifest::Scope(_) | Manifest::Cluster(_) | Manifest::TrustedIssuer(_) => {}
    }
    let row = &stored.row;
    status.insert("uid".to_owned(), json!(row.uid));
    status.insert("generation".to_owned(), json!(row.generation));
    status.insert("created".to_owned(), time(row.created));
    status.insert("updated".to_owned(), time(row.updated));
    if !row.origin.is_empty() {
        status.insert("origin".to_owned(), json!(row.origin));
    }
    status
}

fn of_agent(agent: &Agent, snapshot: &Snapshot, status: &mut Map<String, Value>) {
    let standings = snapshot.standings();
    status.extend(standing(standings.of(&Subject::Agent(agent.name.clone()))));
    let keys = snapshot.keys_of(&agent.name).map(|key| {
        let fingerprint = key.fingerprint();
        let mut one = standing(standings.of(&Subject::Key(fingerprint.clone())));
        one.insert("fingerprint".to_owned(), json!(fingerprint));
        Value::Object(one)
    });
    status.insert("keys".to_owned(), keys.collect());
}

fn of_grant(grant: &Grant, snapshot: &Snapshot, now: Millis, status: &mut Map<String, Value>) {
    let held = snapshot.standings().of(&Subject::Grant(grant.metadata.name.clone()));
    status.extend(standing(held));
    let until = grant.until.map(Timestamp::as_millisecond).filter(|until| *until <= now.0);
    if let (Standing::Active, Some(until)) = (held, until) {
        status.insert("standing".to_owned(), json!("expired"));
        status.insert("since".to_owned(), time(until));
    }
}

fn standing(standing: Standing<'_>) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("standing".to_owned(), json!(standing.as_str()));
    match standing {
        Standing::Active => {}
        Standing::Suspended(row) | Standing::Revoked(row) => {
            fields.insert("since".to_owned(), time(row.since));
            fields.insert("by".to_owned(), json!(row.by));
            fields.insert("reason".to_owned(), json!(row.reason));
        }
    }
    fields
}

/// One running copy, or one that ran.
pub(super) fn instance(shown: &Shown) -> Value {
    json!({
        "name": shown.instance.as_str(),
        "first": time(shown.first.0),
        "last": time(shown.last.0),
        "open": shown.open,
    })
}

/// A time as people and Kubernetes write it.
fn time(millis: i64) -> Value {
    Timestamp::from_millisecond(millis).map_or(Value::Null, |time| json!(time))
}
