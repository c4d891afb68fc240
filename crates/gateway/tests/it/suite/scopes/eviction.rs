//! Evictions under a condition: the pod that was looked at goes, or none.

use drawbridge_testkit::Agent;
use serde_json::{Value, json};

use super::super::wire::{self, Answer};
use super::super::world;
use super::{live, there};

const EVICTOR: &str = "
- name: see
  verbs: [get]
  apiGroups: ['']
  resources: [pods]
- name: evict
  verbs: [create]
  apiGroups: ['']
  resources: [pods/eviction]
  when: oldObject.metadata.labels['drain'] == 'yes'";

struct Scene {
    namespace: String,
    agent: Agent,
}

impl Scene {
    fn new() -> Scene {
        let namespace = world().namespace("evict");
        let agent = world().agent("evictor", EVICTOR, &[&namespace]);
        Scene { namespace, agent }
    }

    /// A pod that no node ever takes.
    fn pod(&self, name: &str, drain: &str) {
        let spec = json!({
            "containers": [{ "name": "c", "image": "registry.example/none" }],
            "nodeSelector": { "no": "node" },
        });
        let metadata = json!({ "name": name, "labels": { "drain": drain } });
        there(
            &self.namespace,
            &json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec }),
        );
    }

    fn is_there(&self, name: &str) -> bool {
        live(&self.namespace, "pod", name).is_some()
    }

    fn send(&self, rest: &str, kind: &str, body: &[u8]) -> Answer {
        let path = format!("/api/v1/namespaces/{}/pods/{rest}", self.namespace);
        wire::call(world().gateway(), &self.agent, "POST", &path, &[("Content-Type", kind)], body)
    }

    fn evict(&self, name: &str, query: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.send(&format!("{name}/eviction{query}"), "application/json", body.as_bytes())
    }

    /// What the evictions that reached the API server were bound to.
    fn bound(&self) -> Vec<Value> {
        let events = world().audit().of_agent(&self.agent.name);
        let creates = events.iter().filter(|event| event.verb() == "create");
        creates.map(|event| event.json()["requestObject"]["deleteOptions"]["preconditions"].clone()).collect()
    }
}

fn eviction(version: &str, name: &str, options: &Value) -> Value {
    let mut eviction = json!({ "apiVersion": format!("policy/{version}"), "kind": "Eviction", "metadata": { "name": name } });
    if !options.is_null() {
        eviction["deleteOptions"] = options.clone();
    }
    eviction
}

/// A protobuf message of fields with bytes, all shorter than 128.
fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let field = |(number, bytes): &(u8, &[u8])| {
        let mut field = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        field.extend(*bytes);
        field
    };
    fields.iter().flat_map(field).collect()
}

/// An eviction as kubectl and controllers in Go send it.
fn in_protobuf(name: &str, options: &[u8]) -> Vec<u8> {
    let meta = message(&[(1, b"policy/v1"), (2, b"Eviction")]);
    let raw = message(&[(1, &message(&[(1, name.as_bytes())])), (2, options)]);
    let mut body = b"k8s\0".to_vec();
    body.extend(message(&[(1, &meta), (2, &raw), (3, b""), (4, b"")]));
    body
}

#[test]
fn a_labelled_pod_is_evicted_in_every_version_and_form_bound_to_what_was_looked_at() {
    let scene = Scene::new();
    let mut expected = Vec::new();
    for (name, options) in
        [("v1", Value::Null), ("v1beta1", json!({ "gracePeriodSeconds": 0 })), ("protobuf", Value::Null)]
    {
        scene.pod(name, "yes");
        let pod = live(&scene.namespace, "pod", name).unwrap();
        let answer = match name {
            "protobuf" => {
                let kind = "application/vnd.kubernetes.protobuf";
                scene.send("protobuf/eviction", kind, &in_protobuf(name, b""))
            }
            version => scene.evict(name, "?fieldValidation=Strict", &eviction(version, name, &options)),
        };
        assert_eq!(answer.status, 201, "{name}: {answer:?}");
        assert!(!scene.is_there(name), "{name}");
        let uid = pod["metadata"]["uid"].clone();
        expected.push(uid);
    }
    let bound = scene.bound();
    assert!(bound.iter().all(|one| one["resourceVersion"].is_string()), "{bound:#?}");
    assert_eq!(bound.iter().map(|one| one["uid"].clone()).collect::<Vec<_>>(), expected);
}

#[test]
fn a_pod_without_the_label_is_not_evicted_in_any_form() {
    let scene = Scene::new();
    scene.pod("kept", "no");
    let protobuf =
        scene.send("kept/eviction", "application/vnd.kubernetes.protobuf", &in_protobuf("kept", b""));
    let json = scene.evict("kept", "", &eviction("v1", "kept", &Value::Null));
    let old = scene.evict("kept", "", &eviction("v1beta1", "kept", &Value::Null));
    for answer in [protobuf, json, old] {
        assert_eq!((answer.status, answer.reason().as_str()), (403, "condition"), "{answer:?}");
    }
    let missing = scene.evict("missing", "", &eviction("v1", "missing", &Value::Null));
    assert_eq!(missing.status, 404);
    assert!(scene.is_there("kept"));
    assert_eq!(scene.bound().len(), 0);
}

#[test]
fn a_body_about_another_pod_or_one_that_can_be_read_in_two_ways_reaches_nothing() {
    let scene = Scene::new();
    scene.pod("kept", "no");
    scene.pod("bait", "yes");
    let dry = json!({ "dryRun": ["All"] });
    for (query, body) in [
        ("", eviction("v1", "kept", &Value::Null)),
        ("", json!({})),
        ("?dryRun=All", eviction("v1", "bait", &dry)),
        ("", eviction("v1", "bait", &json!({ "dryrun": ["All"] }))),
        ("", json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "bait" } })),
    ] {
        let answer = scene.evict("bait", query, &body);
        assert_eq!(answer.status, 400, "{query} {body}: {answer:?}");
    }
    let twice = br#"{"metadata":{"name":"bait"},"deleteOptions":{},"deleteOptions":{"dryRun":["All"]}}"#;
    assert_eq!(scene.send("bait/eviction", "application/json", twice).status, 400);
    assert_eq!(scene.send("bait/eviction", "application/yaml", b"metadata: {name: bait}").status, 415);
    // There is nothing to bind it by.
    assert_eq!(scene.send("bait/eviction", "application/json", b"").status, 403);
    assert!(scene.is_there("kept") && scene.is_there("bait"));
    assert_eq!(scene.bound().len(), 0);
}

#[test]
fn a_dry_run_evicts_nothing_whether_the_body_or_the_query_says_so() {
    let scene = Scene::new();
    scene.pod("kept", "yes");
    for (query, options) in [("?dryRun=All", Value::Null), ("", json!({ "dryRun": ["All"] }))] {
        let answer = scene.evict("kept", query, &eviction("v1", "kept", &options));
        assert_eq!(answer.status, 201, "{query}: {answer:?}");
        assert!(scene.is_there("kept"), "{query}");
    }
    let dry = message(&[(5, b"All")]);
    let answer =
        scene.send("kept/eviction", "application/vnd.kubernetes.protobuf", &in_protobuf("kept", &dry));
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(scene.is_there("kept"));
    assert_eq!(scene.bound().len(), 3);
}

#[test]
fn an_eviction_that_its_caller_bound_to_another_state_is_a_conflict() {
    let scene = Scene::new();
    scene.pod("kept", "yes");
    for bound in [json!({ "resourceVersion": "1" }), json!({ "uid": "11111111-2222-3333-4444-555555555555" })]
    {
        let options = json!({ "preconditions": bound });
        let answer = scene.evict("kept", "", &eviction("v1", "kept", &options));
        assert_eq!((answer.status, answer.reason().as_str()), (409, "conflict"), "{answer:?}");
    }
    assert!(scene.is_there("kept"));
    assert_eq!(scene.bound().len(), 0);
}
