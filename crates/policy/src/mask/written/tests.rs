//! What may be sent under a mask, and what may not.

use bytes::Bytes;

use super::*;
use crate::attributes::{Attributes, Line};
use crate::case::Case;
use crate::name::AgentName;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

fn mask(paths: &[&str]) -> Mask {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    Mask::parse(&paths).expect("a mask")
}

fn checked(paths: &[&str], line: (&str, Option<&str>), kind: &str, body: &[u8]) -> Result<(), MaskBreach> {
    let (method, query) = line;
    let path = match method {
        "PUT" | "PATCH" => "/api/v1/namespaces/a/secrets/b",
        _ => "/api/v1/namespaces/a/secrets",
    };
    let attributes = Attributes::parse(Line { method, path, query }).expect("readable");
    let payload = Payload::new(Some(kind), Bytes::copy_from_slice(body));
    let agent = AgentName::parse("a").expect("a name");
    mask(paths).check(&Case::new(agent, attributes, payload).expect("a readable body"))
}

fn send(paths: &[&str], method: &str, kind: &str, body: &[u8]) -> Option<&'static str> {
    checked(paths, (method, None), kind, body).map_err(|breach| breach.reason()).err()
}

fn patch(paths: &[&str], kind: &str, body: &str) -> Option<&'static str> {
    send(paths, "PATCH", kind, body.as_bytes())
}

#[test]
fn json_patches_cannot_test_copy_or_move_what_is_hidden() {
    for text in [
        r#"[{"op":"test","path":"/data/password","value":"x"}]"#,
        r#"[{"op":"test","path":"/data","value":{}}]"#,
        r#"[{"op":"test","path":"","value":{}}]"#,
        r#"[{"op":"test","path":"/data/password/deeper","value":"x"}]"#,
        r#"[{"op":"copy","from":"/data/password","path":"/metadata/annotations/x"}]"#,
        r#"[{"op":"copy","from":"/data","path":"/metadata/labels"}]"#,
        r#"[{"op":"move","from":"/data/password","path":"/type"}]"#,
        r#"[{"op":"move","from":"/type","path":"/data/password"}]"#,
        r#"[{"op":"copy","from":"","path":"/x"}]"#,
        r#"[{"op":"replace","path":"/type","value":"x"},{"op":"test","path":"/data/a","value":"x"}]"#,
        r#"[{"op":"copy","from":"/\u0064ata/a","path":"/x"}]"#,
        r#"[{"op":"test","path":"/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration","value":""}]"#,
        r#"[{"op":"copy","from":"/metadata/annotations","path":"/metadata/labels"}]"#,
        r#"[{"op":"copy","from":"/metadata","path":"/x"}]"#,
        r#"[{"op":"copy","from":"/metadata/managedFields/0","path":"/x"}]"#,
    ] {
        assert_eq!(patch(&["data.*"], JSON_PATCH, text), Some("mask-read"), "{text}");
    }
    for text in [
        r#"[{"op":"test","path":"/metadata/resourceVersion","value":"7"}]"#,
        r#"[{"op":"test","path":"/metadata/annotations/a","value":"7"}]"#,
        r#"[{"op":"copy","from":"/metadata/labels/a","path":"/metadata/labels/b"}]"#,
        r#"[{"op":"replace","path":"/metadata/labels/a","value":"x"}]"#,
        r#"[{"op":"remove","path":"/data/password"}]"#,
        r#"[{"op":"add","path":"/data","value":{}}]"#,
        r#"[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]"#,
    ] {
        assert_eq!(patch(&["data.*"], JSON_PATCH, text), None, "{text}");
    }
}

#[test]
fn json_patches_find_what_is_hidden_in_lists_however_they_point_at_it() {
    let env = &["spec.containers[*].env[*].value"];
    for at in ["0", "-", "-1", "+1", "00"] {
        let from = format!(r#"[{{"op":"copy","from":"/spec/containers/{at}/env/{at}/value","path":"/x"}}]"#);
        assert_eq!(patch(env, JSON_PATCH, &from), Some("mask-read"), "{at}");
        let above = format!(r#"[{{"op":"move","from":"/spec/containers/{at}","path":"/x"}}]"#);
        assert_eq!(patch(env, JSON_PATCH, &above), Some("mask-read"), "{at}");
        let whole = format!(r#"[{{"op":"copy","from":"/spec/{at}","path":"/x"}}]"#);
        assert_eq!(patch(&["spec.a"], JSON_PATCH, &whole), Some("mask-read"), "{at}");
        let beside = format!(r#"[{{"op":"test","path":"/spec/containers/{at}/image","value":"x"}}]"#);
        assert_eq!(patch(env, JSON_PATCH, &beside), None, "{at}");
    }
    let beside = r#"[{"op":"copy","from":"/data/user","path":"/x"}]"#;
    assert_eq!(patch(&["data.password"], JSON_PATCH, beside), None);
}

#[test]
fn hidden_values_of_an_object_that_is_there_cannot_be_guessed() {
    let guess = r#"{"data":{"password":"Z3Vlc3M="}}"#;
    for kind in [MERGE, STRATEGIC, APPLY] {
        assert_eq!(patch(&["data.*"], kind, guess), Some("mask-set"), "{kind}");
        assert_eq!(patch(&["data.user"], kind, guess), None, "{kind}");
        assert_eq!(patch(&["data.*"], kind, r#"{"data":{"password":null},"type":"x"}"#), None, "{kind}");
        assert_eq!(patch(&["data.*"], kind, r#"{"data":{}}"#), None, "{kind}");
        assert_eq!(patch(&["data.x"], kind, r#"{"data":["a"]}"#), Some("mask-set"), "{kind}");
        assert_eq!(patch(&["data[*]"], kind, guess), Some("mask-set"), "{kind}");
    }
    assert_eq!(send(&["data.*"], "PUT", JSON, guess.as_bytes()), Some("mask-set"));
    assert_eq!(send(&["data.*"], "PUT", JSON, br#"{"metadata":{"labels":{"a":"b"}}}"#), None);
    assert_eq!(send(&["data.*"], "POST", JSON, guess.as_bytes()), None);
    for text in [
        r#"[{"op":"add","path":"/data/password","value":"x"}]"#,
        r#"[{"op":"replace","path":"/data","value":{"password":"x"}}]"#,
        r#"[{"op":"replace","path":"","value":{"data":{"password":"x"}}}]"#,
        r#"[{"op":"add","path":"/data/password/deeper","value":"x"}]"#,
    ] {
        assert_eq!(patch(&["data.*"], JSON_PATCH, text), Some("mask-set"), "{text}");
    }
    let applied = format!(r#"{{"metadata":{{"annotations":{{"{LAST_APPLIED}":"guess"}}}}}}"#);
    assert_eq!(patch(&["data.*"], APPLY, &applied), Some("mask-set"));
    assert_eq!(patch(&["data.*"], MERGE, &applied), None, "kubectl apply writes it");
}

#[test]
fn directives_of_strategic_patches_are_about_the_field_they_name() {
    let list = &["metadata.finalizers[*]"];
    let guess = r#"{"metadata":{"$deleteFromPrimitiveList/finalizers":["guess"]}}"#;
    assert_eq!(patch(list, STRATEGIC, guess), Some("mask-set"));
    let order =
        r#"{"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"a","image":"x"}]}}"#;
    assert_eq!(patch(&["spec.containers[*].env[*].value"], STRATEGIC, order), None);
    assert_eq!(patch(&["spec.containers[*].name"], STRATEGIC, order), Some("mask-set"));
    assert_eq!(patch(&["data.*"], STRATEGIC, r#"{"data":{"$patch":"delete"}}"#), None);
    assert_eq!(patch(&["data.*"], MERGE, r#"{"data":{"$patch":"delete"}}"#), Some("mask-set"));
}

#[test]
fn what_a_mask_shows_cannot_be_sent_back_in_any_form() {
    let shown = r#"{"data":{"a":"DrawbridgeMasked"}}"#;
    let escaped = r#"{"data":{"a":"\u0044rawbridgeMasked"}}"#;
    let within = r#"{"metadata":{"annotations":{"a":"{\"x\":\"DrawbridgeMasked\"}"}}}"#;
    for text in [shown, escaped, within] {
        for kind in [MERGE, STRATEGIC, APPLY] {
            assert_eq!(patch(&["x"], kind, text), Some("mask-marker"), "{kind} {text}");
        }
        for method in ["PUT", "POST"] {
            assert_eq!(send(&["x"], method, JSON, text.as_bytes()), Some("mask-marker"), "{method} {text}");
        }
    }
    let operation = r#"[{"op":"add","path":"/x","value":"DrawbridgeMasked"}]"#;
    assert_eq!(patch(&["data"], JSON_PATCH, operation), Some("mask-marker"));
    assert_eq!(
        send(&["data"], "POST", "application/yaml", b"data: {a: DrawbridgeMasked}"),
        Some("mask-marker")
    );
    for bytes in [MARKER.as_bytes(), &DECODED] {
        let mut body = b"k8s\0\x12\x12\x0a\x10".to_vec();
        body.extend(bytes);
        body.resize(8 + 16, b' ');
        assert_eq!(send(&["data"], "POST", PROTOBUF, &body), Some("mask-marker"));
    }
}

#[test]
fn a_protobuf_object_is_not_taken_for_one_that_sets_nothing_hidden() {
    let body = b"k8s\0\x12\x05\x0a\x03\x0a\x01x";
    assert_eq!(send(&["data"], "PUT", PROTOBUF, body), Some("mask-protobuf"));
    assert_eq!(send(&["data"], "POST", PROTOBUF, body), None);
}

#[test]
fn refusals_hold_no_value_of_the_body() {
    let error = |body: &str| {
        let refused = checked(&["data.*"], ("PATCH", None), JSON_PATCH, body.as_bytes());
        refused.expect_err("refused").to_string()
    };
    let test = error(r#"[{"op":"test","path":"/data/a","value":"s3cret"}]"#);
    assert_eq!(test, "operation 0 of the JSON patch would test what is masked for you at data.*");
    let set = error(r#"[{"op":"add","path":"/data/a","value":"s3cret"}]"#);
    assert!(set.contains("data.*") && !set.contains("s3cret"), "{set}");
}

#[test]
fn requests_cannot_select_by_what_is_hidden() {
    let asks = |method, query| {
        checked(&["type", "metadata.labels.*"], (method, Some(query)), JSON, b"")
            .map_err(|breach| breach.reason())
    };
    for method in ["GET", "DELETE"] {
        assert_eq!(asks(method, "fieldSelector=type%3DOpaque"), Err("mask-selector"), "{method}");
        assert_eq!(asks(method, "labelSelector=team"), Err("mask-selector"), "{method}");
        assert_eq!(asks(method, "fieldSelector=metadata.name%3Da"), Ok(()), "{method}");
    }
    assert_eq!(asks("GET", "watch=1&labelSelector=team+in+(a)"), Err("mask-selector"));
}
