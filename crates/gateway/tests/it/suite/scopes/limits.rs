//! So many writes an hour, exactly: however many come at once, and whether or not the gateway is started anew
//! in between.

use std::thread;

use drawbridge_testkit::{Agent, Gateway, Options};
use serde_json::{Value, json};

use super::super::wire::{self, Answer};
use super::super::world;
use super::{live, there};

const SEVEN: &str = "
- name: make
  verbs: [create]
  apiGroups: ['']
  resources: [configmaps]
  when: object.data.kind == 'counted'
  limits: [{requests: 7, per: hour}]
- name: see
  verbs: [get]
  apiGroups: ['']
  resources: [configmaps]";

fn map(name: &str, kind: &str) -> Value {
    let metadata = json!({ "name": name });
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "kind": kind } })
}

fn make(gateway: &Gateway, agent: &Agent, namespace: &str, map: &Value) -> Answer {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let headers = [("Content-Type", "application/json")];
    wire::call(gateway, agent, "POST", &path, &headers, map.to_string().as_bytes())
}

#[test]
fn of_twenty_writes_at_once_as_many_pass_as_may_and_none_after_a_restart() {
    let namespace = world().namespace("limits");
    // A name that is taken is refused by the dry run, and nothing that is refused counts.
    there(&namespace, &map("taken", "counted"));
    let directory = tempfile::tempdir().unwrap();
    let data = Some(directory.path().join("data"));
    let mut gateway = world().own_gateway(Options { data: data.clone(), ..Options::default() });
    let agent = world().agent_on(&gateway, "maker", SEVEN, &[&namespace]);
    assert_eq!(make(&gateway, &agent, &namespace, &map("other", "uncounted")).reason(), "condition");
    assert_eq!(make(&gateway, &agent, &namespace, &map("taken", "counted")).reason(), "not-rehearsed");
    let answers: Vec<Answer> = thread::scope(|scope| {
        let one = |number: usize| {
            let (gateway, agent, namespace) = (&gateway, &agent, &namespace);
            scope.spawn(move || make(gateway, agent, namespace, &map(&format!("m-{number}"), "counted")))
        };
        let all: Vec<_> = (0..20).map(one).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let over = answers.iter().filter(|answer| answer.status == 403 && answer.reason() == "limit").count();
    assert_eq!((made, over), (7, 13));
    let there = (0..20).filter(|number| live(&namespace, "configmap", &format!("m-{number}")).is_some());
    assert_eq!(there.count(), 7);

    gateway.terminate();
    let gateway = world().own_gateway(Options { data, ..Options::default() });
    let got = make(&gateway, &agent, &namespace, &map("late", "counted"));
    assert_eq!((got.status, got.reason().as_str()), (403, "limit"), "{}", got.message());
    assert_eq!(live(&namespace, "configmap", "late"), None);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/taken");
    assert_eq!(wire::get(&gateway, &agent, &path).status, 200, "other rules go on");
}
