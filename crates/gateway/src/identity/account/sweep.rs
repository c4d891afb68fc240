//! Open streams of pods that are gone end soon: who has something open is asked about every few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_policy::Millis;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::admit::{Accounts, Copy, Vouched};
use super::live::Verdict;
use crate::clock::Clock;
use crate::lease::{CutReason, Held, Leases};

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(5);
/// Clusters are asked about so many pods at once: a round over many is short, and no cluster is flooded.
const AT_ONCE: usize = 8;
/// A cluster that says nothing of a pod for so long, in milliseconds, has it end: nobody can tell any more.
const SILENCE: i64 = 30_000;

/// Asks until `shutdown`.
pub async fn run(accounts: Arc<Accounts>, leases: Leases, clock: Clock, shutdown: CancellationToken) {
    let mut sweep = Sweep { accounts, leases, clock, silent: HashMap::new() };
    loop {
        tokio::select! {
            () = sleep(ROUND) => {}
            () = shutdown.cancelled() => return,
        }
        sweep.round().await;
    }
}

struct Sweep {
    accounts: Arc<Accounts>,
    leases: Leases,
    clock: Clock,
    /// Since when clusters have said nothing of a pod. Only of those that have something open.
    silent: HashMap<Copy, Millis>,
}

impl Sweep {
    /// One round over all clusters at once: a slow one holds up no other's.
    async fn round(&mut self) {
        let open = self.accounts.latest(self.leases.vouched());
        self.silent.retain(|copy, _| open.contains_key(copy));
        let mut clusters: HashMap<String, Vec<(Copy, Arc<Vouched>)>> = HashMap::new();
        for (copy, vouched) in open {
            clusters.entry(copy.0.clone()).or_default().push((copy, vouched));
        }
        let (accounts, clock) = (self.accounts.clone(), self.clock.clone());
        let mut rounds: FuturesUnordered<_> =
            clusters.into_values().map(|open| of_cluster(&accounts, &clock, open)).collect();
        while let Some(verdicts) = rounds.next().await {
            self.end(verdicts).await;
        }
    }

    /// Ends what is gone.
    async fn end(&mut self, verdicts: Vec<(Copy, Verdict)>) {
        let now = self.clock.now();
        let gone: Vec<Copy> =
            verdicts.into_iter().filter_map(|(copy, verdict)| self.is_gone(copy, verdict, now)).collect();
        if gone.is_empty() {
            return;
        }
        let verdict = |held: &Held| {
            let copy = held.vouched()?.copy();
            gone.contains(&copy).then_some(CutReason::Instance)
        };
        let closed = self.leases.cut(verdict, &[]).await;
        tracing::info!(
            pods = gone.len(),
            streams = closed.streams,
            "streams of pods that are gone were closed"
        );
    }

    fn is_gone(&mut self, copy: Copy, verdict: Verdict, now: Millis) -> Option<Copy> {
        match verdict {
            Verdict::Alive => {
                self.silent.remove(&copy);
                None
            }
            Verdict::Gone => Some(copy),
            Verdict::Unknown => {
                let since = self.silent.entry(copy.clone()).or_insert(now);
                // A clock that was set back must not make a silence longer than it may be.
                *since = (*since).min(now);
                (now.0.saturating_sub(since.0) >= SILENCE).then_some(copy)
            }
        }
    }
}

/// What one cluster says of its pods, some at once. One that says nothing of as many is not asked about the
/// rest.
async fn of_cluster(
    accounts: &Accounts,
    clock: &Clock,
    open: Vec<(Copy, Arc<Vouched>)>,
) -> Vec<(Copy, Verdict)> {
    let mut verdicts = Vec::with_capacity(open.len());
    let mut silent = false;
    for some in open.chunks(AT_ONCE) {
        let said = some.iter().map(async |(copy, vouched)| {
            // A token that ended says nothing any more, and no fresh one came with a later request.
            let verdict = if vouched.ends() <= clock.now() {
                Verdict::Gone
            } else if silent {
                Verdict::Unknown
            } else {
                accounts.verdict(vouched).await
            };
            (copy.clone(), verdict)
        });
        let said = join_all(said).await;
        silent = silent || said.iter().all(|(_, verdict)| *verdict == Verdict::Unknown);
        verdicts.extend(said);
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use drawbridge_store::{Location, Store};

    use super::*;

    #[test]
    fn a_pod_ends_at_once_when_it_is_gone_and_after_half_a_minute_of_silence() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::open(&Location::Sqlite(directory.path().join("a.db"))).await.unwrap();
            let accounts = Arc::new(
                Accounts::load(store, "https://gate.example".into(), Arc::default(), Clock::system())
                    .await
                    .unwrap(),
            );
            let (leases, clock) = (Leases::default(), Clock::system());
            let mut sweep = Sweep { accounts, leases, clock, silent: HashMap::new() };
            let copy = || ("prod".to_owned(), "uid".to_owned());
            let mut gone = |verdict, now| sweep.is_gone(copy(), verdict, Millis(now)).is_some();
            assert!(gone(Verdict::Gone, 0));
            assert!(!gone(Verdict::Alive, 0));
            assert!(!gone(Verdict::Unknown, 1_000));
            assert!(!gone(Verdict::Unknown, SILENCE + 999));
            assert!(gone(Verdict::Unknown, SILENCE + 1_000));
            assert!(!gone(Verdict::Alive, SILENCE + 2_000), "it said something");
            assert!(!gone(Verdict::Unknown, SILENCE + 3_000), "its silence is counted anew");
            // The clock is set back by all of that, and its silence goes on.
            assert!(!gone(Verdict::Unknown, 0));
            assert!(gone(Verdict::Unknown, SILENCE));
        });
    }
}
