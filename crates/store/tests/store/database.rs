//! A fresh database for one test, and rows to put into it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use drawbridge_store::{Change, Filter, Location, Part, Row, State, StateChange, Store, StoredRow};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;

use crate::postgres::Server;

/// A database that nobody else uses.
pub(crate) struct Database {
    pub(crate) location: Location,
    _directory: Option<TempDir>,
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let location = Location::Sqlite(directory.path().join("drawbridge.db"));
        Self { location, _directory: Some(directory) }
    }

    pub(crate) async fn postgres() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let server = Server::shared();
        run_on(&Location::Postgres(server.url("postgres")), &format!("create database {name}"))
            .await
            .expect("a new database");
        Self { location: Location::Postgres(server.url(&name)), _directory: None }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.location, Location::Sqlite(_))
    }

    pub(crate) fn file(&self) -> PathBuf {
        match &self.location {
            Location::Sqlite(file) => file.clone(),
            Location::Postgres(_) => panic!("PostgreSQL has no file"),
        }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.location).await.expect("the store to open")
    }

    /// Runs SQL past the store, as someone with a shell on the database would.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), sqlx::Error> {
        run_on(&self.location, sql).await
    }
}

async fn run_on(location: &Location, sql: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned());
    match location {
        Location::Sqlite(file) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
            sqlx::raw_sql(sql).execute(&mut connection).await?;
            connection.close().await
        }
        Location::Postgres(url) => {
            let mut connection = sqlx::PgConnection::connect(url).await?;
            sqlx::raw_sql(sql).execute(&mut connection).await?;
            connection.close().await
        }
    }
}

/// Runs a test on SQLite, then on PostgreSQL.
pub(crate) fn on_both(test: impl AsyncFn(Database)) {
    run(async {
        eprintln!("on SQLite");
        test(Database::sqlite()).await;
    });
    run(async {
        eprintln!("on PostgreSQL");
        test(Database::postgres().await).await;
    });
}

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    // Starts the server outside of the runtime, since it has its own while it waits.
    Server::shared();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

pub(crate) fn row(request: &str) -> Row {
    Row::new(request.to_owned(), Part::Begin, 1_000, format!(r#"{{"request":"{request}"}}"#))
}

pub(crate) fn put(kind: &str, name: &str, body: &str, at: i64) -> Change {
    Change::Put {
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{at}"),
        body: body.to_owned(),
        at,
        origin: String::new(),
    }
}

/// The same, from a place.
pub(crate) fn put_from(kind: &str, name: &str, body: &str, origin: &str) -> Change {
    Change::Put {
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: "uid".to_owned(),
        body: body.to_owned(),
        at: 10,
        origin: origin.to_owned(),
    }
}

pub(crate) fn delete(kind: &str, name: &str) -> Change {
    Change::Delete { kind: kind.to_owned(), name: name.to_owned() }
}

pub(crate) fn set(subject: &str, state: &str) -> StateChange {
    StateChange::Set(State {
        subject_kind: "agent".to_owned(),
        subject: subject.to_owned(),
        state: state.to_owned(),
        since: 5,
        by: "ann".to_owned(),
        reason: "it looped".to_owned(),
    })
}

pub(crate) fn clear(subject: &str) -> StateChange {
    StateChange::Clear { subject_kind: "agent".to_owned(), subject: subject.to_owned() }
}

/// All rows, page by page.
pub(crate) async fn everything_in(store: &Store) -> Vec<StoredRow> {
    let mut rows: Vec<StoredRow> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row| row.seq);
        let page = store.entries(&Filter::default(), after, u32::MAX).await.expect("a page");
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}
