//! Scopes for admission.

use drawbridge_policy::Condition;
use serde_json::{Value, json};

use super::*;

fn exported(rules: &Value, conditional: Conditional) -> Exported {
    let scope = json!({ "apiVersion": "drawbridge.dev/v1alpha1", "kind": "Scope",
        "metadata": { "name": "s" }, "spec": { "rules": rules } });
    convert(&scope, conditional).unwrap()
}

fn rewritten(source: &str) -> Result<String, String> {
    rewrite::condition(&Condition::compile(source).unwrap())
}

#[test]
fn a_condition_of_ours_is_written_as_admission_takes_it() {
    for same in ["object.metadata.name == 'request.time'", "object.spec.replicas <= 10", "oldObject.a.b > 1"]
    {
        assert_eq!(rewritten(same).unwrap(), same);
    }
    let name = rewritten("request.name == 'a' && request.operation == \"UPDATE\"").unwrap();
    assert_eq!(name, "variables.requestName == 'a' && request.operation == \"UPDATE\"");
    assert_eq!(
        rewritten("!oldObject.hasCondition('Complete')").unwrap(),
        "!(oldObject != null && has(oldObject.status) && has(oldObject.status.conditions) && \
         oldObject.status.conditions.exists(c, c.type == 'Complete' && c.status == \"True\"))"
    );
}

#[test]
fn what_admission_does_not_have_is_named() {
    for (source, missing) in [
        ("changed.all(p, p == '/spec/replicas')", "changed"),
        ("revisions.exists(t, t == object.spec.template)", "revisions"),
        ("agent.name == 'a'", "agent"),
        ("grant.name == 'a'", "grant"),
        ("request.time.getHours() > 8", "request.time"),
        ("request.userInfo.username == 'a'", "request.userInfo"),
    ] {
        assert_eq!(rewritten(source).unwrap_err(), missing);
    }
    let rule = |effect: &str| {
        json!([{ "name": "r", "effect": effect, "verbs": ["update", "patch"], "apiGroups": ["apps"],
            "resources": ["deployments"], "when": "changed.all(p, p == '/spec/replicas')" }])
    };
    let said = |rules: &Value, conditional| exported(rules, conditional).said().collect::<Vec<_>>();
    let left = said(&rule("allow"), Conditional::LeaveOut);
    assert!(left[0].starts_with("r: LEFT OUT, since admission has no changed: what it allows"), "{left:?}");
    let wider = said(&rule("allow"), Conditional::Print);
    assert!(wider[0].starts_with("r: WIDER THERE, without its when"), "{wider:?}");
    assert!(exported(&rule("allow"), Conditional::Print).expression.contains("deployments"));
    assert!(!exported(&rule("allow"), Conditional::LeaveOut).expression.contains("deployments"));
    assert!(said(&rule("deny"), Conditional::Print)[0].contains("it denies nothing there"));
}

#[test]
fn reads_are_not_in_the_policy_and_limits_are_said() {
    let rules = json!([
        { "name": "see", "verbs": ["get", "list", "watch"], "apiGroups": ["batch"], "resources": ["jobs"] },
        { "name": "end", "verbs": ["delete", "deletecollection"], "apiGroups": ["batch"],
          "resources": ["jobs"], "limits": [{ "requests": 5, "per": "hour" }] },
    ]);
    let exported = exported(&rules, Conditional::LeaveOut);
    assert_eq!(exported.expression.matches("batch").count(), 1, "{}", exported.expression);
    let said: Vec<String> = exported.said().collect();
    assert_eq!(said[0], "end: WIDER THERE: its limits aren't counted");
    assert_eq!(said.len(), 2, "{said:?}");
}
