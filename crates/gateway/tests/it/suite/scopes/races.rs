//! An object that changes between the gateway's look at it and the write: the write is bound to what was
//! looked at, and what then happens is decided again.

use std::sync::atomic::{AtomicBool, Ordering};

use drawbridge_testkit::Agent;
use serde_json::{Value, json};

use super::super::attacks::fake::Fake;
use super::super::wire::{self, Answer};
use super::super::world;
use super::relay::{before_requests, before_writes, is_write, writes};
use super::{live, there};

/// Whatever changes a map or takes it away, while it is done before and after.
const DONE: &str = "
- {name: see, verbs: [get, list, watch], apiGroups: [''], resources: [configmaps]}
- name: change-what-is-done
  verbs: [update, patch]
  apiGroups: ['']
  resources: [configmaps]
  when: oldObject.data.state == 'done' && object.data.state == 'done'
- name: delete-what-is-done
  verbs: [delete]
  apiGroups: ['']
  resources: [configmaps]
  when: oldObject.data.state == 'done'";

const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";

/// Every way to write: method, content type and body.
fn ways() -> Vec<(&'static str, &'static str, Value)> {
    let merge = json!({ "metadata": { "labels": { "written": "yes" } } });
    let labels = json!({ "written": "yes" });
    let add = json!([{ "op": "add", "path": "/metadata/labels", "value": labels }]);
    let mut whole = map("done");
    whole["metadata"]["labels"] = labels;
    vec![
        ("DELETE", JSON, Value::Null),
        ("PUT", JSON, whole.clone()),
        ("PATCH", MERGE, merge.clone()),
        ("PATCH", STRATEGIC, merge),
        ("PATCH", JSON_PATCH, add),
        ("PATCH", APPLY, whole),
    ]
}

fn map(state: &str) -> Value {
    let metadata = json!({ "name": "x" });
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "state": state } })
}

/// A namespace with the map, and what an admin does to it in the middle.
fn scene() -> String {
    let namespace = world().namespace("races");
    there(&namespace, &map("done"));
    namespace
}

#[track_caller]
fn patch(namespace: &str, patch: &Value) {
    let line = ["-n", namespace, "patch", "configmap", "x", "--type=merge", "-p", &patch.to_string()];
    world().admin(&line).ok();
}

#[track_caller]
fn recreate(namespace: &str, state: &str) {
    world().admin(&["-n", namespace, "delete", "configmap", "x"]).ok();
    there(namespace, &map(state));
}

struct Racer {
    fake: Fake,
    agent: Agent,
    path: String,
}

impl Racer {
    fn new(namespace: &str, fake: Fake) -> Racer {
        let agent = world().agent_on(&fake.gateway, "racer", DONE, &[namespace]);
        Racer { fake, agent, path: format!("/api/v1/namespaces/{namespace}/configmaps/x") }
    }

    fn send(&self, (method, kind, body): &(&str, &str, Value)) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let more = if *kind == APPLY { "?fieldManager=racer&force=true" } else { "" };
        let path = format!("{}{more}", self.path);
        let headers = [("Content-Type", *kind)];
        wire::call(&self.fake.gateway, &self.agent, method, &path, &headers, body.as_bytes())
    }
}

#[test]
fn what_stops_being_allowed_between_the_look_and_the_write_is_not_written() {
    for way in ways() {
        let namespace = scene();
        let there = namespace.clone();
        let fake = before_writes(move |_, _| patch(&there, &json!({ "data": { "state": "busy" } })));
        let racer = Racer::new(&namespace, fake);
        let got = racer.send(&way);
        assert_eq!((got.status, got.reason().as_str()), (403, "condition"), "{way:?}: {}", got.message());
        assert_eq!(writes(&racer.fake).len(), 1, "{way:?}");
        let object = live(&namespace, "configmap", "x").unwrap();
        assert_eq!(object["data"], json!({ "state": "busy" }), "{way:?}");
        assert_eq!(object["metadata"].get("labels"), None, "{way:?}");
    }
}

#[test]
fn what_changes_in_another_way_is_looked_at_again_and_written() {
    for way in ways() {
        let namespace = scene();
        let there = namespace.clone();
        let fake = before_writes(move |_, before| {
            if before == 0 {
                patch(&there, &json!({ "metadata": { "annotations": { "by": "another" } } }));
            }
        });
        let racer = Racer::new(&namespace, fake);
        let got = racer.send(&way);
        assert_eq!(got.status, 200, "{way:?}: {}", String::from_utf8_lossy(&got.body));
        assert_eq!(writes(&racer.fake).len(), 2, "{way:?}");
        match live(&namespace, "configmap", "x") {
            None => assert_eq!(way.0, "DELETE"),
            Some(object) => assert_eq!(object["metadata"]["labels"]["written"], "yes", "{way:?}"),
        }
    }
}

#[test]
fn what_never_rests_is_a_conflict_after_three_attempts() {
    for way in ways() {
        let namespace = scene();
        let there = namespace.clone();
        let fake = before_writes(move |_, before| {
            patch(&there, &json!({ "metadata": { "annotations": { "by": before.to_string() } } }));
        });
        let racer = Racer::new(&namespace, fake);
        let got = racer.send(&way);
        assert_eq!((got.status, got.reason().as_str()), (409, "moved"), "{way:?}");
        assert_eq!(writes(&racer.fake).len(), 3, "{way:?}");
        let object = live(&namespace, "configmap", "x").unwrap();
        assert_eq!(object["metadata"].get("labels"), None, "{way:?}");
    }
}

#[test]
fn what_was_deleted_is_not_created_again() {
    for way in ways() {
        let namespace = scene();
        let there = namespace.clone();
        let fake = before_writes(move |_, before| {
            if before == 0 {
                world().admin(&["-n", &there, "delete", "configmap", "x"]).ok();
            }
        });
        let racer = Racer::new(&namespace, fake);
        let got = racer.send(&way);
        assert_eq!(got.status, 404, "{way:?}: {}", String::from_utf8_lossy(&got.body));
        assert_eq!(live(&namespace, "configmap", "x"), None, "{way:?}");
        assert_eq!(writes(&racer.fake).len(), 1, "{way:?}");
    }
}

#[test]
fn what_was_made_anew_is_looked_at_as_what_it_is() {
    for way in ways() {
        for (state, status) in [("busy", 403), ("done", 200)] {
            let namespace = scene();
            let there = namespace.clone();
            let fake = before_writes(move |_, before| {
                if before == 0 {
                    recreate(&there, state);
                }
            });
            let racer = Racer::new(&namespace, fake);
            let got = racer.send(&way);
            assert_eq!(got.status, status, "{way:?}: {}", String::from_utf8_lossy(&got.body));
            let object = live(&namespace, "configmap", "x");
            let written = object.as_ref().is_none_or(|object| object["metadata"].get("labels").is_some());
            assert_eq!(written, status == 200, "{way:?} {state}");
        }
    }
}

#[test]
fn a_dry_run_is_bound_to_what_was_looked_at_too() {
    for way in ways().into_iter().filter(|way| way.0 != "DELETE") {
        let namespace = scene();
        let there = namespace.clone();
        let changed = AtomicBool::new(false);
        let fake = before_requests(move |asked| {
            let dry = !asked.line.starts_with("GET ") && !is_write(asked);
            if dry && !changed.swap(true, Ordering::SeqCst) {
                patch(&there, &json!({ "data": { "state": "busy" } }));
            }
        });
        let racer = Racer::new(&namespace, fake);
        let got = racer.send(&way);
        assert_eq!((got.status, got.reason().as_str()), (403, "condition"), "{way:?}: {}", got.message());
        assert!(writes(&racer.fake).is_empty(), "{way:?}");
    }
}

#[test]
fn a_dry_run_that_never_rests_is_a_conflict_after_three_attempts() {
    let namespace = scene();
    let there = namespace.clone();
    let fake = before_requests(move |asked| {
        if !asked.line.starts_with("GET ") {
            let now = format!("{:?}", std::time::Instant::now());
            patch(&there, &json!({ "metadata": { "annotations": { "at": now } } }));
        }
    });
    let racer = Racer::new(&namespace, fake);
    let got = racer.send(&ways()[2]);
    assert_eq!((got.status, got.reason().as_str()), (409, "moved"));
    let dry = racer.fake.asked().into_iter().filter(|asked| asked.line.contains("dryRun=All")).count();
    assert_eq!((dry, writes(&racer.fake).len()), (3, 0));
}

#[test]
fn a_caller_that_bound_its_write_itself_is_told_that_the_object_changed() {
    for mut way in ways() {
        let namespace = scene();
        let version = live(&namespace, "configmap", "x").unwrap()["metadata"]["resourceVersion"].clone();
        let own = json!({ "resourceVersion": version });
        match (way.0, way.1) {
            ("DELETE", _) => {
                way.2 = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": own });
            }
            (_, JSON_PATCH) => {
                let add = json!({ "op": "add", "path": "/metadata/resourceVersion", "value": version });
                way.2.as_array_mut().unwrap().insert(0, add);
            }
            _ => way.2["metadata"]["resourceVersion"] = version,
        }
        let there = namespace.clone();
        let fake = before_writes(move |_, _| {
            patch(&there, &json!({ "metadata": { "annotations": { "by": "another" } } }));
        });
        let racer = Racer::new(&namespace, fake);
        let got = racer.send(&way);
        assert_eq!(got.status, 409, "{way:?}: {}", String::from_utf8_lossy(&got.body));
        assert_eq!(got.json()["reason"], "Conflict", "{way:?}");
        assert_eq!(writes(&racer.fake).len(), 1, "{way:?}");
        assert_eq!(live(&namespace, "configmap", "x").unwrap()["metadata"].get("labels"), None, "{way:?}");
    }
}

#[test]
fn every_write_that_was_looked_into_is_bound_to_uid_and_version() {
    for way in ways() {
        let namespace = scene();
        let racer = Racer::new(&namespace, before_writes(|_, _| {}));
        let before = live(&namespace, "configmap", "x").unwrap();
        assert_eq!(racer.send(&way).status, 200, "{way:?}");
        let sent = &writes(&racer.fake)[0].body;
        for field in ["uid", "resourceVersion"] {
            let value = before["metadata"][field].as_str().unwrap();
            assert!(sent.contains(&format!("\"{value}\"")), "{way:?}: no {field} in {sent}");
        }
    }
}

#[test]
fn no_patch_takes_the_pin_away_again() {
    let label = json!({ "op": "add", "path": "/metadata/labels", "value": { "written": "yes" } });
    let with = |operations: Value| {
        let mut patch = vec![label.clone()];
        patch.extend(operations.as_array().unwrap().clone());
        (JSON_PATCH, Value::Array(patch))
    };
    let op = |op: &str, path: &str| json!({ "op": op, "path": format!("/metadata/{path}") });
    let at = |field: &str| format!("/metadata/{field}");
    let from = |op: &str, from: &str, path: &str| json!({ "op": op, "from": at(from), "path": at(path) });
    let nothing = json!({ "uid": null, "resourceVersion": null, "labels": { "written": "yes" } });
    let nulls = json!({ "metadata": nothing });
    let moves = json!([from("move", "resourceVersion", "labels/version"), from("move", "uid", "labels/uid")]);
    let patches = [
        with(json!([op("remove", "uid"), op("remove", "resourceVersion")])),
        with(moves),
        with(json!([from("copy", "name", "resourceVersion")])),
        with(json!([{ "op": "replace", "path": "/metadata/resourceVersion", "value": "" }])),
        with(json!([{ "op": "add", "path": "/metadata/resourceVersion", "value": null }])),
        (MERGE, nulls.clone()),
        (STRATEGIC, nulls),
    ];
    for (kind, patch) in patches {
        let namespace = scene();
        let there = namespace.clone();
        let fake = before_writes(move |_, _| self::patch(&there, &json!({ "data": { "state": "busy" } })));
        let racer = Racer::new(&namespace, fake);
        let got = racer.send(&("PATCH", kind, patch.clone()));
        assert_eq!((got.status, got.reason().as_str()), (403, "condition"), "{patch}: {}", got.message());
        assert_eq!(writes(&racer.fake).len(), 1, "{patch}");
        let object = live(&namespace, "configmap", "x").unwrap();
        assert_eq!(object["metadata"].get("labels"), None, "{patch}");
    }
}

#[test]
fn a_conflict_between_field_managers_is_the_caller_s_own() {
    let namespace = scene();
    let mut owned = map("done");
    owned["data"] = json!({ "a": "1" });
    let line = ["-n", &namespace, "apply", "--server-side", "--field-manager=other", "-f", "-"];
    world().admin_with(&line, owned.to_string().as_bytes()).ok();
    let racer = Racer::new(&namespace, before_writes(|_, _| {}));
    let mut object = map("done");
    object["data"]["a"] = json!("2");
    let path = format!("{}?fieldManager=racer", racer.path);
    let headers = [("Content-Type", APPLY)];
    let body = object.to_string();
    let got = wire::call(&racer.fake.gateway, &racer.agent, "PATCH", &path, &headers, body.as_bytes());
    assert_eq!((got.status, got.reason().as_str()), (409, "not-rehearsed"), "{}", got.message());
    let dry = racer.fake.asked().into_iter().filter(|asked| asked.line.contains("dryRun=All")).count();
    assert_eq!((dry, writes(&racer.fake).len()), (1, 0));
}

#[test]
fn a_scale_is_bound_to_its_workload() {
    let rules = "
- {name: see, verbs: [get], apiGroups: [apps], resources: [deployments, deployments/scale]}
- name: scale
  verbs: [update, patch]
  apiGroups: [apps]
  resources: [deployments/scale]
  when: oldObject.spec.replicas < 3 && object.spec.replicas < 5";
    for (method, kind) in [("PUT", JSON), ("PATCH", MERGE), ("PATCH", JSON_PATCH)] {
        for (set, status, tries) in [("--replicas=9", 403, 1), ("--replicas=2", 200, 2)] {
            let namespace = world().namespace("races");
            there(&namespace, &super::scaling::deployment());
            let line = ["-n", &namespace, "scale", "deployment", "web", "--replicas=1"];
            world().admin(&line).ok();
            let within = namespace.clone();
            let fake = before_writes(move |_, before| {
                if before == 0 {
                    world().admin(&["-n", &within, "scale", "deployment", "web", set]).ok();
                }
            });
            let agent = world().agent_on(&fake.gateway, "racer", rules, &[&namespace]);
            let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web/scale");
            let scale = json!({
                "apiVersion": "autoscaling/v1", "kind": "Scale",
                "metadata": { "name": "web", "namespace": namespace }, "spec": { "replicas": 4 },
            });
            let body = match (method, kind) {
                ("PUT", _) => scale,
                (_, MERGE) => json!({ "spec": { "replicas": 4 } }),
                _ => json!([{ "op": "replace", "path": "/spec/replicas", "value": 4 }]),
            };
            let headers = [("Content-Type", kind)];
            let got = wire::call(&fake.gateway, &agent, method, &path, &headers, body.to_string().as_bytes());
            assert_eq!(got.status, status, "{kind}: {}", String::from_utf8_lossy(&got.body));
            assert_eq!(writes(&fake).len(), tries, "{kind}");
            let replicas = live(&namespace, "deployment", "web").unwrap()["spec"]["replicas"].clone();
            assert_eq!(replicas, if status == 200 { 4 } else { 9 }, "{kind}");
        }
    }
}
