//! Suspension and revocation: state, not spec. No manifest can undo them.

use std::collections::HashMap;

use drawbridge_policy::AgentName;
use drawbridge_store::{State as StateRow, StateChange};

/// What can be suspended, resumed and revoked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An agent with everything it has.
    Agent(AgentName),
    /// A grant.
    Grant(String),
    /// One enrolled key, by its fingerprint.
    Key(String),
}

impl Subject {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Subject::Agent(_) => "agent",
            Subject::Grant(_) => "grant",
            Subject::Key(_) => "key",
        }
    }

    /// Its name or fingerprint.
    pub fn name(&self) -> &str {
        match self {
            Subject::Agent(name) => name.as_str(),
            Subject::Grant(name) | Subject::Key(name) => name,
        }
    }
}

/// How a subject stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It may act.
    Active,
    /// It may not, until it is resumed.
    Suspended(&'a StateRow),
    /// It may never again.
    Revoked(&'a StateRow),
}

impl Standing<'_> {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Active => "active",
            Standing::Suspended(_) => "suspended",
            Standing::Revoked(_) => "revoked",
        }
    }
}

/// The standings that aren't active.
#[derive(Debug, Clone, Default)]
pub struct Standings {
    rows: HashMap<(String, String), StateRow>,
}

impl Standings {
    pub(super) fn new(rows: Vec<StateRow>) -> Standings {
        let rows = rows.into_iter().map(|row| ((row.subject_kind.clone(), row.subject.clone()), row));
        Standings { rows: rows.collect() }
    }

    /// Makes a change that the database has made, or is about to; the answer is the kind of its subject.
    pub(super) fn change<'c>(&mut self, change: &'c StateChange) -> &'c str {
        match change {
            StateChange::Set(row) => {
                self.rows.insert((row.subject_kind.clone(), row.subject.clone()), row.clone());
                &row.subject_kind
            }
            StateChange::Clear { subject_kind, subject } => {
                self.rows.remove(&(subject_kind.clone(), subject.clone()));
                subject_kind
            }
        }
    }

    /// How a subject stands. A state that this release doesn't know counts as revoked.
    pub fn of(&self, subject: &Subject) -> Standing<'_> {
        let key = (subject.kind().to_owned(), subject.name().to_owned());
        match self.rows.get(&key) {
            None => Standing::Active,
            Some(row) if row.state == "suspended" => Standing::Suspended(row),
            Some(row) => Standing::Revoked(row),
        }
    }
}
