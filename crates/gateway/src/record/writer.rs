//! The one task that writes the record: it takes what waits, commits it as one group, and tells those who
//! wait that it is durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use drawbridge_policy::Millis;
use drawbridge_store::{Row, Store};
use thiserror::Error;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::fold::{Fold, Folded};
use crate::clock::Clock;
use crate::identity::unrecognised::Unrecognised;
use crate::telemetry::Metrics;

/// Rows that one commit takes at most: it bounds how long a waiting intent sits behind others.
const GROUP: usize = 256;
/// Rows that nobody waits for wait this long for company: a commit costs as much for one as for a hundred. A
/// crash loses no more than these.
const GATHER: Duration = Duration::from_millis(50);
/// Between attempts to write after the database refused.
const RETRY: Duration = Duration::from_millis(250);

/// Why something is not in the record.
#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
pub enum NotRecorded {
    /// The database takes no writes: disk full, gone, broken.
    #[error("the record can't be written now")]
    Failing,
    /// It did not answer in time, or too much waits already.
    #[error("the record did not take it in time")]
    Slow,
    /// The gateway is ending.
    #[error("the record is closed")]
    Closed,
}

/// One thing to write.
#[derive(Debug)]
pub(super) enum Job {
    /// Kept until it is written, however often the database refuses.
    Row(Box<Row>),
    /// Written now or refused now: somebody waits before sending.
    Intent(Box<Row>, oneshot::Sender<Result<(), NotRecorded>>),
    /// Answered once everything before it is written.
    Flush(oneshot::Sender<()>),
}

/// The handle by which everyone writes to the record.
#[derive(Debug, Clone)]
pub struct Record {
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) clock: Clock,
    pub(super) fold: Arc<Fold>,
    pub(super) patience: Duration,
    pub(super) metrics: Arc<Metrics>,
    pub(super) unrecognised: Arc<Unrecognised>,
    failing: Arc<AtomicBool>,
    urgent: Arc<Notify>,
}

/// The task behind a [`Record`]; runs until every handle is gone.
#[derive(Debug)]
pub struct Writer {
    jobs: mpsc::Receiver<Job>,
    store: Store,
    failing: Arc<AtomicBool>,
    urgent: Arc<Notify>,
}

impl Record {
    /// A record with room for `requests` open requests; each holds the place of its outcome from its first
    /// byte on. `patience` bounds every wait for the database.
    pub fn new(store: Store, clock: Clock, requests: usize, patience: Duration) -> (Record, Writer) {
        // Besides one outcome, a request has at most one begin and one intent on its way at any time.
        let (sender, receiver) = mpsc::channel(requests.saturating_mul(2).max(16));
        let failing = Arc::new(AtomicBool::new(false));
        let urgent = Arc::new(Notify::new());
        let record = Record {
            jobs: sender,
            clock,
            fold: Arc::new(Fold::default()),
            patience,
            metrics: Arc::default(),
            unrecognised: Arc::default(),
            failing: failing.clone(),
            urgent: urgent.clone(),
        };
        (record, Writer { jobs: receiver, store, failing, urgent })
    }

    /// The numbers that every ending is counted in.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Who was refused as unrecognised lately.
    pub fn unrecognised(&self) -> &Unrecognised {
        &self.unrecognised
    }

    /// Places of the queue that open requests and waiting rows take, and how many there are.
    pub fn places(&self) -> (usize, usize) {
        let all = self.jobs.max_capacity();
        (all.saturating_sub(self.jobs.capacity()), all)
    }

    /// Whether the last attempt to write failed. Requests are refused meanwhile.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    /// Writes a row and returns once it is durable.
    pub(super) async fn intend(&self, row: Row) -> Result<(), NotRecorded> {
        if self.is_failing() {
            return Err(NotRecorded::Failing);
        }
        let (told, answer) = oneshot::channel();
        let job = Job::Intent(Box::new(row), told);
        let durable = async {
            self.jobs.send(job).await.or(Err(NotRecorded::Closed))?;
            self.urgent.notify_one();
            answer.await.or(Err(NotRecorded::Closed))?
        };
        timeout(self.patience, durable).await.unwrap_or(Err(NotRecorded::Slow))
    }

    /// Hands in a row that nobody waits for. It is kept until the database takes it.
    pub async fn note(&self, row: Row) -> Result<(), NotRecorded> {
        self.hurry_if_full();
        let sent = self.jobs.send(Job::Row(Box::new(row)));
        match timeout(self.patience, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_closed)) => Err(NotRecorded::Closed),
            Err(_elapsed) => Err(NotRecorded::Slow),
        }
    }

    /// Who finds the queue nearly full need not wait for others to join.
    pub(super) fn hurry_if_full(&self) {
        if self.jobs.capacity() < GROUP {
            self.urgent.notify_one();
        }
    }

    /// Hands in the folded refusals whose minute is over.
    pub async fn unfold(&self) -> Result<(), NotRecorded> {
        let now = self.clock.now();
        self.tell_folded(self.fold.take_over(now), now).await
    }

    /// What the record doesn't take now is counted on, and told the next time.
    async fn tell_folded(&self, folded: Vec<Folded>, now: Millis) -> Result<(), NotRecorded> {
        let mut left = folded.into_iter();
        while let Some(one) = left.next() {
            if let Err(error) = self.note(one.row(now)).await {
                self.fold.restore(std::iter::once(one).chain(left));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns when everything handed in before is durable, or after `at_most`.
    pub async fn flush(&self, at_most: Duration) -> Result<(), NotRecorded> {
        let now = self.clock.now();
        self.tell_folded(self.fold.take_all(), now).await?;
        let (told, answer) = oneshot::channel();
        let flushed = async {
            self.jobs.send(Job::Flush(told)).await.or(Err(NotRecorded::Closed))?;
            self.urgent.notify_one();
            answer.await.or(Err(NotRecorded::Closed))
        };
        timeout(at_most, flushed).await.unwrap_or(Err(NotRecorded::Slow))
    }
}

impl Writer {
    /// Writes until every [`Record`] handle is dropped.
    pub async fn run(mut self) {
        let mut jobs: Vec<Job> = Vec::with_capacity(GROUP);
        while self.jobs.recv_many(&mut jobs, GROUP).await > 0 {
            self.gather(&mut jobs).await;
            self.write(&mut jobs).await;
        }
    }

    /// Waits for company while nobody waits for any of `jobs`, and takes what has come by then.
    async fn gather(&mut self, jobs: &mut Vec<Job>) {
        if jobs.len() < GROUP && jobs.iter().all(|job| matches!(job, Job::Row(_))) {
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = self.urgent.notified() => {}
            }
        }
        while jobs.len() < GROUP {
            let Ok(job) = self.jobs.try_recv() else { return };
            jobs.push(job);
        }
    }

    /// One group. Returns once everything in it is durable, its intents aside if the database refused them.
    async fn write(&self, jobs: &mut Vec<Job>) {
        let mut rows = Vec::with_capacity(jobs.len());
        let mut waiting = Vec::new();
        let mut flushes = Vec::new();
        let mut intents = Vec::new();
        for job in jobs.drain(..) {
            match job {
                Job::Row(row) => rows.push(*row),
                Job::Intent(row, told) => {
                    intents.push(rows.len());
                    rows.push(*row);
                    waiting.push(told);
                }
                Job::Flush(told) => flushes.push(told),
            }
        }
        let written = self.append(&rows).await;
        for told in waiting {
            tell(told, written);
        }
        if written.is_err() {
            // Their requests are refused, so that their intents need no retry.
            let mut index = 0;
            rows.retain(|_| {
                let keep = intents.binary_search(&index).is_err();
                index += 1;
                keep
            });
            self.recover(&rows).await;
        }
        for told in flushes {
            tell(told, ());
        }
    }

    /// Tries until the database takes writes again and has these rows.
    async fn recover(&self, rows: &[Row]) {
        loop {
            tokio::time::sleep(RETRY).await;
            let done = if rows.is_empty() { self.probe().await } else { self.append(rows).await };
            if done.is_ok() {
                return;
            }
        }
    }

    async fn probe(&self) -> Result<(), NotRecorded> {
        self.heard(self.store.probe().await.map(|_| ()))
    }

    async fn append(&self, rows: &[Row]) -> Result<(), NotRecorded> {
        if rows.is_empty() {
            return Ok(());
        }
        self.heard(self.store.append(rows).await.map(|_| ()))
    }

    /// Notes whether the database takes writes, and says so once when that changes.
    fn heard(&self, result: Result<(), drawbridge_store::Error>) -> Result<(), NotRecorded> {
        let was_failing = self.failing.swap(result.is_err(), Ordering::AcqRel);
        match result {
            Ok(()) => {
                if was_failing {
                    tracing::info!("the record takes writes again");
                }
                Ok(())
            }
            Err(error) => {
                if !was_failing {
                    tracing::error!(%error, "the record takes no writes: requests are refused until it does");
                }
                Err(NotRecorded::Failing)
            }
        }
    }
}

fn tell<T>(told: oneshot::Sender<T>, what: T) {
    if told.send(what).is_err() {
        tracing::trace!("nobody waits for this any more");
    }
}
