//! A rule, as each side has it: Kubernetes RBAC's, the policy crate's, a manifest's.

use drawbridge_policy::{Effect, Rule as Checked, RuleSpec, Terms};
use serde_json::{Value, json};

use super::kinds::{INNER_VERBS, KINDS, Kind, METHODS, NAMES, URLS, VERBS};
use super::random::Random;

/// A rule of either kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) verbs: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) urls: Vec<String>,
}

impl Rule {
    /// Everything, as cluster-admin has it.
    pub(super) fn everything() -> Rule {
        let any = || vec!["*".to_owned()];
        Rule { verbs: any(), groups: any(), resources: any(), ..Rule::default() }
    }

    /// Any rule that both sides take.
    pub(super) fn random(random: &mut Random) -> Rule {
        if random.percent(8) {
            return Rule::on_paths(random);
        }
        let mut rule = Rule::default();
        for _ in 0..1 + random.below(3) {
            let kind = random.one_of(&KINDS);
            let resource = resource(kind, random);
            add(&mut rule.groups, if random.percent(12) { "*" } else { kind.group });
            add(&mut rule.resources, &resource);
        }
        for _ in 0..1 + random.below(4) {
            add(&mut rule.verbs, random.pick(&VERBS));
        }
        match random.below(100) {
            0..15 => add(&mut rule.verbs, "*"),
            15..20 => add(&mut rule.verbs, random.pick(&INNER_VERBS)),
            _ => {}
        }
        if random.percent(20) {
            for _ in 0..1 + random.below(2) {
                add(&mut rule.names, random.pick(&NAMES));
            }
        }
        rule
    }

    fn on_paths(random: &mut Random) -> Rule {
        let mut rule = Rule::default();
        for _ in 0..1 + random.below(2) {
            add(&mut rule.urls, random.pick(&URLS));
            let verb = random.pick(&METHODS).to_lowercase();
            add(&mut rule.verbs, if random.percent(20) { "*" } else { &verb });
        }
        rule
    }

    /// The same without its wildcards. None: nothing is left of it.
    pub(super) fn exact(&self) -> Option<Rule> {
        let without = |words: &[String]| -> Vec<String> {
            words.iter().filter(|word| !word.contains('*')).cloned().collect()
        };
        let rule = Rule {
            verbs: without(&self.verbs),
            groups: without(&self.groups),
            resources: without(&self.resources),
            ..self.clone()
        };
        let left = !rule.verbs.is_empty() && !rule.groups.is_empty() && !rule.resources.is_empty();
        left.then_some(rule)
    }

    /// As a rule of a ClusterRole.
    pub(super) fn rbac(&self) -> Value {
        if self.urls.is_empty() {
            let Rule { verbs, groups, resources, names, .. } = self;
            json!({ "verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names })
        } else {
            json!({ "verbs": self.verbs, "nonResourceURLs": self.urls })
        }
    }

    /// As the gateway decides with it.
    pub(super) fn checked(&self, name: &str) -> Checked {
        let spec = RuleSpec {
            name: name.to_owned(),
            effect: Effect::Allow,
            verbs: self.verbs.clone(),
            api_groups: self.groups.clone(),
            resources: self.resources.clone(),
            resource_names: self.names.clone(),
            non_resource_urls: self.urls.clone(),
            acknowledge: Vec::new(),
            terms: Terms::none(),
        };
        spec.check().unwrap_or_else(|problems| panic!("{self:?}: {problems:?}"))
    }
}

/// One of the ways in which a rule can be about a kind.
fn resource(kind: &Kind, random: &mut Random) -> String {
    let subresource = kind.subresources.get(random.below(kind.subresources.len().max(1)));
    match (random.below(100), subresource) {
        (0..10, _) => "*".to_owned(),
        (10..18, Some(subresource)) => format!("*/{subresource}"),
        (18..50, Some(subresource)) => format!("{}/{subresource}", kind.resource),
        _ => kind.resource.to_owned(),
    }
}

fn add(words: &mut Vec<String>, word: &str) {
    if !words.iter().any(|have| have == word) {
        words.push(word.to_owned());
    }
}
