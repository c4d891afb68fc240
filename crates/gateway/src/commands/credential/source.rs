//! Where an agent's credential comes from, on the machine where the agent runs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::github;
use super::issued::Issued;
use crate::commands::key::AgentKey;

/// The variable in which a GitLab job finds its ID token, where nothing else is said.
pub const VARIABLE: &str = "DRAWBRIDGE_ID_TOKEN";

/// Arguments that say where it comes from.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// What it is made from.
    #[arg(long, value_enum)]
    from: From,
    /// The enrolled key.
    #[arg(long, value_name = "FILE", required_if_eq("from", "key"))]
    key: Option<PathBuf>,
    /// The file that has the token: a projected service-account token, say. It is read again each time.
    #[arg(long, value_name = "FILE", required_if_eq("from", "file"), conflicts_with = "key")]
    file: Option<PathBuf>,
    /// The variable in which a GitLab job finds its ID token.
    #[arg(long, value_name = "NAME", default_value = VARIABLE)]
    variable: String,
    /// The gateway's url, which a token must be for.
    #[arg(long, value_name = "URL", required_if_eq("from", "github"))]
    audience: Option<String>,
}

/// What a credential is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// The agent's own enrolled key.
    Key,
    /// A file with a token that somebody keeps fresh.
    File,
    /// The ID token that GitHub Actions gives a job.
    Github,
    /// The ID token that GitLab gives a job.
    Gitlab,
}

impl From {
    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            From::Key => "key",
            From::File => "file",
            From::Github => "github",
            From::Gitlab => "gitlab",
        }
    }
}

/// What the machine has to present.
#[derive(Debug)]
pub enum Presented {
    /// A key to sign with.
    Key(AgentKey),
    /// A token of an issuer's.
    Issued(Issued),
}

impl Source {
    /// Whom a token is for.
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// Reads or asks for it. Whether a gateway could take it is another question.
    pub async fn find(&self) -> anyhow::Result<Presented> {
        let audience = self.audience();
        let issued = match (self.from, &self.key, &self.file) {
            (From::Key, Some(key), _) => return Ok(Presented::Key(AgentKey::read(key)?)),
            (From::Github, ..) => github::ask(audience.unwrap_or_default(), variable).await?,
            (From::Gitlab, ..) => Issued::in_variable(&self.variable, audience, variable)?,
            (From::File, _, Some(file)) => Issued::in_file(file)?,
            // The arguments' own rules leave nothing else.
            (From::Key, None, _) | (From::File, _, None) => anyhow::bail!("say --key FILE or --file FILE"),
        };
        Ok(Presented::Issued(issued))
    }
}

#[expect(clippy::disallowed_methods, reason = "a job's token is in its environment, and read only here")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
