//! Reading the record.

use std::sync::LazyLock;

use sqlx::{ColumnIndex, Decode, FromRow, Type};

use crate::pools::{Pools, on_pool};
use crate::{Error, Filter, Part, Row, StoredRow, limit};

/// The most rows of one answer, whatever is asked for: a bound on memory, and on how long one read may keep
/// SQLite from reusing its log.
pub(crate) const PAGE: u32 = 10_000;

/// In which order, and from where.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// Oldest first, above this seq.
    After(i64),
    /// Newest first, below this seq.
    Before(i64),
}

/// The first row at whose adding the record had reached this time. All rows of this time or later are there
/// or behind.
const FIRST_SINCE: &str = "select seq from entries where clock >= $1 order by clock, seq limit 1";

/// What may narrow a search, the value that tells most first. Each has an index whose order is that of seq;
/// the last one is the order of seq itself.
const PATHS: [&str; 5] = ["request = $3", "task = $4", "name = $6", "agent = $5", "1 = 1"];

/// A text per path and order, since a database finds no index through `$3 is null or …`. Made of constants
/// only.
pub(crate) static TEXTS: LazyLock<[(String, String); 5]> =
    LazyLock::new(|| PATHS.map(|path| (text(path, "asc"), text(path, "desc"))));

fn text(path: &'static str, order: &'static str) -> String {
    format!(
        "select * from entries
        where {path} and seq > $1 and seq < $2
            and ($3 is null or request = $3) and ($4 is null or task = $4) and ($5 is null or agent = $5)
            and ($6 is null or name = $6) and ($7 is null or cluster = $7) and ($8 is null or namespace = $8)
            and ($9 is null or resource = $9) and ($10 is null or result = $10)
            and ($11 is null or time >= $11) and ($12 is null or time <= $12)
        order by seq {order}
        limit $13"
    )
}

/// Reads one page.
pub(crate) async fn entries(
    pools: &Pools,
    filter: &Filter,
    order: Order,
    limit: u32,
) -> Result<Vec<StoredRow>, Error> {
    let (mut after, before) = match order {
        Order::After(after) => (after, i64::MAX),
        Order::Before(before) => (i64::MIN, before),
    };
    if let Some(since) = filter.since {
        match first_since(pools, since).await? {
            Some(first) => after = after.max(first.saturating_sub(1)),
            None => return Ok(Vec::new()),
        }
    }
    let [request, task, agent, name] =
        [&filter.request, &filter.task, &filter.agent, &filter.name].map(column);
    let [cluster, namespace, resource, result] =
        [&filter.cluster, &filter.namespace, &filter.resource, &filter.result].map(column);
    Ok(on_pool!(&pools.read, pool => sqlx::query_as(choose(filter, order))
        .bind(after)
        .bind(before)
        .bind(request)
        .bind(task)
        .bind(agent)
        .bind(name)
        .bind(cluster)
        .bind(namespace)
        .bind(resource)
        .bind(result)
        .bind(filter.since)
        .bind(filter.until)
        .bind(i64::from(limit.min(PAGE)))
        .fetch_all(pool)
        .await?))
}

async fn first_since(pools: &Pools, since: i64) -> Result<Option<i64>, Error> {
    Ok(on_pool!(&pools.read, pool => {
        sqlx::query_scalar(FIRST_SINCE).bind(since).fetch_optional(pool).await?
    }))
}

fn choose(filter: &Filter, order: Order) -> &'static str {
    let [request, task, name, agent, any] = &*TEXTS;
    let (up, down) = match filter {
        Filter { request: Some(_), .. } => request,
        Filter { task: Some(_), .. } => task,
        Filter { name: Some(_), .. } => name,
        Filter { agent: Some(_), .. } => agent,
        Filter { .. } => any,
    };
    match order {
        Order::After(_) => up,
        Order::Before(_) => down,
    }
}

/// As the column was cut when it was written.
fn column(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(limit::cut)
}

impl<'r, R> FromRow<'r, R> for StoredRow
where
    R: sqlx::Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let part: String = row.try_get("part")?;
        let part =
            Part::parse(&part).ok_or_else(|| sqlx::Error::Decode("a part that doesn't exist".into()))?;
        Ok(Self {
            seq: row.try_get("seq")?,
            row: Row {
                request: row.try_get("request")?,
                part,
                time: row.try_get("time")?,
                agent: row.try_get("agent")?,
                task: row.try_get("task")?,
                session: row.try_get("session")?,
                cluster: row.try_get("cluster")?,
                verb: row.try_get("verb")?,
                api_group: row.try_get("api_group")?,
                resource: row.try_get("resource")?,
                subresource: row.try_get("subresource")?,
                namespace: row.try_get("namespace")?,
                name: row.try_get("name")?,
                result: row.try_get("result")?,
                body: row.try_get("body")?,
            },
        })
    }
}
