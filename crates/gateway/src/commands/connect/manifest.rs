//! What a cluster's owner applies so that the gateway can act for agents, and nothing more.

use serde_json::{Value, json};

use super::ceiling::Ceiling;
use crate::cluster::AGENTS;

/// The gateway's own service account.
pub(super) const GATEWAY: &str = "drawbridge-system/drawbridge-gateway";
const SYSTEM: &str = "drawbridge-system";
const NAME: &str = "drawbridge-gateway";
const CEILING: &str = "drawbridge-ceiling";
const GROUP: &str = "rbac.authorization.k8s.io";

/// Who the gateway is in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gateway {
    /// Its own service account, by a token that it renews.
    Token,
    /// Its own service account, as a Pod of the cluster.
    Pod,
    /// Whoever its owner says.
    Named(String),
}

/// What is to be let in.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) gateway: Gateway,
    pub(super) ceiling: Ceiling,
    pub(super) token_review: bool,
}

/// An object, and where it lies in the API.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) path: String,
    pub(super) value: Value,
}

impl Object {
    /// `role/x` and the namespace.
    pub(super) fn said(&self) -> String {
        let text = |pointer: &str| self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let kind = text("/kind").to_lowercase();
        match text("/metadata/namespace") {
            "" => format!("{kind}/{}", text("/metadata/name")),
            namespace => format!("{kind}/{} in {namespace}", text("/metadata/name")),
        }
    }
}

/// All objects, in the order in which they can be applied.
pub(super) fn objects(wanted: &Wanted) -> Vec<Object> {
    let Wanted { gateway, ceiling, token_review } = wanted;
    let subject = subject(gateway);
    let own = matches!(gateway, Gateway::Token | Gateway::Pod);
    let mut all = vec![namespace(AGENTS)];
    if own {
        all.push(namespace(SYSTEM));
        all.push(account());
    }
    let impersonate =
        json!([{ "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"] }]);
    all.push(role(AGENTS, NAME, &impersonate));
    all.push(binding(AGENTS, NAME, &subject));
    if *gateway == Gateway::Token {
        // It may ask for the next token of its own, and for nobody else's.
        let renew = json!([{ "apiGroups": [""], "resources": ["serviceaccounts/token"],
            "resourceNames": [NAME], "verbs": ["create"] }]);
        all.push(role(SYSTEM, NAME, &renew));
        all.push(binding(SYSTEM, NAME, &subject));
    }
    all.push(cluster_binding("drawbridge-issuer-keys", "system:service-account-issuer-discovery", &subject));
    if *token_review {
        let review = json!([{ "apiGroups": ["authentication.k8s.io"],
            "resources": ["tokenreviews"], "verbs": ["create"] }]);
        all.push(cluster_role("drawbridge-token-review", &review));
        all.push(cluster_binding("drawbridge-token-review", "drawbridge-token-review", &subject));
    }
    let agents =
        json!({ "apiGroup": GROUP, "kind": "Group", "name": format!("system:serviceaccounts:{AGENTS}") });
    match ceiling {
        Ceiling::None => {}
        Ceiling::Role(role) => all.push(cluster_binding(CEILING, role, &agents)),
        Ceiling::Rules(rules) => {
            all.push(cluster_role(CEILING, rules));
            all.push(cluster_binding(CEILING, CEILING, &agents));
        }
    }
    all
}

fn subject(gateway: &Gateway) -> Value {
    let account = |namespace: &str, name: &str| {
        let (kind, namespace) = ("ServiceAccount", namespace.to_owned());
        json!({ "kind": kind, "namespace": namespace, "name": name })
    };
    match gateway {
        Gateway::Token | Gateway::Pod => account(SYSTEM, NAME),
        Gateway::Named(user) => {
            let name = user.strip_prefix("system:serviceaccount:");
            match name.and_then(|name| name.split_once(':')) {
                Some((namespace, name)) => account(namespace, name),
                None => json!({ "apiGroup": GROUP, "kind": "User", "name": user }),
            }
        }
    }
}

fn namespace(name: &str) -> Object {
    let value = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    Object { path: format!("/api/v1/namespaces/{name}"), value }
}

fn account() -> Object {
    let metadata = json!({ "name": NAME, "namespace": SYSTEM });
    let value = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata });
    Object { path: format!("/api/v1/namespaces/{SYSTEM}/serviceaccounts/{NAME}"), value }
}

fn role(namespace: &str, name: &str, rules: &Value) -> Object {
    let metadata = json!({ "name": name, "namespace": namespace });
    let value =
        json!({ "apiVersion": format!("{GROUP}/v1"), "kind": "Role", "metadata": metadata, "rules": rules });
    Object { path: format!("/apis/{GROUP}/v1/namespaces/{namespace}/roles/{name}"), value }
}

fn binding(namespace: &str, name: &str, subject: &Value) -> Object {
    let metadata = json!({ "name": name, "namespace": namespace });
    let role = json!({ "apiGroup": GROUP, "kind": "Role", "name": name });
    let value = json!({ "apiVersion": format!("{GROUP}/v1"), "kind": "RoleBinding", "metadata": metadata,
        "roleRef": role, "subjects": [subject] });
    Object { path: format!("/apis/{GROUP}/v1/namespaces/{namespace}/rolebindings/{name}"), value }
}

fn cluster_role(name: &str, rules: &Value) -> Object {
    let value = json!({ "apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRole",
        "metadata": { "name": name }, "rules": rules });
    Object { path: format!("/apis/{GROUP}/v1/clusterroles/{name}"), value }
}

fn cluster_binding(name: &str, role: &str, subject: &Value) -> Object {
    let role = json!({ "apiGroup": GROUP, "kind": "ClusterRole", "name": role });
    let value = json!({ "apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRoleBinding",
        "metadata": { "name": name },
        "roleRef": role, "subjects": [subject] });
    Object { path: format!("/apis/{GROUP}/v1/clusterrolebindings/{name}"), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbs(wanted: &Wanted) -> Vec<(String, Value)> {
        let all = objects(wanted);
        let rules = all.iter().filter_map(|object| Some((object.said(), object.value.get("rules")?.clone())));
        rules.collect()
    }

    #[test]
    fn the_gateway_gets_one_right_and_its_own_next_token() {
        let wanted = Wanted { gateway: Gateway::Token, ceiling: Ceiling::Role("view"), token_review: false };
        let given = verbs(&wanted);
        assert_eq!(given.len(), 2, "{given:?}");
        assert_eq!(
            given[0].1,
            json!([{ "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"] }])
        );
        assert_eq!(given[1].1[0]["resourceNames"], json!([NAME]));
        let named = Wanted { gateway: Gateway::Named("gate".to_owned()), ..wanted };
        assert_eq!(verbs(&named).len(), 1);
        let pod = Wanted { gateway: Gateway::Pod, ceiling: Ceiling::None, token_review: true };
        assert_eq!(verbs(&pod).len(), 2);
        assert!(!objects(&pod).iter().any(|object| object.said().contains("ceiling")));
    }

    #[test]
    fn the_example_that_is_shipped_is_what_connect_prints() {
        let shipped = include_str!("../../../../../deploy/examples/cluster-role.yaml");
        let shipped: Vec<Value> = serde_saphyr::from_multiple(shipped).unwrap();
        let wanted = Wanted { gateway: Gateway::Token, ceiling: Ceiling::Role("view"), token_review: false };
        let printed: Vec<Value> = objects(&wanted).into_iter().map(|object| object.value).collect();
        assert_eq!(printed, shipped);
    }

    #[test]
    fn a_service_account_is_bound_as_one_whatever_it_is_called() {
        let gateway = |user: &str| subject(&Gateway::Named(user.to_owned()));
        assert_eq!(
            gateway("system:serviceaccount:a:b"),
            json!({ "kind": "ServiceAccount", "namespace": "a", "name": "b" })
        );
        assert_eq!(gateway("ann")["kind"], "User");
    }

    #[test]
    fn an_agent_reaches_none_of_the_gateways_own_objects() {
        let wanted = Wanted { gateway: Gateway::Token, ceiling: Ceiling::Role("view"), token_review: true };
        for object in objects(&wanted) {
            let text = |pointer: &str| {
                object.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let (name, namespace) = (text("/metadata/name"), text("/metadata/namespace"));
            let own = [drawbridge_policy::AGENTS_NAMESPACE, SYSTEM];
            let builtin = own.contains(&namespace.as_str())
                || own.contains(&name.as_str())
                || name.starts_with("drawbridge");
            assert!(builtin, "{}", object.said());
        }
        assert_eq!(SYSTEM, drawbridge_policy::rules::SYSTEM_NAMESPACE);
    }
}
