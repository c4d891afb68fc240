//! `admin.json`: where the admin API is, whom to trust there, and the credential for it.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

/// Its name in the data directory.
pub const NAME: &str = "admin.json";
/// Where it is when nobody says otherwise: in the data directory of a server without a config.
const DEFAULT: &str = "drawbridge-data/admin.json";

/// What the file says.
#[derive(Clone, Serialize, Deserialize)]
pub struct AdminFile {
    /// `https://HOST:PORT` of the admin API.
    pub server: String,
    /// The certificate authority to trust there, in PEM, and no other.
    pub ca: String,
    /// The bearer token.
    pub token: String,
}

impl std::fmt::Debug for AdminFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminFile").field("server", &self.server).finish_non_exhaustive()
    }
}

impl AdminFile {
    /// Reads the one that was named, or the one in its usual place.
    pub fn find(named: Option<&Path>) -> anyhow::Result<AdminFile> {
        let path = named.map_or_else(|| PathBuf::from(DEFAULT), Path::to_owned);
        match std::fs::read(&path) {
            Ok(bytes) => AdminFile::parse(&bytes).with_context(|| {
                format!("{} is not an admin.json; 'drawbridge serve' writes one", path.display())
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Err(anyhow!(
                "no server is known: there is no {DEFAULT} here; name the admin.json of the server's data \
                 directory with --admin or DRAWBRIDGE_ADMIN, or start 'drawbridge serve'"
            )),
            Err(error) => Err(error).with_context(|| {
                format!(
                    "{} can't be read; 'drawbridge serve' writes it into its data directory",
                    path.display()
                )
            }),
        }
    }

    /// Reads the file's content.
    pub fn parse(bytes: &[u8]) -> serde_json::Result<AdminFile> {
        serde_json::from_slice(bytes)
    }

    /// Writes it for its owner only, whole or not at all.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        private(path, format!("{text}\n").as_bytes())
            .with_context(|| format!("{} can't be written", path.display()))
    }
}

/// Files take their place one after the other: nothing comes between a look at what is there and what is put
/// in its place.
static PLACING: Mutex<()> = Mutex::new(());

/// Writes a file for its owner only, whole or not at all: under another name first, since whoever reads it
/// must never find half of it.
pub(crate) fn private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    place(path, bytes, || Ok(true)).map(drop)
}

/// The same, where the file says `old` until then. Whether it did: another file stays as it is.
pub(crate) fn private_instead(path: &Path, old: &[u8], bytes: &[u8]) -> io::Result<bool> {
    place(path, bytes, || Ok(std::fs::read(path)? == old))
}

fn place(path: &Path, bytes: &[u8], may: impl FnOnce() -> io::Result<bool>) -> io::Result<bool> {
    // A name that no other writer has: two at once must not write into one draft.
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", uuid::Uuid::now_v7()));
    let draft = PathBuf::from(name);
    let placed = (|| {
        // New, so that nobody else can have it open or have made it readable.
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let _one = PLACING.lock().unwrap_or_else(PoisonError::into_inner);
        let may = may()?;
        if may {
            std::fs::rename(&draft, path)?;
        }
        Ok(may)
    })();
    if !matches!(placed, Ok(true))
        && let Err(error) = std::fs::remove_file(&draft)
    {
        tracing::debug!(%error, "no draft to remove");
    }
    placed
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn many_writers_at_once_leave_one_whole_file_and_no_draft() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::thread::scope(|scope| {
            for writer in 0..8_u8 {
                let path = &path;
                let write = move || private(path, &vec![writer; 10_000]).unwrap();
                scope.spawn(move || (0..20).for_each(|_| write()));
            }
        });
        let written = std::fs::read(&path).unwrap();
        assert_eq!(written.len(), 10_000);
        assert!(written.iter().all(|byte| Some(byte) == written.first()));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_given_meanwhile_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        private(&path, b"old").unwrap();
        assert!(private_instead(&path, b"old", b"renewed").unwrap());
        private(&path, b"given").unwrap();
        assert!(!private_instead(&path, b"renewed", b"late").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"given");
        std::fs::remove_file(&path).unwrap();
        assert!(private_instead(&path, b"given", b"late").is_err());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "it was taken away");
    }
}
