//! Secrets under wildcards, across namespaces, and by way of what a Secret of a certain type makes appear.

use serde_json::json;

use super::super::world;
use super::caller::{ANYTHING, Caller, look};

const WILDCARDS: &str = "
- {name: any-verb, verbs: ['*'], apiGroups: [''], resources: [secrets]}
- {name: any-group, verbs: [get, list, watch, create], apiGroups: ['*'], resources: [secrets]}
- {name: any-resource, verbs: [get, list, watch, create], apiGroups: [''], resources: ['*']}";

const PATH: &str = "/api/v1/namespaces/{ns}/secrets";

#[track_caller]
fn secret(namespace: &str) {
    let create = ["-n", namespace, "create", "secret", "generic", "treasure", "--from-literal=gold=42"];
    world().admin(&create).ok();
}

#[test]
fn no_wildcard_shows_or_makes_a_secret() {
    let caller = Caller::everywhere("secret", &format!("{ANYTHING}{WILDCARDS}"));
    secret(&caller.namespace);
    for path in [
        PATH.to_owned(),
        format!("{PATH}?watch=1"),
        format!("{PATH}?fieldSelector=metadata.name%3Dtreasure"),
        format!("{PATH}?limit=1"),
        format!("{PATH}/treasure"),
        format!("{PATH}/treasure/status"),
        "/api/v1/secrets".to_owned(),
        "/api/v1/secrets?watch=1".to_owned(),
        "/api/v1/secrets?fieldSelector=metadata.namespace%3Ddefault".to_owned(),
        "/api/v1/namespaces/kube-system/secrets".to_owned(),
    ] {
        let answer = caller.get(&path);
        assert_eq!(answer.status, 403, "{path}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("NDI="), "{path}");
    }
    let token = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": { "name": "stolen", "annotations": { "kubernetes.io/service-account.name": "default" } },
    });
    for query in ["", "?dryRun=All"] {
        let answer = caller.send("POST", &format!("{PATH}{query}"), "application/json", &token);
        assert_eq!((answer.status, answer.reason().as_str()), (403, "escape"), "{query}");
    }
    let dry = json!({ "dryRun": ["All"] });
    for (method, query, content_type, body) in [
        ("PUT", "", "application/json", &token),
        ("PATCH", "", "application/merge-patch+json", &token),
        ("PATCH", "?fieldManager=x", "application/apply-patch+yaml", &token),
        ("DELETE", "", "application/json", &dry),
    ] {
        let answer = caller.send(method, &format!("{PATH}/stolen{query}"), content_type, body);
        assert_eq!(answer.status, 403, "{method} {content_type}");
    }
    assert_eq!(caller.call("DELETE", PATH, &[], "").status, 403);
    let arrived = caller.arrived();
    assert!(!arrived.iter().any(|line| line.contains("secrets")), "{arrived:?}");
    assert_eq!(look(&caller.namespace, "secret/treasure", ".data.gold"), "NDI=");
}

#[test]
fn a_rule_that_names_them_exactly_shows_them_in_its_own_namespace_and_the_record_has_no_value() {
    let rules = "
- {name: see, verbs: [get, list], apiGroups: [''], resources: [secrets], acknowledge: [secrets]}";
    let caller = Caller::everywhere("secret", rules);
    secret(&caller.namespace);
    let answer = caller.get(&format!("{PATH}/treasure"));
    assert_eq!(answer.json()["data"]["gold"], "NDI=");
    // Those of all namespaces include the gateway's own.
    for path in ["/api/v1/secrets", "/api/v1/namespaces/drawbridge-agents/secrets"] {
        assert_eq!(
            (caller.get(path).status, caller.get(path).reason().as_str()),
            (403, "built-in"),
            "{path}"
        );
    }
    assert_eq!(caller.arrived(), [caller.fill(&format!("get {PATH}/treasure"))]);
    let rows = world().gateway().record(&["--agent", &caller.agent.name]);
    assert!(!rows.is_empty() && rows.iter().all(|row| !row.to_string().contains("NDI=")));
}
