//! Only at some hours: by the gateway's clock, in the time zone that the rule names.

use serde_json::json;

use super::super::world;
use super::{live, there};

fn rules(when: &str) -> String {
    format!(
        "
- name: at-hours
  verbs: [get, delete]
  apiGroups: ['']
  resources: [configmaps]
  when: \"{when}\""
    )
}

/// Whether an agent with this condition may read and delete now.
fn may(when: &str) -> bool {
    let namespace = world().namespace("hours");
    let agent = world().agent("worker", &rules(when), &[&namespace]);
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" } });
    there(&namespace, &map);
    let read = agent.kubectl(&["-n", &namespace, "get", "configmap", "x"]).code == Some(0);
    let deleted = agent.kubectl(&["-n", &namespace, "delete", "configmap", "x"]).code == Some(0);
    assert_eq!(live(&namespace, "configmap", "x").is_none(), deleted, "{when}");
    assert_eq!(read, deleted, "{when}");
    deleted
}

#[test]
fn a_condition_on_the_time_holds_when_it_does_and_else_not() {
    assert!(may("request.time > timestamp('2020-01-01T00:00:00Z')"));
    assert!(!may("request.time < timestamp('2020-01-01T00:00:00Z')"));
    // Every hour is one of these, and no hour is another.
    assert!(may(
        "request.time.getHours('Europe/Berlin') >= 0 && request.time.getHours('Europe/Berlin') < 24"
    ));
    assert!(!may("request.time.getHours('Europe/Berlin') >= 24"));
    // Berlin is ahead of London by an hour all the year.
    assert!(may(
        "request.time.getHours('Europe/Berlin') == (request.time.getHours('Europe/London') + 1) % 24"
    ));
    assert!(!may("request.time.getHours('Europe/Berlin') == request.time.getHours('Europe/London')"));
}
