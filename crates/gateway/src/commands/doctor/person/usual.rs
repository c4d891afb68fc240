//! What Kubernetes itself puts into every cluster, by what it says and not by its label: a label stays where
//! somebody adds a subject or a rule.

use crate::cluster::review::Right;
use crate::commands::rbac::{Binding, Subject};

/// Where everyone may read: the API's description, its version and health, and the issuer's public keys.
const PUBLIC: [&str; 8] =
    ["/api", "/apis", "/healthz", "/livez", "/openapi", "/openid", "/readyz", "/version"];
/// Whoever is asked about is the asker.
const ABOUT_ONESELF: [&str; 3] =
    ["selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews"];

/// Whether Kubernetes binds this subject here, or it is one of its parts that may do everything anyway.
pub(super) fn is_usual(binding: &Binding, subject: &Subject) -> bool {
    let controller = binding.name.strip_prefix("system:controller:");
    let everywhere = binding.namespace.is_none();
    if everywhere && binding.name == "cluster-admin" {
        return *subject == Subject::Group("system:masters".to_owned());
    }
    match subject {
        Subject::User(name) => matches!(
            name.as_str(),
            "system:apiserver"
                | "system:kube-controller-manager"
                | "system:kube-proxy"
                | "system:kube-scheduler"
        ),
        Subject::Group(name) => name == "system:masters",
        // Each controller has a binding of its own.
        Subject::Account(namespace, name) => {
            namespace == "kube-system" && controller.is_none_or(|controller| controller == name)
        }
    }
}

/// Whether it gives anything that Kubernetes doesn't give everyone who has logged in.
pub(super) fn has_anything(binding: &Binding) -> bool {
    !binding.rules.iter().all(is_everyones)
}

fn is_everyones(rule: &Right) -> bool {
    let all = |words: &[String], known: &[&str]| words.iter().all(|word| known.contains(&word.as_str()));
    if rule.resources.is_empty() {
        let reads = all(&rule.verbs, &["get", "head"]);
        return reads && rule.non_resource_urls.iter().all(|url| is_public(url));
    }
    let asks = all(&rule.verbs, &["create"])
        && all(&rule.api_groups, &["authentication.k8s.io", "authorization.k8s.io"])
        && all(&rule.resources, &ABOUT_ONESELF);
    let trusts = all(&rule.verbs, &["get", "list", "watch"])
        && all(&rule.api_groups, &["certificates.k8s.io"])
        && all(&rule.resources, &["clustertrustbundles"]);
    rule.non_resource_urls.is_empty() && (asks || trusts)
}

fn is_public(url: &str) -> bool {
    let rest = PUBLIC.iter().filter_map(|base| url.strip_prefix(base));
    let mut rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    rest.next().is_some() || url.trim_end_matches('/') == "/.well-known/openid-configuration"
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn binding(name: &str, rules: &Value) -> Binding {
        Binding {
            name: name.to_owned(),
            namespace: None,
            role: ("ClusterRole".to_owned(), name.to_owned()),
            subjects: Vec::new(),
            rules: serde_json::from_value(rules.clone()).unwrap(),
        }
    }

    #[test]
    fn whoever_was_added_to_what_kubernetes_binds_is_not_usual() {
        let account = |name: &str| Subject::Account("kube-system".to_owned(), name.to_owned());
        let user = |name: &str| Subject::User(name.to_owned());
        let group = |name: &str| Subject::Group(name.to_owned());
        for (name, usual, added) in [
            ("cluster-admin", group("system:masters"), group("devs")),
            ("cluster-admin", group("system:masters"), account("default")),
            ("cluster-admin", group("system:masters"), user("system:kube-scheduler")),
            ("system:controller:job-controller", account("job-controller"), account("default")),
            ("system:controller:job-controller", account("job-controller"), group("devs")),
            ("system:kube-scheduler", user("system:kube-scheduler"), user("system:kube-me")),
            ("system:node", group("system:masters"), group("system:nodes")),
        ] {
            let bound = binding(name, &json!([]));
            assert!(is_usual(&bound, &usual), "{name} {usual}");
            assert!(!is_usual(&bound, &added), "{name} {added}");
        }
    }

    #[test]
    fn a_rule_that_was_added_to_a_role_of_everyones_is_seen() {
        let has = |rules: Value| has_anything(&binding("system:basic-user", &rules));
        let usual = json!({ "verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"] });
        let urls = json!({ "verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/version/", "/healthz",
            "/openid/v1/jwks", "/.well-known/openid-configuration/"] });
        assert!(!has(json!([usual, urls])));
        assert!(!has(json!([])));
        for added in [
            json!({ "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"] }),
            json!({ "verbs": ["*"], "nonResourceURLs": ["/api"] }),
            json!({ "verbs": ["get"], "nonResourceURLs": ["*"] }),
            json!({ "verbs": ["get"], "nonResourceURLs": ["/metrics"] }),
            json!({ "verbs": ["get"], "nonResourceURLs": ["/apiary"] }),
            json!({ "verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
                "resources": ["subjectaccessreviews"] }),
        ] {
            assert!(has(json!([usual, added])), "{added}");
        }
    }
}
