//! The connections to either database, and everything that differs between the two outside the migrations.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, Postgres};
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Transaction};

use crate::Error;

/// The longest wait for a free connection: long enough for a slow checkpoint, short enough to answer a
/// caller.
const ACQUIRE: Duration = Duration::from_secs(5);
/// The longest wait for SQLite's own locks; only a backup tool or a shell holds them besides us.
const BUSY: Duration = Duration::from_secs(5);
/// Reads come from searches and the loading of snapshots, a few at a time.
const SQLITE_READERS: u32 = 4;
/// Bytes in a page of SQLite: its default, written out because a check rests on it.
pub(crate) const SQLITE_PAGE: u64 = 4_096;
/// For all work of one replica; PostgreSQL takes 100 connections by default.
const POSTGRES_CONNECTIONS: u32 = 8;

/// The same thing on either database.
#[derive(Debug)]
pub(crate) enum On<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// A transaction on either database; rolled back if it is dropped.
pub(crate) type Tx = On<Transaction<'static, Sqlite>, Transaction<'static, Postgres>>;
/// How to connect to either database.
pub(crate) type Options = On<SqliteConnectOptions, PgConnectOptions>;
type Pool = On<SqlitePool, PgPool>;

/// Runs the same expression on whichever database it is: the SQL text is the same, only the types differ.
macro_rules! on_pool {
    ($on:expr, $inner:ident => $work:expr) => {
        match $on {
            $crate::pools::On::Sqlite($inner) => $work,
            $crate::pools::On::Postgres($inner) => $work,
        }
    };
}
pub(crate) use on_pool;

/// The pools of one store. SQLite takes one writer at a time, so it gets one connection that writes.
#[derive(Debug)]
pub(crate) struct Pools {
    pub(crate) read: Pool,
    write: Pool,
}

impl Pools {
    /// Connects when first used.
    pub(crate) fn new(options: &Options) -> Self {
        match options {
            On::Sqlite(options) => Self {
                read: On::Sqlite(
                    sqlite_pool(SQLITE_READERS).connect_lazy_with(options.clone().pragma("query_only", "on")),
                ),
                write: On::Sqlite(sqlite_pool(1).connect_lazy_with(options.clone())),
            },
            On::Postgres(options) => {
                let pool = PgPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(ACQUIRE)
                    .connect_lazy_with(options.clone());
                Self { read: On::Postgres(pool.clone()), write: On::Postgres(pool) }
            }
        }
    }

    /// Begins a transaction that writes. SQLite takes its write lock at once, so that no later statement can
    /// find it taken.
    pub(crate) async fn write(&self) -> Result<Tx, Error> {
        Ok(match &self.write {
            On::Sqlite(pool) => On::Sqlite(pool.begin_with("begin immediate").await?),
            On::Postgres(pool) => On::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction in which every read sees the same moment.
    pub(crate) async fn snapshot(&self) -> Result<Tx, Error> {
        Ok(match &self.read {
            On::Sqlite(pool) => On::Sqlite(pool.begin().await?),
            On::Postgres(pool) => {
                On::Postgres(pool.begin_with("begin isolation level repeatable read, read only").await?)
            }
        })
    }

    /// Waits until all connections are given back, and closes them.
    pub(crate) async fn close(&self) {
        on_pool!(&self.read, pool => pool.close().await);
        on_pool!(&self.write, pool => pool.close().await);
    }
}

/// Connects once, for the plain reason where that fails: a pool tries again until its time is up, and tells
/// only that.
pub(crate) async fn reach(options: &Options) -> Result<(), Error> {
    match options {
        On::Sqlite(options) => options.connect().await?.close().await?,
        On::Postgres(options) => options.connect().await?.close().await?,
    }
    Ok(())
}

/// Ends a transaction; what it wrote is durable when this returns.
pub(crate) async fn commit(tx: Tx) -> Result<(), Error> {
    on_pool!(tx, tx => tx.commit().await?);
    Ok(())
}

fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        // There is no server that could drop them, and opening one costs a read of the schema.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // SQLite ends a transaction itself when the disk is full; then the ROLLBACK fails, and the driver
        // believes that one is still open. Such a connection is closed, or every later write on it would
        // fail.
        .before_acquire(|connection, _| {
            Box::pin(async move {
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
}

/// Settings that a write needs to be durable when it is acknowledged.
pub(crate) fn sqlite(file: &std::path::Path) -> Options {
    On::Sqlite(
        SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .page_size(4_096)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            // 16 MiB of log between checkpoints instead of 4, and as much cache: a checkpoint writes each
            // page once, however often it changed, and the pages of the indexes change with every group.
            .pragma("wal_autocheckpoint", "4096")
            .pragma("cache_size", "-16384")
            .disable_statement_logging(),
    )
}

/// The same for PostgreSQL, with bounds on what a replica that hangs can hold up: it may hold the row that
/// all appends wait for.
pub(crate) fn postgres(url: &str) -> Result<Options, Error> {
    let options: PgConnectOptions = url.parse()?;
    Ok(On::Postgres(
        options
            .application_name("drawbridge")
            .options([
                ("synchronous_commit", "on"),
                ("lock_timeout", "5s"),
                ("statement_timeout", "20s"),
                ("idle_in_transaction_session_timeout", "20s"),
            ])
            .disable_statement_logging(),
    ))
}
