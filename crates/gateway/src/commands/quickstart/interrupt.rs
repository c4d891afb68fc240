//! Ctrl-C, SIGTERM and a closed terminal.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears that this process is to end.
pub(super) struct Interrupt {
    ctrl_c: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Interrupt {
    pub(super) fn listen() -> anyhow::Result<Interrupt> {
        let hear = |kind| signal(kind).context("signals can't be heard");
        Ok(Interrupt {
            ctrl_c: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hang_up: hear(SignalKind::hangup())?,
        })
    }

    /// Waits for it.
    pub(super) async fn came(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }

    /// What `work` comes to, or nothing if the interrupt comes first. What `work` has started ends as it is
    /// dropped.
    pub(super) async fn or<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.came() => None,
        }
    }
}
