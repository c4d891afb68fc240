//! Adding rows to the record.

use serde::Serialize;

use crate::pools::{Tx, on_pool};
use crate::{Error, Row, limit};

/// Rows in one statement: enough to make the cost of a statement (about 60 µs) small beside that of its rows.
const ROWS: usize = 256;
/// Bytes of bodies after which a statement ends, so that the text handed over stays small. A single body may
/// be larger.
const BYTES: usize = 4 << 20;

/// Locks the end of the record until the transaction ends: whoever commits later has the later places.
const RESERVE: &str = "
    update tail set seq = seq + $1, clock = case when clock < $2 then $2 else clock end
    returning seq, clock";

/// All rows of one statement are one JSON array, so that the text is the same for any number of rows.
const INSERT: &str = "
    insert into entries (seq, clock, request, part, time, agent, task, session, cluster, verb, api_group,
        resource, subresource, namespace, name, result, body)
    select $1 + key, $2, value ->> 'request', value ->> 'part', cast(value ->> 'time' as bigint),
        value ->> 'agent', value ->> 'task', value ->> 'session', value ->> 'cluster', value ->> 'verb',
        value ->> 'api_group', value ->> 'resource', value ->> 'subresource', value ->> 'namespace',
        value ->> 'name', value ->> 'result', value ->> 'body'
    from json_each($3)
    order by key";

/// Adds rows within a transaction; the answer is the last `seq` of the record.
pub(crate) async fn append(tx: &mut Tx, rows: &[Row]) -> Result<i64, Error> {
    // Refused before the lock is taken.
    rows.iter().try_for_each(|row| limit::texts([&row.body]))?;
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let latest = rows.iter().map(|row| row.time).max().unwrap_or(0);
    let (last, clock): (i64, i64) = on_pool!(tx, tx => {
        sqlx::query_as(RESERVE).bind(count).bind(latest).fetch_one(&mut **tx).await?
    });
    let mut next = last - count + 1;
    for chunk in chunks(rows) {
        let columns: Vec<Columns<'_>> = chunk.iter().map(Columns::of).collect();
        let json = serde_json::to_string(&columns)
            .map_err(|error| Error::Other { database: String::new(), source: error.into() })?;
        on_pool!(tx, tx => {
            sqlx::query(INSERT).bind(next).bind(clock).bind(json).execute(&mut **tx).await.map(drop)
        })?;
        next += i64::try_from(chunk.len()).unwrap_or(i64::MAX);
    }
    Ok(last)
}

/// Parts of at most [`ROWS`] rows and about [`BYTES`] bytes, none empty.
fn chunks(rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fit = rest.iter().take(ROWS).take_while(|row| {
            let more = bytes < BYTES;
            bytes += row.body.len();
            more
        });
        let (chunk, later) = rest.split_at_checked(fit.count())?;
        rest = later;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// The fields of a row as [`INSERT`] names them.
#[derive(Serialize)]
struct Columns<'a> {
    request: &'a str,
    part: &'static str,
    time: i64,
    agent: Option<&'a str>,
    task: Option<&'a str>,
    session: Option<&'a str>,
    cluster: Option<&'a str>,
    verb: Option<&'a str>,
    api_group: Option<&'a str>,
    resource: Option<&'a str>,
    subresource: Option<&'a str>,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    result: Option<&'a str>,
    body: &'a str,
}

impl<'a> Columns<'a> {
    fn of(row: &'a Row) -> Self {
        let column = |text: &'a Option<String>| text.as_deref().map(limit::cut);
        Self {
            request: limit::cut(&row.request),
            part: row.part.as_str(),
            time: row.time,
            agent: column(&row.agent),
            task: column(&row.task),
            session: column(&row.session),
            cluster: column(&row.cluster),
            verb: column(&row.verb),
            api_group: column(&row.api_group),
            resource: column(&row.resource),
            subresource: column(&row.subresource),
            namespace: column(&row.namespace),
            name: column(&row.name),
            result: column(&row.result),
            body: &row.body,
        }
    }
}
