//! `POST /v1/diff`: what applying would change, in the manifests and in what each agent may do. Nothing is
//! changed.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use drawbridge_policy::Millis;
use http::Request;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::apply::{One, Text};
use super::failure::Failure;
use super::{Admin, body};
use crate::commands::yaml;
use crate::manifest::Source;
use crate::state::change::{Applied, NotChanged, What};
use crate::state::compare::{self, Changed};
use crate::state::plan::{Asked, Origin, Plan, Prune};
use crate::state::snapshot::Snapshot;
use crate::state::unified::unified;

/// Bytes of all differences of one answer. Those of further manifests are left out, and it is said of how
/// many.
const BYTES: usize = 32 * 1024 * 1024;

/// What is to be compared with what there is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Diff {
    /// The files.
    pub sources: Vec<Text>,
    /// As if what they don't have were deleted.
    #[serde(default)]
    pub prune: bool,
}

/// What would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// The manifests that would change.
    pub manifests: Vec<Difference>,
    /// Of how many more manifests the difference is left out.
    pub more_manifests: usize,
    /// The agents for which something would change.
    pub agents: Vec<Changed>,
    /// For how many more agents something may change.
    pub more_agents: usize,
}

/// What would change in one manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `created`, `configured` or `deleted`.
    pub change: String,
    /// The difference of its canonical YAML, as `diff -u` writes it.
    pub diff: String,
}

/// What was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Compared {
    /// What would become of each manifest.
    pub applied: Vec<One>,
    /// What would change.
    pub changes: Changes,
    /// What their author should know.
    pub cautions: Vec<String>,
    /// What applying with these arguments would be refused for, though it can be compared.
    pub refused: Option<String>,
}

/// Compares.
pub(super) async fn diff(
    State(admin): State<Arc<Admin>>,
    request: Request<Body>,
) -> Result<Json<Compared>, Failure> {
    let asked: Diff = body::read(request).await?;
    let sources = asked.sources.into_iter().map(|Text { file, text }| Source { file, text }).collect();
    compare(&admin, sources, asked.prune).await.map(Json)
}

/// Compares as [`diff`] does, for a dry run.
pub(super) async fn compare(admin: &Admin, sources: Vec<Source>, prune: bool) -> Result<Compared, Failure> {
    let state = &admin.gate.state;
    let prune = if prune { Prune::Few { lately: 0 } } else { Prune::Nothing };
    let asked = |sources, prune| Asked { sources, prune, origin: Origin::Person };
    let (plan, refused) = match state.plan(asked(sources.clone(), prune)).await {
        Err(why @ NotChanged::TooMany { .. }) => {
            (state.plan(asked(sources, Prune::Any)).await, Some(why.to_string()))
        }
        plan => (plan, None),
    };
    let plan = plan.map_err(Failure::NotChanged)?;
    let now = admin.gate.clock.now();
    let compared = tokio::task::spawn_blocking(move || of_plan(&plan, now, refused));
    match compared.await {
        Ok(Some(compared)) => Ok(compared),
        Ok(None) => Err(Failure::Fault),
        Err(fault) => {
            tracing::error!(%fault, "a comparison ended in a fault");
            Err(Failure::Fault)
        }
    }
}

fn of_plan(plan: &Plan, now: Millis, refused: Option<String>) -> Option<Compared> {
    let (agents, more_agents) = compare::agents(plan, now);
    let (manifests, more_manifests) = differences(plan)?;
    let applied = plan.applied.iter().cloned().map(One::from).collect();
    let changes = Changes { manifests, more_manifests, agents, more_agents };
    Some(Compared { applied, changes, cautions: plan.cautions.clone(), refused })
}

fn differences(plan: &Plan) -> Option<(Vec<Difference>, usize)> {
    let (before, after) = (texts(plan.before()), texts(&plan.next));
    let mut differences = Vec::new();
    let (mut bytes, mut more) = (0_usize, 0_usize);
    for Applied { kind, name, change } in &plan.applied {
        if *change == What::Unchanged {
            continue;
        }
        if bytes > BYTES {
            more = more.saturating_add(1);
            continue;
        }
        let text = |texts: &Texts<'_>| match texts.get(&(kind.as_str(), name.as_str())) {
            None => Some(String::new()),
            Some(manifest) => match yaml::document(manifest) {
                Ok(text) => Some(text),
                Err(error) => {
                    tracing::error!(%error, kind, name, "a manifest can't be written as YAML");
                    None
                }
            },
        };
        let diff = unified(&format!("{}/{name}", kind.to_lowercase()), &text(&before)?, &text(&after)?);
        bytes = bytes.saturating_add(diff.len());
        let change = change.as_str().to_owned();
        differences.push(Difference { kind: kind.clone(), name: name.clone(), change, diff });
    }
    Some((differences, more))
}

type Texts<'s> = std::collections::HashMap<(&'s str, &'s str), Value>;

fn texts(snapshot: &Snapshot) -> Texts<'_> {
    let one = |stored: &'_ std::sync::Arc<crate::state::snapshot::Stored>| stored.manifest.to_json();
    let manifests = snapshot.manifests().iter();
    manifests.map(|stored| ((stored.row.kind.as_str(), stored.row.name.as_str()), one(stored))).collect()
}
