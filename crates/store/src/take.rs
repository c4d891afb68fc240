//! Counting requests under the limits of rules.

mod window;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::pools::{Pools, Tx, commit, on_pool};
use crate::{Error, limit};
use window::Window;

/// The shortest window: its buckets are a second. Longer ones are multiples of it, so that buckets are
/// whole seconds.
const SHORTEST: i64 = 60_000;
/// The longest window: a year.
const LONGEST: i64 = 366 * 24 * 60 * 60 * 1_000;

/// A limit under which a request is to be counted: at most so many requests of an agent by a rule in any
/// window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// The agent's name.
    pub agent: String,
    /// The rule's name.
    pub rule: String,
    /// The length of the window: whole minutes, in milliseconds, at most 366 days.
    pub per_ms: i64,
    /// How many requests it may have, at least 1. Not part of what is counted: a limit may change.
    pub requests: i64,
}

/// Whether a request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was, under each of its limits.
    Yes,
    /// It was not, under none of them.
    Over {
        /// Which of the limits given has no place; of several, the one that is free last.
        index: usize,
        /// When it has one again if nobody else takes it, in milliseconds since 1970.
        free_at: i64,
    },
}

/// Locks the rows until the transaction ends and reads them. All lock in the order of the keys, so that no
/// two wait for each other. The "where" tells SQLite's parser that "on" is no join's.
const LOCK: &str = "
    insert into taken (agent, rule, per, buckets)
    select value ->> 'agent', value ->> 'rule', cast(value ->> 'per' as bigint), '[]'
    from json_each($1) where true order by key
    on conflict (agent, rule, per) do update set buckets = taken.buckets
    returning agent, rule, per, buckets";

const WRITE: &str = "
    update taken set buckets = value ->> 'buckets' from json_each($1)
    where agent = value ->> 'agent' and rule = value ->> 'rule' and per = cast(value ->> 'per' as bigint)";

/// Agent, rule and the window's length: what is counted as one.
type Key = (String, String, i64);

/// A row of the table as [`LOCK`] and [`WRITE`] name its columns.
#[derive(Serialize)]
struct Columns<'a> {
    agent: &'a str,
    rule: &'a str,
    per: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    buckets: Option<String>,
}

/// Counts each request under all its limits or under none, in the order given, in one transaction.
pub(crate) async fn take(pools: &Pools, requests: &[&[Limited]], now: i64) -> Result<Vec<Taken>, Error> {
    requests.iter().copied().flatten().try_for_each(check)?;
    let keys: BTreeSet<Key> = requests.iter().copied().flatten().map(key).collect();
    if keys.is_empty() {
        return Ok(vec![Taken::Yes; requests.len()]);
    }
    let mut tx = pools.write().await?;
    let mut windows = lock(&mut tx, &keys, now).await?;
    let mut answers = Vec::with_capacity(requests.len());
    for wanted in requests {
        let answer = over(wanted, &windows)?;
        if answer == Taken::Yes {
            for key in wanted.iter().map(key).collect::<BTreeSet<Key>>() {
                windows.get_mut(&key).ok_or_else(missing)?.add(now);
            }
        }
        answers.push(answer);
    }
    windows.retain(|_, window| window.has_more());
    // With nothing to write, the transaction is dropped: that takes no time on the disk.
    if !windows.is_empty() {
        write(&mut tx, &windows).await?;
        commit(tx).await?;
    }
    Ok(answers)
}

/// Refused before anything is locked.
fn check(limited: &Limited) -> Result<(), Error> {
    let Limited { agent, rule, per_ms, requests } = limited;
    limit::keys([agent, rule])?;
    if !(SHORTEST..=LONGEST).contains(per_ms) || per_ms % SHORTEST != 0 {
        return Err(Error::Invalid(format!(
            "a limit's window is whole minutes up to a year, not {per_ms} ms"
        )));
    }
    if *requests < 1 {
        return Err(Error::Invalid(format!("a limit is at least 1 request, not {requests}")));
    }
    Ok(())
}

fn key(limited: &Limited) -> Key {
    (limited.agent.clone(), limited.rule.clone(), limited.per_ms)
}

/// Which of the limits has no place, if one has none.
fn over(wanted: &[Limited], windows: &BTreeMap<Key, Window>) -> Result<Taken, Error> {
    let mut last = Taken::Yes;
    for (index, limited) in wanted.iter().enumerate() {
        let window = windows.get(&key(limited)).ok_or_else(missing)?;
        let Some(free_at) = window.free_at(limited.requests) else { continue };
        if !matches!(last, Taken::Over { free_at: found, .. } if found >= free_at) {
            last = Taken::Over { index, free_at };
        }
    }
    Ok(last)
}

async fn lock(tx: &mut Tx, keys: &BTreeSet<Key>, now: i64) -> Result<BTreeMap<Key, Window>, Error> {
    let json = json(keys.iter().map(|(agent, rule, per)| Columns { agent, rule, per: *per, buckets: None }))?;
    let rows: Vec<(String, String, i64, String)> =
        on_pool!(tx, tx => sqlx::query_as(LOCK).bind(json).fetch_all(&mut **tx).await?);
    let mut windows = BTreeMap::new();
    for (agent, rule, per, buckets) in rows {
        let window = Window::read(&buckets, per, now)?;
        windows.insert((agent, rule, per), window);
    }
    Ok(windows)
}

async fn write(tx: &mut Tx, windows: &BTreeMap<Key, Window>) -> Result<(), Error> {
    let columns = windows.iter().map(|((agent, rule, per), window)| Columns {
        agent,
        rule,
        per: *per,
        buckets: Some(window.text()),
    });
    let json = json(columns)?;
    on_pool!(tx, tx => sqlx::query(WRITE).bind(json).execute(&mut **tx).await.map(drop))?;
    Ok(())
}

fn json<'a>(columns: impl Iterator<Item = Columns<'a>>) -> Result<String, Error> {
    let columns: Vec<Columns<'_>> = columns.collect();
    serde_json::to_string(&columns)
        .map_err(|error| Error::Other { database: String::new(), source: error.into() })
}

fn missing() -> Error {
    Error::corrupt("a row that was just written isn't there")
}
