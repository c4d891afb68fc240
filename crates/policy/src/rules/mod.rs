//! Scopes and grants: what an agent may do.

mod reach;
mod spec;

use std::fmt;
use std::sync::Arc;

pub use reach::{NamePattern, PatternError, Reach};
pub use spec::{Effect, Rule, RuleProblem, RuleSpec};

use crate::time::Millis;

/// Names a rule for people: `scope/rule`, or the word of what is built in (`discovery`). Cheap to copy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuleId(Arc<str>);

impl RuleId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A named set of rules. Grants nothing by itself (≈ ClusterRole).
#[derive(Debug)]
pub struct Scope {
    name: String,
    rules: Vec<(RuleId, Rule)>,
}

/// What a person should know before a scope is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caution {
    /// The rule's name.
    pub rule: String,
    /// What it allows besides what it says, in one sentence.
    pub what: String,
    /// The word which, in the rule's `acknowledge`, silences this.
    pub acknowledge: &'static str,
}

impl Scope {
    /// A scope of checked rules.
    #[must_use]
    pub fn new(name: &str, rules: Vec<Rule>) -> Self {
        let named = |rule: Rule| (RuleId(format!("{name}/{}", rule.name()).into()), rule);
        Self { name: name.to_owned(), rules: rules.into_iter().map(named).collect() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rules, with the names that the record has of them.
    pub fn rules(&self) -> impl Iterator<Item = (&RuleId, &Rule)> {
        self.rules.iter().map(|(id, rule)| (id, rule))
    }

    /// What a person should know before it is applied, less what the rules acknowledge.
    #[must_use]
    pub fn cautions(&self) -> Vec<Caution> {
        Vec::new()
    }
}

/// One scope that an agent holds through one grant.
#[derive(Debug, Clone)]
pub struct Held {
    /// The grant's name.
    pub grant: String,
    /// When it ends: at this time it no longer counts. None: no end.
    pub until: Option<Millis>,
    /// Where it holds.
    pub namespaces: Reach,
    /// What it allows and denies there.
    pub scope: Arc<Scope>,
}

/// What one agent holds on one cluster.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    held: Vec<Held>,
}

impl Rules {
    /// What the agent's grants on this cluster give, in any order.
    #[must_use]
    pub fn new(held: Vec<Held>) -> Self {
        Self { held }
    }

    /// An agent without a grant: everything is refused.
    #[must_use]
    pub fn none() -> Self {
        Self { held: Vec::new() }
    }

    /// Whether there is no grant at all, ended or not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}
