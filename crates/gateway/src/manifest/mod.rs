//! What people declare: agents, scopes, grants, clusters and trusted issuers, in Kubernetes' own shape, so
//! that they can be read, compared and kept in git. Text is parsed into types that hold only what is right;
//! everything that is wrong with all files of a call is told at once, each with file, line and column.

mod agent;
mod cautions;
mod cluster;
mod envelope;
mod grant;
mod identity;
mod lifetime;
mod located;
mod metadata;
mod names;
mod overlap;
mod scope;
mod text;
mod together;
mod trusted_issuer;

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use thiserror::Error;

pub use agent::{Agent, Beyond, INSTANCES_MOST, Instances};
pub use cautions::cautions;
pub use cluster::{Cluster, ClusterAccess, Review, ServiceAccounts};
pub use grant::Grant;
pub use identity::Identity;
pub use located::{Located, Source};
pub use metadata::Metadata;
pub use scope::Scope;
pub use together::{check_together, needed_by};
pub use trusted_issuer::{TrustedIssuer, issuers_of};

pub use crate::yaml::{Place, Problem, Problems};

use crate::yaml::{Node, Report};

/// The version of all manifests of this release.
pub const API_VERSION: &str = "drawbridge.dev/v1alpha1";

/// The kinds of manifests.
pub const KINDS: &[&str] = &["Agent", "Scope", "Grant", "Cluster", "TrustedIssuer"];

/// One manifest.
#[derive(Debug, Clone)]
pub enum Manifest {
    /// A non-human identity.
    Agent(Agent),
    /// A named set of rules.
    Scope(Scope),
    /// Gives agents scopes on clusters.
    Grant(Grant),
    /// A Kubernetes API server.
    Cluster(Cluster),
    /// Who vouches for agents.
    TrustedIssuer(TrustedIssuer),
}

/// A manifest that isn't text can't be read: what the database holds was written by a later release, or
/// isn't ours.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It isn't JSON.
    #[error("not JSON")]
    Json(#[from] serde_json::Error),
    /// It isn't a manifest.
    #[error("{0}")]
    Wrong(Problems),
}

/// Reads the manifests of several files, in order.
///
/// # Errors
/// Everything that is wrong with any of them. What is wrong only between manifests is told by
/// [`check_together`].
pub fn read(sources: &[Source]) -> Result<Vec<Located<Manifest>>, Problems> {
    let read = envelope::read(sources);
    read.problems.or(read.manifests)
}

/// Reads the manifests of several files, and checks them with each other and with those that are `known`
/// already: what [`read`] and [`check_together`] find, in one list.
///
/// # Errors
/// Everything that is wrong.
pub fn read_together(sources: &[Source], known: &[Manifest]) -> Result<Vec<Located<Manifest>>, Problems> {
    let mut read = envelope::read(sources);
    read.problems.append(together::check(&read.manifests, known, &read.declared));
    let files: Vec<&str> = sources.iter().map(|source| source.file.as_str()).collect();
    read.problems.sort(&files);
    read.problems.or(read.manifests)
}

impl Manifest {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Manifest::Agent(_) => "Agent",
            Manifest::Scope(_) => "Scope",
            Manifest::Grant(_) => "Grant",
            Manifest::Cluster(_) => "Cluster",
            Manifest::TrustedIssuer(_) => "TrustedIssuer",
        }
    }

    /// Its name, unique among those of its kind.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata().name
    }

    /// Its name, labels and annotations.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        match self {
            Manifest::Agent(agent) => &agent.metadata,
            Manifest::Scope(scope) => &scope.metadata,
            Manifest::Grant(grant) => &grant.metadata,
            Manifest::Cluster(cluster) => &cluster.metadata,
            Manifest::TrustedIssuer(issuer) => &issuer.metadata,
        }
    }

    /// The canonical form: what the database keeps and what is printed. Two manifests that say the same have
    /// the same.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let spec = match self {
            Manifest::Agent(agent) => agent.spec(),
            Manifest::Scope(scope) => scope.spec(),
            Manifest::Grant(grant) => grant.spec(),
            Manifest::Cluster(cluster) => cluster.spec(),
            Manifest::TrustedIssuer(issuer) => issuer.spec(),
        };
        json!({
            "apiVersion": API_VERSION,
            "kind": self.kind(),
            "metadata": self.metadata().to_json(),
            "spec": spec,
        })
    }

    /// Reads the canonical form, as strictly as text is read.
    ///
    /// # Errors
    /// Everything that is wrong, by the path of the field.
    pub fn from_json(value: &Value) -> Result<Manifest, ManifestError> {
        let mut report = Report::new("manifest");
        let manifest = envelope::document(&Node::from_json(value), &mut report, &mut Vec::new());
        let problems = report.finish();
        match manifest {
            Some(manifest) if problems.is_empty() => Ok(manifest),
            Some(_) | None => Err(ManifestError::Wrong(problems)),
        }
    }
}
