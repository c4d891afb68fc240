//! An agent: one account for one non-human identity, with an owner and a purpose.

use drawbridge_policy::AgentName;
use serde_json::{Map, Value, json};

use super::{Identity, Metadata, text};
use crate::yaml::{At, Report, Shape};

/// Characters of an owner.
const OWNER: usize = 253;

/// Characters of a purpose: a sentence or three.
const PURPOSE: usize = 1_000;

/// Identities of one agent. More are several agents.
const IDENTITIES: usize = 100;

/// The largest bound on copies: as many are told apart at once.
pub const INSTANCES_MOST: usize = 1_000;

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its name, which is `metadata.name`.
    pub name: AgentName,
    /// Its name, labels and annotations.
    pub metadata: Metadata,
    /// The person who answers for it: an e-mail address or a name.
    pub owner: String,
    /// What it is for, in one line.
    pub purpose: String,
    /// How it is recognised. None: it is not.
    pub identities: Vec<Identity>,
    /// A bound on how many copies of it run at once, if it has one.
    pub instances: Option<Instances>,
}

/// How many copies may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instances {
    /// At most so many.
    pub max: usize,
    /// What happens to one more.
    pub beyond: Beyond,
}

/// What happens to an instance beyond the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// It is let through, and told in the record and to people.
    Report,
    /// It is refused.
    Refuse,
}

pub(super) const SHAPE: Shape = Shape {
    known: &["owner", "purpose", "identities", "instances"],
    later: &[("tasks", "tasks that must be opened first")],
};

pub(super) const INSTANCES: Shape = Shape::of(&["max", "enforce"]);

impl Agent {
    pub(super) fn read(metadata: Metadata, at: &At<'_>, report: &mut Report) -> Option<Agent> {
        let fields = at.fields(SHAPE, report)?;
        let owner = fields.required("owner", "the person who answers for the agent", report);
        let owner = owner.and_then(|at| text::line(&at, OWNER, report));
        let purpose = fields.required("purpose", "what the agent is for, in one line", report);
        let purpose = purpose.and_then(|at| text::line(&at, PURPOSE, report));
        let identities = match fields.optional("identities") {
            None => Some(Vec::new()),
            Some(at) => identities(&at, report),
        };
        let instances = match fields.optional("instances") {
            None => Some(None),
            Some(at) => instances(&at, report).map(Some),
        };
        let name = AgentName::parse(&metadata.name).ok()?;
        let (owner, purpose, identities) = (owner?, purpose?, identities?);
        Some(Agent { name, metadata, owner, purpose, identities, instances: instances? })
    }

    pub(super) fn spec(&self) -> Value {
        let mut spec = Map::new();
        spec.insert("owner".to_owned(), json!(self.owner));
        spec.insert("purpose".to_owned(), json!(self.purpose));
        if !self.identities.is_empty() {
            spec.insert("identities".to_owned(), self.identities.iter().map(Identity::to_json).collect());
        }
        match self.instances {
            None => {}
            Some(Instances { max, beyond: Beyond::Report }) => {
                spec.insert("instances".to_owned(), json!({"max": max}));
            }
            Some(Instances { max, beyond: Beyond::Refuse }) => {
                spec.insert("instances".to_owned(), json!({"max": max, "enforce": true}));
            }
        }
        Value::Object(spec)
    }
}

fn instances(at: &At<'_>, report: &mut Report) -> Option<Instances> {
    let fields = at.fields(INSTANCES, report)?;
    let at = fields.required("max", "how many copies may run at once", report)?;
    let max = at.integer(report)?;
    let most = i64::try_from(INSTANCES_MOST).unwrap_or(i64::MAX);
    if !(1..=most).contains(&max) {
        at.wrong(report, &format!("expected 1 to {INSTANCES_MOST}, found {max}"));
        return None;
    }
    let beyond = match fields.optional("enforce") {
        None => Beyond::Report,
        Some(at) => {
            if at.truth(report)? {
                Beyond::Refuse
            } else {
                Beyond::Report
            }
        }
    };
    Some(Instances { max: usize::try_from(max).unwrap_or(INSTANCES_MOST), beyond })
}

fn identities(at: &At<'_>, report: &mut Report) -> Option<Vec<Identity>> {
    let items = at.list(report)?;
    if items.len() > IDENTITIES {
        at.wrong(
            report,
            &format!("an agent has at most {IDENTITIES} identities, this one has {}", items.len()),
        );
        return None;
    }
    let before = report.count();
    let mut identities = Vec::new();
    for item in &items {
        let Some(identity) = Identity::read(item, report) else { continue };
        if identities.contains(&identity) {
            item.wrong(report, "the same identity stands above; leave it out");
        }
        identities.push(identity);
    }
    (report.count() == before).then_some(identities)
}
