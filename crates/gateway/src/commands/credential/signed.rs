//! Credentials that an agent makes itself, with its own enrolled key.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drawbridge_policy::AgentName;
use rcgen::{CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, KeyUsagePurpose};
use serde_json::{Value, json};
use x509_parser::time::ASN1Time;

use super::{MARGIN, Made};
use crate::commands::key::AgentKey;

/// A certificate begins this many seconds ago, since clocks differ.
const EARLIER: i64 = 60;
/// A certificate lasts an hour, which is what gateways allow.
const CERTIFICATE: i64 = 3_600;
/// A token lasts four of the five minutes that gateways allow: what is left is for clocks that differ.
const TOKEN: i64 = 240;

pub(super) fn with_certificate(key: &AgentKey, now: i64) -> anyhow::Result<Made> {
    let status = json!({
        "clientCertificateData": certificate(key, now)?,
        "clientKeyData": key.pem()?,
    });
    Ok(Made { status, renew: now - EARLIER + CERTIFICATE - MARGIN })
}

pub(super) fn with_token(
    key: &AgentKey,
    agent: &AgentName,
    audience: &str,
    now: i64,
) -> anyhow::Result<Made> {
    let status = json!({ "token": token(key, agent, audience, now)? });
    Ok(Made { status, renew: now + TOKEN - MARGIN })
}

/// A self-signed client certificate of the key, PEM. It names nobody: the gateway knows whose the key is.
pub fn certificate(key: &AgentKey, now: i64) -> anyhow::Result<String> {
    let time = |seconds: i64| ASN1Time::from_timestamp(seconds).map(|time| time.to_datetime());
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = time(now - EARLIER).context("the clock is out of range")?;
    params.not_after = time(now - EARLIER + CERTIFICATE).context("the clock is out of range")?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&key.certified()?).context("no certificate could be made")?;
    Ok(certificate.pem())
}

/// A token that the key signs: a JWT (RFC 7519) with EdDSA (RFC 8037).
pub fn token(key: &AgentKey, agent: &AgentName, audience: &str, now: i64) -> anyhow::Result<String> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(&json!({ "alg": "EdDSA", "typ": "JWT" }));
    let claims = part(&json!({
        "iss": agent.as_str(),
        "sub": agent.as_str(),
        "aud": audience,
        "iat": now,
        "exp": now + TOKEN,
        "jti": uuid::Uuid::now_v7().to_string(),
    }));
    let signed = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    Ok(format!("{signed}.{signature}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use drawbridge_policy::Millis;
    use jiff::Timestamp;
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    use super::super::exec_credential;
    use super::*;
    use crate::commands::enrol::name;
    use crate::config::limits::Limits;
    use crate::identity::certificate::{BadCertificate, Certificate};
    use crate::identity::jwt::Jwt;
    use crate::identity::key::PublicKey;
    use crate::identity::token::{BadToken, Expected, Token};

    const NOW: i64 = 1_800_000_000;

    fn read(pem: &str) -> Certificate {
        Certificate::read(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_gateway_takes_the_certificate_for_its_hour_and_no_longer() {
        let limits = Limits::default();
        let key = AgentKey::generate().unwrap();
        let certificate = read(&certificate(&key, NOW).unwrap());
        let at = |seconds: i64| {
            certificate.key_at(Millis(seconds * 1_000), limits.skew, limits.certificate_lifetime).cloned()
        };
        let public = key.public().unwrap();
        for good in [NOW - 60, NOW, NOW + 3_539] {
            assert_eq!(at(good), Ok(public.clone()), "{good}");
        }
        assert_eq!(at(NOW - 91), Err(BadCertificate::Early));
        assert_eq!(at(NOW + 3_571), Err(BadCertificate::Expired));
        let strict = certificate.key_at(Millis(NOW * 1_000), limits.skew, Duration::from_secs(600));
        assert!(matches!(strict, Err(BadCertificate::LongLived(3_600, 600))));
    }

    fn expected(audience: &str, now: i64) -> Expected<'_> {
        let limits = Limits::default();
        Expected { audience, now: Millis(now * 1_000), skew: limits.skew, longest: limits.token_lifetime }
    }

    #[test]
    fn the_gateway_takes_the_token_from_this_key_for_itself_and_now() {
        let agent = name("cleanup").unwrap();
        let (key, other) = (AgentKey::generate().unwrap(), AgentKey::generate().unwrap());
        let (public, stranger) = (key.public().unwrap(), other.public().unwrap());
        let text = token(&key, &agent, "https://here", NOW).unwrap();
        let jwt = Jwt::read(&text).unwrap();
        let token = Token::of(&jwt).unwrap();
        assert_eq!(token.agent(), &agent);
        let verify =
            |keys: &[PublicKey], expected| token.verify(keys.iter(), expected).map(|(key, _)| key.clone());
        assert_eq!(
            verify(&[stranger.clone(), public.clone()], expected("https://here", NOW)),
            Ok(public.clone())
        );
        assert_eq!(verify(&[stranger], expected("https://here", NOW)), Err(BadToken::Signature));
        assert_eq!(
            verify(std::slice::from_ref(&public), expected("https://there", NOW)),
            Err(BadToken::Audience)
        );
        assert_eq!(
            verify(std::slice::from_ref(&public), expected("https://here", NOW + 271)),
            Err(BadToken::Expired)
        );
        assert_eq!(verify(&[public], expected("https://here", NOW - 31)), Err(BadToken::Early));
    }

    #[test]
    fn clients_ask_again_before_the_credential_ends() {
        let key = AgentKey::generate().unwrap();
        let made = exec_credential(with_certificate(&key, NOW).unwrap()).unwrap();
        assert_eq!(made["apiVersion"], "client.authentication.k8s.io/v1");
        assert_eq!(made["kind"], "ExecCredential");
        let renew: Timestamp = made["status"]["expirationTimestamp"].as_str().unwrap().parse().unwrap();
        assert_eq!(renew.as_second(), NOW + 3_510);
        assert!(made["status"]["clientKeyData"].as_str().unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
        let token = with_token(&key, &name("a").unwrap(), "https://here", NOW).unwrap();
        let made = exec_credential(token).unwrap();
        assert!(made["status"].get("clientKeyData").is_none());
        let renew: Timestamp = made["status"]["expirationTimestamp"].as_str().unwrap().parse().unwrap();
        assert_eq!(renew.as_second(), NOW + 210);
    }
}
