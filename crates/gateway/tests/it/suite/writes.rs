//! Creates, updates and patches: what is stored is what the caller wrote, and nothing is created without
//! `create`.

use std::time::{Duration, Instant};

use drawbridge_testkit::{Agent, Event};
use serde_json::{Value, json};

use super::wire::{self, Answer};
use super::world;

/// Everything but `create`.
const CHANGE: &str = "
- name: change
  verbs: [get, list, watch, update, patch]
  apiGroups: ['', coordination.k8s.io]
  resources: [configmaps, leases]";

/// With `create`.
const MAKE: &str = "
- name: make
  verbs: [get, list, watch, create, update, patch]
  apiGroups: ['', coordination.k8s.io]
  resources: [configmaps, leases]";

/// Creates an object past the gateway, as soon as the namespace takes one: a fresh namespace gets its service
/// account, which Pods need, a moment later.
pub(super) fn until_created(namespace: &str, object: &Value) {
    let started = Instant::now();
    loop {
        let run = world().admin_with(&["-n", namespace, "create", "-f", "-"], object.to_string().as_bytes());
        if run.code == Some(0) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{run}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// An agent with rules, in a namespace of its own.
struct Bench {
    namespace: String,
    agent: Agent,
}

impl Bench {
    fn new(rules: &str) -> Bench {
        let world = world();
        let namespace = world.namespace("writes");
        let agent = world.agent("writer", rules, &[&namespace]);
        Bench { namespace, agent }
    }

    fn configmap(&self, name: &str, value: &str) -> Value {
        let metadata = json!({ "name": name, "namespace": self.namespace });
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "a": value } })
    }

    fn lease(&self, name: &str) -> Value {
        let metadata = json!({ "name": name, "namespace": self.namespace });
        let spec = json!({ "holderIdentity": "me" });
        json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec })
    }

    /// Puts an object there past the gateway.
    fn there(&self, object: &Value) {
        let create = ["create", "--field-manager=owner", "-f", "-"];
        world().admin_with(&create, object.to_string().as_bytes()).ok();
    }

    fn live(&self, kind: &str, name: &str) -> Option<Value> {
        let get = ["-n", &self.namespace, "get", kind, name, "-o", "json", "--ignore-not-found"];
        let run = world().admin(&[&get[..], &["--show-managed-fields"]].concat()).ok();
        (!run.stdout.is_empty()).then(|| serde_json::from_str(&run.stdout).unwrap())
    }

    /// A request about `rest`, the path behind the namespace.
    fn call(&self, method: &str, rest: &str, kind: &str, body: &Value) -> Answer {
        let group = if rest.starts_with("leases") { "/apis/coordination.k8s.io/v1" } else { "/api/v1" };
        let path = format!("{group}/namespaces/{}/{rest}", self.namespace);
        let text = body.to_string();
        let headers = [("Content-Type", kind)];
        wire::call(world().gateway(), &self.agent, method, &path, &headers, text.as_bytes())
    }

    fn put(&self, rest: &str, body: &Value) -> Answer {
        self.call("PUT", rest, "application/json", body)
    }

    fn apply(&self, rest: &str, body: &Value) -> Answer {
        self.call("PATCH", rest, "application/apply-patch+yaml", body)
    }

    /// What of this agent's reached the API server with this verb.
    fn reached(&self, verb: &str) -> Vec<Event> {
        let events = world().audit().of_agent(&self.agent.name).into_iter();
        events.filter(|event| event.verb() == verb).collect()
    }
}

#[test]
fn with_create_an_apply_and_a_put_may_create() {
    let bench = Bench::new(MAKE);
    let run = bench.agent.kubectl_with(
        &["apply", "--server-side", "-f", "-"],
        bench.configmap("applied", "1").to_string().as_bytes(),
    );
    run.ok();
    assert_eq!(bench.live("configmap", "applied").unwrap()["data"]["a"], "1");
    let answer = bench.put("leases/put", &bench.lease("put"));
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(bench.live("lease", "put").is_some());
}

#[test]
fn without_create_an_apply_and_a_put_of_nothing_are_refused_and_create_nothing() {
    let bench = Bench::new(CHANGE);
    let put = bench.put("leases/put", &bench.lease("put"));
    let apply = bench.apply("configmaps/new?fieldManager=t", &bench.configmap("new", "1"));
    for answer in [put, apply] {
        assert_eq!((answer.status, answer.reason().as_str()), (403, "needs-create"), "{answer:?}");
        assert!(answer.message().contains("create"), "{}", answer.message());
    }
    assert!(bench.live("lease", "put").is_none());
    assert!(bench.live("configmap", "new").is_none());
    assert!(bench.reached("update").is_empty() && bench.reached("patch").is_empty());
}

#[test]
fn without_create_a_put_of_an_existing_object_is_bound_to_it_and_otherwise_as_it_was_sent() {
    let bench = Bench::new(CHANGE);
    let mut object = bench.lease("there");
    bench.there(&object);
    let before = bench.live("lease", "there").unwrap();
    object["spec"]["holderIdentity"] = json!("you");
    object["metadata"]["labels"] = json!({ "a": "b" });
    // Kubernetes wants one of Leases.
    object["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
    let answer = bench.put("leases/there?fieldManager=t", &object);
    assert_eq!(answer.status, 200, "{answer:?}");
    let sent = bench.reached("update").pop().unwrap().json()["requestObject"].clone();
    object["metadata"]["uid"] = before["metadata"]["uid"].clone();
    for field in ["apiVersion", "kind", "spec"] {
        assert_eq!(sent[field], object[field]);
    }
    let mut metadata = sent["metadata"].clone();
    // The API server's own way to write that there is no time.
    metadata.as_object_mut().unwrap().remove("creationTimestamp");
    assert_eq!(metadata, object["metadata"]);
    let after = bench.live("lease", "there").unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(after["spec"]["holderIdentity"], "you");
    assert_ne!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
}

#[test]
fn without_create_an_apply_on_an_existing_object_owns_only_what_it_says() {
    let bench = Bench::new(CHANGE);
    bench.there(&bench.configmap("there", "1"));
    let metadata = json!({ "name": "there" });
    let more = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "b": "2" } });
    let answer = bench.apply("configmaps/there?fieldManager=mine", &more);
    assert_eq!(answer.status, 200, "{answer:?}");
    let live = bench.live("configmap", "there").unwrap();
    assert_eq!(live["data"], json!({ "a": "1", "b": "2" }));
    let managers = live["metadata"]["managedFields"].as_array().unwrap();
    let mine = managers.iter().find(|entry| entry["manager"] == "mine").unwrap();
    assert_eq!(mine["fieldsV1"], json!({ "f:data": { "f:b": {} } }), "the uid we pin by is nobody's field");
    assert_eq!(mine["operation"], "Apply");
}

#[test]
fn a_conflict_of_the_callers_own_passes_through_and_is_tried_once() {
    let bench = Bench::new(CHANGE);
    bench.there(&bench.configmap("there", "1"));
    let answer = bench.apply("configmaps/there?fieldManager=mine", &bench.configmap("there", "2"));
    assert_eq!((answer.status, answer.json()["reason"].as_str()), (409, Some("Conflict")));
    assert!(answer.message().contains("conflict with \"owner\""), "{}", answer.message());
    assert_eq!(answer.json()["details"]["causes"][0]["reason"], "FieldManagerConflict");
    assert_eq!(bench.reached("patch").len(), 1);
    let mut stale = bench.configmap("there", "2");
    stale["metadata"]["resourceVersion"] = json!("1");
    let answer = bench.put("configmaps/there", &stale);
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.message().contains("the object has been modified"), "{}", answer.message());
    let mut foreign = bench.configmap("there", "2");
    foreign["metadata"]["uid"] = json!("5f1f4d3c-0000-0000-0000-000000000000");
    let answer = bench.put("configmaps/there", &foreign);
    assert_eq!(answer.status, 409, "{answer:?}");
    assert_eq!(bench.reached("update").len(), 2);
    assert_eq!(bench.live("configmap", "there").unwrap()["data"]["a"], "1");
    let forced = bench.apply("configmaps/there?fieldManager=mine&force=true", &bench.configmap("there", "2"));
    assert_eq!(forced.status, 200, "{forced:?}");
    assert_eq!(bench.live("configmap", "there").unwrap()["data"]["a"], "2");
}

#[test]
fn every_kind_of_patch_does_what_it_does_without_us() {
    let bench = Bench::new(CHANGE);
    bench.there(&bench.configmap("there", "1"));
    let patch = |kind: &str, patch: &str| {
        let target = ["-n", &bench.namespace, "patch", "configmap", "there"];
        bench.agent.kubectl(&[&target[..], &["--type", kind, "-p", patch]].concat()).ok();
    };
    patch(
        "json",
        r#"[{"op":"test","path":"/data/a","value":"1"},{"op":"add","path":"/data/j","value":"x"}]"#,
    );
    patch("merge", r#"{"data":{"a":null,"m":"é\u0000\" "}}"#);
    patch("strategic", r#"{"metadata":{"labels":{"s":"1"}},"data":{"s":"2"}}"#);
    let live = bench.live("configmap", "there").unwrap();
    assert_eq!(live["data"], json!({ "j": "x", "m": "é\u{0}\" ", "s": "2" }));
    assert_eq!(live["metadata"]["labels"], json!({ "s": "1" }));
    let test = r#"[{"op":"test","path":"/data/j","value":"y"},{"op":"remove","path":"/data/j"}]"#;
    let target = ["-n", &bench.namespace, "patch", "configmap", "there", "--type=json", "-p", test];
    bench.agent.kubectl(&target).fails_with("server rejected our request");
    assert_eq!(bench.live("configmap", "there").unwrap()["data"]["j"], "x");
}

#[test]
fn a_dry_run_of_a_write_changes_nothing() {
    let bench = Bench::new(MAKE);
    bench.there(&bench.configmap("there", "1"));
    let answers = [
        bench.call("POST", "configmaps?dryRun=All", "application/json", &bench.configmap("new", "1")),
        bench.put("configmaps/there?dryRun=All", &bench.configmap("there", "2")),
        bench.apply("configmaps/there?dryRun=All&fieldManager=t&force=true", &bench.configmap("there", "2")),
        bench.call(
            "PATCH",
            "configmaps/there?dryRun=All",
            "application/merge-patch+json",
            &json!({ "data": null }),
        ),
    ];
    for answer in answers {
        assert!(answer.status == 200 || answer.status == 201, "{answer:?}");
    }
    assert!(bench.live("configmap", "new").is_none());
    assert_eq!(bench.live("configmap", "there").unwrap()["data"]["a"], "1");
}
