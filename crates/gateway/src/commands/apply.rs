//! `drawbridge apply`: manifests, all of them or none.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::failure::{self, Refused};
use super::terminal::{Terminal, Tone, clean};
use super::{World, changes, files};
use crate::admin::Closed;
use crate::admin::apply::{Applied, Apply as Asked, One};

/// Manifests up to which each is named; of more only what changed is, and a summary.
const NAMED: usize = 100;
/// Warnings that are printed; further ones are counted.
const WARNED: usize = 100;
/// Files from which on it is said that they are on their way.
const MANY: usize = 1_000;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge apply -f agent.yaml -f grant.yaml
  drawbridge apply -f manifests/ --dry-run
  drawbridge apply -f manifests/ --prune
  drawbridge enrol cleanup --owner me@example.com --purpose 'Old Jobs' \\
    | drawbridge apply -f -")]
pub struct Apply {
    /// A file, a directory with .yaml, .yml and .json files, or - for standard input.
    #[arg(short, long = "filename", required = true, value_name = "FILE|DIR|-")]
    file: Vec<PathBuf>,
    /// Only show what would change, in the manifests and in what each agent may do.
    #[arg(long)]
    dry_run: bool,
    /// Delete what the directories don't have. What something that stays names stays, such as a grant's scope
    /// or an agent's cluster, and so does what comes from the gateway's own manifests directory.
    #[arg(long)]
    prune: bool,
    /// Prune also if that is over a fifth of what there is.
    #[arg(long, requires = "prune")]
    yes: bool,
    /// Why; it goes into the record.
    #[arg(long, default_value = "")]
    reason: String,
}

impl Apply {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        if self.prune {
            files::only_directories(&self.file)?;
        }
        let sources = files::read(&self.file)?;
        if sources.len() >= MANY {
            let bytes: usize = sources.iter().map(|source| source.text.len()).sum();
            world.terminal.note(&format!("applying {} files, {bytes} bytes …", sources.len()))?;
        }
        let (dry_run, prune, yes) = (self.dry_run, self.prune, self.yes);
        let asked = Asked { sources, dry_run, prune, yes, reason: self.reason };
        let applied: Applied = world.client()?.post("/v1/apply", &asked).await?;
        not_nothing(&applied.applied)?;
        let shown = show(&applied, world.terminal);
        match applied.refused {
            // A dry run has the status that applying the same would have, whoever reads it.
            Some(message) => {
                failure::seen(shown)?;
                Err(Refused { problems: Vec::new(), message }.into())
            }
            None => shown,
        }
    }
}

/// Refuses files without a manifest: whoever gives them expects something.
pub(super) fn not_nothing(applied: &[One]) -> anyhow::Result<()> {
    if applied.is_empty() {
        bail!("there is no manifest in what was given; nothing was changed");
    }
    Ok(())
}

/// Prints what became of each manifest.
pub(super) fn show(applied: &Applied, terminal: &mut Terminal) -> anyhow::Result<()> {
    let mode = if applied.dry_run { " (dry run)" } else { "" };
    let all = &applied.applied;
    for one in all.iter().filter(|one| all.len() <= NAMED || one.change != "unchanged") {
        terminal.say(&clean(&format!("{}/{} {}{mode}", one.kind.to_lowercase(), one.name, one.change)))?;
    }
    if all.len() > NAMED {
        terminal.say(&format!("{}{mode}", summary(all)))?;
    }
    if let Some(changes) = applied.changes.as_ref().filter(|changes| **changes != Default::default()) {
        terminal.say("")?;
        changes::show(changes, terminal)?;
    }
    warn(&applied.cautions, terminal)?;
    show_closed(applied.closed, terminal)
}

/// Prints what their author should know, up to what somebody reads.
pub(super) fn warn(cautions: &[String], terminal: &mut Terminal) -> anyhow::Result<()> {
    let label = terminal.paint(Tone::Warn, "warning:");
    for caution in cautions.iter().take(WARNED) {
        terminal.note(&format!("{label} {}", clean(caution)))?;
    }
    if cautions.len() > WARNED {
        terminal.note(&format!("{label} … and {} more warnings", cautions.len().saturating_sub(WARNED)))?;
    }
    Ok(())
}

/// How many there are, and what became of how many.
fn summary(all: &[One]) -> String {
    let count = |change: &str| all.iter().filter(|one| one.change == change).count();
    let parts = ["created", "configured", "deleted", "unchanged"].into_iter();
    let parts = parts.map(|change| (count(change), change)).filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, change)| format!("{count} {change}")).collect();
    format!("{} manifests: {}", all.len(), parts.join(", "))
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
