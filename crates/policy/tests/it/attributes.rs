//! Request lines → attributes: the lines that were written by hand, and what must hold for every text.
//! What the API server makes of the lines is compared in `corpus.rs` and `equality.rs`.

use drawbridge_policy::{Attributes, Line, Unreadable};
use proptest::prelude::*;

const ACCEPTED: &str = include_str!("../corpus/accepted.txt");
const REFUSED: &str = include_str!("../corpus/refused.txt");

fn lines(corpus: &str) -> impl Iterator<Item = &str> {
    corpus.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn parse(line: &str) -> Result<Attributes, Unreadable> {
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Attributes::parse(Line { method, path, query })
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
