//! Every way around a condition on writes: other content types, versions, subresources, fields and forms.
//! What counts is what the API server has afterwards, and that nothing in earnest ever reached it.

use drawbridge_testkit::Event;
use serde_json::{Value, json};

use super::super::scopes::{live, there};
use super::super::wire::Answer;
use super::super::world;
use super::caller::{ANYTHING, Caller};

/// Does with the maps of team `a` what it likes, and with no other.
const TEAM: &str = "
- {name: see, verbs: [get, list, watch], apiGroups: [''], resources: [configmaps]}
- name: make
  verbs: [create]
  apiGroups: ['']
  resources: [configmaps]
  when: object.metadata.labels.team == 'a'
- name: change
  verbs: [update, patch]
  apiGroups: ['']
  resources: [configmaps]
  when: oldObject.metadata.labels.team == 'a' && object.metadata.labels.team == 'a'
- name: take-away
  verbs: [delete]
  apiGroups: ['']
  resources: [configmaps]
  when: oldObject.metadata.labels.team == 'a'";

const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";

fn map(name: &str, team: &str) -> Value {
    let metadata = json!({ "name": name, "labels": { "team": team } });
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "a": "hunter2" } })
}

/// A caller whose namespace has the maps `mine` of team `a` and `theirs` of team `b`.
fn caller(rules: &str) -> Caller {
    let caller = Caller::within("around", rules);
    there(&caller.namespace, &map("mine", "a"));
    there(&caller.namespace, &map("theirs", "b"));
    caller
}

fn path(rest: &str) -> String {
    format!("/api/v1/namespaces/{{ns}}/configmaps{rest}")
}

/// What reached the API server that was to change something in earnest.
fn in_earnest(caller: &Caller) -> Vec<String> {
    let is = |event: &&Event| {
        !["get", "list", "watch"].contains(&event.verb()) && !event.uri().contains("dryRun=All")
    };
    let events = caller.arrived_events();
    events.iter().filter(is).map(|event| format!("{} {}", event.verb(), event.uri())).collect()
}

#[track_caller]
fn refused(got: &Answer, reason: &str, what: &str) {
    assert_eq!((got.status, got.reason().as_str()), (403, reason), "{what}: {}", got.message());
}

/// Fails unless both maps are as they were, and nothing was tried on them.
#[track_caller]
fn untouched(caller: &Caller) {
    assert_eq!(in_earnest(caller), Vec::<String>::new());
    for (name, team) in [("mine", "a"), ("theirs", "b")] {
        let object = live(&caller.namespace, "configmap", name).unwrap();
        let expected = map(name, team);
        assert_eq!(object["data"], expected["data"]);
        assert_eq!(object["metadata"]["labels"], expected["metadata"]["labels"]);
    }
}

#[test]
fn another_content_type_is_decided_alike() {
    let caller = caller(TEAM);
    let data = json!({ "data": { "a": "mine now" } });
    let mut whole = map("theirs", "b");
    whole["data"] = data["data"].clone();
    let replace = json!([{ "op": "replace", "path": "/data/a", "value": "mine now" }]);
    let apply = path("/theirs?fieldManager=x&force=true");
    let theirs = path("/theirs");
    for (method, target, kind, body) in [
        ("PATCH", &theirs, MERGE, &data),
        ("PATCH", &theirs, STRATEGIC, &data),
        ("PATCH", &theirs, JSON_PATCH, &replace),
        ("PATCH", &apply, APPLY, &whole),
        ("PUT", &theirs, JSON, &whole),
        ("PUT", &theirs, "", &whole),
        ("DELETE", &theirs, JSON, &json!({ "kind": "DeleteOptions", "apiVersion": "v1" })),
    ] {
        refused(&caller.send(method, target, kind, body), "condition", kind);
    }
    for (method, kind) in [
        ("PATCH", JSON),
        ("PATCH", "application/apply-patch+cbor"),
        ("PATCH", "application/yaml"),
        ("PUT", "application/yaml"),
        ("PUT", "application/cbor"),
        ("PUT", "text/plain"),
    ] {
        let got = caller.send(method, &theirs, kind, &whole);
        assert_eq!((got.status, got.reason().as_str()), (415, "body-type"), "{method} {kind}");
    }
    untouched(&caller);
    assert_eq!(caller.send("PATCH", &path("/mine"), MERGE, &data).status, 200);
}

#[test]
fn another_api_version_is_not_what_the_rule_was_written_for() {
    let rules = "
- name: bound
  verbs: [get, patch]
  apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  when: request.operation != 'UPDATE' || object.spec.maxReplicas <= 5
- {name: seen, verbs: [get], apiGroups: [autoscaling], resources: [horizontalpodautoscalers]}";
    let caller = Caller::within("version", rules);
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" });
    there(
        &caller.namespace,
        &json!({
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": { "name": "web" },
            "spec": { "maxReplicas": 3, "scaleTargetRef": target },
        }),
    );
    let patch = |version: &str, most: u8| {
        let path = format!("/apis/autoscaling/{version}/namespaces/{{ns}}/horizontalpodautoscalers/web");
        caller.send("PATCH", &path, MERGE, &json!({ "spec": { "maxReplicas": most } }))
    };
    assert_eq!(patch("v1", 4).status, 200);
    refused(&patch("v1", 6), "condition", "v1");
    for most in [4, 6] {
        let got = patch("v2", most);
        refused(&got, "condition", "v2");
        assert!(got.message().contains("API version v2"), "{}", got.message());
    }
    let object = live(&caller.namespace, "horizontalpodautoscaler", "web").unwrap();
    assert_eq!(object["spec"]["maxReplicas"], 4);
}

#[test]
fn a_subresource_that_writes_the_same_field_is_not_meant_or_is_looked_at() {
    let bound = |resources: &str| {
        format!(
            "
- {{name: see, verbs: [get], apiGroups: [apps], resources: ['*']}}
- name: bound
  verbs: [update, patch]
  apiGroups: [apps]
  resources: [{resources}]
  acknowledge: [workloads]
  when: object.spec.replicas <= 5"
        )
    };
    for (resources, scale) in
        [("deployments", "no-rule"), ("deployments, deployments/scale, deployments/status", "condition")]
    {
        let caller = Caller::within("sub", &bound(resources));
        let labels = json!({ "app": "a" });
        let container = json!({ "name": "c", "image": "registry.example/none" });
        let template = json!({ "metadata": { "labels": labels }, "spec": { "containers": [container] } });
        there(
            &caller.namespace,
            &json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": { "name": "web" },
                "spec": { "replicas": 0, "selector": { "matchLabels": labels }, "template": template },
            }),
        );
        let path = |sub: &str| format!("/apis/apps/v1/namespaces/{{ns}}/deployments/web{sub}");
        let nine = json!({ "spec": { "replicas": 9 } });
        refused(&caller.send("PATCH", &path(""), MERGE, &nine), "condition", resources);
        refused(&caller.send("PATCH", &path("/scale"), MERGE, &nine), scale, resources);
        let scaled = json!({
            "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": { "name": "web" },
            "spec": { "replicas": 9 },
        });
        refused(&caller.send("PUT", &path("/scale"), JSON, &scaled), scale, resources);
        let status = caller.send("PATCH", &path("/status"), MERGE, &nine).status;
        assert_eq!(status, if scale == "no-rule" { 403 } else { 200 }, "the API server drops the spec");
        let replicas = &live(&caller.namespace, "deployment", "web").unwrap()["spec"]["replicas"];
        assert_eq!(replicas, 0);
    }
}

#[test]
fn an_update_neither_takes_the_label_away_nor_puts_it_on() {
    let caller = caller(TEAM);
    let label = |team: Value| json!({ "metadata": { "labels": { "team": team } } });
    for (name, team) in [("mine", json!("b")), ("mine", Value::Null), ("theirs", json!("a"))] {
        let got = caller.send("PATCH", &path(&format!("/{name}")), MERGE, &label(team));
        refused(&got, "condition", name);
    }
    for patch in [
        json!([{ "op": "remove", "path": "/metadata/labels/team" }]),
        json!([{ "op": "remove", "path": "/metadata/labels" }]),
        json!([{ "op": "move", "from": "/metadata/labels/team", "path": "/metadata/labels/other" }]),
        json!([{ "op": "copy", "from": "/data/a", "path": "/metadata/labels/team" }]),
    ] {
        refused(&caller.send("PATCH", &path("/mine"), JSON_PATCH, &patch), "condition", &patch.to_string());
    }
    let mut put = map("theirs", "a");
    refused(&caller.send("PUT", &path("/theirs"), JSON, &put), "condition", "PUT");
    put["metadata"]["annotations"] = json!({
        "kubectl.kubernetes.io/last-applied-configuration": map("theirs", "a").to_string(),
    });
    refused(&caller.send("PUT", &path("/theirs"), JSON, &put), "condition", "last-applied");
    untouched(&caller);
}

#[test]
fn what_is_not_there_is_not_created_by_an_update() {
    let caller = caller(TEAM);
    let apply = path("/new?fieldManager=x&force=true");
    for (method, target, kind) in [("PUT", &path("/new"), JSON), ("PATCH", &apply, APPLY)] {
        let got = caller.send(method, target, kind, &map("new", "a"));
        assert_eq!(got.status, 404, "{kind}: {}", got.message());
    }
    untouched(&caller);
    assert_eq!(live(&caller.namespace, "configmap", "new"), None);
    assert_eq!(caller.send("POST", &path(""), JSON, &map("new", "a")).status, 201);
}

#[test]
fn a_version_of_the_future_or_another_object_s_uid_binds_nothing() {
    let caller = caller(TEAM);
    for own in
        [json!({ "resourceVersion": "999999999" }), json!({ "uid": "11111111-2222-3333-4444-555555555555" })]
    {
        let mut whole = map("mine", "a");
        whole["data"]["a"] = json!("written");
        whole["metadata"].as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let merge = json!({ "metadata": own, "data": { "a": "written" } });
        let (field, value) = own.as_object().unwrap().iter().next().unwrap();
        let add = json!([{ "op": "add", "path": format!("/metadata/{field}"), "value": value }]);
        let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": own });
        let apply = path("/mine?fieldManager=x&force=true");
        let mine = path("/mine");
        for (method, target, kind, body) in [
            ("PUT", &mine, JSON, &whole),
            ("PATCH", &mine, MERGE, &merge),
            ("PATCH", &mine, STRATEGIC, &merge),
            ("PATCH", &mine, JSON_PATCH, &add),
            ("PATCH", &apply, APPLY, &whole),
            ("DELETE", &mine, JSON, &options),
        ] {
            let got = caller.send(method, target, kind, body);
            assert_eq!((got.status, got.reason().as_str()), (409, "conflict"), "{method} {kind} {own}");
        }
    }
    untouched(&caller);
}

#[test]
fn a_condition_on_a_write_says_nothing_of_what_its_caller_could_not_get() {
    let rules = "
- name: change
  verbs: [update, patch, delete]
  apiGroups: ['']
  resources: [configmaps]
  resourceNames: [mine, theirs, gone]
  when: oldObject.metadata.labels.team == 'a' && (request.operation == 'DELETE' || object.data.a == 'x')";
    let caller = caller(rules);
    let bodies = [
        (MERGE, json!({ "data": { "a": "x" } })),
        (MERGE, json!({ "metadata": { "resourceVersion": "1" } })),
        (MERGE, json!({ "data": { "a": 7 } })),
        (MERGE, json!({ "metadata": { "ownerReferences": [] } })),
        (MERGE, json!({ "immutable": "no" })),
        (JSON_PATCH, json!([{ "op": "test", "path": "/data/a", "value": "hunter2" }])),
        (JSON_PATCH, json!([{ "op": "test", "path": "/data/a", "value": "wrong" }])),
    ];
    let said = |got: &Answer, name: &str| String::from_utf8_lossy(&got.body).replace(name, "NAME");
    for dry in ["", "?dryRun=All"] {
        for (kind, body) in &bodies {
            let answer = |name: &str| {
                let got = caller.send("PATCH", &path(&format!("/{name}{dry}")), kind, body);
                (got.status, said(&got, name))
            };
            let gone = answer("gone");
            assert_eq!(gone.0, 404, "{body}");
            assert_eq!(answer("theirs"), gone, "{body} {dry}");
        }
        let answer = |name: &str| {
            let got = caller.call("DELETE", &path(&format!("/{name}{dry}")), &[], "");
            (got.status, said(&got, name))
        };
        assert_eq!(answer("theirs"), answer("gone"), "{dry}");
        let put = |name: &str| {
            let got = caller.send("PUT", &path(&format!("/{name}{dry}")), JSON, &map(name, "a"));
            (got.status, said(&got, name))
        };
        assert_eq!(put("theirs"), put("gone"), "{dry}");
    }
    // What it may do to `mine` it does, and what it may not tells nothing either.
    for (kind, body) in &bodies[1..] {
        let got = caller.send("PATCH", &path("/mine"), kind, body);
        assert_eq!(got.status, 404, "{body}: {}", got.message());
    }
    untouched(&caller);
    assert_eq!(caller.send("PATCH", &path("/mine"), MERGE, &bodies[0].1).status, 200);
}

#[test]
fn a_refusal_names_the_rule_and_no_value_of_the_object_s() {
    let caller = caller(TEAM);
    for dry in ["", "?dryRun=All"] {
        let got =
            caller.send("PATCH", &path(&format!("/theirs{dry}")), MERGE, &json!({ "data": { "a": "x" } }));
        refused(&got, "condition", dry);
        assert!(!String::from_utf8_lossy(&got.body).contains("hunter2"));
        // A dry run that the cluster refuses says no more than its status.
        let got = caller.send("PATCH", &path(&format!("/mine{dry}")), MERGE, &json!({ "data": { "a": 7 } }));
        assert_eq!(got.reason(), "not-rehearsed", "{}", got.message());
        let test = json!([{ "op": "test", "path": "/data/a", "value": "wrong" }]);
        let got = caller.send("PATCH", &path(&format!("/mine{dry}")), JSON_PATCH, &test);
        assert_eq!(got.reason(), "not-rehearsed", "{}", got.message());
        assert!(!String::from_utf8_lossy(&got.body).contains("hunter2"));
    }
    untouched(&caller);
}

#[test]
fn finalizers_and_owners_are_changes_like_any_other() {
    let rules = "
- {name: see, verbs: [get], apiGroups: [''], resources: [configmaps]}
- name: data-only
  verbs: [update, patch]
  apiGroups: ['']
  resources: [configmaps]
  when: changed.all(p, p.startsWith('/data/'))
- name: all-but-owners
  verbs: [delete]
  apiGroups: ['']
  resources: [configmaps]
  when: oldObject.metadata.labels.team == 'a'";
    let caller = caller(rules);
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1-2-3" }]);
    for (body, reason) in [
        (json!({ "metadata": { "finalizers": ["a.example/hold"] } }), "condition"),
        (json!({ "metadata": { "annotations": { "a": "b" } }, "data": { "a": "x" } }), "condition"),
        (json!({ "metadata": { "labels": null } }), "condition"),
        (json!({ "immutable": true }), "condition"),
        (json!({ "binaryData": { "b": "aGk=" } }), "condition"),
        (json!({ "metadata": { "ownerReferences": owner } }), "owner-references"),
        (json!({ "$patch": "replace", "metadata": { "name": "mine" } }), "owner-references"),
        (json!({ "metadata": { "$patch": "delete" } }), "owner-references"),
    ] {
        for kind in [STRATEGIC, MERGE] {
            let got = caller.send("PATCH", &path("/mine"), kind, &body);
            refused(&got, reason, &body.to_string());
        }
    }
    untouched(&caller);
    let data = json!({ "data": { "a": "x", "b": "y" } });
    assert_eq!(caller.send("PATCH", &path("/mine"), MERGE, &data).status, 200);
}

#[test]
fn a_generated_name_is_looked_at_as_it_would_be() {
    let rules = "
- name: make
  verbs: [create]
  apiGroups: ['']
  resources: [configmaps]
  when: object.metadata.name.startsWith('tmp-')";
    let caller = Caller::within("generate", rules);
    let make = |metadata: Value| {
        let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata });
        caller.send("POST", &path(""), JSON, &object)
    };
    assert_eq!(make(json!({ "generateName": "tmp-" })).status, 201);
    assert_eq!(make(json!({ "name": "tmp-a" })).status, 201);
    refused(&make(json!({ "generateName": "evil-" })), "condition", "generateName");
    refused(&make(json!({ "name": "evil", "generateName": "tmp-" })), "condition", "both");
    assert_eq!(make(json!({})).reason(), "not-rehearsed");
}

#[test]
fn bodies_that_readers_take_apart_differently_are_refused_or_read_by_the_cluster_alone() {
    let caller = caller(TEAM);
    let kind = [("Content-Type", MERGE)];
    for text in [
        "{\"metadata\":{\"labels\":{\"team\":\"a\"}},\"metadata\":{\"labels\":{\"team\":\"b\"}}}",
        "{\"data\":{\"a\":\"x\",\"\\u0061\":\"y\"}}",
    ] {
        let got = caller.call("PATCH", &path("/mine"), &kind, text);
        assert_eq!((got.status, got.reason().as_str()), (400, "body-duplicate-key"), "{text}");
    }
    let deep = format!("{{\"data\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let got = caller.call("PATCH", &path("/mine"), &kind, &deep);
    assert_eq!(got.status, 400, "{}", got.message());
    // A new object is read by the API server, in the dry run as in earnest.
    let json = [("Content-Type", JSON)];
    let got = caller.call("POST", &path(""), &json, &deep);
    assert_eq!(got.reason(), "not-rehearsed", "{}", got.message());
    let twice = map("new", "b").to_string().replace("\"b\"", "\"a\",\"team\":\"b\"");
    refused(&caller.call("POST", &path(""), &json, &twice), "condition", &twice);
    let yaml =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new, annotations: &l {team: b}, labels: *l}\n";
    let got = caller.call("POST", &path(""), &[("Content-Type", "application/yaml")], yaml);
    refused(&got, "condition", yaml);
    let big = "x".repeat(3 * 1024 * 1024);
    for (method, rest, kind) in [("POST", "", JSON), ("PATCH", "/mine", MERGE)] {
        let got = caller.send(method, &path(rest), kind, &json!({ "data": { "a": big } }));
        assert_eq!(got.status, 413, "{method}: {}", got.message());
    }
    untouched(&caller);
    let large = json!({ "data": { "b": "x".repeat(900_000) } });
    assert_eq!(caller.send("PATCH", &path("/mine"), MERGE, &large).status, 200);
}

#[test]
fn a_deny_rule_with_a_condition_wins_over_every_allow() {
    let rules = format!(
        "{ANYTHING}
- name: never-theirs
  effect: deny
  verbs: [create, update, patch, delete, deletecollection]
  apiGroups: ['']
  resources: [configmaps]
  when: >-
    request.operation == 'DELETE' ? oldObject.metadata.labels.team == 'b' :
    object.metadata.labels.team == 'b'"
    );
    let caller = caller(&rules);
    let data = json!({ "data": { "a": "x" } });
    refused(&caller.send("PATCH", &path("/theirs"), MERGE, &data), "deny-rule", "patch");
    refused(&caller.call("DELETE", &path("/theirs"), &[], ""), "deny-rule", "delete");
    refused(&caller.send("POST", &path(""), JSON, &map("new", "b")), "deny-rule", "create");
    // What can't be said denies: there is no such label.
    let bare = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "bare" } });
    refused(&caller.send("POST", &path(""), JSON, &bare), "deny-rule", "create");
    untouched(&caller);
    assert_eq!(caller.send("PATCH", &path("/mine"), MERGE, &data).status, 200);
}

#[test]
fn a_write_that_the_cluster_refuses_quotes_nothing_that_is_masked() {
    let rules = "
- name: see
  verbs: [get]
  apiGroups: ['']
  resources: [pods]
  mask: ['spec.containers[*].env[*].value']
- name: change
  verbs: [patch]
  apiGroups: ['']
  resources: [pods]
  acknowledge: [workloads]
  when: oldObject.metadata.name == 'x'";
    let caller = Caller::within("quoted", rules);
    let env = json!([{ "name": "A", "value": "hunter2" }]);
    let container = json!({ "name": "c", "image": "registry.example/none", "env": env });
    there(
        &caller.namespace,
        &json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": "x" },
            "spec": { "containers": [container], "nodeSelector": { "nowhere": "true" } },
        }),
    );
    let patch = json!([{ "op": "remove", "path": "/spec/containers/0/env" }]);
    let line = ["-n", &caller.namespace, "patch", "pod", "x", "--type=json", "-p", &patch.to_string()];
    world().admin(&line).fails_with("hunter2");
    let got = caller.send("PATCH", "/api/v1/namespaces/{ns}/pods/x", JSON_PATCH, &patch);
    assert_eq!(got.status, 422, "{}", got.message());
    assert_eq!(got.json()["reason"], "Invalid");
    assert!(!String::from_utf8_lossy(&got.body).contains("hunter2"), "{}", got.message());
}
