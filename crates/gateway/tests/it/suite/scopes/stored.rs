//! What a dry run shows and what is then stored: which APIs may be tried out, and what happens when admission
//! in the cluster does something else in earnest.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drawbridge_testkit::{Agent, Options};
use serde_json::{Value, json};

use super::super::attacks::fake::{Asked, Fake, Reply, answer};
use super::super::wire::{self, Answer};
use super::super::world;
use super::{live, there};

const HARMLESS: &str = "
- {name: see, verbs: [get, list, watch], apiGroups: [''], resources: [configmaps]}
- name: harmless
  verbs: [create, update, patch]
  apiGroups: ['']
  resources: [configmaps]
  when: object.data.what == 'harmless'";

fn map(name: &str) -> Value {
    let metadata = json!({ "name": name });
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "what": "harmless" } })
}

/// A webhook that changes nothing in a dry run, and in earnest what is harmless.
fn two_faced(asked: &Asked, _before: usize) -> Reply {
    let review: Value = serde_json::from_str(&asked.body).unwrap();
    let mut response = json!({ "uid": review["request"]["uid"], "allowed": true });
    if review["request"]["dryRun"] != true {
        let patch = json!([{ "op": "replace", "path": "/data/what", "value": "harmful" }]).to_string();
        response["patchType"] = json!("JSONPatch");
        response["patch"] = json!(STANDARD.encode(patch));
    }
    let said =
        json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response });
    Reply::Say(answer("200 OK", "Content-Type: application/json\r\n", &said.to_string()))
}

/// Puts the webhook into the cluster, for one namespace, and waits until it acts.
#[track_caller]
fn installed(fake: &Fake, namespace: &str) -> String {
    let name = world().name("two-faced");
    let url = format!("https://127.0.0.1:{}/", fake.port());
    let client = json!({ "url": url, "caBundle": STANDARD.encode(fake.certificate()) });
    let rules = json!([{
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"],
    }]);
    let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": namespace } });
    let webhook = json!({
        "name": "two-faced.example.com",
        "clientConfig": client,
        "rules": rules,
        "namespaceSelector": selector,
        "sideEffects": "NoneOnDryRun",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Fail",
    });
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": { "name": name },
        "webhooks": [webhook],
    });
    world().admin_with(&["create", "-f", "-"], configuration.to_string().as_bytes()).ok();
    let began = Instant::now();
    for number in 0.. {
        let probe = format!("probe-{number}");
        there(namespace, &map(&probe));
        if live(namespace, "configmap", &probe).unwrap()["data"]["what"] == "harmful" {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the webhook never came into force");
        std::thread::sleep(Duration::from_millis(100));
    }
    name
}

#[test]
fn what_is_stored_otherwise_than_it_was_tried_is_recorded_and_counted() {
    let namespace = world().namespace("stored");
    let webhook = Fake::start("", two_faced);
    let gateway = world().own_gateway(Options::default());
    let agent = world().agent_on(&gateway, "writer", HARMLESS, &[&namespace]);
    let create = |name: &str| {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps");
        let headers = [("Content-Type", "application/json")];
        wire::call(&gateway, &agent, "POST", &path, &headers, map(name).to_string().as_bytes())
    };
    assert_eq!(create("before").status, 201);
    let name = installed(&webhook, &namespace);
    let got = create("after");
    world().admin(&["delete", "mutatingwebhookconfiguration", &name]).ok();
    // It is stored, and its caller is told what: nothing can take it back.
    assert_eq!((got.status, got.json()["data"]["what"].as_str()), (201, Some("harmful")));
    gateway.recorded(&["--agent", &agent.name], |row| row.get("mismatch").is_some());
    let rows = gateway.record(&["--agent", &agent.name]);
    let found: Vec<&Value> = rows.iter().filter_map(|row| row.get("mismatch")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].as_str().unwrap().contains("/harmless would not have let this through"), "{found:?}");
    assert!(gateway.log().contains("what was stored differs"), "{}", gateway.log());
    assert!(!found[0].to_string().contains("harmful"), "no value of the object's");
}

/// A custom resource of this group.
#[track_caller]
fn definition(group: &str) {
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let version =
        json!({ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } });
    let names = json!({ "plural": "things", "singular": "thing", "kind": "Thing" });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("things.{group}") },
        "spec": { "group": group, "names": names, "scope": "Namespaced", "versions": [version] },
    });
    world().admin_with(&["create", "-f", "-"], definition.to_string().as_bytes()).ok();
    let name = format!("crd/things.{group}");
    world().admin(&["wait", "--for=condition=Established", &name, "--timeout=60s"]).ok();
}

fn rules(group: &str) -> String {
    format!(
        "
- {{name: see, verbs: [get, list, watch], apiGroups: [{group}], resources: [things]}}
- name: small
  verbs: [create, update, patch]
  apiGroups: [{group}]
  resources: [things]
  when: object.spec.size <= 5"
    )
}

fn write(agent: &Agent, method: &str, path: &str, body: &Value) -> Answer {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let headers = [("Content-Type", kind)];
    wire::call(world().gateway(), agent, method, path, &headers, body.to_string().as_bytes())
}

#[test]
fn custom_resources_are_tried_out_and_what_another_server_stores_is_not() {
    let namespace = world().namespace("custom");
    let group = format!("{}.example.com", world().name("own"));
    definition(&group);
    let agent = world().agent("custom", &rules(&group), &[&namespace]);
    let path = format!("/apis/{group}/v1/namespaces/{namespace}/things");
    let thing = |size: u8| {
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "Thing",
            "metadata": { "name": "x" }, "spec": { "size": size },
        })
    };
    // The API server answers for a new group a moment after it says that it does.
    let began = Instant::now();
    let refused = loop {
        let refused = write(&agent, "POST", &path, &thing(6));
        if refused.reason() == "condition" {
            break refused;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{}", refused.message());
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(refused.status, 403);
    assert_eq!(write(&agent, "POST", &path, &thing(5)).status, 201);
    let one = format!("{path}/x");
    assert_eq!(write(&agent, "PATCH", &one, &json!({ "spec": { "size": 4 } })).status, 200);
    assert_eq!(write(&agent, "PATCH", &one, &json!({ "spec": { "size": 7 } })).reason(), "condition");
    assert_eq!(live(&namespace, &format!("things.{group}"), "x").unwrap()["spec"]["size"], 4);

    // Behind this one stands another server, or would.
    let group = format!("{}.example.com", world().name("others"));
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": { "name": format!("v1.{group}") },
        "spec": {
            "group": group, "version": "v1", "groupPriorityMinimum": 10, "versionPriority": 10,
            "insecureSkipTLSVerify": true, "service": { "name": "none", "namespace": namespace },
        },
    });
    world().admin_with(&["create", "-f", "-"], service.to_string().as_bytes()).ok();
    let agent = world().agent("custom", &rules(&group), &[&namespace]);
    let nobody = world().agent("custom", &rules("nobody.example.com"), &[&namespace]);
    for (agent, group) in [(&agent, group.as_str()), (&nobody, "nobody.example.com")] {
        let path = format!("/apis/{group}/v1/namespaces/{namespace}/things");
        let got = write(agent, "POST", &path, &thing(1));
        assert_eq!((got.status, got.reason().as_str()), (501, "not-rehearsed"), "{}", got.message());
        let of_agent = world().audit().of_agent(&agent.name);
        let tried: Vec<_> = of_agent.iter().filter(|event| event.verb() == "create").collect();
        assert!(tried.is_empty(), "{tried:?}");
    }
    world().admin(&["delete", "apiservice", &format!("v1.{group}")]).ok();
}
