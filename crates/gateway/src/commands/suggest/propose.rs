//! From what was done to the narrowest rules that allow it. Pure.
//!
//! A rule allows each of its verbs on each of its resources in each namespace of its grant, so that rules and
//! grants are joined only where all of that was done.

mod rules;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use drawbridge_policy::rules::Escape;

use super::seen::{Basis, Count, FEW, Key, Tally, What};

/// A scope, and where it is granted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) reach: Reach,
    pub(super) rules: Vec<Rule>,
}

/// Where a grant is to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Everywhere: all namespaces together, and what is in none.
    Everywhere,
    /// In these namespaces.
    Namespaces(BTreeSet<String>),
}

/// A rule, and what it rests on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) verbs: Vec<String>,
    pub(super) on: On,
    pub(super) count: Count,
    pub(super) basis: Basis,
    pub(super) escape: Option<&'static Escape>,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum On {
    /// Resources of one group; no names: every object.
    Resources { group: String, resources: Vec<String>, names: Vec<String> },
    /// Paths.
    Paths(Vec<String>),
}

/// One thing that is to be allowed.
#[derive(Debug, Clone)]
struct Need {
    what: What,
    /// Empty: everywhere.
    namespace: String,
    /// Empty: every object.
    names: BTreeSet<String>,
    basis: Basis,
    count: Count,
}

/// What makes needs of several namespaces one: the names, too.
type Same = (Basis, What, BTreeSet<String>);

/// Proposes: the part that holds everywhere first, then those with more namespaces before those with fewer.
pub(super) fn propose(tally: &Tally) -> Vec<Part> {
    // The same in several namespaces is one need.
    let mut alike: BTreeMap<Same, (BTreeSet<String>, Count)> = BTreeMap::new();
    let mut parts: BTreeMap<Reach, Vec<Need>> = BTreeMap::new();
    for need in uncovered(needs(tally)) {
        if need.namespace.is_empty() {
            parts.entry(Reach::Everywhere).or_default().push(need);
            continue;
        }
        let (namespaces, count) = alike.entry((need.basis, need.what, need.names)).or_default();
        namespaces.insert(need.namespace);
        count.join(&need.count);
    }
    // What is to be allowed in the same namespaces goes together.
    for ((basis, what, names), (namespaces, count)) in alike {
        let need = Need { what, namespace: String::new(), names, basis, count };
        parts.entry(Reach::Namespaces(namespaces)).or_default().push(need);
    }
    let part = |(reach, needs)| Part { reach, rules: rules::of(needs) };
    let mut parts: Vec<Part> = parts.into_iter().map(part).collect();
    parts.sort_by_key(|part| match &part.reach {
        Reach::Everywhere => 0,
        Reach::Namespaces(namespaces) => usize::MAX - namespaces.len(),
    });
    parts
}

/// What is to be allowed, each with the names that a rule is to have. Where many objects were used in one
/// namespace, their names are not what tells what the agent is for, and no rule of the kind has names.
fn needs(tally: &Tally) -> Vec<Need> {
    let is_many = |(key, count): &(&Key, &Count)| {
        !may_be_named(&key.what) || count.names.len() > FEW || count.names.contains("")
    };
    let many: BTreeSet<(Basis, &What)> =
        tally.counts.iter().filter(is_many).map(|(key, _)| (key.basis, &key.what)).collect();
    let need = |(key, count): (&Key, &Count)| Need {
        what: key.what.clone(),
        namespace: key.namespace.clone(),
        names: if many.contains(&(key.basis, &key.what)) { BTreeSet::new() } else { count.names.clone() },
        basis: key.basis,
        count: Count { names: BTreeSet::new(), ..count.clone() },
    };
    tally.counts.iter().map(need).collect()
}

/// Whether RBAC finds the object's name in the request: not in a list, a watch, or where the object is made.
fn may_be_named(what: &What) -> bool {
    match what {
        What::Path { .. } => false,
        What::On { verb, resource, .. } => match verb.as_str() {
            "list" | "watch" | "deletecollection" => false,
            "create" => resource.contains('/'),
            _ => true,
        },
    }
}

/// Leaves out what another need allows anyway, and counts it there.
fn uncovered(needs: Vec<Need>) -> Vec<Need> {
    let mut by: BTreeMap<What, Vec<Need>> = BTreeMap::new();
    for need in needs {
        by.entry(need.what.clone()).or_default().push(need);
    }
    let mut left = Vec::new();
    for mut same in by.into_values() {
        // What covers comes first: what was done, everywhere, every object.
        same.sort_by_key(|need| (need.basis, !need.namespace.is_empty(), !need.names.is_empty()));
        // By place, so that many namespaces are no square: what covers is everywhere or in the same one.
        let mut kept: BTreeMap<String, Vec<Need>> = BTreeMap::new();
        for need in same {
            match [String::new(), need.namespace.clone()].iter().find(|place| {
                kept.get(*place).is_some_and(|kept| kept.iter().any(|wider| covers(wider, &need)))
            }) {
                Some(place) => count_at(kept.get_mut(place), &need),
                None => kept.entry(need.namespace.clone()).or_default().push(need),
            }
        }
        left.extend(kept.into_values().flatten());
    }
    left
}

/// Counts a need where it is covered. Refusals are not counted as what was done.
fn count_at(kept: Option<&mut Vec<Need>>, need: &Need) {
    let wider = kept.into_iter().flatten().find(|wider| covers(wider, need) && wider.basis == need.basis);
    if let Some(wider) = wider {
        wider.count.join(&need.count);
    }
}

fn covers(wider: &Need, need: &Need) -> bool {
    wider.names.is_empty() || (!need.names.is_empty() && wider.names.is_superset(&need.names))
}
