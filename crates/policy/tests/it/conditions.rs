//! Conditions against cel-go with Kubernetes' libraries, as ValidatingAdmissionPolicy sets it up: the Go
//! program in `cel/oracle`. `cel/corpus.tsv` has a row for each expression: what the oracle made of it
//! (`true`, `false`, `error`, or `refused` when it is compiled), the objects it was asked about, the
//! expression, and, where we answer otherwise, the key of the difference. For a new expression write a row
//! that begins with `?`, and run `UPDATE_CORPUS=1 cargo test -p drawbridge-policy conditions`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::process::{Command, Stdio};
use std::thread;

use drawbridge_policy::Millis;
use drawbridge_policy::condition::{Bindings, Condition, DIFFERENCES, Verdict};
use serde_json::{Value, json};

use super::oracle::{Sources, program};

const CORPUS: &str = include_str!("../cel/corpus.tsv");

const SOURCES: Sources = Sources {
    name: "cel",
    files: [
        ("go.mod", include_str!("../cel/oracle/go.mod")),
        ("go.sum", include_str!("../cel/oracle/go.sum")),
        ("main.go", include_str!("../cel/oracle/main.go")),
    ],
};

/// The objects, by the name that the corpus has for them.
const OBJECTS: [(&str, &str); 6] = [
    ("job", include_str!("../cel/bindings/job.json")),
    ("pod", include_str!("../cel/bindings/pod.json")),
    ("deployment", include_str!("../cel/bindings/deployment.json")),
    ("configmap", include_str!("../cel/bindings/configmap.json")),
    ("secret", include_str!("../cel/bindings/secret.json")),
    ("widget", include_str!("../cel/bindings/widget.json")),
];

/// How many expressions there are at least.
const EXPRESSIONS: usize = 900;

struct Row<'a> {
    verdict: &'a str,
    object: &'a str,
    expression: &'a str,
    difference: Option<&'a str>,
}

fn rows() -> Vec<Row<'static>> {
    let row = |line: &'static str| {
        let mut columns = line.split('\t');
        let mut column = || columns.next();
        let row = (column(), column(), column(), column());
        let (Some(verdict), Some(object), Some(expression), difference) = row else { panic!("{line}") };
        Row { verdict, object, expression, difference }
    };
    CORPUS.lines().map(row).collect()
}

fn objects() -> BTreeMap<&'static str, Value> {
    let read = |text: &str| serde_json::from_str(text).expect("JSON");
    let mut objects: BTreeMap<_, Value> = OBJECTS.iter().map(|(name, text)| (*name, read(text))).collect();
    objects.insert("large", large());
    objects
}

/// What would stand in no file.
fn large() -> Value {
    let items: Vec<Value> = (0..1_000).map(|at| json!({"name": format!("item-{at}"), "value": at})).collect();
    json!({
        "request": {"operation": "UPDATE", "name": "large", "userInfo": {"username": "frank"}},
        "object": {"metadata": {"name": "large"}, "spec": {"items": items, "text": "x".repeat(200_000)}},
        "oldObject": null,
        "namespaceObject": null,
    })
}

/// What we make of an expression, in the oracle's words, and why.
fn judge(expression: &str, objects: &Value) -> (&'static str, String) {
    let condition = match Condition::compile(expression) {
        Ok(condition) => condition,
        Err(error) => return ("refused", error.message),
    };
    let some = |name: &str| Some(&objects[name]).filter(|value| !value.is_null());
    let verdict = condition.check(&Bindings {
        request: &objects["request"],
        object: some("object"),
        old_object: some("oldObject"),
        namespace_object: some("namespaceObject"),
        agent: &Value::Null,
        grant: &Value::Null,
        task: &Value::Null,
        changed: &[],
        revisions: &[],
        now: Millis(0),
    });
    match verdict {
        Verdict::Holds => ("true", String::new()),
        Verdict::Fails => ("false", String::new()),
        Verdict::Unclear(why) => ("error", why),
    }
}

/// Refused or without an answer: nothing is allowed by it.
fn is_closed(verdict: &str) -> bool {
    matches!(verdict, "refused" | "error")
}

#[test]
fn conditions_answer_what_cel_go_answers_but_for_the_listed_differences() {
    let objects = objects();
    let rows = rows();
    let mut wrong = Vec::new();
    for row in &rows {
        let (ours, why) = judge(row.expression, &objects[row.object]);
        let alike = ours == row.verdict || (is_closed(ours) && is_closed(row.verdict));
        match row.difference {
            None if alike => {}
            Some(_) if !alike && is_closed(ours) => {}
            _ => wrong.push(format!("{} {ours} {} ({}, {why})", row.verdict, row.expression, row.object)),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows.len() >= EXPRESSIONS, "only {} expressions", rows.len());
}

#[test]
fn every_difference_from_cel_go_is_listed_with_its_reason_and_has_an_example() {
    let used: BTreeSet<&str> = rows().iter().filter_map(|row| row.difference).collect();
    let listed: BTreeSet<&str> = DIFFERENCES.iter().map(|(key, _)| *key).collect();
    assert_eq!(used, listed);
}

#[test]
fn the_conditions_of_the_corpus_are_judged_as_its_oracle_judges_them() {
    let objects = objects();
    let rows = rows();
    let mut text = String::new();
    for (row, verdict) in rows.iter().zip(ask(&objects, &rows)) {
        write!(text, "{verdict}\t{}\t{}", row.object, row.expression).expect("a String takes it");
        if let Some(difference) = row.difference {
            write!(text, "\t{difference}").expect("a String takes it");
        }
        text.push('\n');
    }
    if super::variable("UPDATE_CORPUS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cel/corpus.tsv");
        std::fs::write(path, &text).expect("the corpus can be written");
        return;
    }
    let different = text.lines().zip(CORPUS.lines()).find(|(made, committed)| made != committed);
    assert!(
        text == CORPUS,
        "the corpus is stale: UPDATE_CORPUS=1 cargo test -p drawbridge-policy conditions; {different:?}"
    );
}

fn ask(objects: &BTreeMap<&str, Value>, rows: &[Row<'_>]) -> Vec<String> {
    let mut oracle = Command::new(program(&SOURCES))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle starts");
    let input = oracle.stdin.take().expect("piped");
    let bindings = objects.iter().map(|(name, bindings)| json!({"name": name, "bindings": bindings}));
    let questions = rows.iter().map(|row| json!({"name": row.object, "expression": row.expression}));
    let lines: Vec<Value> = bindings.chain(questions).collect();
    let output = thread::scope(|threads| {
        threads.spawn(move || {
            let mut input = BufWriter::new(input);
            for line in lines {
                writeln!(input, "{line}").expect("the oracle reads");
            }
        });
        oracle.wait_with_output().expect("the oracle ends")
    });
    assert!(output.status.success(), "the oracle failed");
    let answers = String::from_utf8(output.stdout).expect("the oracle writes JSON");
    let verdict = |line: &str| -> String {
        let answer: Value = serde_json::from_str(line).expect("JSON");
        answer["verdict"].as_str().expect("a verdict").to_owned()
    };
    let verdicts: Vec<String> = answers.lines().map(verdict).collect();
    assert_eq!(verdicts.len(), rows.len(), "one answer to each expression");
    verdicts
}
