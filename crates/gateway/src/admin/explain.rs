//! `GET /v1/explain`: which rule would decide on a request of an agent's, and why. Nothing is sent anywhere.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use bytes::Bytes;
use drawbridge_policy::{
    AgentName, Attributes, Case, Decision, Effect, Facts, Line, Needs, Payload, Rules, decide, looked_at,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Admin;
use super::failure::Failure;
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

/// One rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct One {
    /// The rule, `SCOPE/RULE`.
    pub rule: String,
    /// The grant.
    pub grant: String,
    /// `allow` or `deny`.
    pub effect: String,
    /// What keeps it from being about the request; empty: it is about it.
    pub lacks: Vec<String>,
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
    let looked = looked.into_iter().map(|one| One {
        rule: one.rule.to_string(),
        grant: one.grant,
        effect: if one.effect == Effect::Allow { "allow" } else { "deny" }.to_owned(),
        lacks: one.lacks.into_iter().map(str::to_owned).collect(),
    });
    let mut explained = decided(decide(case, rules, &Facts::none(), now));
    explained.looked = looked.collect();
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

fn decided(decision: Decision) -> Explained {
    let explained = |word: &str, why: String| Explained {
        decision: word.to_owned(),
        why,
        rule: None,
        grant: None,
        calls: Vec::new(),
        looked: Vec::new(),
        more: 0,
    };
    match decision {
        Decision::Permit(permit) => Explained {
            rule: Some(permit.rule().to_string()),
            grant: Some(permit.grant().to_owned()),
            ..explained("allowed", "the rule allows it; the cluster's ceiling has the last word".to_owned())
        },
        Decision::Deny(denial, _) => Explained {
            rule: denial.rule().map(ToString::to_string),
            ..explained("denied", denial.message())
        },
        Decision::Needs(needs, _) => {
            let why = "it depends on the object: rules that are about it have conditions, or none allows \
                create, so that what is sent is bound to what is there";
            Explained { calls: calls(&needs), ..explained("depends", why.to_owned()) }
        }
        Decision::Expand(_) => {
            let why = "it depends on the objects: each of the collection is decided and deleted on its own";
            let calls = vec!["the list of the collection, read as the agent".to_owned()];
            Explained { calls, ..explained("depends", why.to_owned()) }
        }
    }
}

/// What must be read first, in words.
fn calls(needs: &Needs) -> Vec<String> {
    let wanted = match needs {
        Needs::Rehearsal(_) => return vec!["a dry run of the request, as the agent".to_owned()],
        Needs::Facts(wanted) => wanted,
    };
    let all = [
        (wanted.live || wanted.part, "the live object, read as the agent"),
        (wanted.namespace, "its namespace, read as the agent"),
        (wanted.revisions, "the earlier revisions of the workload, read as the agent"),
    ];
    all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, what)| what.to_owned()).collect()
}

/// The request that such a question is about. Its version plays no part in a decision.
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
    let mut path = if group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{group}/v1") };
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
