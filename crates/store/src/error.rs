//! What can go wrong in the store, told apart by what the caller can do about it.

use std::error::Error as StdError;

/// The cause beneath an [`Error`], for logs. Its text may name the database's address, never a password.
pub type Cause = Box<dyn StdError + Send + Sync + 'static>;

/// Why the store didn't do what it was asked. Nothing was changed, except after [`Error::Gone`] and
/// [`Error::Locked`] on a write: there the answer was lost, so the change may or may not be in the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no room for the write. Reads go on; writes work again once there is room ([`crate::Store::probe`]).
    #[error("{database} has no room left: free space on its disk, then it takes writes again")]
    Full {
        /// Which database, as people know it.
        database: String,
        /// What the database said.
        source: Cause,
    },
    /// The database can't be reached or doesn't answer in time.
    #[error("{database} can't be reached ({source}): see that it is there, runs and accepts this login")]
    Gone {
        /// Which database, as people know it.
        database: String,
        /// What the system or the driver said.
        source: Cause,
    },
    /// Someone else holds the database: a second process on a SQLite file, or a transaction that doesn't end.
    #[error("{database} is in use ({source}): stop the other process, or give this one its own data directory")]
    Locked {
        /// Which database, as people know it.
        database: String,
        /// What refused.
        source: Cause,
    },
    /// The database is damaged, or isn't one of Drawbridge's.
    #[error("{database} is damaged or isn't a Drawbridge database ({source}): restore a backup or move it away")]
    Corrupt {
        /// Which database, as people know it.
        database: String,
        /// What was found.
        source: Cause,
    },
    /// A later release has written this database.
    #[error(
        "{database} has schema {found}, this program knows up to {known}: start the release that wrote it, or a later one"
    )]
    Newer {
        /// Which database, as people know it.
        database: String,
        /// The schema version in the database.
        found: i64,
        /// The newest schema version that this program knows.
        known: i64,
    },
    /// Someone else changed the manifests or states since they were read.
    #[error("the manifests changed meanwhile (revision {found}, expected {expected}): read them again and repeat")]
    Conflict {
        /// The revision that the caller had read.
        expected: i64,
        /// The revision that the database has.
        found: i64,
    },
    /// The subject is revoked, and that is never undone.
    #[error("{subject_kind} {subject:?} is revoked, which is final: create a new one under another name")]
    Final {
        /// `agent`, `grant` or `key`.
        subject_kind: String,
        /// The revoked subject.
        subject: String,
    },
    /// What was handed in can't be stored: a text with a NUL character, a state that doesn't exist.
    #[error("this can't be stored: {0}")]
    Invalid(String),
    /// Anything else that the database refused.
    #[error("{database} refused ({source}): this is a fault of the program or of the database's set-up")]
    Other {
        /// Which database, as people know it.
        database: String,
        /// What the database said.
        source: Cause,
    },
}
