use std::collections::BTreeMap;

use drawbridge_policy::{Attributes, Line};
use http::HeaderMap;
use http::header::{ACCEPT, HeaderValue};
use proptest::prelude::*;

use super::super::form::{Masked, Reads};
use super::*;

const PLAIN: &str = "application/json";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";

/// Shows what is labelled `show`, without its `secret`.
fn labelled(object: &mut Value) -> Look {
    if let Some(object) = object.as_object_mut() {
        object.remove("secret");
    }
    match object.pointer("/metadata/labels/show") {
        Some(_) => Look::Shown,
        None => Look::Hidden,
    }
}

fn watch(accept: &'static str, query: &str) -> Watch {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    let asked = Attributes::parse(Line { method: "GET", path: "/api/v1/pods", query: Some(query) }).unwrap();
    let form = Form::read(&headers, asked.query(), Reads::Watch, Masked::No).unwrap();
    Watch::new(form, asked.query(), labelled)
}

fn pod(name: &str, version: u32, shown: bool) -> Value {
    let labels = if shown { json!({ "show": "yes" }) } else { json!({}) };
    json!({
        "kind": "Pod", "apiVersion": "v1", "spec": { "text": "}{ \" \n" },
        "metadata": {
            "name": name, "namespace": "n", "uid": format!("uid of {name}"), "labels": labels,
            "resourceVersion": version.to_string(), "annotations": { "a": "b" },
        },
    })
}

/// What is left of a pod that may not be seen.
fn left(name: &str, version: u32) -> Value {
    let mut pod = pod(name, version, false);
    pod.as_object_mut().unwrap().remove("spec");
    for field in ["labels", "annotations"] {
        pod["metadata"].as_object_mut().unwrap().remove(field);
    }
    pod
}

fn event(kind: &str, object: &Value) -> Value {
    json!({ "type": kind, "object": object })
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

fn parsed(out: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(out).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect("an event on each line")).collect()
}

/// What is written of the text in pieces of one size.
fn screened(watch: &mut Watch, text: &str, size: usize) -> Result<Vec<Value>, Fault> {
    let mut out = Vec::new();
    for piece in text.as_bytes().chunks(size) {
        watch.feed(piece, &mut out)?;
    }
    watch.end()?;
    Ok(parsed(&out))
}

/// What a watch that has shown `seed` makes of these events, in pieces of every size up to a hundred and of
/// some larger ones.
fn seen(accept: &'static str, query: &str, seed: &[Value], events: &[Value]) -> Vec<Value> {
    let text = lines(events);
    let one = |size: usize| {
        let mut watch = watch(accept, query);
        watch.seed(seed.iter().map(Key::of)).unwrap();
        screened(&mut watch, &text, size).unwrap()
    };
    let whole = one(text.len().max(1));
    for size in (1..100).chain((100..text.len()).step_by(13)) {
        assert_eq!(one(size), whole, "in pieces of {size}");
    }
    whole
}

#[test]
fn an_object_is_added_when_it_begins_to_pass_and_deleted_when_it_stops() {
    let events = [
        event("ADDED", &pod("a", 1, false)),
        event("MODIFIED", &pod("a", 2, true)),
        event("MODIFIED", &pod("a", 3, true)),
        event("MODIFIED", &pod("a", 4, false)),
        event("MODIFIED", &pod("a", 5, false)),
        event("MODIFIED", &pod("a", 6, true)),
        event("DELETED", &pod("a", 7, true)),
        event("DELETED", &pod("b", 8, true)),
        event("DELETED", &pod("c", 9, false)),
    ];
    let expected = [
        event("ADDED", &pod("a", 2, true)),
        event("MODIFIED", &pod("a", 3, true)),
        event("DELETED", &left("a", 4)),
        event("ADDED", &pod("a", 6, true)),
        event("DELETED", &pod("a", 7, true)),
    ];
    assert_eq!(seen(PLAIN, "", &[], &events), expected);
}

#[test]
fn what_a_list_has_shown_is_known_to_the_watch_behind_it() {
    let seed = [pod("a", 1, true), pod("b", 1, true), pod("c", 1, true)];
    let events = [
        event("MODIFIED", &pod("a", 2, false)),
        event("DELETED", &pod("b", 3, false)),
        event("MODIFIED", &pod("c", 4, true)),
        event("DELETED", &pod("d", 5, true)),
    ];
    let expected = [
        event("DELETED", &left("a", 2)),
        event("DELETED", &left("b", 3)),
        event("MODIFIED", &pod("c", 4, true)),
    ];
    assert_eq!(seen(PLAIN, "", &seed, &events), expected);
}

#[test]
fn what_the_caller_knows_is_listed_unless_the_watch_begins_with_it() {
    for (query, version) in [
        ("", None),
        ("resourceVersion=", None),
        ("resourceVersion=0", None),
        ("resourceVersion=5", Some("5")),
        ("resourceVersion=5&sendInitialEvents=true", None),
        ("resourceVersion=5&sendInitialEvents=1", None),
        ("resourceVersion=5&sendInitialEvents=false", Some("5")),
        ("resourceVersion=5&sendInitialEvents=0", Some("5")),
    ] {
        let line = Line { method: "GET", path: "/api/v1/pods", query: Some(query) };
        assert_eq!(begins_behind(Attributes::parse(line).unwrap().query()), version, "{query}");
    }
}

#[test]
fn an_object_that_was_made_again_is_another() {
    let mut again = pod("a", 3, false);
    again["metadata"]["uid"] = "another".into();
    let events = [event("MODIFIED", &again), event("DELETED", &again), event("DELETED", &pod("a", 2, true))];
    let expected = [event("DELETED", &pod("a", 2, true))];
    assert_eq!(seen(PLAIN, "", &[pod("a", 1, true)], &events), expected);
}

#[test]
fn every_object_is_masked_also_in_its_last_event() {
    let mut secret = pod("a", 1, true);
    secret["secret"] = "value".into();
    for kind in ["ADDED", "MODIFIED", "DELETED"] {
        let seed = if kind == "ADDED" { vec![] } else { vec![pod("a", 1, true)] };
        let events = [event(kind, &secret)];
        assert_eq!(seen(PLAIN, "", &seed, &events), [event(kind, &pod("a", 1, true))]);
    }
}

fn bookmark(version: u32, annotations: &Value) -> Value {
    let metadata = json!({ "resourceVersion": version.to_string(), "annotations": annotations });
    event("BOOKMARK", &json!({ "kind": "Pod", "apiVersion": "v1", "metadata": metadata }))
}

#[test]
fn bookmarks_go_to_who_asked_for_them_and_say_nothing_else() {
    let mut padded = bookmark(4, &json!({ "more": "text" }));
    padded["object"]["spec"] = json!({ "containers": null });
    let events = [padded, bookmark(5, &json!({ INITIAL_END: "true", "more": "text" }))];
    let usual = event(
        "BOOKMARK",
        &json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "resourceVersion": "4" } }),
    );
    let end = bookmark(5, &json!({ INITIAL_END: "true" }));
    for (query, expected) in [
        ("", vec![]),
        ("allowWatchBookmarks=false", vec![]),
        ("allowWatchBookmarks=true", vec![usual.clone()]),
        ("sendInitialEvents=true", vec![]),
        ("allowWatchBookmarks=1&sendInitialEvents=1", vec![usual, end]),
    ] {
        assert_eq!(seen(PLAIN, query, &[], &events), expected, "{query}");
    }
}

#[test]
fn errors_pass_with_their_words() {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version: 5 (100)", "reason": "Expired", "code": 410,
    });
    for accept in [PLAIN, TABLE, METADATA] {
        let events = [event("ERROR", &status)];
        assert_eq!(seen(accept, "", &[], &events), events);
    }
}

#[test]
fn what_is_no_event_or_half_of_one_breaks_the_watch() {
    let added = lines(&[event("ADDED", &pod("a", 1, true))]);
    for end in 1..added.trim_end().len() {
        let cut = added.get(..end).unwrap();
        assert_eq!(screened(&mut watch(PLAIN, ""), cut, 7), Err(Fault::Short), "{cut}");
    }
    for text in [
        "null",
        "[]",
        "{}",
        r#"{"type":"ADDED"}"#,
        r#"{"type":"ADDED","object":null}"#,
        r#"{"type":"ADDED","object":[]}"#,
        r#"{"type":"OTHER","object":{}}"#,
        r#"{"type":"ERROR","object":{"kind":"Pod"}}"#,
        r#"{"type":"BOOKMARK","type":"ADDED","object":{}}"#,
        r#"{"type":"ADDED","object":{},"object":{"metadata":{"labels":{"show":1}}}}"#,
        r#"{"type":"ADDED","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[]}}"#,
        r#"{"type":"ADDED","object":{}},"#,
    ] {
        let fault = screened(&mut watch(PLAIN, ""), text, 5);
        assert!(matches!(fault, Err(Fault::Form(_))), "{text}: {fault:?}");
    }
    assert_eq!(screened(&mut watch(PLAIN, ""), " \n", 1), Ok(vec![]));
}

#[test]
fn metadata_is_made_from_whole_objects_and_what_is_left_of_them() {
    let partial = |object: &Value| {
        let metadata = &object["metadata"];
        json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
    };
    let events = [event("ADDED", &pod("a", 1, true)), event("MODIFIED", &pod("a", 2, false))];
    let expected = [event("ADDED", &partial(&pod("a", 1, true))), event("DELETED", &partial(&left("a", 2)))];
    assert_eq!(seen(METADATA, "", &[], &events), expected);
}

fn table(columns: &Value, cells: &Value, object: &Value) -> Value {
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": object["metadata"]["resourceVersion"] },
        "columnDefinitions": columns, "rows": [{ "cells": cells, "object": object }],
    })
}

#[test]
fn rows_are_screened_by_their_objects_and_the_first_that_is_shown_has_the_columns() {
    let columns = json!([{ "name": "Ready" }, { "name": "Name", "format": "name" }, { "name": "Node" }]);
    let row = |name: &str, version, shown, columns: &Value| {
        table(columns, &json!(["1/1", name, "node"]), &pod(name, version, shown))
    };
    let events = [
        event("ADDED", &row("hidden", 1, false, &columns)),
        event("ADDED", &row("a", 2, true, &Value::Null)),
        event("MODIFIED", &row("a", 3, false, &Value::Null)),
        event("BOOKMARK", &row("x", 4, true, &Value::Null)),
    ];
    let mut first = row("a", 2, true, &columns);
    first["rows"][0]["object"] = Value::Null;
    let mut last = table(&Value::Null, &json!(["<none>", "a", "<none>"]), &left("a", 3));
    last["rows"][0]["object"] = Value::Null;
    let mark = json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "resourceVersion": "4" } });
    let mut mark = table(&Value::Null, &json!(["<none>", "<none>", "<none>"]), &mark);
    mark["rows"][0]["object"] = Value::Null;
    let expected = [event("ADDED", &first), event("DELETED", &last), event("BOOKMARK", &mark)];
    assert_eq!(seen(TABLE, "includeObject=None&allowWatchBookmarks=true", &[], &events), expected);

    let whole = seen(TABLE, "includeObject=Object", &[], &events);
    assert_eq!(whole[0]["object"]["rows"][0]["object"], pod("a", 2, true));
    assert_eq!(whole[1]["object"]["rows"][0]["object"], left("a", 3));
}

#[test]
fn a_table_that_is_not_about_one_whole_object_breaks_the_watch() {
    let rows = |rows: Value| {
        let table = json!({ "kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": rows });
        screened(&mut watch(TABLE, ""), &event("ADDED", &table).to_string(), 11)
    };
    let row = json!({ "cells": ["a"], "object": pod("a", 1, true) });
    assert!(rows(json!([row])).is_ok());
    for wrong in [json!([]), json!([row, row]), json!([{ "cells": ["a"] }]), Value::Null] {
        assert!(matches!(rows(wrong), Err(Fault::Form(_))));
    }
}

#[test]
fn over_its_bound_a_watch_ends_with_an_event_that_says_so() {
    let mut watch = watch(PLAIN, "");
    watch.screen.keys = Keys::new(1);
    let mut out = Vec::new();
    let events = lines(&[
        event("ADDED", &pod("a", 1, true)),
        event("ADDED", &pod("b", 2, true)),
        event("ADDED", &pod("c", 3, true)),
    ]);
    watch.feed(events.as_bytes(), &mut out).unwrap();
    let out = parsed(&out);
    assert_eq!((out.len(), &out[1]["type"]), (2, &json!("ERROR")));
    let message = out[1]["object"]["message"].as_str().unwrap();
    assert!(message.starts_with("this watch shows more than 1 objects"), "{message}");
    assert!(watch.is_over());
}

#[test]
fn an_event_is_gathered_up_to_its_bound_and_then_the_watch_says_so() {
    let mut watch = watch(PLAIN, "");
    let mut out = Vec::new();
    watch.feed(br#"{"type":"ADDED","object":{"a":""#, &mut out).unwrap();
    let piece = [b'x'; 64 * 1024];
    let mut fed = 0;
    while !watch.is_over() {
        watch.feed(&piece, &mut out).unwrap();
        fed += piece.len();
        assert!(fed <= MAX_OBJECT + piece.len());
    }
    assert_eq!(parsed(&out)[0]["object"]["code"], 500);
}

#[test]
fn an_expired_watch_tells_its_caller_to_begin_anew() {
    let mut watch = watch(PLAIN, "");
    let mut out = Vec::new();
    watch.expire("the grant changed", &mut out).unwrap();
    let told = &parsed(&out)[0];
    assert_eq!((&told["type"], &told["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(told["object"]["reason"], "Expired");
    assert!(watch.is_over());
}

/// A change of one of three pods: what it is, and whether it passes.
fn steps() -> impl Strategy<Value = Vec<(usize, Option<bool>)>> {
    prop::collection::vec((0..3_usize, prop::option::of(any::<bool>())), 0..30)
}

proptest! {
    #[test]
    fn who_follows_the_events_knows_exactly_what_passes(steps in steps(), size in 1..400_usize) {
        let names = ["a", "b", "c"];
        let (mut there, mut events) = (BTreeMap::new(), Vec::new());
        for (version, (which, state)) in (1..).zip(steps) {
            let name = names[which];
            let kind = match (state, there.contains_key(name)) {
                (None, false) => continue,
                (None, true) => "DELETED",
                (Some(_), true) => "MODIFIED",
                (Some(_), false) => "ADDED",
            };
            let object = pod(name, version, state.unwrap_or(version % 2 == 0));
            match state {
                None => there.remove(name),
                Some(_) => there.insert(name, object.clone()),
            };
            events.push(event(kind, &object));
        }
        there.retain(|_, object| labelled(object) == Look::Shown);
        let mut known = BTreeMap::new();
        for event in screened(&mut watch(PLAIN, ""), &lines(&events), size).unwrap() {
            let object = event["object"].clone();
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            match event["type"].as_str().unwrap() {
                "ADDED" => prop_assert!(known.insert(name, object).is_none()),
                "MODIFIED" => prop_assert!(known.insert(name, object).is_some()),
                "DELETED" => prop_assert!(known.remove(&name).is_some()),
                other => prop_assert!(false, "{}", other),
            }
        }
        let there: BTreeMap<String, Value> = there.into_iter().map(|(name, object)| (name.to_owned(), object)).collect();
        prop_assert_eq!(known, there);
    }
}
