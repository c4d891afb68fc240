//! Secret values never enter the record.

use drawbridge_policy::{Attributes, Payload};
use serde_json::Value;

/// Bodies longer than this are kept as their digest alone, so that the record can't be filled by one agent.
const KEPT: usize = 64 * 1024;
/// Stands where a value was.
const LEFT_OUT: &str = "(left out)";

/// The body as the record may keep it, or one sentence that says why it isn't kept.
pub fn content(attributes: &Attributes, payload: &Payload) -> Value {
    if payload.bytes().len() > KEPT {
        return Value::String(format!("(left out: over {KEPT} bytes)"));
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(payload.bytes()) else {
        return Value::String("(left out: not JSON)".to_owned());
    };
    let secret = attributes
        .resource()
        .is_some_and(|resource| resource.group().is_empty() && resource.resource() == "secrets");
    if secret || names_a_secret(&body) {
        redact(&mut body);
    }
    body
}

/// A Secret can also come inside something else: a List, or a body whose path says otherwise.
fn names_a_secret(body: &Value) -> bool {
    match body {
        Value::Object(fields) => {
            fields.get("kind").and_then(Value::as_str) == Some("Secret")
                || fields.values().any(names_a_secret)
        }
        Value::Array(items) => items.iter().any(names_a_secret),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Keeps a Secret's shape and drops every value that could be one of its own: in `data`, in `stringData`,
/// in annotations (last-applied repeats the whole object) and in JSON patch operations.
fn redact(body: &mut Value) {
    match body {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                match key.as_str() {
                    "data" | "stringData" | "annotations" | "value" | "managedFields" => drop_values(value),
                    _ => redact(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn drop_values(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(drop_values),
        Value::Array(items) => items.iter_mut().for_each(drop_values),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => *value = LEFT_OUT.into(),
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_policy::Line;

    use super::*;

    fn kept(path: &str, body: &str) -> String {
        let line = Line { method: "POST", path, query: None };
        let attributes = Attributes::parse(line).unwrap();
        let payload = Payload::new(Some("application/json"), bytes::Bytes::from(body.to_owned()));
        content(&attributes, &payload).to_string()
    }

    #[test]
    fn no_value_of_a_secret_is_kept() {
        let bodies = [
            r#"{"kind":"Secret","data":{"a":"c2VjcmV0"},"stringData":{"b":"secret"}}"#,
            r#"{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"secret"}}}"#,
            r#"[{"op":"add","path":"/data/a","value":"c2VjcmV0"},{"op":"add","path":"/data","value":{"x":"secret"}}]"#,
        ];
        for body in bodies {
            let kept = kept("/api/v1/namespaces/n/secrets", body);
            assert!(!kept.contains("secret\"") && !kept.contains("c2VjcmV0"), "{kept}");
            assert!(kept.contains(LEFT_OUT), "{kept}");
        }
    }

    #[test]
    fn a_secret_inside_something_else_is_seen() {
        let body = r#"{"kind":"List","items":[{"kind":"Secret","data":{"a":"c2VjcmV0"}}]}"#;
        assert!(!kept("/api/v1/namespaces/n/configmaps", body).contains("c2VjcmV0"));
    }

    #[test]
    fn other_bodies_are_kept_whole() {
        let body = r#"{"data":{"a":"b"},"kind":"ConfigMap"}"#;
        assert_eq!(kept("/api/v1/namespaces/n/configmaps", body), body);
    }
}
