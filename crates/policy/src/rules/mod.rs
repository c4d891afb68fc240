//! Scopes and grants: what an agent may do.

mod ask;
mod builtin;
mod cautions;
mod check;
mod exceptions;
mod index;
mod limit;
pub(crate) mod matching;
mod reach;
mod spec;
mod weigh;

use std::fmt;
use std::sync::Arc;

pub(crate) use ask::{Ask, On};
pub use builtin::{AGENTS_NAMESPACE, BUILT_INS, BuiltIn, DISCOVERY, OWN_PREFIX, SYSTEM_NAMESPACE};
pub(crate) use builtin::{denied, is_discovery};
pub use cautions::CAUTIONS;
pub(crate) use exceptions::escape;
pub use exceptions::{ESCAPES, EXCEPTIONS, Escape, Exception, Verbs};
pub use limit::{Limit, LimitError, Per};
pub use reach::{NamePattern, PatternError, Reach};
pub use spec::{Effect, Rule, RuleProblem, RuleSpec};
pub use weigh::{Weighed, weigh};

use crate::time::Millis;

use index::Index;

/// Names a rule for people: `scope/rule`, or the word of what is built in (`discovery`). Cheap to copy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuleId(Arc<str>);

impl RuleId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What every agent may do that holds a grant.
    pub(crate) fn discovery() -> Self {
        Self("discovery".into())
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
    allow: Index,
    deny: Index,
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
        let (mut allow, mut deny) = (Index::default(), Index::default());
        for (place, rule) in rules.iter().enumerate() {
            match rule.effect() {
                Effect::Allow => allow.add(place, rule.spec()),
                Effect::Deny => deny.add(place, rule.spec()),
            }
        }
        let named = |rule: Rule| (RuleId(format!("{name}/{}", rule.name()).into()), rule);
        Self { name: name.to_owned(), rules: rules.into_iter().map(named).collect(), allow, deny }
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

    /// The first of its allow rules that allows this.
    fn allowing(&self, reach: &Reach, ask: Ask<'_>) -> Option<&RuleId> {
        let allows = |place: &usize| {
            self.rules.get(*place).is_some_and(|(_, rule)| matching::allows(rule.spec(), reach, ask))
        };
        let first = self.allow.places(ask).filter(allows).min()?;
        self.rules.get(first).map(|(id, _)| id)
    }

    /// The first of its deny rules that refuses this.
    fn denying(&self, reach: &Reach, ask: Ask<'_>) -> Option<&RuleId> {
        let denies = |place: &usize| {
            self.rules.get(*place).is_some_and(|(_, rule)| matching::denies(rule.spec(), reach, ask))
        };
        let first = self.deny.places(ask).filter(denies).min()?;
        self.rules.get(first).map(|(id, _)| id)
    }

    /// What a person should know before it is applied, less what the rules acknowledge.
    #[must_use]
    pub fn cautions(&self) -> Vec<Caution> {
        self.rules.iter().flat_map(|(_, rule)| cautions::of(rule)).collect()
    }
}

/// One scope that an agent holds through one grant.
#[derive(Debug, Clone)]
pub struct HeldScope {
    /// The grant's name.
    pub grant: String,
    /// When it ends: at this time it no longer counts. None: no end.
    pub until: Option<Millis>,
    /// Where it holds.
    pub namespaces: Reach,
    /// What it allows and denies there.
    pub scope: Arc<Scope>,
}

impl HeldScope {
    /// Whether it allows anything. What is left of a suspended grant only denies.
    pub(crate) fn gives_something(&self) -> bool {
        self.scope.rules.iter().any(|(_, rule)| rule.effect() == Effect::Allow)
    }
}

/// What one agent holds on one cluster.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    held: Vec<HeldScope>,
}

impl Rules {
    /// What the agent's grants on this cluster give, in any order.
    #[must_use]
    pub fn new(held: Vec<HeldScope>) -> Self {
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

    /// What hasn't ended: a grant no longer counts at its end, neither for what it allows nor for what it
    /// denies.
    pub(crate) fn held(&self, now: Millis) -> impl Iterator<Item = &HeldScope> {
        self.held.iter().filter(move |held| held.until.is_none_or(|until| now < until))
    }

    /// What allows this, if anything does: of several the one that lasts longest, so that no stream is cut
    /// while another grant would still allow it.
    pub(crate) fn allowing(&self, ask: Ask<'_>, now: Millis) -> Option<Allowing<'_>> {
        let mut best: Option<Allowing<'_>> = None;
        for held in self.held(now) {
            let Some(id) = held.scope.allowing(&held.namespaces, ask) else { continue };
            if best.as_ref().is_none_or(|best| lasts_longer(held.until, best.held.until)) {
                best = Some(Allowing { id, held });
            }
        }
        best
    }

    /// The deny rule that refuses this, if one does.
    pub(crate) fn denying(&self, ask: Ask<'_>, now: Millis) -> Option<&RuleId> {
        matching::equivalents(ask)
            .find_map(|ask| self.held(now).find_map(|held| held.scope.denying(&held.namespaces, ask)))
    }

    /// The grant that lasts longest, of those that give something.
    pub(crate) fn longest(&self, now: Millis) -> Option<&HeldScope> {
        self.held(now)
            .filter(|held| held.gives_something())
            .reduce(|best, held| if lasts_longer(held.until, best.until) { held } else { best })
    }
}

/// What allows something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowing<'a> {
    pub(crate) id: &'a RuleId,
    pub(crate) held: &'a HeldScope,
}

fn lasts_longer(until: Option<Millis>, than: Option<Millis>) -> bool {
    match (until, than) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(until), Some(than)) => until > than,
    }
}
