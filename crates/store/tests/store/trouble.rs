//! Databases that stop taking writes, and take them again.

use drawbridge_store::{Error, Location};
use sqlx::postgres::PgListener;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::database::{Database, everything_in, on_both, put, row, run, set};

#[test]
fn probe_proves_a_write_and_leaves_nothing() {
    on_both(async |database| {
        let store = database.open().await;
        store.probe().await.unwrap();
        store.probe().await.unwrap();
        assert_eq!(store.revision().await.unwrap(), 0);
        assert!(everything_in(&store).await.is_empty());
    });
}

/// A trigger raises what PostgreSQL raises when a write finds no space; filling a real disk needs a mount of
/// its own. SQLite's twin is in `src/tests.rs`, since only the crate itself can bound the store's own
/// connection.
#[test]
fn a_full_postgresql_disk_is_told_apart_and_later_writes_work() {
    run(async {
        let database = Database::postgres().await;
        let store = database.open().await;
        store.append(&[row("r1")]).await.unwrap();
        let full = "create function full_disk() returns trigger language plpgsql as $$
            begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$;
            create trigger full_disk before insert on entries for each statement execute function full_disk();
            create trigger full_disk before insert on probe for each statement execute function full_disk();";
        database.run(full).await.unwrap();
        for _ in 0..10 {
            assert!(matches!(store.append(&[row("r2")]).await, Err(Error::Full { .. })));
            assert!(matches!(store.probe().await, Err(Error::Full { .. })));
            let error = store.apply(0, &[put("Agent", "a", "{}", 1)], &[row("r2")]).await.unwrap_err();
            assert!(matches!(error, Error::Full { .. }), "{error}");
            assert!(error.to_string().contains("has no room left"), "{error}");
        }
        assert!(store.load().await.unwrap().manifests.is_empty());
        database.run("drop function full_disk cascade").await.unwrap();
        store.probe().await.unwrap();
        assert_eq!(store.append(&[row("r2")]).await.unwrap(), 2);
    });
}

#[test]
fn a_lock_that_someone_else_holds_is_locked_and_ends_with_it() {
    on_both(async |database| {
        let store = database.open().await;
        let holder = hold(&database.location).await;
        let error = store.append(&[row("r")]).await.unwrap_err();
        assert!(matches!(error, Error::Locked { .. }), "{error:?}");
        drop(holder);
        assert_eq!(store.append(&[row("r")]).await.unwrap(), 1);
    });
}

/// A session that is in the middle of a change, as a shell or a replica that hangs would be.
async fn hold(location: &Location) -> Box<dyn std::any::Any> {
    match location {
        Location::Sqlite(file) => {
            let options = SqliteConnectOptions::new().filename(file);
            let mut holder = SqliteConnection::connect_with(&options).await.unwrap();
            sqlx::raw_sql("begin immediate").execute(&mut holder).await.unwrap();
            Box::new(holder)
        }
        Location::Postgres(url) => {
            let mut holder = PgConnection::connect(url).await.unwrap();
            sqlx::raw_sql("begin; select * from tail for update").execute(&mut holder).await.unwrap();
            Box::new(holder)
        }
    }
}

#[test]
fn connections_that_the_server_closed_are_gone_and_then_replaced() {
    run(async {
        let database = Database::postgres().await;
        let store = database.open().await;
        store.append(&[row("r1")]).await.unwrap();
        let end = "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()";
        database.run(end).await.unwrap();
        // The pool looks at a connection before it hands it out.
        assert_eq!(store.append(&[row("r2")]).await.unwrap(), 2);
        assert_eq!(everything_in(&store).await.len(), 2);
    });
}

#[test]
fn each_change_notifies_postgresql_listeners_once_and_appends_do_not() {
    run(async {
        let database = Database::postgres().await;
        let store = database.open().await;
        let Location::Postgres(url) = &database.location else { panic!("PostgreSQL") };
        let mut listener = PgListener::connect(url).await.unwrap();
        listener.listen("drawbridge").await.unwrap();
        store.append(&[row("r1")]).await.unwrap();
        store
            .apply(0, &[put("Agent", "a", "{}", 1), put("Agent", "b", "{}", 1)], &[row("r2")])
            .await
            .unwrap();
        store.apply(0, &[], &[]).await.unwrap_err();
        store.set_states(&[set("a", "suspended"), set("b", "suspended")], &[]).await.unwrap();
        for revision in ["1", "2"] {
            assert_eq!(listener.recv().await.unwrap().payload(), revision);
        }
    });
}
