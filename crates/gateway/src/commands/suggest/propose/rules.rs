//! The rules of one scope.

use std::collections::{BTreeMap, BTreeSet};

use drawbridge_policy::rules::escape_of;

use super::super::seen::{Basis, Count, What};
use super::{Need, On, Rule};

/// The verbs in the order in which people write them; others come behind.
const ORDER: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// What tells rules of one resource apart: an escape stands alone.
type Kind = (Basis, On, Option<&'static str>);

/// The rules: the verbs of a resource together, then the resources with the same verbs.
pub(super) fn of(needs: Vec<Need>) -> Vec<Rule> {
    let mut kinds: BTreeMap<Kind, (BTreeSet<String>, Count)> = BTreeMap::new();
    for need in needs {
        let (on, verb, escape) = match need.what {
            What::Path { path, verb } => (On::Paths(vec![path]), verb, None),
            What::On { group, resource, verb } => {
                let escape = escape_of(&verb, &group, &resource).map(|escape| escape.word);
                let names = need.names.into_iter().collect();
                (On::Resources { group, resources: vec![resource], names }, verb, escape)
            }
        };
        let (verbs, count) = kinds.entry((need.basis, on, escape)).or_default();
        verbs.insert(verb);
        count.join(&need.count);
    }
    let mut rules: Vec<Rule> = Vec::new();
    for ((basis, on, word), (verbs, count)) in kinds {
        let verbs = ordered(verbs);
        if word.is_none() && join(&mut rules, basis, &verbs, &on, &count) {
            continue;
        }
        let escape = match (&on, verbs.first()) {
            (On::Resources { group, resources, .. }, Some(verb)) => {
                resources.first().and_then(|resource| escape_of(verb, group, resource))
            }
            (On::Paths(_) | On::Resources { .. }, _) => None,
        };
        rules.push(Rule { name: String::new(), verbs, on, count, basis, escape });
    }
    name(&mut rules);
    rules
}

/// Adds what is needed to a rule with the same verbs, where that widens neither.
fn join(rules: &mut [Rule], basis: Basis, verbs: &[String], on: &On, count: &Count) -> bool {
    let like = |rule: &&mut Rule| rule.basis == basis && rule.escape.is_none() && rule.verbs == verbs;
    for rule in rules.iter_mut().filter(like) {
        match (&mut rule.on, on) {
            (On::Paths(paths), On::Paths(more)) => paths.extend(more.iter().cloned()),
            (
                On::Resources { group, resources, names },
                On::Resources { group: other, resources: more, names: others },
            ) if group == other && names.is_empty() && others.is_empty() => {
                resources.extend(more.iter().cloned());
            }
            (On::Paths(_) | On::Resources { .. }, _) => continue,
        }
        rule.count.join(count);
        return true;
    }
    false
}

fn ordered(verbs: BTreeSet<String>) -> Vec<String> {
    let mut verbs: Vec<String> = verbs.into_iter().collect();
    verbs.sort_by_key(|verb| ORDER.iter().position(|known| known == verb).unwrap_or(ORDER.len()));
    verbs
}

/// Names of rules: what is done, and on what first. People may give better ones.
fn name(rules: &mut [Rule]) {
    let mut taken = BTreeSet::new();
    for rule in rules {
        let stem = stem(rule);
        let all = (1..).map(|place: usize| if place == 1 { stem.clone() } else { format!("{stem}-{place}") });
        let mut free = all.filter(|name| !taken.contains(name));
        rule.name = free.next().unwrap_or_default();
        taken.insert(rule.name.clone());
    }
}

fn stem(rule: &Rule) -> String {
    let does = match rule.verbs.as_slice() {
        verbs if verbs.iter().all(|verb| ["get", "list", "watch"].contains(&verb.as_str())) => "see",
        [verb] => verb,
        _ => "use",
    };
    let (on, more) = match &rule.on {
        On::Resources { resources, .. } => (resources.first(), resources.len()),
        On::Paths(paths) => (paths.first(), paths.len()),
    };
    let good = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let on = on.map_or("", |on| on.trim_matches('/'));
    // A rule's name has at most 63 characters; some are for what comes behind.
    let words: String = format!("{does}-{on}").to_lowercase().chars().map(good).take(45).collect();
    format!("{}{}", words.trim_matches('-'), if more > 1 { "-and-more" } else { "" })
}
