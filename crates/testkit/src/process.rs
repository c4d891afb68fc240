//! Running programs and keeping what they said.

use std::fmt;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The longest that any program in a test may run.
const LONGEST: Duration = Duration::from_secs(120);

/// What a program did.
#[derive(Debug, Clone)]
pub struct Run {
    /// The command line, for messages.
    pub command: String,
    /// Its exit status; None if it was ended.
    pub code: Option<i32>,
    /// What it wrote.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Run {
    /// The run, if the program said that all went well.
    #[track_caller]
    pub fn ok(self) -> Run {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// The run, if the program failed and said `words`.
    #[track_caller]
    pub fn fails_with(self, words: &str) -> Run {
        assert_ne!(self.code, Some(0), "{self}");
        assert!(self.stderr.contains(words) || self.stdout.contains(words), "no {words:?} in {self}");
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {:?}\n{}{}", self.command, self.code, self.stdout, self.stderr)
    }
}

/// Runs a program to its end, with `input` on its standard input.
#[track_caller]
pub fn run(command: &mut Command, input: &[u8]) -> Run {
    let line = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{line} does not start: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = thread::spawn(move || {
        // A program that ends without reading all of it says so by its exit status.
        let _ = stdin.write_all(&input);
    });
    let stdout = collect(child.stdout.take().expect("piped"));
    let stderr = collect(child.stderr.take().expect("piped"));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break Some(status);
        }
        if started.elapsed() > LONGEST {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let stdout = stdout.join().expect("reads to the end");
    let stderr = stderr.join().expect("reads to the end");
    if status.is_some() {
        writer.join().expect("writes to the end");
    }
    Run { command: line, code: status.and_then(|status| status.code()), stdout, stderr }
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
