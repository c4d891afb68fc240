//! Changes by people: apply, delete, suspend, resume, revoke. Each is written with its entry in the record in
//! one transaction, takes effect here before it returns, and says what it closed.

use drawbridge_policy::AgentName;
use drawbridge_store::{Change, Manifest as StoredRow, Part, Row, State as StateRow, StateChange};
use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;

use super::State;
use super::snapshot::{Snapshot, Stored};
use super::standing::{Standing, Subject};
use crate::lease::Closed;
use crate::manifest::{self, Located, Manifest, Problems, Source};

/// Why a change was not made. Nothing of it was.
#[derive(Debug, Error)]
pub enum NotChanged {
    /// The manifests have problems.
    #[error("{0}")]
    Problems(Problems),
    /// There is nothing of that name.
    #[error("no {kind} {name:?} is known; 'drawbridge get' lists what is")]
    Unknown {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// It is needed by something else.
    #[error("{0}")]
    Needed(String),
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
    /// The database.
    #[error(transparent)]
    Store(#[from] drawbridge_store::Error),
}

/// What an apply did to one manifest.
#[derive(Debug, Clone, Serialize)]
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
}

/// What an apply did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Manifest by manifest.
    pub applied: Vec<Applied>,
    /// What its author should know.
    pub cautions: Vec<String>,
    /// The streams that are no longer allowed, and were closed.
    pub closed: Closed,
}

/// Whether a change is to be made or only shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Make it.
    Make,
    /// Show what it would do.
    DryRun,
}

/// What to do to a subject's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Out, until resumed.
    Suspend,
    /// Back in.
    Resume,
    /// Out for good.
    Revoke,
}

impl Verdict {
    fn event(self) -> &'static str {
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
    /// Applies manifests: all of them or none.
    pub async fn apply(&self, sources: &[Source], author: &Author, mode: Mode) -> Result<Report, NotChanged> {
        let _alone = self.changing.lock().await;
        let before = self.snapshot();
        let known: Vec<Manifest> = before.manifests().iter().map(|stored| stored.manifest.clone()).collect();
        let read = manifest::read_together(sources, &known).map_err(NotChanged::Problems)?;
        let applied: Vec<Applied> = read.iter().map(|located| compare(located, &known)).collect();
        let cautions = manifest::cautions(&read, &known, self.clock.now());
        let mut report = Report { applied, cautions, closed: Closed::default() };
        if mode == Mode::DryRun {
            return Ok(report);
        }
        let mut changes = Vec::new();
        let mut puts = Vec::new();
        let mut rows = Vec::new();
        for (located, applied) in read.iter().zip(&report.applied) {
            if applied.change == What::Unchanged {
                continue;
            }
            let manifest = located.get();
            let put = self.stored(manifest, &before);
            changes.push(put_of(&put));
            puts.push(put);
            let what = json!({ "kind": applied.kind, "name": applied.name, "change": applied.change,
                "manifest": manifest.to_json() });
            rows.push(self.event("apply", agent_named(&applied.kind, &applied.name), author, &what));
        }
        if !changes.is_empty() {
            let next = before.changed(puts, &[], self.patience);
            let revision = self.store.apply(before.revision(), &changes, &rows).await?;
            report.closed = self.swap(next.at(revision)).await;
            self.closed("apply", report.closed).await;
        }
        Ok(report)
    }

    /// The manifest as the database will hold it.
    fn stored(&self, manifest: &Manifest, before: &Snapshot) -> Stored {
        let now = self.clock.now().0;
        let (kind, name) = (manifest.kind(), manifest.name());
        let was = before.manifests().iter().find(|was| was.row.kind == kind && was.row.name == name);
        let fresh = || uuid::Uuid::now_v7().to_string();
        Stored {
            manifest: manifest.clone(),
            row: StoredRow {
                kind: kind.to_owned(),
                name: name.to_owned(),
                uid: was.map_or_else(fresh, |was| was.row.uid.clone()),
                generation: was.map_or(1, |was| was.row.generation.saturating_add(1)),
                revision: before.revision().saturating_add(1),
                body: manifest.to_json().to_string(),
                created: was.map_or(now, |was| was.row.created),
                updated: now,
            },
        }
    }

    /// Deletes a manifest that nothing refers to.
    pub async fn delete(&self, kind: &str, name: &str, author: &Author) -> Result<Closed, NotChanged> {
        let _alone = self.changing.lock().await;
        let before = self.snapshot();
        let known: Vec<Manifest> = before.manifests().iter().map(|stored| stored.manifest.clone()).collect();
        if !known.iter().any(|manifest| manifest.kind() == kind && manifest.name() == name) {
            return Err(NotChanged::Unknown { kind: kind.to_owned(), name: name.to_owned() });
        }
        if let Some(why) = manifest::needed_by(kind, name, &known) {
            return Err(NotChanged::Needed(why));
        }
        let change = Change::Delete { kind: kind.to_owned(), name: name.to_owned() };
        let what = json!({ "kind": kind, "name": name });
        let row = self.event("delete", agent_named(kind, name), author, &what);
        let next = before.changed(Vec::new(), &[(kind, name)], self.patience);
        let revision = self.store.apply(before.revision(), &[change], &[row]).await?;
        let closed = self.swap(next.at(revision)).await;
        self.closed("delete", closed).await;
        Ok(closed)
    }

    /// Suspends, resumes or revokes. When this returns, what had to end has ended.
    pub async fn judge(
        &self,
        subject: &Subject,
        verdict: Verdict,
        author: &Author,
    ) -> Result<Closed, NotChanged> {
        let _alone = self.changing.lock().await;
        let snapshot = self.snapshot();
        let unknown =
            || NotChanged::Unknown { kind: subject.kind().to_owned(), name: subject.name().to_owned() };
        if !self.is_known(subject) {
            return Err(unknown());
        }
        let standing = snapshot.standings().of(subject);
        let change = match (verdict, standing) {
            (_, Standing::Revoked(_)) => {
                return Err(NotChanged::Final { kind: subject.kind(), name: subject.name().to_owned() });
            }
            (Verdict::Suspend, Standing::Suspended(_)) | (Verdict::Resume, Standing::Active) => {
                return Ok(Closed::default());
            }
            (Verdict::Resume, Standing::Suspended(_)) => StateChange::Clear {
                subject_kind: subject.kind().to_owned(),
                subject: subject.name().to_owned(),
            },
            (Verdict::Suspend, Standing::Active) => self.set(subject, "suspended", author),
            (Verdict::Revoke, Standing::Active | Standing::Suspended(_)) => {
                self.set(subject, "revoked", author)
            }
        };
        let agent = match subject {
            Subject::Agent(name) => Some(name.clone()),
            Subject::Grant(_) | Subject::Key(_) => None,
        };
        let what = json!({ "kind": subject.kind(), "name": subject.name() });
        let row = self.event(verdict.event(), agent, author, &what);
        let next = snapshot.judged(&change, self.patience);
        let revision = match self.store.set_states(&[change], &[row]).await {
            Ok(revision) => revision,
            Err(error) if verdict == Verdict::Resume => return Err(error.into()),
            // Who is to be stopped is stopped, whatever the database does.
            Err(error) => {
                let closed = self.swap(next).await;
                return Err(NotChanged::OnlyHere { closed, error });
            }
        };
        let closed = self.swap(next.at(revision)).await;
        self.closed(verdict.event(), closed).await;
        Ok(closed)
    }

    fn is_known(&self, subject: &Subject) -> bool {
        let snapshot = self.snapshot();
        let state = snapshot.standings().of(subject);
        if !matches!(state, Standing::Active) {
            return true;
        }
        snapshot.manifests().iter().any(|stored| match (&stored.manifest, subject) {
            (Manifest::Agent(agent), Subject::Agent(name)) => agent.name == *name,
            (Manifest::Grant(grant), Subject::Grant(name)) => grant.metadata.name == *name,
            (Manifest::Agent(agent), Subject::Key(fingerprint)) => {
                snapshot.keys_of(&agent.name).any(|key| key.fingerprint() == *fingerprint)
            }
            _ => false,
        })
    }

    fn set(&self, subject: &Subject, state: &str, author: &Author) -> StateChange {
        StateChange::Set(StateRow {
            subject_kind: subject.kind().to_owned(),
            subject: subject.name().to_owned(),
            state: state.to_owned(),
            since: self.clock.now().0,
            by: author.by.clone(),
            reason: author.reason.clone(),
        })
    }

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

    fn event(&self, event: &str, agent: Option<AgentName>, author: &Author, what: &Value) -> Row {
        let now = self.clock.now().0;
        let body = json!({ "time": now, "part": "event", "event": event, "by": author.by,
            "reason": author.reason, "what": what });
        Row {
            request: uuid::Uuid::now_v7().to_string(),
            part: Part::Event,
            time: now,
            agent: agent.map(|agent| agent.as_str().to_owned()),
            task: None,
            session: None,
            cluster: None,
            verb: None,
            api_group: None,
            resource: None,
            subresource: None,
            namespace: None,
            name: None,
            result: Some(event.to_owned()),
            body: body.to_string(),
        }
    }
}

fn put_of(stored: &Stored) -> Change {
    let row = &stored.row;
    Change::Put {
        kind: row.kind.clone(),
        name: row.name.clone(),
        uid: row.uid.clone(),
        body: row.body.clone(),
        at: row.updated,
    }
}

fn compare(located: &Located<Manifest>, known: &[Manifest]) -> Applied {
    let manifest = located.get();
    let was = known.iter().find(|was| was.kind() == manifest.kind() && was.name() == manifest.name());
    let change = match was {
        None => What::Created,
        Some(was) if was.to_json() == manifest.to_json() => What::Unchanged,
        Some(_) => What::Configured,
    };
    Applied { kind: manifest.kind().to_owned(), name: manifest.name().to_owned(), change }
}

fn agent_named(kind: &str, name: &str) -> Option<AgentName> {
    (kind == "Agent").then(|| AgentName::parse(name).ok()).flatten()
}
