//! Service accounts of clusters: what a verified token says of the account and of the pod that presents it
//! (Kubernetes' "Managing Service Accounts", "Bound service account tokens").

pub mod admit;
pub mod kept;
pub mod live;
pub mod sweep;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value};
use thiserror::Error;

use super::means::{Account, Instance};

/// The claim that holds what only Kubernetes says.
const PRIVATE: &str = "kubernetes.io";
/// What the claims of old tokens begin with, which live in Secrets and never end.
const LEGACY: &str = "kubernetes.io/";
/// What the subject of a service account begins with.
const SUBJECT: &str = "system:serviceaccount:";
/// Longest DNS-1123 label.
const LABEL: usize = 63;
/// Longest DNS-1123 subdomain.
const SUBDOMAIN: usize = 253;
/// Kubernetes' uids are UUIDs of 36 characters. Another distribution's may be longer, not without bound.
const UID: usize = 128;

/// An object of a cluster: its name, and the uid that no other one ever has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Object {
    name: String,
    uid: String,
}

impl Object {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its uid.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }
}

/// Who presents a service-account token, as the cluster signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    account: Arc<Account>,
    uid: Arc<str>,
    pod: Option<Object>,
    node: Option<String>,
}

/// Why verified claims are no service account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadAccount {
    /// It lives in a Secret, and ends only when somebody deletes that.
    #[error(
        "the bearer token is one that is kept in a Secret; present a projected one with the gateway's audience"
    )]
    Legacy,
    /// A claim is missing or has another form.
    #[error("the bearer token's claims are not those of a service account: {0}")]
    Shape(&'static str),
    /// Its cluster says that it counts no longer.
    #[error("the bearer token counts no longer in its cluster: its pod or its account is gone")]
    Gone,
    /// The subject and the private claims differ.
    #[error("the bearer token's subject is another account than its {PRIVATE} claim")]
    Disagree,
}

impl Workload {
    /// Reads the claims that `cluster` signed. `subject` is their `sub`. What Kubernetes may add later is
    /// passed over; what is read must be there whole.
    ///
    /// # Errors
    /// Tokens from Secrets, and claims that are no service account's.
    pub fn read(cluster: &str, subject: &str, claims: &Map<String, Value>) -> Result<Workload, BadAccount> {
        if claims.keys().any(|key| key.starts_with(LEGACY)) {
            return Err(BadAccount::Legacy);
        }
        let private = claims.get(PRIVATE).ok_or(BadAccount::Shape("kubernetes.io is missing"))?;
        let private = private.as_object().ok_or(BadAccount::Shape("kubernetes.io is no object"))?;
        let namespace = private.get("namespace").and_then(Value::as_str);
        let namespace = namespace
            .filter(|namespace| is_namespace(namespace))
            .ok_or(BadAccount::Shape("the namespace is missing or is none"))?;
        let account = object(private, "serviceaccount", "the service account is not a name and a uid")?;
        let account = account.ok_or(BadAccount::Shape("the service account is missing"))?;
        if subject != format!("{SUBJECT}{namespace}:{}", account.name) {
            return Err(BadAccount::Disagree);
        }
        let pod = object(private, "pod", "the pod is not a name and a uid")?;
        let node = match private.get("node") {
            None => None,
            Some(node) => Some(node_name(node).ok_or(BadAccount::Shape("the node has no name"))?),
        };
        let name =
            Account { cluster: cluster.to_owned(), namespace: namespace.to_owned(), name: account.name };
        Ok(Workload { account: Arc::new(name), uid: account.uid.into(), pod, node })
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The account's uid: one that was deleted and made again has another.
    #[must_use]
    pub fn uid(&self) -> &Arc<str> {
        &self.uid
    }

    /// The running copy: the pod, or the token that somebody asked for by hand, by its id.
    #[must_use]
    pub fn instance(&self, token: &str) -> Instance {
        match &self.pod {
            Some(pod) => Instance::named("pod", &format!("{} {}", pod.name, pod.uid)),
            None => Instance::named("token", token),
        }
    }

    /// The pod that the token is bound to: the instance. None of a token that somebody asked for by hand.
    #[must_use]
    pub fn pod(&self) -> Option<&Object> {
        self.pod.as_ref()
    }

    /// The node that the pod runs on.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }
}

/// An object of the private claims. Of a pod that is bound to a token, Kubernetes always says both.
fn object(
    claims: &Map<String, Value>,
    key: &str,
    otherwise: &'static str,
) -> Result<Option<Object>, BadAccount> {
    let Some(value) = claims.get(key) else { return Ok(None) };
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let name = text("name").filter(|name| is_name(name, SUBDOMAIN));
    let uid = text("uid").filter(|uid| is_uid(uid));
    match (name, uid) {
        (Some(name), Some(uid)) => Ok(Some(Object { name: name.to_owned(), uid: uid.to_owned() })),
        _ => Err(BadAccount::Shape(otherwise)),
    }
}

/// A node has no uid in tokens that are bound to a pod which was not scheduled by then.
fn node_name(node: &Value) -> Option<String> {
    let name = node.get("name")?.as_str().filter(|name| is_name(name, SUBDOMAIN))?;
    Some(name.to_owned())
}

/// Whether it is a DNS-1123 label.
fn is_namespace(text: &str) -> bool {
    is_name(text, LABEL) && !text.contains('.')
}

/// Whether it is a DNS-1123 subdomain of at most so many characters.
fn is_name(text: &str, longest: usize) -> bool {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        let inside = bytes.iter().all(|byte| edge(byte) || *byte == b'-');
        inside && bytes.first().is_some_and(edge) && bytes.last().is_some_and(edge)
    };
    text.len() <= longest && text.split('.').all(is_part)
}

/// Whether it can be a uid: printed in the record and in messages as it is.
fn is_uid(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= UID && text.bytes().all(inside)
}
