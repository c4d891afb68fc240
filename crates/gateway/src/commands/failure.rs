//! How a command ends: its exit status, and one sentence with its causes.

use std::io;
use std::process::ExitCode;

use thiserror::Error;

use super::terminal::{Terminal, Tone, clean};
use crate::chain::Chain;

/// It could not be done.
const FAILED: u8 = 1;
/// The arguments make no sense together. clap uses the same for those that make none by themselves.
const USAGE: u8 = 2;
/// The gateway said no.
const REFUSED: u8 = 3;

/// The gateway understood the call and said no.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Refused {
    /// Line by line, what is wrong with which file.
    pub problems: Vec<String>,
    /// The sentence.
    pub message: String,
}

/// A file says something that isn't right.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Wrong {
    /// Line by line, what is wrong with it.
    pub problems: Vec<String>,
    /// The sentence.
    pub message: String,
}

/// The arguments make no sense together.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Misused(pub String);

/// Prints what went wrong, if something did, and gives the exit status.
pub fn exit(done: anyhow::Result<()>, terminal: &mut Terminal) -> ExitCode {
    exit_as(done, FAILED, terminal)
}

/// The same for a command whose status 1 means something else.
pub fn exit_as(done: anyhow::Result<()>, failed: u8, terminal: &mut Terminal) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    if is_closed_pipe(&error) {
        // Whoever read the output has seen enough: `drawbridge log | head`.
        return ExitCode::SUCCESS;
    }
    let status = status(&error, failed);
    match say(&error, terminal) {
        Ok(()) => ExitCode::from(status),
        Err(_nobody_reads) => ExitCode::from(status),
    }
}

/// Lets a command go on whose reader has seen enough: what it found is its status, read or not.
pub fn seen(shown: anyhow::Result<()>) -> anyhow::Result<()> {
    match shown {
        Err(error) if is_closed_pipe(&error) => Ok(()),
        shown => shown,
    }
}

fn say(error: &anyhow::Error, terminal: &mut Terminal) -> io::Result<()> {
    let refused = error.downcast_ref::<Refused>().map(|refused| &refused.problems);
    let wrong = error.downcast_ref::<Wrong>().map(|wrong| &wrong.problems);
    for problem in refused.or(wrong).into_iter().flatten() {
        terminal.note(&clean(problem))?;
    }
    let label = terminal.paint(Tone::Bad, "error:");
    terminal.note(&format!("{label} {}", clean(&Chain(error.as_ref()).to_string())))
}

fn status(error: &anyhow::Error, failed: u8) -> u8 {
    if error.downcast_ref::<Refused>().is_some() {
        REFUSED
    } else if error.downcast_ref::<Misused>().is_some() {
        USAGE
    } else {
        failed
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let is_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(is_pipe)
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn each_kind_of_ending_has_its_status() {
        let refused = Refused { problems: Vec::new(), message: "no".to_owned() };
        assert_eq!(status(&anyhow::Error::from(refused).context("while applying"), FAILED), REFUSED);
        assert_eq!(status(&anyhow::Error::from(Misused("what?".to_owned())), FAILED), USAGE);
        assert_eq!(status(&anyhow!("gone"), FAILED), FAILED);
        assert_eq!(status(&anyhow!("gone"), 4), 4);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_closed_pipe(&anyhow::Error::from(pipe)));
        let file = Err::<(), _>(io::Error::from(io::ErrorKind::NotFound)).context("reading").unwrap_err();
        assert!(!is_closed_pipe(&file));
        seen(Err(io::Error::from(io::ErrorKind::BrokenPipe).into())).unwrap();
        assert!(seen(Err(file)).is_err());
    }
}
