//! `serviceaccounts/token`: a working credential of somebody else, even by a dry run.

use serde_json::{Value, json};

use super::caller::{ANYTHING, Caller};

const WILDCARDS: &str = "
- {name: subresource, verbs: ['*'], apiGroups: ['*'], resources: ['*/token']}
- {name: any-verb, verbs: ['*'], apiGroups: [''], resources: [serviceaccounts/token]}
- {name: any-group, verbs: [create], apiGroups: ['*'], resources: [serviceaccounts/token]}
- {name: account, verbs: [create, update, patch], apiGroups: [''], resources: [serviceaccounts]}";

const PATH: &str = "/api/v1/namespaces/{ns}/serviceaccounts/default/token";

fn request() -> Value {
    json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": { "expirationSeconds": 600 },
    })
}

#[test]
fn no_wildcard_gives_a_token_of_a_service_account() {
    let caller = Caller::everywhere("sa", &format!("{ANYTHING}{WILDCARDS}"));
    let json = "application/json";
    for query in ["", "?dryRun=All", "?dryRun=all", "?fieldValidation=Ignore", "?pretty=true&dryRun=All"] {
        for path in [PATH, "/api/v1/namespaces/kube-system/serviceaccounts/namespace-controller/token"] {
            let answer = caller.send("POST", &format!("{path}{query}"), json, &request());
            assert_eq!((answer.status, answer.reason().as_str()), (403, "escape"), "{path}{query}");
            assert!(!String::from_utf8_lossy(&answer.body).contains("eyJ"), "{path}{query}");
        }
    }
    for (method, content_type) in [("PUT", json), ("PATCH", "application/merge-patch+json")] {
        let answer = caller.send(method, PATH, content_type, &json!({}));
        assert!([400, 403].contains(&answer.status), "{method}");
    }
    let protobuf = [("Content-Type", "application/vnd.kubernetes.protobuf")];
    assert_eq!(caller.call("POST", PATH, &protobuf, "k8s\0").status, 403);
    let kubectl = caller.agent.kubectl(&["-n", &caller.namespace, "create", "token", "default"]);
    kubectl.fails_with("is forbidden: agent");
    let arrived = caller.arrived();
    assert!(!arrived.iter().any(|line| line.contains("/token")), "{arrived:?}");
}

#[test]
fn a_rule_that_names_it_exactly_gives_it() {
    let rules = "
- name: tokens
  verbs: [create]
  apiGroups: ['']
  resources: [serviceaccounts/token]
  resourceNames: [worker]
  acknowledge: [service-account-tokens]";
    let caller = Caller::within("sa", rules);
    super::super::world().admin(&["-n", &caller.namespace, "create", "serviceaccount", "worker"]).ok();
    let answer = caller.send("POST", &PATH.replace("default", "worker"), "application/json", &request());
    assert_eq!(answer.status, 201, "{}", answer.message());
    assert_eq!(caller.send("POST", PATH, "application/json", &request()).status, 403);
    let expected = format!("create {}", PATH.replace("default", "worker"));
    assert_eq!(caller.arrived(), [caller.fill(&expected)]);
}
