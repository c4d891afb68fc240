//! What every agent may do, and what none may, whatever its grants say (exception 5; discovery).

use crate::attributes::{Attributes, CLUSTER_RIGHTS, NAMESPACES};
use crate::body::Called;

use super::ask::{Ask, On};

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
    attributes.resource().is_none() && discovers(attributes.verb().as_str(), attributes.plain_path())
}

/// Whether a path is one of `system:discovery`'s.
#[must_use]
pub fn is_discovery_path(path: &str) -> bool {
    discovers("get", path)
}

/// The same of a path alone.
pub(crate) fn discovers(verb: &str, path: &str) -> bool {
    verb == "get" && DISCOVERY.iter().any(|url| super::matching::url_matches(url, path))
}

/// Core Secrets.
pub(crate) const SECRETS: (&str, &str) = ("", "secrets");

/// Something that no grant can allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// What is refused.
    pub what: &'static str,
    /// What the caller is told, after "may not …: ".
    pub why: &'static str,
}

/// Everything that no grant can allow.
pub const BUILT_INS: [BuiltIn; 6] =
    [IN_OWN_NAMESPACE, ALL_SECRETS, ALL_NAMESPACES, NEW_NAMESPACE, OWN_OBJECTS, NEW_OBJECT];

const IN_OWN_NAMESPACE: BuiltIn = BuiltIn {
    what: "Everything in the namespaces drawbridge-system and drawbridge-agents, and every change of these \
           two; they can be read.",
    why: "this namespace belongs to the gateway, and no grant reaches it",
};

const ALL_SECRETS: BuiltIn = BuiltIn {
    what: "A list or watch of the Secrets of all namespaces.",
    why: "the Secrets of all namespaces include the gateway's own: name one namespace",
};

const ALL_NAMESPACES: BuiltIn = BuiltIn {
    what: "Deleting the collection of all namespaces.",
    why: "this collection includes the gateway's own namespaces",
};

const NEW_NAMESPACE: BuiltIn = BuiltIn {
    what: "Creating a namespace that is, or from its generateName could become, one of the gateway's.",
    why: "a namespace of this name belongs to the gateway, and no grant makes one",
};

const OWN_OBJECTS: BuiltIn = BuiltIn {
    what: "Changing or deleting cluster roles and cluster role bindings whose names begin with drawbridge, \
           and deleting the collection of all.",
    why: "the gateway's own cluster roles and bindings are among these, and no grant reaches them",
};

const NEW_OBJECT: BuiltIn = BuiltIn {
    what: "Creating a cluster role or a cluster role binding whose name begins with drawbridge, or could \
           from its generateName.",
    why: "objects whose names begin so belong to the gateway, and no grant makes one",
};

/// Why no grant can allow this, if none can. `called` is a new object's name, which stands in its body.
pub(crate) fn denied(attributes: &Attributes, called: Option<&Called>) -> Option<BuiltIn> {
    match Ask::of(attributes) {
        Ask::Path { .. } => None,
        Ask::Resource(on) => denied_on(on, called),
    }
}

/// The same of a verb on a resource, whether or not a request has that verb. What doesn't read writes.
pub(crate) fn denied_on(on: On<'_>, called: Option<&Called>) -> Option<BuiltIn> {
    let written = !["get", "list", "watch"].contains(&on.verb);
    if is_own(on.namespace) {
        return (written || !is_namespace_object(on)).then_some(IN_OWN_NAMESPACE);
    }
    let kind = (on.group, on.resource);
    if !written && kind == SECRETS && on.namespace.is_empty() {
        return Some(ALL_SECRETS);
    }
    let collection = on.verb == "deletecollection";
    if written && NAMESPACES.contains(&kind) {
        return match called {
            _ if collection => Some(ALL_NAMESPACES),
            Some(called) if could_be_own_namespace(called) => Some(NEW_NAMESPACE),
            _ => is_own(on.name).then_some(IN_OWN_NAMESPACE),
        };
    }
    if written && CLUSTER_RIGHTS.contains(&kind) {
        return match called {
            Some(called) if could_be_own_object(called) => Some(NEW_OBJECT),
            _ => (collection || on.name.starts_with(OWN_PREFIX)).then_some(OWN_OBJECTS),
        };
    }
    None
}

/// Of a name in the making the API server adds the end: what could become one of the gateway's is refused.
fn could_be_own_namespace(called: &Called) -> bool {
    match called {
        Called::Name(name) => is_own(name),
        Called::Beginning(text) => SYSTEM_NAMESPACE.starts_with(text) || AGENTS_NAMESPACE.starts_with(text),
    }
}

fn could_be_own_object(called: &Called) -> bool {
    match called {
        Called::Name(name) => name.starts_with(OWN_PREFIX),
        Called::Beginning(text) => text.starts_with(OWN_PREFIX) || OWN_PREFIX.starts_with(text),
    }
}

fn is_own(namespace: &str) -> bool {
    namespace == SYSTEM_NAMESPACE || namespace == AGENTS_NAMESPACE
}

fn is_namespace_object(on: On<'_>) -> bool {
    on.resource == "namespaces" && on.group.is_empty() && on.subresource.is_empty()
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
            "DELETE /apis/project.openshift.io/v1/projects/drawbridge-agents",
            "DELETE /apis/project.openshift.io/v1/projects",
        ] {
            assert!(denied(&read(line), None).is_some(), "{line}");
        }
    }

    #[test]
    fn nothing_is_made_under_one_of_the_gateways_own_names() {
        let name = |text: &str| Called::Name(text.to_owned());
        let beginning = |text: &str| Called::Beginning(text.to_owned());
        let namespaces = "POST /api/v1/namespaces";
        let roles = "POST /apis/rbac.authorization.k8s.io/v1/clusterroles";
        for (line, called) in [
            (namespaces, name("drawbridge-system")),
            (namespaces, name("drawbridge-agents")),
            (namespaces, beginning("drawbridge-")),
            (namespaces, beginning("drawbridge-agents")),
            ("POST /apis/project.openshift.io/v1/projectrequests", name("drawbridge-system")),
            (roles, name("drawbridge")),
            (roles, name("drawbridge-ceiling")),
            (roles, beginning("draw")),
            (roles, beginning("drawbridge-x-")),
            ("POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings", name("drawbridge-ceiling")),
        ] {
            assert!(denied(&read(line), Some(&called)).is_some(), "{line} {called:?}");
        }
        for (line, called) in [
            (namespaces, name("")),
            (namespaces, name("drawbridge-agents-2")),
            (namespaces, beginning("ci-")),
            (roles, name("my-drawbridge")),
            (roles, beginning("my-")),
        ] {
            assert_eq!(denied(&read(line), Some(&called)), None, "{line} {called:?}");
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
            assert_eq!(denied(&read(line), None), None, "{line}");
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
