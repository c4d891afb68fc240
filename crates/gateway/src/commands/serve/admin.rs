//! The admin credential: kept across restarts, so that admin.json can be copied to where people work.

use std::path::Path;

use anyhow::anyhow;

use crate::admin::token::Token;
use crate::commands::admin_file::AdminFile;

/// The credential in the file, or a new one.
pub(super) fn token(path: &Path) -> anyhow::Result<Token> {
    let kept = match std::fs::read(path) {
        Ok(bytes) => AdminFile::parse(&bytes).ok().and_then(|file| Token::parse(&file.token)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return fresh(),
        Err(error) => return Err(anyhow!(error).context(format!("{} can't be read", path.display()))),
    };
    match kept {
        Some(token) => Ok(token),
        None => {
            tracing::warn!(file = %path.display(), "no admin credential could be read; making a new one");
            fresh()
        }
    }
}

fn fresh() -> anyhow::Result<Token> {
    Token::fresh().map_err(|_unspecified| anyhow!("this machine gives no randomness for a credential"))
}
