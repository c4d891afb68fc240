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
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use files::is_manifest;

use crate::chain::Chain;
use crate::manifest::Source;
use crate::state::State;
use crate::state::change::{Author, NotChanged, Report, What};
use crate::state::plan::{Asked, DIRECTORY, Origin, Prune};
use crate::state::snapshot::Snapshot;
use files::{Look, Unreadable};

/// The files are looked at this often: not read, their inodes only. Two looks that see the same make a
/// change: whoever writes many files isn't done while they still change.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks what failed is tried again: another change may have made it right.
const AGAIN: u32 = 10;
/// After so many looks the files are read though they look the same: the truth is in them.
const READ: u32 = 60;
/// After so many looks of which no two saw the same it is said: nothing is applied while files change.
const RESTLESS: u32 = 10;
/// What was deleted within this time counts towards the fifth: who removes one file after the other has
/// removed all of them in the end. It is counted from the start on; only people delete more.
const LATELY: Duration = Duration::from_mins(10);
/// One look, or reading all files, may take this long: a mount whose other end is gone may take forever.
const PATIENCE: Duration = Duration::from_secs(20);
/// Problems that are kept for people; further ones are counted.
const PROBLEMS: usize = 100;
/// Problems, and manifests that stay, that are said one by one.
const SAID: usize = 20;

/// The directory, and how it stands.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    condition: Mutex<Condition>,
    /// Who may read it.
    turn: Arc<Semaphore>,
}

/// How the directory stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
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
    /// What it no longer has, and is not deleted since something needs it: a sentence for each.
    #[serde(default)]
    pub stays: Vec<String>,
}

impl Condition {
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
        let left = |all: &[String]| match all.len().saturating_sub(SAID) {
            0 => String::new(),
            left => format!(" and {left} more"),
        };
        if !self.kept.is_empty() {
            let names = self.kept.iter().take(SAID).cloned().collect::<Vec<_>>().join(", ");
            let (many, left) = (self.kept.len(), left(&self.kept));
            warnings.push(format!(
                "the manifests directory {path} no longer has {many} of the manifests that came from it \
                 ({names}{left}); with what it deleted in the last ten minutes that is over a fifth, so they stay; 'drawbridge \
                 delete' deletes them"
            ));
        }
        let stays = self.stays.iter().take(SAID);
        warnings.extend(stays.map(|sentence| format!("the manifests directory {path}: {sentence}")));
        if self.stays.len() > SAID {
            let left = self.stays.len().saturating_sub(SAID);
            warnings.push(format!("the manifests directory {path}: {left} more stay as well"));
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
    /// Looks in a row that saw something else each time.
    restless: u32,
    lately: Lately,
}

/// What was deleted lately: when, and how many.
#[derive(Debug, Default)]
struct Lately(Vec<(Instant, usize)>);

impl Lately {
    /// How many there were.
    fn count(&mut self, now: Instant) -> usize {
        self.0.retain(|(at, _)| now.saturating_duration_since(*at) < LATELY);
        self.0.iter().map(|(_, count)| *count).sum()
    }

    /// Notes some more. There are no more entries than looks in that time.
    fn add(&mut self, now: Instant, count: usize) {
        if count > 0 {
            self.0.push((now, count));
        }
    }
}

impl Directory {
    /// A directory that was not looked at yet.
    pub fn new(path: PathBuf) -> Directory {
        let condition = Condition { path: path.display().to_string(), ..Condition::default() };
        Directory { path, condition: Mutex::new(condition), turn: Arc::new(Semaphore::new(1)) }
    }

    /// How it stands.
    pub fn condition(&self) -> Condition {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        self.aside(move || Look::at(&path)).await
    }

    async fn read(&self, look: Look) -> Result<(Look, Vec<Source>), Trouble> {
        let path = self.path.clone();
        let read = self.aside(move || {
            let sources = look.read(&path)?;
            // What was replaced while it was read may be half one state and half another.
            Ok((Look::at(&path)?, sources))
        });
        read.await
    }

    /// Does what waits for a disk where it keeps no other task waiting; one of it at a time, so that what
    /// hangs holds one thread.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Unreadable> + Send + 'static,
    ) -> Result<T, Trouble> {
        let stuck = || Trouble::Stuck { path: self.path.display().to_string() };
        let turn = self.turn.clone().try_acquire_owned().map_err(|_taken| stuck())?;
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        Ok(timeout(PATIENCE, work).await.map_err(|_elapsed| stuck())???)
    }
}

/// Why there is nothing to apply.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("{path}: can't be read: its disk has not answered for {} s", PATIENCE.as_secs())]
    Stuck { path: String },
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
        self.memory.restless = if settled { 0 } else { self.memory.restless.saturating_add(1) };
        if self.memory.restless == RESTLESS {
            let path = self.directory.path.display();
            let problem = format!("{path}: its files have changed at every one of {RESTLESS} looks");
            self.trouble(vec![problem], 0);
        }
        let changed = self.memory.done.as_ref() != Some(&look);
        let failed = !self.directory.condition().problems.is_empty();
        let due = self.memory.looks >= if failed { AGAIN } else { READ };
        if settled && (changed || due || self.drifted()) {
            self.apply(look).await;
        }
    }

    /// Whether somebody changed by hand what came from here.
    fn drifted(&self) -> bool {
        self.directory.condition().problems.is_empty() && self.memory.mark != mark(&self.state.snapshot())
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
        match self.attempt(sources).await {
            Ok(report) => self.good(report, look.count()),
            Err(NotChanged::Problems(problems)) => {
                let list = problems.list().iter().map(ToString::to_string).collect();
                self.trouble(list, problems.left_out());
            }
            Err(error) => self.trouble(vec![Chain(&error).to_string()], 0),
        }
    }

    async fn attempt(&mut self, sources: Vec<Source>) -> Result<Report, NotChanged> {
        let author = Author { by: "manifests directory".to_owned(), reason: String::new() };
        let origin = Origin::Directory(self.directory.path.clone());
        let prune = Prune::Few { lately: self.memory.lately.count(Instant::now()) };
        self.state.apply(Asked { sources, prune, origin }, &author).await
    }

    fn good(&mut self, report: Report, files: usize) {
        // As it was then: somebody may have changed things by hand while clusters were looked at.
        self.memory.mark = mark(&report.after);
        let count = |is: fn(What) -> bool| report.applied.iter().filter(|one| is(one.change)).count();
        self.memory.lately.add(Instant::now(), count(|change| change == What::Deleted));
        let path = self.directory.condition().path;
        let changed = count(|change| change != What::Unchanged);
        if changed > 0 {
            let (streams, connections) = (report.closed.streams, report.closed.connections);
            tracing::info!(%path, files, changed, streams, connections, "the manifests directory is applied");
            report.cautions.iter().take(SAID).for_each(|caution| tracing::warn!(%path, "{caution}"));
        }
        let Report { kept, stays, .. } = report;
        self.stand(Condition { path, files, kept, stays, ..Condition::default() });
    }

    fn trouble(&self, mut problems: Vec<String>, more: usize) {
        let was = self.directory.condition();
        let more_problems = more.saturating_add(problems.len().saturating_sub(PROBLEMS));
        problems.truncate(PROBLEMS);
        self.stand(Condition { problems, more_problems, ..was });
    }

    /// Notes how it stands; what is new about it is logged.
    fn stand(&self, condition: Condition) {
        let now = condition.clone();
        let mut kept = self.directory.condition.lock().unwrap_or_else(PoisonError::into_inner);
        let was = std::mem::replace(&mut *kept, condition);
        drop(kept);
        if was.problems == now.problems && was.kept == now.kept && was.stays == now.stays {
            return;
        }
        now.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        for problem in now.problems.iter().take(SAID).skip(1) {
            tracing::warn!(path = %now.path, "{problem}");
        }
        if now.warnings().is_empty() {
            tracing::info!(path = %now.path, "the manifests directory is in force again");
        }
    }
}

fn mark(snapshot: &Snapshot) -> (usize, i64) {
    let ours = snapshot.manifests().iter().filter(|stored| stored.row.origin == DIRECTORY);
    ours.fold((0, 0), |(count, last), stored| (count + 1, last.max(stored.row.revision)))
}

/// Where relative paths in the directory's manifests start: an absolute path, whatever the gateway's own
/// directory becomes.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_unknown| path.to_owned())
}
