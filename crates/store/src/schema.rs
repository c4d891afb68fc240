//! Brings a database to the schema that this program knows, or says why it can't.

use crate::Error;
use crate::pools::{On, Pools, Tx, commit, on_pool};

/// One step of the schema. Steps are only ever added: a released step never changes.
struct Step {
    common: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const STEPS: &[Step] = &[
    Step {
        common: include_str!("../migrations/0001.sql"),
        sqlite: include_str!("../migrations/0001.sqlite.sql"),
        postgres: include_str!("../migrations/0001.postgres.sql"),
    },
    Step {
        common: include_str!("../migrations/0002.sql"),
        sqlite: include_str!("../migrations/0002.sqlite.sql"),
        postgres: include_str!("../migrations/0002.postgres.sql"),
    },
    Step {
        common: include_str!("../migrations/0003.sql"),
        sqlite: include_str!("../migrations/0003.sqlite.sql"),
        postgres: include_str!("../migrations/0003.postgres.sql"),
    },
    Step {
        common: include_str!("../migrations/0004.sql"),
        sqlite: include_str!("../migrations/0004.sqlite.sql"),
        postgres: include_str!("../migrations/0004.postgres.sql"),
    },
];

/// SQLite checks the whole file up to this size, which takes well under 100 ms. Damage in larger files shows
/// when the damaged page is read.
const CHECKED_WHOLE: i64 = 64 << 20;

const SIZE_SQLITE: &str = "select page_count * page_size from pragma_page_count, pragma_page_size";

/// 0: empty; 1: a Drawbridge database; 2: someone else's.
const WHOSE_SQLITE: &str = "
    select case
        when (select application_id from pragma_application_id) = 1148346999
            and exists (select 1 from sqlite_master where name = 'drawbridge_schema') then 1
        when (select application_id from pragma_application_id) = 0
            and not exists (select 1 from sqlite_master) then 0
        else 2
    end";
const WHOSE_POSTGRES: &str =
    "select cast(case when to_regclass('drawbridge_schema') is null then 0 else 1 end as bigint)";

/// Two replicas that start at once would both create the tables; the lock ends with the transaction.
const ONE_AT_A_TIME_POSTGRES: &str = "select pg_advisory_xact_lock(1148346999)";

/// Adds the missing steps, all or nothing.
pub(crate) async fn migrate(pools: &Pools) -> Result<(), Error> {
    let mut tx = pools.write().await?;
    let found = version(&mut tx).await?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(Error::Newer { database: String::new(), found, known });
    }
    for (number, step) in (1..).zip(STEPS) {
        if number > found {
            run(&mut tx, step, number).await?;
        }
    }
    commit(tx).await
}

/// The schema version of the database, 0 for an empty one.
async fn version(tx: &mut Tx) -> Result<i64, Error> {
    let whose: i64 = match tx {
        On::Sqlite(tx) => {
            let whose = sqlx::query_scalar(WHOSE_SQLITE).fetch_one(&mut **tx).await?;
            if sqlx::query_scalar::<_, i64>(SIZE_SQLITE).fetch_one(&mut **tx).await? <= CHECKED_WHOLE {
                let verdict: String =
                    sqlx::query_scalar("pragma quick_check(1)").fetch_one(&mut **tx).await?;
                if verdict != "ok" {
                    return Err(Error::corrupt(verdict));
                }
            }
            whose
        }
        On::Postgres(tx) => {
            sqlx::query(ONE_AT_A_TIME_POSTGRES).execute(&mut **tx).await?;
            sqlx::query_scalar(WHOSE_POSTGRES).fetch_one(&mut **tx).await?
        }
    };
    match whose {
        0 => Ok(0),
        1 => Ok(on_pool!(tx, tx => {
            sqlx::query_scalar("select version from drawbridge_schema").fetch_one(&mut **tx).await?
        })),
        _ => Err(Error::corrupt("the file belongs to another program")),
    }
}

async fn run(tx: &mut Tx, step: &Step, number: i64) -> Result<(), Error> {
    on_pool!(tx, tx => sqlx::raw_sql(step.common).execute(&mut **tx).await.map(drop))?;
    match tx {
        On::Sqlite(tx) => sqlx::raw_sql(step.sqlite).execute(&mut **tx).await.map(drop)?,
        On::Postgres(tx) => sqlx::raw_sql(step.postgres).execute(&mut **tx).await.map(drop)?,
    }
    on_pool!(tx, tx => {
        let update = sqlx::query("update drawbridge_schema set version = $1");
        update.bind(number).execute(&mut **tx).await.map(drop)?;
    });
    Ok(())
}
