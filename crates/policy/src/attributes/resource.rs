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

impl Resource {
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

    /// The namespace; "" for cluster-scoped objects and for requests over all namespaces.
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

    /// The object's name; of a list or watch the one its field selector asks for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path's parts from the resource on.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.parts
    }
}
