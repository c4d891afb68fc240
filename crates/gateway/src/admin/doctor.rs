//! `GET /v1/doctor`: what the gateway finds when it looks at itself and asks its clusters. Nothing is
//! changed.

mod cluster;
mod ends;
mod gateway;
mod issuers;
mod rights;
mod url;

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

pub(crate) use cluster::KNOWN_AS;
pub(crate) use rights::listed;

use super::Admin;
use super::failure::Failure;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// It will become a problem, or is one under some circumstances.
    Warning,
    /// Something doesn't work, or the boundary has a hole.
    Problem,
}

impl Severity {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about: `gateway`, or `cluster/NAME`.
    pub about: String,
    /// What was looked at, in a word or two.
    pub check: String,
    /// What was seen.
    pub seen: String,
    /// What to do about it; empty where nothing is to be done.
    #[serde(default)]
    pub todo: String,
}

/// Everything that was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Findings {
    /// One by one.
    pub findings: Vec<Finding>,
}

/// What to look at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    cluster: Option<String>,
}

/// Collects findings about one thing.
#[derive(Debug)]
pub struct Notes {
    about: String,
    found: Vec<Finding>,
}

impl Notes {
    /// None yet.
    pub fn about(about: &str) -> Notes {
        Notes { about: about.to_owned(), found: Vec::new() }
    }

    /// All is well.
    pub fn ok(&mut self, check: &str, seen: impl Into<String>) {
        self.add(Severity::Ok, check, seen, "");
    }

    /// Adds one.
    pub fn add(&mut self, severity: Severity, check: &str, seen: impl Into<String>, todo: impl Into<String>) {
        self.found.push(Finding {
            severity,
            about: self.about.clone(),
            check: check.to_owned(),
            seen: seen.into(),
            todo: todo.into(),
        });
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// What was found.
    pub fn finish(self) -> Vec<Finding> {
        self.found
    }
}

/// Looks.
pub(super) async fn look(
    State(admin): State<Arc<Admin>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Findings>, Failure> {
    let Query(wanted) = wanted?;
    let snapshot = admin.gate.state.snapshot();
    let mut clusters: Vec<_> = match &wanted.cluster {
        None => snapshot.clusters().cloned().collect(),
        Some(name) => {
            let known = snapshot.cluster(name).cloned();
            vec![known.ok_or_else(|| Failure::Malformed(unknown(name, &snapshot)))?]
        }
    };
    clusters.sort_by(|a, b| a.name().cmp(b.name()));
    let issuers = issuers::look(&snapshot, wanted.cluster.as_deref());
    let mut findings = match wanted.cluster {
        None => gateway::look(&admin).await,
        Some(_) => Vec::new(),
    };
    let looked = join_all(clusters.iter().map(|cluster| cluster::look(&admin, cluster))).await;
    findings.extend(looked.into_iter().flatten());
    findings.extend(issuers);
    Ok(Json(Findings { findings }))
}

fn unknown(name: &str, snapshot: &crate::state::snapshot::Snapshot) -> String {
    let mut known: Vec<&str> = snapshot.clusters().map(|cluster| cluster.name()).collect();
    known.sort_unstable();
    let known = if known.is_empty() { "there are none yet".to_owned() } else { known.join(", ") };
    format!("no cluster {name:?} is known; known: {known}")
}
