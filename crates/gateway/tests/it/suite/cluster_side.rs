//! The cluster's side: whom the API server sees, and what the gateway's own credential is worth.

use std::process::Command;

use drawbridge_testkit::{Run, World, run};
use serde_json::{Value, json};

use super::record_rows;
use super::wire;
use super::world;

/// The user that gateways authenticate as.
const GATEWAY: &str = "drawbridge-gateway";

const CONFIGMAPS: &str = "
- name: all
  verbs: [get, list, watch, create, update, patch, delete]
  apiGroups: ['']
  resources: [configmaps]";

const CHANGE: &str = "
- name: change
  verbs: [update]
  apiGroups: ['']
  resources: [configmaps]";

/// kubectl with the gateway's own credential, past the gateway: what a thief of it could do.
fn as_gateway(world: &World, arguments: &[&str], input: &[u8]) -> Run {
    let kubeconfig = world.cluster().kubeconfig_for(GATEWAY, &[]).unwrap();
    let mut command = Command::new(world.cluster().kubectl());
    command.arg("--kubeconfig").arg(kubeconfig).args(arguments).env("HOME", world.directory());
    run(&mut command, input)
}

#[test]
fn everything_that_reaches_the_cluster_for_an_agent_is_done_as_that_agent_and_joins_with_the_record() {
    let world = world();
    let namespace = world.namespace("side");
    let agent = world.agent("someone", CONFIGMAPS, &[&namespace]);
    let kubectl = |arguments: &[&str]| agent.kubectl(&[&["-n", &namespace], arguments].concat()).ok();
    kubectl(&["create", "configmap", "one", "--from-literal=a=b"]);
    kubectl(&["get", "configmap", "one"]);
    kubectl(&["patch", "configmap", "one", "--type=merge", "-p", r#"{"data":{"a":"c"}}"#]);
    let live = kubectl(&["get", "configmap", "one", "-o", "json"]).stdout;
    agent.kubectl_with(&["-n", &namespace, "replace", "-f", "-"], live.as_bytes()).ok();
    kubectl(&["delete", "configmap", "one", "--wait=false"]);
    // Here the gateway itself reads the object, to bind what it sends.
    let two = json!({ "metadata": { "name": "two" }, "data": { "a": "b" } }).to_string();
    world.admin(&["-n", &namespace, "create", "configmap", "two"]).ok();
    let bound = world.agent("someone", CHANGE, &[&namespace]);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/two");
    let kind = [("Content-Type", "application/json")];
    assert_eq!(wire::call(world.gateway(), &bound, "PUT", &path, &kind, two.as_bytes()).status, 200);
    let pair: Vec<_> =
        world.audit().of_agent(&bound.name).iter().map(|event| event.id().to_owned()).collect();
    assert_eq!(pair.len(), 2, "a read and a write");
    assert_eq!(pair[0], pair[1], "of one entry");

    let events = world.audit().of_agent(&agent.name);
    let verbs: Vec<&str> = events.iter().map(|event| event.verb()).collect();
    for verb in ["create", "get", "patch", "update", "delete"] {
        assert!(verbs.contains(&verb), "no {verb} in {verbs:?}");
    }
    let rows = record_rows::all(world.gateway(), &format!("agent={}", agent.name));
    for event in &events {
        assert_eq!(event.user(), GATEWAY);
        let groups = &event.json()["impersonatedUser"]["groups"];
        let own = "system:serviceaccounts:drawbridge-agents";
        assert_eq!(groups, &json!(["system:serviceaccounts", own, "system:authenticated"]));
        assert_eq!(event.json()["impersonatedUser"]["extra"], Value::Null, "{event:?}");
        let joined = rows.iter().any(|row| row["request"]["request"] == event.id());
        assert!(joined, "the record has nothing of {event:#?}");
    }
}

#[test]
fn in_its_own_name_the_gateway_asks_a_cluster_for_nothing_but_its_errands() {
    let world = world();
    let namespace = world.namespace("side");
    let agent = world.agent("someone", CONFIGMAPS, &[&namespace]);
    agent.kubectl(&["-n", &namespace, "get", "configmaps"]).ok();
    let own = world.audit().of_user(GATEWAY).into_iter().filter(|event| event.impersonated().is_empty());
    // The tests of the credential itself use kubectl; the gateway is no kubectl.
    let own: Vec<_> =
        own.filter(|event| !event.json()["userAgent"].as_str().unwrap().contains("kubectl")).collect();
    let errands = [
        ("get", "/.well-known/openid-configuration"),
        ("get", "/openid/v1/jwks"),
        ("create", "/apis/authentication.k8s.io/v1/tokenreviews"),
    ];
    assert!(own.iter().any(|event| event.uri() == errands[0].1), "it asks at its start who issues tokens");
    let other: Vec<_> = own.iter().filter(|event| !errands.contains(&(event.verb(), event.uri()))).collect();
    assert!(other.is_empty(), "{other:#?}");
}

#[test]
fn the_gateways_own_rights_are_to_impersonate_agents_and_nothing_else() {
    let world = world();
    for namespace in ["drawbridge-agents", "default", "kube-system"] {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": { "namespace": namespace },
        });
        let run = as_gateway(
            world,
            &["create", "-f", "-", "-o", "json", "--validate=false"],
            review.to_string().as_bytes(),
        )
        .ok();
        let status: Value = serde_json::from_str::<Value>(&run.stdout).unwrap()["status"].clone();
        let rules = status["resourceRules"].as_array().unwrap();
        // What the cluster gives everyone who has logged in.
        let everyones = |rule: &Value| match rule["apiGroups"][0].as_str().unwrap() {
            "authorization.k8s.io" => true,
            "authentication.k8s.io" => rule["resources"] == json!(["selfsubjectreviews"]),
            _ => false,
        };
        // What the tests' cluster gives it for tokenReview.
        let review = json!({ "verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"] });
        // And to see which server stands behind an API before a dry run of it.
        let apis = json!({ "verbs": ["get"], "apiGroups": ["apiregistration.k8s.io"], "resources": ["apiservices"] });
        let given = |rule: &Value| everyones(rule) || *rule == review || *rule == apis;
        let own: Vec<&Value> = rules.iter().filter(|rule| !given(rule)).collect();
        let agents = json!({ "verbs": ["impersonate"], "apiGroups": [""], "resources": ["serviceaccounts"] });
        let expected = if namespace == "drawbridge-agents" { vec![&agents] } else { Vec::new() };
        assert_eq!(own, expected, "in {namespace}");
        for rule in status["nonResourceRules"].as_array().unwrap() {
            assert_eq!(rule["verbs"], json!(["get"]), "{rule}");
        }
    }
}

#[test]
fn a_stolen_gateway_credential_reads_writes_and_becomes_nothing_but_an_agent() {
    let world = world();
    let agents = "drawbridge-agents";
    let agent = "--as=system:serviceaccount:drawbridge-agents:someone";
    let attempts: &[&[&str]] = &[
        &["get", "secrets", "-A"],
        &["get", "configmaps", "-n", "kube-system"],
        &["get", "pods", "-A"],
        &["get", "nodes"],
        &["get", "namespaces"],
        &["get", "serviceaccounts", "-n", agents],
        &["create", "serviceaccount", "door", "-n", agents],
        &["create", "token", "default", "-n", agents],
        &["create", "token", "default", "-n", "default"],
        &["create", "configmap", "x", "-n", "default"],
        &["run", "x", "--image=x", "-n", "default"],
        &["delete", "namespace", agents],
        &["create", "clusterrolebinding", "x", "--clusterrole=cluster-admin", "--user=drawbridge-gateway"],
        &["get", "--raw", "/metrics"],
        &["get", "namespaces", "--as=system:serviceaccount:default:default"],
        &["get", "namespaces", "--as=system:serviceaccount:kube-system:namespace-controller"],
        &["get", "namespaces", "--as=system:serviceaccount:drawbridge-agents-x:someone"],
        &["get", "namespaces", "--as=system:admin"],
        &["get", "namespaces", "--as=system:kube-controller-manager"],
        &["get", "namespaces", "--as=drawbridge-gateway", "--as-group=system:masters"],
        &["get", "namespaces", agent, "--as-group=system:masters"],
        &["get", "namespaces", agent, "--as-group=system:serviceaccounts:kube-system"],
        &["get", "namespaces", agent, "--as-uid=1"],
    ];
    for attempt in attempts {
        as_gateway(world, attempt, b"").fails_with("orbidden");
    }
    as_gateway(world, &["get", "namespaces", agent], b"").ok();
}

#[test]
fn a_refusal_of_the_clusters_own_passes_through_as_the_clusters() {
    let world = world();
    let namespace = world.namespace("side");
    let agent = world.agent("someone", CONFIGMAPS, &[&namespace]);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/none");
    let answer = wire::get(world.gateway(), &agent, &path);
    assert_eq!((answer.status, answer.message().as_str()), (404, r#"configmaps "none" not found"#));
    assert_eq!(answer.json()["details"]["causes"], Value::Null, "it is the cluster's word, not ours");
}
