//! `admin.json`: where the admin API is, whom to trust there, and the credential for it.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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

/// Writes a file for its owner only, whole or not at all: under another name first, since whoever reads it
/// must never find half of it.
pub(crate) fn private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(name);
    if let Err(error) = std::fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let written = (|| {
        // New, so that nobody else can have it open or have made it readable.
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    })();
    written.inspect_err(|_| {
        if let Err(error) = std::fs::remove_file(&draft) {
            tracing::debug!(%error, "no draft to remove");
        }
    })
}
