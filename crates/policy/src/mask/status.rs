//! What is left of the cluster's errors under a mask.

use serde_json::{Map, Value, json};

/// The fields of a `Status` and of its `details` that repeat nothing of an object's contents. `message` is
/// not among them: a 422 quotes the values that it refuses, and what it was compared with, a 409 of apply the
/// members of sets.
const KEPT: [&str; 6] = ["kind", "apiVersion", "metadata", "status", "reason", "code"];
const KEPT_DETAILS: [&str; 5] = ["name", "group", "kind", "uid", "retryAfterSeconds"];

/// Takes what may be values of an object out of a `Status` that says that something failed: its message is
/// replaced by one of ours, and so are those of its causes. Code, reason, what object it is about, and which
/// fields were at fault stay, as far as these are plain words; everything else is dropped. A `Status` of
/// success, and what is no object, stay as they are.
///
/// The text of a failure that is no `Status` is the broker's to replace.
pub fn status(status: &mut Value) {
    let Value::Object(map) = status else { return };
    let code = map.get("code").and_then(Value::as_u64);
    if code.is_none_or(|code| code < 400) && map.get("status").is_some_and(|status| status == "Success") {
        return;
    }
    let mut left = only(map, &KEPT);
    left.retain(|key, value| key != "reason" || is_word(value));
    if left.contains_key("metadata") {
        left.insert("metadata".to_owned(), json!({}));
    }
    let details = map.get("details").and_then(Value::as_object).map(details);
    left.insert("message".to_owned(), message(code, &left, details.as_ref()).into());
    if let Some(details) = details {
        left.insert("details".to_owned(), details.into());
    }
    *map = left;
}

fn details(details: &Map<String, Value>) -> Map<String, Value> {
    let mut left = only(details, &KEPT_DETAILS);
    if let Some(causes) = details.get("causes").and_then(Value::as_array) {
        left.insert("causes".to_owned(), causes.iter().map(cause).collect());
    }
    left
}

fn cause(cause: &Value) -> Value {
    let mut left = Map::new();
    if let Some(reason) = cause.get("reason").filter(|reason| is_word(reason)) {
        left.insert("reason".to_owned(), reason.clone());
    }
    left.insert("message".to_owned(), "left out under a mask".into());
    if let Some(field) = cause.get("field").and_then(Value::as_str) {
        left.insert("field".to_owned(), plain(field).into());
    }
    left.into()
}

/// A field's path as far as it has only names and lists, without places in these: `spec.tags[="x"]` and
/// `data[key]` end before their bracket, since what is in it may be a member of a set, and so may a number.
fn plain(field: &str) -> String {
    let mut plain = String::new();
    let mut rest = field;
    loop {
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "._-/".contains(c))).unwrap_or(rest.len());
        let (names, after) = rest.split_at_checked(end).unwrap_or_default();
        plain.push_str(names);
        match after.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
            Some((place, after)) if !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit()) => {
                plain.push_str("[*]");
                rest = after;
            }
            Some(_) | None => return plain,
        }
    }
}

/// Only those of the keys whose values are no lists or objects, `metadata` aside.
fn only(map: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    let simple = |key: &str, value: &Value| key == "metadata" || !value.is_object() && !value.is_array();
    let kept = map.iter().filter(|(key, value)| keys.contains(&key.as_str()) && simple(key, value));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A reason is one word, of the API server's or of a webhook's choice.
fn is_word(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

fn message(code: Option<u64>, status: &Map<String, Value>, details: Option<&Map<String, Value>>) -> String {
    let text = |map: Option<&Map<String, Value>>, key: &str| {
        map.and_then(|map| map.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    let reason = match text(Some(status), "reason") {
        reason if reason.is_empty() => reason,
        reason => format!(" {reason}"),
    };
    let object = match (text(details, "kind"), text(details, "name")) {
        (kind, name) if kind.is_empty() || name.is_empty() => String::new(),
        (kind, name) => format!(" for {kind} {name:?}"),
    };
    format!(
        "the cluster answered{code}{reason}{object}; what else it said is left out, since it may repeat \
         values that are masked for you"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(mut value: Value) -> Value {
        status(&mut value);
        value
    }

    #[test]
    fn a_refused_value_is_taken_out_of_message_and_causes() {
        let answer = left(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {"x": "s3cret"}, "status": "Failure",
            "message": "Pod \"p\" is invalid: spec.a: Invalid value: \"s3cret\"", "reason": "Invalid", "code": 422,
            "details": {"name": "p", "kind": "Pod", "x": "s3cret", "causes": [
                {"reason": "FieldValueInvalid", "message": "Invalid value: \"s3cret\"", "field": "spec.a[0].b"},
                {"reason": "FieldManagerConflict", "message": "s3cret", "field": ".spec.tags[=\"s3cret\"]"},
                {"reason": "it is s3cret", "message": "s3cret", "field": "data[s3cret]", "x": "s3cret"},
            ]},
        }));
        assert!(!answer.to_string().contains("s3cret"), "{answer}");
        assert_eq!(
            answer,
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 422,
                "reason": "Invalid",
                "message": "the cluster answered 422 Invalid for Pod \"p\"; what else it said is left out, since it \
                            may repeat values that are masked for you",
                "details": {"name": "p", "kind": "Pod", "causes": [
                    {"reason": "FieldValueInvalid", "message": "left out under a mask", "field": "spec.a[*].b"},
                    {"reason": "FieldManagerConflict", "message": "left out under a mask", "field": ".spec.tags"},
                    {"message": "left out under a mask", "field": "data"},
                ]},
            })
        );
    }

    #[test]
    fn success_stays_as_it_is() {
        let done = json!({"kind": "Status", "status": "Success", "message": "m", "details": {"name": "p", "uid": "u"}});
        assert_eq!(left(done.clone()), done);
        assert_eq!(left(json!("text")), json!("text"));
    }

    #[test]
    fn what_does_not_say_that_it_is_a_success_is_taken_for_a_failure() {
        for status in [
            json!({"message": "s3cret"}),
            json!({"status": "Success", "code": 409, "message": "s3cret"}),
            json!({"status": 7, "code": "x", "message": ["s3cret"], "reason": {"a": "s3cret"}, "details": "s3cret"}),
        ] {
            let answer = left(status);
            assert!(!answer.to_string().contains("s3cret"), "{answer}");
            assert!(answer["message"].as_str().is_some_and(|text| text.contains("masked")));
        }
    }
}
