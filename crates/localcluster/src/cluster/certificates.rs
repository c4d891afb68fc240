use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

use super::kubeconfig::write_private;
use super::subject::sign_with_groups;
use crate::error::Error;

/// A certificate authority that lives as long as its cluster.
#[derive(Debug)]
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// Files of a certificate and its key.
pub(super) struct PairFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Authority {
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        let key = new_key()?;
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let pem = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's own certificate, with its key.
    pub(super) fn pair(&self) -> (String, String) {
        (self.pem.clone(), self.issuer.key().serialize_pem())
    }

    /// A certificate for a server on this machine, with its key.
    pub(super) fn server(&self, name: &str) -> Result<(String, String), Error> {
        let key = new_key()?;
        let mut params =
            CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).map_err(failed)?;
        params.distinguished_name = common_name(name);
        // Server and client: etcd also calls itself.
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        Ok((self.sign(params, &key)?.pem(), key.serialize_pem()))
    }

    /// A certificate for a client, with its key. The API server takes the common name for the user and the
    /// organizations for the groups:
    /// <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates>.
    pub(super) fn client(&self, user: &str, groups: &[&str]) -> Result<(String, String), Error> {
        let key = new_key()?;
        let mut params = named(user);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = self.sign(params, &key)?;
        let pem = sign_with_groups(certificate.der(), user, groups, self.issuer.key()).map_err(failed)?;
        Ok((pem, key.serialize_pem()))
    }

    fn sign(&self, mut params: CertificateParams, key: &KeyPair) -> Result<rcgen::Certificate, Error> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        params.signed_by(key, &self.issuer).map_err(failed)
    }
}

/// Writes a certificate and its key into `folder`.
pub(super) fn write_pair(
    folder: &Path,
    name: &str,
    (certificate, key): (String, String),
) -> Result<PairFiles, Error> {
    let files = PairFiles {
        certificate: folder.join(format!("{name}.crt")),
        key: folder.join(format!("{name}.key")),
    };
    write_private(&files.certificate, &certificate)?;
    write_private(&files.key, &key)?;
    Ok(files)
}

/// Writes the key pair that service account tokens are signed with: the public key is where a certificate
/// would be.
pub(super) fn write_token_keys(folder: &Path) -> Result<PairFiles, Error> {
    let key = new_key()?;
    write_pair(folder, "service-account", (key.public_key_pem(), key.serialize_pem()))
}

fn new_key() -> Result<KeyPair, Error> {
    KeyPair::generate().map_err(failed)
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

fn failed(source: rcgen::Error) -> Error {
    Error::Certificate { source }
}
