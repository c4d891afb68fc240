//! A scope: a named set of rules. It grants nothing by itself.

use std::collections::HashSet;
use std::sync::Arc;

use drawbridge_policy::{Effect, Limit, Per, Rule, RuleProblem, RuleSpec, Terms};
use serde_json::{Map, Value, json};

use super::{Metadata, names};
use crate::yaml::{At, Content, Fields, Report, Shape, shown};

/// A scope.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Its name, labels and annotations.
    pub metadata: Metadata,
    /// The rules as they were written, for printing.
    pub specs: Vec<RuleSpec>,
    /// The rules as decisions read them.
    pub rules: Arc<drawbridge_policy::Scope>,
    /// Its deny rules alone: what a suspended grant still forbids.
    pub denies: Arc<drawbridge_policy::Scope>,
}

pub(super) const SHAPE: Shape = Shape::of(&["rules"]);

pub(super) const RULE: Shape = Shape {
    known: &[
        "name",
        "verbs",
        "apiGroups",
        "resources",
        "resourceNames",
        "nonResourceURLs",
        "effect",
        "acknowledge",
        "when",
        "versions",
        "mask",
        "limits",
    ],
    later: &[("require", "approvals"), ("onApproval", "approvals")],
};

pub(super) const LIMIT: Shape = Shape::of(&["requests", "per"]);

impl Scope {
    pub(super) fn read(metadata: Metadata, at: &At<'_>, report: &mut Report) -> Option<Scope> {
        let fields = at.fields(SHAPE, report)?;
        let items = fields.required("rules", "a list of rules, as in a ClusterRole", report)?.list(report)?;
        let mut named = HashSet::new();
        let mut specs = Vec::new();
        let mut rules = Vec::new();
        let given = given(&items);
        for (index, item) in items.iter().enumerate() {
            let Some((spec, checked)) = rule(item, &by_place(index, &given), report) else { continue };
            if !named.insert(spec.name.clone()) {
                let name = shown(&spec.name);
                item.wrong(report, &format!("two rules are named {name}; give one of them another name"));
            }
            specs.push(spec);
            rules.push(checked);
        }
        let denies = specs.iter().filter(|spec: &&RuleSpec| spec.effect == Effect::Deny);
        // What was right a moment ago is right again: these are the rules of above.
        let denies = denies.filter_map(|spec| spec.clone().check().ok()).collect();
        let arc = |rules| Arc::new(drawbridge_policy::Scope::new(&metadata.name, rules));
        let (rules, denies) = (arc(rules), arc(denies));
        Some(Scope { metadata, specs, rules, denies })
    }

    pub(super) fn spec(&self) -> Value {
        json!({"rules": self.specs.iter().map(rule_json).collect::<Vec<_>>()})
    }
}

/// The names that rules have of their own.
fn given<'t>(items: &[At<'t>]) -> HashSet<&'t str> {
    let name = |item: &At<'t>| match &item.node().field("name")?.content {
        Content::Scalar(scalar) => Some(scalar.text.as_str()),
        Content::List(_) | Content::Map(_) | Content::Refused => None,
    };
    items.iter().filter_map(name).collect()
}

/// The name of a rule that has none: RBAC's have none, and are pasted in as they are. It is its place,
/// `rule-1` for the first, and something behind it where another rule is called so.
fn by_place(index: usize, given: &HashSet<&str>) -> String {
    let name = format!("rule-{}", index.saturating_add(1));
    let more = (2_usize..).map(|more| format!("{name}-{more}"));
    let free = std::iter::once(name.clone()).chain(more).find(|name| !given.contains(name.as_str()));
    free.unwrap_or(name)
}

/// Reads a rule. One without a name is called `unnamed`.
fn rule(at: &At<'_>, unnamed: &str, report: &mut Report) -> Option<(RuleSpec, Rule)> {
    let before = report.count();
    let fields = at.fields(RULE, report)?;
    let name = match fields.optional("name") {
        None => Some(unnamed.to_owned()),
        Some(at) => names::read(&at, names::is_label, names::LABEL_RULE, report).map(str::to_owned),
    };
    let effect = effect(&fields, report);
    let spec = RuleSpec {
        name: name.unwrap_or_default(),
        effect: effect?,
        verbs: texts(&fields, "verbs", report),
        api_groups: texts(&fields, "apiGroups", report),
        resources: texts(&fields, "resources", report),
        resource_names: texts(&fields, "resourceNames", report),
        non_resource_urls: texts(&fields, "nonResourceURLs", report),
        acknowledge: texts(&fields, "acknowledge", report),
        terms: terms(&fields, report),
    };
    // A list that couldn't be read is no empty list: what a rule means is checked when all of it is known.
    if report.count() > before {
        return None;
    }
    match spec.clone().check() {
        Ok(rule) => Some((spec, rule)),
        Err(problems) => {
            for problem in problems {
                place(at, &fields, &problem, report);
            }
            None
        }
    }
}

fn terms(fields: &Fields<'_>, report: &mut Report) -> Terms {
    Terms {
        when: fields.optional("when").and_then(|at| at.text(report)).map(|text| text.trim().to_owned()),
        mask: texts(fields, "mask", report),
        limits: limits(fields, report),
        versions: texts(fields, "versions", report),
    }
}

fn limits(fields: &Fields<'_>, report: &mut Report) -> Vec<Limit> {
    let items = fields.optional("limits").and_then(|at| at.list(report)).unwrap_or_default();
    items.iter().filter_map(|item| limit(item, report)).collect()
}

fn limit(at: &At<'_>, report: &mut Report) -> Option<Limit> {
    let fields = at.fields(LIMIT, report)?;
    let requests = fields.required("requests", "how many requests", report);
    let per = fields.required("per", "minute, hour or day", report);
    let (requests, per) = (requests?, per?);
    let word = per.text(report)?;
    let Some(window) = Per::parse(word) else {
        per.wrong(report, &format!("expected minute, hour or day, found {}", shown(word)));
        return None;
    };
    let limit = Limit::new(requests.integer(report)?, window);
    if let Err(error) = &limit {
        requests.wrong(report, &error.to_string());
    }
    limit.ok()
}

fn effect(fields: &Fields<'_>, report: &mut Report) -> Option<Effect> {
    let Some(at) = fields.optional("effect") else { return Some(Effect::Allow) };
    match at.text(report)? {
        "allow" => Some(Effect::Allow),
        "deny" => Some(Effect::Deny),
        other => {
            at.wrong(report, &format!("expected allow or deny, found {}", shown(other)));
            None
        }
    }
}

/// A list of texts; empty if it is left out, as in RBAC.
fn texts(fields: &Fields<'_>, name: &str, report: &mut Report) -> Vec<String> {
    let texts = fields.optional(name).and_then(|at| at.texts(report)).unwrap_or_default();
    texts.into_iter().map(|(text, _)| text.to_owned()).collect()
}

/// Notes what policy finds wrong with a rule, where it stands.
fn place(rule: &At<'_>, fields: &Fields<'_>, problem: &RuleProblem, report: &mut Report) {
    let field = fields.optional(problem.field);
    let item = field.as_ref().zip(problem.index).and_then(|(field, index)| field.get(index));
    match item.or(field) {
        Some(at) => at.wrong(report, &problem.message),
        None => rule.wrong(report, &format!("{}: {}", problem.field, problem.message)),
    }
}

fn rule_json(spec: &RuleSpec) -> Value {
    let mut rule = Map::new();
    rule.insert("name".to_owned(), json!(spec.name));
    match spec.effect {
        Effect::Allow => {}
        Effect::Deny => {
            rule.insert("effect".to_owned(), json!("deny"));
        }
    }
    for (field, texts) in [
        ("verbs", &spec.verbs),
        ("apiGroups", &spec.api_groups),
        ("resources", &spec.resources),
        ("resourceNames", &spec.resource_names),
        ("nonResourceURLs", &spec.non_resource_urls),
        ("acknowledge", &spec.acknowledge),
        ("versions", &spec.terms.versions),
        ("mask", &spec.terms.mask),
    ] {
        if !texts.is_empty() {
            rule.insert(field.to_owned(), json!(texts));
        }
    }
    if let Some(when) = &spec.terms.when {
        rule.insert("when".to_owned(), json!(when));
    }
    if !spec.terms.limits.is_empty() {
        let limit = |limit: &Limit| json!({ "requests": limit.requests(), "per": limit.per().as_str() });
        rule.insert("limits".to_owned(), spec.terms.limits.iter().map(limit).collect());
    }
    Value::Object(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RBAC's rules have no names.
    #[test]
    fn rules_without_names_are_called_by_their_place_beside_those_that_have_one() {
        let text = "rules:\n- {name: rule-2}\n- {}\n- {name: rule-2-2}\n- {}\n- {name: [a]}\n";
        let tree = crate::yaml::parse(text, &mut Report::new("a.yaml"));
        let mut report = Report::new("a.yaml");
        let rules = At::root(&tree[0]).top(&mut report).unwrap().optional("rules").unwrap();
        let given = given(&rules.list(&mut report).unwrap());
        assert_eq!([0, 1, 3].map(|index| by_place(index, &given)), ["rule-1", "rule-2-3", "rule-4"]);
    }

    /// What policy says about a rule goes to the field or item that it names.
    #[test]
    fn a_problem_of_a_rule_is_told_where_it_stands() {
        let text = "rules:\n- name: a\n  verbs: [get,\n    lsit]\n  resources: [pods]\n";
        let mut report = Report::new("a.yaml");
        let tree = crate::yaml::parse(text, &mut report);
        let rules = At::root(&tree[0]).top(&mut report).unwrap().optional("rules").unwrap();
        let rule = rules.get(0).unwrap();
        let fields = rule.fields(RULE, &mut report).unwrap();
        let problem = |field, index| RuleProblem { field, index, message: "is wrong".to_owned() };
        for problem in [
            problem("apiGroups", None),
            problem("verbs", Some(1)),
            problem("verbs", Some(9)),
            problem("resources", None),
        ] {
            place(&rule, &fields, &problem, &mut report);
        }
        assert_eq!(
            report.finish().to_string(),
            "\
a.yaml:2:3: rules[0]: apiGroups: is wrong
a.yaml:3:10: rules[0].verbs: is wrong
a.yaml:4:5: rules[0].verbs[1]: is wrong
a.yaml:5:14: rules[0].resources: is wrong"
        );
    }
}
