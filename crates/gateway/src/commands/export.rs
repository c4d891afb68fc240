//! `drawbridge export`: a scope as what the real API server takes and enforces, one file for each form.

mod rbac;
mod vap;

use clap::{Args, Subcommand};

use super::World;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge export rbac job-cleaner > job-cleaner.yaml
  kubectl apply -f job-cleaner.yaml
  drawbridge export vap job-cleaner --agent cleanup

What can't be said in a form is said beside it, and on standard error.")]
pub struct Export {
    #[command(subcommand)]
    to: To,
}

/// The forms.
#[derive(Debug, Subcommand)]
enum To {
    /// A ClusterRole.
    Rbac(rbac::Rbac),
    /// A ValidatingAdmissionPolicy with its binding.
    Vap(vap::Vap),
}

impl Export {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        match self.to {
            To::Rbac(rbac) => rbac.run(world).await,
            To::Vap(vap) => vap.run(world).await,
        }
    }
}
