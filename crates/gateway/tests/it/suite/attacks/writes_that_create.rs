//! Server-side apply and PUT that create what isn't there, under rules that don't say `create`; and what is
//! there is written, bound to the very object that was looked at.

use drawbridge_testkit::Event;
use serde_json::{Value, json};

use super::caller::{Caller, look, named};

const WRITE: &str = "
- name: write
  verbs: [update, patch]
  apiGroups: ['*']
  resources: ['*']
  acknowledge: [workloads]
- name: write-rights
  verbs: [update, patch]
  apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  acknowledge: [rbac]";

const APPLY: &str = "application/apply-patch+yaml";

/// Kinds whose PUT creates, and some whose PUT doesn't.
fn objects() -> Vec<(String, Value)> {
    let core = "/api/v1/namespaces/{ns}";
    let kind = |version: &str, kind: &str, more: (&str, Value)| {
        let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "fresh" } });
        object[more.0] = more.1;
        object
    };
    let lease = kind("coordination.k8s.io/v1", "Lease", ("spec", json!({ "holderIdentity": "me" })));
    let subsets = json!([{ "addresses": [{ "ip": "10.1.2.3" }] }]);
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}";
    let to = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" });
    let range = json!({ "limits": [{ "type": "Pod", "max": { "cpu": "1" } }] });
    vec![
        ("/apis/coordination.k8s.io/v1/namespaces/{ns}/leases".to_owned(), lease),
        (format!("{core}/endpoints"), kind("v1", "Endpoints", ("subsets", subsets))),
        (format!("{core}/limitranges"), kind("v1", "LimitRange", ("spec", range))),
        (format!("{core}/configmaps"), kind("v1", "ConfigMap", ("data", json!({ "a": "b" })))),
        (format!("{rbac}/roles"), kind("rbac.authorization.k8s.io/v1", "Role", ("rules", json!([])))),
        (
            format!("{rbac}/rolebindings"),
            kind("rbac.authorization.k8s.io/v1", "RoleBinding", ("roleRef", to)),
        ),
        (format!("{core}/resourcequotas"), kind("v1", "ResourceQuota", ("spec", json!({})))),
    ]
}

#[test]
fn a_put_or_apply_of_what_is_not_there_creates_nothing() {
    let caller = Caller::within("create", WRITE);
    for (path, object) in objects() {
        for query in ["", "?dryRun=All"] {
            let target = format!("{path}/fresh{query}");
            let answer = caller.send("PUT", &target, "application/json", &object);
            assert_eq!((answer.status, answer.reason().as_str()), (403, "needs-create"), "PUT {target}");
            let joint = if query.is_empty() { "?" } else { "&" };
            let target = format!("{target}{joint}fieldManager=x&force=true");
            let answer = caller.send("PATCH", &target, APPLY, &object);
            assert_eq!((answer.status, answer.reason().as_str()), (403, "needs-create"), "apply {target}");
        }
        // A uid of the caller's own binds the request to something that isn't there.
        let mut bound = object.clone();
        bound["metadata"]["uid"] = json!("11111111-2222-3333-4444-555555555555");
        let answer = caller.send("PUT", &format!("{path}/fresh"), "application/json", &bound);
        assert!([403, 404, 409].contains(&answer.status), "{path}: {}", answer.status);
        let answer = caller.send("PATCH", &format!("{path}/fresh?fieldManager=x"), APPLY, &bound);
        assert!([403, 404, 409].contains(&answer.status), "{path}: {}", answer.status);
        assert_eq!(caller.send("POST", &path, "application/json", &object).status, 403, "{path}");
        let kind = path.rsplit('/').next().unwrap();
        assert_eq!(look(&caller.namespace, &format!("{kind}/fresh"), ".metadata.uid"), "", "{path}");
    }
    // Only reads, and what was bound to a uid, went to the cluster.
    caller.control();
    for event in caller.arrived_events() {
        let bound = event.json()["requestObject"]["metadata"]["uid"].is_string();
        assert!(event.verb() == "get" || (bound && event.code() >= 400), "{event:#?}");
    }
}

#[test]
fn a_put_or_apply_of_what_is_there_is_bound_to_it() {
    let caller = Caller::within("create", WRITE);
    let uid = look(&caller.namespace, "configmap/control", ".metadata.uid");
    let path = "/api/v1/namespaces/{ns}/configmaps/control";
    let mut object = named("control");
    object["data"] = json!({ "a": "put" });
    let answer = caller.send("PUT", path, "application/json", &object);
    assert_eq!(answer.status, 200, "{}", answer.message());
    assert_eq!(look(&caller.namespace, "configmap/control", ".data.a"), "put");
    object["data"] = json!({ "b": "applied" });
    let answer = caller.send("PATCH", &format!("{path}?fieldManager=x&force=true"), APPLY, &object);
    assert_eq!(answer.status, 200, "{}", answer.message());
    assert_eq!(look(&caller.namespace, "configmap/control", ".data.b"), "applied");
    caller.control();
    let writes = writes(&caller);
    assert_eq!(writes.len(), 2, "{writes:#?}");
    for event in writes {
        assert_eq!(event.json()["requestObject"]["metadata"]["uid"], uid, "{event:#?}");
    }
    // An ordinary patch of what isn't there finds nothing.
    let patch = caller.send(
        "PATCH",
        "/api/v1/namespaces/{ns}/configmaps/none",
        "application/merge-patch+json",
        &json!({}),
    );
    assert_eq!(patch.status, 404);
    assert_eq!(look(&caller.namespace, "configmap/control", ".metadata.uid"), uid);
}

#[test]
fn an_apply_under_another_name_is_no_patch() {
    let caller = Caller::within("create", WRITE);
    let path = "/api/v1/namespaces/{ns}/configmaps/fresh?fieldManager=x&force=true";
    let body = named("fresh").to_string();
    for content_type in [
        "application/apply-patch+yaml; charset=utf-8",
        "Application/Apply-Patch+YAML",
        "application/apply-patch+cbor",
        "application/apply-patch+json",
        "application/apply-patch",
        " application/apply-patch+yaml ",
        "application/json;application/apply-patch+yaml",
        "application/merge-patch+json, application/apply-patch+yaml",
        "application/yaml",
        "application/json",
        "text/plain",
        "",
    ] {
        let answer = caller.call("PATCH", path, &[("Content-Type", content_type)], &body);
        assert!([400, 403, 415].contains(&answer.status), "{content_type:?}: {}", answer.status);
    }
    assert!([400, 415].contains(&caller.call("PATCH", path, &[], &body).status));
    let twice =
        [("Content-Type", "application/merge-patch+json"), ("Content-Type", "application/apply-patch+yaml")];
    assert_eq!(caller.call("PATCH", path, &twice, &body).status, 400);
    let merge = [("Content-Type", "application/merge-patch+json"), ("X-Content-Type", APPLY)];
    let plain = path.replace("&force=true", "");
    assert_eq!(caller.call("PATCH", &plain, &merge, &body).status, 404);
    let arrived = caller.arrived();
    assert_eq!(arrived.iter().filter(|line| line.starts_with("patch ")).count(), 1, "{arrived:?}");
    assert_eq!(look(&caller.namespace, "configmap/fresh", ".metadata.uid"), "");
}

#[test]
fn an_object_of_another_life_is_not_written() {
    let caller = Caller::within("create", WRITE);
    let old = look(&caller.namespace, "configmap/control", ".metadata.uid");
    let mut object = named("control");
    object["metadata"]["uid"] = json!(old);
    object["data"] = json!({ "a": "late" });
    let world = super::super::world();
    world.admin(&["-n", &caller.namespace, "delete", "configmap", "control"]).ok();
    super::caller::config_map(&caller.namespace, "control");
    let path = "/api/v1/namespaces/{ns}/configmaps/control";
    assert_eq!(caller.send("PUT", path, "application/json", &object).status, 409);
    // An apply's uid is compared as a field that never changes.
    let apply = caller.send("PATCH", &format!("{path}?fieldManager=x&force=true"), APPLY, &object);
    assert_eq!(apply.status, 422, "{}", apply.message());
    assert_eq!(look(&caller.namespace, "configmap/control", ".data.a"), "b");
    let writes = writes(&caller);
    assert_eq!(writes.len(), 2, "{writes:#?}");
}

#[test]
fn with_create_both_may_create() {
    let rules = "
- {name: make, verbs: [create, update, patch], apiGroups: ['', coordination.k8s.io], resources: [leases, configmaps]}";
    let caller = Caller::within("create", rules);
    let (path, lease) = objects().swap_remove(0);
    assert_eq!(caller.send("PUT", &format!("{path}/fresh"), "application/json", &lease).status, 201);
    let target = "/api/v1/namespaces/{ns}/configmaps/fresh?fieldManager=x";
    assert_eq!(caller.send("PATCH", target, APPLY, &named("fresh")).status, 201);
    let writes = writes(&caller);
    assert_eq!(writes.len(), 2, "{writes:#?}");
}

/// What of this caller's reached the cluster and was no read.
#[track_caller]
fn writes(caller: &Caller) -> Vec<Event> {
    caller.arrived_events().into_iter().filter(|event| event.verb() != "get").collect()
}
