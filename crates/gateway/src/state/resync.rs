//! Whatever the database holds is what counts. Its answer to a change can be lost though the change was made;
//! then what is in memory is behind, and is read anew.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_store::State as StateRow;
use tokio_util::sync::CancellationToken;

use super::State;
use super::snapshot::Snapshot;
use super::standing::Subject;
use crate::chain::Chain;

/// How often the revision is looked at: one small read.
const LOOK: Duration = Duration::from_secs(1);

/// Reads the database anew whenever its revision is another one than that in memory, until `shutdown`.
pub async fn run(state: Arc<State>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = shutdown.cancelled() => return,
        }
        state.resync().await;
    }
}

impl State {
    /// Looks, and reads where there is something new. A database that can't be read is left for the next
    /// look, and nobody who changes something waits for it.
    pub(super) async fn resync(&self) {
        if self.is_behind().await.is_none() {
            return;
        }
        let mut unwritten = self.changing.lock().await;
        let before = self.snapshot();
        // A change of our own may have been on its way.
        if let Some(revision) = self.is_behind().await {
            tracing::warn!(revision, known = before.revision(), "the database changed; reading it anew");
            self.reread(&before, &mut unwritten).await;
        }
    }

    /// The database's revision, where it is known and another one than that in memory.
    async fn is_behind(&self) -> Option<i64> {
        match self.store.revision().await {
            Ok(revision) => (revision != self.snapshot().revision()).then_some(revision),
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "the revision can't be read");
                None
            }
        }
    }

    async fn reread(&self, before: &Snapshot, unwritten: &mut HashSet<Subject>) {
        let read = match self.store.load().await {
            Ok(everything) => {
                // What the database has by now is written.
                unwritten.retain(|subject| {
                    let has =
                        |row: &&StateRow| row.subject_kind == subject.kind() && row.subject == subject.name();
                    let word = before.standings().of(subject).as_str();
                    let found = everything.states.iter().find(has);
                    found.is_none_or(|row| row.state != word && row.state != "revoked")
                });
                before.reread(everything, unwritten, &self.fittings)
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the database can't be read");
                return;
            }
        };
        match read {
            Ok(next) => {
                let closed = self.swap(next).await;
                self.closed("reread", closed).await;
            }
            Err(error) => tracing::error!(error = %Chain(&error), "what the database holds can't be used"),
        }
    }
}
