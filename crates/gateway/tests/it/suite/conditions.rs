//! Conditions against ValidatingAdmissionPolicies on the real API server: the same expressions about the same
//! objects. A policy that only warns tells, of one request, of every expression whether it held.

use drawbridge_policy::Millis;
use drawbridge_policy::condition::{Bindings, Condition, Verdict};
use serde_json::{Value, json};

use super::world;

/// The corpus that cel-go has judged.
const CORPUS: &str = include_str!("../../../../policy/tests/cel/corpus.tsv");

/// How many expressions are in one policy: the API server cuts its warnings short at 4 KiB.
const IN_ONE: usize = 10;

/// How often a policy is tried until the API server knows it: some tens of seconds.
const TRIES: usize = 300;

/// Expressions of the corpus that a policy accepts, every `step`th of those that `fit`.
fn expressions(object: &str, step: usize, fit: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let rows = CORPUS.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        match columns[..] {
            [verdict, of, expression] if of == object && verdict != "refused" => Some(expression),
            _ => None,
        }
    });
    // A warning quotes the expression, and what is long is cut.
    let short = rows.filter(|expression| expression.len() < 110 && fit(expression));
    short.step_by(step).collect()
}

/// What a policy says of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Holds,
    Fails,
    Error,
}

/// Applies a policy with these expressions for objects with this label, and its binding.
fn apply_policy(name: &str, group: &str, resource: &str, operation: &str, expressions: &[&str]) {
    let validations: Vec<Value> = expressions
        .iter()
        .enumerate()
        .map(|(index, expression)| json!({"expression": expression, "message": format!("no{index}.")}))
        // One that always fails shows that the policy is in force.
        .chain([json!({"expression": "false", "message": "in force."})])
        .collect();
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [{"apiGroups": [group], "apiVersions": ["v1"], "operations": [operation],
                                   "resources": [resource]}],
                "objectSelector": {"matchLabels": {"judged-by": name}},
            },
            "validations": validations,
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Warn"]},
    });
    let both = json!({"apiVersion": "v1", "kind": "List", "items": [policy, binding]});
    world().admin_with(&["create", "-f", "-"], both.to_string().as_bytes()).ok();
}

/// Sends the object with a dry run until the policy has been asked. What the API server would have stored,
/// and what the policy said of each expression.
fn send(verb: &str, object: &Value, expressions: &[&str]) -> (Value, Vec<Said>) {
    let arguments = [verb, "--dry-run=server", "-o", "json", "-f", "-"];
    for _ in 0..TRIES {
        let run = world().admin_with(&arguments, object.to_string().as_bytes()).ok();
        if !run.stderr.contains("in force.") {
            continue;
        }
        let said = |index: usize, expression: &str| {
            if run.stderr.contains(&format!(": no{index}.")) {
                Said::Fails
            } else if run.stderr.contains(&format!("expression '{expression}' resulted in error")) {
                Said::Error
            } else {
                Said::Holds
            }
        };
        let said =
            expressions.iter().enumerate().map(|(index, expression)| said(index, expression)).collect();
        return (serde_json::from_str(&run.stdout).expect("JSON"), said);
    }
    panic!("the policy never came into force");
}

fn check(expression: &str, operation: &str, object: &Value, old: Option<&Value>) -> Said {
    let condition = Condition::compile(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let request = json!({
        "operation": operation,
        "name": object["metadata"]["name"],
        "namespace": object["metadata"]["namespace"],
    });
    let verdict = condition.check(&Bindings {
        request: &request,
        object: Some(object),
        old_object: old,
        namespace_object: None,
        agent: &Value::Null,
        grant: &Value::Null,
        task: &Value::Null,
        changed: &[],
        revisions: &[],
        now: Millis(0),
    });
    match verdict {
        Verdict::Holds => Said::Holds,
        Verdict::Fails => Said::Fails,
        Verdict::Unclear(_) => Said::Error,
    }
}

/// How often each answer came.
fn compare(
    (group, resource, operation): (&str, &str, &str),
    object: &Value,
    old: Option<&Value>,
    expressions: &[&str],
) -> [usize; 3] {
    let mut counts = [0; 3];
    for expressions in expressions.chunks(IN_ONE) {
        let name = world().name("judge");
        apply_policy(&name, group, resource, operation, expressions);
        let mut object = object.clone();
        object["metadata"]["labels"] = json!({"judged-by": name});
        let verb = if operation == "CREATE" { "create" } else { "replace" };
        let (stored, said) = send(verb, &object, expressions);
        for (expression, said) in expressions.iter().zip(said) {
            assert_eq!(check(expression, operation, &stored, old), said, "{expression}");
            counts[said as usize] += 1;
        }
        world().admin(&["delete", "validatingadmissionpolicybinding", &name]).ok();
        world().admin(&["delete", "validatingadmissionpolicy", &name]).ok();
    }
    counts
}

#[test]
fn policies_on_the_api_server_answer_as_conditions_do() {
    let namespace = world().namespace("conditions");
    let text = include_str!("../../../../policy/tests/cel/bindings/configmap.json");
    let bindings: Value = serde_json::from_str(text).unwrap();
    let mut object = bindings["object"].clone();
    object["metadata"] = json!({"name": "settings", "namespace": namespace});
    // Hand-picked ones whose answer rests on what the API server itself fills in.
    let mut asked = vec![
        "request.operation == 'CREATE' && request.name == object.metadata.name",
        "request.namespace == object.metadata.namespace && oldObject == null",
        "has(object.metadata.uid) && !has(object.metadata.nothere)",
        "timestamp(object.metadata.creationTimestamp) > timestamp('2020-01-01T00:00:00Z')",
        "oldObject.data.mode == 'slow'",
        "object.immutable || object.data.mode == 'fast'",
        "object.immutable && object.data.mode == 'fast'",
        "request.operation == 'UPDATE'",
        "oldObject != null && oldObject.data.mode == 'slow'",
        "has(object.metadata.nothere) || object.data.limit == '251'",
    ];
    asked.extend(expressions("configmap", 6, |expression| expression.starts_with("object.data")));
    let [holds, fails, errors] = compare(("", "configmaps", "CREATE"), &object, None, &asked);
    assert!(holds > 10 && fails > 3 && errors > 2, "{holds} hold, {fails} fail, {errors} are errors");
}

#[test]
fn policies_on_the_api_server_answer_about_a_change_as_conditions_do() {
    let namespace = world().namespace("conditions");
    let text = include_str!("../../../../policy/tests/cel/bindings/deployment.json");
    let bindings: Value = serde_json::from_str(text).unwrap();
    let placed = |name: &str| {
        let mut object = bindings[name].clone();
        object["metadata"] = json!({"name": "web", "namespace": namespace});
        // Then its controller leaves it alone.
        object["spec"]["paused"] = json!(true);
        object
    };
    let first = placed("oldObject").to_string();
    let old = world().admin_with(&["create", "-o", "json", "-f", "-"], first.as_bytes()).ok().stdout;
    let old: Value = serde_json::from_str(&old).unwrap();
    let asked = expressions("deployment", 2, |expression| {
        expression.contains("ject.spec") && !expression.contains("metadata")
    });
    let kind = ("apps", "deployments", "UPDATE");
    let [holds, fails, errors] = compare(kind, &placed("object"), Some(&old), &asked);
    assert!(holds > 5 && fails > 3, "{holds} hold, {fails} fail, {errors} are errors");
}
