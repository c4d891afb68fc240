//! Who is trusted to vouch for agents, and keeping their keys fresh.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::State;
use super::snapshot::Fittings;
use crate::cluster::Cluster;
use crate::identity::issuer::{Issuer, Oidc};
use crate::manifest::{ServiceAccounts, TrustedIssuer};

/// All trusted issuers. One whose manifest stays as it is keeps its keys.
#[derive(Debug, Default)]
pub struct Issuers {
    trusted: Vec<Trusted>,
    all: Vec<Arc<Issuer>>,
}

/// One of them, and what its tokens say.
#[derive(Debug, Clone)]
pub struct Trusted {
    issuer: Arc<Issuer>,
    vouches: Vouches,
}

/// What an issuer's tokens speak of.
#[derive(Debug, Clone)]
pub enum Vouches {
    /// Service accounts of this cluster.
    Accounts(Arc<Cluster>, ServiceAccounts),
    /// Whatever an OIDC issuer knows.
    Subjects(Arc<TrustedIssuer>),
}

impl Issuers {
    pub(super) fn new(
        clusters: &HashMap<String, (Arc<Cluster>, ServiceAccounts)>,
        declared: &BTreeMap<String, Arc<TrustedIssuer>>,
        before: &Issuers,
        fittings: &Fittings,
    ) -> Issuers {
        let mut trusted: Vec<Trusted> = clusters
            .values()
            .map(|(cluster, asked)| {
                let same = before.trusted.iter().find(|one| one.is_cluster(cluster, *asked));
                same.cloned().unwrap_or_else(|| Trusted {
                    issuer: Arc::new(fittings.of_cluster(cluster, *asked)),
                    vouches: Vouches::Accounts(cluster.clone(), *asked),
                })
            })
            .collect();
        trusted.extend(declared.values().filter_map(|declared| {
            let same = before.trusted.iter().find(|one| one.is_declared(declared));
            same.cloned().or_else(|| {
                Some(Trusted {
                    issuer: Arc::new(fittings.oidc(declared)?),
                    vouches: Vouches::Subjects(declared.clone()),
                })
            })
        }));
        let all = trusted.iter().map(|one| one.issuer.clone()).collect();
        Issuers { trusted, all }
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<Issuer>] {
        &self.all
    }

    /// What the tokens of one of them speak of.
    pub fn vouches(&self, issuer: &Arc<Issuer>) -> Option<&Vouches> {
        self.trusted.iter().find(|one| Arc::ptr_eq(&one.issuer, issuer)).map(|one| &one.vouches)
    }
}

impl Trusted {
    fn is_cluster(&self, cluster: &Arc<Cluster>, asked: ServiceAccounts) -> bool {
        matches!(&self.vouches, Vouches::Accounts(one, was) if Arc::ptr_eq(one, cluster) && *was == asked)
    }

    fn is_declared(&self, declared: &TrustedIssuer) -> bool {
        let Vouches::Subjects(one) = &self.vouches else { return false };
        // Its labels say nothing about its keys.
        let now = TrustedIssuer { metadata: one.metadata.clone(), ..declared.clone() };
        one.metadata.name == declared.metadata.name && **one == now
    }
}

impl Fittings {
    fn of_cluster(&self, cluster: &Arc<Cluster>, asked: ServiceAccounts) -> Issuer {
        Issuer::of_cluster(cluster.clone(), asked.longest, self.around.clone())
    }

    /// None for one that no manifest could say: it is trusted with nothing.
    fn oidc(&self, declared: &TrustedIssuer) -> Option<Issuer> {
        let TrustedIssuer { metadata, url, algorithms, ca_file, longest, .. } = declared;
        match Oidc::new(url, algorithms.clone(), ca_file.clone(), *longest) {
            Ok(trust) => Some(Issuer::oidc(&metadata.name, trust, self.around.clone())),
            Err(error) => {
                tracing::error!(issuer = metadata.name, %error, "issuer can't be trusted");
                None
            }
        }
    }
}

/// Keeps the keys of every trusted issuer fresh, until `shutdown`.
pub async fn run(state: Arc<State>, tasks: TaskTracker, shutdown: CancellationToken) {
    let mut changed = state.changed.subscribe();
    let mut kept: Vec<(Arc<Issuer>, AbortHandle)> = Vec::new();
    loop {
        let snapshot = state.snapshot();
        let now = snapshot.issuers().all();
        kept.retain(|(issuer, task)| {
            let stays = now.iter().any(|other| Arc::ptr_eq(other, issuer));
            if !stays {
                task.abort();
            }
            stays
        });
        for issuer in now {
            if !kept.iter().any(|(other, _)| Arc::ptr_eq(other, issuer)) {
                let fresh = issuer.clone();
                let task = tasks.spawn(async move { fresh.keep_fresh().await });
                kept.push((issuer.clone(), task.abort_handle()));
            }
        }
        drop(snapshot);
        tokio::select! {
            result = changed.changed() => if result.is_err() { break },
            () = shutdown.cancelled() => break,
        }
    }
    for (_, task) in kept {
        task.abort();
    }
}
