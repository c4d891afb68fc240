//! Where a database is, and the lock that keeps a second process off a SQLite file.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::pools::{self, On, Options};

/// Where the database is. Its `Debug` and `Display` forms never hold a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file, created if it isn't there (for its owner only). Its directory must exist.
    Sqlite(PathBuf),
    /// A `postgres://` URL. The database must exist; its tables are created in the first schema of the search
    /// path. What the URL leaves out, the driver takes from libpq's variables (`PGUSER`, `PGPASSWORD` …).
    Postgres(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "the database {}", file.display()),
            Self::Postgres(url) => match pools::postgres(url) {
                Ok(On::Postgres(options)) => {
                    let host = options.get_socket().map_or_else(
                        || format!("{}:{}", options.get_host(), options.get_port()),
                        |socket| socket.display().to_string(),
                    );
                    let name = options.get_database().unwrap_or_else(|| options.get_username());
                    write!(f, "the PostgreSQL database {name:?} at {host}")
                }
                Ok(On::Sqlite(_)) | Err(_) => f.write_str("the PostgreSQL database"),
            },
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Location {
    /// How to connect, and the lock to hold meanwhile.
    pub(crate) fn claim(&self) -> Result<(Options, Option<File>), Error> {
        match self {
            Self::Sqlite(file) => {
                let file = resolve(file)?;
                let lock = lock(&file)?;
                // Created here because SQLite would make it readable for everyone; its side files take the
                // mode over.
                private(&file)?;
                refuse_stump(&file)?;
                Ok((pools::sqlite(&file), Some(lock)))
            }
            Self::Postgres(url) => Ok((pools::postgres(url)?, None)),
        }
    }
}

/// The one name of the file, so that two ways to write it lead to the same lock.
fn resolve(file: &Path) -> Result<PathBuf, Error> {
    if let Ok(file) = file.canonicalize() {
        return Ok(file);
    }
    let name = file.file_name().ok_or_else(|| gone("this isn't the name of a file"))?;
    let folder = match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Err(gone("this isn't the name of a file")),
    };
    Ok(folder.canonicalize().map_err(gone)?.join(name))
}

/// Refuses what is left of a database whose first page is cut off. SQLite would take it for a new one and
/// start anew, without a word and without the revocations.
fn refuse_stump(file: &Path) -> Result<(), Error> {
    let length = file.metadata().map_err(gone)?.len();
    // The log holds pages of a database whose first page is always in the file itself.
    let log = beside(file, "-wal").metadata().map_or(0, |log| log.len());
    if (1..pools::SQLITE_PAGE).contains(&length) || (length == 0 && log > 0) {
        return Err(Error::corrupt(format!("it ends after {length} bytes")));
    }
    Ok(())
}

/// Takes the lock beside the file. The system lets go of it when the file is closed, however the process
/// ends; the file itself stays, since deleting it would let two processes lock two files of the same name.
fn lock(file: &Path) -> Result<File, Error> {
    let lock = private(&beside(file, ".lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            database: String::new(),
            source: "another Drawbridge process holds its lock".into(),
        }),
        Err(TryLockError::Error(error)) => Err(gone(error)),
    }
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn private(file: &Path) -> Result<File, Error> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(file).map_err(from_io)
}

fn from_io(error: std::io::Error) -> Error {
    if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
        return Error::Full { database: String::new(), source: error.into() };
    }
    gone(error)
}

fn gone(source: impl Into<crate::Cause>) -> Error {
    Error::Gone { database: String::new(), source: source.into() }
}
