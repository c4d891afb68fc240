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
    if holds_secrets(attributes) || names_a_secret(&body) {
        redact(&mut body);
    }
    body
}

/// What a request for Secrets or for a token's review carries is secret, however it is written.
fn holds_secrets(attributes: &Attributes) -> bool {
    attributes.resource().is_some_and(|resource| {
        matches!(
            (resource.group(), resource.resource()),
            ("", "secrets") | ("authentication.k8s.io", "tokenreviews")
        )
    })
}

/// A Secret can also come inside something else: a List, or a body whose path says otherwise.
fn names_a_secret(body: &Value) -> bool {
    match body {
        Value::Object(fields) => {
            matches!(fields.get("kind").and_then(Value::as_str), Some("Secret" | "TokenReview"))
                || fields.values().any(names_a_secret)
        }
        Value::Array(items) => items.iter().any(names_a_secret),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Fields of a Secret, of a JSON patch's operation and of delete options that say what is meant and hold no
/// value.
const SAYS: [&str; 13] = [
    "apiVersion",
    "kind",
    "type",
    "immutable",
    "op",
    "path",
    "from",
    "gracePeriodSeconds",
    "preconditions",
    "orphanDependents",
    "propagationPolicy",
    "dryRun",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
];

/// Fields of an object's metadata that say which it is. Annotations aren't among them: last-applied repeats
/// the whole object.
const NAMES: [&str; 10] = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "finalizers",
    "ownerReferences",
];

/// Keeps the shape, and of the values only those of known fields that hold none of a Secret's: a misspelt
/// `stringData` isn't stored by the cluster, and is a secret all the same.
fn redact(body: &mut Value) {
    match body {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                match key.as_str() {
                    "metadata" => redact_metadata(value),
                    "items" => redact(value),
                    key if SAYS.contains(&key) => {}
                    _ => drop_values(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => drop_values(body),
    }
}

fn redact_metadata(metadata: &mut Value) {
    match metadata {
        Value::Object(fields) => {
            let others = fields.iter_mut().filter(|(key, _)| !NAMES.contains(&key.as_str()));
            others.for_each(|(_, value)| drop_values(value));
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            drop_values(metadata);
        }
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
            r#"[{"op":"add","path":"/data/a","value":"c2VjcmV0"}]"#,
            r#"[{"op":"add","path":"/data","value":{"x":"secret"}}]"#,
            r#"{"kind":"Secret","data":{"name":"c2VjcmV0","type":"c2VjcmV0"}}"#,
            r#"{"kind":"Secret","data":{"metadata":{"name":"c2VjcmV0"}}}"#,
            r#"{"kind":"Secret","stringdata":{"a":"secret"},"metadata":["secret"]}"#,
            r#""secret""#,
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
    fn what_is_meant_is_kept() {
        let path = "/api/v1/namespaces/n/secrets";
        for body in [
            r#"{"kind":"Secret","metadata":{"labels":{"a":"b"},"name":"x"},"type":"Opaque"}"#,
            r#"[{"from":"/data/b","op":"move","path":"/data/a"}]"#,
            r#"{"dryRun":["All"],"preconditions":{"uid":"u"}}"#,
        ] {
            assert_eq!(kept(path, body), body);
        }
    }

    #[test]
    fn a_token_that_is_reviewed_is_not_kept() {
        let body = r#"{"kind":"TokenReview","spec":{"token":"secret"}}"#;
        for path in ["/apis/authentication.k8s.io/v1/tokenreviews", "/api/v1/namespaces/n/configmaps"] {
            assert!(!kept(path, body).contains("secret"));
        }
    }

    #[test]
    fn other_bodies_are_kept_whole() {
        let body = r#"{"data":{"a":"b"},"kind":"ConfigMap"}"#;
        assert_eq!(kept("/api/v1/namespaces/n/configmaps", body), body);
    }
}
