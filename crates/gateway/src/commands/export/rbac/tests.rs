//! Scopes as RBAC.

use serde_json::{Value, json};

use super::*;

fn exported(rules: &Value) -> Exported {
    exported_with(rules, Conditional::LeaveOut)
}

fn exported_with(rules: &Value, conditional: Conditional) -> Exported {
    let scope = json!({ "apiVersion": "drawbridge.dev/v1alpha1", "kind": "Scope",
        "metadata": { "name": "s" }, "spec": { "rules": rules } });
    convert(&scope, conditional).unwrap()
}

fn rules(exported: &Exported) -> Value {
    role("s", exported)["rules"].clone()
}

fn on(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Value {
    json!([{ "name": "r", "verbs": verbs, "apiGroups": groups, "resources": resources }])
}

#[test]
fn what_rbac_says_as_well_stays_as_it_is() {
    let same = json!([
        { "apiGroups": ["", "apps"], "resources": ["pods", "deployments"], "verbs": ["get", "list"] },
        { "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["x"], "verbs": ["get"] },
        { "nonResourceURLs": ["/metrics"], "verbs": ["get"] },
    ]);
    let exported = exported(&same);
    assert_eq!(rules(&exported), same);
    assert!(exported.rules.iter().all(|rule| rule.said.is_empty()));
    let read: Value = serde_saphyr::from_str(&yaml("s", &exported)).unwrap();
    assert_eq!(read, role("s", &exported));
}

#[test]
fn a_star_for_verbs_is_written_out_less_what_it_does_not_give_here() {
    let pods = rules(&exported(&on(&["*"], &[""], &["pods"])));
    let all = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
    assert_eq!(pods[0]["verbs"], json!(all));
    assert_eq!(rules(&exported(&on(&["*"], &[""], &["secrets"]))), json!([]));
    let roles = rules(&exported(&on(&["*"], &["rbac.authorization.k8s.io"], &["roles"])));
    assert_eq!(roles[0]["verbs"], json!(["get", "list", "watch"]));
    let both = rules(&exported(&on(&["*", "create"], &["rbac.authorization.k8s.io"], &["roles"])));
    assert_eq!(both[0]["verbs"], json!(["get", "list", "watch", "create"]));
}

#[test]
fn what_reaches_further_there_is_said() {
    let said = |rules: &Value| exported(rules).rules[0].said.join("\n");
    assert!(said(&on(&["get", "create"], &[""], &["*"])).contains(
        "WIDER THERE: * of the core group also \
        reaches service-account-tokens, secrets"
    ));
    assert!(said(&on(&["get"], &["*"], &["*"])).contains("before Kubernetes 1.35: get on * of all groups"));
    assert_eq!(said(&on(&["*"], &["apps"], &["*"])), "");
    let left = said(&on(&["get", "impersonate"], &["apps"], &["*"]));
    assert_eq!(left, "LEFT OUT: impersonate on * of apps, which gives nothing here");
}

#[test]
fn connections_are_given_as_both_sides_ask_for_them() {
    let exec = rules(&exported(&on(&["create"], &[""], &["pods/exec", "pods/log"])));
    assert_eq!(
        exec,
        json!([
            { "apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get", "create"] },
            { "apiGroups": [""], "resources": ["pods/log"], "verbs": ["create"] },
        ])
    );
    for resource in ["pods/exec", "services/proxy"] {
        let none = exported(&on(&["get"], &[""], &[resource]));
        assert_eq!(rules(&none), json!([]));
        assert!(none.rules[0].said[0].contains("needs the verb create here"));
    }
}

#[test]
fn what_rbac_cannot_hold_is_left_out_and_said() {
    let deny = exported(&json!([{ "name": "no", "effect": "deny", "verbs": ["delete"], "apiGroups": [""],
        "resources": ["pods"] }]));
    assert_eq!(rules(&deny), json!([]));
    assert!(deny.said()[0].starts_with("no: LEFT OUT, since RBAC has no deny rules"));
    let text = yaml("s", &deny);
    assert!(text.contains("rules: []\n# no\n#   LEFT OUT"), "{text}");
    let narrowed = json!([{ "name": "r", "verbs": ["delete"], "apiGroups": ["batch"], "resources": ["jobs"],
        "when": "oldObject.metadata.name == 'x'", "limits": [{ "requests": 5, "per": "hour" }] }]);
    let left = exported(&narrowed);
    assert_eq!(rules(&left), json!([]));
    assert!(left.rules[0].said[0].contains("LEFT OUT, since RBAC can't hold its limits, when"), "{left:?}");
    let printed = exported_with(&narrowed, Conditional::Print);
    assert_eq!(rules(&printed)[0]["resources"], json!(["jobs"]));
    assert!(printed.rules[0].said[0].starts_with("WIDER THERE, since RBAC can't hold its"), "{printed:?}");
}

#[test]
fn what_holds_here_whatever_the_rules_say_is_said_where_it_matters() {
    let said = |rules: &Value| exported(rules).general.len();
    assert_eq!(said(&on(&["get"], &[""], &["pods"])), 1);
    assert_eq!(said(&on(&["patch"], &[""], &["pods"])), 2);
    assert_eq!(said(&on(&["get", "list"], &[""], &["namespaces"])), 2);
    assert_eq!(said(&json!([{ "verbs": ["get"], "nonResourceURLs": ["/x"] }])), 0);
}
