//! What is wrong with a rule: everything at once.
//!
//! RBAC's own validation (`ValidatePolicyRule`), and besides what RBAC takes but what can't mean anything:
//! such a rule would be read as allowing something that it doesn't, or as denying something that it doesn't.

use super::ask::{PATH_VERBS, RESOURCE_VERBS};
use super::cautions;
use super::spec::{Effect, Rule, RuleProblem, RuleSpec};
use crate::attributes::Verb;

pub(super) fn problems(rule: &RuleSpec) -> Vec<RuleProblem> {
    let mut found = Problems(Vec::new());
    if !is_label(&rule.name) {
        found.field("name", "a rule needs a name of lower-case letters, digits and '-', at most 63");
    }
    if rule.non_resource_urls.is_empty() {
        resources(rule, &mut found);
    } else {
        paths(rule, &mut found);
    }
    found.each("acknowledge", &rule.acknowledge, |word| {
        (!cautions::words().any(|known| known == word)).then(|| {
            let known: Vec<_> = cautions::words().collect();
            format!("{word:?} is no caution; they are {}", known.join(", "))
        })
    });
    found.0
}

/// What is wrong with a rule's terms, beside what their own readers find.
pub(super) fn terms(rule: &Rule, problems: &mut Vec<RuleProblem>) {
    let spec = rule.spec();
    let mut found = Problems(Vec::new());
    let asked = &spec.terms;
    if spec.effect == Effect::Deny {
        for (field, given) in [("mask", !asked.mask.is_empty()), ("limits", !asked.limits.is_empty())] {
            if given {
                found.field(field, "a deny rule has only `when`: it refuses, and shows or counts nothing");
            }
        }
    }
    found.each("versions", &asked.versions, version_problem);
    if !asked.versions.is_empty() && asked.when.is_none() && asked.mask.is_empty() {
        found.field("versions", "they belong to `when` or `mask`, which look into objects");
    }
    if !spec.non_resource_urls.is_empty() && rule.looks_at_objects() {
        found.field("nonResourceURLs", "a path has no object for `when` or `mask` to look at");
    }
    if rule.looks_at_objects() {
        let message = "a rule that looks into objects names its API groups and resources without a wildcard, \
                       since fields differ";
        let wild = |field, entries: &[String], found: &mut Problems| {
            found.each(field, entries, |entry| entry.contains('*').then(|| message.to_owned()));
        };
        wild("apiGroups", &spec.api_groups, &mut found);
        wild("resources", &spec.resources, &mut found);
    }
    problems.append(&mut found.0);
}

fn version_problem(version: &str) -> Option<String> {
    let word = version.starts_with('v')
        && version.chars().nth(1).is_some_and(|c| c.is_ascii_digit())
        && version.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (!word).then(|| format!("{version:?} is no API version: write it as in v1 or v1beta1, without the group"))
}

struct Problems(Vec<RuleProblem>);

impl Problems {
    fn field(&mut self, field: &'static str, message: &str) {
        self.0.push(RuleProblem { field, index: None, message: message.to_owned() });
    }

    fn each(&mut self, field: &'static str, entries: &[String], problem: impl Fn(&str) -> Option<String>) {
        for (index, entry) in entries.iter().enumerate() {
            if let Some(message) = problem(entry) {
                self.0.push(RuleProblem { field, index: Some(index), message });
            }
        }
    }

    fn some(&mut self, field: &'static str, entries: &[String], message: &str) {
        if entries.is_empty() {
            self.field(field, message);
        }
    }
}

fn resources(rule: &RuleSpec, found: &mut Problems) {
    found.some("verbs", &rule.verbs, "a rule needs at least one verb");
    found.some(
        "apiGroups",
        &rule.api_groups,
        "a rule on resources needs at least one API group; \"\" is the core group",
    );
    found.some("resources", &rule.resources, "a rule needs resources, or nonResourceURLs");
    found.each("verbs", &rule.verbs, |verb| verb_problem(verb, &RESOURCE_VERBS));
    found.each("apiGroups", &rule.api_groups, group_problem);
    found.each("resources", &rule.resources, resource_problem);
    found.each("resourceNames", &rule.resource_names, |name| match name {
        "" => Some("a name must not be empty: leave resourceNames out for every name".to_owned()),
        name if name.contains('*') => {
            Some("resourceNames has no wildcards: leave it out for every name".to_owned())
        }
        _ => None,
    });
}

fn paths(rule: &RuleSpec, found: &mut Problems) {
    let verbs = PATH_VERBS.map(Verb::Http);
    found.some("verbs", &rule.verbs, "a rule needs at least one verb");
    found.each("verbs", &rule.verbs, |verb| match verb {
        "*" => None,
        verb if verbs.iter().any(|known| known.as_str() == verb) => None,
        verb => Some(format!("{verb:?} is no method of a path; they are {}, and *", joined(&verbs))),
    });
    for (field, entries) in [
        ("apiGroups", &rule.api_groups),
        ("resources", &rule.resources),
        ("resourceNames", &rule.resource_names),
    ] {
        if !entries.is_empty() {
            found.field(field, "one rule can't have both resources and nonResourceURLs: make two of it");
        }
    }
    found.each("nonResourceURLs", &rule.non_resource_urls, |url| {
        let stem = url.strip_suffix('*').unwrap_or(url);
        let fits = url == "*" || (stem.starts_with('/') && !stem.contains('*'));
        (!fits).then(|| "a path begins with '/', and has a '*' at most at its end".to_owned())
    });
}

fn verb_problem(verb: &str, known: &[Verb]) -> Option<String> {
    let spelled = verb.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | ':')) && !verb.is_empty();
    match verb {
        "*" => None,
        _ if spelled => None,
        _ => Some(format!("{verb:?} is no verb; the usual ones are {}, and *", joined(known))),
    }
}

fn group_problem(group: &str) -> Option<String> {
    match group {
        "" | "*" => None,
        _ if group.contains('/') => Some(format!("{group:?} has a version in it: write the group alone")),
        _ if group.split('.').all(is_label) => None,
        _ => Some(format!(
            "{group:?} is no API group: write it as in apiVersion, without the version; \"\" is core"
        )),
    }
}

fn resource_problem(resource: &str) -> Option<String> {
    let word = |text: &str| {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        !text.is_empty() && text.chars().all(letter)
    };
    match resource.split_once('/') {
        None if resource == "*" || word(resource) => None,
        Some(("*", subresource)) if word(subresource) => None,
        Some((main, "*")) if word(main) => Some(format!(
            "{resource:?} matches nothing in Kubernetes: name each subresource, or use */SUBRESOURCE"
        )),
        Some((main, subresource)) if word(main) && word(subresource) => None,
        None | Some(_) => Some(format!(
            "{resource:?} is no resource: write the plural in lower case, as in pods or pods/log"
        )),
    }
}

fn joined(verbs: &[Verb]) -> String {
    let words: Vec<_> = verbs.iter().map(|verb| verb.as_str()).collect();
    words.join(", ")
}

fn is_label(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 63
        && text.chars().all(|c| letter(c) || c == '-')
        && text.starts_with(letter)
        && text.ends_with(letter)
}

#[cfg(test)]
mod tests {
    use super::super::spec::Terms;
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn rule() -> RuleSpec {
        RuleSpec {
            name: "see-jobs".into(),
            effect: Effect::Allow,
            verbs: words(&["get"]),
            api_groups: words(&["batch"]),
            resources: words(&["jobs"]),
            resource_names: Vec::new(),
            non_resource_urls: Vec::new(),
            acknowledge: Vec::new(),
            terms: Terms::none(),
        }
    }

    #[test]
    fn rules_that_rbac_takes_pass() {
        assert_eq!(problems(&rule()), []);
        assert_eq!(problems(&RuleSpec { verbs: words(&["*", "impersonate", "use"]), ..rule() }), []);
        assert_eq!(problems(&RuleSpec { api_groups: words(&["", "*", "apps", "a.b-c.io"]), ..rule() }), []);
        assert_eq!(problems(&RuleSpec { resources: words(&["*", "*/status", "pods/log"]), ..rule() }), []);
        assert_eq!(problems(&RuleSpec { resource_names: words(&["system:node:x"]), ..rule() }), []);
        let paths = RuleSpec {
            api_groups: Vec::new(),
            resources: Vec::new(),
            verbs: words(&["get", "head"]),
            non_resource_urls: words(&["*", "/metrics", "/healthz/*"]),
            ..rule()
        };
        assert_eq!(problems(&paths), []);
    }

    #[test]
    fn every_problem_is_named_at_once_with_its_place() {
        let spec = RuleSpec {
            name: "See".into(),
            verbs: words(&["get", "GET", ""]),
            api_groups: words(&["apps/v1", "B"]),
            resources: words(&["pods/*", "Pod", "pods*"]),
            resource_names: words(&["", "ci-*"]),
            acknowledge: words(&["everything"]),
            ..rule()
        };
        let places: Vec<_> =
            problems(&spec).into_iter().map(|problem| (problem.field, problem.index)).collect();
        let expected = [
            ("name", None),
            ("verbs", Some(1)),
            ("verbs", Some(2)),
            ("apiGroups", Some(0)),
            ("apiGroups", Some(1)),
            ("resources", Some(0)),
            ("resources", Some(1)),
            ("resources", Some(2)),
            ("resourceNames", Some(0)),
            ("resourceNames", Some(1)),
            ("acknowledge", Some(0)),
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn empty_lists_and_mixtures_are_problems() {
        let empty = RuleSpec { verbs: Vec::new(), api_groups: Vec::new(), resources: Vec::new(), ..rule() };
        let fields: Vec<_> = problems(&empty).into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["verbs", "apiGroups", "resources"]);
        let mixed = RuleSpec { non_resource_urls: words(&["metrics", "/a*b"]), ..rule() };
        let fields: Vec<_> = problems(&mixed).into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["apiGroups", "resources", "nonResourceURLs", "nonResourceURLs"]);
        let listed = RuleSpec {
            verbs: words(&["list"]),
            api_groups: Vec::new(),
            resources: Vec::new(),
            non_resource_urls: words(&["/metrics"]),
            ..rule()
        };
        assert_eq!(problems(&listed).len(), 1);
    }
}
