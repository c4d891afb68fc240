//! Request lines → attributes: the corpus, whose expectations the API server's own RequestInfo made
//! (`oracle/`), and what must hold for every text.

use drawbridge_policy::{Attributes, Line, Unreadable};
use proptest::prelude::*;
use serde_json::{Value, json};

const ACCEPTED: &str = include_str!("../corpus/accepted.txt");
const EXPECTED: &str = include_str!("../corpus/accepted.jsonl");
const REFUSED: &str = include_str!("../corpus/refused.txt");

fn lines(corpus: &str) -> impl Iterator<Item = &str> {
    corpus.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn parse(line: &str) -> Result<Attributes, Unreadable> {
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Attributes::parse(Line { method, path, query })
}

/// The fields of `RequestInfo`, as the oracle writes them.
fn request_info(attributes: &Attributes) -> Value {
    let resource = attributes.resource();
    let text = |read: fn(&drawbridge_policy::Resource) -> &str| resource.map(read).unwrap_or_default();
    json!({
        "isResourceRequest": resource.is_some(),
        "path": attributes.plain_path(),
        "verb": attributes.verb().as_str(),
        "apiPrefix": attributes.api_prefix(),
        "apiGroup": text(|r| r.group()),
        "apiVersion": text(|r| r.version()),
        "namespace": text(|r| r.namespace()),
        "resource": text(|r| r.resource()),
        "subresource": text(|r| r.subresource()),
        "name": text(|r| r.name()),
        "parts": resource.map(|r| r.parts()).unwrap_or_default(),
        "fieldSelector": attributes.field_selector(),
        "labelSelector": attributes.label_selector(),
    })
}

#[test]
fn what_is_accepted_is_read_as_the_api_server_reads_it() {
    let expected: Vec<Value> =
        EXPECTED.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let accepted: Vec<&str> = lines(ACCEPTED).collect();
    assert_eq!(accepted.len(), expected.len(), "run the oracle again");
    assert!(accepted.len() >= 150);
    for (line, expected) in accepted.iter().zip(&expected) {
        let attributes = parse(line).unwrap_or_else(|refused| panic!("{line}: {refused}"));
        assert_eq!(&request_info(&attributes), expected, "{line}");
    }
}

#[test]
fn what_is_sent_is_read_as_what_was_decided() {
    for line in lines(ACCEPTED) {
        let attributes = parse(line).expect("readable");
        let sent = format!("{} {}", attributes.method().as_str(), attributes.path_and_query());
        assert_eq!(parse(&sent), Ok(attributes), "{line}");
    }
}

#[test]
fn what_is_refused_is_refused_for_its_class() {
    for line in lines(REFUSED) {
        let (reason, line) = line.split_once(' ').expect("a reason and a line");
        match parse(&raw(line)) {
            Ok(read) => panic!("{line}: read as {read}"),
            Err(refused) => {
                assert_eq!(refused.reason(), reason, "{line}");
                assert!(refused.to_string().len() < 300, "{line}");
            }
        }
    }
}

#[test]
fn overlong_lines_are_refused() {
    let path = format!("/api/v1/namespaces/a/pods/{}", "b".repeat(4096));
    let refused = Attributes::parse(Line { method: "GET", path: &path, query: None }).expect_err("too long");
    assert_eq!(refused.reason(), "path-too-long");
    let query = "a=".to_owned() + &"b".repeat(8192);
    let refused =
        Attributes::parse(Line { method: "GET", path: "/api", query: Some(&query) }).expect_err("too long");
    assert_eq!(refused.reason(), "query-too-long");
}

/// `\xNN` → the character with that number.
fn raw(line: &str) -> String {
    let mut pieces = line.split("\\x");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        text.push(char::from(u8::from_str_radix(digits, 16).expect("two digits")));
        text.push_str(rest);
    }
    text
}

/// Pieces of paths and queries, hostile ones too, so that many of the texts made of them are readable.
fn pieces(longest: usize) -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/",
        "/api",
        "/apis",
        "/v1",
        "/namespaces",
        "/a",
        "/pods",
        "/b",
        "/exec",
        "/status",
        "/proxy",
        "/watch",
        "apps",
        "x",
        "%3A",
        "%2f",
        "%2e",
        "%41",
        "%20",
        "..",
        ".",
        "%",
        "//",
        "\\",
        "?",
        "&",
        "=",
        "watch",
        "true",
        "fieldSelector",
        "metadata.name",
        "%3D",
        "labelSelector",
        "command",
        ";",
        "+",
        "%c3%a9",
        "é",
        "\0",
        "#",
        "-",
        "*",
    ]);
    prop::collection::vec(piece, 0..longest).prop_map(|pieces| pieces.concat())
}

fn method() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "CONNECT"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn reading_never_panics(method in any::<String>(), path in any::<String>(), query in any::<Option<String>>()) {
        let line = Line { method: &method, path: &path, query: query.as_deref() };
        if let Err(refused) = Attributes::parse(line) {
            prop_assert!(!refused.reason().is_empty());
        }
    }

    #[test]
    fn the_path_sent_is_the_path_decided(method in method(), path in pieces(12), query in pieces(8)) {
        let line = Line { method, path: &path, query: Some(&query) };
        if let Ok(attributes) = Attributes::parse(line) {
            let sent = format!("{method} {}", attributes.path_and_query());
            prop_assert!(sent.is_ascii());
            prop_assert_eq!(parse(&sent), Ok(attributes));
        }
    }
}
