//! Method, path and query → what a request asks for, exactly as the API server's `RequestInfo` reads them.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go` (1.37). For every line that is accepted
//! the answer is the same (`tests/corpus`, made by the real one); what could be read in two ways is refused.

mod fields;
mod info;
mod labels;
mod options;
mod path;
mod percent;
mod query;
mod resource;
mod review;
mod unreadable;
mod verb;

use std::fmt;

pub(crate) use fields::names as selected_fields;
pub(crate) use labels::keys as selected_labels;
pub use query::Query;
pub use resource::Resource;
pub(crate) use resource::{CLUSTER_RIGHTS, NAMESPACES};
pub use review::SelfReview;
pub use unreadable::{PathFault, QueryFault, Unreadable};
pub use verb::{Access, BodyUse, Connect, Method, Verb};

use options::ListOptions;
pub(crate) use options::is_true;
use path::{Ending, Path};
use query::Ports;
use resource::Target;

/// The longest path, in bytes: a name has at most 253 characters, and the longest path has five of them.
pub const MAX_PATH: usize = 4096;

/// The longest query, in bytes: `continue` tokens and exec's arguments are the long ones; more belongs into
/// a body.
pub const MAX_QUERY: usize = 8192;

/// Of a DELETE's query what a list must not have: what is said about deleting, what would make it a
/// watch, and the limit, which the gateway sets itself.
const NO_LIST_OPTIONS: [&str; 11] = [
    "limit",
    "watch",
    "allowWatchBookmarks",
    "sendInitialEvents",
    "timeoutSeconds",
    "gracePeriodSeconds",
    "orphanDependents",
    "propagationPolicy",
    "dryRun",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "uid",
];

/// What only the first page of a list may have ("specifying resource version is not allowed when using
/// continue").
const FIRST_PAGE_OPTIONS: [&str; 3] = ["continue", "resourceVersion", "resourceVersionMatch"];

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
    plain_path: String,
    query: Query,
}

impl Attributes {
    /// Reads a request line.
    ///
    /// # Errors
    /// When it can be read in more than one way, or the API server wouldn't read it either.
    pub fn parse(line: Line<'_>) -> Result<Self, Unreadable> {
        let method = Method::read(line.method).ok_or_else(|| Unreadable::Method(shortened(line.method)))?;
        let path = Path::read(line.path)?;
        let target = Resource::read(&path.segments);
        let query = Query::read(line.query.unwrap_or_default(), ports(&target))?;
        let (verb, resource) = match target {
            Target::Plain => (Verb::Http(method), None),
            Target::Legacy(prefix) => return Err(Unreadable::Legacy(prefix)),
            Target::Resource(resource) => {
                if let Ending::Slash(at) = path.ending {
                    return Err(Unreadable::Path { fault: unreadable::PathFault::TrailingSlash, at });
                }
                let (verb, resource) = read_verb(method, resource, &query)?;
                (verb, Some(resource))
            }
        };
        Ok(Self { method, verb, resource, path: path.canonical(), plain_path: path.plain(), query })
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

    /// The verb that rules are asked for: [`Verb::Create`] for exec, attach, port-forward and proxy
    /// (exception 1).
    #[must_use]
    pub fn decided_verb(&self) -> Verb {
        if self.connect().is_some() { Verb::Create } else { self.verb }
    }

    /// The resource. None: a non-resource path.
    #[must_use]
    pub fn resource(&self) -> Option<&Resource> {
        self.resource.as_ref()
    }

    /// `RequestInfo.APIPrefix`: `api`, `apis` or "". It is set for `/apis/GROUP/VERSION` too, which is no
    /// resource.
    #[must_use]
    pub fn api_prefix(&self) -> &str {
        match &self.resource {
            Some(resource) => resource.api_prefix(),
            None if self.plain_path.trim_matches('/').split('/').take(3).count() < 3 => "",
            None if self.plain_path.starts_with("/apis/") => "apis",
            None => "",
        }
    }

    /// The canonical path: percent-encoded anew, and the one that is sent.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The decoded path, which `nonResourceURLs` are compared with (`RequestInfo.Path`).
    #[must_use]
    pub fn plain_path(&self) -> &str {
        &self.plain_path
    }

    /// The query, parsed.
    #[must_use]
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Path and query as they are sent.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        self.path_and_query_without(|_| false)
    }

    /// The request line that deletes one object of this collection, without any option in its query.
    pub(crate) fn one(&self, name: &str) -> Result<Self, Unreadable> {
        let mut path = self.path.clone();
        path.push('/');
        percent::segment(name, &mut path);
        let one = Self::parse(Line { method: "DELETE", path: &path, query: None })?;
        let named = one.resource().is_some_and(|resource| resource.name() == name);
        if named { Ok(one) } else { Err(Unreadable::Verbless) }
    }

    /// How many objects of the collection the caller asks for at most, where it says so.
    ///
    /// # Errors
    /// When `limit` is no whole number.
    pub fn limit(&self) -> Result<Option<u64>, Unreadable> {
        let Some(limit) = self.query.get("limit") else { return Ok(None) };
        let limit = limit.parse::<i64>().or(Err(options::not_whole("limit")))?;
        Ok(u64::try_from(limit).ok().filter(|limit| *limit > 0))
    }

    /// Path and query of the list that finds what this collection's delete would, one page at a time: the
    /// same selectors, and from `after` on, which is where the last page ended.
    #[must_use]
    pub fn page(&self, limit: usize, after: Option<&str>) -> String {
        let again = after.is_some();
        let mut page = self.path_and_query_without(|key| {
            NO_LIST_OPTIONS.contains(&key) || (again && FIRST_PAGE_OPTIONS.contains(&key))
        });
        page.push(if page.contains('?') { '&' } else { '?' });
        page.push_str(&format!("limit={limit}"));
        if let Some(after) = after {
            page.push_str("&continue=");
            percent::component(after, &mut page);
        }
        page
    }

    /// The same as a dry run.
    pub(crate) fn dry_run(&self) -> String {
        let sent = self.path_and_query_without(|key| key == "dryRun");
        let joint = if sent.contains('?') { '&' } else { '?' };
        format!("{sent}{joint}dryRun=All")
    }

    pub(crate) fn path_and_query_without(&self, left_out: impl Fn(&str) -> bool) -> String {
        let query = self.query.encoded_without(left_out);
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }

    /// The field selector, where the verb honours one (`RequestInfo.FieldSelector`); else "".
    #[must_use]
    pub fn field_selector(&self) -> &str {
        if self.has_selectors() { self.query.field_selector().unwrap_or_default() } else { "" }
    }

    /// The label selector, where the verb honours one (`RequestInfo.LabelSelector`); else "".
    #[must_use]
    pub fn label_selector(&self) -> &str {
        if self.has_selectors() { self.query.label_selector().unwrap_or_default() } else { "" }
    }

    fn has_selectors(&self) -> bool {
        matches!(self.verb, Verb::List | Verb::Watch | Verb::DeleteCollection)
    }

    /// What kind of connection into a workload or node this opens, if any. By the subresource's name in
    /// every group, since aggregated APIs use the same ones.
    #[must_use]
    pub fn connect(&self) -> Option<Connect> {
        Connect::read(self.resource.as_ref()?.subresource())
    }

    /// The review of the caller itself that this is, if it is one.
    #[must_use]
    pub fn review(&self) -> Option<SelfReview> {
        SelfReview::read(self.verb, self.resource.as_ref()?)
    }

    /// Whether it only reads. Dry runs count as writes; a question about the caller itself does not.
    #[must_use]
    pub fn access(&self) -> Access {
        match self.decided_verb() {
            Verb::Create if self.review().is_some() => Access::Read,
            Verb::Get | Verb::List | Verb::Watch | Verb::Http(Method::Get | Method::Head) => Access::Read,
            Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection => {
                Access::Write
            }
            Verb::Http(Method::Post | Method::Put | Method::Patch | Method::Delete | Method::Options) => {
                Access::Write
            }
        }
    }

    /// Whether it is a read of core Secrets: recorded durably before the answer's first byte leaves.
    #[must_use]
    pub fn reads_secrets(&self) -> bool {
        let secrets = |r: &Resource| r.group().is_empty() && r.resource() == "secrets";
        self.access() == Access::Read && self.resource.as_ref().is_some_and(secrets)
    }

    /// Whether it stays open: a watch, a followed log, a connection into a workload.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        let log = self.resource.as_ref().is_some_and(|r| r.subresource() == "log");
        let followed = log && self.query.get("follow").is_some_and(options::is_true);
        self.verb == Verb::Watch || followed || self.connect().is_some()
    }

    /// What its body is to a decision.
    #[must_use]
    pub fn body_use(&self) -> BodyUse {
        match self.connect() {
            Some(Connect::Proxy) => return BodyUse::Opaque,
            Some(Connect::Exec | Connect::Attach | Connect::PortForward) => return BodyUse::Refused,
            None => {}
        }
        match self.verb {
            Verb::Get | Verb::List | Verb::Watch => BodyUse::Refused,
            Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection => BodyUse::Read,
            // What is asked is answered by the rules.
            Verb::Create if self.review().is_some() => BodyUse::Read,
            // What an eviction is bound to stands in its body.
            Verb::Create if self.resource.as_ref().is_some_and(Resource::is_eviction) => BodyUse::Read,
            // The gateway's own names may not be taken, and a new object's name stands in its body.
            Verb::Create if self.resource.as_ref().is_some_and(Resource::is_new_among_all) => BodyUse::Read,
            Verb::Http(Method::Get | Method::Head | Method::Options) => BodyUse::Refused,
            Verb::Create | Verb::Http(Method::Post | Method::Put | Method::Patch | Method::Delete) => {
                BodyUse::Opaque
            }
        }
    }
}

/// For messages: `jobs.batch "x" in namespace "batch"`, `nodes`, `path "/metrics"`.
impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(resource) = &self.resource else { return write!(f, "path {:?}", self.plain_path) };
        write!(f, "{}", Kind(resource))?;
        if !resource.name().is_empty() {
            write!(f, " {:?}", resource.name())?;
        }
        if !resource.namespace().is_empty() && resource.resource() != "namespaces" {
            write!(f, " in namespace {:?}", resource.namespace())?;
        }
        Ok(())
    }
}

/// For messages: `jobs.batch`, `pods/exec`.
pub(crate) struct Kind<'a>(pub(crate) &'a Resource);

impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.resource())?;
        if !self.0.group().is_empty() {
            write!(f, ".{}", self.0.group())?;
        }
        if !self.0.subresource().is_empty() {
            write!(f, "/{}", self.0.subresource())?;
        }
        Ok(())
    }
}

fn ports(target: &Target) -> Ports {
    match target {
        Target::Resource(resource) if resource.subresource() == "portforward" => Ports::Many,
        Target::Resource(_) | Target::Plain | Target::Legacy(_) => Ports::One,
    }
}

fn read_verb(method: Method, resource: Resource, query: &Query) -> Result<(Verb, Resource), Unreadable> {
    let unnamed = resource.name().is_empty();
    let verb = match method {
        Method::Post => Verb::Create,
        Method::Put => Verb::Update,
        Method::Patch => Verb::Patch,
        Method::Delete if unnamed => Verb::DeleteCollection,
        Method::Delete => Verb::Delete,
        Method::Options => return Err(Unreadable::Verbless),
        Method::Get | Method::Head if unnamed => return read_list(resource, query),
        Method::Get | Method::Head => {
            // The caller wants a watch and would get one object: the query and the verb must not disagree.
            if resource.subresource().is_empty() && options::watch(query)? == Verb::Watch {
                return Err(Unreadable::NamedWatch);
            }
            Verb::Get
        }
    };
    Ok((verb, resource))
}

/// "if there's no name on the request and we thought it was a get before, then the actual verb is a list or
/// a watch".
fn read_list(resource: Resource, query: &Query) -> Result<(Verb, Resource), Unreadable> {
    let options = ListOptions::read(query)?;
    let resource = match options.name {
        Some(name) => resource.named(name),
        None => resource,
    };
    Ok((options.verb, resource))
}

/// As much of a caller's text as a message needs.
fn shortened(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests;
