//! What becomes of an object's dependents is what the caller said: the garbage collector is the judge.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::delete_options::Bench;
use super::world;

/// The garbage collector is given this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// An owner and what depends on it.
fn family(bench: &Bench, owner: &str) -> String {
    bench.create(owner, &[]);
    let uid = bench.live("configmap", owner).unwrap()["metadata"]["uid"].clone();
    let child = format!("{owner}-child");
    let references = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": uid,
        "blockOwnerDeletion": true }]);
    let metadata = json!({ "name": child, "namespace": bench.namespace, "ownerReferences": references });
    let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata });
    world().admin_with(&["create", "-f", "-"], object.to_string().as_bytes()).ok();
    child
}

fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "still not: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_orphaned(bench: &Bench, owner: &str, child: &str) {
    until("the owner is gone", || !bench.exists(owner));
    let child = bench.live("configmap", child).expect("the child outlives its owner");
    assert_eq!(child["metadata"]["ownerReferences"], Value::Null);
}

fn is_gone(bench: &Bench, owner: &str, child: &str) {
    until("the owner and its child are gone", || !bench.exists(owner) && !bench.exists(child));
}

/// The three ways to say it: kubectl's flag, the query and the body.
fn each_way(policy: &str, check: impl Fn(&Bench, &str, &str)) {
    let bench = Bench::new();
    let cascade = format!("--cascade={}", policy.to_lowercase());
    let child = family(&bench, "by-kubectl");
    bench.kubectl(&["delete", "configmap", "by-kubectl", "--wait=false", &cascade]).ok();
    assert_eq!(bench.options("by-kubectl")["propagationPolicy"], policy);
    check(&bench, "by-kubectl", &child);

    let child = family(&bench, "by-query");
    let path = format!("configmaps/by-query?propagationPolicy={policy}");
    assert_eq!(bench.delete(&path, &Value::Null).status, 200);
    assert_eq!(bench.options("by-query")["propagationPolicy"], policy);
    check(&bench, "by-query", &child);

    let child = family(&bench, "by-body");
    let body = json!({ "propagationPolicy": policy });
    assert_eq!(bench.delete("configmaps/by-body", &body).status, 200);
    assert_eq!(bench.options("by-body")["propagationPolicy"], policy);
    check(&bench, "by-body", &child);
}

#[test]
fn orphan_leaves_the_dependents() {
    each_way("Orphan", is_orphaned);
}

#[test]
fn background_takes_the_dependents_along() {
    each_way("Background", is_gone);
}

#[test]
fn foreground_takes_the_dependents_first() {
    each_way("Foreground", is_gone);
    let bench = Bench::new();
    family(&bench, "waits");
    let answer = bench.delete("configmaps/waits?propagationPolicy=Foreground", &Value::Null);
    assert_eq!(answer.json()["metadata"]["finalizers"], json!(["foregroundDeletion"]));
}

#[test]
fn orphan_dependents_the_old_way_leaves_them_too() {
    let bench = Bench::new();
    let child = family(&bench, "query");
    assert_eq!(bench.delete("configmaps/query?orphanDependents=true", &Value::Null).status, 200);
    assert_eq!(bench.options("query")["orphanDependents"], json!(true));
    is_orphaned(&bench, "query", &child);
    let child = family(&bench, "body");
    assert_eq!(bench.delete("configmaps/body", &json!({ "orphanDependents": true })).status, 200);
    is_orphaned(&bench, "body", &child);
    let child = family(&bench, "neither");
    assert_eq!(bench.delete("configmaps/neither?orphanDependents=false", &Value::Null).status, 200);
    is_gone(&bench, "neither", &child);
}

#[test]
fn an_orphaning_delete_of_a_deployment_leaves_its_replica_set() {
    let world = world();
    let namespace = world.namespace("delete");
    let rules = "
- name: deployments
  verbs: [get, list, watch, delete]
  apiGroups: [apps]
  resources: [deployments]";
    let agent = world.agent("deleter", rules, &[&namespace]);
    let create = ["-n", &namespace, "create", "deployment", "web", "--image=web", "--replicas=0"];
    world.admin(&create).ok();
    let sets = || world.admin(&["-n", &namespace, "get", "replicasets", "-o", "json"]).ok().stdout;
    let count = || serde_json::from_str::<Value>(&sets()).unwrap()["items"].as_array().unwrap().len();
    until("there is a ReplicaSet", || count() == 1);
    agent.kubectl(&["-n", &namespace, "delete", "deployment", "web", "--cascade=orphan"]).ok();
    let set = &serde_json::from_str::<Value>(&sets()).unwrap()["items"][0];
    assert_eq!(set["metadata"]["ownerReferences"], Value::Null, "{set:#?}");
}
