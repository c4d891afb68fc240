//! The gateway's own certificate authority and the serving certificates that it signs, for where no
//! certificate was given. The authority stays, since admin.json and kubeconfigs trust it; serving keys never
//! leave memory.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use drawbridge_policy::Millis;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::time::ASN1Time;

use crate::commands::admin_file::private;
use crate::connection::tls::Serving;

const DAY: i64 = 86_400;
/// The authority lasts ten years: whoever trusts it has a copy that nobody renews.
const AUTHORITY: i64 = 3_650 * DAY;
/// A serving certificate lasts a week, and is made anew every day.
const LIFE: i64 = 7 * DAY;
/// Certificates begin this much earlier, since clocks differ.
const EARLIER: i64 = 300;

/// The authority.
pub(super) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Reads the one in the data directory, or makes one there.
    pub(super) fn open(data: &Path, now: Millis) -> anyhow::Result<Authority> {
        let (certificate, key) = (data.join("ca.pem"), data.join("ca.key"));
        match (read(&certificate)?, read(&key)?) {
            (Some(pem), Some(private)) => Authority::known(pem, &private, now).with_context(|| {
                let (certificate, key) = (certificate.display(), key.display());
                format!(
                    "the certificate authority in {certificate} and {key} can't be used; move both away for \
                     a new one"
                )
            }),
            (None, None) => Authority::make(&certificate, &key, now),
            (found, _) => {
                let missing = if found.is_none() { certificate } else { key };
                bail!(
                    "{} is missing: put it back, or move the other half (ca.pem, ca.key) away too for a new \
                     authority",
                    missing.display()
                )
            }
        }
    }

    fn known(pem: String, private: &str, now: Millis) -> anyhow::Result<Authority> {
        let key = KeyPair::from_pem(private)?;
        let (_, parsed) = x509_parser::pem::parse_x509_pem(pem.as_bytes())?;
        let certificate = parsed.parse_x509()?;
        if certificate.public_key().raw != rcgen::PublicKeyData::subject_public_key_info(&key) {
            bail!("the key is another certificate's");
        }
        if certificate.validity().not_after.timestamp() <= now.0 / 1_000 {
            bail!("it has expired");
        }
        let issuer = Issuer::from_ca_cert_pem(&pem, key)?;
        Ok(Authority { pem, issuer })
    }

    fn make(certificate: &Path, key: &Path, now: Millis) -> anyhow::Result<Authority> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Drawbridge gateway");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid(&mut params, now, AUTHORITY)?;
        let pem = params.self_signed(&pair)?.pem();
        let written = || "the certificate authority can't be written into the data directory";
        private(key, pair.serialize_pem().as_bytes()).with_context(written)?;
        std::fs::write(certificate, &pem).with_context(written)?;
        Ok(Authority { pem, issuer: Issuer::new(params, pair) })
    }

    /// The certificate to trust, PEM.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// A new serving certificate for these hosts.
    pub(super) fn serving(&self, hosts: &[String], now: Millis) -> anyhow::Result<Serving> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(hosts)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Drawbridge");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        valid(&mut params, now, LIFE)?;
        let certificate =
            params.signed_by(&pair, &self.issuer).context("no serving certificate could be made")?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        Ok(Serving { chain: vec![certificate.der().clone()], key })
    }
}

fn valid(params: &mut CertificateParams, now: Millis, seconds: i64) -> anyhow::Result<()> {
    let now = now.0 / 1_000;
    params.not_before = ASN1Time::from_timestamp(now - EARLIER)?.to_datetime();
    params.not_after = ASN1Time::from_timestamp(now + seconds)?.to_datetime();
    Ok(())
}

fn read(path: &PathBuf) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    #[test]
    fn the_authority_is_made_once_and_its_key_is_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let first = Authority::open(dir.path(), NOW).unwrap().pem().to_owned();
        assert_eq!(Authority::open(dir.path(), NOW).unwrap().pem(), first);
        let mode = std::fs::metadata(dir.path().join("ca.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_serving_certificate_names_its_hosts_and_is_the_authority_s() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path(), NOW).unwrap();
        let serving = authority.serving(&["gate.example".to_owned(), "127.0.0.1".to_owned()], NOW).unwrap();
        let (_, leaf) = x509_parser::parse_x509_certificate(&serving.chain[0]).unwrap();
        let (_, ca) = x509_parser::pem::parse_x509_pem(authority.pem().as_bytes()).unwrap();
        let ca = ca.parse_x509().unwrap();
        assert_eq!(leaf.issuer(), ca.subject());
        assert_eq!(leaf.validity().not_after.timestamp(), NOW.0 / 1_000 + LIFE);
        assert_eq!(leaf.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 2);
    }

    #[test]
    fn half_an_authority_a_foreign_key_and_an_expired_one_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        Authority::open(dir.path(), NOW).unwrap();
        let late = Authority::open(dir.path(), Millis(NOW.0 + AUTHORITY * 1_000)).err().unwrap();
        assert!(format!("{late:#}").contains("expired"), "{late:#}");
        let kept = std::fs::read(path("ca.key")).unwrap();
        std::fs::remove_file(path("ca.key")).unwrap();
        let half = Authority::open(dir.path(), NOW).err().unwrap();
        assert!(format!("{half:#}").contains("ca.key is missing"), "{half:#}");
        std::fs::write(path("ca.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
        let foreign = Authority::open(dir.path(), NOW).err().unwrap();
        assert!(format!("{foreign:#}").contains("another certificate's"), "{foreign:#}");
        std::fs::write(path("ca.key"), kept).unwrap();
        std::fs::write(path("ca.pem"), "junk").unwrap();
        assert!(Authority::open(dir.path(), NOW).is_err());
    }
}
