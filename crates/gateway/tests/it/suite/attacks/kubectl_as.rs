//! `kubectl --as`: the gateway says who acts, and the caller can't.

use super::caller::{CONTROL, Caller};

const AS: [&str; 4] = ["--as=system:admin", "--as-group=system:masters", "--as-uid=0", "-n"];

#[test]
fn kubectl_as_somebody_else_acts_as_the_agent() {
    let rules = "
- {name: make, verbs: [create], apiGroups: [''], resources: [configmaps]}";
    let caller = Caller::within("as", rules);
    let ns = caller.namespace.as_str();
    let kubectl = |arguments: &[&str]| caller.agent.kubectl(&[&AS[..], &[ns], arguments].concat());
    kubectl(&["get", "configmap", "control"]).ok();
    kubectl(&["create", "configmap", "made"]).ok();
    for refused in [
        &["get", "secrets"][..],
        &["delete", "configmap", "control"],
        &["create", "token", "default"],
        &["get", "nodes"],
    ] {
        kubectl(refused).fails_with("is forbidden: agent");
    }
    let made = caller.arrived();
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(made[0].starts_with(&caller.fill("create /api/v1/namespaces/{ns}/configmaps?")), "{made:?}");
    assert_eq!(caller.controls()[0].uri(), caller.fill(CONTROL));
}
