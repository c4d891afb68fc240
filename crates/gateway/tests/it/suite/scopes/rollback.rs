//! Rolls workloads back to templates that they really had, and changes nothing else. The revisions are the
//! real controllers' own.

use std::time::{Duration, Instant};

use drawbridge_testkit::Agent;
use serde_json::{Value, json};

use super::super::world;
use super::{live, there};

/// What `kubectl rollout undo` and `kubectl rollout history` read, and the write. Annotations are what
/// kubectl takes along.
const ROLLBACK: &str = "
- name: see-revisions
  verbs: [get, list, watch]
  apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets, replicasets, controllerrevisions]
- name: roll-back
  verbs: [patch]
  apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  acknowledge: [workloads]
  when: >-
    revisions.exists(t, t == object.spec.template) &&
    changed.all(p, p.startsWith('/spec/template/') || p.startsWith('/metadata/annotations'))";

const KINDS: [&str; 3] = ["deployment", "statefulset", "daemonset"];

fn template(image: &str) -> Value {
    let container = json!({ "name": "c", "image": format!("registry.example/web:{image}") });
    json!({ "metadata": { "labels": { "app": "a" } }, "spec": { "containers": [container] } })
}

fn workload(kind: &str, name: &str) -> Value {
    let labels = json!({ "app": format!("{kind}-{name}") });
    let (kind, more) = match kind {
        "deployment" => ("Deployment", json!({ "replicas": 1 })),
        "statefulset" => ("StatefulSet", json!({ "replicas": 1, "serviceName": "none" })),
        _ => ("DaemonSet", json!({})),
    };
    let mut template = template("1");
    template["metadata"]["labels"] = labels.clone();
    let mut spec = json!({ "selector": { "matchLabels": labels }, "template": template });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// A workload that had the images 1, 2 and 3, each of which its controller has noted.
#[track_caller]
fn with_history(namespace: &str, kind: &str, name: &str) {
    there(namespace, &workload(kind, name));
    noted(namespace, kind, name, 1);
    for image in ["2", "3"] {
        let set = format!("c=registry.example/web:{image}");
        world().admin(&["-n", namespace, "set", "image", kind, name, &set]).ok();
        noted(namespace, kind, name, image.parse().unwrap());
    }
}

/// Waits until the controller has noted so many revisions.
#[track_caller]
fn noted(namespace: &str, kind: &str, name: &str, count: usize) {
    let kept = if kind == "deployment" { "replicasets" } else { "controllerrevisions" };
    let selector = format!("app={kind}-{name}");
    let started = Instant::now();
    loop {
        let run = world().admin(&["-n", namespace, "get", kept, "-l", &selector, "-o", "name"]).ok();
        let object = live(namespace, kind, name).unwrap();
        let seen = object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation");
        if run.stdout.lines().count() == count && seen {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{count} revisions of {kind} {name}: {run}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[track_caller]
fn image(namespace: &str, kind: &str, name: &str) -> String {
    let object = live(namespace, kind, name).unwrap();
    let image = object.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str).unwrap();
    image.rsplit(':').next().unwrap().to_owned()
}

fn scene(kinds: &[&str]) -> (String, Agent) {
    let namespace = world().namespace("rollback");
    let agent = world().agent("rollback", ROLLBACK, &[&namespace]);
    for kind in kinds {
        with_history(&namespace, kind, "web");
    }
    (namespace, agent)
}

#[test]
fn kubectl_rollout_undo_works_for_all_three_kinds() {
    let (namespace, agent) = scene(&KINDS);
    for kind in KINDS {
        let of = format!("{kind}/web");
        let undo =
            |more: &[&str]| agent.kubectl(&[&["-n", &namespace, "rollout", "undo", &of], more].concat());
        undo(&[]).ok();
        assert_eq!(image(&namespace, kind, "web"), "2", "{kind}");
        // The controllers give the template that is back a new number.
        undo(&["--to-revision=1"]).ok();
        assert_eq!(image(&namespace, kind, "web"), "1", "{kind}");
        undo(&["--to-revision=99"]).fails_with("unable to find");
        agent.kubectl(&["-n", &namespace, "rollout", "history", &of]).ok();
    }
}

#[test]
fn nothing_but_a_template_that_it_had_can_be_put_there() {
    let (namespace, agent) = scene(&KINDS);
    for kind in KINDS {
        let refused = |how: &str, patch: &Value| {
            let how = format!("--type={how}");
            let line = ["-n", &namespace, "patch", kind, "web", &how, "-p", &patch.to_string()];
            agent.kubectl(&line).fails_with("roll-back asks that");
            assert_eq!(image(&namespace, kind, "web"), "3", "{kind}: {patch}");
        };
        let containers = json!([{ "name": "c", "image": "registry.example/evil:9" }]);
        refused("strategic", &json!({ "spec": { "template": { "spec": { "containers": containers } } } }));
        refused("merge", &json!({ "spec": { "template": { "spec": { "containers": containers } } } }));
        // A template that it had, and one more field in it.
        let mut old = live(&namespace, kind, "web").unwrap()["spec"]["template"].clone();
        old["spec"]["containers"][0]["image"] = json!("registry.example/web:1");
        let whole =
            |template: &Value| json!([{ "op": "replace", "path": "/spec/template", "value": template }]);
        let mut more = old.clone();
        more["spec"]["hostNetwork"] = json!(true);
        refused("json", &whole(&more));
        let mut more = old.clone();
        more["metadata"]["annotations"] = json!({ "sidecar.example/inject": "true" });
        refused("json", &whole(&more));
        // A template that it had, and one field beside it.
        let beside = json!({ "op": "add", "path": "/spec/minReadySeconds", "value": 7 });
        let mut both = whole(&old);
        both.as_array_mut().unwrap().push(beside);
        refused("json", &both);
        let labels = json!({ "op": "add", "path": "/metadata/labels", "value": { "a": "b" } });
        let mut both = whole(&old);
        both.as_array_mut().unwrap().push(labels);
        refused("json", &both);
        // And the same without the rest is one.
        let line = ["-n", &namespace, "patch", kind, "web", "--type=json", "-p", &whole(&old).to_string()];
        agent.kubectl(&line).ok();
        assert_eq!(image(&namespace, kind, "web"), "1", "{kind}");
    }
}

/// A ReplicaSet with an evil template that looks like one of the Deployment's.
fn forged(owner: &Value, name: &str, refers: impl Fn(&mut Value)) -> Value {
    let labels = json!({ "app": "deployment-web", "pod-template-hash": name });
    let mut template = template("evil");
    template["metadata"]["labels"] = labels.clone();
    let mut reference = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "web",
        "uid": owner["metadata"]["uid"], "controller": true,
    });
    refers(&mut reference);
    json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": { "deployment.kubernetes.io/revision": "7" },
            "ownerReferences": [reference],
        },
        "spec": { "replicas": 0, "selector": { "matchLabels": labels }, "template": template },
    })
}

#[test]
fn a_revision_of_something_else_is_none_of_its_own() {
    let (namespace, agent) = scene(&["deployment"]);
    let other = world().namespace("rollback-other");
    with_history(&namespace, "deployment", "another");
    let owner = live(&namespace, "deployment", "web").unwrap();
    let another = live(&namespace, "deployment", "another").unwrap();
    // The controllers adopt what nobody controls, so the first has a controller that isn't this Deployment.
    there(&namespace, &forged(&another, "uid", |_| {}));
    there(
        &namespace,
        &forged(&owner, "kind", |reference| {
            reference["uid"] = another["metadata"]["uid"].clone();
        }),
    );
    // In another namespace the garbage collector takes it, sooner or later: it counts for nothing until then.
    there(&other, &forged(&owner, "elsewhere", |_| {}));
    let evil = || {
        let mut template = owner["spec"]["template"].clone();
        template["spec"]["containers"][0]["image"] = json!("registry.example/web:evil");
        json!([{ "op": "replace", "path": "/spec/template", "value": template }])
    };
    let line = ["-n", &namespace, "patch", "deployment", "web", "--type=json", "-p", &evil().to_string()];
    agent.kubectl(&line).fails_with("roll-back asks that");
    assert_eq!(image(&namespace, "deployment", "web"), "3");
    // A template that another workload had.
    let mut foreign = another["spec"]["template"].clone();
    foreign["spec"]["containers"][0]["image"] = json!("registry.example/web:1");
    let patch = json!([{ "op": "replace", "path": "/spec/template", "value": foreign }]);
    let line = ["-n", &namespace, "patch", "deployment", "web", "--type=json", "-p", &patch.to_string()];
    assert_ne!(agent.kubectl(&line).code, Some(0));
    agent.kubectl(&["-n", &namespace, "rollout", "undo", "deployment/web", "--to-revision=1"]).ok();
    assert_eq!(image(&namespace, "deployment", "web"), "1");
}

#[test]
fn scaling_restarting_and_replacing_are_no_rollbacks() {
    let (namespace, agent) = scene(&["deployment"]);
    let kubectl = |line: &[&str]| agent.kubectl(&[&["-n", &namespace][..], line].concat());
    kubectl(&["rollout", "restart", "deployment/web"]).fails_with("roll-back asks that");
    kubectl(&["rollout", "pause", "deployment/web"]).fails_with("roll-back asks that");
    kubectl(&["scale", "deployment/web", "--replicas=3"]).fails_with("is forbidden");
    kubectl(&["set", "image", "deployment/web", "c=registry.example/web:9"])
        .fails_with("roll-back asks that");
    let object = live(&namespace, "deployment", "web").unwrap().to_string();
    let line = ["-n", &namespace, "replace", "-f", "-"];
    agent.kubectl_with(&line, object.as_bytes()).fails_with("is forbidden");
    assert_eq!(image(&namespace, "deployment", "web"), "3");
}
