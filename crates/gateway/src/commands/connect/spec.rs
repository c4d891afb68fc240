//! The Cluster's manifest: the one that is known, reached in the new way.

use serde_json::{Map, Value, json};

use crate::manifest::API_VERSION;

/// What says how a cluster is reached. Connecting replaces these, and nothing else.
const ACCESS: [&str; 6] = ["kubeconfig", "inCluster", "server", "caFile", "tokenFile", "renewAs"];

/// Whether the cluster is asked of each token.
pub(super) fn reviews(known: &Value) -> bool {
    known.pointer("/spec/serviceAccounts/tokenReview") == Some(&Value::Bool(true))
}

/// The manifest that is known, or a new one, with this access. What else its owner wrote stays: connecting
/// again must not let tokens count for longer, nor take a label away that grants go by.
pub(super) fn with_access(known: Option<&Value>, name: &str, access: &Value, token_review: bool) -> Value {
    let object = |pointer: &str| {
        let found = known.and_then(|known| known.pointer(pointer)).and_then(Value::as_object);
        found.cloned().unwrap_or_default()
    };
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), json!(name));
    for field in ["labels", "annotations"] {
        let words = object(&format!("/metadata/{field}"));
        if !words.is_empty() {
            metadata.insert(field.to_owned(), Value::Object(words));
        }
    }
    let mut spec = object("/spec");
    spec.retain(|field, _| !ACCESS.contains(&field.as_str()));
    spec.extend(access.as_object().cloned().unwrap_or_default());
    if token_review {
        let mut tokens = object("/spec/serviceAccounts");
        tokens.insert("tokenReview".to_owned(), json!(true));
        spec.insert("serviceAccounts".to_owned(), Value::Object(tokens));
    }
    json!({ "apiVersion": API_VERSION, "kind": "Cluster", "metadata": metadata, "spec": spec })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Source, read};

    fn shown(manifest: &Value) -> Value {
        let text = crate::commands::yaml::document(manifest).unwrap();
        let read = read(&[Source { file: "x".to_owned(), text }]).unwrap();
        read.first().unwrap().get().to_json()
    }

    #[test]
    fn connecting_changes_how_a_cluster_is_reached_and_nothing_else() {
        let known = json!({ "apiVersion": API_VERSION, "kind": "Cluster",
            "metadata": { "name": "prod", "labels": { "tier": "one" }, "annotations": { "a": "b" } },
            "spec": { "server": "https://old.example", "caFile": "/old", "tokenFile": "/old",
                "renewAs": "a/b", "serviceAccounts": { "maxTokenLifetime": "2h", "tokenReview": true } } });
        let access = json!({ "inCluster": {} });
        let made = shown(&with_access(Some(&known), "prod", &access, false));
        assert_eq!(made["metadata"], shown(&known)["metadata"]);
        let tokens = json!({ "maxTokenLifetime": "2h", "tokenReview": true });
        assert_eq!(made["spec"], json!({ "inCluster": {}, "serviceAccounts": tokens }));
        assert!(reviews(&known) && reviews(&made));
    }

    #[test]
    fn token_review_is_asked_for_with_the_flag_and_not_without() {
        let access = json!({ "inCluster": {} });
        let plain = shown(&with_access(None, "prod", &access, false));
        assert_eq!(plain["spec"], access);
        assert!(!reviews(&plain));
        let asked = shown(&with_access(Some(&plain), "prod", &access, true));
        assert_eq!(asked["spec"]["serviceAccounts"], json!({ "tokenReview": true }));
        let long = json!({ "spec": { "serviceAccounts": { "maxTokenLifetime": "2h" } } });
        let both = shown(&with_access(Some(&long), "prod", &access, true));
        let tokens = json!({ "maxTokenLifetime": "2h", "tokenReview": true });
        assert_eq!(both["spec"]["serviceAccounts"], tokens);
    }
}
