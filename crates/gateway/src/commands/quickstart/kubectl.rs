//! The real kubectl, as a child process that ends when this process does.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;
use tokio::time::timeout;

/// A kubectl that isn't done after this long is stuck. Waits for rollouts are the longest.
const PATIENCE: Duration = Duration::from_secs(90);

/// A kubectl with one identity. Each run is under the control plane's supervisor, which ends it, and what it
/// has started, as soon as its standard input ends: with this process, `kill -9` included.
#[derive(Debug, Clone)]
pub(super) struct Kubectl {
    /// The program that supervises.
    pub(super) supervisor: PathBuf,
    /// kubectl.
    pub(super) program: PathBuf,
    /// Whose it is.
    pub(super) kubeconfig: PathBuf,
    /// Where it keeps its cache.
    pub(super) home: PathBuf,
}

/// What a run came to.
#[derive(Debug)]
pub(super) struct Answer {
    /// Whether its exit status was 0.
    pub(super) went: Went,
    /// What it printed.
    pub(super) output: String,
    /// What it complained about.
    pub(super) complaint: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    Well,
    Wrong,
}

impl Kubectl {
    /// Runs it to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> anyhow::Result<Answer> {
        let mut child = self.command(arguments).spawn().with_context(|| self.does_not_run())?;
        let lifeline = child.stdin.take();
        let ended = timeout(PATIENCE, child.wait_with_output()).await;
        drop(lifeline);
        let Ok(output) = ended else {
            bail!("kubectl {} was not done after {} s", arguments.join(" "), PATIENCE.as_secs())
        };
        let output = output.with_context(|| self.does_not_run())?;
        Ok(Answer {
            went: if output.status.success() { Went::Well } else { Went::Wrong },
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it to its end, which must be a good one. The answer is what it printed.
    pub(super) async fn must(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let answer = self.run(arguments).await?;
        match answer.went {
            Went::Well => Ok(answer.output),
            Went::Wrong => bail!("kubectl {} failed: {}", arguments.join(" "), answer.complaint.trim()),
        }
    }

    /// The command line. Its standard input is the lifeline, and isn't kubectl's.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        self.supervised(&[], arguments)
    }

    /// The same, reading `pipe`, a named one. The shell opens it both ways, so that its end never comes.
    pub(super) fn command_reading(&self, pipe: &str, arguments: &[&str]) -> Command {
        self.supervised(&["/bin/sh", "-c", r#"exec "$@" 0<>"$0""#, pipe], arguments)
    }

    fn supervised(&self, before: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.supervisor);
        command.arg("supervise").args(before).arg(&self.program).arg("--kubeconfig").arg(&self.kubeconfig);
        command.args(arguments).env("HOME", &self.home).env_remove("KUBECONFIG");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C in the terminal is for this process, which then ends them in order.
        command.process_group(0);
        command
    }

    /// Where kubectl is.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn does_not_run(&self) -> String {
        format!("{} could not be run", self.program.display())
    }
}

impl Answer {
    /// The line that matters of what it said: the first one of its output or, if it failed, its error.
    pub(super) fn line(&self) -> &str {
        match self.went {
            Went::Well => self.output.lines().find(|line| !line.trim().is_empty()).unwrap_or("(nothing)"),
            Went::Wrong => {
                // What kubectl logs on its way there comes first and says less.
                let is_error = |line: &&str| line.starts_with("Error") || line.starts_with("error:");
                self.complaint.lines().find(is_error).or(self.complaint.lines().last()).unwrap_or("(nothing)")
            }
        }
    }

    /// What follows the heading, if it printed a table: the first rows of it.
    pub(super) fn rest_of_table(&self) -> impl Iterator<Item = &str> {
        const ROWS: usize = 4;
        let rows = if self.output.starts_with("NAME") { ROWS } else { 0 };
        self.output.lines().skip(1).take(rows)
    }
}
