//! Conditions from inside: what the corpus of `tests/cel` can't show, since it isn't cel-go's.

use serde_json::{Value, json};

use super::{Bindings, Condition, MAX_CHANGED, MAX_SOURCE, Variable, Verdict, changed};
use crate::Millis;

/// 2026-11-05T09:30:00Z, a Thursday.
const NOW: Millis = Millis(1_793_871_000_000);

fn job() -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "report", "namespace": "ci", "labels": {"app": "report", "tier": "batch"}},
        "spec": {"parallelism": 2, "template": {"spec": {"containers": [
            {"name": "main", "image": "registry.example/report:1", "command": ["cat", "/x"]},
            {"name": "side", "image": "registry.example/side:1"},
        ]}}},
        "status": {"succeeded": 1, "conditions": [
            {"type": "Suspended", "status": "False"},
            {"type": "Complete", "status": "True"},
        ]},
    })
}

fn check_with(source: &str, object: Option<&Value>, changed: &[String]) -> Verdict {
    let condition = Condition::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    let request = json!({"name": "report", "namespace": "ci", "operation": "DELETE"});
    let agent = json!({"name": "cleanup"});
    condition.check(&Bindings {
        request: &request,
        object: None,
        old_object: object,
        namespace_object: None,
        agent: &agent,
        grant: &Value::Null,
        task: &Value::Null,
        changed,
        revisions: &[],
        now: NOW,
    })
}

fn check(source: &str) -> Verdict {
    check_with(source, Some(&job()), &[])
}

fn holds(source: &str) {
    assert_eq!(check(source), Verdict::Holds, "{source}");
}

fn fails(source: &str) {
    assert_eq!(check(source), Verdict::Fails, "{source}");
}

fn unclear(source: &str) -> String {
    match check(source) {
        Verdict::Unclear(sentence) => sentence,
        other => panic!("{source}: {other:?}"),
    }
}

fn refused(source: &str) -> String {
    match Condition::compile(source) {
        Err(error) => error.message,
        Ok(_) => panic!("{source} compiles"),
    }
}

#[test]
fn a_condition_holds_of_a_completed_job_only() {
    holds("oldObject.hasCondition('Complete')");
    fails("oldObject.hasCondition('Failed')");
    fails("oldObject.hasCondition('Suspended')");
    assert_eq!(
        check_with("oldObject.hasCondition('Complete')", Some(&json!({"spec": {}})), &[]),
        Verdict::Fails
    );
}

#[test]
fn the_time_of_a_request_has_hours_and_days_in_any_zone() {
    holds("request.time.getHours() == 9 && request.time.getDayOfWeek() == 4");
    holds("request.time.getHours('Europe/Berlin') == 10");
    holds("request.time.getHours('Asia/Kolkata') == 15 && request.time.getMinutes('Asia/Kolkata') == 0");
    holds("request.time.getHours('-02:00') == 7 && has(request.time)");
    holds("request.time > timestamp('2026-11-05T09:29:59Z') && request.time + duration('1h') > request.time");
    assert!(refused("request.time.getHours('Europe/Atlantis') == 1").contains("no time zone"));
    assert!(refused("request.time.getHours('europe/berlin') == 1").contains("no time zone"));
}

#[test]
fn what_changed_is_told_as_json_pointers() {
    let old = json!({"metadata": {"generation": 1, "resourceVersion": "1", "labels": {"a/b~c": "x"}},
                     "spec": {"replicas": 1, "list": [1, 2]}});
    let new = json!({"metadata": {"generation": 2, "resourceVersion": "2", "managedFields": [{"a": 1}],
                                  "labels": {"a/b~c": "y"}, "annotations": {"k": "v"}},
                     "spec": {"replicas": 2, "list": [1], "generation": 3}});
    let mut found = changed(&old, &new);
    found.sort();
    let wanted = [
        "/metadata/annotations/k",
        "/metadata/labels/a~1b~0c",
        "/spec/generation",
        "/spec/list/1",
        "/spec/replicas",
    ];
    assert_eq!(found, wanted);
    assert_eq!(changed(&old, &old), Vec::<String>::new());
    assert_eq!(changed(&json!({"a": {}}), &json!({})), ["/a"]);
    assert_eq!(changed(&json!({"a": {"b": 1}}), &json!({"a": [1]})), ["/a"]);
}

#[test]
fn more_changes_than_are_listed_leave_a_condition_about_them_without_an_answer() {
    let many: Value =
        (0..=MAX_CHANGED).map(|key| (format!("k{key}"), json!(1))).collect::<serde_json::Map<_, _>>().into();
    let found = changed(&json!({}), &many);
    assert_eq!(found.len(), MAX_CHANGED + 1);
    let source = "changed.all(p, p.startsWith('/k'))";
    assert!(matches!(check_with(source, None, &found), Verdict::Unclear(_)));
    assert_eq!(check_with(source, None, &found[..MAX_CHANGED]), Verdict::Holds);
    assert_eq!(check_with("request.name == 'report'", None, &found), Verdict::Holds);
    let long: Value = json!({"x".repeat(600_000): {"a": 1, "b": 2}});
    assert_eq!(changed(&json!({}), &long).len(), MAX_CHANGED + 1);
}

#[test]
fn a_condition_tells_which_variables_and_fields_it_reads() {
    let source = "object.spec.containers.all(c, c.image.startsWith('a') && has(c.ports[0].x)) && \
                  oldObject.metadata.labels['a/b'] == request.name && changed.all(p, p == '/spec/replicas')";
    let condition = Condition::compile(source).unwrap();
    let named: Vec<Variable> =
        Variable::ALL.into_iter().filter(|variable| condition.names(*variable)).collect();
    assert_eq!(named, [Variable::Request, Variable::Object, Variable::OldObject, Variable::Changed]);
    let paths: Vec<String> = condition.fields().iter().map(|path| format!("{:?}", path.steps())).collect();
    assert!(
        paths.iter().any(|path| path == r#"[Named("metadata"), Named("labels"), Named("a/b")]"#),
        "{paths:?}"
    );
    let ports = r#"[Named("spec"), Named("containers"), Element, Named("ports"), Element, Named("x")]"#;
    assert!(paths.iter().any(|path| path == ports), "{paths:?}");
}

#[test]
fn what_is_missing_is_named_and_no_value_is() {
    let missing = unclear("oldObject.spec.replicas > 1");
    assert_eq!(missing, "The condition has no answer: `oldObject.spec.replicas` isn't there.");
    let missing = unclear("oldObject.metadata.labels[oldObject.metadata.name] == 'x'");
    assert!(missing.contains("`oldObject.metadata.labels[…]`"), "{missing}");
    assert!(!unclear("oldObject.metadata.name > 1").contains("report"));
    assert!(!unclear("int(oldObject.metadata.name) > 1").contains("report"));
    assert!(!unclear("duration(oldObject.metadata.name) > duration('1s')").contains("report"));
    assert!(unclear("object.spec.x == 1").contains("`object` isn't there"));
}

#[test]
fn a_condition_that_is_too_long_or_too_deep_is_refused() {
    let long = format!("request.name == '{}'", "x".repeat(MAX_SOURCE));
    assert!(refused(&long).contains("4096"));
    assert!(refused("  ").contains("empty"));
    for deep in [
        format!("{}true{}", "(".repeat(300), ")".repeat(300)),
        format!("{}1{} == [1]", "[".repeat(300), "]".repeat(300)),
        format!("{}true", "!(".repeat(300)) + &")".repeat(300),
        format!("1{} == 1", " + 1".repeat(1_000)),
        format!("object{} == 1", ".a".repeat(1_000)),
        format!("object{} == 1", "[0]".repeat(1_000)),
        format!("{}true", "true ? true : ".repeat(200)),
        format!("dyn({}1{}) == 1", "dyn(".repeat(200), ")".repeat(200)),
        format!("{}1{} == 1", "{1:".repeat(300), "}".repeat(300)),
        format!("{}1 == 1", "-(".repeat(300)) + &")".repeat(300),
    ] {
        assert!(!refused(&deep).is_empty());
    }
    // What is long without being deep is fine.
    let wide = format!("true{}", " && true".repeat(450));
    assert_eq!(check(&wide), Verdict::Holds);
    assert_eq!(check(&format!("{}true", "!".repeat(400))), Verdict::Holds);
}

#[test]
fn a_thread_with_a_small_stack_compiles_and_checks_the_deepest_condition() {
    let deep = format!("{}request.name == 'report'{}", "(".repeat(23), ")".repeat(23));
    let sum = format!("0{} == 60", " + 1".repeat(60));
    std::thread::scope(|threads| {
        let small = std::thread::Builder::new().stack_size(1 << 20);
        let checking = small.spawn_scoped(threads, || {
            holds(&deep);
            holds(&sum);
        });
        checking.unwrap().join().unwrap();
    });
}
