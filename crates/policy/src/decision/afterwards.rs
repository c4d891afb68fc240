//! What was stored, looked at once more: a dry run shows only what would probably be.

use serde_json::Value;

use crate::condition::{Condition, Variable, Verdict};
use crate::rules::Candidate;

use super::view::{Seen, View};

/// Everything that the conditions of a write were asked with, but for what is stored.
#[derive(Debug)]
pub(super) struct Afterwards {
    view: View,
    allow: Option<Candidate>,
    denies: Vec<Candidate>,
    old: Option<Value>,
    namespace: Option<Value>,
    revisions: Vec<Value>,
}

impl Afterwards {
    /// None: no condition looked at what would be stored.
    pub(super) fn of(
        view: &View,
        seen: Seen<'_>,
        allow: Option<&Candidate>,
        denies: &[Candidate],
    ) -> Option<Self> {
        let allow = allow.filter(|allow| looks(allow).is_some()).cloned();
        let denies: Vec<_> = denies.iter().filter(|deny| looks(deny).is_some()).cloned().collect();
        (allow.is_some() || !denies.is_empty()).then(|| Self {
            view: view.clone(),
            allow,
            denies,
            old: seen.old.cloned(),
            namespace: seen.namespace.cloned(),
            revisions: seen.revisions.to_vec(),
        })
    }

    /// The first rule that would have decided otherwise.
    pub(super) fn mismatch(&self, stored: &Value) -> Option<String> {
        let says = |one: &Candidate| {
            let seen = Seen {
                object: Some(stored),
                old: self.old.as_ref(),
                namespace: self.namespace.as_ref(),
                revisions: &self.revisions,
            };
            looks(one).map(|condition| self.view.check(condition, &one.grant, seen))
        };
        let refused = |one: &&Candidate| !matches!(says(one), Some(Verdict::Holds));
        let denied = |one: &&Candidate| !matches!(says(one), Some(Verdict::Fails));
        let one = self.allow.iter().find(refused).or_else(|| self.denies.iter().find(denied))?;
        let why = "and what was stored is other than what the dry run had shown";
        Some(format!("{} would not have let this through, {why}", one.id()))
    }
}

/// The condition of a rule that looks at what is stored.
fn looks(candidate: &Candidate) -> Option<&Condition> {
    let condition = candidate.rule()?.condition()?;
    (condition.names(Variable::Object) || condition.names(Variable::Changed)).then_some(condition)
}
