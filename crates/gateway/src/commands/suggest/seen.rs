//! What was done, summed up: each verb on each resource in each namespace, how often, and on which objects.
//! However long a record is, this stays small.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use drawbridge_policy::NamePattern;
use drawbridge_policy::rules::is_discovery_path;

use crate::manifest::is_cluster_name;

/// Objects of a kind in a namespace that a rule names one by one. More than fit a glance are not looked
/// through by anybody, and who uses many mostly meets new ones tomorrow (pods, Jobs), which their names would
/// refuse.
pub(super) const FEW: usize = 5;

/// Different verbs, resources and namespaces of one agent: a hundred times what the busiest have. Beyond
/// this nobody reads the proposal.
const MOST: usize = 20_000;

/// The longest path that is named: the record cuts those that are longer.
const LONGEST_PATH: usize = 1_000;

/// Methods of paths, as rules spell them.
const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

/// Whether it was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Basis {
    /// It was.
    Done,
    /// It was refused.
    Refused,
}

/// A request, in the words of the record and of audit logs.
#[derive(Debug, Clone, Default)]
pub(super) struct Request<'t> {
    /// The verb of the request line: `get` of an exec over WebSocket.
    pub(super) verb: &'t str,
    pub(super) group: &'t str,
    /// Empty: it is about `path`.
    pub(super) resource: &'t str,
    pub(super) subresource: &'t str,
    pub(super) namespace: &'t str,
    pub(super) name: &'t str,
    /// The path on the cluster, without its query.
    pub(super) path: &'t str,
    /// Whether it made an object.
    pub(super) created: bool,
    /// Milliseconds since 1970.
    pub(super) time: i64,
}

/// What a rule must give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A verb on a resource, which has its subresource behind a slash.
    On { group: String, resource: String, verb: String },
    /// A method on a path.
    Path { path: String, verb: String },
}

/// Where something was done, and what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) basis: Basis,
    pub(super) what: What,
    /// Empty: in all of them, or in none.
    pub(super) namespace: String,
}

/// How often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) times: u64,
    pub(super) first: i64,
    pub(super) last: i64,
    /// At most one more than [`FEW`]. The empty name is a request that names no object.
    pub(super) names: BTreeSet<String>,
}

/// What one agent did on one cluster.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counts: BTreeMap<Key, Count>,
    /// Requests for discovery, which needs no rule.
    pub(super) discovery: u64,
    /// Requests that no rule can be about: what they name is nothing that Kubernetes has.
    pub(super) odd: u64,
}

impl Count {
    fn add(&mut self, time: i64, name: &str) {
        self.join(&Count { times: 1, first: time, last: time, names: BTreeSet::new() });
        if self.names.len() <= FEW && !self.names.contains(name) {
            self.names.insert(name.to_owned());
        }
    }

    /// Takes in another one, but for its names.
    pub(super) fn join(&mut self, other: &Count) {
        let fresh = self.times == 0;
        self.first = if fresh { other.first } else { self.first.min(other.first) };
        self.last = if fresh { other.last } else { self.last.max(other.last) };
        self.times = self.times.saturating_add(other.times);
    }
}

impl Tally {
    /// Adds a request.
    pub(super) fn add(&mut self, request: &Request<'_>, basis: Basis) -> anyhow::Result<()> {
        if request.resource.is_empty() {
            return self.add_path(request, basis);
        }
        if !is_resource(request) {
            self.odd = self.odd.saturating_add(1);
            return Ok(());
        }
        let resource = match request.subresource {
            "" => request.resource.to_owned(),
            subresource => format!("{}/{subresource}", request.resource),
        };
        for verb in verbs(request) {
            let (namespace, name) = place(request, verb);
            let (group, resource) = (request.group.to_owned(), resource.clone());
            let what = What::On { group, resource, verb: verb.to_owned() };
            let key = Key { basis, what, namespace: namespace.to_owned() };
            self.count(key, request.time, name)?;
        }
        Ok(())
    }

    fn add_path(&mut self, request: &Request<'_>, basis: Basis) -> anyhow::Result<()> {
        if request.verb == "get" && is_discovery_path(request.path) {
            self.discovery = self.discovery.saturating_add(1);
            return Ok(());
        }
        if !is_path(request.path) || !METHODS.contains(&request.verb) {
            self.odd = self.odd.saturating_add(1);
            return Ok(());
        }
        let what = What::Path { path: request.path.to_owned(), verb: request.verb.to_owned() };
        self.count(Key { basis, what, namespace: String::new() }, request.time, "")
    }

    fn count(&mut self, key: Key, time: i64, name: &str) -> anyhow::Result<()> {
        if self.counts.len() >= MOST && !self.counts.contains_key(&key) {
            bail!(
                "over {MOST} different verbs, resources and namespaces were used: no scope that anyone reads \
                 comes of that; ask for less with --since"
            );
        }
        self.counts.entry(key).or_default().add(time, name);
        Ok(())
    }

    /// Whether nothing needs a rule.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many requests there were.
    pub(super) fn requests(&self, basis: Basis) -> u64 {
        let of_basis = self.counts.iter().filter(|(key, _)| key.basis == basis);
        of_basis.fold(0, |sum, (_, count)| sum.saturating_add(count.times))
    }
}

/// The verbs that rules are asked for. What opens a connection is `create`, whatever the method, and what is
/// proxied also needs its own; what made an object by PUT or apply needs `create`, too.
fn verbs<'t>(request: &Request<'t>) -> Vec<&'t str> {
    let verb = request.verb;
    match request.subresource {
        "exec" | "attach" | "portforward" => vec!["create"],
        "proxy" if verb != "create" => vec!["create", verb],
        "" if request.created && matches!(verb, "update" | "patch") => vec![verb, "create"],
        _ => vec![verb],
    }
}

/// Where a rule must hold, and for which object. Of a namespace itself a namespaced grant gives `get`, of
/// that one; all else of it is no namespace's.
fn place<'t>(request: &Request<'t>, verb: &str) -> (&'t str, &'t str) {
    let of_namespaces = request.resource == "namespaces" && request.group.is_empty();
    match (of_namespaces, verb, request.subresource) {
        (true, "get", "") if !request.name.is_empty() => (request.name, ""),
        (true, _, _) => ("", request.name),
        (false, _, _) => (request.namespace, request.name),
    }
}

/// Whether rules can name all parts of it, so that what is proposed is what apply takes.
fn is_resource(request: &Request<'_>) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let word = |text: &str| text.len() <= 253 && text.bytes().all(letter);
    let verb = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    let namespace = |text: &str| text.is_empty() || (!text.contains('*') && NamePattern::parse(text).is_ok());
    let group = |text: &str| text.is_empty() || (text.len() <= 253 && text.split('.').all(is_cluster_name));
    let name = |text: &str| text.len() <= 1_000 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'*');
    let about_namespace = request.resource == "namespaces" && request.group.is_empty();
    !request.verb.is_empty()
        && request.verb.bytes().all(verb)
        && word(request.resource)
        && word(request.subresource)
        && group(request.group)
        && namespace(request.namespace)
        && name(request.name)
        && (!about_namespace || namespace(request.name))
}

fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= LONGEST_PATH
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*')
}
