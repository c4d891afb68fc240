//! What rules are asked: one verb on one resource, or on one path.

use crate::attributes::{Attributes, Method, Verb};

/// A question that rules answer. One request may need several: its own verb, and those of the checks that
/// the API server makes inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask<'a> {
    /// A verb on a resource.
    Resource(On<'a>),
    /// A method on a non-resource path.
    Path { verb: &'a str, path: &'a str },
}

/// A verb on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct On<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> Ask<'a> {
    /// What the request itself asks, with the verb that rules are asked for.
    pub(crate) fn of(attributes: &'a Attributes) -> Self {
        let verb = attributes.decided_verb().as_str();
        match attributes.resource() {
            None => Self::Path { verb, path: attributes.plain_path() },
            Some(resource) => Self::Resource(On {
                verb,
                group: resource.group(),
                resource: resource.resource(),
                subresource: resource.subresource(),
                namespace: resource.namespace(),
                name: resource.name(),
            }),
        }
    }
}

impl<'a> On<'a> {
    pub(crate) fn verb(self, verb: &'a str) -> Self {
        Self { verb, ..self }
    }

    /// The object itself, whatever subresource the request names.
    pub(crate) fn object(self) -> Self {
        Self { subresource: "", ..self }
    }

    pub(crate) fn is_write(self) -> bool {
        WRITES.contains(&self.verb)
    }
}

/// The verbs that change something.
pub(super) const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// The verbs that request lines have on resources.
pub(crate) const RESOURCE_VERBS: [Verb; 8] = [
    Verb::Get,
    Verb::List,
    Verb::Watch,
    Verb::Create,
    Verb::Update,
    Verb::Patch,
    Verb::Delete,
    Verb::DeleteCollection,
];

/// The verbs that request lines have on non-resource paths.
pub(super) const PATH_VERBS: [Method; 7] =
    [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Options];
