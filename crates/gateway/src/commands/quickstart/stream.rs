//! A kubectl that stays: `logs -f`, `exec`, `get -w`. Every line is kept with the time at which it came.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use super::kubectl::Kubectl;

/// Lines that are kept of one stream: an hour of what the scene writes.
const LINES: usize = 36_000;

/// A line, and when it came.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) line: String,
}

/// A running kubectl. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Stream {
    child: Child,
    heard: Arc<Lines>,
    complaint: Arc<Lines>,
    _lifeline: Option<ChildStdin>,
    /// What is typed is kept only as long as someone has the pipe open.
    _keyboard: Option<File>,
}

#[derive(Debug, Default)]
struct Lines {
    lines: Mutex<Vec<Heard>>,
    more: Notify,
}

impl Stream {
    /// Starts it. `readers` holds the tasks that read what it says; they end with it.
    pub(super) fn open(
        kubectl: &Kubectl,
        arguments: &[&str],
        readers: &TaskTracker,
    ) -> anyhow::Result<Stream> {
        Stream::run(kubectl, kubectl.command(arguments), readers)
    }

    /// Starts one that reads what is typed: `typed` now, and nothing more as long as it runs. `pipe` is made
    /// for it.
    pub(super) async fn open_typing(
        kubectl: &Kubectl,
        arguments: &[&str],
        (pipe, typed): (&str, &str),
        readers: &TaskTracker,
    ) -> anyhow::Result<Stream> {
        let unmade = || format!("the named pipe {pipe} can't be made");
        let made = Command::new("mkfifo").arg(pipe).status().await.with_context(unmade)?;
        ensure!(made.success(), unmade());
        // Opened both ways too: one way it would wait for the other end.
        let mut keyboard = OpenOptions::new().read(true).write(true).open(pipe).with_context(unmade)?;
        keyboard.write_all(typed.as_bytes()).with_context(unmade)?;
        let mut stream = Stream::run(kubectl, kubectl.command_reading(pipe, arguments), readers)?;
        stream._keyboard = Some(keyboard);
        Ok(stream)
    }

    fn run(kubectl: &Kubectl, mut command: Command, readers: &TaskTracker) -> anyhow::Result<Stream> {
        let mut child = command.spawn().with_context(|| kubectl.does_not_run())?;
        let lifeline = child.stdin.take();
        let (heard, complaint) = (Arc::new(Lines::default()), Arc::new(Lines::default()));
        if let Some(output) = child.stdout.take() {
            readers.spawn(keep(output, heard.clone()));
        }
        if let Some(errors) = child.stderr.take() {
            readers.spawn(keep(errors, complaint.clone()));
        }
        Ok(Stream { child, heard, complaint, _lifeline: lifeline, _keyboard: None })
    }

    /// What it has said so far.
    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.all()
    }

    /// Its last complaint.
    pub(super) fn complaint(&self) -> Option<String> {
        self.complaint.all().pop().map(|heard| heard.line)
    }

    /// Waits until what it has said passes, and says whether it did in time.
    pub(super) async fn says(&self, patience: Duration, passes: impl Fn(&[Heard]) -> bool) -> bool {
        let waited = timeout(patience, async {
            loop {
                let more = self.heard.more.notified();
                if passes(&self.heard.all()) {
                    return;
                }
                more.await;
            }
        });
        waited.await.is_ok()
    }

    /// Waits for its end, and says when it came, if it came in time.
    pub(super) async fn ended(&mut self, patience: Duration) -> Option<Instant> {
        timeout(patience, self.child.wait()).await.ok()?.ok()?;
        Some(Instant::now())
    }

    /// Whether it still runs.
    pub(super) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Lines {
    fn all(&self) -> Vec<Heard> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < LINES {
            lines.push(Heard { at: Instant::now(), line });
        }
        drop(lines);
        self.more.notify_waiters();
    }
}

async fn keep(from: impl AsyncRead + Unpin, lines: Arc<Lines>) {
    let mut from = BufReader::new(from).lines();
    while let Ok(Some(line)) = from.next_line().await {
        lines.add(line);
    }
}
