//! How a request meets its object: what a condition can look at, and when.

use crate::attributes::{Attributes, Connect, Verb};

/// How a request meets its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Objects are in the answer: get, list, watch.
    Seen,
    /// It goes: delete, and one of a collection.
    Deleted,
    /// All that a selector finds go: each is decided on its own.
    Collection,
    /// A pod goes.
    Evicted,
    /// It comes.
    Created,
    /// It changes.
    Changed,
    /// A way into its containers: exec, attach, port-forward, and their logs.
    Opened,
    /// No object that a condition could look at: a path, a proxy, a token.
    Other,
}

/// Subresources that hold (a part of) the object itself and can be read by GET.
const PARTS: [&str; 6] = ["", "status", "scale", "resize", "ephemeralcontainers", "approval"];

impl Manner {
    pub(super) fn of(attributes: &Attributes) -> Self {
        let Some(resource) = attributes.resource() else { return Self::Other };
        let (group, kind, sub) = (resource.group(), resource.resource(), resource.subresource());
        // Aggregated APIs have subresources of these names, too, with options of their own.
        let pods = (group, kind, resource.parts().len()) == ("", "pods", 3);
        match attributes.connect() {
            Some(Connect::Exec | Connect::Attach | Connect::PortForward) if pods => return Self::Opened,
            Some(Connect::Exec | Connect::Attach | Connect::PortForward | Connect::Proxy) => {
                return Self::Other;
            }
            None => {}
        }
        let part = PARTS.contains(&sub);
        match attributes.verb() {
            Verb::Get if pods && sub == "log" => Self::Opened,
            Verb::Get | Verb::List | Verb::Watch if part => Self::Seen,
            Verb::Delete if sub.is_empty() => Self::Deleted,
            Verb::DeleteCollection if sub.is_empty() => Self::Collection,
            Verb::Create if resource.is_eviction() => Self::Evicted,
            Verb::Create if sub.is_empty() && resource.name().is_empty() => Self::Created,
            Verb::Update | Verb::Patch if part => Self::Changed,
            Verb::Get
            | Verb::List
            | Verb::Watch
            | Verb::Create
            | Verb::Update
            | Verb::Patch
            | Verb::Delete
            | Verb::DeleteCollection
            | Verb::Http(_) => Self::Other,
        }
    }
}
