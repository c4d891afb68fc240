//! Identities as people read them.

use serde_json::Value;

use crate::identity::key::PublicKey;

/// An identity of a manifest in one line: a key by its fingerprint, any other as `kind value`.
pub(super) fn shown(identity: &Value) -> String {
    let key = identity.pointer("/key/publicKey").and_then(Value::as_str);
    if let Some(key) = key.and_then(|text| PublicKey::parse(text).ok()) {
        return format!("key {}", key.fingerprint());
    }
    match identity.as_object().and_then(|fields| fields.iter().next()) {
        Some((kind, Value::String(value))) => format!("{kind} {value}"),
        Some((kind, value)) => format!("{kind} {value}"),
        None => identity.to_string(),
    }
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
    }
}
