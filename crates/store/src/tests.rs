//! What only the crate itself can arrange: a bound on the store's own write connection.

use crate::pools::{On, commit};
use crate::search::TEXTS;
use crate::{Change, Error, Filter, Location, Part, Row, Store};

fn rows(count: usize) -> Vec<Row> {
    vec![Row::new("r".to_owned(), Part::Begin, 1, "x".repeat(1_000)); count]
}

/// SQLite answers `SQLITE_FULL` at this size, as it does when the disk has no more room. Every connection
/// must be bounded again, since a failed one is replaced.
async fn bound(store: &Store, more_pages: i64) {
    let mut tx = store.inner.pools.write().await.expect("a transaction");
    let On::Sqlite(sqlite) = &mut tx else { panic!("SQLite") };
    let pages: i64 = sqlx::query_scalar("pragma page_count").fetch_one(&mut **sqlite).await.expect("a count");
    let most = sqlx::AssertSqlSafe(format!("pragma max_page_count = {}", pages + more_pages));
    sqlx::query(most).execute(&mut **sqlite).await.expect("the bound");
    commit(tx).await.expect("a commit");
}

#[tokio::test]
async fn a_full_sqlite_disk_is_told_apart_and_later_writes_work() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open(&Location::Sqlite(directory.path().join("full.db"))).await.expect("a store");
    assert_eq!(store.append(&rows(100)).await.expect("room"), 100);
    for _ in 0..5 {
        bound(&store, 0).await;
        let error = store.append(&rows(100)).await.expect_err("no room");
        assert!(matches!(error, Error::Full { .. }), "{error:?}");
        assert!(error.to_string().contains("full.db has no room left"), "{error}");
        bound(&store, 0).await;
        assert!(matches!(store.probe().await, Err(Error::Full { .. })));
        bound(&store, 0).await;
        let put = Change::Put {
            kind: "Agent".to_owned(),
            name: "a".to_owned(),
            uid: "u".to_owned(),
            body: "x".repeat(100_000),
            at: 1,
            origin: String::new(),
        };
        let error = store.apply(0, &[put], &rows(1)).await.expect_err("no room");
        assert!(matches!(error, Error::Full { .. }), "{error:?}");
    }
    // Reads go on, and nothing of the refused is there.
    assert!(store.load().await.expect("a read").manifests.is_empty());
    assert_eq!(store.entries(&Filter::default(), 0, 1_000).await.expect("a read").len(), 100);
    bound(&store, 10_000).await;
    store.probe().await.expect("room again");
    assert_eq!(store.append(&rows(100)).await.expect("room again"), 200);
}

#[tokio::test]
async fn a_call_that_is_dropped_half_way_leaves_a_store_that_works() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open(&Location::Sqlite(directory.path().join("dropped.db"))).await.expect("a store");
    for polls in 1..60_u32 {
        let rows = rows(600);
        let mut append = std::pin::pin!(store.append(&rows));
        for _ in 0..polls {
            let done =
                std::future::poll_fn(|cx| std::task::Poll::Ready(append.as_mut().poll(cx).is_ready())).await;
            if done {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let before = store.append(&rows(1)).await.expect("a store that works");
    assert_eq!(before % 600, 1, "groups are there as a whole or not at all");
    assert_eq!(store.append(&rows(1)).await.expect("a store that works"), before + 1);
}

#[tokio::test]
async fn every_search_walks_its_own_index_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open(&Location::Sqlite(directory.path().join("plans.db"))).await.expect("a store");
    let On::Sqlite(pool) = &store.inner.pools.read else { panic!("SQLite") };
    let indexes = ["by_request", "by_task", "by_object", "by_agent", "sqlite_autoindex_entries_1"];
    for ((up, down), index) in TEXTS.iter().zip(indexes) {
        for text in [up, down] {
            let explain = sqlx::AssertSqlSafe(format!("explain query plan {text}"));
            let plan: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(explain).fetch_all(pool).await.expect("a plan");
            let [(.., step)] = &plan[..] else { panic!("a step that sorts: {plan:?}") };
            assert!(step.contains("SEARCH") && step.contains(index), "{step}\n{text}");
        }
    }
}
