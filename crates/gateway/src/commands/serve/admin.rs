//! The admin credential: kept across restarts, so that admin.json can be copied to where people work.

use std::path::Path;

use anyhow::{Context, anyhow};

use crate::admin::metrics;
use crate::admin::token::Token;
use crate::commands::admin_file::{AdminFile, private};

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

/// The credential for `/metrics` alone, in a file of its own that whoever collects numbers is given.
pub(super) fn metrics_token(data: &Path) -> anyhow::Result<Token> {
    let path = data.join(metrics::TOKEN);
    let kept = std::fs::read_to_string(&path).ok();
    if let Some(token) = kept.and_then(|text| Token::parse(text.trim())) {
        return Ok(token);
    }
    let token = fresh()?;
    let unwritten = || format!("{} can't be written", path.display());
    private(&path, token.as_str().as_bytes()).with_context(unwritten)?;
    Ok(token)
}

fn fresh() -> anyhow::Result<Token> {
    Token::fresh().map_err(|_unspecified| anyhow!("this machine gives no randomness for a credential"))
}
