//! Who holds rules: a user of Kubernetes RBAC, and an agent with the same.

use std::sync::Arc;

use drawbridge_policy::{HeldScope, Lists, NamePattern, Reach, Rules, Scope};
use serde_json::{Value, json};

use super::random::Random;
use super::rule::Rule;

/// The namespaces that there are. Nothing else begins with `rbac-x-`.
pub(super) const NAMESPACES: [&str; 4] = ["rbac-a", "rbac-b", "rbac-x-1", "rbac-x-2"];

/// Rules in the hands of somebody, everywhere or in some namespaces.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) rules: Vec<Rule>,
    /// The grant's `namespaces`; empty: everywhere.
    pub(super) patterns: Vec<&'static str>,
}

/// A user and an agent of the same name with the same rules.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub(super) name: String,
    pub(super) held: Vec<Held>,
}

/// Which of a holder's rules a user of RBAC has. What the exceptions leave out of a rule is asked of the API
/// server by asking it about somebody who has less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Part {
    /// Only what rules name without a wildcard.
    pub(super) exact: bool,
    /// Only what holds everywhere.
    pub(super) wide: bool,
}

impl Part {
    pub(super) const ALL: Part = Part { exact: false, wide: false };
}

impl Held {
    fn random(random: &mut Random) -> Held {
        let patterns: Vec<&'static str> = match random.below(10) {
            0..4 => Vec::new(),
            4..7 => vec![random.pick(&NAMESPACES)],
            7..8 => vec!["rbac-a", "rbac-b"],
            _ => vec!["rbac-x-*"],
        };
        let rules = match random.below(10) {
            0 => vec![Rule::everything()],
            1 => vec![Rule::everything(), Rule::random(random)],
            _ => (0..1 + random.below(4)).map(|_| Rule::random(random)).collect(),
        };
        Held { rules, patterns }
    }

    /// Both shapes that RBAC has come up; a Role takes no rules on paths.
    fn role_kind(&self, index: usize) -> &'static str {
        let paths = self.rules.iter().any(|rule| !rule.urls.is_empty());
        if self.patterns.is_empty() || paths || index.is_multiple_of(2) { "ClusterRole" } else { "Role" }
    }

    /// The namespaces that its patterns match.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &'static str> {
        let matches = |namespace: &str| {
            self.patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(stem) => namespace.starts_with(stem),
                None => namespace == *pattern,
            })
        };
        NAMESPACES.into_iter().filter(move |namespace| matches(namespace))
    }
}

impl Holder {
    pub(super) fn random(name: String, random: &mut Random) -> Holder {
        Holder { name, held: (0..1 + random.below(3)).map(|_| Held::random(random)).collect() }
    }

    /// The RBAC user with a part of the rules.
    pub(super) fn user(&self, part: Part) -> String {
        let exact = if part.exact { ":exact" } else { "" };
        let wide = if part.wide { ":wide" } else { "" };
        format!("{}{exact}{wide}", self.name)
    }

    /// The roles and bindings that give the users their parts, each with the path that it is created at.
    pub(super) fn objects(&self) -> Vec<(String, Value)> {
        let held = self.held.iter().enumerate();
        held.flat_map(|(index, held)| [false, true].map(|exact| self.objects_of(index, held, exact)))
            .flatten()
            .collect()
    }

    fn objects_of(&self, index: usize, held: &Held, exact: bool) -> Vec<(String, Value)> {
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        let name = format!("{}-{index}{}", self.name, if exact { "-exact" } else { "" });
        let rules: Vec<Value> = match exact {
            false => held.rules.iter().map(Rule::rbac).collect(),
            true => held.rules.iter().filter_map(Rule::exact).map(|rule| rule.rbac()).collect(),
        };
        let role = json!({ "metadata": { "name": name }, "rules": rules });
        let users = [false, true].map(|wide| self.user(Part { exact, wide }));
        let kind = held.role_kind(index);
        let within = |namespace: &str| format!("{rbac}/namespaces/{namespace}");
        let mut objects = Vec::new();
        match kind {
            "ClusterRole" => objects.push((format!("{rbac}/clusterroles"), role)),
            _ => objects
                .extend(held.namespaces().map(|place| (format!("{}/roles", within(place)), role.clone()))),
        }
        if held.patterns.is_empty() {
            objects.push((format!("{rbac}/clusterrolebindings"), binding(kind, &name, &users)));
        }
        let narrow = binding(kind, &name, &users[..1]);
        let places = held.namespaces();
        objects.extend(places.map(|place| (format!("{}/rolebindings", within(place)), narrow.clone())));
        objects
    }

    /// What the gateway decides with.
    pub(super) fn rules(&self) -> Rules {
        let held = self.held.iter().enumerate().map(|(index, held)| {
            let rules =
                held.rules.iter().enumerate().map(|(place, rule)| rule.checked(&format!("rule-{place}")));
            let patterns = held.patterns.iter().map(|pattern| NamePattern::parse(pattern).unwrap());
            HeldScope {
                grant: format!("grant-{index}"),
                until: None,
                namespaces: if held.patterns.is_empty() {
                    Reach::everywhere()
                } else {
                    Reach::namespaces(patterns.collect())
                },
                scope: Arc::new(Scope::new(&format!("scope-{index}"), rules.collect())),
                lists: Lists::Refused,
            }
        });
        Rules::new(held.collect())
    }

    /// The scopes and grants, for `drawbridge apply`.
    pub(super) fn manifests(&self) -> String {
        let manifests = self.held.iter().enumerate().flat_map(|(index, held)| {
            let name = format!("{}-{index}", self.name);
            let rules: Vec<Value> = held.rules.iter().map(trimmed).collect();
            let mut grant = json!({ "agents": [self.name], "scopes": [name], "clusters": ["local"] });
            if !held.patterns.is_empty() {
                grant["namespaces"] = json!(held.patterns);
            }
            [manifest("Scope", &name, json!({ "rules": rules })), manifest("Grant", &name, grant)]
        });
        manifests.collect::<Vec<_>>().join("---\n")
    }
}

/// An RBAC rule as it is pasted into a scope: lists that are empty are left out.
fn trimmed(rule: &Rule) -> Value {
    let mut rule = rule.rbac();
    if let Some(fields) = rule.as_object_mut() {
        fields.retain(|_, list| list.as_array().is_some_and(|list| !list.is_empty()));
    }
    rule
}

fn manifest(kind: &str, name: &str, spec: Value) -> String {
    let head = json!({ "apiVersion": "drawbridge.dev/v1alpha1", "kind": kind });
    let mut manifest = head;
    manifest["metadata"] = json!({ "name": name });
    manifest["spec"] = spec;
    format!("{manifest}\n")
}

fn binding(kind: &str, role: &str, users: &[String]) -> Value {
    let group = "rbac.authorization.k8s.io";
    let subjects: Vec<Value> =
        users.iter().map(|user| json!({ "apiGroup": group, "kind": "User", "name": user })).collect();
    json!({
        "metadata": { "name": role },
        "roleRef": { "apiGroup": group, "kind": kind, "name": role },
        "subjects": subjects,
    })
}
