//! Identities as people read them.

use serde_json::Value;

use crate::identity::key::PublicKey;

/// An identity of a manifest in one line: a key by its fingerprint, any other as `kind value`.
pub(super) fn shown(identity: &Value) -> String {
    let key = identity.pointer("/key/publicKey").and_then(Value::as_str);
    if let Some(key) = key.and_then(|text| PublicKey::parse(text).ok()) {
        return format!("key {}", key.fingerprint());
    }
    // With all its fields: two accounts may differ in nothing but the uid.
    let fields = identity.as_object().into_iter().flatten();
    let words: Vec<String> = fields
        .map(|(field, value)| match value {
            Value::String(value) => format!("{field} {value}"),
            value => format!("{field} {value}"),
        })
        .collect();
    if words.is_empty() { identity.to_string() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_shown_by_its_fingerprint_and_others_as_they_are() {
        let key = "ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";
        let shown_key = shown(&json!({"key": {"publicKey": key}}));
        assert!(shown_key.starts_with("key SHA256:"), "{shown_key}");
        assert_eq!(shown(&json!({"serviceAccount": "prod/a/b"})), "serviceAccount prod/a/b");
        assert_eq!(shown(&json!({"oidc": {"issuer": "x"}})), "oidc {\"issuer\":\"x\"}");
        assert_eq!(
            shown(&json!({"serviceAccount": "prod/a/b", "uid": "6f1c-2"})),
            "serviceAccount prod/a/b, uid 6f1c-2"
        );
    }
}
