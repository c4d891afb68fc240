//! A token that an agent signs with its own enrolled key, for where TLS ends in front of the gateway.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drawbridge_policy::{AgentName, Millis};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use thiserror::Error;

use crate::identity::key::PublicKey;

/// Tokens longer than this are not looked at: ours have about 300 bytes.
const MAX_TOKEN: usize = 4_096;

/// Why a token does not count.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadToken {
    /// It isn't a JWT of our shape.
    #[error("the bearer token is not one that an enrolled key signed: {0}")]
    Shape(&'static str),
    /// No key of the named agent signed it.
    #[error("the bearer token's signature is not by a key enrolled for the agent it names")]
    Signature,
    /// It is meant for somebody else.
    #[error("the bearer token is meant for another audience; it must name this gateway's url")]
    Audience,
    /// Issuer and subject differ.
    #[error("the bearer token's issuer and subject must both be the agent's name")]
    Names,
    /// Its time has not come.
    #[error("the bearer token is not valid yet; check the clocks of both machines")]
    Early,
    /// Its time is over.
    #[error("the bearer token has expired; sign a new one")]
    Expired,
    /// It would live too long.
    #[error("the bearer token lives longer than the {0} s allowed here; sign a shorter one")]
    LongLived(u64),
}

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

/// The header's fields that are understood. `crit` and everything else is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

/// A token that was read but not yet believed.
#[derive(Debug)]
pub struct Token<'a> {
    text: &'a str,
    agent: AgentName,
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
    pub fn read(text: &'a str) -> Result<Token<'a>, BadToken> {
        if text.len() > MAX_TOKEN {
            return Err(BadToken::Shape("it is too long"));
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadToken::Shape("it has not three parts"));
        };
        let header: Header = part(header)?;
        if header.alg != "EdDSA" {
            return Err(BadToken::Shape("its algorithm is not EdDSA"));
        }
        if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(BadToken::Shape("its type is not JWT"));
        }
        if header.kid.is_some_and(|kid| kid.is_empty()) {
            return Err(BadToken::Shape("its kid is empty"));
        }
        let claims: Claims = part(claims)?;
        if claims.iss != claims.sub {
            return Err(BadToken::Names);
        }
        let agent = AgentName::parse(&claims.sub).map_err(|error| {
            tracing::debug!(%error, "token names no agent");
            BadToken::Names
        })?;
        Ok(Token { text, agent })
    }

    /// The agent that the token names. Not believed before [`Token::verify`].
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// The one of `keys` that signed the token, if it is for this gateway and valid now, and its end.
    pub fn verify<'k>(
        &self,
        keys: impl Iterator<Item = &'k PublicKey>,
        expected: Expected<'_>,
    ) -> Result<(&'k PublicKey, Millis), BadToken> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The time is the clock's that was handed in, and the audience is compared as one exact string.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        for key in keys {
            let decoding = DecodingKey::from_ed_der(key.bytes());
            let Ok(data) = jsonwebtoken::decode::<Claims>(self.text, &decoding, &validation) else {
                continue;
            };
            check(&data.claims, &self.agent, expected)?;
            return Ok((key, Millis(data.claims.exp.saturating_mul(1_000))));
        }
        Err(BadToken::Signature)
    }
}

fn check(claims: &Claims, agent: &AgentName, expected: Expected<'_>) -> Result<(), BadToken> {
    let now = expected.now.0 / 1_000;
    let skew = i64::try_from(expected.skew.as_secs()).unwrap_or(i64::MAX);
    let longest = expected.longest.as_secs();
    if claims.sub != agent.as_str() || claims.iss != claims.sub {
        return Err(BadToken::Names);
    }
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

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, BadToken> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| {
        tracing::debug!(%error, "token part is not base64url");
        BadToken::Shape("a part of it is not base64url")
    })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        tracing::debug!(%error, "token part has another shape");
        BadToken::Shape(
            "its header may have alg, typ and kid, its claims must be iss, sub, aud, exp, iat and jti",
        )
    })
}
