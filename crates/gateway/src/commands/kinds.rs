//! The kinds of manifests as people type them.

use clap::ValueEnum;

/// A kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// Non-human identities.
    #[value(name = "agents", alias = "agent", alias = "Agent")]
    Agent,
    /// Named sets of rules.
    #[value(name = "scopes", alias = "scope", alias = "Scope")]
    Scope,
    /// What gives agents scopes on clusters.
    #[value(name = "grants", alias = "grant", alias = "Grant")]
    Grant,
    /// API servers.
    #[value(name = "clusters", alias = "cluster", alias = "Cluster")]
    Cluster,
    /// Who vouches for agents.
    #[value(name = "trustedissuers", alias = "trustedissuer", alias = "TrustedIssuer", alias = "issuers")]
    TrustedIssuer,
}

impl Kind {
    /// The kind as a manifest says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Agent => "Agent",
            Kind::Scope => "Scope",
            Kind::Grant => "Grant",
            Kind::Cluster => "Cluster",
            Kind::TrustedIssuer => "TrustedIssuer",
        }
    }

    /// The kind in front of a name: `agent/cleanup`.
    pub fn lower(self) -> &'static str {
        match self {
            Kind::Agent => "agent",
            Kind::Scope => "scope",
            Kind::Grant => "grant",
            Kind::Cluster => "cluster",
            Kind::TrustedIssuer => "trustedissuer",
        }
    }

    /// Reads a manifest's kind.
    pub fn read(text: &str) -> Option<Kind> {
        Kind::value_variants().iter().copied().find(|kind| kind.as_str() == text)
    }
}
