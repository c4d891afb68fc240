//! Every rule that a decision looks at, what each lacks, whether it holds, and what it costs to say: for
//! people who ask why.

use crate::attributes::Verb;
use crate::case::Case;
use crate::rules::{Ask, Candidate, Effect, HeldScope, Lists, RuleId, Rules, Terms as Stated, matching};
use crate::time::Millis;

use super::demand::Demand;
use super::facts::{Facts, Wanted};
use super::judge::Judge;
use super::manner::Manner;
use super::terms::{OfAnswer, Stand, Terms};

/// One rule, seen from one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The grant that it is held through.
    pub grant: String,
    /// What that grant answers to lists of all namespaces.
    pub lists: Lists,
    /// The rule.
    pub rule: RuleId,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// What it asks for beside verb, resource and name.
    pub terms: Stated,
    /// What keeps it from being about the request: `verb`, `resource`, `name`, `namespace`, `exact` (it names
    /// an escape by a wildcard only), `version` (it was not written for this API version).
    pub lacks: Vec<&'static str>,
    /// What becomes of it.
    pub stands: Stands,
}

/// What becomes of a rule that a request is held against, before anything was read of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// It isn't about the request: `lacks` says why.
    Apart,
    /// It does what it says.
    Holds,
    /// It doesn't, whatever the cluster has. What follows "the rule".
    Fails(String),
    /// Each object of the answer, or of the collection, is decided on its own.
    ObjectByObject(Vec<Cost>),
    /// It depends on what these calls say.
    Depends(Vec<Cost>),
}

/// A call to the cluster that a decision makes beside the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// The live object, or the part of it that the request's path names.
    Live,
    /// The Namespace.
    Namespace,
    /// The workload's earlier revisions.
    Revisions,
    /// A dry run of the request.
    DryRun,
    /// The list that a watch from a resourceVersion begins with.
    Beginning,
    /// The list of a collection that is to be deleted.
    Collection,
    /// One delete for each object of a collection.
    EachDelete,
    /// The pod once more, when something of it is open.
    PodAgain,
}

/// Every rule of every grant that counts at `now`, those that lack least first.
#[must_use]
pub fn looked_at(case: &Case, rules: &Rules, now: Millis) -> Vec<Looked> {
    let facts = Facts::none();
    let judge = Judge { case, rules, facts: &facts, now };
    let ask = case.ask();
    let trace = Trace { judge: &judge, ask, manner: Manner::of(case.attributes()) };
    let held = rules.held(now).flat_map(|held| (0..held.scope.rules().count()).map(move |at| (held, at)));
    let mut looked: Vec<_> = held.filter_map(|(held, at)| trace.rule(held, at)).collect();
    looked.sort_by_key(|one| (one.lacks.len(), one.lacks.contains(&"resource")));
    looked
}

struct Trace<'a> {
    judge: &'a Judge<'a>,
    ask: Ask<'a>,
    manner: Manner,
}

impl Trace<'_> {
    fn rule(&self, held: &HeldScope, at: usize) -> Option<Looked> {
        let candidate = Candidate::of(held, at)?;
        let rule = candidate.rule()?;
        let mut lacks = self.lacks(held, &candidate);
        let filtered = self.is_filtered(held, &candidate, &lacks);
        if filtered {
            lacks.clear();
        }
        let version = self.judge.case.attributes().resource().map_or("", |on| on.version());
        if rule.effect() == Effect::Allow && !rule.is_for(version) {
            lacks.push("version");
        }
        let stands = match (lacks.is_empty(), filtered) {
            (false, _) => Stands::Apart,
            (true, true) => Stands::ObjectByObject(self.of_read(Wanted::default())),
            (true, false) => self.stands(&candidate),
        };
        Some(Looked {
            grant: held.grant.clone(),
            lists: held.lists,
            rule: candidate.id().clone(),
            effect: rule.effect(),
            terms: rule.spec().terms.clone(),
            lacks,
            stands,
        })
    }

    fn lacks(&self, held: &HeldScope, candidate: &Candidate) -> Vec<&'static str> {
        let Some(rule) = candidate.rule() else { return Vec::new() };
        let denying = rule.effect() == Effect::Deny;
        let denies = |ask| matching::denies(rule.spec(), &held.namespaces, ask);
        if denying && matching::equivalents(self.ask).any(denies) {
            return Vec::new();
        }
        let fit = matching::fit(rule.spec(), &held.namespaces, self.ask);
        let parts = [
            (fit.kind, "resource"),
            (fit.verb, "verb"),
            (fit.reach, "namespace"),
            (fit.name, "name"),
            (fit.inexact.is_none() || denying, "exact"),
        ];
        parts.into_iter().filter(|(fits, _)| !fits).map(|(_, word)| word).collect()
    }

    /// Whether it shows some of what is asked for, since its grant filters lists.
    fn is_filtered(&self, held: &HeldScope, candidate: &Candidate, lacks: &[&str]) -> bool {
        let whole = candidate.rule().is_none_or(|rule| rule.effect() == Effect::Deny) || lacks.is_empty();
        let place = lacks.iter().all(|lack| ["namespace", "name"].contains(lack));
        let Ask::Resource(on) = self.ask else { return false };
        let lists = matches!(on.verb, "list" | "watch") && on.subresource.is_empty();
        held.lists == Lists::Filtered && lists && place && !whole
    }

    /// A rule that is about the request.
    fn stands(&self, candidate: &Candidate) -> Stands {
        let Some(rule) = candidate.rule().filter(|rule| !rule.is_plain()) else { return Stands::Holds };
        let terms = Terms::of(self.judge, self.ask);
        if self.manner == Manner::Collection {
            return Stands::ObjectByObject(vec![Cost::Collection, Cost::Live, Cost::EachDelete]);
        }
        if self.manner == Manner::Seen {
            return match rule.condition().map(|condition| terms.of_answer(condition)) {
                Some(OfAnswer::Later) => Stands::ObjectByObject(self.of_read(Wanted::default())),
                Some(OfAnswer::Lacks(wanted)) => Stands::Depends(self.of_read(wanted)),
                Some(OfAnswer::Now | OfAnswer::Never) | None => match rule.effect() {
                    Effect::Allow => self.said(terms.may_show(candidate), candidate),
                    Effect::Deny => self.said(terms.may_hide(candidate), candidate),
                },
            };
        }
        match rule.effect() {
            Effect::Allow => self.said(terms.allows(candidate), candidate),
            Effect::Deny => self.said(terms.denies(candidate), candidate),
        }
    }

    fn said(&self, stand: Stand, candidate: &Candidate) -> Stands {
        match stand {
            Stand::Holds => Stands::Holds,
            Stand::Fails(why) if why.is_empty() => Stands::Fails("has a condition that doesn't hold".into()),
            Stand::Fails(why) => Stands::Fails(why),
            Stand::Lacks(_) => Stands::Depends(self.of_condition(candidate)),
        }
    }

    fn of_read(&self, wanted: Wanted) -> Vec<Cost> {
        let mut costs = of_facts(wanted);
        if self.judge.case.attributes().verb() == Verb::Watch {
            costs.push(Cost::Beginning);
        }
        costs
    }

    fn of_condition(&self, candidate: &Candidate) -> Vec<Cost> {
        let condition = candidate.rule().and_then(|rule| rule.condition());
        let demand = condition.and_then(|one| Demand::of(self.judge.case.attributes(), self.manner, one));
        let Some(demand) = demand else { return Vec::new() };
        let mut costs = of_facts(demand.facts);
        if demand.stored {
            costs.push(Cost::DryRun);
        }
        if self.manner == Manner::Opened && demand.facts.live {
            costs.push(Cost::PodAgain);
        }
        costs
    }
}

fn of_facts(wanted: Wanted) -> Vec<Cost> {
    let all = [
        (wanted.live || wanted.part, Cost::Live),
        (wanted.namespace, Cost::Namespace),
        (wanted.revisions, Cost::Revisions),
    ];
    all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, cost)| cost).collect()
}
