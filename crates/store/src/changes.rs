//! Reading and changing manifests and states.

use crate::pools::{Tx, on_pool};
use crate::{Change, Error, Everything, Manifest, State, StateChange, limit};

type ManifestColumns = (String, String, String, i64, i64, String, i64, i64, String);
type StateColumns = (String, String, String, i64, String, String);

const MANIFESTS: &str =
    "select kind, name, uid, generation, revision, body, created, updated, origin from manifests";
const STATES: &str = "select subject_kind, subject, state, since, by_whom, reason from states";
const REVISION: &str = "select value from revision";

const NEXT: &str = "update revision set value = value + 1 returning value";
const NEXT_EXPECTED: &str = "update revision set value = value + 1 where value = $1 returning value";

const PUT: &str = "
    insert into manifests (kind, name, uid, generation, revision, body, created, updated, origin)
    values ($1, $2, $3, 1, $4, $5, $6, $6, $7)
    on conflict (kind, name) do update
    set generation = manifests.generation + case when manifests.body <> excluded.body then 1 else 0 end,
        updated = case when manifests.body <> excluded.body then excluded.updated else manifests.updated end,
        revision = excluded.revision, body = excluded.body, origin = excluded.origin
    where manifests.body <> excluded.body or manifests.origin <> excluded.origin";
const DELETE: &str = "delete from manifests where kind = $1 and name = $2";

const IS_REVOKED: &str = "
    select count(*) from states where subject_kind = $1 and subject = $2 and state = 'revoked'";
const SET: &str = "
    insert into states (subject_kind, subject, state, since, by_whom, reason) values ($1, $2, $3, $4, $5, $6)
    on conflict (subject_kind, subject) do update
    set state = excluded.state, since = excluded.since, by_whom = excluded.by_whom, reason = excluded.reason";
const CLEAR: &str = "delete from states where subject_kind = $1 and subject = $2";

/// Reads everything within a transaction that sees one moment. Sorted here, since databases sort text
/// differently.
pub(crate) async fn load(tx: &mut Tx) -> Result<Everything, Error> {
    let revision = revision(tx).await?;
    let manifests: Vec<ManifestColumns> =
        on_pool!(tx, tx => sqlx::query_as(MANIFESTS).fetch_all(&mut **tx).await?);
    let states: Vec<StateColumns> = on_pool!(tx, tx => sqlx::query_as(STATES).fetch_all(&mut **tx).await?);
    let mut everything = Everything {
        revision,
        manifests: manifests.into_iter().map(manifest).collect(),
        states: states.into_iter().map(state).collect(),
    };
    everything.manifests.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
    everything.states.sort_by(|a, b| (&a.subject_kind, &a.subject).cmp(&(&b.subject_kind, &b.subject)));
    Ok(everything)
}

pub(crate) async fn revision(tx: &mut Tx) -> Result<i64, Error> {
    Ok(on_pool!(tx, tx => sqlx::query_scalar(REVISION).fetch_one(&mut **tx).await?))
}

/// Takes the next revision if the current one is `expected`. Holds off other changes until the transaction
/// ends.
pub(crate) async fn advance_from(tx: &mut Tx, expected: i64) -> Result<i64, Error> {
    let next: Option<i64> = on_pool!(tx, tx => {
        sqlx::query_scalar(NEXT_EXPECTED).bind(expected).fetch_optional(&mut **tx).await?
    });
    match next {
        Some(next) => Ok(next),
        None => Err(Error::Conflict { expected, found: revision(tx).await? }),
    }
}

/// Takes the next revision, whatever the current one is.
pub(crate) async fn advance(tx: &mut Tx) -> Result<i64, Error> {
    Ok(on_pool!(tx, tx => sqlx::query_scalar(NEXT).fetch_one(&mut **tx).await?))
}

pub(crate) async fn change(tx: &mut Tx, change: &Change, revision: i64) -> Result<(), Error> {
    match change {
        Change::Put { kind, name, uid, body, at, origin } => {
            limit::keys([kind, name, uid, origin])?;
            limit::texts([body])?;
            on_pool!(tx, tx => sqlx::query(PUT)
                .bind(kind)
                .bind(name)
                .bind(uid)
                .bind(revision)
                .bind(body)
                .bind(at)
                .bind(origin)
                .execute(&mut **tx)
                .await
                .map(drop))?;
        }
        Change::Delete { kind, name } => {
            limit::keys([kind, name])?;
            on_pool!(tx, tx => sqlx::query(DELETE).bind(kind).bind(name).execute(&mut **tx).await.map(drop))?;
        }
    }
    Ok(())
}

/// Must follow [`advance`], whose lock keeps the subject from being revoked between the two statements here.
pub(crate) async fn set_state(tx: &mut Tx, change: &StateChange) -> Result<(), Error> {
    match change {
        StateChange::Set(state) => {
            limit::keys([&state.subject_kind, &state.subject])?;
            limit::texts([&state.by, &state.reason])?;
            if !matches!(state.state.as_str(), "suspended" | "revoked") {
                return Err(Error::Invalid(format!(
                    "a state is suspended or revoked, never {:?}",
                    state.state
                )));
            }
            refuse_revoked(tx, &state.subject_kind, &state.subject).await?;
            set(tx, state).await
        }
        StateChange::Clear { subject_kind, subject } => {
            limit::keys([subject_kind, subject])?;
            refuse_revoked(tx, subject_kind, subject).await?;
            on_pool!(tx, tx => {
                sqlx::query(CLEAR).bind(subject_kind).bind(subject).execute(&mut **tx).await.map(drop)
            })?;
            Ok(())
        }
    }
}

async fn set(tx: &mut Tx, state: &State) -> Result<(), Error> {
    on_pool!(tx, tx => sqlx::query(SET)
        .bind(&state.subject_kind)
        .bind(&state.subject)
        .bind(&state.state)
        .bind(state.since)
        .bind(&state.by)
        .bind(&state.reason)
        .execute(&mut **tx)
        .await
        .map(drop))?;
    Ok(())
}

async fn refuse_revoked(tx: &mut Tx, subject_kind: &str, subject: &str) -> Result<(), Error> {
    let revoked: i64 = on_pool!(tx, tx => {
        sqlx::query_scalar(IS_REVOKED).bind(subject_kind).bind(subject).fetch_one(&mut **tx).await?
    });
    if revoked == 0 {
        return Ok(());
    }
    Err(Error::Final { subject_kind: subject_kind.to_owned(), subject: subject.to_owned() })
}

fn manifest(columns: ManifestColumns) -> Manifest {
    let (kind, name, uid, generation, revision, body, created, updated, origin) = columns;
    Manifest { kind, name, uid, generation, revision, body, created, updated, origin }
}

fn state(columns: StateColumns) -> State {
    let (subject_kind, subject, state, since, by, reason) = columns;
    State { subject_kind, subject, state, since, by, reason }
}
