//! Method, path and query → what a request asks for, exactly as the API server's `RequestInfo` reads them.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go` (1.37). For every line that is accepted the
//! answer is the same; what could be read in two ways is refused, never repaired.

mod query;
mod resource;
mod unreadable;
mod verb;

pub use query::Query;
pub use resource::Resource;
pub use unreadable::Unreadable;
pub use verb::{Access, BodyUse, Connect, Method, Verb};

/// A request line as it was received: the cluster's prefix taken off, percent-encoding untouched.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The method, as on the wire.
    pub method: &'a str,
    /// The path, from its first slash to before `?`.
    pub path: &'a str,
    /// What follows `?`, if there was one.
    pub query: Option<&'a str>,
}

/// What a request asks for. The path and query it holds are the ones that are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    method: Method,
    verb: Verb,
    resource: Option<Resource>,
    path: String,
    query: Query,
}

impl Attributes {
    /// Reads a request line.
    ///
    /// # Errors
    /// When it can be read in more than one way, or the API server wouldn't read it either.
    pub fn parse(line: Line<'_>) -> Result<Self, Unreadable> {
        let method = Method::read(line.method).ok_or(Unreadable::Method)?;
        Ok(Self {
            method,
            verb: Verb::Http(method),
            resource: None,
            path: line.path.to_owned(),
            query: Query::default(),
        })
    }

    /// The HTTP method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// `RequestInfo`'s verb.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// The verb that rules are asked for: [`Verb::Create`] for exec, attach, port-forward and proxy (exception 1).
    #[must_use]
    pub fn decided_verb(&self) -> Verb {
        if self.connect().is_some() { Verb::Create } else { self.verb }
    }

    /// The resource. None: a non-resource path.
    #[must_use]
    pub fn resource(&self) -> Option<&Resource> {
        self.resource.as_ref()
    }

    /// The canonical path: percent-encoded anew, and the one that is sent.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, parsed.
    #[must_use]
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Path and query as they are sent.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query.encoded())
        }
    }

    /// What kind of connection into a workload this opens, if any.
    #[must_use]
    pub fn connect(&self) -> Option<Connect> {
        Connect::read(self.resource.as_ref()?.subresource())
    }

    /// Whether it only reads.
    #[must_use]
    pub fn access(&self) -> Access {
        Access::Write
    }

    /// Whether its answer holds Secrets: such a read is recorded durably before its first byte leaves.
    #[must_use]
    pub fn reads_secrets(&self) -> bool {
        false
    }

    /// Whether it stays open: a watch, a followed log, a connection into a workload.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        false
    }

    /// What its body is to a decision.
    #[must_use]
    pub fn body_use(&self) -> BodyUse {
        BodyUse::Refused
    }
}
