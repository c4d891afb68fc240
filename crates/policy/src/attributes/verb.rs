//! Methods, verbs, and what kind of thing a request does.

use std::fmt;

/// The HTTP methods that are read. Every other one (CONNECT, TRACE, lower case, …) is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// HEAD: the API server reads it as GET
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
    /// OPTIONS: on non-resource paths only, since on a resource it has no verb
    Options,
}

impl Method {
    pub(crate) fn read(text: &str) -> Option<Self> {
        Some(match text {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => return None,
        })
    }

    /// The method as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    const fn lower(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Options => "options",
        }
    }
}

/// The verb of a request, as `RequestInfo` names it (Kubernetes, "Authorization: Determine the request
/// verb").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// One object.
    Get,
    /// A collection.
    List,
    /// A collection, and its changes.
    Watch,
    /// POST
    Create,
    /// PUT
    Update,
    /// PATCH
    Patch,
    /// DELETE of one object.
    Delete,
    /// DELETE of a collection.
    DeleteCollection,
    /// A non-resource path: the method, in lower case.
    Http(Method),
}

impl Verb {
    /// The verb as a rule spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Http(method) => method.lower(),
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a request only reads. Dry runs count as writes, and so does whatever opens a connection into a
/// workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// get, list, watch; GET and HEAD of a non-resource path; a review of the caller itself.
    Read,
    /// Everything else.
    Write,
}

/// The subresources that open a connection into a workload or a node, whatever the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Connect {
    /// `exec`
    Exec,
    /// `attach`
    Attach,
    /// `portforward`
    PortForward,
    /// `proxy`
    Proxy,
}

impl Connect {
    pub(crate) fn read(subresource: &str) -> Option<Self> {
        Some(match subresource {
            "exec" => Self::Exec,
            "attach" => Self::Attach,
            "portforward" => Self::PortForward,
            "proxy" => Self::Proxy,
            _ => return None,
        })
    }

    /// The subresource's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Attach => "attach",
            Self::PortForward => "portforward",
            Self::Proxy => "proxy",
        }
    }
}

/// What a request's body is to a decision, so that the gateway knows what to read before it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyUse {
    /// There must be none: a body is refused.
    Refused,
    /// No decision reads it: it may be given whole, or `Payload::none()` be given and the body streamed.
    Opaque,
    /// A decision reads it, so it must be given whole (at most [`crate::MAX_BODY`] bytes); what is sent is
    /// [`crate::Permit::body`].
    Read,
}
