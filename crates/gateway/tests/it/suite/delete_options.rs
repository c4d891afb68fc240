//! What a DELETE says of how to delete survives the way through the gateway. Judged by the body that the API
//! server got, and by what became of the object.

use drawbridge_testkit::{Agent, Event};
use serde_json::{Value, json};

use super::wire::{self, Answer};
use super::world;

pub(super) const RULES: &str = "
- name: configmaps
  verbs: [get, list, watch, create, update, patch, delete, deletecollection]
  apiGroups: ['']
  resources: [configmaps, pods]";

/// An agent in a namespace of its own.
pub(super) struct Bench {
    /// The namespace.
    pub(super) namespace: String,
    /// The agent.
    pub(super) agent: Agent,
}

impl Bench {
    pub(super) fn new() -> Bench {
        let world = world();
        let namespace = world.namespace("delete");
        let agent = world.agent("deleter", RULES, &[&namespace]);
        Bench { namespace, agent }
    }

    pub(super) fn create(&self, name: &str, more: &[&str]) {
        let create = ["-n", &self.namespace, "create", "configmap", name];
        world().admin(&[&create[..], more].concat()).ok();
    }

    /// The object as it is, if it is there.
    pub(super) fn live(&self, kind: &str, name: &str) -> Option<Value> {
        let get = ["-n", &self.namespace, "get", kind, name, "-o", "json", "--ignore-not-found"];
        let run = world().admin(&get).ok();
        (!run.stdout.is_empty()).then(|| serde_json::from_str(&run.stdout).unwrap())
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        self.live("configmap", name).is_some()
    }

    /// A raw DELETE of `rest`, the path behind the namespace.
    pub(super) fn delete(&self, rest: &str, body: &Value) -> Answer {
        let path = format!("/api/v1/namespaces/{}/{rest}", self.namespace);
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let kind = [("Content-Type", "application/json")];
        let headers = if body.is_null() { &[][..] } else { &kind[..] };
        wire::call(world().gateway(), &self.agent, "DELETE", &path, headers, text.as_bytes())
    }

    /// What the API server got of this agent's DELETE of `name`: the last one.
    pub(super) fn got(&self, name: &str) -> Event {
        let events = world().audit().of_agent(&self.agent.name).into_iter();
        let mut deletes = events.filter(|event| event.verb() == "delete" && event.uri().contains(name));
        deletes.next_back().unwrap_or_else(|| panic!("no delete of {name} reached the cluster"))
    }

    /// The delete options that the API server got with the DELETE of `name`.
    pub(super) fn options(&self, name: &str) -> Value {
        let event = self.got(name);
        event.json()["requestObject"].clone()
    }

    /// kubectl in this namespace.
    pub(super) fn kubectl(&self, arguments: &[&str]) -> drawbridge_testkit::Run {
        self.agent.kubectl(&[&["-n", &self.namespace], arguments].concat())
    }
}

#[test]
fn without_options_the_api_server_gets_none() {
    let bench = Bench::new();
    bench.create("plain", &[]);
    assert_eq!(bench.delete("configmaps/plain", &Value::Null).status, 200);
    assert!(!bench.exists("plain"));
    let event = bench.got("plain");
    assert!(!event.uri().contains('?'), "{event:?}");
}

#[test]
fn a_dry_run_deletes_nothing_by_kubectl_in_the_query_and_in_the_body() {
    let bench = Bench::new();
    bench.create("kept", &[]);
    bench.kubectl(&["delete", "configmap", "kept", "--dry-run=server"]).ok();
    assert_eq!(bench.options("kept")["dryRun"], json!(["All"]));
    assert!(bench.exists("kept"), "by kubectl");
    assert_eq!(bench.delete("configmaps/kept?dryRun=All", &Value::Null).status, 200);
    assert_eq!(bench.options("kept")["dryRun"], json!(["All"]));
    assert!(bench.exists("kept"), "in the query");
    assert_eq!(bench.delete("configmaps/kept", &json!({ "dryRun": ["All"] })).status, 200);
    assert_eq!(bench.options("kept")["dryRun"], json!(["All"]));
    assert!(bench.exists("kept"), "in the body");
}

#[test]
fn a_dry_run_of_a_collection_deletes_nothing() {
    let bench = Bench::new();
    bench.create("kept", &[]);
    for (query, body) in [("?dryRun=All", Value::Null), ("", json!({ "dryRun": ["All"] }))] {
        let answer = bench.delete(&format!("configmaps{query}"), &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(bench.exists("kept"), "{query} {body}");
    }
}

#[test]
fn the_grace_period_survives_by_kubectl_in_the_query_and_in_the_body() {
    let bench = Bench::new();
    bench.create("one", &[]);
    bench.kubectl(&["delete", "configmap", "one", "--grace-period=7", "--wait=false"]).ok();
    assert_eq!(bench.options("one")["gracePeriodSeconds"], json!(7));
    for (name, query, body) in [
        ("two", "?gracePeriodSeconds=8", Value::Null),
        ("three", "", json!({ "gracePeriodSeconds": 8 })),
        ("four", "?gracePeriodSeconds=8&pretty=true", Value::Null),
    ] {
        bench.create(name, &[]);
        assert_eq!(bench.delete(&format!("configmaps/{name}{query}"), &body).status, 200);
        assert_eq!(bench.options(name)["gracePeriodSeconds"], json!(8), "{name}");
    }
}

#[test]
fn a_pod_ends_with_the_grace_period_that_the_caller_gave_it() {
    let bench = Bench::new();
    for (name, query, body, seconds) in [
        ("query", "?gracePeriodSeconds=900", Value::Null, 900),
        ("body", "", json!({ "gracePeriodSeconds": 800 }), 800),
        ("none", "", Value::Null, 30),
    ] {
        // What is bound to a node ends with grace; this node is nobody's, so that nobody ends it early.
        let spec = json!({ "containers": [{ "name": "a", "image": "a" }], "nodeName": "nowhere",
            "automountServiceAccountToken": false });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": spec });
        super::writes::until_created(&bench.namespace, &pod);
        let answer = bench.delete(&format!("pods/{name}{query}"), &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["metadata"]["deletionGracePeriodSeconds"], json!(seconds), "{name}");
    }
}

#[test]
fn preconditions_bind_and_their_conflict_is_the_callers_own() {
    let bench = Bench::new();
    bench.create("bound", &[]);
    let live = bench.live("configmap", "bound").unwrap();
    let (uid, version) = (&live["metadata"]["uid"], &live["metadata"]["resourceVersion"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for (query, body) in [
        ("", json!({ "preconditions": { "uid": "5f1f4d3c-0000-0000-0000-000000000000" } })),
        ("", json!({ "preconditions": { "resourceVersion": "1" } })),
        ("", json!({ "preconditions": { "uid": uid, "resourceVersion": "1" } })),
        ("?uid=5f1f4d3c-0000-0000-0000-000000000000", Value::Null),
        ("?resourceVersion=1", Value::Null),
    ] {
        let before = world().audit().of_agent(&bench.agent.name).len();
        let answer = bench.delete(&format!("configmaps/bound{query}"), &body);
        assert_eq!(
            (answer.status, answer.json()["reason"].as_str()),
            (409, Some("Conflict")),
            "{query} {body}"
        );
        assert!(bench.exists("bound"), "{query} {body}");
        let after = world().audit().of_agent(&bench.agent.name).len();
        assert_eq!(after - before, 1, "a conflict of the caller's own is tried once");
    }
    let both = json!({ "preconditions": { "uid": uid, "resourceVersion": version } });
    assert_eq!(bench.delete("configmaps/bound?pretty=true", &both).status, 200);
    assert_eq!(bench.options("bound")["preconditions"], both["preconditions"]);
    assert!(!bench.exists("bound"));
    bench.create("again", &[]);
    let uid = text(&bench.live("configmap", "again").unwrap()["metadata"]["uid"]);
    assert_eq!(bench.delete(&format!("configmaps/again?uid={uid}"), &Value::Null).status, 200);
    assert!(!bench.exists("again"));
}

#[test]
fn a_collection_is_deleted_only_as_far_as_its_selector_goes() {
    let bench = Bench::new();
    for name in ["a", "b", "other"] {
        bench.create(name, &[]);
        let label = if name == "other" { "kind=other" } else { "kind=this" };
        world().admin(&["-n", &bench.namespace, "label", "configmap", name, label]).ok();
    }
    let answer = bench.delete("configmaps?labelSelector=kind%3Dthis&gracePeriodSeconds=0", &Value::Null);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((bench.exists("a"), bench.exists("b"), bench.exists("other")), (false, false, true));
    bench.kubectl(&["delete", "configmaps", "-l", "kind=other", "--wait=false"]).ok();
    assert!(!bench.exists("other"));
}

#[test]
fn options_in_the_body_and_in_the_query_are_refused_and_nothing_is_deleted() {
    let bench = Bench::new();
    bench.create("kept", &[]);
    for (query, body) in [
        ("?dryRun=All", json!({})),
        ("?gracePeriodSeconds=0", json!({ "dryRun": ["All"] })),
        ("?propagationPolicy=Orphan", json!({ "propagationPolicy": "Background" })),
        ("?orphanDependents=true", json!({ "kind": "DeleteOptions", "apiVersion": "v1" })),
    ] {
        for path in ["configmaps/kept", "configmaps"] {
            let answer = bench.delete(&format!("{path}{query}"), &body);
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(answer.message().contains("use one"), "{}", answer.message());
        }
    }
    assert!(bench.exists("kept"));
    let reached = world().audit().of_agent(&bench.agent.name);
    assert!(reached.iter().all(|event| event.verb() == "get"), "{reached:#?}");
}

#[test]
fn options_that_cannot_be_read_are_refused_and_nothing_is_deleted() {
    let bench = Bench::new();
    bench.create("kept", &[]);
    for (query, body) in [
        ("?dryRun=Some", Value::Null),
        ("?dryRun=", Value::Null),
        ("?dryRun", Value::Null),
        ("?gracePeriodSeconds=soon", Value::Null),
        ("", json!({ "dryrun": ["All"] })),
        ("", json!({ "dryRun": "All" })),
        ("", json!({ "kind": "ConfigMap" })),
        ("", json!([])),
    ] {
        let answer = bench.delete(&format!("configmaps/kept{query}"), &body);
        assert_eq!(answer.status, 400, "{query} {body}: {answer:?}");
        assert!(answer.message().contains("delete options"), "{}", answer.message());
    }
    assert!(bench.exists("kept"));
}

#[test]
fn deleting_what_cannot_be_read_needs_a_rule_of_its_own() {
    let bench = Bench::new();
    bench.create("kept", &[]);
    let option = "ignoreStoreReadErrorWithClusterBreakingPotential";
    for (query, body) in [(format!("?{option}=true"), Value::Null), (String::new(), json!({ option: true }))]
    {
        let answer = bench.delete(&format!("configmaps/kept{query}"), &body);
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    assert!(bench.exists("kept"));
}
