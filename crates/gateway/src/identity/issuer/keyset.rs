//! An issuer's set of keys (RFC 7517, RFC 7518 §6, RFC 8037), as far as tokens may be signed with them.

use std::collections::BTreeSet;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, EcdsaVerificationAlgorithm,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::identity::jwt::{Algorithm, MAX_NAME};
use crate::identity::key::PublicKey;
use crate::identity::strict;

/// Keys that one set may have. Large providers have ten; each costs a comparison per token.
const MAX_KEYS: usize = 100;
/// The fewest and the most bits of an RSA modulus: NIST SP 800-131A, and what verifies in bounded time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// The least public exponent (FIPS 186-5 §A.1.1: greater than 2^16), and the longest in bytes. With the
/// exponent 1 everything would be a signature of itself.
const RSA_EXPONENT: u64 = 65_537;
/// This much of a key's id is told in a report.
const TOLD: usize = 64;

/// The keys that count.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// Ids under which the set has several different keys.
    ambiguous: BTreeSet<String>,
    left_out: Vec<String>,
}

/// Why a set of keys is of no use.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum BadKeySet {
    #[error("it is no JSON object with a list of keys, or it has a name twice")]
    Shape,
    #[error("it has {0} keys; {MAX_KEYS} are read at most")]
    TooMany(usize),
    #[error("it has no key that tokens may be signed with: {0}")]
    Empty(String),
}

/// Why no key of the set can be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// None has the id.
    Unknown,
    /// Different ones have it.
    Ambiguous,
    /// Those that have it are for something else.
    Other,
    /// No id was given, and not exactly one key fits.
    Unnamed,
}

/// One public key, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    id: Option<String>,
    /// The only algorithm that it is for, where the set says so.
    only: Option<Algorithm>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec(Curve, Vec<u8>),
    Ed25519(PublicKey),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    P521,
}

impl KeySet {
    /// Reads a JWK set. Keys that are too weak, of another kind or for another use are left out; which ones,
    /// and why, can be asked.
    pub(super) fn read(bytes: &[u8]) -> Result<KeySet, BadKeySet> {
        let set = strict::object(bytes).ok_or(BadKeySet::Shape)?;
        let Some(Value::Array(list)) = set.get("keys") else { return Err(BadKeySet::Shape) };
        if list.len() > MAX_KEYS {
            return Err(BadKeySet::TooMany(list.len()));
        }
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for jwk in list {
            match Key::read(jwk) {
                Ok(key) if keys.contains(&key) => {}
                Ok(key) => keys.push(key),
                Err(why) => left_out.push(format!("{}: {why}", called(jwk))),
            }
        }
        if keys.is_empty() {
            let why = if left_out.is_empty() { "it is empty".to_owned() } else { left_out.join("; ") };
            return Err(BadKeySet::Empty(why));
        }
        let ambiguous = ambiguous(&keys);
        Ok(KeySet { keys, ambiguous, left_out })
    }

    /// How many keys it has.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that don't count, and ids that several keys have: a sentence each.
    pub(super) fn left_out(&self) -> Vec<String> {
        let twice = self.ambiguous.iter().map(|id| {
            let id: String = id.chars().take(TOLD).collect();
            format!("key {id:?}: the set has different keys of this id")
        });
        self.left_out.iter().cloned().chain(twice).collect()
    }

    /// The one key that a token of this key id and algorithm may be signed with. A token without an id may
    /// be only where exactly one key fits.
    pub(super) fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, NoKey> {
        let Some(id) = id else {
            let mut fitting = self.keys.iter().filter(|key| key.is_for(algorithm));
            return match (fitting.next(), fitting.next()) {
                (Some(key), None) => Ok(key),
                (None | Some(_), _) => Err(NoKey::Unnamed),
            };
        };
        if self.ambiguous.contains(id) {
            return Err(NoKey::Ambiguous);
        }
        let mut named = self.keys.iter().filter(|key| key.id.as_deref() == Some(id)).peekable();
        if named.peek().is_none() {
            return Err(NoKey::Unknown);
        }
        named.find(|key| key.is_for(algorithm)).ok_or(NoKey::Other)
    }
}

/// Ids of several keys that are not the same one for several algorithms.
fn ambiguous(keys: &[Key]) -> BTreeSet<String> {
    let clash = |a: &Key, b: &Key| a.id == b.id && a.material != b.material;
    let clashing = keys.iter().filter(|a| keys.iter().any(|b| clash(a, b)));
    clashing.filter_map(|key| key.id.clone()).collect()
}

/// How a report calls a key.
fn called(jwk: &Value) -> String {
    match jwk.get("kid").and_then(Value::as_str) {
        Some(id) => format!("key {:?}", id.chars().take(TOLD).collect::<String>()),
        None => "a key without kid".to_owned(),
    }
}

impl Key {
    fn read(jwk: &Value) -> Result<Key, &'static str> {
        let jwk = jwk.as_object().ok_or("it is no JSON object")?;
        let material = Material::read(jwk)?;
        for private in ["d", "p", "q", "k"] {
            if jwk.contains_key(private) {
                return Err("its private half is published; it must be replaced");
            }
        }
        let signs = match jwk.get("use") {
            None => true,
            Some(purpose) => purpose.as_str() == Some("sig"),
        };
        let verifies = match jwk.get("key_ops") {
            None => true,
            Some(Value::Array(operations)) => operations.iter().any(|one| one.as_str() == Some("verify")),
            Some(_) => false,
        };
        if !signs || !verifies {
            return Err("it is not for signatures");
        }
        let only = match jwk.get("alg") {
            None => None,
            Some(name) => {
                let algorithm = name.as_str().and_then(Algorithm::parse);
                Some(algorithm.ok_or("its alg is not one that is accepted here")?)
            }
        };
        let id = match jwk.get("kid") {
            None => None,
            Some(Value::String(id)) if !id.is_empty() && id.len() <= MAX_NAME => Some(id.clone()),
            Some(_) => return Err("its kid is no text, empty or too long"),
        };
        match only {
            Some(algorithm) if !material.takes(algorithm) => Err("its alg is not one for its kind of key"),
            Some(_) | None => Ok(Key { id, only, material }),
        }
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        self.only.is_none_or(|only| only == algorithm) && self.material.takes(algorithm)
    }

    /// Whether `signature` is this key's over `message`, made with `algorithm`.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.is_for(algorithm) {
            return false;
        }
        let verified = match &self.material {
            Material::Rsa { n, e } => match rsa(algorithm) {
                Some(parameters) => RsaPublicKeyComponents { n, e }.verify(parameters, message, signature),
                None => return false,
            },
            Material::Ec(curve, point) => {
                UnparsedPublicKey::new(curve.algorithm(), point).verify(message, signature)
            }
            Material::Ed25519(key) => return key.verify(message, signature),
        };
        verified.is_ok()
    }
}

impl Material {
    fn read(jwk: &Map<String, Value>) -> Result<Material, &'static str> {
        match jwk.get("kty").and_then(Value::as_str) {
            Some("RSA") => Material::rsa(jwk),
            Some("EC") => Material::ec(jwk),
            Some("OKP") => Material::okp(jwk),
            // Nothing that an issuer publishes is a secret, so nothing that it signs with can be one.
            Some("oct") => Err("it is a shared secret"),
            Some(_) | None => Err("it is of a kind that is not read here"),
        }
    }

    fn rsa(jwk: &Map<String, Value>) -> Result<Material, &'static str> {
        let (n, e) = (number(jwk, "n")?, number(jwk, "e")?);
        let leading = n.first().map_or(0, |byte| usize::try_from(byte.leading_zeros()).unwrap_or(0));
        let bits = n.len().saturating_mul(8).saturating_sub(leading);
        if bits < *RSA_BITS.start() {
            return Err("it is an RSA key of less than 2048 bits, which is too weak");
        }
        if bits > *RSA_BITS.end() {
            return Err("it is an RSA key of more than 8192 bits");
        }
        // No more than 4 bytes, so that it fits.
        let exponent = e.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        if e.len() > 4 || exponent < RSA_EXPONENT || exponent % 2 == 0 {
            return Err("its exponent is not an odd number from 65537 to 2^32, which is too weak");
        }
        let components = RsaPublicKeyComponents { n: &n, e: &e };
        if components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).is_err() {
            return Err("it is no RSA key");
        }
        Ok(Material::Rsa { n, e })
    }

    fn ec(jwk: &Map<String, Value>) -> Result<Material, &'static str> {
        let curve = match jwk.get("crv").and_then(Value::as_str) {
            Some("P-256") => Curve::P256,
            Some("P-384") => Curve::P384,
            Some("P-521") => Curve::P521,
            Some(_) | None => return Err("its curve is none of P-256, P-384 and P-521"),
        };
        let (x, y) = (decoded(jwk, "x")?, decoded(jwk, "y")?);
        if x.len() != curve.bytes() || y.len() != curve.bytes() {
            return Err("its coordinates have another length than its curve's");
        }
        // An uncompressed point (SEC 1 §2.3.3).
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        match ParsedPublicKey::new(curve.algorithm(), &point) {
            Ok(_) => Ok(Material::Ec(curve, point)),
            Err(_) => Err("it is no point of its curve"),
        }
    }

    fn okp(jwk: &Map<String, Value>) -> Result<Material, &'static str> {
        if jwk.get("crv").and_then(Value::as_str) != Some("Ed25519") {
            return Err("its curve is not Ed25519");
        }
        match PublicKey::from_bytes(&decoded(jwk, "x")?) {
            Ok(key) => Ok(Material::Ed25519(key)),
            Err(_) => Err("it is no Ed25519 key, or a weak one"),
        }
    }

    /// Whether a key of this kind can be for the algorithm at all.
    fn takes(&self, algorithm: Algorithm) -> bool {
        match self {
            Material::Rsa { .. } => rsa(algorithm).is_some(),
            Material::Ec(Curve::P256, _) => algorithm == Algorithm::Es256,
            Material::Ec(Curve::P384, _) => algorithm == Algorithm::Es384,
            Material::Ec(Curve::P521, _) => algorithm == Algorithm::Es512,
            Material::Ed25519(_) => algorithm == Algorithm::EdDsa,
        }
    }
}

impl Curve {
    /// The length of a coordinate.
    fn bytes(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    /// With the one hash that RFC 7518 §3.4 gives each curve.
    fn algorithm(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Curve::P256 => &ECDSA_P256_SHA256_FIXED,
            Curve::P384 => &ECDSA_P384_SHA384_FIXED,
            Curve::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 | Algorithm::EdDsa => None,
    }
}

fn decoded(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, &'static str> {
    let text = jwk.get(name).and_then(Value::as_str).ok_or("a number of it is missing")?;
    URL_SAFE_NO_PAD.decode(text).or(Err("a number of it is not base64url without padding"))
}

/// A number without leading zeros, which some issuers write although RFC 7518 §2 has none.
fn number(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, &'static str> {
    let bytes = decoded(jwk, name)?;
    Ok(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

#[cfg(test)]
#[path = "keyset/tests.rs"]
mod tests;
