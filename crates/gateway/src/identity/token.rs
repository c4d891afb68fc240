//! A token that an agent signs with its own enrolled key, for where TLS ends in front of the gateway.

use std::time::Duration;

use drawbridge_policy::{AgentName, Millis};
use serde::Deserialize;
use serde_json::Value;

use crate::identity::jwt::{Algorithm, Jwt};
use crate::identity::key::PublicKey;

pub use crate::identity::jwt::BadToken;

/// Header parameters that are understood. Everything else is refused: nobody else makes these tokens.
const HEADER: [&str; 3] = ["alg", "typ", "kid"];

/// The claims that must all be there. Others are refused: nobody would check them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    iat: i64,
    jti: String,
    nbf: Option<i64>,
}

/// A token that was read but not yet believed.
#[derive(Debug)]
pub struct Token<'a> {
    jwt: &'a Jwt<'a>,
    agent: AgentName,
    claims: Claims,
}

/// What a token is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The gateway's own url.
    pub audience: &'a str,
    /// The time now.
    pub now: Millis,
    /// How much clocks may differ.
    pub skew: Duration,
    /// The longest life a token may have.
    pub longest: Duration,
}

impl<'a> Token<'a> {
    /// Reads which agent a token speaks of, so that its keys can be looked up.
    ///
    /// # Errors
    /// A token of another shape than agents make.
    pub fn of(jwt: &'a Jwt<'a>) -> Result<Token<'a>, BadToken> {
        if jwt.algorithm() != Algorithm::EdDsa {
            return Err(BadToken::Shape("its algorithm is not EdDSA, which tokens of enrolled keys have"));
        }
        if jwt.header_names().any(|name| !HEADER.contains(&name)) {
            return Err(BadToken::Shape("its header has more than alg, typ and kid"));
        }
        if jwt.kind().is_some_and(|kind| !kind.eq_ignore_ascii_case("JWT")) {
            return Err(BadToken::Shape("its typ is not JWT"));
        }
        let claims = Value::Object(jwt.unproven_claims().clone());
        let claims: Claims = serde_json::from_value(claims).map_err(|error| {
            tracing::debug!(%error, "token has other claims");
            BadToken::Shape(
                "its claims must be iss, sub, aud, exp, iat and jti, as an enrolled key signs them",
            )
        })?;
        if claims.iss != claims.sub {
            return Err(BadToken::Names);
        }
        let agent = AgentName::parse(&claims.sub).map_err(|error| {
            tracing::debug!(%error, "token names no agent");
            BadToken::Names
        })?;
        Ok(Token { jwt, agent, claims })
    }

    /// The agent that the token names. Not believed before [`Token::verify`].
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// The one of `keys` that signed the token, if it is for this gateway and valid now, and its end.
    ///
    /// # Errors
    /// None of them did, or it is not for this gateway or not for now.
    pub fn verify<'k>(
        &self,
        mut keys: impl Iterator<Item = &'k PublicKey>,
        expected: Expected<'_>,
    ) -> Result<(&'k PublicKey, Millis), BadToken> {
        let signed = |key: &&PublicKey| key.verify(self.jwt.signed(), self.jwt.signature());
        let key = keys.find(signed).ok_or(BadToken::Signature)?;
        check(&self.claims, expected)?;
        Ok((key, Millis(self.claims.exp.saturating_mul(1_000))))
    }
}

fn check(claims: &Claims, expected: Expected<'_>) -> Result<(), BadToken> {
    let now = expected.now.0 / 1_000;
    let skew = i64::try_from(expected.skew.as_secs()).unwrap_or(i64::MAX);
    let longest = expected.longest.as_secs();
    if claims.aud != expected.audience {
        return Err(BadToken::Audience);
    }
    if claims.jti.is_empty() || claims.jti.len() > 128 {
        return Err(BadToken::Shape("its jti is empty or longer than 128 bytes"));
    }
    if claims.exp.saturating_sub(claims.iat) > i64::try_from(longest).unwrap_or(i64::MAX) {
        return Err(BadToken::LongLived(longest));
    }
    let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
    if begins > now.saturating_add(skew) {
        return Err(BadToken::Early);
    }
    if claims.exp.saturating_add(skew) <= now {
        return Err(BadToken::Expired);
    }
    Ok(())
}
