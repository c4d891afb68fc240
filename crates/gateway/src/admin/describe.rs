//! `GET /v1/describe/KIND/NAME`: everything that is known about one manifest, in one answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use drawbridge_policy::{AgentName, Millis};
use drawbridge_store::{Error as StoreError, Filter, Part, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::failure::Failure;
use super::{Admin, manifests, status};
use crate::lease::Open;
use crate::manifest::{self, Manifest};
use crate::state::change::NotChanged;
use crate::state::rights::{MOST, Right, View};
use crate::state::snapshot::{Snapshot, Stored};

/// Open requests that are listed; of more there is the number.
const OPEN: usize = 50;
/// Refusals that are listed.
const REFUSALS: usize = 5;
/// The agent's newest rows that are looked through for them.
const ROWS: u32 = 500;

/// What is known.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    /// The manifest with its `status`.
    pub item: Value,
    /// The grants that name it, each a manifest with its `status`; of a grant its own agents and scopes are
    /// in `item`.
    pub grants: Vec<Value>,
    /// What else names it, by kind and name.
    pub others: Vec<String>,
    /// Of an agent: its running copies, and those that ran.
    pub instances: Vec<Value>,
    /// The rules that an agent holds or a grant gives now, or that a scope has.
    pub rights: Vec<Right>,
    /// Whether there are more rules than are listed.
    pub more_rights: bool,
    /// The requests that are open.
    pub open: Vec<OpenRequest>,
    /// How many there are.
    pub open_count: usize,
    /// Of an agent: its newest entry in the record.
    pub activity: Option<Value>,
    /// Of an agent: what it was refused lately, the newest first.
    pub refusals: Vec<Value>,
    /// Of a cluster: why its credential can't be read, if it can't.
    pub trouble: Option<String>,
}

/// An open request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRequest {
    /// Whose it is.
    pub agent: String,
    /// The cluster it goes to.
    pub cluster: String,
    /// What it does; empty while it isn't decided.
    pub what: String,
}

/// Describes.
pub(super) async fn describe(
    State(admin): State<Arc<Admin>>,
    Path((kind, name)): Path<(String, String)>,
) -> Result<Json<Described>, Failure> {
    manifests::known(&kind)?;
    let snapshot = admin.gate.state.snapshot();
    let now = admin.gate.clock.now();
    let is_it = |stored: &&Arc<Stored>| stored.row.kind == kind && stored.row.name == name;
    let Some(stored) = snapshot.manifests().iter().find(is_it) else {
        let built_in = || manifests::built_in(&snapshot).find(|scope| scope.metadata.name == name);
        if let Some(scope) = Some(()).filter(|()| kind == "Scope").and_then(|()| built_in()) {
            let (grants, others) = named_by(&kind, &name, &snapshot, now);
            let item = manifests::of_program(scope);
            return Ok(Json(Described { item, grants, others, ..Described::default() }));
        }
        return Err(Failure::NotChanged(NotChanged::Unknown { kind, name }));
    };
    let (grants, others) = named_by(&kind, &name, &snapshot, now);
    let item = manifests::shown(stored, &snapshot, now);
    let mut described = Described { item, grants, others, ..Described::default() };
    let view = View::of(&snapshot, now);
    match &stored.manifest {
        Manifest::Agent(agent) => {
            let instances = admin.gate.instances.of(&agent.name);
            described.instances = instances.iter().map(manifests::instance).collect();
            described.holds(view.rights(&agent.name));
            described.open(&admin, |open| open.agent == agent.name);
            described.lately(&agent.name, admin.gate.state.store()).await.map_err(Failure::Store)?;
        }
        Manifest::Grant(grant) => {
            described.holds(view.rights_through(grant));
            described.open(&admin, |open| open.grant == grant.metadata.name);
        }
        Manifest::Cluster(_) => {
            if let Some(cluster) = snapshot.cluster(&name) {
                described.trouble = status::look(cluster).await.trouble;
            }
            described.open(&admin, |open| open.cluster == name);
        }
        Manifest::Scope(_) | Manifest::TrustedIssuer(_) => {}
    }
    Ok(Json(described))
}

/// The manifests that name one: the grants whole, of others kind and name.
fn named_by(kind: &str, name: &str, snapshot: &Snapshot, now: Millis) -> (Vec<Value>, Vec<String>) {
    let names = |manifest: &Manifest| {
        manifest::references(manifest).any(|reference| reference.kind == kind && reference.name == name)
    };
    let (mut grants, mut others) = (Vec::new(), Vec::new());
    for stored in snapshot.manifests().iter().filter(|stored| names(&stored.manifest)) {
        match &stored.manifest {
            Manifest::Grant(_) => grants.push(manifests::shown(stored, snapshot, now)),
            other => others.push(format!("{}/{}", other.kind().to_lowercase(), other.name())),
        }
    }
    (grants, others)
}

impl Described {
    fn holds(&mut self, mut rights: Vec<Right>) {
        self.more_rights = rights.len() > MOST;
        rights.truncate(MOST);
        rights.sort_by(|a, b| {
            (&a.cluster, &a.namespaces, &a.scope).cmp(&(&b.cluster, &b.namespaces, &b.scope))
        });
        self.rights = rights;
    }

    fn open(&mut self, admin: &Admin, is_ours: impl Fn(&Open) -> bool) {
        let open: Vec<Open> = admin.gate.leases.open().into_iter().filter(is_ours).collect();
        self.open_count = open.len();
        let listed = open.into_iter().take(OPEN).map(|open| OpenRequest {
            agent: open.agent.as_str().to_owned(),
            cluster: open.cluster,
            what: open.what,
        });
        self.open = listed.collect();
    }

    async fn lately(&mut self, agent: &AgentName, store: &Store) -> Result<(), StoreError> {
        let filter = Filter { agent: Some(agent.as_str().to_owned()), ..Filter::default() };
        let rows = store.newest(&filter, None, ROWS).await?;
        let ended = rows.iter().filter(|row| row.row.part == Part::Outcome);
        let mut entries = ended.filter_map(|row| serde_json::from_str::<Value>(&row.row.body).ok());
        let first = entries.next();
        let refused = |entry: &Value| entry.pointer("/outcome/result") == Some(&json!("refused"));
        self.refusals = first.iter().cloned().chain(entries).filter(refused).take(REFUSALS).collect();
        self.activity = first;
        Ok(())
    }
}
