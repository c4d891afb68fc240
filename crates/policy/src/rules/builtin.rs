//! What every agent may do, and what none may, whatever its grants say (exception 5; discovery).

use crate::attributes::{Access, Attributes, Method, Resource, Verb};

/// The namespace that the gateway and the connector run in.
pub const SYSTEM_NAMESPACE: &str = "drawbridge-system";

/// The namespace whose service-account names the gateway impersonates. Nobody may create one in it.
pub const AGENTS_NAMESPACE: &str = "drawbridge-agents";

/// What the names of the gateway's own cluster-scoped objects begin with.
pub const OWN_PREFIX: &str = "drawbridge";

/// The paths of ClusterRole `system:discovery` (Kubernetes, "Using RBAC Authorization: API discovery
/// roles").
pub const DISCOVERY: [&str; 11] = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
];

/// Whether `system:discovery` would allow it: GET of one of its paths.
pub(crate) fn is_discovery(attributes: &Attributes) -> bool {
    attributes.resource().is_none()
        && attributes.verb() == Verb::Http(Method::Get)
        && DISCOVERY.iter().any(|url| super::matching::url_matches(url, attributes.plain_path()))
}

/// Why no grant can allow this, if none can.
pub(crate) fn denied(attributes: &Attributes) -> Option<&'static str> {
    let resource = attributes.resource()?;
    let access = attributes.access();
    if is_own(resource.namespace()) {
        return match (access, is_namespace_object(resource)) {
            (Access::Read, true) => None,
            (Access::Read | Access::Write, _) => {
                Some("this namespace belongs to the gateway, and no grant reaches it")
            }
        };
    }
    let own_object = is_rbac(resource.group()) && resource.name().starts_with(OWN_PREFIX);
    match (resource.resource(), attributes.verb()) {
        ("secrets", _) if attributes.reads_secrets() && resource.namespace().is_empty() => {
            Some("the Secrets of all namespaces include the gateway's own: name one namespace")
        }
        ("clusterroles" | "clusterrolebindings", Verb::DeleteCollection) if is_rbac(resource.group()) => {
            Some("this collection includes the gateway's own objects")
        }
        ("clusterroles" | "clusterrolebindings", _) if own_object && access == Access::Write => {
            Some("this object belongs to the gateway, and no grant reaches it")
        }
        ("namespaces", Verb::DeleteCollection) => {
            Some("this collection includes the gateway's own namespaces")
        }
        _ => None,
    }
}

fn is_own(namespace: &str) -> bool {
    namespace == SYSTEM_NAMESPACE || namespace == AGENTS_NAMESPACE
}

fn is_namespace_object(resource: &Resource) -> bool {
    resource.resource() == "namespaces" && resource.group().is_empty() && resource.subresource().is_empty()
}

fn is_rbac(group: &str) -> bool {
    matches!(group, "rbac.authorization.k8s.io" | "authorization.openshift.io")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Line;

    fn read(line: &str) -> Attributes {
        let (method, target) = line.split_once(' ').expect("method and target");
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Attributes::parse(Line { method, path, query }).expect("readable")
    }

    #[test]
    fn the_gateways_own_namespaces_and_objects_are_out_of_reach() {
        for line in [
            "GET /api/v1/namespaces/drawbridge-system/pods",
            "GET /apis/apps/v1/namespaces/drawbridge-agents/deployments/x",
            "POST /api/v1/namespaces/drawbridge-agents/serviceaccounts",
            "POST /api/v1/namespaces/drawbridge-system/pods/x/exec?command=sh",
            "DELETE /api/v1/namespaces/drawbridge-agents",
            "PUT /api/v1/namespaces/drawbridge-agents/status",
            "PUT /api/v1/namespaces/drawbridge-agents/finalize",
            "DELETE /api/v1/namespaces",
            "GET /api/v1/secrets",
            "GET /api/v1/secrets?watch=true",
            "GET /api/v1/secrets?fieldSelector=metadata.name%3Dx",
            "DELETE /apis/rbac.authorization.k8s.io/v1/clusterroles",
            "PATCH /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/drawbridge-agents",
        ] {
            assert!(denied(&read(line)).is_some(), "{line}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_rules() {
        for line in [
            "GET /api/v1/namespaces/drawbridge-system",
            "GET /api/v1/namespaces",
            "GET /api/v1/pods",
            "GET /api/v1/namespaces/a/secrets",
            "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/drawbridge-agents",
            "PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/other",
            "GET /metrics",
        ] {
            assert_eq!(denied(&read(line)), None, "{line}");
        }
    }

    #[test]
    fn discovery_is_get_of_the_paths_of_system_discovery() {
        for line in [
            "GET /api",
            "GET /apis/apps/v1",
            "GET /version",
            "GET /version/",
            "GET /openapi/v3",
            "GET /readyz",
        ] {
            assert!(is_discovery(&read(line)), "{line}");
        }
        for line in
            ["HEAD /api", "POST /apis", "GET /metrics", "GET /healthz/etcd", "GET /", "GET /api/v1/pods"]
        {
            assert!(!is_discovery(&read(line)), "{line}");
        }
    }
}
