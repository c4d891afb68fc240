//! Manifests, states and the record, on SQLite or PostgreSQL, under one SQL text. The only crate that names
//! sqlx.
//!
//! What is acknowledged is durable: SQLite runs with `synchronous=FULL`, PostgreSQL with
//! `synchronous_commit=on`. A call that is dropped before it ends may or may not have happened.

mod append;
mod changes;
mod error;
mod kept;
mod limit;
mod location;
mod manifest;
mod pools;
mod row;
mod schema;
mod search;
mod take;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::pools::{Pools, commit, on_pool};
use crate::search::Order;
pub use error::{Cause, Error};
pub use kept::Kept;
pub use location::Location;
pub use manifest::{Change, Everything, Manifest, State, StateChange};
pub use row::{Filter, Part, Row, StoredRow};
pub use take::{Limited, Taken};

/// The longest that any call takes: over the waits of the pools and of PostgreSQL's own time-outs, which tell
/// more.
const CALL: Duration = Duration::from_secs(30);

/// What [`Store::probe`] writes: more than a group of rows usually takes, so that a disk with no room but for
/// a few bytes doesn't pass.
const PROBE_BYTES: usize = 64 << 10;
const PROBE: &str = "
    insert into probe (one, body) values (1, $1) on conflict (one) do update set body = excluded.body";
const UNPROBE: &str = "delete from probe";

/// An open database. Clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    pools: Pools,
    /// Keeps a second process off a SQLite file.
    lock: Mutex<Option<File>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database and brings its schema up to date, all or nothing.
    ///
    /// # Errors
    /// `Locked` if a process (this one too) has the SQLite file open; `Corrupt` if it is damaged or another
    /// program's; `Newer` if a later release wrote it; `Gone` if it can't be reached; `Full`.
    pub async fn open(location: &Location) -> Result<Self, Error> {
        let name = location.to_string();
        let open = async {
            let (options, lock) = location.claim()?;
            pools::reach(&options).await?;
            let pools = Pools::new(&options);
            if let Err(error) = schema::migrate(&pools).await {
                // The lock is let go of after the last connection: one that still closes would write its
                // log into the file of whoever opens it next.
                pools.close().await;
                return Err(error);
            }
            Ok((pools, Mutex::new(lock)))
        };
        let (pools, lock) = within(&name, open).await?;
        Ok(Self { inner: Arc::new(Inner { name, pools, lock }) })
    }

    /// Reads all manifests and states as of one moment.
    ///
    /// # Errors
    /// `Gone`, `Corrupt`.
    pub async fn load(&self) -> Result<Everything, Error> {
        self.within(async { changes::load(&mut self.inner.pools.snapshot().await?).await }).await
    }

    /// The revision: a cheap look at whether [`Store::load`] would find something new.
    ///
    /// # Errors
    /// `Gone`, `Corrupt`.
    pub async fn revision(&self) -> Result<i64, Error> {
        self.within(async { changes::revision(&mut self.inner.pools.snapshot().await?).await }).await
    }

    /// Changes manifests and appends the rows that say so, all or nothing, in the order given. The answer is
    /// the new revision. On PostgreSQL the channel `drawbridge` is notified.
    ///
    /// # Errors
    /// `Conflict` if the revision is no longer `expected`; `Invalid`, `Full`, `Gone`, `Locked`.
    pub async fn apply(&self, expected: i64, changes: &[Change], rows: &[Row]) -> Result<i64, Error> {
        self.within(async {
            let mut tx = self.inner.pools.write().await?;
            let revision = changes::advance_from(&mut tx, expected).await?;
            for change in changes {
                changes::change(&mut tx, change, revision).await?;
            }
            append::append(&mut tx, rows).await?;
            commit(tx).await?;
            Ok(revision)
        })
        .await
    }

    /// Suspends, resumes and revokes, and appends the rows that say so, all or nothing, in the order given.
    /// The answer is the new revision. On PostgreSQL the channel `drawbridge` is notified.
    ///
    /// # Errors
    /// `Final` for a subject that is revoked, whatever is asked for it (revoking it again too); `Invalid`,
    /// `Full`, `Gone`, `Locked`.
    pub async fn set_states(&self, changes: &[StateChange], rows: &[Row]) -> Result<i64, Error> {
        self.within(async {
            let mut tx = self.inner.pools.write().await?;
            let revision = changes::advance(&mut tx).await?;
            for change in changes {
                changes::set_state(&mut tx, change).await?;
            }
            append::append(&mut tx, rows).await?;
            commit(tx).await?;
            Ok(revision)
        })
        .await
    }

    /// Keeps what a name means, if it is seen for the first time, and appends the row that says so. The
    /// answer is the uid that is kept: this one, or the one that was there before. It is durable when this
    /// returns. The revision stays: whoever does not know a name asks here.
    ///
    /// # Errors
    /// `Invalid`, `Full`, `Gone`, `Locked`.
    pub async fn keep(&self, kept: &Kept, row: &Row) -> Result<String, Error> {
        self.within(async {
            let mut tx = self.inner.pools.write().await?;
            if let Some(before) = kept::keep(&mut tx, kept).await? {
                return Ok(before);
            }
            append::append(&mut tx, std::slice::from_ref(row)).await?;
            commit(tx).await?;
            Ok(kept.uid.clone())
        })
        .await
    }

    /// Everything that [`Store::keep`] kept.
    ///
    /// # Errors
    /// `Gone`, `Corrupt`.
    pub async fn kept(&self) -> Result<Vec<Kept>, Error> {
        self.within(async { kept::all(&mut self.inner.pools.snapshot().await?).await }).await
    }

    /// Counts one request under every limit given, or under none if one of them has no place left. It is
    /// exact over all replicas: no window of a limit's length ever has more than its requests. What is
    /// counted is durable when this returns. The same agent, rule and length given twice is counted once.
    ///
    /// # Errors
    /// `Invalid`, `Full`, `Gone`, `Locked`, `Corrupt`. It may have been counted then.
    pub async fn take(&self, wanted: &[Limited], now_ms: i64) -> Result<Taken, Error> {
        let taken = self.take_many(&[wanted], now_ms).await?;
        taken.into_iter().next().ok_or_else(|| Error::corrupt("no answer"))
    }

    /// The same for several requests, each for itself, in the order given and in one commit: the answers
    /// are in that order.
    ///
    /// # Errors
    /// As [`Store::take`], for all of them together.
    pub async fn take_many(&self, requests: &[&[Limited]], now_ms: i64) -> Result<Vec<Taken>, Error> {
        self.within(take::take(&self.inner.pools, requests, now_ms)).await
    }

    /// Appends rows to the record, all or nothing, in the order given. They are durable when this returns;
    /// the answer is the last `seq`. Groups of some hundred rows are the fastest.
    ///
    /// # Errors
    /// `Invalid`, `Full`, `Gone`, `Locked`.
    pub async fn append(&self, rows: &[Row]) -> Result<i64, Error> {
        self.within(async {
            let mut tx = self.inner.pools.write().await?;
            let last = append::append(&mut tx, rows).await?;
            commit(tx).await?;
            Ok(last)
        })
        .await
    }

    /// Reads up to `limit` rows (never more than 10,000) with a `seq` above `after`, oldest first. 0 starts
    /// at the beginning.
    ///
    /// # Errors
    /// `Gone`, `Corrupt`.
    pub async fn entries(&self, filter: &Filter, after: i64, limit: u32) -> Result<Vec<StoredRow>, Error> {
        self.within(search::entries(&self.inner.pools, filter, Order::After(after), limit)).await
    }

    /// Reads up to `limit` rows (never more than 10,000) with a `seq` below `before`, newest first. `None`
    /// starts at the end.
    ///
    /// # Errors
    /// `Gone`, `Corrupt`.
    pub async fn newest(
        &self,
        filter: &Filter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredRow>, Error> {
        let order = Order::Before(before.unwrap_or(i64::MAX));
        self.within(search::entries(&self.inner.pools, filter, order, limit)).await
    }

    /// Proves that the database takes writes (again): writes 64 KiB durably, and deletes them.
    ///
    /// # Errors
    /// `Full`, `Gone`, `Locked`.
    pub async fn probe(&self) -> Result<(), Error> {
        self.within(async {
            let mut tx = self.inner.pools.write().await?;
            on_pool!(&mut tx, tx => {
                sqlx::query(PROBE).bind("x".repeat(PROBE_BYTES)).execute(&mut **tx).await.map(drop)
            })?;
            commit(tx).await?;
            let mut tx = self.inner.pools.write().await?;
            on_pool!(&mut tx, tx => sqlx::query(UNPROBE).execute(&mut **tx).await.map(drop))?;
            commit(tx).await
        })
        .await
    }

    /// Waits for the calls under way, closes all connections and lets go of the lock. Later calls, on clones
    /// too, fail with `Gone`.
    pub async fn close(&self) {
        let closed = tokio::time::timeout(CALL, self.inner.pools.close()).await;
        // A call that hangs for so long would end by itself at its own bound; the lock stays until then.
        if closed.is_ok() {
            drop(self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        within(&self.inner.name, work).await
    }
}

/// Bounds a call's time, and tells its errors which database it was.
async fn within<T>(name: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(CALL, work).await {
        Ok(done) => done.map_err(|error| error.about(name)),
        Err(late) => Err(Error::Gone { database: name.to_owned(), source: late.into() }),
    }
}
