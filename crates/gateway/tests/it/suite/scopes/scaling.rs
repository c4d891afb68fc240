//! Scales between 1 and 10 and changes nothing else.

use drawbridge_testkit::Agent;
use serde_json::{Value, json};

use super::super::world;
use super::{live, there};

const SCALER: &str = "
- name: see
  verbs: [get]
  apiGroups: [apps]
  resources: [deployments, deployments/scale]
- name: scale
  verbs: [patch, update]
  apiGroups: [apps]
  resources: [deployments/scale]
  when: object.spec.replicas >= 1 && object.spec.replicas <= 10
- name: scale-by-patch
  verbs: [patch, update]
  apiGroups: [apps]
  resources: [deployments]
  acknowledge: [workloads]
  when: >-
    changed.all(p, p == '/spec/replicas') && object.spec.replicas >= 1 && object.spec.replicas <= 10";

pub(super) fn deployment() -> Value {
    let labels = json!({ "app": "a" });
    let container = json!({ "name": "c", "image": "registry.example/none:1" });
    let template = json!({ "metadata": { "labels": labels }, "spec": { "containers": [container] } });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web" },
        "spec": { "replicas": 2, "selector": { "matchLabels": labels }, "template": template },
    })
}

fn scene() -> (String, Agent) {
    let namespace = world().namespace("scale");
    let agent = world().agent("scaler", SCALER, &[&namespace]);
    there(&namespace, &deployment());
    (namespace, agent)
}

#[track_caller]
fn replicas(namespace: &str) -> u64 {
    live(namespace, "deployment", "web").unwrap()["spec"]["replicas"].as_u64().unwrap()
}

#[test]
fn kubectl_scale_works_between_one_and_ten_only() {
    let (namespace, agent) = scene();
    let scale = |replicas: &str| {
        agent.kubectl(&["-n", &namespace, "scale", "deployment", "web", &format!("--replicas={replicas}")])
    };
    scale("7").ok();
    assert_eq!(replicas(&namespace), 7);
    for bad in ["0", "11"] {
        scale(bad).fails_with("asks that object.spec.replicas");
    }
    assert_eq!(replicas(&namespace), 7);
}

#[test]
fn every_kind_of_patch_scales_and_changes_nothing_else() {
    let (namespace, agent) = scene();
    let patch = |kind: &str, patch: Value| {
        let kind = format!("--type={kind}");
        agent.kubectl(&["-n", &namespace, "patch", "deployment", "web", &kind, "-p", &patch.to_string()])
    };
    patch("merge", json!({ "spec": { "replicas": 3 } })).ok();
    patch("strategic", json!({ "spec": { "replicas": 4 } })).ok();
    patch("json", json!([{ "op": "replace", "path": "/spec/replicas", "value": 5 }])).ok();
    assert_eq!(replicas(&namespace), 5);
    let image = json!({ "spec": { "replicas": 6, "template": { "spec": { "containers": [
        { "name": "c", "image": "evil" }] } } } });
    patch("strategic", image).fails_with("scale-by-patch asks that");
    patch("merge", json!({ "spec": { "replicas": 6 }, "metadata": { "labels": { "a": "b" } } }))
        .fails_with("scale-by-patch asks that");
    patch("json", json!([{ "op": "copy", "from": "/spec/replicas", "path": "/spec/minReadySeconds" }]))
        .fails_with("scale-by-patch asks that");
    assert_eq!(replicas(&namespace), 5);
}
