//! A gateway that serves, and its end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drawbridge_store::Store;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gate::Gate;
use crate::lease::CutReason;

/// After the cut, connections have this long to be gone.
const GONE: Duration = Duration::from_secs(3);
/// The record has this long to take what waits for it.
const FLUSH: Duration = Duration::from_secs(10);

/// A gateway that serves. Dropping it without [`Running::shutdown`] leaves it serving until the runtime ends.
#[derive(Debug)]
pub struct Running {
    pub(super) agents: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) url: String,
    pub(super) admin_url: String,
    pub(super) admin_file: PathBuf,
    pub(super) ca: Option<String>,
    pub(super) gate: Gate,
    pub(super) store: Store,
    /// Everything besides connections: the record's writer, the counter of limits, the clocks.
    pub(super) background: TaskTracker,
    pub(super) shutdown: CancellationToken,
    pub(super) writer: tokio::task::AbortHandle,
}

impl Running {
    /// Where agents connect.
    pub fn agents(&self) -> SocketAddr {
        self.agents
    }

    /// Where people connect.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The public address, as agents use it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The admin API's address.
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// The admin.json that was written.
    pub fn admin_file(&self) -> &Path {
        &self.admin_file
    }

    /// The certificate authority that agents must trust, PEM; none where the certificate comes from files.
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// Ends: no new connection, a bounded time for what is open, the record whole, the database released.
    ///
    /// # Errors
    /// When the record did not take everything in time.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        self.shutdown_unless(std::future::pending()).await
    }

    /// Ends as [`Running::shutdown`] does, without waiting any longer for what is open once `hurry` resolves.
    ///
    /// # Errors
    /// When the record did not take everything in time.
    pub async fn shutdown_unless(self, hurry: impl Future<Output = ()>) -> anyhow::Result<()> {
        let tasks = &self.gate.tasks;
        self.shutdown.cancel();
        tasks.close();
        tokio::select! {
            _ended_or_elapsed = timeout(self.gate.limits.drain, tasks.wait()) => {}
            () = hurry => {}
        }
        let closed = self.gate.leases.cut(|_| Some(CutReason::Shutdown), &[]).await;
        end(tasks, "connections").await;
        let flushed = self.gate.record.flush(FLUSH).await;
        self.writer.abort();
        self.background.close();
        end(&self.background, "background tasks").await;
        self.store.close().await;
        tracing::info!(streams = closed.streams, "ended");
        flushed.map_err(|error| anyhow::anyhow!(error).context("the end of the record may be missing"))
    }
}

async fn end(tasks: &TaskTracker, what: &str) {
    if timeout(GONE, tasks.wait()).await.is_err() {
        tracing::warn!(left = tasks.len(), "{what} did not end in time");
    }
}
