//! Which agent makes this request. Asked of every request on its own.

use drawbridge_policy::{AgentName, Millis};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::means::{Instance, Means};
use super::proven::{Because, Proof, Proven, Stranger};
use super::token::{Expected, Token};
use crate::broker::headers::carries_token_protocol;
use crate::config::limits::Limits;
use crate::connection::peer::Peer;
use crate::refusal::Refusal;
use crate::state::identities::Recognised;
use crate::state::snapshot::Snapshot;

/// A recognised agent, and what was proven.
#[derive(Debug, Clone)]
pub struct Identity {
    agent: AgentName,
    proven: Proven,
}

impl Identity {
    /// The agent.
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// By what it was recognised.
    pub fn means(&self) -> &Means {
        &self.proven.means
    }

    /// Which of its copies asks.
    pub fn instance(&self) -> &Instance {
        &self.proven.instance
    }

    /// All that was proven.
    pub fn proven(&self) -> &Proven {
        &self.proven
    }
}

/// What credentials are checked against.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// The agents as they are now.
    pub snapshot: &'a Snapshot,
    /// The gateway's url, which tokens must name.
    pub audience: &'a str,
    /// Skew and lifetimes.
    pub limits: &'a Limits,
    /// The time now.
    pub now: Millis,
}

/// Recognises the agent by the request's token, or by the certificate that the connection proved. Both may be
/// there; then both must name the same agent.
pub fn authenticate(
    peer: &Peer,
    headers: &HeaderMap,
    id: &str,
    check: Check<'_>,
) -> Result<Identity, Refusal> {
    if carries_token_protocol(headers).is_some() {
        return Err(Refusal::Credential(
            "a token in Sec-WebSocket-Protocol is not accepted; put it in the Authorization header",
        ));
    }
    let by_token = match bearer(headers)? {
        Some(text) => Some(recognise(own(text, check)?, id, check)?),
        None => None,
    };
    let by_certificate = match certificate(peer, check)? {
        Some(proven) => Some(recognise(proven, id, check)?),
        None => None,
    };
    match (by_token, by_certificate) {
        (Some(token), Some(certificate)) if token.agent != certificate.agent => Err(Refusal::Credential(
            "the client certificate and the token name different agents; present one of them",
        )),
        (Some(identity), _) | (None, Some(identity)) => Ok(identity),
        (None, None) => Err(Refusal::NoCredential),
    }
}

/// Whose a proven identity is.
fn recognise(proven: Proven, id: &str, check: Check<'_>) -> Result<Identity, Refusal> {
    let because = match check.snapshot.recognise(&proven.means) {
        Recognised::Agent(agent) => return Ok(Identity { agent: agent.clone(), proven }),
        Recognised::Nobody => Because::Unknown,
        Recognised::Recreated(_) => Because::Recreated,
        Recognised::Several => Because::Several,
    };
    Err(Refusal::Unrecognised(Box::new(Stranger { id: id.to_owned(), proven, because })))
}

fn certificate(peer: &Peer, check: Check<'_>) -> Result<Option<Proven>, Refusal> {
    let Some(certificate) = peer.certificate() else { return Ok(None) };
    let limits = check.limits;
    let key = certificate
        .key_at(check.now, limits.skew, limits.certificate_lifetime)
        .map_err(Refusal::Certificate)?;
    Ok(Some(Proven {
        means: Means::Key(key.clone()),
        instance: Instance::of_key(key),
        credential: key.fingerprint(),
        proof: Proof::Certificate,
        ends: certificate.ends(),
    }))
}

/// The token in the `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::Credential("there is more than one Authorization header"));
    }
    let text = value.to_str().or(Err(Refusal::Credential("the Authorization header is not ASCII")))?;
    match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(rest.trim())),
        _ => Err(Refusal::Credential("only bearer tokens and client certificates are accepted")),
    }
}

/// A token that the agent signed with its own enrolled key.
fn own(text: &str, check: Check<'_>) -> Result<Proven, Refusal> {
    let token = Token::read(text).map_err(Refusal::Token)?;
    let expected = Expected {
        audience: check.audience,
        now: check.now,
        skew: check.limits.skew,
        longest: check.limits.token_lifetime,
    };
    let (key, ends) =
        token.verify(check.snapshot.keys_of(token.agent()), expected).map_err(Refusal::Token)?;
    Ok(Proven {
        means: Means::Key(key.clone()),
        instance: Instance::of_key(key),
        credential: key.fingerprint(),
        proof: Proof::Token,
        ends,
    })
}
