//! `GET /v1/explain`: which rule would decide on a request of an agent's, and why. Nothing is sent anywhere.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use bytes::Bytes;
use drawbridge_policy::{
    AgentName, Attributes, Case, Cost, Decision, Facts, Line, Payload, Rules, decide, looked_at,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Admin;
use super::failure::Failure;
use super::looked::{One, costs, words};
use crate::state::standing::{Standing, Subject};

/// Rules that are said at most; the nearest come first.
const MOST: usize = 50;

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    agent: String,
    cluster: String,
    verb: String,
    /// `GROUP/RESOURCE` without a version (`batch/jobs`, `/pods`), or a path that begins with `//`.
    resource: String,
    /// The API version; `v1` without it. Rules with conditions are written for versions.
    #[serde(default)]
    version: String,
    #[serde(default)]
    subresource: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
}

/// What would be decided.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Explained {
    /// `allowed`, `denied`, or `depends`: on what the cluster has.
    pub decision: String,
    /// Why, in one sentence.
    pub why: String,
    /// The rule that decides, if one does.
    pub rule: Option<String>,
    /// The grant that it is held through.
    pub grant: Option<String>,
    /// What the gateway asks the cluster besides, before it decides.
    pub calls: Vec<String>,
    /// The rules that were looked at, the nearest first.
    pub looked: Vec<One>,
    /// How many more there were.
    pub more: usize,
}

/// Explains.
pub(super) async fn explain(
    State(admin): State<Arc<Admin>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Explained>, Failure> {
    let Query(wanted) = wanted?;
    let malformed = |why: String| Failure::Malformed(why);
    let agent = AgentName::parse(&wanted.agent)
        .map_err(|error| malformed(format!("{:?} is no agent's name: {error}", wanted.agent)))?;
    let snapshot = admin.gate.state.snapshot();
    if snapshot.agent(&agent).is_none() {
        return Err(malformed(format!(
            "no agent {agent:?} is known; 'drawbridge get agents' lists them",
            agent = agent.as_str()
        )));
    }
    if snapshot.cluster(&wanted.cluster).is_none() {
        let cluster = &wanted.cluster;
        return Err(malformed(format!(
            "no cluster {cluster:?} is known; 'drawbridge get clusters' lists them"
        )));
    }
    let case = case(&agent, &wanted).map_err(malformed)?;
    let none = Rules::none();
    let rules = snapshot.rules(&agent, &wanted.cluster).unwrap_or(&none);
    let now = admin.gate.clock.now();
    let mut looked = looked_at(&case, rules, now);
    let more = looked.len().saturating_sub(MOST);
    looked.truncate(MOST);
    let calls = words(&costs(&looked));
    let mut explained = decided(decide(case, rules, &Facts::none(), now), calls);
    explained.looked = looked.into_iter().map(One::of).collect();
    explained.more = more;
    if let standing @ (Standing::Suspended(_) | Standing::Revoked(_)) =
        snapshot.standings().of(&Subject::Agent(agent.clone()))
    {
        explained.decision = "denied".to_owned();
        explained.why =
            format!("agent {:?} is {}: nothing it asks for is looked at", agent.as_str(), standing.as_str());
        (explained.rule, explained.grant, explained.calls) = (None, None, Vec::new());
    }
    Ok(Json(explained))
}

/// `calls` is what the rules that are about it cost, in words.
fn decided(decision: Decision, calls: Vec<String>) -> Explained {
    let explained = |word: &str, why: &str| Explained {
        decision: word.to_owned(),
        why: why.to_owned(),
        rule: None,
        grant: None,
        calls: Vec::new(),
        looked: Vec::new(),
        more: 0,
    };
    match decision {
        Decision::Permit(permit) => {
            let filters = permit.screen().is_some_and(drawbridge_policy::Screen::filters);
            let why = match (filters, permit.limited()) {
                (true, _) => OBJECT_BY_OBJECT,
                (false, Some(_)) => COUNTED,
                (false, None) => ALLOWED,
            };
            let calls = if filters { calls } else { Vec::new() };
            let (rule, grant) = (Some(permit.rule().to_string()), Some(permit.grant().to_owned()));
            Explained { rule, grant, calls, ..explained("allowed", why) }
        }
        Decision::Deny(denial, _) => Explained {
            rule: denial.rule().map(ToString::to_string),
            ..explained("denied", &denial.message())
        },
        // Beside conditions, what the API server checks inside may need the object.
        Decision::Needs(_, _) if calls.is_empty() => {
            let calls = words(&[Cost::Live]);
            Explained { calls, ..explained("depends", BOUND) }
        }
        Decision::Needs(_, _) => Explained { calls, ..explained("depends", DEPENDS) },
        Decision::Expand(_) => Explained { calls, ..explained("depends", EXPANDED) },
    }
}

const ALLOWED: &str = "the rule allows it; the cluster's ceiling has the last word";
const COUNTED: &str =
    "the rule allows it while its limits have room; the cluster's ceiling has the last word";
const OBJECT_BY_OBJECT: &str =
    "decided object by object: the answer holds only what the rules show; the ceiling has the last word";
const BOUND: &str =
    "it depends on the object: no rule allows create, so that what is sent is bound to what is there";
const DEPENDS: &str = "it depends on what the cluster has: rules that are about it have conditions";
const EXPANDED: &str = "it depends on the objects: each of the collection is decided and deleted on its own";

/// The request that such a question is about.
fn case(agent: &AgentName, wanted: &Wanted) -> Result<Case, String> {
    let (method, path, query) = line(wanted)?;
    let line = Line { method, path: &path, query };
    let attributes = Attributes::parse(line).map_err(|why| format!("no request is like that: {why}"))?;
    let spelled =
        attributes.verb().as_str() == wanted.verb || attributes.decided_verb().as_str() == wanted.verb;
    if !spelled {
        let Wanted { verb, resource, .. } = wanted;
        return Err(format!("no request has the verb {verb:?} on {resource:?}"));
    }
    let payload = payload(wanted);
    Case::new(agent.clone(), attributes, payload).map_err(|why| format!("no request is like that: {why}"))
}

fn line(wanted: &Wanted) -> Result<(&'static str, String, Option<&'static str>), String> {
    let method = match wanted.verb.as_str() {
        "get" | "list" | "watch" => "GET",
        "create" | "post" => "POST",
        "update" | "put" => "PUT",
        "patch" => "PATCH",
        "delete" | "deletecollection" => "DELETE",
        "head" => "HEAD",
        other => {
            return Err(format!(
                "no request has the verb {other:?}; there are get, list, watch, create, update, patch, \
                 delete and deletecollection"
            ));
        }
    };
    if let Some(path) = wanted.resource.strip_prefix('/').filter(|rest| rest.starts_with('/')) {
        return Ok((method, path.to_owned(), None));
    }
    let Some((group, resource)) = wanted.resource.split_once('/') else {
        return Err("the resource is to be GROUP/RESOURCE".to_owned());
    };
    let one = matches!(wanted.verb.as_str(), "get" | "update" | "patch" | "delete");
    let collection = matches!(wanted.verb.as_str(), "list" | "watch" | "deletecollection");
    let name = match (wanted.name.as_str(), one || !wanted.subresource.is_empty()) {
        // Any name stands for one that no rule names.
        ("", true) => "any-name",
        (name, _) if !collection => name,
        ("", false) => "",
        (_, _) => return Err(format!("a {} names no object", wanted.verb)),
    };
    let version = if wanted.version.is_empty() { "v1" } else { &wanted.version };
    let mut path =
        if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let mut add = |part: &str| {
        path.push('/');
        path.push_str(part);
    };
    if !wanted.namespace.is_empty() && resource != "namespaces" {
        add("namespaces");
        add(&wanted.namespace);
    }
    add(resource);
    let created = wanted.verb == "create" && wanted.subresource.is_empty();
    if !name.is_empty() && !created {
        add(name);
    }
    if !wanted.subresource.is_empty() {
        add(&wanted.subresource);
    }
    Ok((method, path, (wanted.verb == "watch").then_some("watch=true")))
}

/// The smallest body of its kind: what a body may be refused for is not what is asked here.
fn payload(wanted: &Wanted) -> Payload {
    let name = if wanted.name.is_empty() { "any-name" } else { &wanted.name };
    let (kind, body) = match wanted.verb.as_str() {
        "update" => {
            ("application/json", json!({ "apiVersion": "v1", "kind": "Any", "metadata": { "name": name } }))
        }
        "patch" => ("application/merge-patch+json", json!({})),
        _ => return Payload::none(),
    };
    Payload::new(Some(kind), Bytes::from(body.to_string()))
}
