//! `drawbridge apply`: manifests, all of them or none.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::terminal::{Terminal, Tone, clean};
use super::{World, files};
use crate::admin::Closed;
use crate::admin::apply::{Applied, Apply as Asked};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge apply -f agent.yaml -f grant.yaml
  drawbridge apply -f manifests/ --dry-run
  drawbridge enrol cleanup --owner me@example.com --purpose 'Old Jobs' \\
    | drawbridge apply -f -")]
pub struct Apply {
    /// A file, a directory with .yaml, .yml and .json files, or - for standard input.
    #[arg(short, long = "filename", required = true, value_name = "FILE|DIR|-")]
    file: Vec<PathBuf>,
    /// Only show what would change.
    #[arg(long)]
    dry_run: bool,
    /// Why; it goes into the record.
    #[arg(long, default_value = "")]
    reason: String,
}

impl Apply {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let sources = files::read(&self.file)?;
        let asked = Asked { sources, dry_run: self.dry_run, reason: self.reason };
        let applied: Applied = world.client()?.post("/v1/apply", &asked).await?;
        if applied.applied.is_empty() {
            bail!("there is no manifest in what was given; nothing was changed");
        }
        show(&applied, world.terminal)
    }
}

/// Prints what became of each manifest.
pub(super) fn show(applied: &Applied, terminal: &mut Terminal) -> anyhow::Result<()> {
    let mode = if applied.dry_run { " (dry run)" } else { "" };
    for one in &applied.applied {
        terminal.say(&clean(&format!("{}/{} {}{mode}", one.kind.to_lowercase(), one.name, one.change)))?;
    }
    let label = terminal.paint(Tone::Warn, "warning:");
    for caution in &applied.cautions {
        terminal.note(&format!("{label} {}", clean(caution)))?;
    }
    show_closed(applied.closed, terminal)
}

/// Prints what a change closed, if it closed anything.
pub(super) fn show_closed(closed: Closed, terminal: &mut Terminal) -> anyhow::Result<()> {
    if closed != Closed::default() {
        terminal.say(&counted(closed))?;
    }
    Ok(())
}

/// What a change closed, in words.
pub(super) fn counted(closed: Closed) -> String {
    let many =
        |count: usize, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    let mut text =
        format!("closed {} and {}", many(closed.streams, "stream"), many(closed.connections, "connection"));
    if closed.left > 0 {
        text.push_str(&format!("; {} had not ended yet", many(closed.left, "stream")));
    }
    text
}
