//! Processes that end when this one does, for whatever reason.
//!
//! Each runs under `drawbridge-node supervise`, which holds the read end of a pipe whose only writer is this
//! process. The kernel closes the pipe when this process ends, `kill -9` included, and the supervisor then
//! kills what it started. Supervisor and command are in process groups of their own, so a Ctrl-C in the
//! terminal reaches this process only, which then stops them in order.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::clock::wait_until;
use crate::error::Error;

/// A process under its supervisor. Dropping it ends the process and waits for the end.
#[derive(Debug)]
pub(crate) struct Supervised {
    name: &'static str,
    log: PathBuf,
    child: Child,
    lifeline: Option<ChildStdin>,
}

impl Supervised {
    /// Starts `command` (its program, arguments, folder and environment) under the supervisor in `node`,
    /// with its output going to the file `log`. If this process dies without letting go of it, the
    /// supervisor removes the folder `temporary`.
    pub(crate) fn start(
        node: &Path,
        name: &'static str,
        command: &Command,
        log: &Path,
        temporary: Option<&Path>,
    ) -> Result<Self, Error> {
        let output = File::create(log).map_err(Error::file("written", log))?;
        let errors = output.try_clone().map_err(Error::file("written", log))?;
        let mut supervisor = Command::new(node);
        supervisor.arg("supervise");
        if let Some(folder) = temporary {
            let mut argument = OsString::from("--remove-after-death=");
            argument.push(folder);
            supervisor.arg(argument);
        }
        supervisor.arg(command.get_program()).args(command.get_args());
        if let Some(directory) = command.get_current_dir() {
            supervisor.current_dir(directory);
        }
        for (name, value) in command.get_envs() {
            set(&mut supervisor, name, value);
        }
        let mut child = supervisor
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|source| Error::Run { program: node.to_owned(), source })?;
        let lifeline = child.stdin.take();
        Ok(Self { name, log: log.to_owned(), child, lifeline })
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The file that its output goes to.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Lets go of the process without waiting, so that several can end at the same time.
    pub(crate) fn release(&mut self) {
        if let Some(mut lifeline) = self.lifeline.take() {
            // Any byte says that this is no death. It fails only when the supervisor has ended, which is
            // fine.
            drop(lifeline.write(b"."));
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.release();
        // The supervisor needs milliseconds. Should it hang, the kernel kills its command together with it.
        let ended = wait_until(Duration::from_secs(5), Duration::from_millis(5), || {
            self.child.try_wait().map(|status| status.is_some())
        });
        if !matches!(ended, Ok(true)) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

fn set(command: &mut Command, name: &OsStr, value: Option<&OsStr>) {
    match value {
        Some(value) => command.env(name, value),
        None => command.env_remove(name),
    };
}

/// The last lines of a log, for an error message. Empty when there is none.
pub(crate) fn log_tail(log: &Path) -> String {
    const BYTES: u64 = 4096; // enough for a Go program's last words, short enough for a terminal
    const LINES: usize = 12;
    let mut text = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let start = SeekFrom::Start(length.saturating_sub(BYTES));
        if file.seek(start).and_then(|_| file.read_to_end(&mut text)).is_err() {
            text.clear();
        }
    }
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(LINES);
    lines.into_iter().skip(skipped).collect::<Vec<_>>().join("\n")
}

/// The program `name` in the first folder of `path` that has it. Absolute, because programs are run in other
/// folders than this process's.
pub(crate) fn find_in<'a>(path: impl IntoIterator<Item = &'a PathBuf>, name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = path.into_iter().map(|folder| folder.join(name)).find(|file| {
        file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    })?;
    std::path::absolute(file).ok()
}
