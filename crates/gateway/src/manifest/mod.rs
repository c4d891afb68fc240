//! What people declare: agents, scopes, grants, clusters and trusted issuers, in Kubernetes' own shape, so
//! that they can be read, compared and kept in git. Text is parsed into types that hold only what is right;
//! everything that is wrong with all files of a call is told at once, each with file, line and column.

mod agent;
pub mod builtin;
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
mod schema;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use thiserror::Error;

pub use agent::{Agent, Beyond, INSTANCES_MOST, Instances};
pub use cautions::cautions;
pub use cluster::{Cluster, ClusterAccess, Review, ServiceAccounts};
pub use grant::{Grant, Mode};
pub use identity::Identity;
pub use located::{Located, Source};
pub use metadata::Metadata;
pub use scope::Scope;
pub use together::{Reference, check_together, needed_by, references};
pub use trusted_issuer::TrustedIssuer;

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

/// What was read of some files, right or wrong, and not yet checked with anything else.
pub struct Apart {
    read: envelope::Read,
    files: Vec<String>,
}

/// Reads the manifests of several files. This is the part that takes time; it needs nothing but the text.
#[must_use]
pub fn read_apart(sources: &[Source]) -> Apart {
    let files = sources.iter().map(|source| source.file.clone()).collect();
    Apart { read: envelope::read(sources), files }
}

impl Apart {
    /// The kinds and names of everything that was read, also of what has problems.
    pub fn declared(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.read.declared.iter().map(|(kind, name)| (*kind, name.as_str()))
    }

    /// Makes a file with nothing in it a problem. Where what is in no file is deleted, it would be a
    /// deletion, and editors and full disks leave such files.
    pub fn refuse_empty(&mut self) {
        for file in &self.read.empty {
            let message = "there is no manifest in this file; delete the file if that is meant";
            self.read.problems.add(file, crate::yaml::Place::START, message);
        }
    }

    /// What was read.
    #[must_use]
    pub fn manifests(&self) -> &[Located<Manifest>] {
        &self.read.manifests
    }

    /// Lets relative paths start at `directory` instead of where the gateway was started.
    pub fn resolve(&mut self, directory: &std::path::Path) {
        for located in &mut self.read.manifests {
            match located.value_mut() {
                Manifest::Cluster(cluster) => cluster.access.resolve(directory),
                Manifest::TrustedIssuer(issuer) => {
                    issuer.ca_file = issuer.ca_file.take().map(|file| directory.join(file));
                }
                Manifest::Agent(_) | Manifest::Scope(_) | Manifest::Grant(_) => {}
            }
        }
    }

    /// Checks them with each other and with those that are `known` already and stay.
    ///
    /// # Errors
    /// Everything that is wrong, also what was wrong while they were read.
    pub fn together(self, known: &[Manifest]) -> Result<Vec<Located<Manifest>>, Problems> {
        let Apart { mut read, files } = self;
        read.problems.append(together::check(&read.manifests, known, &read.declared));
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        read.problems.sort(&files);
        read.problems.or(read.manifests)
    }
}

/// Reads the manifests of several files, and checks them with each other and with those that are `known`
/// already: what [`read`] and [`check_together`] find, in one list.
///
/// # Errors
/// Everything that is wrong.
pub fn read_together(sources: &[Source], known: &[Manifest]) -> Result<Vec<Located<Manifest>>, Problems> {
    read_apart(sources).together(known)
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

/// Whether a cluster may have this name: it stands in paths.
pub fn is_cluster_name(text: &str) -> bool {
    names::is_label(text)
}
