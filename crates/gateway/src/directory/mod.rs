//! The watched directory of manifests: applied at start and whenever it changes. What it no longer has is
//! deleted, within bounds. A state of it that can't be applied changes nothing: the last good one stays in
//! force, and it is said where people look.

mod files;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub use files::is_manifest;

use crate::chain::Chain;
use crate::manifest::Source;
use crate::state::State;
use crate::state::change::{Author, NotChanged, Report, What};
use crate::state::plan::{Asked, DIRECTORY, Origin, Prune};
use files::{Look, Unreadable};

/// The files are looked at this often: not read, their inodes only. Two looks that see the same make a
/// change: whoever writes many files isn't done while they still change.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks what failed is tried again: another change may have made it right.
const AGAIN: u32 = 10;
/// After so many looks the files are read though they look the same: the truth is in them.
const READ: u32 = 60;
/// Problems that are kept for people; further ones are counted.
const PROBLEMS: usize = 100;
/// Problems that are logged one by one.
const LOGGED: usize = 20;

/// The directory, and how it stands.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    standing: Mutex<Standing>,
}

/// How the directory stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Where it is.
    pub path: String,
    /// The files in it, when it was last applied.
    pub files: usize,
    /// Why it can't be applied as it is now: what was last good is in force. None: it is applied.
    pub problems: Vec<String>,
    /// How many more problems there are.
    pub more_problems: usize,
    /// What it no longer has, and is not deleted since that would be over a fifth of what came from it.
    pub kept: Vec<String>,
}

impl Standing {
    /// What people must know, in a sentence for each; none where all is well.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let path = &self.path;
        let mut warnings = Vec::new();
        if let Some(first) = self.problems.first() {
            let more = match self.problems.len().saturating_add(self.more_problems) {
                1 => String::new(),
                many => format!(" (and {} more problems)", many.saturating_sub(1)),
            };
            warnings.push(format!(
                "the manifests directory {path} can't be applied, what was last good is in force: {first}{more}"
            ));
        }
        if let Some(first) = self.kept.first() {
            warnings.push(format!(
                "the manifests directory {path} no longer has {} of the manifests that came from it ({first}, …); \
                 that is over a fifth, so they stay until 'drawbridge delete' deletes them",
                self.kept.len()
            ));
        }
        warnings
    }
}

/// What was seen and done, from look to look.
#[derive(Debug, Default)]
struct Memory {
    /// What the files looked like when they were last read.
    done: Option<Look>,
    /// What they looked like the last time.
    last: Option<Look>,
    /// Looks since they were read.
    looks: u32,
    /// The manifests that came from the directory: how many, and which of their changes was the last.
    mark: (usize, i64),
}

impl Directory {
    /// A directory that was not looked at yet.
    pub fn new(path: PathBuf) -> Directory {
        let standing = Standing { path: path.display().to_string(), ..Standing::default() };
        Directory { path, standing: Mutex::new(standing) }
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Applies it as it is. What is wrong with it keeps nobody from serving: what was last good is in the
    /// database.
    pub async fn begin(self: &Arc<Self>, state: &Arc<State>) -> Watch {
        let mut watch = Watch { directory: self.clone(), state: state.clone(), memory: Memory::default() };
        match self.look().await {
            Ok(look) => watch.apply(look).await,
            Err(error) => watch.trouble(vec![error.to_string()], 0),
        }
        watch
    }

    async fn look(&self) -> Result<Look, Trouble> {
        let path = self.path.clone();
        Ok(tokio::task::spawn_blocking(move || Look::at(&path)).await??)
    }

    async fn read(&self, look: Look) -> Result<(Look, Vec<Source>), Trouble> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || {
            let sources = look.read(&path)?;
            // What was replaced while it was read may be half one state and half another.
            Ok::<_, Unreadable>((Look::at(&path)?, sources))
        });
        Ok(read.await??)
    }
}

/// Why there is nothing to apply.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("the gateway had a fault: {0}")]
    Fault(#[from] tokio::task::JoinError),
}

/// Who watches it.
#[derive(Debug)]
pub struct Watch {
    directory: Arc<Directory>,
    state: Arc<State>,
    memory: Memory,
}

impl Watch {
    /// Watches, until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = sleep(LOOK) => {}
                () = shutdown.cancelled() => return,
            }
            self.again().await;
        }
    }

    /// One look, and what follows from it.
    async fn again(&mut self) {
        self.memory.looks = self.memory.looks.saturating_add(1);
        let look = match self.directory.look().await {
            Ok(look) => look,
            Err(error) => {
                // A link that is being swapped leads nowhere for a moment.
                if self.memory.last.take().is_none() {
                    self.memory.done = None;
                    self.trouble(vec![error.to_string()], 0);
                }
                return;
            }
        };
        let settled = self.memory.last.replace(look.clone()).is_some_and(|last| last == look);
        let changed = self.memory.done.as_ref() != Some(&look);
        let failed = !self.directory.standing().problems.is_empty();
        let due = self.memory.looks >= if failed { AGAIN } else { READ };
        if settled && (changed || due || self.drifted()) {
            self.apply(look).await;
        }
    }

    /// Whether somebody changed by hand what came from here.
    fn drifted(&self) -> bool {
        self.directory.standing().problems.is_empty() && self.memory.mark != mark(&self.state)
    }

    async fn apply(&mut self, look: Look) {
        self.memory.looks = 0;
        self.memory.last = Some(look.clone());
        let (now, sources) = match self.directory.read(look.clone()).await {
            Ok(read) => read,
            Err(error) => return self.trouble(vec![error.to_string()], 0),
        };
        if now != look {
            return;
        }
        self.memory.done = Some(look.clone());
        let done = self.attempt(sources).await;
        self.memory.mark = mark(&self.state);
        match done {
            Ok((report, kept)) => self.good(&report, look.count(), kept),
            Err(NotChanged::Problems(problems)) => {
                let list = problems.list().iter().map(ToString::to_string).collect();
                self.trouble(list, problems.left_out());
            }
            Err(error) => self.trouble(vec![Chain(&error).to_string()], 0),
        }
    }

    /// Applies; if it would prune too much it prunes nothing, and what it would have pruned is the answer.
    async fn attempt(&self, sources: Vec<Source>) -> Result<(Report, Vec<String>), NotChanged> {
        let author = Author { by: "manifests directory".to_owned(), reason: String::new() };
        let origin = Origin::Directory(self.directory.path.clone());
        let asked = |sources, prune| Asked { sources, prune, origin: origin.clone() };
        match self.state.apply(asked(sources.clone(), Prune::Few), &author).await {
            Err(NotChanged::TooMany { gone, .. }) => {
                let report = self.state.apply(asked(sources, Prune::Nothing), &author).await?;
                Ok((report, gone))
            }
            done => done.map(|report| (report, Vec::new())),
        }
    }

    fn good(&self, report: &Report, files: usize, kept: Vec<String>) {
        let path = self.directory.standing().path;
        let changed = report.applied.iter().filter(|one| one.change != What::Unchanged).count();
        if changed > 0 {
            let (streams, connections) = (report.closed.streams, report.closed.connections);
            tracing::info!(%path, files, changed, streams, connections, "the manifests directory is applied");
            report.cautions.iter().take(LOGGED).for_each(|caution| tracing::warn!(%path, "{caution}"));
        }
        self.stand(Standing { path, files, kept, ..Standing::default() });
    }

    fn trouble(&self, mut problems: Vec<String>, more: usize) {
        let was = self.directory.standing();
        let more_problems = more.saturating_add(problems.len().saturating_sub(PROBLEMS));
        problems.truncate(PROBLEMS);
        self.stand(Standing { problems, more_problems, ..was });
    }

    /// Notes how it stands; what is new about it is logged.
    fn stand(&self, standing: Standing) {
        let now = standing.clone();
        let mut kept = self.directory.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let was = std::mem::replace(&mut *kept, standing);
        drop(kept);
        if was.problems == now.problems && was.kept == now.kept {
            return;
        }
        now.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        for problem in now.problems.iter().take(LOGGED).skip(1) {
            tracing::warn!(path = %now.path, "{problem}");
        }
        if now.warnings().is_empty() {
            tracing::info!(path = %now.path, "the manifests directory is in force again");
        }
    }
}

fn mark(state: &State) -> (usize, i64) {
    let snapshot = state.snapshot();
    let ours = snapshot.manifests().iter().filter(|stored| stored.row.origin == DIRECTORY);
    ours.fold((0, 0), |(count, last), stored| (count + 1, last.max(stored.row.revision)))
}

/// Where relative paths in the directory's manifests start: an absolute path, whatever the gateway's own
/// directory becomes.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_unknown| path.to_owned())
}
