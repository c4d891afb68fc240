use drawbridge_policy::{Attributes, Line};
use http::HeaderMap;
use http::header::{ACCEPT, HeaderValue};
use http_body_util::{Full, StreamBody};
use serde_json::json;

use super::super::form::{Masked, Reads};
use super::*;

fn form(accept: &'static str) -> Form {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    let asked = Attributes::parse(Line { method: "GET", path: "/api/v1/pods/x", query: None }).unwrap();
    Form::read(&headers, asked.query(), Reads::One, Masked::No).unwrap()
}

const PLAIN: &str = "application/json";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";

/// Hides what isn't there to be seen, and masks `secret`.
fn looks(object: &mut Value) -> Look {
    if let Some(secret) = object.get_mut("secret") {
        *secret = "masked".into();
    }
    if object.get("hide").is_some() { Look::Hidden } else { Look::Shown }
}

fn looked(accept: &'static str, answer: &Value) -> Result<Single, Fault> {
    single(form(accept), answer.to_string().as_bytes(), looks)
}

fn shown(accept: &'static str, answer: &Value) -> Value {
    match looked(accept, answer) {
        Ok(Single::Shown(bytes)) => serde_json::from_slice(&bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn table(object: &Value) -> Value {
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": { "resourceVersion": "5" },
        "columnDefinitions": [{ "name": "Name" }], "rows": [{ "cells": ["a"], "object": object }],
    })
}

#[test]
fn an_object_is_shown_as_the_look_left_it_in_the_form_that_was_asked_for() {
    let pod = json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "a" }, "secret": "value" });
    let masked =
        json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "a" }, "secret": "masked" });
    let partial = json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": { "name": "a" },
    });
    assert_eq!(shown(PLAIN, &pod), masked);
    assert_eq!(shown(METADATA, &pod), partial);
    assert_eq!(shown(TABLE, &table(&pod)), table(&partial));
    // Where an API has no tables.
    assert_eq!(shown(TABLE, &pod), masked);
}

#[test]
fn a_hidden_object_is_hidden_in_every_form() {
    let hidden = json!({ "kind": "Pod", "apiVersion": "v1", "hide": 1 });
    for accept in [PLAIN, METADATA, TABLE] {
        assert_eq!(looked(accept, &hidden), Ok(Single::Hidden));
    }
    assert_eq!(looked(TABLE, &table(&hidden)), Ok(Single::Hidden));
}

#[test]
fn a_status_is_told_from_an_object_of_a_kind_of_that_name() {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" });
    assert_eq!(looked(PLAIN, &status), Ok(Single::Status(status)));
    let object = json!({ "kind": "Status", "apiVersion": "example.com/v1", "hide": 1 });
    assert_eq!(looked(PLAIN, &object), Ok(Single::Hidden));
}

#[test]
fn what_cannot_be_looked_at_is_a_fault() {
    let pod = json!({ "kind": "Pod", "apiVersion": "v1" });
    assert!(looked(PLAIN, &table(&pod)).is_err());
    assert!(looked(METADATA, &table(&pod)).is_err());
    let partial = json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1" });
    assert!(looked(TABLE, &table(&partial)).is_err());
    for value in [json!([]), json!("x"), Value::Null] {
        assert!(looked(PLAIN, &value).is_err(), "{value}");
    }
    for text in ["", "{", "{}x", "{\"a\":1"] {
        assert!(single(form(PLAIN), text.as_bytes(), looks).is_err(), "{text}");
    }
}

#[tokio::test]
async fn an_answer_is_read_whole_up_to_the_bound_of_an_object() {
    let full = |length| Full::new(Bytes::from(vec![b'x'; length]));
    assert_eq!(whole(full(MAX_OBJECT)).await.map(|bytes| bytes.len()), Ok(MAX_OBJECT));
    assert_eq!(whole(full(MAX_OBJECT + 1)).await, Err(Fault::TooLarge(MAX_OBJECT)));
    let broken: [Result<http_body::Frame<Bytes>, &str>; 2] =
        [Ok(http_body::Frame::data(Bytes::from_static(b"{}"))), Err("broken off")];
    assert_eq!(whole(StreamBody::new(futures_util::stream::iter(broken))).await, Err(Fault::Short));
}
