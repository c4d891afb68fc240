//! What a person should know before a scope is applied: what its rules give besides what they say.

use super::ask::{On, RESOURCE_VERBS};
use super::exceptions::ESCAPES;
use super::matching;
use super::reach::Reach;
use super::spec::{Effect, Rule, RuleSpec};
use super::{Caution, ask::Ask};

const WORKLOADS: (&str, &str) =
    ("workloads", "this makes pods: with them come any service account and any Secret of the namespace");
const EXEC: (&str, &str) =
    ("exec", "this runs commands in pods: with them come the pods' service accounts and mounted Secrets");
const PERSISTENT_VOLUMES: (&str, &str) = (
    "persistent-volumes",
    "this makes volumes, any directory of a node among them (hostPath): who mounts one reads and writes it",
);
const POD_SECURITY: (&str, &str) = (
    "pod-security",
    "this sets labels of namespaces, which say how privileged pods may be there and which policies hold",
);
const UNKNOWN_VERB: (&str, &str) = ("unknown-verb", "no request has this verb, so it allows nothing");
const PARTIAL_DENY: (&str, &str) =
    ("partial-deny", "this denies get but not both list and watch, which show the same objects");

/// The cautions beside those of escapes: the word that silences each, and what it says.
pub const CAUTIONS: [(&str, &str); 6] =
    [WORKLOADS, EXEC, PERSISTENT_VOLUMES, POD_SECURITY, UNKNOWN_VERB, PARTIAL_DENY];

/// What runs pods.
const POD_MAKERS: [(&str, &str); 9] = [
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("", "podtemplates"),
    ("apps", "deployments"),
    ("apps", "daemonsets"),
    ("apps", "statefulsets"),
    ("apps", "replicasets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
];

/// Every word that `acknowledge` may have.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    ESCAPES.iter().map(|escape| escape.word).chain(CAUTIONS.iter().map(|(word, _)| *word))
}

/// The cautions of one rule, less those it acknowledges.
pub(super) fn of(rule: &Rule) -> Vec<Caution> {
    let spec = rule.spec();
    let mut found = match spec.effect {
        Effect::Allow => allow(spec),
        Effect::Deny => deny(spec),
    };
    found.retain(|caution| !spec.acknowledge.iter().any(|word| word == caution.acknowledge));
    found
}

fn allow(spec: &RuleSpec) -> Vec<Caution> {
    let caution =
        |acknowledge: &'static str, what: String| Caution { rule: spec.name.clone(), what, acknowledge };
    let mut found: Vec<_> = ESCAPES
        .iter()
        .filter(|escape| named(spec, escape))
        .map(|escape| caution(escape.word, format!("this {}", escape.gives)))
        .collect();
    let changes = ["create", "update", "patch"];
    let labels = changes.iter().any(|verb| gives(spec, verb, "", "namespaces", ""));
    for ((word, what), holds) in [
        (WORKLOADS, makes_pods(spec, &changes)),
        (EXEC, enters_pods(spec)),
        (PERSISTENT_VOLUMES, gives(spec, "create", "", "persistentvolumes", "")),
        (POD_SECURITY, labels),
    ] {
        if holds {
            found.push(caution(word, what.to_owned()));
        }
    }
    if let Some(verb) = unknown_verb(spec) {
        let what = format!("no request has the verb {verb:?}, so it allows nothing");
        found.push(caution(UNKNOWN_VERB.0, what));
    }
    found
}

/// A deny of `get` alone leaves the same objects to list and watch.
fn deny(spec: &RuleSpec) -> Vec<Caution> {
    let has = |verb: &str| spec.verbs.iter().any(|v| v == "*" || v == verb);
    let partial = spec.non_resource_urls.is_empty() && has("get") && !(has("list") && has("watch"));
    let (acknowledge, what) = PARTIAL_DENY;
    let caution = Caution { rule: spec.name.clone(), what: what.to_owned(), acknowledge };
    if partial { vec![caution] } else { Vec::new() }
}

/// Whether the rule names something that is this escape, without a wildcard: only then it gives it.
fn named(spec: &RuleSpec, escape: &super::exceptions::Escape) -> bool {
    let questions = spec.verbs.iter().flat_map(|verb| {
        let resources = spec.resources.iter().map(move |resource| (verb, resource));
        resources
            .flat_map(|(verb, resource)| spec.api_groups.iter().map(move |group| (verb, resource, group)))
    });
    questions
        .filter(|(verb, resource, group)| ![verb, resource, group].iter().any(|word| word.contains('*')))
        .any(|(verb, resource, group)| {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let on = On { verb, group, resource, subresource, namespace: "", name: "" };
            super::exceptions::escape(on) == Some(escape)
        })
}

fn makes_pods(spec: &RuleSpec, verbs: &[&str]) -> bool {
    POD_MAKERS.iter().any(|(group, resource)| verbs.iter().any(|verb| gives(spec, verb, group, resource, "")))
}

fn enters_pods(spec: &RuleSpec) -> bool {
    ["exec", "attach"].iter().any(|subresource| gives(spec, "create", "", "pods", subresource))
}

fn gives(spec: &RuleSpec, verb: &str, group: &str, resource: &str, subresource: &str) -> bool {
    let on = On { verb, group, resource, subresource, namespace: "", name: "" };
    let fit = matching::fit(spec, &Reach::Everywhere, Ask::Resource(on));
    fit.verb && fit.kind && fit.inexact.is_none()
}

fn unknown_verb(spec: &RuleSpec) -> Option<&str> {
    let known = |verb: &str| {
        let on = On { verb, group: "", resource: "", subresource: "", namespace: "", name: "" };
        let special = super::exceptions::escape(on).is_some();
        verb == "*" || special || RESOURCE_VERBS.iter().any(|known| known.as_str() == verb)
    };
    if !spec.non_resource_urls.is_empty() {
        return None;
    }
    spec.verbs.iter().map(String::as_str).find(|verb| !known(verb))
}

#[cfg(test)]
mod tests {
    use super::super::spec::Terms;
    use super::*;

    fn cautions(verbs: &str, group: &str, resource: &str, acknowledge: &[&str]) -> Vec<&'static str> {
        let spec = RuleSpec {
            name: "r".into(),
            effect: Effect::Allow,
            verbs: verbs.split(',').map(str::to_owned).collect(),
            api_groups: vec![group.into()],
            resources: vec![resource.into()],
            resource_names: Vec::new(),
            non_resource_urls: Vec::new(),
            acknowledge: acknowledge.iter().map(|word| (*word).to_owned()).collect(),
            terms: Terms::none(),
        };
        of(&spec.check().expect("right")).into_iter().map(|caution| caution.acknowledge).collect()
    }

    #[test]
    fn rules_say_what_comes_with_them() {
        assert_eq!(cautions("get", "", "secrets", &[]), ["secrets"]);
        assert_eq!(cautions("get,list", "", "pods", &[]), [""; 0]);
        assert_eq!(cautions("create", "batch", "jobs", &[]), ["workloads"]);
        assert_eq!(cautions("patch", "*", "*", &[]), ["workloads", "pod-security"]);
        assert_eq!(cautions("*", "*", "*", &[]), ["workloads", "exec", "persistent-volumes", "pod-security"]);
        assert_eq!(cautions("create", "", "persistentvolumes", &[]), ["persistent-volumes"]);
        assert_eq!(cautions("get,update,delete", "", "persistentvolumes", &[]), [""; 0]);
        for verb in ["create", "update", "patch"] {
            assert_eq!(cautions(verb, "", "namespaces", &[]), ["pod-security"], "{verb}");
        }
        assert_eq!(cautions("get,delete", "", "namespaces", &[]), [""; 0]);
        assert_eq!(cautions("create", "", "pods/exec", &[]), ["exec"]);
        assert_eq!(cautions("create", "", "serviceaccounts/token", &[]), ["service-account-tokens"]);
        assert_eq!(cautions("get,approve", "certificates.k8s.io", "signers", &[]), ["special-verbs"]);
        assert_eq!(cautions("lst", "", "pods", &[]), ["unknown-verb"]);
    }

    #[test]
    fn what_the_author_knows_of_is_not_said_again() {
        let known = ["exec", "workloads", "pod-security", "persistent-volumes"];
        assert_eq!(cautions("*", "*", "*", &known), [""; 0]);
        assert_eq!(cautions("get", "", "secrets", &["exec"]), ["secrets"]);
    }
}
