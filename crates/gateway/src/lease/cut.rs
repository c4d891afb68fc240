//! Cutting: every request that no longer may go on ends, and with it its connection where nobody else is on
//! it or where the request's end isn't noticed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use drawbridge_policy::AgentName;
use serde::Serialize;
use tokio::sync::Notify;

use super::connection::Cut;
use super::{Held, Leases, Stopped};

/// A request that was stopped has this long to end by itself. One that waits for its caller to read doesn't
/// notice; on HTTP/2 its stream is then reset, which costs nobody else anything.
const NOTICE: Duration = Duration::from_millis(20);
/// A stream that was reset has this long to end before its connection is ended.
const RESET: Duration = Duration::from_millis(50);
/// A connection whose task was ended has this long to be gone; past it the answer says what is left.
const GONE: Duration = Duration::from_secs(2);

/// Why a request was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutReason {
    /// The agent was suspended, revoked or deleted.
    Agent,
    /// The key it was recognised by was suspended, revoked or taken from the agent.
    Key,
    /// What else it was recognised by was taken from the agent, or its issuer is no longer trusted.
    Identity,
    /// The pod that made it is gone, or its cluster no longer says that it is there.
    Instance,
    /// The grant that let it through was suspended, revoked, changed, deleted or is over.
    Grant,
    /// What its agent may see has changed, and the grant still stands: a watch is told to begin anew.
    Scope,
    /// The cluster was taken away or changed.
    Cluster,
    /// The gateway shuts down.
    Shutdown,
}

/// What a cut closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// Requests that were open and ended.
    pub streams: usize,
    /// Connections that were closed.
    pub connections: usize,
    /// Requests that had not ended when the wait was over. Anything but 0 is a fault.
    pub left: usize,
}

impl Closed {
    /// Counts another cut's along.
    pub fn add(&mut self, other: Closed) {
        self.streams += other.streams;
        self.connections += other.connections;
        self.left += other.left;
    }
}

/// Counts a cut's requests down to none.
#[derive(Debug, Default)]
pub(super) struct Latch {
    remaining: AtomicUsize,
    done: Notify,
}

impl Latch {
    pub(super) fn count_up(&self) {
        self.remaining.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn count_down(&self) {
        if self.remaining.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_waiters();
        }
    }

    async fn wait(&self, at_most: Duration) -> usize {
        let all = async {
            loop {
                let notified = self.done.notified();
                if self.remaining.load(Ordering::Acquire) == 0 {
                    return;
                }
                notified.await;
            }
        };
        if tokio::time::timeout(at_most, all).await.is_err() {
            tracing::debug!("some requests have not ended yet");
        }
        self.remaining.load(Ordering::Acquire)
    }
}

impl Leases {
    /// Ends every request that `verdict` gives a reason for, and the idle connections of the agents in
    /// `gone`. Returns once they have ended.
    pub async fn cut(&self, verdict: impl Fn(&Held) -> Option<CutReason>, gone: &[AgentName]) -> Closed {
        let latch = Arc::new(Latch::default());
        let mut chosen: Vec<Arc<Held>> = Vec::new();
        let mut streams = 0_usize;
        for held in self.all() {
            let Some(reason) = verdict(&held) else { continue };
            match held.stop(reason, &latch) {
                // What two cuts want to end is counted by one and waited for by both.
                Stopped::Now => streams = streams.saturating_add(1),
                Stopped::Before => {}
                Stopped::Over => continue,
            }
            chosen.push(held);
        }
        // Who is told why gets to hear it first: its connection is ended if that takes too long.
        let hears = |held: &Arc<Held>| held.reason() == Some(CutReason::Scope);
        let silenced: Vec<_> = chosen.iter().filter(|held| !hears(held)).cloned().collect();
        let mut connections = self.end_connections(&silenced, gone);
        let mut left = latch.wait(NOTICE).await;
        if left > 0 {
            chosen.iter().filter(|held| self.is_open(held)).for_each(|held| held.reset());
            left = latch.wait(RESET).await;
        }
        if left > 0 {
            for held in chosen.iter().filter(|held| self.is_open(held)) {
                if held.connection.cut() == Cut::Now {
                    connections = connections.saturating_add(1);
                }
            }
            left = latch.wait(GONE).await;
        }
        if left > 0 {
            tracing::error!(left, "requests that were cut have not ended");
        }
        Closed { streams: streams.saturating_sub(left), connections, left }
    }

    /// Ends the connections on which nobody else has anything open; resets the requests on the others.
    /// The answer is how many connections that ended.
    fn end_connections(&self, chosen: &[Arc<Held>], gone: &[AgentName]) -> usize {
        let mut ended = 0_usize;
        let mut cut: HashMap<(u64, &AgentName), usize> = HashMap::new();
        for held in chosen {
            *cut.entry((held.connection.id(), &held.agent)).or_insert(0) += 1;
        }
        for held in chosen {
            let open = held.connection.open(&held.agent);
            let own = cut.get(&(held.connection.id(), &held.agent)).copied().unwrap_or(0);
            if open.others == 0 && own >= open.own && held.connection.cut() == Cut::Now {
                ended = ended.saturating_add(1);
            }
        }
        for connection in self.connections() {
            let idle =
                |agent: &&AgentName| connection.was_used_by(agent) && connection.open(agent).others == 0;
            if gone.iter().any(|agent| idle(&agent)) && connection.cut() == Cut::Now {
                ended = ended.saturating_add(1);
            }
        }
        ended
    }

    fn is_open(&self, held: &Held) -> bool {
        super::lock(&self.inner.held).contains_key(&held.id)
    }
}
