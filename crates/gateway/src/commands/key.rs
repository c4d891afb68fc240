//! An agent's private key, on the machine where the agent runs: an Ed25519 key as PKCS#8 PEM, for its owner
//! only.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use super::admin_file::private;
use crate::identity::key::PublicKey;

/// A key file is some hundred bytes long; more isn't read.
const LONGEST: u64 = 16 * 1024;

/// An agent's key.
pub struct AgentKey {
    pkcs8: PrivatePkcs8KeyDer<'static>,
    pair: Ed25519KeyPair,
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentKey")
    }
}

/// What to do when the file is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it, and fail.
    Keep,
    /// Replace it.
    Replace,
}

impl AgentKey {
    /// Makes a new one.
    pub fn generate() -> anyhow::Result<AgentKey> {
        // Version 1 of PKCS#8 (RFC 5208): all of OpenSSL, Go and Python read it, not all of them version 2.
        let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
            .map_err(|_unspecified| anyhow!("this machine gives no randomness for a key"))?;
        AgentKey::from_pkcs8(PrivatePkcs8KeyDer::from(document.as_ref().to_vec()))
    }

    /// Reads the file.
    pub fn read(path: &Path) -> anyhow::Result<AgentKey> {
        use std::io::Read as _;
        let unreadable = || format!("the key {} can't be read", path.display());
        let mut pem = Vec::new();
        let file = std::fs::File::open(path).with_context(unreadable)?;
        file.take(LONGEST).read_to_end(&mut pem).with_context(unreadable)?;
        let wrong =
            || format!("{} has no Ed25519 key in PKCS#8 PEM; 'drawbridge enrol' makes one", path.display());
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(&pem).with_context(wrong)?;
        AgentKey::from_pkcs8(pkcs8).with_context(wrong)
    }

    fn from_pkcs8(pkcs8: PrivatePkcs8KeyDer<'static>) -> anyhow::Result<AgentKey> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8.secret_pkcs8_der())
            .map_err(|rejected| anyhow!("{rejected}"))?;
        Ok(AgentKey { pkcs8, pair })
    }

    /// Writes the file for its owner only.
    pub fn write(&self, path: &Path, existing: Existing) -> anyhow::Result<()> {
        let unwritable = || format!("the key {} can't be written", path.display());
        let pem = self.pem()?;
        match existing {
            Existing::Replace => private(path, pem.as_bytes()).with_context(unwritable),
            Existing::Keep => {
                let mut new = std::fs::OpenOptions::new();
                let file = new.write(true).create_new(true).mode(0o600).open(path);
                match file {
                    Ok(mut file) => {
                        let written = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all());
                        written.with_context(unwritable)
                    }
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
                        "{} is there already, and an agent may be using it; name another file with --key, or \
                         replace it with --force",
                        path.display()
                    ),
                    Err(error) => Err(error).with_context(unwritable),
                }
            }
        }
    }

    /// The private key, PEM.
    pub fn pem(&self) -> anyhow::Result<String> {
        Ok(self.certified()?.serialize_pem())
    }

    /// The public half.
    pub fn public(&self) -> anyhow::Result<PublicKey> {
        Ok(PublicKey::from_bytes(self.pair.public_key().as_ref())?)
    }

    /// Signs.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// The key as certificates are made with it.
    pub(super) fn certified(&self) -> anyhow::Result<rcgen::KeyPair> {
        let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&self.pkcs8, &rcgen::PKCS_ED25519);
        key.context("the key can't be used")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_written_for_its_owner_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.key");
        let key = AgentKey::generate().unwrap();
        key.write(&path, Existing::Keep).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = AgentKey::read(&path).unwrap();
        assert_eq!(read.public().unwrap(), key.public().unwrap());
        assert!(key.public().unwrap().verify(b"message", &read.sign(b"message")));
    }

    #[test]
    fn a_key_is_never_overwritten_unless_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.key");
        let (first, second) = (AgentKey::generate().unwrap(), AgentKey::generate().unwrap());
        first.write(&path, Existing::Keep).unwrap();
        let error = second.write(&path, Existing::Keep).unwrap_err().to_string();
        assert!(error.contains("--force"), "{error}");
        assert_eq!(AgentKey::read(&path).unwrap().public().unwrap(), first.public().unwrap());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        second.write(&path, Existing::Replace).unwrap();
        assert_eq!(AgentKey::read(&path).unwrap().public().unwrap(), second.public().unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn another_kind_of_file_is_named_in_one_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.key");
        let missing = format!("{:#}", AgentKey::read(&path).unwrap_err());
        assert!(missing.contains("can't be read: No such file"), "{missing}");
        let ecdsa = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for content in ["", "hello", &ecdsa] {
            std::fs::write(&path, content).unwrap();
            let wrong = format!("{:#}", AgentKey::read(&path).unwrap_err());
            assert!(wrong.contains("has no Ed25519 key"), "{wrong}");
        }
    }
}
