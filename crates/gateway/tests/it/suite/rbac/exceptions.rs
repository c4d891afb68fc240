//! Where the gateway may refuse what the API server would allow, said again from the design (§4) and not from
//! the gateway's code: which questions are strict ones, and what must hold besides. Always in this direction:
//! that the gateway allows more has no class and always fails.

use super::ask::{Ask, On};
use super::holder::Part;
use super::request::{CONNECTIONS, Does, Owners, Request, There};

/// Why something is refused that RBAC allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Class {
    /// Exception 1.
    Connection,
    /// Exception 2.
    Namespace,
    /// Exception 3, by what is an escape.
    Escape(&'static str),
    OwnerReferences,
    /// Exception 4.
    NeedsCreate,
    Unseen,
    /// Exception 5.
    BuiltIn,
}

/// Everything that a run of reviews must have met. The special verbs are no request's.
pub(super) const CLASSES: [Class; 19] = [
    Class::Connection,
    Class::Namespace,
    Class::Escape("tokens"),
    Class::Escape("secrets"),
    Class::Escape("certificates"),
    Class::Escape("rights"),
    Class::Escape("admission"),
    Class::Escape("api services"),
    Class::Escape("definitions"),
    Class::Escape("proxy"),
    Class::Escape("ephemeral containers"),
    Class::Escape("binding"),
    Class::Escape("finalize"),
    Class::Escape("devices"),
    Class::Escape("unread"),
    Class::OwnerReferences,
    Class::NeedsCreate,
    Class::Unseen,
    Class::BuiltIn,
];

impl Class {
    /// The reason that the gateway gives.
    pub(super) fn reasons(self) -> &'static [&'static str] {
        match self {
            // What lacks create for a connection that is an escape is told so.
            Class::Connection => &["no-rule", "escape"],
            Class::Namespace => &["no-rule", "escape"],
            // A rule that names it, but elsewhere, is nearer than one with a wildcard.
            Class::Escape(_) => &["escape", "no-rule"],
            Class::OwnerReferences => &["owner-references"],
            Class::NeedsCreate => &["needs-create"],
            Class::Unseen => &["unseen"],
            Class::BuiltIn => &["built-in"],
        }
    }
}

/// Why the gateway must refuse what RBAC allows. None: it must allow it. `allows` is RBAC's answer about a
/// part of the holder's rules.
pub(super) fn refused(request: &Request, allows: &mut dyn FnMut(Part, &Ask) -> bool) -> Option<Class> {
    let Ask::Resource(on) = &request.ask else { return None };
    if is_own(request, on) {
        return Some(Class::BuiltIn);
    }
    if CONNECTIONS.contains(&on.subresource) {
        let create = on.verb("create");
        if !allows(Part::ALL, &Ask::Resource(create.clone())) {
            return Some(Class::Connection);
        }
        let method = if on.subresource == "proxy" { strict(on, allows) } else { None };
        return strict(&create, allows).or(method);
    }
    if let Some(class) = strict(on, allows) {
        return Some(class);
    }
    inside(request, on, allows)
}

/// Why a question that RBAC answers with yes is answered with no.
fn strict(on: &On, allows: &mut dyn FnMut(Part, &Ask) -> bool) -> Option<Class> {
    let escape = escape(on);
    let namespace = on.resource == "namespaces" && !(on.verb == "get" && on.subresource.is_empty());
    let part = Part { exact: escape.is_some(), wide: namespace };
    let ask = Ask::Resource(on.clone());
    if allows(part, &ask) {
        return None;
    }
    match escape {
        Some(escape) if !allows(Part { exact: true, wide: false }, &ask) => Some(Class::Escape(escape)),
        Some(_) | None => Some(Class::Namespace),
    }
}

/// What the API server asks inside, or never asks.
fn inside(request: &Request, on: &On, allows: &mut dyn FnMut(Part, &Ask) -> bool) -> Option<Class> {
    let mut may = |on: On| allows(Part::ALL, &Ask::Resource(on.clone())) && strict(&on, allows).is_none();
    let creates = |may: &mut dyn FnMut(On) -> bool, bound: bool| {
        let free = !on.subresource.is_empty() || bound || may(on.verb("create"));
        match request.there {
            There::No if !free => Some(Class::NeedsCreate),
            There::Unseen if !free => Some(Class::Unseen),
            There::Yes | There::No | There::Unseen => None,
        }
    };
    match request.does {
        Does::Plain | Does::TakesAName => None,
        Does::DeletesUnread => {
            let unread = on.verb("unsafe-delete-ignore-read-errors");
            (!may(unread)).then_some(Class::Escape("unread"))
        }
        Does::Patches { owners } => {
            let lacks = owners == Owners::Changed && !may(on.object().verb("delete"));
            lacks.then_some(Class::OwnerReferences)
        }
        Does::Applies { owners, bound } => {
            if owners == Owners::Changed && !may(on.object().verb("delete")) {
                return Some(Class::OwnerReferences);
            }
            creates(&mut may, bound)
        }
        Does::Puts { owners, bound } => {
            if let Some(class) = creates(&mut may, bound) {
                return Some(class);
            }
            // A PUT says what all owners are, so without delete they must be seen to be the same.
            if on.subresource == "scale" || may(on.object().verb("delete")) {
                return None;
            }
            match (request.there, owners) {
                (There::Unseen, _) => Some(Class::Unseen),
                (There::Yes | There::No, Owners::Changed) => Some(Class::OwnerReferences),
                (There::Yes | There::No, Owners::Untouched) => None,
            }
        }
    }
}

/// What gives other credentials or other rights.
fn escape(on: &On) -> Option<&'static str> {
    let rights = ["rbac.authorization.k8s.io", "authorization.openshift.io"];
    if on.verb == "unsafe-delete-ignore-read-errors" {
        return Some("unread");
    }
    let any = match (on.group, on.resource, on.subresource) {
        ("", "serviceaccounts", "token") => Some("tokens"),
        ("", "secrets", _) => Some("secrets"),
        ("", "nodes" | "pods" | "services", "proxy") => Some("proxy"),
        _ => None,
    };
    let written = match (on.group, on.resource, on.subresource) {
        ("certificates.k8s.io", _, _) => Some("certificates"),
        (group, _, _) if rights.contains(&group) => Some("rights"),
        ("admissionregistration.k8s.io", _, _) => Some("admission"),
        ("apiregistration.k8s.io", _, _) => Some("api services"),
        ("apiextensions.k8s.io", _, _) => Some("definitions"),
        ("", "pods", "ephemeralcontainers") => Some("ephemeral containers"),
        ("", "bindings", _) | ("", "pods", "binding") => Some("binding"),
        ("", "namespaces", "finalize") => Some("finalize"),
        ("resource.k8s.io", "resourceclaims", "status") => Some("devices"),
        _ => None,
    };
    any.or(written.filter(|_| on.writes()))
}

/// What belongs to the gateway.
fn is_own(request: &Request, on: &On) -> bool {
    let own = ["drawbridge-system", "drawbridge-agents"];
    let reads = ["get", "list", "watch"].contains(&on.verb) && !CONNECTIONS.contains(&on.subresource);
    if own.contains(&on.namespace.as_str()) {
        return !(reads && on.group.is_empty() && on.resource == "namespaces" && on.subresource.is_empty());
    }
    match (on.group, on.resource) {
        ("", "secrets") => reads && on.namespace.is_empty(),
        ("", "namespaces") | ("project.openshift.io", "projects") => {
            let named = own.contains(&on.name.as_str()) || request.does == Does::TakesAName;
            on.verb == "deletecollection" || (named && !reads)
        }
        (
            "rbac.authorization.k8s.io" | "authorization.openshift.io",
            "clusterroles" | "clusterrolebindings",
        ) => {
            let named = on.name.starts_with("drawbridge") || request.does == Does::TakesAName;
            on.verb == "deletecollection" || (named && !reads)
        }
        _ => false,
    }
}
