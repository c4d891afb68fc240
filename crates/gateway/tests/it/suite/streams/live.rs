//! A program that runs while the test looks at it.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use super::until;

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Live {
    line: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
}

impl Live {
    /// Starts it.
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> Live {
        let line = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{line} does not start: {error}"));
        let stdin = child.stdin.take();
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        Live { line, child, stdin, stdout, stderr }
    }

    /// What it has written so far.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.lock().unwrap()).into_owned()
    }

    /// What it has complained about so far.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap()).into_owned()
    }

    /// Waits until it has written these words.
    #[track_caller]
    pub(crate) fn shows(&mut self, words: &str) {
        until(&format!("{words:?} from {}", self.line), || {
            if self.stdout().contains(words) {
                return Some(());
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                // What it wrote last may still be on its way.
                thread::sleep(std::time::Duration::from_millis(50));
                assert!(
                    self.stdout().contains(words),
                    "{status}: {self:?} {}{}",
                    self.stdout(),
                    self.stderr()
                );
            }
            None
        });
    }

    /// Writes to its standard input.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) {
        self.stdin.as_mut().unwrap().write_all(words.as_bytes()).unwrap();
    }

    /// Ends its standard input.
    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; the answer is its exit status.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> Option<i32> {
        until(&format!("the end of {}", self.line), || self.child.try_wait().unwrap()).code()
    }

    /// Ends it without asking.
    pub(crate) fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // It may have ended already.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

fn collect(mut from: impl Read + Send + 'static) -> Arc<Mutex<Vec<u8>>> {
    let into = Arc::new(Mutex::new(Vec::new()));
    let collected = into.clone();
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().extend(&buffer[..count]);
        }
    });
    collected
}
