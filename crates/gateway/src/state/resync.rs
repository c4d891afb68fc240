//! Whatever the database holds is what counts. Its answer to a change can be lost though the change was made;
//! then what is in memory is behind, and is read anew.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

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
    /// Looks, and reads where there is something new. A database that can't be read is left for the next look.
    pub(super) async fn resync(&self) {
        let unwritten = self.changing.lock().await;
        let before = self.snapshot();
        match self.store.revision().await {
            Ok(revision) if revision == before.revision() => {}
            Ok(revision) => {
                tracing::warn!(revision, known = before.revision(), "the database changed; reading it anew");
                self.reread(&before, &unwritten).await;
            }
            Err(error) => tracing::debug!(error = %Chain(&error), "the revision can't be read"),
        }
    }

    async fn reread(&self, before: &Snapshot, unwritten: &HashSet<Subject>) {
        let read = match self.store.load().await {
            Ok(everything) => before.reread(everything, unwritten, &self.fittings),
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
