//! `drawbridge explain --request`: request lines in, attributes out, without a server.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use drawbridge_testkit::{Run, run};
use serde_json::Value;

use super::{binary, world};

/// Lines with what the API server's RequestInfo makes of them. `crates/policy/tests` proves that it is that.
const CORPUS: &str = include_str!("../../../../policy/tests/corpus/requests.tsv");

/// What the corpus was made from: group/version, resource, scope, verbs.
const DISCOVERY: &str = include_str!("../../../../policy/tests/corpus/discovery.txt");

const KEYS: [&str; 13] = [
    "isResourceRequest",
    "path",
    "verb",
    "apiPrefix",
    "apiGroup",
    "apiVersion",
    "namespace",
    "resource",
    "subresource",
    "name",
    "parts",
    "fieldSelector",
    "labelSelector",
];

fn explain(request: &str, more: &[&str], input: &[u8]) -> Run {
    let mut command = Command::new(binary());
    command.args(["explain", "--request", request]).args(more).env("DRAWBRIDGE_ADMIN", "/nowhere/admin.json");
    run(&mut command, input)
}

/// The answers to lines on standard input.
#[track_caller]
fn answers(input: &[u8]) -> Vec<Value> {
    let run = explain("-", &[], input).ok();
    assert_eq!(run.stderr, "", "{run}");
    run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON on every line")).collect()
}

#[track_caller]
fn refusals(input: &[u8]) -> Vec<String> {
    let told = |answer: &Value| {
        let keys: Vec<&String> = answer.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["message", "refused"], "{answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(!message.is_empty() && message.len() < 300, "{message}");
        answer["refused"].as_str().unwrap().to_owned()
    };
    answers(input).iter().map(told).collect()
}

#[test]
fn every_line_of_the_corpus_is_answered_with_exactly_the_fields_of_request_info_or_its_class() {
    // What has an escape of the corpus' own is left to the policy's tests.
    let rows = CORPUS.lines().filter(|row| !row.starts_with('#') && !row.contains('\\'));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split('\t').collect()).collect();
    assert!(rows.len() > 4_000, "only {} rows", rows.len());
    let input: String = rows.iter().map(|row| format!("{}\n", row[1])).collect();
    let answers = answers(input.as_bytes());
    assert_eq!(answers.len(), rows.len());
    for (row, answer) in rows.iter().zip(answers) {
        if ["plain", "odd"].contains(&row[0]) {
            let columns: Vec<Value> = serde_json::from_str(row[2]).unwrap();
            let expected: serde_json::Map<String, Value> =
                KEYS.iter().map(|&key| key.to_owned()).zip(columns).collect();
            assert_eq!(answer, Value::Object(expected), "{}", row[1]);
        } else {
            assert_eq!(answer["refused"], row[0], "{}", row[1]);
        }
    }
}

#[test]
fn each_line_is_answered_before_the_next_one_is_there() {
    let mut child = Command::new(binary())
        .args(["explain", "--request", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    for (line, verb) in [("GET /api/v1/pods", "list"), ("GET /api/v1/pods?watch=1", "watch")] {
        writeln!(input, "{line}").unwrap();
        let answer: Value = serde_json::from_str(&output.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["verb"], verb);
    }
    // The last line needs no end.
    write!(input, "PUT /version").unwrap();
    drop(input);
    let answer: Value = serde_json::from_str(&output.next().unwrap().unwrap()).unwrap();
    assert_eq!((&answer["verb"], &answer["parts"]), (&"put".into(), &serde_json::json!([])));
    assert!(output.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn bad_lines_are_answered_one_by_one_and_the_next_line_is_read_as_ever() {
    assert_eq!(explain("-", &[], b"").ok().stdout, "");
    assert_eq!(refusals(b"\n\r\n"), ["empty-line", "empty-line"]);
    assert_eq!(
        refusals(b"GET\n \nGET \n  \n# x\n"),
        ["path-no-slash", "method", "path-no-slash", "method", "method"]
    );
    assert_eq!(
        refusals(b"GET /api\r\r\nGET /a\0\nGET /\xff\xfe\n"),
        ["path-control", "path-control", "path-non-ascii"]
    );
    assert_eq!(
        refusals(b"GET /api?a=\xe9\nG\xc3\x89T /api\nGET /api HTTP/1.1\n"),
        ["query-non-ascii", "method", "path-character"]
    );
    let long = |path: usize, query: usize| format!("GET /{}?{}\n", "a".repeat(path), "b".repeat(query));
    assert_eq!(refusals(long(5_000, 0).as_bytes()), ["path-too-long"]);
    assert_eq!(refusals(long(9, 9_000).as_bytes()), ["query-too-long"]);
    // Far more than one line's room, and then one that is fine.
    let lines = [long(3_000_000, 0), long(65_532, 0), "GET /api\r\n".to_owned()].concat();
    let answers = answers(lines.as_bytes());
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[0]["refused"], "line-too-long");
    assert_eq!(answers[1]["refused"], "line-too-long");
    assert_eq!(answers[2]["path"], "/api");
}

#[test]
fn one_request_is_explained_in_words_or_in_json() {
    let text = explain("POST /api/v1/namespaces/a/pods/b/exec?command=ls", &[], b"").ok().stdout;
    for row in
        ["verb            create", "group           \"\" (core)", "subresource     exec", "name            b"]
    {
        assert!(text.lines().any(|line| line == row), "no {row:?} in {text}");
    }
    let exec = explain("GET /api/v1/namespaces/a/pods/b/exec", &[], b"").ok().stdout;
    assert!(exec.contains("verb            get\n") && exec.contains("asks rules for  create\n"), "{exec}");
    let json = explain("GET /api/v1/pods?fieldSelector=metadata.name%3Dx", &["-o", "json"], b"").ok().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["verb"], &json["name"]), (&"list".into(), &"x".into()));
    // A request's own control characters don't reach the terminal.
    let odd = explain("GET /api/v1/pods?labelSelector=%0a", &[], b"").ok().stdout;
    assert!(odd.contains(r"label selector  \u{a}"), "{odd}");
}

#[test]
fn a_request_that_is_refused_ends_with_status_3_and_says_why() {
    for (line, words) in [
        ("", "empty-line"),
        ("GET", "path-no-slash"),
        ("GET /api/v1/namespaces/a/../b/pods", "path-dot-segment"),
        ("GET /api/v1/pods?watch=1&watch=0", "query-repeated"),
        ("\u{1b}[2J /api", "method"),
    ] {
        let text = explain(line, &[], b"");
        assert_eq!(
            (text.code, text.stdout.as_str(), text.stderr.lines().count()),
            (Some(3), "", 1),
            "{text}"
        );
        assert!(text.stderr.contains(words) && !text.stderr.contains('\u{1b}'), "{text}");
        let json = explain(line, &["-o", "json"], b"");
        assert_eq!(json.code, Some(3), "{json}");
        let answer: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(answer["refused"], words, "{json}");
    }
    let long = explain(&format!("GET /{}", "a".repeat(70_000)), &["-o", "json"], b"");
    assert!(long.code == Some(3) && long.stdout.contains("line-too-long"), "{long}");
    let text = explain("-", &["-o", "text"], b"");
    assert_eq!((text.code, text.stdout.as_str()), (Some(2), ""), "{text}");
}

#[test]
fn the_corpus_has_every_resource_of_the_api_server() {
    let read = |path: &str| -> Value {
        serde_json::from_str(&world().admin(&["get", "--raw", path]).ok().stdout).expect("JSON")
    };
    let groups = read("/apis");
    let versions = groups["groups"].as_array().unwrap().iter().flat_map(|group| {
        let versions = group["versions"].as_array().unwrap();
        versions.iter().map(|version| version["groupVersion"].as_str().unwrap().to_owned())
    });
    // Other tests define resources of their own, in groups of other domains.
    let built_in = versions.filter(|version| {
        let group = version.split('/').next().unwrap_or_default();
        group.ends_with(".k8s.io") || !group.contains('.')
    });
    let mut served = Vec::new();
    for version in std::iter::once("v1".to_owned()).chain(built_in) {
        let prefix = if version.contains('/') { "apis" } else { "api" };
        let list = read(&format!("/{prefix}/{version}"));
        for resource in list["resources"].as_array().unwrap() {
            let scope = if resource["namespaced"] == true { "namespaced" } else { "cluster" };
            let verbs = resource["verbs"].as_array().unwrap().iter().filter_map(Value::as_str);
            let name = resource["name"].as_str().unwrap();
            served.push(format!("{version} {name} {scope} {}", verbs.collect::<Vec<_>>().join(",")));
        }
    }
    let mut listed: Vec<&str> = DISCOVERY.lines().filter(|line| !line.starts_with('#')).collect();
    served.sort();
    listed.sort_unstable();
    assert_eq!(served, listed, "discovery.txt is stale: CONTRIBUTING.md says how it is made");
}
