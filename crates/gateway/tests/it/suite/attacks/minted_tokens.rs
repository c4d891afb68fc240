//! An agent that asks the cluster, through the gateway, for a token of another agent's service account, or
//! for one of its own that is bound to nothing.

use serde_json::json;

use super::super::in_pod::account::{Account, TRUSTING};

#[test]
fn no_agent_mints_itself_a_token_of_another_or_of_itself() {
    let rules = "
- name: everything
  verbs: ['*']
  apiGroups: ['*']
  resources: ['*']
  acknowledge: [workloads, exec]";
    let thief = Account::with(&TRUSTING, "thief", rules);
    thief.made();
    let token = thief.token_of(&thief.pod());
    assert_eq!(thief.ask(&token).status, 200);
    let victim = Account::new(&TRUSTING, "victim");
    // The thief may do anything in the victim's namespace, but for what would make it the victim.
    let everywhere = format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: Grant\nmetadata: {{name: {0}-everywhere}}\nspec: \
         {{agents: [{0}], scopes: [{0}], clusters: [local]}}\n",
        thief.name
    );
    thief.gateway.apply(&everywhere).ok();
    for (namespace, name) in [(&victim.namespace, &victim.name), (&thief.namespace, &thief.name)] {
        for audience in [thief.gateway.url(), "https://kubernetes.default.svc".to_owned()] {
            let body = json!({
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": { "audiences": [audience], "expirationSeconds": 3600 },
            });
            let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
            for query in ["", "?dryRun=All"] {
                let answer = thief.call("POST", &format!("{path}{query}"), &token, &body.to_string());
                assert_eq!(answer.status, 403, "{path}{query}: {}", answer.message());
                assert!(!String::from_utf8_lossy(&answer.body).contains("eyJ"));
            }
        }
    }
    let reached = thief.reached();
    assert!(!reached.iter().any(|line| line.contains("/token")), "{reached:?}");
    assert_eq!(thief.ask(&token).status, 200);
}
