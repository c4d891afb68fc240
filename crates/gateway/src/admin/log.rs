//! `GET /v1/log`: the record, by what was asked for, page by page, or as it grows.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use drawbridge_store::{Error as StoreError, Filter, Part, Store, StoredRow};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::Admin;
use super::failure::Failure;

/// Rows of one answer, at most. The store reads no more at once either.
const MOST: usize = 10_000;
/// Bytes of rows of one answer after which it ends. A single row may be larger.
const BYTES: usize = 64 * 1024 * 1024;
/// Rows read from the database at once.
const PAGE: u32 = 200;
/// A following call waits this long for something new.
const FOLLOW: Duration = Duration::from_secs(20);
/// A following call looks this often.
const LOOK: Duration = Duration::from_millis(200);

/// Which rows, and how many.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    agent: Option<String>,
    cluster: Option<String>,
    namespace: Option<String>,
    resource: Option<String>,
    name: Option<String>,
    request: Option<String>,
    result: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    after: Option<i64>,
    last: Option<usize>,
    limit: Option<usize>,
    /// Leave out what a request says before it is over.
    #[serde(default)]
    finished: bool,
    /// Wait for something new.
    #[serde(default)]
    follow: bool,
}

/// Rows, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page {
    /// Each is an entry with its `seq`.
    pub rows: Vec<Value>,
    /// Go on with `after` this.
    pub next: i64,
    /// Whether older rows that were asked for as `last` are left out, since the answer would have been too
    /// large.
    #[serde(default)]
    pub cut: bool,
}

/// Reads.
pub(super) async fn read(
    State(admin): State<Arc<Admin>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Page>, Failure> {
    let Query(wanted) = wanted?;
    if wanted.after.is_some() && wanted.last.is_some() {
        return Err(Failure::Malformed("after and last can't be asked for together".to_owned()));
    }
    let search = Search::new(&wanted, admin.gate.state.store().clone());
    let found = match (wanted.last, wanted.follow) {
        (Some(0), _) => search.end().await.map(Found::none),
        (Some(last), _) => search.newest(last.min(MOST)).await,
        (None, false) => search.forward(wanted.after.unwrap_or(0)).await,
        (None, true) => {
            tokio::select! {
                found = search.follow(wanted.after.unwrap_or(0)) => found,
                () = admin.shutdown.cancelled() => Ok(Found::none(wanted.after.unwrap_or(0))),
            }
        }
    };
    found.map(|found| Json(found.page())).map_err(Failure::Store)
}

struct Search {
    store: Store,
    filter: Filter,
    limit: usize,
    finished: bool,
}

/// Rows oldest first, and where to go on.
struct Found {
    rows: Vec<StoredRow>,
    next: i64,
    cut: bool,
}

impl Search {
    fn new(wanted: &Wanted, store: Store) -> Search {
        let filter = Filter {
            agent: wanted.agent.clone(),
            task: None,
            cluster: wanted.cluster.clone(),
            namespace: wanted.namespace.clone(),
            resource: wanted.resource.clone(),
            name: wanted.name.clone(),
            request: wanted.request.clone(),
            since: wanted.since.map(Timestamp::as_millisecond),
            until: wanted.until.map(Timestamp::as_millisecond),
            result: wanted.result.clone(),
        };
        let limit = wanted.limit.unwrap_or(MOST).clamp(1, MOST);
        Search { store, filter, limit, finished: wanted.finished }
    }

    /// What comes after `after`.
    async fn forward(&self, after: i64) -> Result<Found, StoreError> {
        // Read first: what is added between the two is found by the next call.
        let end = self.end().await?;
        let mut taken = Taken::new(self.limit);
        let mut at = after;
        loop {
            let page = self.store.entries(&self.filter, at, PAGE).await?;
            let whole = page.len() < PAGE as usize;
            for row in page {
                at = row.seq;
                if self.wants(&row) && taken.take(row).is_break() {
                    return Ok(Found { rows: taken.rows, next: at, cut: false });
                }
            }
            if whole {
                return Ok(Found { rows: taken.rows, next: at.max(end), cut: false });
            }
        }
    }

    /// The last rows there are.
    async fn newest(&self, last: usize) -> Result<Found, StoreError> {
        let end = self.end().await?;
        let mut taken = Taken::new(last);
        let mut before = None;
        'pages: loop {
            let page = self.store.newest(&self.filter, before, PAGE).await?;
            let whole = page.len() < PAGE as usize;
            for row in page {
                before = Some(row.seq);
                if self.wants(&row) && taken.take(row).is_break() {
                    break 'pages;
                }
            }
            if whole {
                break;
            }
        }
        let next = taken.rows.first().map_or(end, |row| row.seq.max(end));
        let cut = taken.bytes >= BYTES && taken.rows.len() < last;
        taken.rows.reverse();
        Ok(Found { rows: taken.rows, next, cut })
    }

    /// What comes after `after`, waited for if there is nothing yet.
    async fn follow(&self, after: i64) -> Result<Found, StoreError> {
        let mut next = after;
        let waited = timeout(FOLLOW, async {
            loop {
                let found = self.forward(next).await?;
                if !found.rows.is_empty() {
                    return Ok(found);
                }
                next = found.next;
                sleep(LOOK).await;
            }
        });
        match waited.await {
            Ok(found) => found,
            Err(_elapsed) => Ok(Found::none(next)),
        }
    }

    /// The place of the last row of all.
    async fn end(&self) -> Result<i64, StoreError> {
        let last = self.store.newest(&Filter::default(), None, 1).await?;
        Ok(last.first().map_or(0, |row| row.seq))
    }

    fn wants(&self, row: &StoredRow) -> bool {
        match row.row.part {
            Part::Outcome | Part::Event => true,
            Part::Begin | Part::Attempt => !self.finished,
        }
    }
}

/// Rows up to the bounds of an answer.
struct Taken {
    rows: Vec<StoredRow>,
    most: usize,
    bytes: usize,
}

impl Taken {
    fn new(most: usize) -> Taken {
        Taken { rows: Vec::new(), most, bytes: 0 }
    }

    fn take(&mut self, row: StoredRow) -> std::ops::ControlFlow<()> {
        self.bytes = self.bytes.saturating_add(row.row.body.len());
        self.rows.push(row);
        if self.rows.len() >= self.most || self.bytes >= BYTES {
            return std::ops::ControlFlow::Break(());
        }
        std::ops::ControlFlow::Continue(())
    }
}

impl Found {
    fn none(next: i64) -> Found {
        Found { rows: Vec::new(), next, cut: false }
    }

    fn page(self) -> Page {
        Page { rows: self.rows.iter().map(entry).collect(), next: self.next, cut: self.cut }
    }
}

/// An entry as it was written, with its place. One that can't be read any more is shown as what it is.
fn entry(stored: &StoredRow) -> Value {
    let mut entry = match serde_json::from_str(&stored.row.body) {
        Ok(Value::Object(entry)) => entry,
        Ok(_) | Err(_) => serde_json::Map::from_iter([("unreadable".to_owned(), json!(stored.row.body))]),
    };
    entry.insert("seq".to_owned(), json!(stored.seq));
    Value::Object(entry)
}
