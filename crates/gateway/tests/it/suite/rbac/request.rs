//! A request as the generator means it: what it asks, and the line and body that say so. The API server is
//! asked about the former and the gateway is given the latter, so that reading the line is compared, too.

use std::fmt;

use bytes::Bytes;
use drawbridge_policy::{
    AgentName, Attributes, Case, Decision, Fact, Facts, Line, Live, Millis, Payload, Rules, decide,
};
use serde_json::{Value, json};

use super::ask::Ask;

/// The connections into a workload, by subresource.
pub(super) const CONNECTIONS: [&str; 4] = ["exec", "attach", "portforward", "proxy"];

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) ask: Ask,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) query: String,
    /// The type of its body; "" without one.
    pub(super) kind: &'static str,
    pub(super) body: String,
    pub(super) does: Does,
    /// The object that it names, as the cluster has it.
    pub(super) there: There,
}

/// What a request does, as far as the API server checks more inside it than its verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// What its verb says.
    Plain,
    /// A PUT or a server-side apply, which create what isn't there.
    Puts {
        owners: Owners,
        bound: bool,
    },
    Applies {
        owners: Owners,
        bound: bool,
    },
    /// Another patch.
    Patches {
        owners: Owners,
    },
    /// A delete past what can't be read.
    DeletesUnread,
    /// It creates an object that would be one of the gateway's own.
    TakesAName,
}

/// Whether a body says something about owner references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owners {
    Untouched,
    Changed,
}

/// Whether an object is there. One that is has no owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    Yes,
    No,
    /// The ceiling doesn't let agents see it.
    Unseen,
}

/// What the gateway decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decided {
    Allowed,
    /// With this reason.
    Refused(String),
}

impl Request {
    /// Path and query.
    pub(super) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The same with one more option.
    pub(super) fn add(&mut self, option: &str) {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(option);
    }

    /// What the gateway's own decision on it is.
    pub(super) fn decided(&self, rules: &Rules) -> Decided {
        let first = decide(self.case(), rules, &Facts::none(), Millis(0));
        let decision = match first {
            Decision::Needs(_, case) => {
                decide(case, rules, &Facts::none().and(Fact::Live(self.live())), Millis(0))
            }
            decided => decided,
        };
        match decision {
            Decision::Permit(_) => Decided::Allowed,
            Decision::Deny(denial, _) => Decided::Refused(denial.reason().as_str().to_owned()),
            Decision::Needs(..) | Decision::Expand(_) => panic!("{self:?}: all facts were there"),
        }
    }

    fn case(&self) -> Case {
        let query = Some(self.query.as_str()).filter(|query| !query.is_empty());
        let attributes = Attributes::parse(Line { method: self.method, path: &self.path, query })
            .unwrap_or_else(|unreadable| panic!("{self:?}: {unreadable}"));
        let kind = Some(self.kind).filter(|kind| !kind.is_empty());
        let payload = Payload::new(kind, Bytes::copy_from_slice(self.body.as_bytes()));
        Case::new(AgentName::parse("agent").unwrap(), attributes, payload)
            .unwrap_or_else(|fault| panic!("{self:?}: {fault}"))
    }

    fn live(&self) -> Live {
        match self.there {
            There::Yes => {
                Live::Present { uid: "u-1".to_owned(), resource_version: "1".to_owned(), object: Value::Null }
            }
            There::No => Live::Absent,
            There::Unseen => Live::Unseen,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { ask, method, kind, body, does, there, .. } = self;
        write!(f, "{method} {} {kind} {body}\n{does:?}, there: {there:?}\n{ask:?}", self.target())
    }
}

/// An object's metadata.
pub(super) fn metadata(name: &str, owners: Owners, bound: bool) -> Value {
    let mut metadata = json!({ "name": name });
    match owners {
        Owners::Untouched => {}
        Owners::Changed => {
            let owner = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "one", "uid": "u-2" });
            metadata["ownerReferences"] = json!([owner]);
        }
    }
    if bound {
        metadata["uid"] = json!("11111111-2222-3333-4444-555555555555");
    }
    metadata
}
