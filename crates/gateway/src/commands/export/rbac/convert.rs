//! A scope's rules as RBAC's, and what RBAC can't say of them. Pure.

use anyhow::bail;
use drawbridge_policy::{Effect, RuleSpec};
use serde_json::Value;

use super::Conditional;
use super::verbs::{Given, given};
use crate::cluster::review::Right;
use crate::manifest::Manifest;

/// What a ClusterRole says as well as a scope, and what says nothing about who may do what.
const HELD: [&str; 9] = [
    "name",
    "effect",
    "verbs",
    "apiGroups",
    "resources",
    "resourceNames",
    "nonResourceURLs",
    "acknowledge",
    "versions",
];

const BUILT_IN: &str = "Not here: no grant of Drawbridge's reaches the namespaces drawbridge-system and \
    drawbridge-agents; a binding of this role does.";
const OWNERS: &str = "Not here: with Drawbridge, who may not delete an object may not change its \
    metadata.ownerReferences either.";
const NAMESPACES: &str = "Not here: through a grant with namespaces, Drawbridge gives only get of a \
    namespace itself; a RoleBinding gives whatever a rule on namespaces says, delete too.";

/// A scope as RBAC.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Exported {
    pub(super) rules: Vec<Rule>,
    /// What is said about all of it.
    pub(super) general: Vec<String>,
}

/// What became of one rule.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: String,
    /// RBAC's rules for it. None: it is left out.
    pub(super) rights: Vec<Right>,
    /// What is not the same there, one sentence each.
    pub(super) said: Vec<String>,
}

impl Exported {
    /// Everything that isn't the same there.
    pub(super) fn said(&self) -> Vec<String> {
        let of_rules =
            self.rules.iter().flat_map(|rule| rule.said.iter().map(|said| format!("{}: {said}", rule.name)));
        of_rules.chain(self.general.iter().cloned()).collect()
    }
}

/// Converts a Scope's manifest.
pub(super) fn convert(scope: &Value, conditional: Conditional) -> anyhow::Result<Exported> {
    let Manifest::Scope(read) = Manifest::from_json(scope)? else { bail!("it is no scope") };
    let written = scope.pointer("/spec/rules").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let rules =
        read.specs.iter().zip(written).map(|(spec, written)| rule(spec, &narrowed(written), conditional));
    let rules: Vec<Rule> = rules.collect();
    let general = general(&rules);
    Ok(Exported { rules, general })
}

/// The fields that narrow a rule and that RBAC doesn't have.
fn narrowed(rule: &Value) -> Vec<String> {
    let fields = rule.as_object().into_iter().flatten();
    fields.map(|(field, _)| field.clone()).filter(|field| !HELD.contains(&field.as_str())).collect()
}

/// Converts one rule. `narrowed` are its fields that RBAC doesn't have.
fn rule(spec: &RuleSpec, narrowed: &[String], conditional: Conditional) -> Rule {
    let mut rule = Rule { name: spec.name.clone(), ..Rule::default() };
    if spec.effect == Effect::Deny {
        rule.said.push(
            "LEFT OUT, since RBAC has no deny rules: what other rules allow of it is allowed there"
                .to_owned(),
        );
        return rule;
    }
    match (narrowed, conditional) {
        ([], _) => {}
        (fields, Conditional::LeaveOut) => {
            let fields = fields.join(", ");
            rule.said
                .push(format!("LEFT OUT, since RBAC can't hold its {fields}: it would allow more there"));
            return rule;
        }
        (fields, Conditional::Print) => {
            let fields = fields.join(", ");
            rule.said.push(format!("WIDER THERE, since RBAC can't hold its {fields}"));
        }
    }
    if !spec.non_resource_urls.is_empty() {
        let (verbs, non_resource_urls) = (spec.verbs.clone(), spec.non_resource_urls.clone());
        rule.rights.push(Right { verbs, non_resource_urls, ..Right::default() });
        return rule;
    }
    resources(spec, &mut rule);
    rule
}

/// Verbs are looked at for each group and resource; those with the same are written together.
fn resources(spec: &RuleSpec, rule: &mut Rule) {
    for group in &spec.api_groups {
        let mut rights: Vec<Right> = Vec::new();
        for resource in &spec.resources {
            let Given { verbs, said } = given(spec, group, resource);
            for said in said {
                if !rule.said.contains(&said) {
                    rule.said.push(said);
                }
            }
            if verbs.is_empty() {
                continue;
            }
            match rights.iter_mut().find(|right| right.verbs == verbs) {
                Some(right) => right.resources.push(resource.clone()),
                None => rights.push(Right {
                    verbs,
                    api_groups: vec![group.clone()],
                    resources: vec![resource.clone()],
                    resource_names: spec.resource_names.clone(),
                    ..Right::default()
                }),
            }
        }
        for right in rights {
            let same = |other: &&mut Right| other.verbs == right.verbs && other.resources == right.resources;
            match rule.rights.iter_mut().find(same) {
                Some(other) => other.api_groups.extend(right.api_groups),
                None => rule.rights.push(right),
            }
        }
    }
}

/// What holds here whatever the rules say, and there doesn't.
fn general(rules: &[Rule]) -> Vec<String> {
    let rights = || rules.iter().flat_map(|rule| &rule.rights).filter(|right| !right.resources.is_empty());
    let has = |right: &Right, verb: &str| right.verbs.iter().any(|have| have == verb);
    let mut general = Vec::new();
    if rights().next().is_some() {
        general.push(BUILT_IN.to_owned());
    }
    if rights().any(|right| (has(right, "update") || has(right, "patch")) && !has(right, "delete")) {
        general.push(OWNERS.to_owned());
    }
    let on_namespaces = |right: &Right| {
        right.api_groups.iter().any(|group| group.is_empty() || group == "*")
            && right.resources.iter().any(|resource| resource == "namespaces" || resource == "*")
    };
    if rights().any(|right| on_namespaces(right) && right.verbs.iter().any(|verb| verb != "get")) {
        general.push(NAMESPACES.to_owned());
    }
    general
}
