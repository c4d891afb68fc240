//! Reads only what has a label: in gets, lists, tables and watches.

use drawbridge_testkit::Agent;
use serde_json::{Value, json};

use super::super::world;
use super::there;

pub(super) const LABELLED: &str = "
- name: see-shared
  verbs: [get, list, watch]
  apiGroups: ['']
  resources: [configmaps]
  when: object.metadata.labels.shared == 'yes'";

pub(super) fn map(name: &str, shared: &str) -> Value {
    let metadata = json!({ "name": name, "labels": { "shared": shared } });
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "a": name } })
}

pub(super) fn scene() -> (String, Agent) {
    let namespace = world().namespace("labelled");
    let agent = world().agent("reader", LABELLED, &[&namespace]);
    for (name, shared) in [("mine", "yes"), ("other", "no"), ("ours", "yes")] {
        there(&namespace, &map(name, shared));
    }
    (namespace, agent)
}

#[test]
fn a_list_holds_only_what_has_the_label_and_says_so() {
    let (namespace, agent) = scene();
    for form in [&["-o", "name"][..], &["--no-headers"], &["-o", "json"], &["-o", "wide", "--no-headers"]] {
        let run = agent.kubectl(&[&["-n", &namespace, "get", "configmaps"], form].concat()).ok();
        assert!(run.stdout.contains("mine") && run.stdout.contains("ours"), "{run}");
        assert!(!run.stdout.contains("other") && !run.stdout.contains("kube-root-ca"), "{run}");
        assert!(run.stderr.contains("only what this agent may see"), "{run}");
    }
}

#[test]
fn what_lacks_the_label_is_as_if_it_were_not_there() {
    let (namespace, agent) = scene();
    agent.kubectl(&["-n", &namespace, "get", "configmap", "mine"]).ok();
    let hidden = agent.kubectl(&["-n", &namespace, "get", "configmap", "other"]);
    let missing = agent.kubectl(&["-n", &namespace, "get", "configmap", "never"]);
    assert_eq!(hidden.code, Some(1));
    assert_eq!(hidden.stderr.replace("other", "never"), missing.stderr);
}

#[test]
fn pages_of_a_list_tell_nothing_of_what_is_left_out() {
    let (namespace, agent) = scene();
    let page = |more: &str| {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps?limit=1{more}");
        let run = agent.kubectl(&["get", "--raw", &path]).ok();
        serde_json::from_str::<Value>(&run.stdout).unwrap()
    };
    let (mut names, mut more) = (Vec::new(), String::new());
    for _ in 0..10 {
        let list = page(&more);
        assert_eq!(list.pointer("/metadata/remainingItemCount"), None, "{list}");
        let items = list["items"].as_array().unwrap();
        names.extend(items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()));
        match list.pointer("/metadata/continue").and_then(Value::as_str) {
            Some(token) if !token.is_empty() => more = format!("&continue={token}"),
            _ => break,
        }
    }
    assert_eq!(names, ["mine", "ours"]);
}
