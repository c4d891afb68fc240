//! The rules that a decision looks at, in words.

use drawbridge_policy::{Cost, Effect, Lists, Looked, Stands, Terms};
use serde::{Deserialize, Serialize};

/// One rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct One {
    /// The rule, `SCOPE/RULE`.
    pub rule: String,
    /// The grant.
    pub grant: String,
    /// `filtered` where the grant filters lists of all namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lists: Option<String>,
    /// `allow` or `deny`.
    pub effect: String,
    /// What it asks for beside verb, resource and name, in words.
    #[serde(default)]
    pub terms: Vec<String>,
    /// What keeps it from being about the request; empty: it is about it.
    pub lacks: Vec<String>,
    /// `apart` (see `lacks`), `holds`, `fails`, `object-by-object` or `depends`.
    pub stands: String,
    /// Of `fails`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What saying so costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
}

impl One {
    pub(super) fn of(looked: Looked) -> One {
        let (stands, because, costs) = match looked.stands {
            Stands::Apart => ("apart", None, Vec::new()),
            Stands::Holds => ("holds", None, Vec::new()),
            Stands::Fails(why) => ("fails", Some(why), Vec::new()),
            Stands::ObjectByObject(costs) => ("object-by-object", None, costs),
            Stands::Depends(costs) => ("depends", None, costs),
        };
        One {
            rule: looked.rule.to_string(),
            grant: looked.grant,
            lists: (looked.lists == Lists::Filtered).then(|| "filtered".to_owned()),
            effect: if looked.effect == Effect::Allow { "allow" } else { "deny" }.to_owned(),
            terms: terms(&looked.terms),
            lacks: looked.lacks.into_iter().map(str::to_owned).collect(),
            stands: stands.to_owned(),
            because,
            calls: words(&costs),
        }
    }
}

/// What all of them cost together, in the order in which it is asked.
pub(super) fn costs(looked: &[Looked]) -> Vec<Cost> {
    let of = |one: &Looked| match &one.stands {
        Stands::ObjectByObject(costs) | Stands::Depends(costs) => costs.clone(),
        Stands::Apart | Stands::Holds | Stands::Fails(_) => Vec::new(),
    };
    let mut costs: Vec<Cost> = looked.iter().flat_map(of).collect();
    costs.sort();
    costs.dedup();
    costs
}

/// Calls in words.
pub(super) fn words(costs: &[Cost]) -> Vec<String> {
    costs.iter().map(|cost| word(*cost).to_owned()).collect()
}

fn word(cost: Cost) -> &'static str {
    match cost {
        Cost::Collection => "the list of the collection, read as the agent",
        Cost::Live => "the live object, read as the agent",
        Cost::Namespace => "its namespace, read as the agent",
        Cost::Revisions => "the earlier revisions of the workload, read as the agent",
        Cost::DryRun => "a dry run of the request, as the agent",
        Cost::Beginning => {
            "the list that the watch begins with, read as the agent, where the watch names a resourceVersion"
        }
        Cost::EachDelete => "one delete for each object of the collection",
        Cost::PodAgain => "the pod once more, when something of it is open",
    }
}

fn terms(terms: &Terms) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(when) = &terms.when {
        said.push(format!("when {when}"));
    }
    if !terms.versions.is_empty() {
        said.push(format!("versions {}", terms.versions.join(", ")));
    }
    if !terms.mask.is_empty() {
        said.push(format!("mask {}", terms.mask.join(", ")));
    }
    said.extend(terms.limits.iter().map(|limit| format!("limit {limit}")));
    said
}
