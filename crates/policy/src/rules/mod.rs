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

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub(crate) use ask::{Ask, On, RESOURCE_VERBS};
pub use builtin::{
    AGENTS_NAMESPACE, BUILT_INS, BuiltIn, DISCOVERY, OWN_PREFIX, SYSTEM_NAMESPACE, is_discovery_path,
};
pub(crate) use builtin::{SECRETS, denied, denied_on, discovers, is_discovery};
pub use cautions::CAUTIONS;
pub(crate) use exceptions::escape;
pub use exceptions::{ESCAPES, EXCEPTIONS, Escape, Exception, Verbs};
pub use limit::{Limit, LimitError, Per};
pub(crate) use matching::is_cluster_scoped;
pub use reach::{NamePattern, PatternError, Reach};
pub use spec::{Effect, Rule, RuleProblem, RuleSpec, Terms};
pub(crate) use weigh::meets;
pub use weigh::{Weighed, escape_of, weigh};

use crate::time::Millis;

use index::Index;

/// Names a rule for people: `scope/rule`, or the word of what is built in (`discovery`,
/// `review`). Cheap to copy.
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

    /// What every agent may ask about itself that holds a grant.
    pub(crate) fn review() -> Self {
        Self("review".into())
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
    has: Has,
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
        let has = Has {
            conditional_denies: rules.iter().any(|rule| rule.effect() == Effect::Deny && !rule.is_plain()),
            masks: rules.iter().any(|rule| rule.mask().is_some()),
        };
        let named = |rule: Rule| (RuleId(format!("{name}/{}", rule.name()).into()), rule);
        Self { name: name.to_owned(), rules: rules.into_iter().map(named).collect(), allow, deny, has }
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

    /// The first of its allow rules without terms that allows this.
    fn allowing(&self, reach: &Reach, ask: Ask<'_>) -> Option<&RuleId> {
        let first = self.allows(reach, ask).filter(|place| self.is_plain(*place)).min()?;
        self.rules.get(first).map(|(id, _)| id)
    }

    /// The first of its deny rules without terms that refuses this.
    fn denying(&self, reach: &Reach, ask: Ask<'_>) -> Option<&RuleId> {
        let first = self.denies(reach, ask).filter(|place| self.is_plain(*place)).min()?;
        self.rules.get(first).map(|(id, _)| id)
    }

    fn allows(&self, reach: &Reach, ask: Ask<'_>) -> impl Iterator<Item = usize> {
        let allows = move |rule: &(RuleId, Rule)| matching::allows(rule.1.spec(), reach, ask);
        self.allow.places(ask).filter(move |place| self.rules.get(*place).is_some_and(allows))
    }

    fn denies(&self, reach: &Reach, ask: Ask<'_>) -> impl Iterator<Item = usize> {
        let denies = move |rule: &(RuleId, Rule)| matching::denies(rule.1.spec(), reach, ask);
        self.deny.places(ask).filter(move |place| self.rules.get(*place).is_some_and(denies))
    }

    fn is_plain(&self, place: usize) -> bool {
        self.rules.get(place).is_some_and(|(_, rule)| rule.is_plain())
    }

    /// The rule at a place.
    pub(crate) fn rule(&self, place: usize) -> Option<(&RuleId, &Rule)> {
        self.rules.get(place).map(|(id, rule)| (id, rule))
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
    /// What it answers to lists of all namespaces.
    pub lists: Lists,
}

/// What a grant in some namespaces answers to lists and watches of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lists {
    /// Nothing: they are refused, as RBAC refuses them.
    Refused,
    /// What its namespaces and names allow.
    Filtered,
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
    has: Has,
    /// What is held through grants that only observe: it decides nothing.
    observed: Vec<Rules>,
}

/// What its rules have at all, so that nobody pays for what no rule uses.
#[derive(Debug, Clone, Copy, Default)]
struct Has {
    conditional_denies: bool,
    masks: bool,
}

impl Rules {
    /// What the agent's grants on this cluster give, in any order.
    #[must_use]
    pub fn new(held: Vec<HeldScope>) -> Self {
        let has = Has {
            conditional_denies: held.iter().any(|held| held.scope.has.conditional_denies),
            masks: held.iter().any(|held| held.scope.has.masks),
        };
        Self { held, has, observed: Vec::new() }
    }

    /// The same, and beside it what grants give that only observe, in any order. It decides nothing, and
    /// makes nothing of an agent that holds nothing else.
    #[must_use]
    pub fn observing(mut self, held: Vec<HeldScope>) -> Self {
        let mut grants: BTreeMap<String, Vec<HeldScope>> = BTreeMap::new();
        for one in held {
            grants.entry(one.grant.clone()).or_default().push(one);
        }
        self.observed = grants.into_values().map(Self::new).collect();
        self
    }

    /// Each grant that only observes and hasn't ended, with what it would give alone.
    pub(crate) fn observed(&self, now: Millis) -> impl Iterator<Item = (&str, &Self)> {
        self.observed.iter().filter_map(move |rules| Some((rules.held(now).next()?.grant.as_str(), rules)))
    }

    /// An agent without a grant: everything is refused.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether any deny rule has a condition.
    pub(crate) fn has_conditional_denies(&self) -> bool {
        self.has.conditional_denies
    }

    /// Whether there is no grant at all, ended or not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether these are the same rules, held in the same way: then what they decided still stands.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let same = |(one, other): (&HeldScope, &HeldScope)| {
            Arc::ptr_eq(&one.scope, &other.scope)
                && (&one.grant, one.until, &one.namespaces, one.lists)
                    == (&other.grant, other.until, &other.namespaces, other.lists)
        };
        self.held.len() == other.held.len() && self.held.iter().zip(&other.held).all(same)
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

    /// The allow rules with terms that are about this, those that come first in their scopes first.
    pub(crate) fn allowing_if(&self, ask: Ask<'_>, now: Millis) -> Vec<Candidate> {
        let found = self.held(now).flat_map(|held| {
            let places = held.scope.allows(&held.namespaces, ask).filter(|at| !held.scope.is_plain(*at));
            Candidate::all(held, places)
        });
        found.collect()
    }

    /// The deny rules with a condition that could be about this.
    pub(crate) fn denying_if(&self, ask: Ask<'_>, now: Millis) -> Vec<Candidate> {
        let mut found = Vec::new();
        for ask in matching::equivalents(ask) {
            for held in self.held(now) {
                let places = held.scope.denies(&held.namespaces, ask).filter(|at| !held.scope.is_plain(*at));
                found.extend(Candidate::all(held, places));
            }
        }
        found
    }

    /// The allow rules that could show some of what a list or watch asks for, since their grants filter
    /// lists: those that fit but for namespace and name.
    pub(crate) fn filtering(&self, ask: Ask<'_>, now: Millis) -> Vec<Candidate> {
        let filtered = self.held(now).filter(|held| held.lists == Lists::Filtered);
        let found = filtered.flat_map(|held| {
            let fits = |place: &usize| {
                held.scope.rule(*place).is_some_and(|(_, rule)| {
                    let fit = matching::fit(rule.spec(), &held.namespaces, ask);
                    fit.verb && fit.kind && fit.inexact.is_none() && (fit.reach || spans(ask))
                })
            };
            Candidate::all(held, held.scope.allow.places(ask).filter(fits))
        });
        found.collect()
    }

    /// The rules that hide something from who reads objects of the kind that this is about, whatever their
    /// names and namespaces; none where a rule without terms shows all of them whole.
    pub(crate) fn masking(&self, ask: Ask<'_>, now: Millis) -> Vec<Candidate> {
        let Ask::Resource(on) = ask else { return Vec::new() };
        let reads = ["get", "list", "watch"].map(|verb| Ask::Resource(on.object().verb(verb)));
        if !self.has.masks || reads.iter().any(|read| self.allowing(*read, now).is_some()) {
            return Vec::new();
        }
        let hides = |held: &HeldScope, place: usize| {
            let Some((_, rule)) = held.scope.rule(place) else { return false };
            let mut fits = reads.iter().map(|read| matching::fit(rule.spec(), &held.namespaces, *read));
            rule.mask().is_some() && fits.any(|fit| fit.verb && fit.kind)
        };
        let found = self.held(now).flat_map(|held| {
            let places = reads.iter().flat_map(|read| held.scope.allow.places(*read));
            Candidate::all(held, places.filter(|place| hides(held, *place)))
        });
        found.collect()
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

/// A rule that could decide, with what it is held through. It keeps its scope alive, so that what it decided
/// can go on being decided while an answer streams.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    id: RuleId,
    scope: Arc<Scope>,
    place: usize,
    pub(crate) grant: String,
    pub(crate) reach: Reach,
    pub(crate) until: Option<Millis>,
}

impl Candidate {
    fn all(held: &HeldScope, places: impl Iterator<Item = usize>) -> Vec<Self> {
        let mut places: Vec<_> = places.collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|place| Self::of(held, place)).collect()
    }

    /// The rule at a place of a held scope.
    pub(crate) fn of(held: &HeldScope, place: usize) -> Option<Self> {
        let (id, _) = held.scope.rule(place)?;
        Some(Self {
            id: id.clone(),
            scope: held.scope.clone(),
            place,
            grant: held.grant.clone(),
            reach: held.namespaces.clone(),
            until: held.until,
        })
    }

    /// The rule's name.
    pub(crate) fn id(&self) -> &RuleId {
        &self.id
    }

    /// Whether it is about an object of this namespace and name.
    pub(crate) fn covers(&self, namespace: &str, name: &str) -> bool {
        let named = |rule: &Rule| {
            let names = &rule.spec().resource_names;
            names.is_empty() || names.iter().any(|known| known == name)
        };
        let reached = match &self.reach {
            Reach::Everywhere => true,
            Reach::Namespaces(patterns) => patterns.iter().any(|pattern| pattern.matches(namespace)),
        };
        reached && self.rule().is_some_and(named)
    }

    /// Whether it is about everything that is asked for, whatever the objects are.
    pub(crate) fn is_for_all_of(&self, ask: Ask<'_>) -> bool {
        self.rule().is_some_and(|rule| {
            rule.condition().is_none() && matching::fit(rule.spec(), &self.reach, ask).is_whole()
        })
    }

    /// The rule. None never happens: a place is one of its own scope's.
    pub(crate) fn rule(&self) -> Option<&Rule> {
        self.scope.rule(self.place).map(|(_, rule)| rule)
    }
}

/// Whether a list or watch spans all namespaces: one of a single namespace is for grants that reach it.
fn spans(ask: Ask<'_>) -> bool {
    matches!(ask, Ask::Resource(on) if on.namespace.is_empty())
}

fn lasts_longer(until: Option<Millis>, than: Option<Millis>) -> bool {
    match (until, than) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(until), Some(than)) => until > than,
    }
}
