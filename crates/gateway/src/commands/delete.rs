//! `drawbridge delete`: manifests that nothing refers to.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::client::{Client, query, segment};
use super::failure::Refused;
use super::kinds::Kind;
use super::terminal::{Tone, clean};
use super::{World, apply, files};
use crate::admin::manifests::Deleted;
use crate::manifest::{self, Problems, Source};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge delete grant cleanup-prod
  drawbridge delete -f manifests/

What files name is deleted so that nothing refers to what goes: grants, agents,
scopes, clusters, trusted issuers. Suspensions and revocations stay: a revoked
name stays revoked.")]
pub struct Delete {
    /// What kind: agent, scope, grant, cluster or trustedissuer.
    #[arg(required_unless_present = "file", requires = "name")]
    kind: Option<Kind>,
    /// Its name.
    name: Option<String>,
    /// Delete what these files name.
    #[arg(short, long = "filename", value_name = "FILE|DIR|-", conflicts_with = "kind")]
    file: Vec<PathBuf>,
    /// Why; it goes into the record.
    #[arg(long, default_value = "")]
    reason: String,
}

impl Delete {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let client = world.client()?;
        let chosen = match (self.kind, self.name) {
            (Some(kind), Some(name)) => vec![(kind, name)],
            (Some(_) | None, _) => named_by(&self.file)?,
        };
        let mut done = 0_usize;
        for (kind, name) in &chosen {
            let deleted = delete(&client, *kind, name, &self.reason).await;
            let deleted = match done {
                0 => deleted,
                _ => deleted.with_context(|| format!("after {done} of {} were deleted", chosen.len())),
            }?;
            world.terminal.say(&clean(&format!("{}/{name} deleted", kind.lower())))?;
            apply::show_closed(deleted.closed, world.terminal)?;
            if let Some(caution) = &deleted.caution {
                let label = world.terminal.paint(Tone::Warn, "warning:");
                world.terminal.note(&format!("{label} {}", clean(caution)))?;
            }
            done = done.saturating_add(1);
        }
        Ok(())
    }
}

async fn delete(client: &Client, kind: Kind, name: &str, reason: &str) -> anyhow::Result<Deleted> {
    let query = query(&[("reason", (!reason.is_empty()).then(|| reason.to_owned()))]);
    client.delete(&format!("/v1/manifests/{}/{}{query}", kind.as_str(), segment(name)?)).await
}

/// What some files name, in an order in which nothing refers to what goes.
fn named_by(paths: &[PathBuf]) -> anyhow::Result<Vec<(Kind, String)>> {
    let texts = files::read(paths)?;
    let sources: Vec<Source> =
        texts.into_iter().map(|text| Source { file: text.file, text: text.text }).collect();
    let read = manifest::read(&sources).map_err(|problems| refused(&problems))?;
    let mut named: Vec<(Kind, String)> = read
        .iter()
        .filter_map(|located| Some((Kind::read(located.get().kind())?, located.get().name().to_owned())))
        .collect();
    named.sort_by_key(|(kind, _)| match kind {
        Kind::Grant => 0,
        Kind::Agent => 1,
        Kind::Scope => 2,
        Kind::Cluster => 3,
        Kind::TrustedIssuer => 4,
    });
    Ok(named)
}

fn refused(problems: &Problems) -> Refused {
    let problems: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
    let message = format!("{} problems; nothing was deleted", problems.len());
    Refused { problems, message }
}
