//! Certificates that change while the gateway serves: read again from their files, or made anew, without
//! dropping a connection.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use arc_swap::ArcSwap;
use drawbridge_policy::Millis;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::certificates::Authority;
use crate::clock::Clock;
use crate::config::TlsFiles;
use crate::connection::tls::{Serving, for_agents, for_people};

/// Files are looked at this often. Their content is compared, since Kubernetes swaps links and tools keep
/// times.
const LOOK: Duration = Duration::from_secs(5);
/// The clock is looked at this often.
const HOURLY: Duration = Duration::from_secs(3_600);
/// Made certificates are renewed after this many milliseconds, days before they end.
const DAILY: i64 = 86_400_000;

/// A listener's TLS, which can be swapped under it.
pub(super) type Tls = Arc<ArcSwap<ServerConfig>>;

/// What is in the two files.
#[derive(PartialEq, Eq)]
pub(super) struct Pems {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Pems {
    /// Reads both.
    pub(super) fn read(files: &TlsFiles) -> anyhow::Result<Pems> {
        let read = |path: &Path| {
            std::fs::read(path)
                .with_context(|| format!("the serving certificate's file {} can't be read", path.display()))
        };
        Ok(Pems { certificate: read(&files.cert_file)?, key: read(&files.key_file)? })
    }

    /// TLS for agents with them.
    pub(super) fn tls(
        &self,
        files: &TlsFiles,
        provider: &Arc<CryptoProvider>,
    ) -> anyhow::Result<ServerConfig> {
        let wrong = |path: &Path| format!("{} can't be used", path.display());
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| wrong(&files.cert_file))?;
        if chain.is_empty() {
            return Err(anyhow!("{} has no certificate in PEM", files.cert_file.display()));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).with_context(|| wrong(&files.key_file))?;
        for_agents(Serving { chain, key }, provider).with_context(|| {
            format!("{} and {} can't be served", files.cert_file.display(), files.key_file.display())
        })
    }
}

/// Reads the files again when they change. What can't be used is reported, and the last good one stays.
pub(super) async fn watch(
    files: TlsFiles,
    mut served: Pems,
    tls: Tls,
    provider: Arc<CryptoProvider>,
    shutdown: CancellationToken,
) {
    loop {
        tokio::select! {
            () = sleep(LOOK) => {}
            () = shutdown.cancelled() => return,
        }
        match look(&files, &served, &provider) {
            Ok(None) => {}
            Ok(Some((pems, config))) => {
                tls.store(Arc::new(config));
                served = pems;
                tracing::info!(file = %files.cert_file.display(), "serving the changed certificate");
            }
            Err(error) => report(&error),
        }
    }
}

/// What is in the files, if it is something new.
fn look(
    files: &TlsFiles,
    served: &Pems,
    provider: &Arc<CryptoProvider>,
) -> anyhow::Result<Option<(Pems, ServerConfig)>> {
    let pems = Pems::read(files)?;
    if pems == *served {
        return Ok(None);
    }
    let config = pems.tls(files, provider)?;
    Ok(Some((pems, config)))
}

fn report(error: &anyhow::Error) {
    tracing::warn!(error = %format!("{error:#}"), "still serving the last good certificate");
}

/// Whether certificates are to be made anew. Those that were made in what is now the future don't count yet:
/// the clock was set back.
fn is_due(made: Millis, now: Millis) -> bool {
    !(0..DAILY).contains(&now.0.saturating_sub(made.0))
}

/// The certificates that the gateway makes itself.
pub(super) struct Made {
    pub(super) authority: Authority,
    pub(super) hosts: Vec<String>,
    pub(super) people: Tls,
    /// None where the agents' certificate comes from files.
    pub(super) agents: Option<Tls>,
    pub(super) provider: Arc<CryptoProvider>,
}

impl Made {
    /// Makes them anew every day, until `shutdown`.
    pub(super) async fn renew(self, clock: Clock, shutdown: CancellationToken) {
        let mut made = clock.now();
        loop {
            tokio::select! {
                () = sleep(HOURLY) => {}
                () = shutdown.cancelled() => return,
            }
            let now = clock.now();
            if !is_due(made, now) {
                continue;
            }
            match self.again(&clock) {
                Ok(()) => made = now,
                Err(error) => tracing::error!(error = %format!("{error:#}"), "no new serving certificate"),
            }
        }
    }

    fn again(&self, clock: &Clock) -> anyhow::Result<()> {
        let serving = || self.authority.serving(&self.hosts, clock.now());
        self.people.store(Arc::new(for_people(serving()?, &self.provider)?));
        if let Some(agents) = &self.agents {
            agents.store(Arc::new(for_agents(serving()?, &self.provider)?));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn write(files: &TlsFiles) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["gate.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(&files.cert_file, certificate.pem()).unwrap();
        std::fs::write(&files.key_file, key.serialize_pem()).unwrap();
    }

    #[test]
    fn certificates_are_made_anew_each_day_and_when_the_clock_was_set_back() {
        let due = |made: i64, now: i64| is_due(Millis(made), Millis(now));
        assert!(!due(DAILY, DAILY) && !due(DAILY, 2 * DAILY - 1) && due(DAILY, 2 * DAILY));
        assert!(due(366 * DAILY, DAILY), "one from next year counts for nobody today");
    }

    #[test]
    fn a_changed_pair_is_served_and_half_a_change_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let files = TlsFiles { cert_file: path("tls.crt"), key_file: path("tls.key") };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        write(&files);
        let served = Pems::read(&files).unwrap();
        assert!(look(&files, &served, &provider).unwrap().is_none());
        write(&files);
        assert!(look(&files, &served, &provider).unwrap().is_some());
        std::fs::write(&files.key_file, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(look(&files, &served, &provider).is_err(), "the key is another certificate's");
        std::fs::write(&files.cert_file, "junk").unwrap();
        let error = look(&files, &served, &provider).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("tls.crt has no certificate"), "{error}");
    }
}
