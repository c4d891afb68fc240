//! What is written when nobody writes it: a request's future that is dropped, or panics.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use drawbridge_store::{Filter, Location, Store};
use futures_util::FutureExt;
use serde_json::Value;

use super::draft::Draft;
use super::entry::Subject;
use super::writer::{NotRecorded, Record};
use crate::clock::Clock;

const PATIENCE: Duration = Duration::from_secs(10);

/// A record with room for `requests`, and the database behind it.
async fn record(requests: usize) -> (Record, Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::Sqlite(directory.path().join("r.db"))).await.unwrap();
    let (record, writer) = Record::new(store.clone(), Clock::system(), requests, PATIENCE);
    tokio_util::task::TaskTracker::new().spawn(writer.run());
    (record, store, directory)
}

async fn draft(record: &Record, id: &str) -> Draft {
    record.draft(Subject { request: id.to_owned(), ..Subject::default() }).await.unwrap()
}

async fn outcome(record: &Record, store: &Store, id: &str) -> Value {
    record.flush(PATIENCE).await.unwrap();
    let filter = Filter { request: Some(id.to_owned()), ..Filter::default() };
    let rows = store.entries(&filter, 0, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    serde_json::from_str::<Value>(&rows[0].row.body).unwrap()["outcome"].clone()
}

#[tokio::test]
async fn a_panic_in_a_request_is_its_outcome() {
    let (record, store, _directory) = record(16).await;
    let held = draft(&record, "a").await;
    let request = async move {
        let _held = held;
        tokio::task::yield_now().await;
        panic!("a fault of ours");
    };
    assert!(AssertUnwindSafe(request).catch_unwind().await.is_err());
    assert_eq!(outcome(&record, &store, "a").await, serde_json::json!({ "result": "panic" }));
}

#[tokio::test]
async fn a_request_that_is_dropped_half_way_was_left_by_its_caller() {
    let (record, store, _directory) = record(16).await;
    let held = draft(&record, "a").await;
    let request = async move {
        let _held = held;
        std::future::pending::<()>().await;
    };
    assert!(request.now_or_never().is_none());
    assert_eq!(outcome(&record, &store, "a").await, serde_json::json!({ "result": "caller-gone" }));
}

#[tokio::test]
async fn every_open_request_has_its_outcomes_place_and_the_next_one_waits_for_a_place() {
    let (mut record, store, _directory) = record(16).await;
    record.patience = Duration::from_millis(50);
    let mut held = Vec::new();
    let refused = loop {
        match record.draft(Subject { request: held.len().to_string(), ..Subject::default() }).await {
            Ok(draft) => held.push(draft),
            Err(refused) => break refused,
        }
        assert!(held.len() < 1_000, "there is no bound");
    };
    assert_eq!(refused, NotRecorded::Slow);
    let open = held.len();
    drop(held);
    record.flush(PATIENCE).await.unwrap();
    let rows = store.entries(&Filter::default(), 0, 1_000).await.unwrap();
    assert_eq!(rows.len(), open, "each has its outcome");
    assert!(record.draft(Subject::default()).await.is_ok());
}
