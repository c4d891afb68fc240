//! Trusted issuers: from a bearer JWT to claims that an issuer really signed. OpenID Connect issuers and the
//! service-account issuers of clusters differ only in how their keys are got.
//!
//! Read `verify` first: it is the whole check. What it looks up is kept fresh by [`keys`].

mod fetch;
pub mod keys;
mod keyset;
mod trust;
mod verify;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_policy::Millis;
use tokio_util::task::TaskTracker;

use super::jwt::Algorithm;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::telemetry::Metrics;
use fetch::Source;
pub use keys::Health;
use keys::Keys;
pub use trust::{BadTrust, Oidc};
pub use verify::{Claims, Expected, Unverified, verify_among};

/// What a service-account token may be signed with: API servers sign with RSA or ECDSA keys (KEP-1205).
const OF_CLUSTERS: [Algorithm; 4] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512];

/// A token may live this long where the manifest says nothing else: a projected service-account token of an
/// hour lives for 3,607 s.
pub const LONGEST: Duration = Duration::from_secs(3_660);

/// Somebody who vouches for agents, with its keys. Made once, however often manifests change: the keys stay
/// known.
pub struct Issuer {
    name: String,
    algorithms: Vec<Algorithm>,
    longest: Duration,
    keys: Arc<Keys>,
}

/// What issuers are made with.
#[derive(Debug, Clone)]
pub struct Around {
    /// The time.
    pub clock: Clock,
    /// Where fetches go on that nobody waits for any more.
    pub tasks: TaskTracker,
    /// Where they are counted.
    pub metrics: Arc<Metrics>,
}

impl Issuer {
    /// An OpenID Connect issuer. Nothing is asked yet. Its keys are fetched in tasks of their own, so that
    /// a caller who goes away ends no fetch that others wait for.
    pub fn oidc(name: &str, trust: Oidc, around: Around) -> Issuer {
        let Oidc { url, algorithms, ca_file, longest } = trust;
        let keys = Keys::new(name, Source::Oidc { url, ca_file }, around);
        Issuer { name: name.to_owned(), algorithms, longest, keys }
    }

    /// The issuer of a cluster's service-account tokens. Who it is, the cluster says; its keys come through
    /// the gateway's own connection to the cluster, because the address that is advertised for them is often
    /// not reachable.
    pub fn of_cluster(cluster: Arc<Cluster>, longest: Duration, around: Around) -> Issuer {
        let name = cluster.name().to_owned();
        let keys = Keys::new(&name, Source::Cluster(cluster), around);
        Issuer { name, algorithms: OF_CLUSTERS.to_vec(), longest, keys }
    }

    /// Its name here: the TrustedIssuer's or the cluster's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Exactly what tokens must say in `iss`. None for a cluster that has not said it yet.
    pub fn url(&self) -> Option<Arc<str>> {
        self.keys.url()
    }

    /// Fetches the keys now, or waits for a fetch that goes on. Returns within some seconds, whatever comes
    /// of it: [`Issuer::health`] tells.
    pub async fn refresh(&self) {
        self.keys.refresh().await;
    }

    /// Keeps the keys fresh until it is dropped: fetches them now, and then every few minutes.
    pub async fn keep_fresh(&self) {
        self.keys.keep_fresh().await;
    }

    /// How well its keys are known.
    pub fn health(&self) -> Health {
        self.keys.health()
    }

    fn now(&self) -> Millis {
        self.keys.now()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("name", &self.name).finish_non_exhaustive()
    }
}
