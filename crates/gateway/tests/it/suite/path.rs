//! The whole path: a real kubectl, a real API server, and what each of them says afterwards.

use super::wire;
use super::world;

const READ_CONFIGMAPS: &str = "
- name: read
  verbs: [get, list]
  apiGroups: ['']
  resources: [configmaps]";

#[test]
fn an_agent_reads_what_its_scope_allows_and_the_cluster_knows_it_by_name() {
    let world = world();
    let namespace = world.namespace("path");
    let agent = world.agent("reader", READ_CONFIGMAPS, &[&namespace]);
    world.admin(&["-n", &namespace, "create", "configmap", "greeting", "--from-literal=a=b"]).ok();

    let run = agent.kubectl(&["-n", &namespace, "get", "configmap", "greeting", "-o", "name"]).ok();
    assert_eq!(run.stdout.trim(), "configmap/greeting");

    let row = world.gateway().recorded(&["--agent", &agent.name], |row| {
        row["request"]["resource"] == "configmaps" && row["part"] == "outcome"
    });
    assert_eq!(row["outcome"]["result"], "answered");
    assert_eq!(row["rule"], format!("{}/read", agent.name));
    let id = row["request"]["request"].as_str().unwrap();
    let events = world.audit().with_id(id);
    assert!(!events.is_empty(), "the cluster's audit log has no {id}");
    let user = format!("system:serviceaccount:drawbridge-agents:{}", agent.name);
    assert!(events.iter().all(|event| event.impersonated() == user), "{events:#?}");
}

#[test]
fn what_no_rule_allows_is_refused_and_never_reaches_the_cluster() {
    let world = world();
    let namespace = world.namespace("path");
    let agent = world.agent("reader", READ_CONFIGMAPS, &[&namespace]);
    let run = agent.kubectl(&["-n", &namespace, "delete", "configmap", "anything"]);
    run.fails_with("is forbidden: agent");
    let deletes = world.audit().of_agent(&agent.name);
    assert!(deletes.iter().all(|event| event.verb() != "delete"), "{deletes:#?}");
    let row = world.gateway().recorded(&["--agent", &agent.name], |row| {
        row["request"]["verb"] == "delete" && row["part"] == "outcome"
    });
    assert_eq!(row["outcome"]["reason"], "no-rule");
    assert_eq!(row["sent"], "no");
}

#[test]
fn a_token_signed_with_the_agents_key_works_like_its_certificate() {
    let world = world();
    let namespace = world.namespace("path");
    let agent = world.agent("reader", READ_CONFIGMAPS, &[&namespace]);
    let answer = wire::get(world.gateway(), &agent, &format!("/api/v1/namespaces/{namespace}/configmaps"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["kind"], "ConfigMapList");
    let row = world.gateway().recorded(&["--agent", &agent.name], |row| row["part"] == "outcome");
    assert_eq!(row["request"]["proof"], "token");
}
