//! A bearer JWT, read without believing it (RFC 7515, RFC 7519, and the advice of RFC 8725). What could be
//! read in two ways, or asks for keys or processing of its own choice, is refused before any key is looked
//! at.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use thiserror::Error;

use super::strict;

/// The longest token that is looked at. Tokens with long lists of groups have some kilobytes.
pub const MAX_TOKEN: usize = 16 * 1024;
/// The longest key id, issuer or subject. OpenID Connect allows subjects 255 characters, and the subject of a
/// Kubernetes service account has fewer than 400.
pub const MAX_NAME: usize = 1_024;

/// Header parameters that change what is signed or where its key comes from, and how the token is refused.
const REFUSED: [(&str, &str); 9] = [
    ("crit", "its header has crit, and no extension is understood here"),
    ("b64", "its header has b64, which changes what is signed"),
    ("jwk", "its header brings its own key (jwk)"),
    ("jku", "its header says where to get its key (jku)"),
    ("x5u", "its header says where to get its certificate (x5u)"),
    ("x5c", "its header brings its own certificate (x5c)"),
    ("zip", "its header has zip: compressed tokens are not read"),
    ("enc", "it is encrypted (enc): encrypted tokens are not read"),
    ("epk", "it is encrypted (epk): encrypted tokens are not read"),
];

/// The signature algorithms there are here (RFC 7518 §3.1, RFC 8037 §3.1). None is symmetric: no key of an
/// issuer's can ever be used as the secret of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5, SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5, SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5, SHA-512.
    Rs512,
    /// RSA PSS, SHA-256.
    Ps256,
    /// RSA PSS, SHA-384.
    Ps384,
    /// RSA PSS, SHA-512.
    Ps512,
    /// ECDSA on P-256, SHA-256.
    Es256,
    /// ECDSA on P-384, SHA-384.
    Es384,
    /// ECDSA on P-521, SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every one, in the order of documents.
    pub const ALL: [Algorithm; 10] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
    ];

    /// Its name in a header or a manifest. Case counts (RFC 7515 §4.1.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Ps256 => "PS256",
            Algorithm::Ps384 => "PS384",
            Algorithm::Ps512 => "PS512",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::Es512 => "ES512",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name.
    pub fn parse(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a token does not count. Says nothing that the caller doesn't know already.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum BadToken {
    /// It isn't a JWT, or not one of a shape that is read here.
    #[error("the bearer token can't be used: {0}")]
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
    #[error("the bearer token has expired; get a new one")]
    Expired,
    /// It would live too long.
    #[error("the bearer token lives longer than the {0} s allowed here; get a shorter one")]
    LongLived(u64),
    /// The trusted issuer that it names did not sign it, as far as its keys show.
    #[error(transparent)]
    Unproven(#[from] Unproven),
}

/// Why a token is not proven to be the issuer's. Each holds the trusted issuer's name here, for the record;
/// the sentence, which the caller gets, is without it.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum Unproven {
    /// Nobody here trusts its issuer.
    #[error("the bearer token's issuer is not one that is trusted here")]
    Stranger,
    /// Its `iss` isn't exactly the issuer's.
    #[error(
        "the bearer token's issuer is not exactly one that is trusted; a slash at the end makes another one"
    )]
    Issuer(String),
    /// The algorithm isn't on the issuer's list.
    #[error("the bearer token is signed with {1}, which is not accepted from its issuer")]
    Algorithm(String, Algorithm),
    /// No key of that id, though the issuer was asked lately.
    #[error("its issuer has no key of the bearer token's kid; get a new token from it")]
    UnknownKey(String),
    /// It doesn't say which key, and several may be.
    #[error("the bearer token has no kid, and its issuer has not exactly one key that it could be")]
    NoKeyId(String),
    /// The issuer's keys can't tell.
    #[error(
        "its issuer has different keys of the bearer token's kid; its administrator must tell them apart"
    )]
    AmbiguousKey(String),
    /// The key is for something else.
    #[error("the key of its issuer that the bearer token names is not one for {1}")]
    OtherKey(String, Algorithm),
    /// Signed by somebody else, or changed.
    #[error("the bearer token's signature is not by the key of its issuer that it names")]
    Signature(String),
    /// Keys of two issuers verify it.
    #[error("the bearer token is signed with a key that two trusted issuers have")]
    TwoIssuers(String, String),
}

impl Unproven {
    /// The names here of the issuers that it is about.
    pub fn issuers(&self) -> Vec<&str> {
        match self {
            Unproven::Stranger => Vec::new(),
            Unproven::Issuer(name)
            | Unproven::Algorithm(name, _)
            | Unproven::UnknownKey(name)
            | Unproven::NoKeyId(name)
            | Unproven::AmbiguousKey(name)
            | Unproven::OtherKey(name, _)
            | Unproven::Signature(name) => vec![name],
            Unproven::TwoIssuers(one, other) => vec![one, other],
        }
    }
}

/// A token that was read but not yet believed.
pub struct Jwt<'a> {
    text: &'a str,
    algorithm: Algorithm,
    key_id: Option<String>,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    issuer: String,
    /// Where the signed part ends: header, dot and claims.
    signed: usize,
    signature: Vec<u8>,
}

impl<'a> Jwt<'a> {
    /// Reads a compact JWS of at most [`MAX_TOKEN`] bytes whose claims are an object with an issuer.
    ///
    /// # Errors
    /// [`BadToken::Shape`], with what is wrong.
    pub fn read(text: &'a str) -> Result<Jwt<'a>, BadToken> {
        if text.len() > MAX_TOKEN {
            return Err(BadToken::Shape("it is longer than 16 KiB"));
        }
        let mut parts = text.split('.');
        let (Some(head), Some(body), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadToken::Shape("it is no JWT: it has not exactly three parts"));
        };
        let header = part(head)?;
        let (algorithm, key_id) = understood(&header)?;
        let claims = part(body)?;
        let issuer = match claims.get("iss") {
            Some(Value::String(issuer)) => {
                name(issuer, "its iss is empty, too long or has control characters")
            }
            Some(_) | None => Err(BadToken::Shape("it names no issuer (iss)")),
        }?;
        let signature = decoded(signature)?;
        if signature.is_empty() {
            return Err(BadToken::Shape("it is not signed"));
        }
        let signed = head.len().saturating_add(1).saturating_add(body.len());
        Ok(Jwt { text, algorithm, key_id, header, claims, issuer, signed, signature })
    }

    /// Who it says issued it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// How it says it is signed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// With which of the issuer's keys.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The names in its header.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.header.keys().map(String::as_str)
    }

    /// What kind of token it says it is, where it does.
    pub fn kind(&self) -> Option<&str> {
        self.header.get("typ").and_then(Value::as_str)
    }

    /// What it claims. Nobody has shown that any of it is true.
    pub fn unproven_claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The bytes that the signature is over.
    pub fn signed(&self) -> &[u8] {
        self.text.as_bytes().get(..self.signed).unwrap_or_default()
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Debug for Jwt<'_> {
    /// Not the text: whoever reads a log could use it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("issuer", &self.issuer)
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// The algorithm and the key's id.
fn understood(header: &Map<String, Value>) -> Result<(Algorithm, Option<String>), BadToken> {
    let refused = REFUSED.iter().find(|(name, _)| header.contains_key(*name));
    if let Some((_, why)) = refused {
        return Err(BadToken::Shape(why));
    }
    let algorithm = match header.get("alg").and_then(Value::as_str) {
        None => return Err(BadToken::Shape("its header names no algorithm")),
        Some(name) => Algorithm::parse(name).ok_or_else(|| not_taken(name))?,
    };
    match header.get("typ") {
        None => {}
        Some(Value::String(typ)) if is_plain(typ) => {}
        // A logout token, say, is signed with the same key and means something else (RFC 8725 §3.11).
        Some(_) => return Err(BadToken::Shape("its typ is neither JWT nor at+jwt")),
    }
    let key_id = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) => Some(name(kid, "its kid is empty, too long or has control characters")?),
        Some(_) => return Err(BadToken::Shape("its kid is not a text")),
    };
    Ok((algorithm, key_id))
}

fn not_taken(algorithm: &str) -> BadToken {
    if algorithm.eq_ignore_ascii_case("none") {
        return BadToken::Shape("it is not signed (alg none)");
    }
    if algorithm.starts_with("HS") {
        return BadToken::Shape(
            "it is signed with a shared secret (HMAC); only public keys are accepted here",
        );
    }
    BadToken::Shape("its algorithm is not one that is accepted here")
}

/// RFC 7519 §5.1 and RFC 9068 §2.1; media types don't count case, and may have their prefix.
fn is_plain(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
}

/// A text that names something: not empty, not long, and nothing that would break a line of a log.
pub(super) fn name(text: &str, why: &'static str) -> Result<String, BadToken> {
    if text.is_empty() || text.len() > MAX_NAME || text.chars().any(char::is_control) {
        return Err(BadToken::Shape(why));
    }
    Ok(text.to_owned())
}

fn part(text: &str) -> Result<Map<String, Value>, BadToken> {
    let bytes = decoded(text)?;
    let object = strict::object(&bytes);
    object.ok_or(BadToken::Shape("its header or its claims are no JSON object, or have a name twice"))
}

/// Strict base64url: no padding, no line ends, no bits left over (RFC 7515 §2, RFC 4648 §3.5).
fn decoded(text: &str) -> Result<Vec<u8>, BadToken> {
    URL_SAFE_NO_PAD.decode(text).or(Err(BadToken::Shape("a part of it is not base64url without padding")))
}

#[cfg(test)]
#[path = "jwt/tests.rs"]
mod tests;
