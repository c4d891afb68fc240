//! The resource that a path names.

/// What a resource path names. An accessor answers "" where there is nothing, as `RequestInfo` does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    api_prefix: String,
    group: String,
    version: String,
    namespace: String,
    resource: String,
    subresource: String,
    name: String,
    parts: Vec<String>,
}

/// What a path is.
#[derive(Debug)]
pub(super) enum Target {
    /// No resource: discovery, health, metrics, ….
    Plain,
    /// A resource.
    Resource(Resource),
    /// `/watch/` or `/proxy/` right after the version.
    Legacy(&'static str),
}

/// Namespaces, under each name that they are known by.
pub(crate) const NAMESPACES: [(&str, &str); 3] =
    [("", "namespaces"), ("project.openshift.io", "projects"), ("project.openshift.io", "projectrequests")];

/// Cluster roles and their bindings, under each name that they are known by.
pub(crate) const CLUSTER_RIGHTS: [(&str, &str); 4] = [
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("authorization.openshift.io", "clusterroles"),
    ("authorization.openshift.io", "clusterrolebindings"),
];

/// A namespace's own subresources: `namespaces/x/status` is not the resource `status` in namespace `x`.
const NAMESPACE_SUBRESOURCES: [&str; 2] = ["status", "finalize"];

impl Resource {
    /// Reads the segments in the order and with the words of `NewRequestInfo`.
    pub(super) fn read(segments: &[String]) -> Target {
        let Some((prefix, rest)) = segments.split_first() else { return Target::Plain };
        // "one part (APIPrefix) has already been consumed": each form needs a version and something below
        // it.
        let (group, rest) = match (prefix.as_str(), rest) {
            ("api", [_, _, ..]) => ("", rest),
            ("apis", [group, rest @ ..]) if rest.len() >= 2 => (group.as_str(), rest),
            _ => return Target::Plain,
        };
        let [version, rest @ ..] = rest else { return Target::Plain };
        match rest.first().map(String::as_str) {
            Some("watch") => return Target::Legacy("watch"),
            Some("proxy") => return Target::Legacy("proxy"),
            _ => {}
        }
        let (namespace, parts) = namespace(rest);
        let part = |index: usize| parts.get(index).cloned().unwrap_or_default();
        Target::Resource(Self {
            api_prefix: prefix.clone(),
            group: group.to_owned(),
            version: version.clone(),
            namespace: namespace.to_owned(),
            resource: part(0),
            name: part(1),
            subresource: part(2),
            parts: parts.to_vec(),
        })
    }

    /// A list or watch whose field selector asks for one name.
    pub(super) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// `api` or `apis`.
    #[must_use]
    pub fn api_prefix(&self) -> &str {
        &self.api_prefix
    }

    /// The API group; "" is the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The API version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The namespace; "" for cluster-scoped objects and for requests over all namespaces. Of a namespace
    /// itself it is the namespace's own name, as `RequestInfo` has it.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The resource, in the plural: `pods`.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The subresource: `status`, `exec`, ….
    #[must_use]
    pub fn subresource(&self) -> &str {
        &self.subresource
    }

    /// The object's name; of a list or watch the one that its field selector asks for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether creating it adds a namespace, a cluster role or a binding of one: what the gateway has some
    /// of, known by their names. OpenShift has second doors to all of them.
    pub(crate) fn is_new_among_all(&self) -> bool {
        let kind = (self.group.as_str(), self.resource.as_str());
        self.subresource.is_empty() && (NAMESPACES.contains(&kind) || CLUSTER_RIGHTS.contains(&kind))
    }

    /// Whether it is `pods/eviction`: a pod is deleted by creating one.
    pub(crate) fn is_eviction(&self) -> bool {
        (self.group.as_str(), self.resource.as_str(), self.subresource.as_str()) == ("", "pods", "eviction")
    }

    /// The path's parts from the resource on.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.parts
    }
}

/// "URL forms: /namespaces/{namespace}/{kind}/*, where parts are adjusted to be relative to kind".
fn namespace(rest: &[String]) -> (&str, &[String]) {
    match rest {
        [first, namespace, inner @ ..] if first == "namespaces" => match inner.first() {
            Some(kind) if !NAMESPACE_SUBRESOURCES.contains(&kind.as_str()) => (namespace, inner),
            Some(_) | None => (namespace, rest),
        },
        _ => ("", rest),
    }
}
