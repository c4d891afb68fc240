//! The gateway's own namespaces and objects under rules that allow everything everywhere, exactly named.

use serde_json::json;

use super::super::world;
use super::caller::{ANYTHING, Caller};

/// What a careless administrator might write.
const EXACTLY: &str = "
- name: exactly
  verbs: [get, list, watch, create, update, patch, delete, deletecollection]
  apiGroups: ['', rbac.authorization.k8s.io]
  resources:
  - serviceaccounts
  - serviceaccounts/token
  - secrets
  - pods
  - pods/exec
  - configmaps
  - roles
  - rolebindings
  - clusterroles
  - clusterrolebindings
  - namespaces
  - namespaces/finalize
  acknowledge: [service-account-tokens, secrets, workloads, exec, rbac, namespace-finalize]";

const AGENTS: &str = "/api/v1/namespaces/drawbridge-agents";

#[test]
fn no_grant_reaches_the_gateway_s_own_namespaces_and_objects() {
    let caller = Caller::everywhere("own", &format!("{ANYTHING}{EXACTLY}"));
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let account = json!({ "metadata": { "name": caller.agent.name } });
    for namespace in ["drawbridge-agents", "drawbridge-system"] {
        for path in [
            format!("/api/v1/namespaces/{namespace}/serviceaccounts"),
            format!("/api/v1/namespaces/{namespace}/serviceaccounts/default/token"),
            format!("/api/v1/namespaces/{namespace}/secrets"),
            format!("/api/v1/namespaces/{namespace}/pods"),
            format!("/api/v1/namespaces/{namespace}/configmaps"),
            format!("{rbac}/namespaces/{namespace}/roles"),
            format!("{rbac}/namespaces/{namespace}/rolebindings"),
        ] {
            for query in ["", "?dryRun=All"] {
                let answer = caller.send("POST", &format!("{path}{query}"), "application/json", &account);
                assert_eq!((answer.status, answer.reason().as_str()), (403, "built-in"), "{path}{query}");
            }
            assert_eq!(caller.get(&path).status, 403, "{path}");
            assert_eq!(caller.call("DELETE", &path, &[], "").status, 403, "{path}");
        }
    }
    for (method, path) in [
        ("DELETE", AGENTS.to_owned()),
        ("PUT", AGENTS.to_owned()),
        ("PATCH", AGENTS.to_owned()),
        ("PUT", format!("{AGENTS}/finalize")),
        ("PATCH", format!("{AGENTS}/status")),
        ("DELETE", "/api/v1/namespaces".to_owned()),
        ("DELETE", format!("{rbac}/clusterroles")),
        ("DELETE", format!("{rbac}/clusterrolebindings")),
        ("DELETE", format!("{rbac}/clusterrolebindings/drawbridge-ceiling")),
        ("PATCH", format!("{rbac}/clusterrolebindings/drawbridge-ceiling")),
        ("PUT", format!("{rbac}/clusterroles/drawbridge-anything")),
        ("PATCH", format!("{rbac}/namespaces/drawbridge-agents/roles/drawbridge-gateway")),
        ("DELETE", format!("{rbac}/namespaces/drawbridge-agents/rolebindings/drawbridge-gateway")),
        ("GET", "/api/v1/secrets".to_owned()),
        ("GET", format!("{AGENTS}/serviceaccounts/default/token")),
    ] {
        let headers: &[(&str, &str)] =
            if method == "PATCH" { &[("Content-Type", "application/merge-patch+json")] } else { &[] };
        let body = if ["PUT", "PATCH"].contains(&method) { "{}" } else { "" };
        let answer = caller.call(method, &path, headers, body);
        assert_eq!((answer.status, answer.reason().as_str()), (403, "built-in"), "{method} {path}");
    }
    assert_eq!(caller.arrived(), [""; 0]);
    world().admin(&["get", "clusterrolebinding", "drawbridge-ceiling"]).ok();
    // The same rules do all of that elsewhere.
    let path = "/api/v1/namespaces/{ns}/serviceaccounts";
    let made = caller.send("POST", path, "application/json", &json!({ "metadata": { "name": "made" } }));
    assert_eq!(made.status, 201, "{}", made.message());
    assert_eq!(caller.get(AGENTS).status, 200);
}

#[test]
fn nothing_is_made_under_the_gateway_s_own_names() {
    let caller = Caller::everywhere("own", &format!("{ANYTHING}{EXACTLY}"));
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    for (path, metadata) in [
        ("/api/v1/namespaces".to_owned(), json!({ "name": "drawbridge-system" })),
        ("/api/v1/namespaces?dryRun=All".to_owned(), json!({ "name": "drawbridge-system" })),
        ("/api/v1/namespaces".to_owned(), json!({ "generateName": "drawbridge-" })),
        (format!("{rbac}/clusterroles"), json!({ "name": "drawbridge-mine" })),
        (format!("{rbac}/clusterroles"), json!({ "generateName": "drawbridge-" })),
        (format!("{rbac}/clusterrolebindings"), json!({ "name": "drawbridge-mine" })),
    ] {
        let answer = caller.send("POST", &path, "application/json", &json!({ "metadata": metadata }));
        assert_eq!((answer.status, answer.reason().as_str()), (403, "built-in"), "{path} {metadata}");
        // What can't be read in one way only isn't let through either.
        let twice = format!(r#"{{"metadata":{metadata},"metadata":{{"name":"mine"}}}}"#);
        let json = [("Content-Type", "application/json")];
        assert_eq!(caller.call("POST", &path, &json, &twice).status, 400, "{path}");
        let yaml = [("Content-Type", "application/yaml")];
        assert_eq!(caller.call("POST", &path, &yaml, "metadata: {name: mine}").status, 415, "{path}");
    }
    for arguments in [
        &["create", "namespace", "drawbridge-system"][..],
        &["create", "clusterrole", "drawbridge-mine", "--verb=get", "--resource=pods"],
        &["create", "clusterrolebinding", "drawbridge-mine", "--clusterrole=view", "--user=x"],
    ] {
        caller.agent.kubectl(arguments).fails_with("belong");
    }
    let arrived = caller.arrived();
    assert!(arrived.iter().all(|line| line.starts_with("get ")), "{arrived:?}");
    for object in ["namespace/drawbridge-system", "clusterrole/drawbridge-mine"] {
        assert_eq!(world().admin(&["get", object, "--ignore-not-found"]).ok().stdout, "", "{object}");
    }
    // Under other names the same is made, in JSON and in what kubectl sends.
    let name = world().name("made");
    let made = caller.send(
        "POST",
        "/api/v1/namespaces",
        "application/json",
        &json!({ "metadata": { "name": name } }),
    );
    assert_eq!(made.status, 201, "{}", made.message());
    caller.agent.kubectl(&["create", "namespace", &world().name("made")]).ok();
}

#[test]
fn the_names_in_a_body_lead_nowhere_else() {
    let caller = Caller::within("own", ANYTHING);
    let path = "/api/v1/namespaces/{ns}/configmaps";
    for namespace in ["drawbridge-agents", "default"] {
        let body = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": "lost", "namespace": namespace },
        });
        let answer = caller.send("POST", path, "application/json", &body);
        assert_eq!(answer.status, 400, "{}", answer.message());
        let found = world().admin(&["-n", namespace, "get", "configmap", "lost", "--ignore-not-found"]).ok();
        assert_eq!(found.stdout, "");
    }
    let arrived = caller.arrived();
    assert_eq!(arrived, vec![caller.fill(&format!("create {path}")); arrived.len()]);
}
