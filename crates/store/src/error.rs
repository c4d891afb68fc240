//! What can go wrong in the store, told apart by what the caller can do about it.

use std::error::Error as StdError;

/// The cause beneath an [`Error`], for logs. Its text may name the database's address, never a password.
pub type Cause = Box<dyn StdError + Send + Sync + 'static>;

/// Why the store didn't do what it was asked. Nothing was changed, except after [`Error::Gone`] and
/// [`Error::Locked`] on a write: there the answer was lost, so the change may or may not be in the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no room for the write. Reads go on; writes work again once there is room
    /// ([`crate::Store::probe`]).
    #[error("{database} has no room left: free space on its disk, then it takes writes again")]
    Full {
        /// Which database, as people know it.
        database: String,
        /// What the database said.
        source: Cause,
    },
    /// The database can't be reached or doesn't answer in time.
    #[error("{database} can't be reached: see that it is there, runs and accepts this login")]
    Gone {
        /// Which database, as people know it.
        database: String,
        /// What the system or the driver said.
        source: Cause,
    },
    /// Someone else holds the database: a second process on a SQLite file, or a transaction that doesn't end.
    #[error("{database} is in use: stop the other process, or give this one its own data directory")]
    Locked {
        /// Which database, as people know it.
        database: String,
        /// What refused.
        source: Cause,
    },
    /// The database is damaged, or isn't one of Drawbridge's.
    #[error("{database} is damaged or isn't a Drawbridge database: restore a backup or move it away")]
    Corrupt {
        /// Which database, as people know it.
        database: String,
        /// What was found.
        source: Cause,
    },
    /// A later release has written this database.
    #[error(
        "{database} has schema {found}, this program knows up to {known}: \
         start the release that wrote it, or a later one"
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
    #[error(
        "the manifests changed meanwhile (revision {found}, expected {expected}): read them again and repeat"
    )]
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
    #[error("{database} refused the statement: this is a fault of the program or of the database's set-up")]
    Other {
        /// Which database, as people know it.
        database: String,
        /// What the database said.
        source: Cause,
    },
}

impl Error {
    pub(crate) fn corrupt(what: impl Into<Cause>) -> Self {
        Self::Corrupt { database: String::new(), source: what.into() }
    }

    /// Says which database it was.
    pub(crate) fn about(mut self, name: &str) -> Self {
        match &mut self {
            Self::Full { database, .. }
            | Self::Gone { database, .. }
            | Self::Locked { database, .. }
            | Self::Corrupt { database, .. }
            | Self::Newer { database, .. }
            | Self::Other { database, .. } => name.clone_into(database),
            Self::Conflict { .. } | Self::Final { .. } | Self::Invalid(_) => {}
        }
        self
    }
}

/// What an error means for the caller.
enum Class {
    Full,
    Gone,
    Locked,
    Corrupt,
    Other,
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let class = classify(&error);
        let database = String::new();
        let source: Cause = match error {
            // The driver's frame around it says nothing more.
            sqlx::Error::Database(error) => error.message().to_owned().into(),
            other => other.into(),
        };
        match class {
            Class::Full => Self::Full { database, source },
            Class::Gone => Self::Gone { database, source },
            Class::Locked => Self::Locked { database, source },
            Class::Corrupt => Self::Corrupt { database, source },
            Class::Other => Self::Other { database, source },
        }
    }
}

fn classify(error: &sqlx::Error) -> Class {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                sqlite(code.parse().unwrap_or_default())
            } else {
                postgres(&code)
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Configuration(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Class::Gone,
        // A value of another type than the schema says, or a row that the schema says is always there.
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
            Class::Corrupt
        }
        _ => Class::Other,
    }
}

/// Extended result codes: <https://www.sqlite.org/rescode.html>. The low byte is the primary code.
fn sqlite(code: i32) -> Class {
    // The shared-memory file beside the database couldn't grow: in practice a full disk.
    const IOERR_SHMSIZE: i32 = 4874;
    if code == IOERR_SHMSIZE {
        return Class::Full;
    }
    match code & 0xff {
        13 => Class::Full,
        5 | 6 => Class::Locked,
        11 | 26 => Class::Corrupt,
        // perm, readonly, ioerr, cantopen
        3 | 8 | 10 | 14 => Class::Gone,
        _ => Class::Other,
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn postgres(code: &str) -> Class {
    match code {
        "53100" => Class::Full,
        // a deadlock, a lock that wasn't to be had, a statement that took too long
        "40P01" | "40001" | "55P03" | "57014" => Class::Locked,
        "XX001" | "XX002" => Class::Corrupt,
        // too many connections, an I/O error, no such database, a standby that takes no writes
        "53300" | "58030" | "3D000" | "25006" => Class::Gone,
        // connection lost, login refused, shutting down or starting up
        _ if ["08", "28", "57P"].iter().any(|class| code.starts_with(class)) => Class::Gone,
        _ => Class::Other,
    }
}
