//! `drawbridge diff`: what applying would change, in the manifests and in what each agent may do.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{World, changes, failure, files};
use crate::admin::diff::{Changes, Compared, Diff as Asked};

/// There is a difference.
const DIFFERS: u8 = 1;
/// It could not be compared. Elsewhere that is 1, which here says that there is a difference.
const FAILED: u8 = 4;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge diff -f manifests/
  drawbridge diff -f manifests/ --prune
  drawbridge diff -f grant.yaml && echo 'nothing to do'

Exit status: 0 no difference, 1 differences, 2 usage, 3 refused, 4 failed.
So over 1 is trouble, as with 'kubectl diff'. The status is the same when
nobody reads to the end, as in 'drawbridge diff -f . | head'.")]
pub struct Diff {
    /// A file, a directory with .yaml, .yml and .json files, or - for standard input.
    #[arg(short, long = "filename", required = true, value_name = "FILE|DIR|-")]
    file: Vec<PathBuf>,
    /// As if what the directories don't have were deleted.
    #[arg(long)]
    prune: bool,
}

impl Diff {
    pub(super) async fn run(self, world: &mut World<'_>) -> ExitCode {
        match self.compare(world).await {
            Ok(changes) if changes == Changes::default() => ExitCode::SUCCESS,
            Ok(_) => ExitCode::from(DIFFERS),
            Err(error) => failure::exit_as(Err(error), FAILED, world.terminal),
        }
    }

    async fn compare(self, world: &mut World<'_>) -> anyhow::Result<Changes> {
        if self.prune {
            files::only_directories(&self.file)?;
        }
        let asked = Asked { sources: files::read(&self.file)?, prune: self.prune };
        let compared: Compared = world.client()?.post("/v1/diff", &asked).await?;
        super::apply::not_nothing(&compared.applied)?;
        // What it would be refused for comes first: it must not be among what is only counted.
        let cautions: Vec<String> = compared.refused.into_iter().chain(compared.cautions).collect();
        // `drawbridge diff | head` differs all the same.
        failure::seen(changes::show(&compared.changes, world.terminal))?;
        failure::seen(super::apply::warn(&cautions, world.terminal))?;
        Ok(compared.changes)
    }
}
