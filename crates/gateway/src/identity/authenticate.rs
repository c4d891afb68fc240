//! Which agent makes this request. Asked of every request on its own.

use drawbridge_policy::{AgentName, Millis};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::jwt::Jwt;
use super::key::PublicKey;
use super::token::{Expected, Token};
use crate::broker::headers::carries_token_protocol;
use crate::config::limits::Limits;
use crate::connection::peer::Peer;
use crate::refusal::Refusal;
use crate::state::snapshot::Snapshot;

/// A recognised agent, and the enrolled key that was proven.
#[derive(Debug, Clone)]
pub struct Identity {
    agent: AgentName,
    key: PublicKey,
    proof: Proof,
}

/// How possession of the key was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// In the TLS handshake.
    Certificate,
    /// By a signature over a short-lived token.
    Token,
}

impl Proof {
    /// The record's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Proof::Certificate => "certificate",
            Proof::Token => "token",
        }
    }
}

impl Identity {
    /// The agent.
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// The key that was proven.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// How.
    pub fn proof(&self) -> Proof {
        self.proof
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
    let by_token = token(headers, check)?;
    let by_certificate = certificate(peer, id, check)?;
    match (by_token, by_certificate) {
        (Some(token), Some(certificate)) if token.agent != certificate.agent => Err(Refusal::Credential(
            "the client certificate and the token name different agents; present one of them",
        )),
        (Some(identity), _) | (None, Some(identity)) => Ok(identity),
        (None, None) => Err(Refusal::NoCredential),
    }
}

fn certificate(peer: &Peer, id: &str, check: Check<'_>) -> Result<Option<Identity>, Refusal> {
    let Some(certificate) = peer.certificate() else { return Ok(None) };
    let limits = check.limits;
    let key = certificate
        .key_at(check.now, limits.skew, limits.certificate_lifetime)
        .map_err(Refusal::Certificate)?;
    match check.snapshot.agent_of(key) {
        Some(agent) => {
            Ok(Some(Identity { agent: agent.clone(), key: key.clone(), proof: Proof::Certificate }))
        }
        None => Err(Refusal::Unrecognised(id.to_owned())),
    }
}

fn token(headers: &HeaderMap, check: Check<'_>) -> Result<Option<Identity>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::Credential("there is more than one Authorization header"));
    }
    let text = value.to_str().or(Err(Refusal::Credential("the Authorization header is not ASCII")))?;
    let text = match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        _ => return Err(Refusal::Credential("only bearer tokens and client certificates are accepted")),
    };
    let jwt = Jwt::read(text).map_err(Refusal::Token)?;
    let token = Token::of(&jwt).map_err(Refusal::Token)?;
    let expected = Expected {
        audience: check.audience,
        now: check.now,
        skew: check.limits.skew,
        longest: check.limits.token_lifetime,
    };
    let key = token.verify(check.snapshot.keys_of(token.agent()), expected).map_err(Refusal::Token)?;
    Ok(Some(Identity { agent: token.agent().clone(), key: key.clone(), proof: Proof::Token }))
}
