use drawbridge_policy::{Attributes, Line};
use http::HeaderMap;
use http::header::{ACCEPT, HeaderValue};
use proptest::prelude::*;
use serde_json::json;

use super::super::form::{Masked, Reads};
use super::super::{MAX_OBJECT, scan};
use super::*;

/// The form of a caller that sends this `Accept` and query.
fn form(accept: &'static str, query: &str) -> Form {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    let asked = Attributes::parse(Line { method: "GET", path: "/api/v1/pods", query: Some(query) }).unwrap();
    Form::read(&headers, asked.query(), Reads::List, Masked::No).unwrap()
}

fn plain() -> Form {
    form("application/json", "")
}

fn table(query: &str) -> Form {
    form("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", query)
}

fn metadata() -> Form {
    form("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "")
}

/// Shows what isn't marked `"hide": true`.
fn unmarked(object: &mut Value) -> Look {
    if object.get("hide") == Some(&Value::Bool(true)) { Look::Hidden } else { Look::Shown }
}

/// What is written of the pieces, and whether they were a list.
fn pieces<'a>(
    form: Form,
    looks: impl FnMut(&mut Value) -> Look + Send + 'static,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<(), Fault>) {
    let mut list = List::new(form, looks, |token| Ok(format!("sealed {token}")));
    let mut out = Vec::new();
    for piece in pieces {
        if let Err(fault) = list.feed(piece, &mut out) {
            return (out, Err(fault));
        }
    }
    let end = list.end();
    (out, end)
}

/// The same for a text in pieces of one size.
fn screened(form: Form, text: &str, size: usize) -> Result<Value, Fault> {
    let (out, end) = pieces(form, unmarked, text.as_bytes().chunks(size));
    end.map(|()| serde_json::from_slice(&out).expect("what is written is JSON"))
}

/// The same in pieces of every size; all must give the same.
fn in_every_size(form: Form, text: &str) -> Result<Value, Fault> {
    let whole = screened(form, text, text.len().max(1));
    for size in 1..text.len() {
        assert_eq!(screened(form, text, size), whole, "in pieces of {size}");
    }
    whole
}

#[test]
fn what_is_hidden_is_left_out_wherever_the_answer_is_cut() {
    let list = json!({
        "kind": "PodList", "apiVersion": "v1",
        "metadata": { "resourceVersion": "7", "continue": "abc", "remainingItemCount": 12 },
        "items": [
            { "metadata": { "name": "a" }, "text": "} ] \" \\ \\\" { [ \u{1F600} é", "items": [{}, [], "x"] },
            { "metadata": { "name": "b" }, "hide": true, "items": [1] },
            { "metadata": { "name": "c" }, "n": -1.5e300, "big": u64::MAX, "rows": null, "": "" },
        ],
    });
    let expected = json!({
        "kind": "PodList", "apiVersion": "v1",
        "metadata": { "resourceVersion": "7", "continue": "sealed abc" },
        "items": [list["items"][0], list["items"][2]],
    });
    for text in [list.to_string(), serde_json::to_string_pretty(&list).unwrap()] {
        assert_eq!(in_every_size(plain(), &text), Ok(expected.clone()));
    }
}

#[test]
fn members_come_in_any_order() {
    let parts = [
        r#""kind":"PodList""#,
        r#""apiVersion":"v1""#,
        r#""metadata":{"resourceVersion":"7","remainingItemCount":3}"#,
        r#""items":[{"a":1},{"hide":true}]"#,
    ];
    for turn in 0..4 {
        let turned: Vec<&str> = parts.iter().cycle().skip(turn).take(4).copied().collect();
        let text = format!("{{{}}}", turned.join(","));
        let expected = json!({
            "kind": "PodList", "apiVersion": "v1", "metadata": { "resourceVersion": "7" },
            "items": [{ "a": 1 }],
        });
        assert_eq!(in_every_size(plain(), &text), Ok(expected), "{text}");
    }
}

#[test]
fn empty_lists_stay_what_they_are() {
    for items in ["[]", "[ ]", "null"] {
        let text = format!(r#"{{"kind":"PodList","apiVersion":"v1","metadata":{{}},"items":{items}}}"#);
        let expected: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(in_every_size(plain(), &text), Ok(expected));
    }
    let hidden = r#"{"kind":"PodList","apiVersion":"v1","items":[{"hide":true},{"hide":true}]}"#;
    assert_eq!(in_every_size(plain(), hidden).unwrap()["items"], json!([]));
}

#[test]
fn what_is_no_list_or_not_all_of_it_never_ends_as_one() {
    let whole = r#"{"kind":"PodList","apiVersion":"v1","items":[{"a":"b"},{"c":[1]}]}"#;
    for end in 0..whole.len() {
        let cut = whole.get(..end).unwrap();
        assert_eq!(in_every_size(plain(), cut), Err(Fault::Short), "{cut}");
    }
    for text in [
        "[]",
        "nul",
        "\"items\"",
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[{}]} x",
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[{}]}{}",
        r#"{"kind":"PodList","apiVersion":"v1","items":[{}],"items":[{}]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[{}],"\u0069tems":[{}]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":null,"items":[{}]}"#,
        r#"{"kind":"PodList","kind":"PodList","apiVersion":"v1","items":[]}"#,
        r#"{"metadata":{},"metadata":{},"kind":"PodList","apiVersion":"v1","items":[]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[1]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[null]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[[]]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[{},]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[,{}]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[{} {}]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[{]]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[{"a":1}}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[{"a" 1}]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":{}}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":"x"}"#,
        r#"{"kind":"PodList","apiVersion":"v1","x":{],"items":[]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[],}"#,
        r#"{"kind":"PodList" "apiVersion":"v1","items":[]}"#,
        r#"{"kind":,"apiVersion":"v1","items":[]}"#,
        r#"{kind:"PodList","apiVersion":"v1","items":[]}"#,
        r#"{"kind":"PodList","apiVersion":"v1","metadata":{"continue":1},"items":[]}"#,
        r#"{"kind":"PodList","apiVersion":"v1"}"#,
        r#"{"kind":"PodList","items":[]}"#,
        r#"{"apiVersion":"v1","items":[]}"#,
        r#"{"kind":"Pod","apiVersion":"v1","items":[]}"#,
        r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#,
        r#"{"items":[{}],"kind":"Pod","apiVersion":"v1"}"#,
        r#"{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","items":[]}"#,
        r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[]}"#,
        r#"{"rows":[{"object":{}}],"kind":"Table","apiVersion":"meta.k8s.io/v1"}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[{"n":1e400}]}"#,
    ] {
        assert!(matches!(in_every_size(plain(), text), Err(Fault::Form(_))), "{text}");
    }
}

#[test]
fn what_is_not_known_beside_the_objects_is_not_written() {
    let text =
        r#"{"kind":"PodList","apiVersion":"v1","more":[{"secret":1}],"items":[],"Items":[{"secret":2}]}"#;
    assert_eq!(
        in_every_size(plain(), text),
        Ok(json!({ "kind": "PodList", "apiVersion": "v1", "items": [] }))
    );
}

#[test]
fn what_is_written_is_what_was_looked_at() {
    let text = r#"{"kind":"PodList","apiVersion":"v1","items":[{"a":"shown","a":"looked at"},{"b":1}]}"#;
    let looks = |object: &mut Value| {
        if object["a"] == "looked at" {
            object["a"] = "masked".into();
        }
        Look::Shown
    };
    let (out, end) = pieces(plain(), looks, text.as_bytes().chunks(7));
    assert_eq!(end, Ok(()));
    let out = String::from_utf8(out).unwrap();
    assert_eq!(
        out,
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[{\"a\":\"masked\"},{\"b\":1}]}\n"
    );
}

#[test]
fn a_look_gets_items_with_kind_and_version_and_they_are_written_as_they_came() {
    let text = r#"{"kind":"PodList","apiVersion":"v1","items":[{"a":1},{"kind":"X","apiVersion":"y"}]}"#;
    let looks = |object: &mut Value| {
        let known =
            [json!({ "a": 1, "kind": "Pod", "apiVersion": "v1" }), json!({ "kind": "X", "apiVersion": "y" })];
        if known.contains(object) { Look::Shown } else { Look::Hidden }
    };
    let (out, end) = pieces(plain(), looks, text.as_bytes().chunks(9));
    assert_eq!(end, Ok(()));
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), serde_json::from_str::<Value>(text).unwrap());
}

#[test]
fn an_object_is_written_before_the_next_one_has_come() {
    let mut list = List::new(plain(), unmarked, |_| Err(Fault::Short));
    let mut out = Vec::new();
    list.feed(br#"{"kind":"PodList","apiVersion":"v1","items":[{"a":1},{"hi"#, &mut out).unwrap();
    assert_eq!(out, br#"{"kind":"PodList","apiVersion":"v1","items":[{"a":1}"#);
}

#[test]
fn an_object_is_gathered_up_to_its_bound_and_no_further() {
    let mut list = List::new(plain(), unmarked, |_| Err(Fault::Short));
    let mut out = Vec::new();
    list.feed(br#"{"kind":"PodList","apiVersion":"v1","items":[{"a":""#, &mut out).unwrap();
    let piece = [b'x'; 64 * 1024];
    let fault = (0..=MAX_OBJECT / piece.len()).find_map(|_| list.feed(&piece, &mut out).err());
    assert_eq!(fault, Some(Fault::TooLarge(MAX_OBJECT)));
}

#[test]
fn metadata_is_made_from_whole_objects() {
    let text = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"t"},"items":[
        {"metadata":{"name":"a","labels":{"x":"y"}},"spec":{"secret":1}},{"metadata":{"name":"b"},"hide":true}]}"#;
    let expected = json!({
        "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
        "metadata": { "continue": "sealed t" },
        "items": [{
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": { "name": "a", "labels": { "x": "y" } },
        }],
    });
    assert_eq!(in_every_size(metadata(), text), Ok(expected));
}

const TABLE: &str = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1",
    "metadata":{"resourceVersion":"5","remainingItemCount":9,"continue":"t"},
    "columnDefinitions":[{"name":"Name","format":"name"},{"name":"Age"}],
    "rows":[{"cells":["a","1d"],"object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":1}},
            {"cells":["b","2d"],"more":1,"object":{"kind":"Pod","apiVersion":"v1","hide":true}},
            {"cells":["c","3d"],"conditions":[{"type":"Completed"}],"more":1,
             "object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"c"}}}]}"#;

#[test]
fn rows_are_shown_by_their_objects_and_carry_what_was_asked_for() {
    let partial = |name| json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": { "name": name } });
    let pod = |name| json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": name } });
    let mut first = pod("a");
    first["spec"] = 1.into();
    for (query, a, c) in [
        ("", partial("a"), partial("c")),
        ("includeObject=Metadata", partial("a"), partial("c")),
        ("includeObject=None", Value::Null, Value::Null),
        ("includeObject=Object", first, pod("c")),
    ] {
        let expected = json!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1",
            "metadata": { "resourceVersion": "5", "continue": "sealed t" },
            "columnDefinitions": [{ "name": "Name", "format": "name" }, { "name": "Age" }],
            "rows": [
                { "cells": ["a", "1d"], "object": a },
                { "cells": ["c", "3d"], "conditions": [{ "type": "Completed" }], "object": c },
            ],
        });
        assert_eq!(in_every_size(table(query), TABLE), Ok(expected), "{query}");
    }
}

#[test]
fn a_row_without_its_whole_object_is_a_fault() {
    for object in
        ["", r#","object":null"#, r#","object":{"kind":"PartialObjectMetadata"}"#, r#","object":[1]"#]
    {
        let rows = format!(r#"{{"cells":["secret"]{object}}}"#);
        let text = format!(r#"{{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[{rows}]}}"#);
        assert!(matches!(in_every_size(table(""), &text), Err(Fault::Form(_))), "{text}");
    }
}

#[test]
fn where_an_api_has_no_tables_its_list_is_screened_as_one() {
    let text = r#"{"kind":"PodList","apiVersion":"v1","items":[{"a":1},{"hide":true}]}"#;
    assert_eq!(in_every_size(table(""), text).unwrap()["items"], json!([{ "a": 1 }]));
    let both = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[],"items":[{}]}"#;
    assert!(in_every_size(table(""), both).is_err());
    let other = r#"{"kind":"Table","apiVersion":"example.com/v1","rows":[]}"#;
    assert!(in_every_size(table(""), other).is_err());
}

#[test]
fn a_watch_is_seeded_with_what_the_streaming_list_shows() {
    let looks = |object: &mut Value| {
        let shown = object["kind"] == "Pod" && object["metadata"]["labels"]["show"] == "yes";
        object["metadata"] = "masked".into();
        if shown { Look::Shown } else { Look::Hidden }
    };
    let pod = |name: &str, show: &str| json!({ "metadata": { "name": name, "labels": { "show": show } } });
    let [a, b] = [pod("a", "yes"), pod("b", "no")];
    let text = format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[{a},{b}]}}"#);
    let mut list: Value = serde_json::from_str(&text).unwrap();
    let (out, end) = pieces(plain(), looks, text.as_bytes().chunks(9));
    assert_eq!(
        (end, serde_json::from_slice::<Value>(&out).unwrap()["items"].as_array().unwrap().len()),
        (Ok(()), 1)
    );
    assert_eq!(shown(&mut list, looks), Ok(vec![Key::of(&pod("a", "yes"))]));
    assert_eq!(shown(&mut json!({ "kind": "PodList", "items": null }), looks), Ok(vec![]));
    for wrong in [json!({ "kind": "PodList" }), json!({ "kind": "Status", "items": [] }), json!([])] {
        assert!(shown(&mut wrong.clone(), looks).is_err(), "{wrong}");
    }
}

/// Any value that JSON can say, with texts that look like what stands around them.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![r#"[\[\]{}",:\\ a-zéア\n]{0,12}"#, Just("items".to_owned()), any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn item() -> impl Strategy<Value = Value> {
    (prop::collection::btree_map("[a-z]{0,3}", value(), 0..4), any::<bool>()).prop_map(|(map, hide)| {
        let mut item: serde_json::Map<String, Value> = map.into_iter().collect();
        item.insert("hide".to_owned(), hide.into());
        Value::Object(item)
    })
}

proptest! {
    #[test]
    fn cut_anywhere_the_list_is_what_is_left_of_it_parsed_whole(
        items in prop::collection::vec(item(), 0..8),
        pretty in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let list = json!({ "kind": "XList", "apiVersion": "g/v1", "metadata": {}, "items": items });
        let text = if pretty { serde_json::to_string_pretty(&list).unwrap() } else { list.to_string() };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let cut = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]);
        let (out, end) = pieces(plain(), unmarked, cut);
        prop_assert_eq!(end, Ok(()));
        let mut expected = list.clone();
        expected["items"].as_array_mut().unwrap().retain(|item| item["hide"] == false);
        prop_assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
    }

    #[test]
    fn whatever_comes_what_is_written_was_looked_at(bytes in "[\\[\\]{}\",:\\\\ a1]{0,40}") {
        let text = format!(r#"{{"kind":"XList","apiVersion":"v1","items":[{bytes}"#);
        let hide = |_: &mut Value| Look::Hidden;
        let (out, _) = pieces(plain(), hide, text.as_bytes().chunks(3));
        let head = r#"{"kind":"XList","apiVersion":"v1","items":["#;
        let out = String::from_utf8(out).unwrap();
        let rest = out.strip_prefix(head).unwrap();
        prop_assert!(matches!(rest, "" | "]" | "]}\n"), "{}", out);
    }
}

#[test]
fn numbers_are_written_as_they_were_read() {
    let numbers = "[39.430133835633676,0.1,-1.5,1e-7,5e-324,1.7976931348623157e+308,9007199254740993,-9223372036854775808,18446744073709551615]";
    let text = format!(r#"{{"kind":"XList","apiVersion":"v1","items":[{{"n":{numbers}}}]}}"#);
    let (out, end) = pieces(plain(), unmarked, text.as_bytes().chunks(5));
    assert_eq!(end, Ok(()));
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains(numbers), "{out}");
}

#[test]
fn what_json_calls_space_is_space() {
    let spaces: Vec<u8> = (0..=255).filter(|byte| scan::is_space(*byte)).collect();
    assert_eq!(spaces, b"\t\n\r ");
}
