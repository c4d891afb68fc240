//! Every rule that a decision looks at, and what each lacks: for people who ask why.

use crate::case::Case;
use crate::rules::{Ask, Effect, RuleId, Rules, matching};
use crate::time::Millis;

/// One rule, seen from one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The grant that it is held through.
    pub grant: String,
    /// The rule.
    pub rule: RuleId,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// What keeps it from being about the request: `verb`, `resource`, `name`, `namespace`, `exact` (it names
    /// an escape by a wildcard only). Empty: it decides.
    pub lacks: Vec<&'static str>,
}

/// Every rule of every grant that counts at `now`, those that lack least first.
#[must_use]
pub fn looked_at(case: &Case, rules: &Rules, now: Millis) -> Vec<Looked> {
    let ask = Ask::of(case.attributes());
    let mut looked = Vec::new();
    for held in rules.held(now) {
        for (id, rule) in held.scope.rules() {
            let effect = rule.effect();
            let fit = matching::fit(rule.spec(), &held.namespaces, ask);
            let denies = || {
                effect == Effect::Deny
                    && matching::equivalents(ask)
                        .any(|ask| matching::denies(rule.spec(), &held.namespaces, ask))
            };
            let parts = [
                (fit.kind, "resource"),
                (fit.verb, "verb"),
                (fit.reach, "namespace"),
                (fit.name, "name"),
                (fit.inexact.is_none() || effect == Effect::Deny, "exact"),
            ];
            let mut lacks: Vec<_> =
                parts.into_iter().filter(|(fits, _)| !fits).map(|(_, word)| word).collect();
            if denies() {
                lacks.clear();
            }
            looked.push(Looked { grant: held.grant.clone(), rule: id.clone(), effect, lacks });
        }
    }
    looked.sort_by_key(|one| (one.lacks.len(), one.lacks.contains(&"resource")));
    looked
}
