//! A scope's rules as one expression that is true of what they allow, and what it can't say of them. Pure.

use anyhow::bail;
use drawbridge_policy::rules::weigh;
use drawbridge_policy::{Effect, Rule, RuleSpec, Variable};

use serde_json::Value;

use super::Conditional;
use super::rewrite::{self, list, text};
use crate::manifest::Manifest;

/// Questions of agents about themselves, which every grant allows.
const OWN: &str = "(request.operation == 'CREATE' && variables.subResource == '' && \
    request.resource.group in ['authorization.k8s.io', 'authentication.k8s.io'] && \
    request.resource.resource in ['selfsubjectaccessreviews', 'selfsubjectrulesreviews', \
    'selfsubjectreviews'])";

const NOT_HERE: &str = "Not here: reads, the namespaces and ends of grants, what Drawbridge refuses whatever \
    the rules say, and its rule that who may not delete an object may not change its \
    metadata.ownerReferences either.";

/// A scope for admission.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Exported {
    pub(super) expression: String,
    said: Vec<String>,
}

impl Exported {
    /// Everything that isn't the same there.
    pub(super) fn said(&self) -> impl Iterator<Item = String> {
        self.said.iter().cloned().chain([NOT_HERE.to_owned()])
    }
}

/// Converts a Scope's manifest.
pub(super) fn convert(scope: &Value, conditional: Conditional) -> anyhow::Result<Exported> {
    let Manifest::Scope(read) = Manifest::from_json(scope)? else { bail!("it is no scope") };
    let (mut allows, mut denies, mut said) = (vec![OWN.to_owned()], Vec::new(), Vec::new());
    for (_, rule) in read.rules.rules() {
        let mut one = One { rule, said: Vec::new() };
        if let Some(expression) = one.expression(conditional) {
            match rule.effect() {
                Effect::Allow => allows.push(expression),
                Effect::Deny => denies.push(format!("!{expression}")),
            }
        }
        said.extend(one.said.into_iter().map(|said| format!("{}: {said}", rule.name())));
    }
    let mut all = denies;
    all.push(format!("({})", allows.join(" || ")));
    Ok(Exported { expression: all.join(" && "), said })
}

struct One<'a> {
    rule: &'a Rule,
    said: Vec<String>,
}

impl One<'_> {
    /// What is true of the requests that the rule is about. None: admission sees none of them, or can't say.
    fn expression(&mut self, conditional: Conditional) -> Option<String> {
        let spec = self.rule.spec();
        if !spec.non_resource_urls.is_empty() {
            self.say("LEFT OUT: admission doesn't see paths");
            return None;
        }
        let operations = self.operations()?;
        let mut parts = vec![operations, groups(spec), resources(spec)];
        if !spec.resource_names.is_empty() {
            parts.push(format!("variables.requestName in {}", list(&spec.resource_names)));
        }
        if self.rule.effect() == Effect::Allow {
            let lost: Vec<_> = weigh(spec).lost.iter().map(|escape| escape.word).collect();
            if !lost.is_empty() {
                let lost = lost.join(", ");
                self.say(&format!("WIDER THERE: its wildcards also reach {lost}; list what is meant"));
            }
        }
        if !spec.terms.limits.is_empty() {
            self.say("WIDER THERE: its limits aren't counted");
        }
        if !spec.terms.mask.is_empty() {
            self.say("WIDER THERE: its mask hides nothing");
        }
        if let Some(condition) = self.condition(conditional) {
            parts.extend(condition.ok()?);
        }
        Some(format!("({})", parts.join(" && ")))
    }

    /// The condition's part. None: there is none; an error: the rule is left out.
    fn condition(&mut self, conditional: Conditional) -> Option<Result<Vec<String>, ()>> {
        let condition = self.rule.condition()?;
        let why = match rewrite::condition(condition) {
            Ok(expression) => match self.connects() {
                None => {
                    let mut parts = Vec::new();
                    if [Variable::Object, Variable::OldObject].iter().any(|one| condition.names(*one)) {
                        let versions = match &*self.rule.spec().terms.versions {
                            [] => vec!["v1".to_owned()],
                            versions => versions.to_vec(),
                        };
                        parts.push(format!("request.resource.version in {}", list(&versions)));
                    }
                    parts.push(format!("({expression})"));
                    return Some(Ok(parts));
                }
                Some(resource) => format!("a condition on {resource}"),
            },
            Err(why) => why,
        };
        let deny = self.rule.effect() == Effect::Deny;
        match (deny, conditional) {
            (true, _) => {
                self.say(&format!("LEFT OUT, since admission has no {why}: it denies nothing there"));
                Some(Err(()))
            }
            (false, Conditional::LeaveOut) => {
                self.say(&format!("LEFT OUT, since admission has no {why}: what it allows is denied there"));
                Some(Err(()))
            }
            (false, Conditional::Print) => {
                self.say(&format!("WIDER THERE, without its when, since admission has no {why}"));
                Some(Ok(Vec::new()))
            }
        }
    }

    /// A resource of the rule's whose requests admission sees as something else than a condition does.
    fn connects(&self) -> Option<&str> {
        const ELSE: [&str; 7] = ["exec", "attach", "portforward", "proxy", "eviction", "token", "binding"];
        let odd = |resource: &&String| match resource.split_once('/') {
            Some((_, sub)) => sub == "*" || ELSE.contains(&sub),
            None => *resource == "*",
        };
        self.rule.spec().resources.iter().find(odd).map(String::as_str)
    }

    /// Which operations its verbs are. None: reads only.
    fn operations(&mut self) -> Option<String> {
        let verbs = &self.rule.spec().verbs;
        let has = |verb: &str| verbs.iter().any(|have| have == verb || have == "*");
        let deny = self.rule.effect() == Effect::Deny;
        let mut operations = Vec::new();
        if has("create") {
            operations.extend(["CREATE", "CONNECT"]);
        }
        if has("update") || has("patch") {
            operations.push("UPDATE");
            if has("update") != has("patch") {
                self.say("WIDER THERE: admission can't tell update from patch");
            }
        }
        if has("delete") || has("deletecollection") {
            operations.push("DELETE");
            // Of a collection each object is admitted on its own; a deny of delete covers both here, too.
            if has("delete") != has("deletecollection") && !(deny && has("delete")) {
                self.say("WIDER THERE: admission can't tell delete from deletecollection");
            }
        }
        if operations.is_empty() {
            return None;
        }
        let operations: Vec<String> = operations.into_iter().map(str::to_owned).collect();
        Some(format!("request.operation in {}", list(&operations)))
    }

    fn say(&mut self, what: &str) {
        self.said.push(what.to_owned());
    }
}

fn groups(spec: &RuleSpec) -> String {
    if spec.api_groups.iter().any(|group| group == "*") {
        return "true".to_owned();
    }
    format!("request.resource.group in {}", list(&spec.api_groups))
}

fn resources(spec: &RuleSpec) -> String {
    let one = |resource: &String| match resource.split_once('/') {
        None if resource == "*" => "true".to_owned(),
        None => {
            format!("(request.resource.resource == {} && variables.subResource == '')", text(resource))
        }
        Some(("*", sub)) => format!("variables.subResource == {}", text(sub)),
        Some((main, sub)) => {
            format!("(request.resource.resource == {} && variables.subResource == {})", text(main), text(sub))
        }
    };
    let all: Vec<String> = spec.resources.iter().map(one).collect();
    format!("({})", all.join(" || "))
}
