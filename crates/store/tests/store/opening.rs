//! Which databases are opened, and which are refused, in one sentence.

use std::os::unix::fs::PermissionsExt;

use drawbridge_store::{Error, Filter, Location, Store};

use crate::children::Other;
use crate::database::{Database, everything_in, on_both, put, row, run, set};

async fn refusal(location: &Location) -> Error {
    Store::open(location).await.expect_err("it must not open")
}

#[test]
fn reopening_keeps_everything() {
    on_both(async |database| {
        let store = database.open().await;
        store.apply(0, &[put("Agent", "a", "{}", 10)], &[row("r1")]).await.unwrap();
        store.set_states(&[set("a", "revoked")], &[row("r2")]).await.unwrap();
        store.append(&[row("r3")]).await.unwrap();
        let (loaded, rows) = (store.load().await.unwrap(), everything_in(&store).await);
        store.close().await;
        assert!(matches!(store.append(&[row("r4")]).await, Err(Error::Gone { .. })));
        for _ in 0..2 {
            // The second time without a proper close.
            let store = database.open().await;
            assert_eq!(
                (store.load().await.unwrap(), everything_in(&store).await),
                (loaded.clone(), rows.clone())
            );
        }
        assert_eq!(database.open().await.append(&[row("r4")]).await.unwrap(), 4);
    });
}

#[test]
fn a_sqlite_file_is_opened_once_and_a_postgresql_database_by_every_replica() {
    on_both(async |database| {
        let first = database.open().await;
        if database.is_sqlite() {
            let error = refusal(&database.location).await;
            assert!(matches!(error, Error::Locked { .. }), "{error}");
            // Under another name of the same file too.
            let link = database.file().with_file_name("link.db");
            std::os::unix::fs::symlink(database.file(), &link).unwrap();
            let error = refusal(&Location::Sqlite(link)).await;
            assert!(matches!(error, Error::Locked { .. }), "{error}");
        } else {
            let second = database.open().await;
            first.append(&[row("r")]).await.unwrap();
            assert_eq!(everything_in(&second).await.len(), 1);
        }
        first.close().await;
        database.open().await.append(&[row("r")]).await.unwrap();
    });
}

#[test]
fn a_second_process_is_refused_on_a_sqlite_file_until_the_first_is_dead() {
    on_both(async |database| {
        let mut other = Other::start("hold", &database.location);
        assert_eq!(other.acknowledged(), Some(0));
        if database.is_sqlite() {
            let error = refusal(&database.location).await;
            assert!(matches!(error, Error::Locked { .. }), "{error}");
            assert!(error.to_string().contains("drawbridge.db is in use"), "{error}");
        }
        other.kill();
        database.open().await;
    });
}

#[test]
fn a_database_of_a_later_release_is_refused_and_left_alone() {
    on_both(async |database| {
        database.open().await.close().await;
        database.run("update drawbridge_schema set version = 99").await.unwrap();
        for _ in 0..2 {
            let error = refusal(&database.location).await;
            assert!(matches!(error, Error::Newer { found: 99, known: 4, .. }), "{error}");
            assert!(error.to_string().contains("has schema 99, this program knows up to 4"), "{error}");
        }
    });
}

#[test]
fn replicas_that_start_at_once_create_one_schema() {
    on_both(async |database| {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let location = database.location.clone();
            tasks.spawn(async move { Store::open(&location).await });
        }
        let opened: Vec<_> = tasks.join_all().await.into_iter().collect();
        let expected = if database.is_sqlite() { 1 } else { 4 };
        assert_eq!(opened.iter().filter(|store| store.is_ok()).count(), expected, "{opened:?}");
        for error in opened.iter().filter_map(|store| store.as_ref().err()) {
            assert!(matches!(error, Error::Locked { .. }), "{error}");
        }
    });
}

#[test]
fn a_damaged_or_foreign_sqlite_file_is_refused_in_one_sentence() {
    run(async {
        let database = Database::sqlite();
        let store = database.open().await;
        let rows: Vec<_> = (0..500).map(|number| row(&number.to_string())).collect();
        store.append(&rows).await.unwrap();
        store.close().await;
        let whole = std::fs::read(database.file()).unwrap();
        assert!(whole.len() > 40_960, "several pages, none of them left in the log");
        let middle = whole.len() / 2;
        let mut scribbled = whole.clone();
        scribbled[middle..middle + 4_096].fill(b'#');
        let mut foreign = whole.clone();
        foreign[68..72].copy_from_slice(&7_u32.to_be_bytes());
        let cases = [
            ("garbage", b"this is no database, whatever its name says. ".repeat(200)),
            ("short garbage", b"x".to_vec()),
            ("cut in the first page", whole[..4_000].to_vec()),
            ("cut in a page", whole[..middle + 100].to_vec()),
            ("cut between pages", whole[..middle / 4_096 * 4_096].to_vec()),
            ("scribbled over", scribbled),
            ("another application's", foreign),
        ];
        for (case, bytes) in cases {
            std::fs::write(database.file(), &bytes).unwrap();
            let error = refusal(&database.location).await;
            assert!(matches!(error, Error::Corrupt { .. }), "{case}: {error:?}");
            assert!(
                error.to_string().contains("drawbridge.db is damaged or isn't a Drawbridge database"),
                "{error}"
            );
            assert_eq!(std::fs::read(database.file()).unwrap(), bytes, "{case}: left as it was");
        }
        // A log without its database: SQLite would delete it.
        std::fs::write(database.file(), b"").unwrap();
        let log = database.file().with_file_name("drawbridge.db-wal");
        std::fs::write(&log, &whole).unwrap();
        let error = refusal(&database.location).await;
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        std::fs::remove_file(log).unwrap();
        std::fs::write(database.file(), &whole).unwrap();
        assert_eq!(everything_in(&database.open().await).await.len(), 500);
    });
}

#[test]
fn another_programs_sqlite_tables_are_refused() {
    run(async {
        let database = Database::sqlite();
        database.run("create table t (x text)").await.unwrap();
        let error = refusal(&database.location).await;
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    });
}

#[test]
fn a_database_that_is_not_there_is_gone() {
    on_both(async |database| {
        let location = match &database.location {
            Location::Sqlite(file) => Location::Sqlite(file.with_file_name("no-folder").join("x.db")),
            Location::Postgres(url) => Location::Postgres(url.replace("/t", "/no-such-t")),
        };
        let error = refusal(&location).await;
        assert!(matches!(error, Error::Gone { .. }), "{error:?}");
    });
}

#[test]
fn an_unreachable_postgresql_is_gone_at_once_and_its_password_stays_unsaid() {
    run(async {
        let location = Location::Postgres("postgres://user:geheim@127.0.0.1:1/x".to_owned());
        let error = refusal(&location).await;
        assert!(matches!(error, Error::Gone { .. }), "{error}");
        assert!(
            error.to_string().starts_with("the PostgreSQL database \"x\" at 127.0.0.1:1 can't be reached")
        );
        assert!(!format!("{location} {location:?} {error} {error:?}").contains("geheim"));
        let error = refusal(&Location::Postgres("no url: geheim".to_owned())).await;
        assert!(matches!(error, Error::Gone { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("geheim"));
    });
}

#[test]
fn sqlite_files_are_for_their_owner_only() {
    run(async {
        let database = Database::sqlite();
        let store = database.open().await;
        store.append(&[row("r")]).await.unwrap();
        assert_eq!(store.entries(&Filter::default(), 0, 1).await.unwrap().len(), 1);
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let mut name = database.file().into_os_string();
            name.push(suffix);
            let mode = std::fs::metadata(&name).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name:?}");
        }
    });
}
