//! What an RBAC rule would lose here: the escapes that its wildcards cover in RBAC, and that only an exact
//! rule gives. For moving from RBAC to scopes.

use super::ask::On;
use super::exceptions::{ESCAPES, Escape, Verbs, escape};
use super::spec::RuleSpec;

/// What becomes of a rule's escapes.
#[derive(Debug, Clone, Default)]
pub struct Weighed {
    /// The ones that it names exactly: it keeps them.
    pub kept: Vec<&'static Escape>,
    /// The ones that only its wildcards cover: it loses them.
    pub lost: Vec<&'static Escape>,
}

/// Weighs a rule as RBAC reads it.
#[must_use]
pub fn weigh(rule: &RuleSpec) -> Weighed {
    let mut weighed = Weighed::default();
    for escape in &ESCAPES {
        if named(rule, escape) {
            weighed.kept.push(escape);
        }
        if covered_by_wildcard(rule, escape) {
            weighed.lost.push(escape);
        }
    }
    weighed
}

/// The escape that a verb on a resource (with its subresource) is, if it is one: a rule must then name all
/// three exactly.
#[must_use]
pub fn escape_of(verb: &str, group: &str, resource: &str) -> Option<&'static Escape> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    escape(On { verb, group, resource, subresource, namespace: "", name: "" })
}

fn named(rule: &RuleSpec, wanted: &Escape) -> bool {
    triples(rule).any(|(verb, group, resource)| {
        let wild = [verb, group, resource].iter().any(|word| word.contains('*'));
        !wild && escape_of(verb, group, resource) == Some(wanted)
    })
}

fn covered_by_wildcard(rule: &RuleSpec, escape: &Escape) -> bool {
    triples(rule).any(|(verb, group, resource)| {
        let wild = [verb, group, resource].iter().any(|word| word.contains('*'));
        wild && meets(verb, group, resource, escape)
    })
}

/// Whether a verb, a group and a resource with its subresource, each of which may be a wildcard, have
/// something in common with an escape.
pub(crate) fn meets(verb: &str, group: &str, resource: &str, escape: &Escape) -> bool {
    verb_meets(verb, escape.verbs)
        && escape.groups.iter().any(|known| group == "*" || *known == "*" || *known == group)
        && escape.resources.iter().any(|known| resource_meets(resource, known))
}

fn triples(rule: &RuleSpec) -> impl Iterator<Item = (&str, &str, &str)> {
    rule.verbs.iter().flat_map(move |verb| {
        rule.api_groups.iter().flat_map(move |group| {
            rule.resources.iter().map(move |resource| (verb.as_str(), group.as_str(), resource.as_str()))
        })
    })
}

fn verb_meets(verb: &str, verbs: Verbs) -> bool {
    match verbs {
        Verbs::Any => true,
        Verbs::Writes => verb == "*" || super::ask::WRITES.contains(&verb),
        Verbs::Words(words) => verb == "*" || words.contains(&verb),
    }
}

/// Whether a rule's resource and an escape's could have something in common: rather said once too often.
fn resource_meets(resource: &str, known: &str) -> bool {
    if resource == "*" || known == "*" {
        return true;
    }
    match (resource.split_once('/'), known.split_once('/')) {
        (Some(("*", sub)), Some((_, of_known))) => of_known == "*" || sub == of_known,
        (Some(("*", _)), None) => false,
        (None, Some((main, "*"))) => main == resource,
        (Some((main, _)), Some((of_known, "*"))) => main == of_known,
        (None | Some(_), None | Some(_)) => resource == known,
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::{Effect, Terms};
    use super::*;

    fn words(escapes: &[&'static Escape]) -> Vec<&'static str> {
        escapes.iter().map(|escape| escape.word).collect()
    }

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> RuleSpec {
        let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        RuleSpec {
            name: "x".to_owned(),
            effect: Effect::Allow,
            verbs: texts(verbs),
            api_groups: texts(groups),
            resources: texts(resources),
            resource_names: Vec::new(),
            non_resource_urls: Vec::new(),
            acknowledge: Vec::new(),
            terms: Terms::none(),
        }
    }

    #[test]
    fn wildcards_lose_what_exact_rules_keep() {
        let everything = weigh(&rule(&["*"], &["*"], &["*"]));
        assert_eq!(everything.lost.len(), ESCAPES.len());
        assert!(everything.kept.is_empty());
        let core = weigh(&rule(&["get", "list"], &[""], &["*"]));
        assert_eq!(words(&core.lost), ["service-account-tokens", "secrets", "proxy"]);
        let secrets = weigh(&rule(&["get"], &[""], &["secrets", "pods"]));
        assert_eq!((words(&secrets.kept), words(&secrets.lost)), (vec!["secrets"], vec![]));
        let both = weigh(&rule(&["*"], &[""], &["secrets"]));
        assert_eq!(
            (words(&both.kept), words(&both.lost)),
            (vec![], vec!["secrets", "special-verbs", "unsafe-delete"])
        );
        let proxies = weigh(&rule(&["create"], &[""], &["*/proxy"]));
        assert_eq!(words(&proxies.lost), ["secrets", "proxy", "binding"]);
        let harmless = weigh(&rule(&["get", "delete"], &["apps"], &["*"]));
        assert!(harmless.kept.is_empty() && harmless.lost.is_empty());
    }
}
