//! Options of a delete in two places, and those that delete what can't be read.

use serde_json::{Value, json};

use super::caller::{ANYTHING, Caller, config_map, look};

const DELETE: &str = "
- {name: delete, verbs: [delete, deletecollection], apiGroups: [''], resources: [configmaps]}";

const PATH: &str = "/api/v1/namespaces/{ns}/configmaps/control";

fn options(name: &str, value: Value) -> Value {
    let mut options = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
    options[name] = value;
    options
}

#[track_caller]
fn is_there(caller: &Caller) -> bool {
    !look(&caller.namespace, "configmap/control", ".metadata.uid").is_empty()
}

#[test]
fn options_in_the_body_and_in_the_query_are_refused_together() {
    let caller = Caller::within("delete", DELETE);
    for (query, body) in [
        ("dryRun=All", options("propagationPolicy", json!("Orphan"))),
        ("dryRun=All", json!({})),
        ("dryRun=All", options("dryRun", json!(["All"]))),
        ("propagationPolicy=Orphan", options("propagationPolicy", json!("Foreground"))),
        ("gracePeriodSeconds=10", options("gracePeriodSeconds", json!(0))),
        ("orphanDependents=true", options("orphanDependents", json!(false))),
        ("ignoreStoreReadErrorWithClusterBreakingPotential=false", options("dryRun", json!(["All"]))),
    ] {
        let answer = caller.send("DELETE", &format!("{PATH}?{query}"), "application/json", &body);
        assert_eq!(answer.status, 400, "{query} {body}");
    }
    assert!(is_there(&caller));
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn deleting_past_read_errors_needs_a_rule_that_names_it() {
    let caller = Caller::everywhere("delete", ANYTHING);
    let name = "ignoreStoreReadErrorWithClusterBreakingPotential";
    for value in ["true", "1", "TRUE", "t", "yes", ""] {
        let answer = caller.call("DELETE", &format!("{PATH}?{name}={value}"), &[], "");
        assert!([400, 403].contains(&answer.status), "{value}: {}", answer.status);
    }
    for path in [PATH, "/api/v1/namespaces/{ns}/configmaps"] {
        for dry in [json!(null), json!(["All"])] {
            let mut body = options(name, json!(true));
            body["dryRun"] = dry;
            let answer = caller.send("DELETE", path, "application/json", &body);
            assert!([400, 403].contains(&answer.status), "{path} {body}: {}", answer.status);
        }
    }
    assert!(is_there(&caller));
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn options_that_two_readers_could_read_in_two_ways_are_refused() {
    let caller = Caller::within("delete", DELETE);
    let json = [("Content-Type", "application/json")];
    for body in [
        "{\"dryRun\":[\"All\"],\"dryRun\":[]}",
        "{\"dryRun\":[],\"dryRun\":[\"All\"]}",
        "{\"dryRun\":[\"All\"]}{}",
        "{\"dryRun\":\"All\"}",
        "{\"dryRun\":[\"all\"]}",
        "{\"DryRun\":[\"All\"]}",
        "{\"dryrun\":[\"All\"]}",
        "{\"unknown\":true}",
        "{\"propagationPolicy\":\"Whatever\"}",
        "{\"gracePeriodSeconds\":\"0\"}",
        "{\"preconditions\":{\"uid\":1}}",
        "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\"}",
        "dryRun: [All]",
        "[]",
        "null",
        "\"x\"",
        " ",
        "{",
        "\u{feff}{\"dryRun\":[\"All\"]}",
    ] {
        let answer = caller.call("DELETE", PATH, &json, body);
        assert!(answer.status >= 400, "{body}: {}", answer.status);
    }
    for content_type in
        ["application/yaml", "text/plain", "application/cbor", "application/json-patch+json", "x"]
    {
        let answer = caller.call("DELETE", PATH, &[("Content-Type", content_type)], "{\"dryRun\":[\"All\"]}");
        assert!(answer.status >= 400, "{content_type}: {}", answer.status);
    }
    for query in
        ["dryRun=all", "dryRun=", "dryRun=None", "gracePeriodSeconds=x", "propagationPolicy=Whatever"]
    {
        let answer = caller.call("DELETE", &format!("{PATH}?{query}"), &[], "");
        assert!(answer.status >= 400, "{query}: {}", answer.status);
    }
    assert!(is_there(&caller));
}

#[test]
fn each_option_means_what_the_caller_meant() {
    let caller = Caller::within("delete", DELETE);
    assert_eq!(caller.call("DELETE", &format!("{PATH}?dryRun=All"), &[], "").status, 200);
    let dry = options("dryRun", json!(["All"]));
    assert_eq!(caller.send("DELETE", PATH, "application/json", &dry).status, 200);
    assert!(is_there(&caller));
    let other = options("preconditions", json!({ "uid": "11111111-2222-3333-4444-555555555555" }));
    assert_eq!(caller.send("DELETE", PATH, "application/json", &other).status, 409);
    assert!(is_there(&caller));
    config_map(&caller.namespace, "second");
    let only = options("dryRun", json!(["All"]));
    assert_eq!(
        caller.send("DELETE", "/api/v1/namespaces/{ns}/configmaps", "application/json", &only).status,
        200
    );
    assert!(is_there(&caller));
    let uid = look(&caller.namespace, "configmap/control", ".metadata.uid");
    let events = caller.arrived_events();
    assert_eq!(events.len(), 4, "{events:#?}");
    let right = options("preconditions", json!({ "uid": uid }));
    assert_eq!(caller.send("DELETE", PATH, "application/json", &right).status, 200);
    assert!(!is_there(&caller));
}
