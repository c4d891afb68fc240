//! What a name meant when it was seen first.

use crate::pools::{Tx, on_pool};
use crate::{Error, limit};

/// A name, and the one thing that it stands for from then on, however often the name is given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What kind of name; with the subject the key.
    pub kind: String,
    /// The name.
    pub subject: String,
    /// Which one it is.
    pub uid: String,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
}

const ALL: &str = "select kind, subject, uid, since from kept";
const FIND: &str = "select uid from kept where kind = $1 and subject = $2";
const KEEP: &str = "insert into kept (kind, subject, uid, since) values ($1, $2, $3, $4)";
/// Held until the transaction ends, so that of two that see a name first one waits and finds it.
const ONE_AT_A_TIME: &str = "update revision set value = value where one = 1";

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Kept>, Error> {
    let rows: Vec<(String, String, String, i64)> =
        on_pool!(tx, tx => sqlx::query_as(ALL).fetch_all(&mut **tx).await?);
    Ok(rows.into_iter().map(|(kind, subject, uid, since)| Kept { kind, subject, uid, since }).collect())
}

/// Keeps it, unless the name has one already: then that one is the answer.
pub(crate) async fn keep(tx: &mut Tx, kept: &Kept) -> Result<Option<String>, Error> {
    limit::keys([&kept.kind, &kept.subject, &kept.uid])?;
    on_pool!(&mut *tx, tx => sqlx::query(ONE_AT_A_TIME).execute(&mut **tx).await.map(drop))?;
    let found: Option<String> = on_pool!(&mut *tx, tx => {
        sqlx::query_scalar(FIND).bind(&kept.kind).bind(&kept.subject).fetch_optional(&mut **tx).await?
    });
    if found.is_some() {
        return Ok(found);
    }
    on_pool!(tx, tx => sqlx::query(KEEP)
        .bind(&kept.kind)
        .bind(&kept.subject)
        .bind(&kept.uid)
        .bind(kept.since)
        .execute(&mut **tx)
        .await
        .map(drop))?;
    Ok(None)
}
