//! Credentials that no agent would make: keys, certificates and tokens of any shape.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drawbridge_testkit::Agent;
use jiff::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ED25519};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use x509_parser::time::ASN1Time;

/// An Ed25519 key, private half included.
pub(super) struct Key {
    /// As certificates are made with it.
    pub(super) pair: KeyPair,
    signer: Ed25519KeyPair,
}

impl Key {
    /// An agent's own.
    pub(super) fn of(agent: &Agent) -> Key {
        let pem = std::fs::read_to_string(&agent.key).unwrap();
        Key::read(&pem)
    }

    /// One that nobody enrolled.
    pub(super) fn fresh() -> Key {
        Key::read(&KeyPair::generate_for(&PKCS_ED25519).unwrap().serialize_pem())
    }

    fn read(pem: &str) -> Key {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let signer = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).unwrap();
        Key { pair: KeyPair::from_pem(pem).unwrap(), signer }
    }

    /// The 32 bytes of its public half.
    pub(super) fn public(&self) -> Vec<u8> {
        self.signer.public_key().as_ref().to_vec()
    }

    /// A token of this header and these claims.
    pub(super) fn token(&self, header: &Value, claims: &Value) -> String {
        self.token_of(&header.to_string(), &claims.to_string())
    }

    /// A token of these texts.
    pub(super) fn token_of(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.signer.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// A self-signed certificate for this time, counted in seconds from now, and the key; both PEM.
    pub(super) fn certificate(&self, from: i64, until: i64) -> (String, String) {
        let certificate = parameters("", from, until).self_signed(&self.pair).unwrap();
        (certificate.pem(), self.pair.serialize_pem())
    }
}

/// A certificate's parameters.
pub(super) fn parameters(name: &str, from: i64, until: i64) -> CertificateParams {
    let time = |seconds: i64| ASN1Time::from_timestamp(now() + seconds).unwrap().to_datetime();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    if !name.is_empty() {
        parameters.distinguished_name.push(DnType::CommonName, name);
    }
    parameters.not_before = time(from);
    parameters.not_after = time(until);
    parameters
}

/// The header that agents' tokens have.
pub(super) fn header() -> Value {
    json!({ "alg": "EdDSA", "typ": "JWT" })
}

/// The claims that an agent's token has.
pub(super) fn claims(agent: &str, audience: &str) -> Value {
    json!({
        "iss": agent,
        "sub": agent,
        "aud": audience,
        "iat": now(),
        "exp": now() + 240,
        "jti": "one",
    })
}

/// The same with one claim changed; null takes it away.
pub(super) fn with(mut claims: Value, name: &str, value: Value) -> Value {
    let object = claims.as_object_mut().unwrap();
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    claims
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    Timestamp::now().as_second()
}
