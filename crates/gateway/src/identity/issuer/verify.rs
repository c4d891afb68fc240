//! The check: a token that was read becomes claims that the issuer signed, or a reason why not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_policy::Millis;
use futures_util::future::join_all;
use serde_json::{Map, Value};
use thiserror::Error;

use super::Issuer;
use super::keys::{Known, Looked};
use super::keyset::NoKey;
use crate::identity::jwt::{BadToken, Jwt, Unproven, name};

/// What a token is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The gateway's own url, which must be an audience of the token, byte for byte.
    pub audience: &'a str,
    /// The time now.
    pub now: Millis,
    /// Clocks may differ by this much.
    pub skew: Duration,
}

/// Why there are no claims to believe.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum Unverified {
    /// The token does not count: 401.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// Nobody can tell, since the issuer can't be asked: 503. Holds its name here.
    #[error(
        "issuer {0:?} can't be asked for its keys, and none that is known fits the bearer token; try again \
         later"
    )]
    Unreachable(String),
}

/// What a trusted issuer signed, for this gateway, valid now.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    issuer: String,
    subject: String,
    expires: Millis,
    object: Map<String, Value>,
}

impl Claims {
    /// The name here of the issuer that signed them.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// When the token ends, without any skew.
    pub fn expires(&self) -> Millis {
        self.expires
    }

    /// All of them.
    pub fn object(&self) -> &Map<String, Value> {
        &self.object
    }

    /// The claim of that name, or within claims by a path with dots. A name that can be read in both ways is
    /// none.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        claim(&self.object, name)
    }
}

impl fmt::Debug for Claims {
    /// No values but who it is: claims may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// The claim of that name: of the object itself, or by a path with dots.
pub(crate) fn claim<'o>(object: &'o Map<String, Value>, name: &str) -> Option<&'o Value> {
    let whole = object.get(name);
    let mut parts = name.split('.');
    let first = parts.next().and_then(|part| object.get(part));
    let inner =
        name.contains('.').then(|| parts.try_fold(first?, |value, part| value.as_object()?.get(part)));
    match (whole, inner.flatten()) {
        (Some(claim), None) | (None, Some(claim)) => Some(claim),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

/// What known keys say about a token.
enum Look {
    Proven(Box<Claims>),
    Refused(BadToken),
    /// No known key is meant; fresh ones may have it.
    Missing(Unproven),
    /// No known key is meant, and too many wait for fresh ones.
    Unasked,
}

impl Issuer {
    /// Claims that this issuer signed, for this gateway, valid now. Asks the issuer for fresh keys at most
    /// once, and only for a token that is in order otherwise.
    ///
    /// # Errors
    /// The token does not count, or nobody can tell.
    pub async fn verify(&self, jwt: &Jwt<'_>, expected: Expected<'_>) -> Result<Claims, Unverified> {
        let mut look = self.look(jwt, expected);
        if matches!(look, Look::Missing(_)) {
            look = self.look_again(jwt, expected).await;
        }
        self.conclude(look)
    }

    /// Has the issuer asked, and looks at what is known then.
    async fn look_again(&self, jwt: &Jwt<'_>, expected: Expected<'_>) -> Look {
        let looked = self.keys.look_again().await;
        match (self.look(jwt, expected), looked) {
            (Look::Missing(_), Looked::No) => Look::Unasked,
            (look, Looked::Yes | Looked::No) => look,
        }
    }

    /// What is known now is all that there will be.
    fn conclude(&self, look: Look) -> Result<Claims, Unverified> {
        match look {
            Look::Proven(claims) => Ok(*claims),
            Look::Refused(bad) => Err(bad.into()),
            Look::Unasked => Err(Unverified::Unreachable(self.name.clone())),
            Look::Missing(_) if self.keys.known().is_in_doubt(self.now()) => {
                Err(Unverified::Unreachable(self.name.clone()))
            }
            Look::Missing(unproven) => Err(BadToken::from(unproven).into()),
        }
    }

    fn look(&self, jwt: &Jwt<'_>, expected: Expected<'_>) -> Look {
        let known = self.keys.known();
        match self.prove(&known, jwt, expected) {
            Ok(claims) => Look::Proven(Box::new(claims)),
            Err(BadToken::Unproven(missing @ Unproven::UnknownKey(_))) => Look::Missing(missing),
            Err(bad) => Look::Refused(bad),
        }
    }

    /// The whole check, against the keys that are known.
    fn prove(&self, known: &Known, jwt: &Jwt<'_>, expected: Expected<'_>) -> Result<Claims, BadToken> {
        let name = || self.name.clone();
        let algorithm = jwt.algorithm();
        if known.url().is_some_and(|url| &**url != jwt.issuer()) {
            return Err(Unproven::Issuer(name()).into());
        }
        if !self.algorithms.contains(&algorithm) {
            return Err(Unproven::Algorithm(name(), algorithm).into());
        }
        let (subject, expires) = self.in_order(jwt, expected)?;
        let set = known.set(self.now()).filter(|_| known.url().is_some());
        let set = set.ok_or_else(|| Unproven::UnknownKey(name()))?;
        let key = set.key(jwt.key_id(), algorithm).map_err(|none| match none {
            NoKey::Unknown => Unproven::UnknownKey(name()),
            NoKey::Ambiguous => Unproven::AmbiguousKey(name()),
            NoKey::Other => Unproven::OtherKey(name(), algorithm),
            NoKey::Unnamed => Unproven::NoKeyId(name()),
        })?;
        if !key.verifies(algorithm, jwt.signed(), jwt.signature()) {
            return Err(Unproven::Signature(name()).into());
        }
        Ok(Claims { issuer: name(), subject, expires, object: jwt.unproven_claims().clone() })
    }

    /// Whom it speaks of and when it ends, if it is for this gateway and for now. Not to be believed before
    /// the signature is seen to be good.
    fn in_order(&self, jwt: &Jwt<'_>, expected: Expected<'_>) -> Result<(String, Millis), BadToken> {
        let object = jwt.unproven_claims();
        if !names(object.get("aud"), expected.audience) {
            return Err(BadToken::Audience);
        }
        let expires = lifetime(object, self.longest, expected)?;
        let subject = object.get("sub").and_then(Value::as_str);
        let subject = subject.ok_or(BadToken::Shape("it names no subject (sub)"))?;
        let subject = name(subject, "its sub is empty, too long or has control characters")?;
        Ok((subject, expires))
    }
}

/// The one of `issuers` that signed the token, and its claims. Several may have the same `iss`, since many
/// clusters keep the name that their installer gave them: then their keys tell which it is. A cluster that
/// takes the name of an OpenID Connect issuer is not heard. All that is known is looked at before anybody is
/// asked.
///
/// # Errors
/// No issuer that is known here signed it, two did, or nobody can tell.
pub async fn verify_among(
    issuers: &[Arc<Issuer>],
    jwt: &Jwt<'_>,
    expected: Expected<'_>,
) -> Result<(Arc<Issuer>, Claims), Unverified> {
    let mut named: Vec<&Arc<Issuer>> =
        issuers.iter().filter(|issuer| issuer.keys.known().may_be(jwt.issuer())).collect();
    if named.iter().any(|issuer| issuer.keys.is_declared()) {
        named.retain(|issuer| issuer.keys.is_declared());
    }
    let mut looks: Vec<(&Arc<Issuer>, Look)> =
        named.into_iter().map(|issuer| (issuer, issuer.look(jwt, expected))).collect();
    if !looks.iter().any(|(_, look)| matches!(look, Look::Proven(_))) {
        looks = join_all(looks.into_iter().map(async |(issuer, look)| match look {
            Look::Missing(_) => (issuer, issuer.look_again(jwt, expected).await),
            Look::Proven(_) | Look::Refused(_) | Look::Unasked => (issuer, look),
        }))
        .await;
        looks.retain(|(issuer, _)| issuer.keys.known().may_be(jwt.issuer()));
    }
    let mut proven: Option<(Arc<Issuer>, Claims)> = None;
    let mut refused = None;
    for (issuer, look) in looks {
        match (issuer.conclude(look), &proven) {
            (Ok(_), Some((other, _))) => {
                let two = Unproven::TwoIssuers(other.name.clone(), issuer.name.clone());
                return Err(BadToken::from(two).into());
            }
            (Ok(claims), None) => proven = Some((issuer.clone(), claims)),
            // That nobody can tell weighs more than that one of them did not sign it.
            (Err(doubt @ Unverified::Unreachable(_)), _) => refused = Some(doubt),
            (Err(bad), _) => refused = refused.or(Some(bad)),
        }
    }
    match proven {
        Some(proven) => Ok(proven),
        None => Err(refused.unwrap_or_else(|| BadToken::from(Unproven::Stranger).into())),
    }
}

/// Whether `aud` (RFC 7519 §4.1.3: a text, or a list of texts) names the audience.
fn names(aud: Option<&Value>, audience: &str) -> bool {
    match aud {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(list)) => {
            list.iter().all(Value::is_string) && list.iter().any(|one| one.as_str() == Some(audience))
        }
        Some(_) | None => false,
    }
}

/// When the token ends, if it is valid now and not for longer than it may be.
fn lifetime(
    claims: &Map<String, Value>,
    longest: Duration,
    expected: Expected<'_>,
) -> Result<Millis, BadToken> {
    let exp = seconds(claims, "exp")?.ok_or(BadToken::Shape("it has no end (exp)"))?;
    let iat = seconds(claims, "iat")?.ok_or(BadToken::Shape("it does not say when it was issued (iat)"))?;
    let begins = seconds(claims, "nbf")?.unwrap_or(iat).max(iat);
    if exp < iat {
        return Err(BadToken::Shape("it ends before it was issued"));
    }
    if exp.saturating_sub(iat) > i64::try_from(longest.as_secs()).unwrap_or(i64::MAX) {
        return Err(BadToken::LongLived(longest.as_secs()));
    }
    let now = expected.now.0.div_euclid(1_000);
    let skew = i64::try_from(expected.skew.as_secs()).unwrap_or(i64::MAX);
    if begins > now.saturating_add(skew) {
        return Err(BadToken::Early);
    }
    if exp.saturating_add(skew) <= now {
        return Err(BadToken::Expired);
    }
    Ok(Millis(exp.saturating_mul(1_000)))
}

/// Whole seconds since 1970. RFC 7519 lets a NumericDate have a fraction; nobody who issues tokens does that.
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, BadToken> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().filter(|seconds| *seconds >= 0);
    seconds.map(Some).ok_or(BadToken::Shape("its exp, iat or nbf is not a number of whole seconds"))
}
