//! What one entry says. The field names are the record's format: they are documented in
//! docs/reference/record.md and never change their meaning.

use drawbridge_policy::{Attributes, Millis, Payload};
use drawbridge_store::{Part, Row};
use http::header::USER_AGENT;
use serde::Serialize;
use serde_json::Value;

use super::redact;
use crate::connection::peer::Peer;
use crate::identity::authenticate::Identity;
use crate::identity::proven::Proven;

/// Of a caller's own words so many characters are kept.
const LONGEST_WORDS: usize = 1_024;

/// A request as the record keeps it: filled in step by step along the path.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// The entry's id; the cluster's audit log has it as `Audit-ID`.
    pub request: String,
    /// Of a dry run of the gateway's own, the id of the request that it was made to decide on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal_of: Option<String>,
    /// The entry of the collection that this is one object of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Where the connection comes from.
    pub source: String,
    /// The agent, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Fingerprint of the key that was proven, or the token's own id (`JTI=…`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The form in which the credential was presented: `certificate` or `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<&'static str>,
    /// What kind of identity it showed: `key`, `service-account` or `oidc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<&'static str>,
    /// Who that is, in the words of whoever vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The running copy of the agent: its key, pod or CI run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The token's or session's own id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The caller's User-Agent: its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The cluster's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// HTTP method as received.
    pub method: String,
    /// The path as received, cut at 1,024 characters.
    pub path: String,
    /// The query, once it was understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The verb that was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_group: Option<String>,
    /// Resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// Namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Object name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Subject {
    /// What can be said of a request before anything in it is believed.
    pub fn of<B>(peer: &Peer, request: &http::Request<B>) -> Subject {
        let cut = |text: &str| text.chars().take(LONGEST_WORDS).collect::<String>();
        let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        Subject {
            request: uuid::Uuid::now_v7().to_string(),
            source: peer.address().to_string(),
            user_agent: user_agent.map(cut),
            method: cut(request.method().as_str()),
            path: cut(request.uri().path()),
            ..Subject::default()
        }
    }

    /// Notes what the request asks for.
    pub fn asks(&mut self, attributes: &Attributes) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        self.verb = Some(attributes.decided_verb().to_string());
        self.query = some(&attributes.query().encoded());
        if let Some(resource) = attributes.resource() {
            self.api_group = Some(resource.group().to_owned());
            self.resource = some(resource.resource());
            self.subresource = some(resource.subresource());
            self.namespace = some(resource.namespace());
            self.name = some(resource.name());
        }
    }

    /// One object of the collection that this request is about, as the subject of an entry of its own.
    pub fn one(&self, attributes: &Attributes) -> Subject {
        let last = attributes.path().rsplit('/').next().unwrap_or_default();
        let path = format!("{}/{last}", self.path).chars().take(LONGEST_WORDS).collect();
        let request = uuid::Uuid::now_v7().to_string();
        let mut one = Subject { collection: Some(self.request.clone()), request, path, ..self.clone() };
        one.asks(attributes);
        one
    }

    /// Notes who asks, and how that is known.
    pub fn by(&mut self, identity: &Identity) {
        self.agent = Some(identity.agent().as_str().to_owned());
        self.instance = Some(identity.instance().as_str().to_owned());
        self.by_stranger(identity.proven());
    }

    /// Notes what was proven, whoever that is.
    pub fn by_stranger(&mut self, proven: &Proven) {
        self.credential = Some(proven.credential.clone());
        self.proof = Some(proven.proof.as_str());
        self.identity = Some(proven.means.kind());
        self.subject = Some(proven.means.subject());
    }

    /// The row of one part of this request's entry.
    pub fn row(&self, part: Part, time: Millis, result: Option<&str>, more: Value) -> Row {
        let mut body = serde_json::json!({ "time": time.0, "part": part.as_str(), "request": self });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        Row {
            agent: self.agent.clone(),
            session: self.session.clone(),
            cluster: self.cluster.clone(),
            verb: self.verb.clone(),
            api_group: self.api_group.clone(),
            resource: self.resource.clone(),
            subresource: self.subresource.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            result: result.map(str::to_owned),
            ..Row::new(self.request.clone(), part, time.0, body.to_string())
        }
    }
}

/// What the record keeps of a body: its digest, salted with the request's id, and for a write the body
/// itself with Secret values left out.
pub fn body_fields(request: &str, attributes: &Attributes, payload: &Payload) -> Value {
    if payload.bytes().is_empty() {
        return Value::Null;
    }
    let mut salted = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    salted.update(request.as_bytes());
    salted.update(payload.bytes());
    serde_json::json!({
        "contentType": payload.content_type(),
        "bytes": payload.bytes().len(),
        "digest": format!("sha256:{}", hex(salted.finish().as_ref())),
        "content": redact::content(attributes, payload),
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String can't fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}
