//! Changes by people: what they can be, and what they leave in the record. Each is written with its entry in
//! one transaction, has taken effect here when it returns, and says what it closed.

use std::sync::Arc;

use drawbridge_policy::AgentName;
use drawbridge_store::{Part, Row};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use super::State;
use super::snapshot::Snapshot;
use crate::identity::means::Instance;
use crate::lease::Closed;
use crate::manifest::Problems;
use crate::record::writer::NotRecorded;

/// Why a change was not made. Nothing of it was.
#[derive(Debug, Error)]
pub enum NotChanged {
    /// The manifests have problems.
    #[error("{0}")]
    Problems(Problems),
    /// There is nothing of that name.
    #[error("no {} {name:?} is known; {} what is", kind.to_lowercase(), lists(kind))]
    Unknown {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// It is needed by something else.
    #[error("{0}")]
    Needed(String),
    /// Pruning would delete more than is likely to be meant.
    #[error("this would delete {} of {all} manifests, over a fifth; --yes says that it is meant", gone.len())]
    TooMany {
        /// What it would delete.
        gone: Vec<String>,
        /// How many there are that it could delete.
        all: usize,
    },
    /// Nothing is declared, so that pruning would delete everything.
    #[error("there is no manifest in what was given, and pruning by it would delete everything")]
    Nothing,
    /// It is revoked, which is final.
    #[error("{kind} {name:?} is revoked, and that is final: give the work to a new one")]
    Final {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// It took effect in this process, and the database did not take it.
    #[error("it is in force in this process only and ends with it: the database did not take it ({error}); \
        closed {} streams; repeat the call", closed.streams)]
    OnlyHere {
        /// What was closed.
        closed: Closed,
        /// What the database said.
        error: drawbridge_store::Error,
    },
    /// A fault in the gateway.
    #[error("the gateway had a fault; its log says more")]
    Fault(#[source] tokio::task::JoinError),
    /// The database.
    #[error(transparent)]
    Store(#[from] drawbridge_store::Error),
}

/// The command that shows what there is of a kind.
fn lists(kind: &str) -> String {
    match kind {
        "key" => "'drawbridge get agents -o wide' shows".to_owned(),
        kind => format!("'drawbridge get {}s' lists", kind.to_lowercase()),
    }
}

/// What an apply did to one manifest.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub change: What,
}

/// What became of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It is new.
    Created,
    /// It says something else now.
    Configured,
    /// It said that already.
    Unchanged,
    /// It is gone, since the files no longer have it.
    Deleted,
}

impl What {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Created => "created",
            What::Configured => "configured",
            What::Unchanged => "unchanged",
            What::Deleted => "deleted",
        }
    }
}

/// What an apply did.
#[derive(Debug, Clone)]
pub struct Report {
    /// Manifest by manifest.
    pub applied: Vec<Applied>,
    /// What its author should know.
    pub cautions: Vec<String>,
    /// What the watched directory no longer has and stays, since it is needed: a sentence for each.
    pub stays: Vec<String>,
    /// What the watched directory no longer has and keeps, since it is too much at once.
    pub kept: Vec<String>,
    /// The streams that are no longer allowed, and were closed.
    pub closed: Closed,
    /// Everything as it was when this was done, and before anything else was.
    pub after: Arc<Snapshot>,
}

/// What to do to a subject's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Out, until resumed.
    Suspend,
    /// Back in.
    Resume,
    /// Out for good.
    Revoke,
}

impl Verdict {
    pub(super) fn event(self) -> &'static str {
        match self {
            Verdict::Suspend => "suspend",
            Verdict::Resume => "resume",
            Verdict::Revoke => "revoke",
        }
    }
}

/// Who changes something, and why, in their own words.
#[derive(Debug, Clone)]
pub struct Author {
    /// The person, as the admin API knows them.
    pub by: String,
    /// May be empty.
    pub reason: String,
}

impl State {
    /// Notes what a change closed. The streams' own outcomes say it one by one.
    pub(super) async fn closed(&self, event: &str, closed: Closed) {
        if closed == Closed::default() {
            return;
        }
        let author = Author { by: "gateway".to_owned(), reason: event.to_owned() };
        let row = self.event("closed", None, &author, &json!({ "closed": closed }));
        if let Err(error) = self.record.note(row).await {
            tracing::warn!(%error, "what a change closed is not in the record");
        }
    }

    /// Notes that an agent runs in more copies than its owner said.
    pub async fn too_many(&self, agent: &AgentName, instance: &Instance, running: usize, most: usize) {
        let author = Author { by: "gateway".to_owned(), reason: "instances".to_owned() };
        let what = json!({ "instance": instance.as_str(), "running": running, "max": most });
        tracing::warn!(
            agent = agent.as_str(),
            running,
            most,
            "more copies of an agent run than its owner said"
        );
        if let Err(error) =
            self.record.note(self.event("instances", Some(agent.clone()), &author, &what)).await
        {
            tracing::warn!(%error, "a copy too many is not in the record");
        }
    }

    /// Notes that the gateway got a credential for a cluster. What it is stands nowhere.
    ///
    /// # Errors
    /// When the record doesn't take it; then nothing is to be kept.
    pub async fn credential_kept(&self, cluster: &str, author: &Author) -> Result<(), NotRecorded> {
        self.record.note(self.event("credential", None, author, &json!({ "cluster": cluster }))).await
    }

    pub(super) fn event(&self, event: &str, agent: Option<AgentName>, author: &Author, what: &Value) -> Row {
        let now = self.clock.now().0;
        let body = json!({ "time": now, "part": "event", "event": event, "by": author.by,
            "reason": author.reason, "what": what });
        let id = uuid::Uuid::now_v7().to_string();
        Row {
            agent: agent.map(|agent| agent.as_str().to_owned()),
            result: Some(event.to_owned()),
            ..Row::new(id, Part::Event, now, body.to_string())
        }
    }
}
