//! A short-lived, self-signed client certificate: the TLS handshake proves that its key is held, and the
//! enrolled key says which agent that is. Nothing else in the certificate is believed.

use std::time::Duration;

use drawbridge_policy::Millis;
use thiserror::Error;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::identity::key::PublicKey;

/// What a client certificate proves: this key, from then until then.
#[derive(Debug, Clone)]
pub struct Certificate {
    key: PublicKey,
    begins: Millis,
    ends: Millis,
}

/// Why a client certificate does not count.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadCertificate {
    /// It is no X.509 certificate.
    #[error("the client certificate could not be read")]
    Unreadable,
    /// Its key is of another kind.
    #[error("the client certificate's key is not an Ed25519 key; enrol with 'drawbridge enrol'")]
    NotEd25519,
    /// Its signature isn't its own key's.
    #[error("the client certificate is not signed by its own key; make one with 'drawbridge credential'")]
    NotSelfSigned,
    /// Its time has not come.
    #[error("the client certificate is not valid yet; check the clocks of both machines")]
    Early,
    /// Its time is over.
    #[error("the client certificate has expired; 'drawbridge credential' makes a new one")]
    Expired,
    /// It would live too long.
    #[error(
        "the client certificate is valid for {0} s, longer than the {1} s allowed here; make a shorter one"
    )]
    LongLived(i64, u64),
}

impl Certificate {
    /// When it ends.
    pub fn ends(&self) -> Millis {
        self.ends
    }

    /// Reads a certificate and checks that it is signed by its own Ed25519 key.
    pub fn read(der: &[u8]) -> Result<Certificate, BadCertificate> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|error| {
            tracing::debug!(%error, "client certificate unreadable");
            BadCertificate::Unreadable
        })?;
        if !rest.is_empty() {
            return Err(BadCertificate::Unreadable);
        }
        let key = PublicKey::from_spki_der(certificate.public_key().raw).map_err(|error| {
            tracing::debug!(%error, "client certificate's key refused");
            BadCertificate::NotEd25519
        })?;
        let signed = key.verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data);
        if !signed {
            return Err(BadCertificate::NotSelfSigned);
        }
        let validity = certificate.validity();
        Ok(Certificate {
            key,
            begins: Millis(validity.not_before.timestamp().saturating_mul(1_000)),
            ends: Millis(validity.not_after.timestamp().saturating_mul(1_000)),
        })
    }

    /// The key, if the certificate is valid now. Asked per request: a connection may outlive it.
    pub fn key_at(
        &self,
        now: Millis,
        skew: Duration,
        longest: Duration,
    ) -> Result<&PublicKey, BadCertificate> {
        let skew = i64::try_from(skew.as_millis()).unwrap_or(i64::MAX);
        let seconds = (self.ends.0.saturating_sub(self.begins.0)) / 1_000;
        if u64::try_from(seconds).is_ok_and(|seconds| seconds > longest.as_secs()) {
            return Err(BadCertificate::LongLived(seconds, longest.as_secs()));
        }
        if now.0.saturating_add(skew) < self.begins.0 {
            return Err(BadCertificate::Early);
        }
        if now.0.saturating_sub(skew) >= self.ends.0 {
            return Err(BadCertificate::Expired);
        }
        Ok(&self.key)
    }
}
