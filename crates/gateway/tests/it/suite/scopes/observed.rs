//! A narrow scope that is tried beside the wide one which decides.

use drawbridge_testkit::Agent;
use serde_json::{Value, json};

use super::super::world;
use super::{live, there};

const WIDE: &str = "
- {name: all, verbs: [get, list, create, delete], apiGroups: [''], resources: [configmaps]}";

/// Applies a grant that only observes a scope of its own, and gives its name.
#[track_caller]
fn try_beside(agent: &str, namespace: &str, rules: &str) -> String {
    let name = world().name("tried");
    let manifests = format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: Scope\nmetadata: {{name: {name}}}\n\
         spec:\n  rules:\n{rules}\n---\n\
         apiVersion: drawbridge.dev/v1alpha1\nkind: Grant\nmetadata: {{name: {name}}}\n\
         spec: {{agents: [{agent}], scopes: [{name}], clusters: [local], namespaces: [{namespace}], \
         mode: observe}}\n"
    );
    world().gateway().apply(&manifests).ok();
    name
}

fn map(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } })
}

/// What the record says was observed of the agent's last request with this verb.
#[track_caller]
fn observed(agent: &Agent, verb: &str) -> Value {
    let row = world().gateway().recorded(&["--agent", &agent.name], |row| {
        row["part"] == "outcome"
            && row["request"]["verb"] == verb
            && row["request"]["resource"] == "configmaps"
    });
    row["observed"].clone()
}

#[test]
fn an_observed_scope_refuses_nothing_and_the_record_says_what_it_would_have_refused() {
    let namespace = world().namespace("observed");
    let agent = world().agent("observed", WIDE, &[&namespace]);
    let narrow = "  - {name: read, verbs: [get, list], apiGroups: [''], resources: [configmaps]}\n\
        \x20 - {name: make, verbs: [create], apiGroups: [''], resources: [configmaps], \
        when: \"object.metadata.name == 'x'\"}\n\
        \x20 - {name: never, effect: deny, verbs: [delete], apiGroups: [''], resources: [configmaps]}";
    let tried = try_beside(&agent.name, &namespace, narrow);
    there(&namespace, &map("one"));
    agent.kubectl(&["-n", &namespace, "get", "configmap", "one"]).ok();
    agent.kubectl(&["-n", &namespace, "create", "configmap", "two"]).ok();
    agent.kubectl(&["-n", &namespace, "delete", "configmap", "one"]).ok();
    assert!(live(&namespace, "configmap", "one").is_none(), "what only observes denies nothing");

    let get = observed(&agent, "get");
    let rule = |name: &str| json!(format!("{tried}/{name}"));
    assert_eq!(
        get,
        json!([{ "grant": tried, "decision": "allowed", "rule": rule("read"), "message": null }])
    );
    let create = observed(&agent, "create");
    assert_eq!((&create[0]["decision"], &create[0]["rule"]), (&json!("depends"), &rule("make")), "{create}");
    let delete = observed(&agent, "delete");
    assert_eq!((&delete[0]["decision"], &delete[0]["rule"]), (&json!("refused"), &rule("never")), "{delete}");
    assert!(delete[0]["message"].as_str().unwrap().contains("denies it"), "{delete}");
    let log = world().gateway().cli(&["log", "--agent", &agent.name]).ok().stdout;
    assert!(log.contains(&format!("[observed: {tried} would refuse it: ")), "{log}");
}

#[test]
fn grants_that_only_observe_allow_nothing() {
    let namespace = world().namespace("observed");
    let agent =
        world().agent("onlooker", "- {name: nodes, verbs: [get], apiGroups: [''], resources: [nodes]}", &[]);
    let rules = "  - {name: all, verbs: ['*'], apiGroups: [''], resources: [configmaps]}";
    let tried = try_beside(&agent.name, &namespace, rules);
    let run = agent.kubectl(&["-n", &namespace, "get", "configmaps"]);
    run.fails_with("no rule of its grants");
    let list = observed(&agent, "list");
    assert_eq!((&list[0]["grant"], &list[0]["decision"]), (&json!(tried), &json!("allowed")), "{list}");
    world().gateway().cli(&["delete", "grant", &agent.name]).ok();
    let run = agent.kubectl(&["-n", &namespace, "get", "configmaps"]);
    run.fails_with("has no grant on this cluster");
    let rights = world().gateway().cli(&["describe", "agent", &agent.name]).ok().stdout;
    assert!(!rights.contains(&format!("{tried}/all")), "{rights}");
}
