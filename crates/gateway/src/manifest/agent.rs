//! An agent: one account for one non-human identity, with an owner and a purpose.

use drawbridge_policy::AgentName;
use serde_json::{Value, json};

use super::{Metadata, text};
use crate::identity::key::PublicKey;
use crate::yaml::{At, Report, Shape};

/// Characters of an owner.
const OWNER: usize = 253;

/// Characters of a purpose: a sentence or three.
const PURPOSE: usize = 1_000;

/// Keys of one agent. More copies than this share keys, or are several agents.
const IDENTITIES: usize = 100;

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
}

/// One way in which an agent is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// By its own enrolled key.
    Key(PublicKey),
}

const SHAPE: Shape = Shape {
    known: &["owner", "purpose", "identities"],
    later: &[("tasks", "tasks that must be opened first"), ("instances", "a bound on running copies")],
};

const IDENTITY: Shape = Shape {
    known: &["key"],
    later: &[
        ("serviceAccount", "recognising a cluster's service accounts"),
        ("oidc", "recognising OIDC tokens"),
        ("spiffe", "recognising SPIFFE identities"),
    ],
};

const KEY: Shape = Shape::of(&["publicKey"]);

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
        let name = AgentName::parse(&metadata.name).ok()?;
        Some(Agent { name, metadata, owner: owner?, purpose: purpose?, identities: identities? })
    }

    pub(super) fn spec(&self) -> Value {
        let identity = |identity: &Identity| match identity {
            Identity::Key(key) => json!({"key": {"publicKey": key.to_string()}}),
        };
        let mut spec = json!({"owner": self.owner, "purpose": self.purpose});
        if let (false, Value::Object(spec)) = (self.identities.is_empty(), &mut spec) {
            spec.insert("identities".to_owned(), self.identities.iter().map(identity).collect());
        }
        spec
    }
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
        let Some(identity) = identity(item, report) else { continue };
        if identities.contains(&identity) {
            item.wrong(report, "the same key stands above; leave it out");
        }
        identities.push(identity);
    }
    (report.count() == before).then_some(identities)
}

fn identity(at: &At<'_>, report: &mut Report) -> Option<Identity> {
    let before = report.count();
    let fields = at.fields(IDENTITY, report)?;
    let Some(key) = fields.optional("key") else {
        if report.count() == before {
            at.wrong(report, "is empty; write key: {publicKey: \"ed25519:…\"}");
        }
        return None;
    };
    let at =
        key.fields(KEY, report)?.required("publicKey", "the key that 'drawbridge enrol' prints", report)?;
    match PublicKey::parse(at.text(report)?) {
        Ok(key) => Some(Identity::Key(key)),
        Err(error) => {
            at.wrong(report, &error.to_string());
            None
        }
    }
}
