//! Other processes: this test binary, run again with one test and what it is to do.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use drawbridge_store::{Location, Store};

use crate::database::row;

const ENTRY: &str = "children::work_for_a_parent";
/// Rows in each group that an appending child adds.
pub(crate) const GROUP: i64 = 7;

/// A process of our own, killed by SIGKILL when dropped.
pub(crate) struct Other {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Other {
    /// `append` or `hold`.
    pub(crate) fn start(work: &str, location: &Location) -> Self {
        let place = match location {
            Location::Sqlite(file) => file.display().to_string(),
            Location::Postgres(url) => url.clone(),
        };
        let mut child = Command::new(std::env::current_exe().expect("our own path"))
            .args([ENTRY, "--exact", "--nocapture", &format!("child:{work}:{place}")])
            .stdout(Stdio::piped())
            .stdin(Stdio::piped())
            .spawn()
            .expect("our own binary");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, lines }
    }

    /// The next number that it acknowledged, or `None` once it is dead and all it said is read.
    pub(crate) fn acknowledged(&mut self) -> Option<i64> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).expect("its output") == 0 {
                return None;
            }
            // A kill may cut the last line: what isn't whole wasn't acknowledged.
            if let Some((_, number)) =
                line.strip_suffix('\n').and_then(|line| line.split_once("acknowledged "))
            {
                return Some(number.parse().expect("a number"));
            }
        }
    }

    /// SIGKILL: nothing of it runs any more.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("to kill our child");
        self.child.wait().expect("its end");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Does nothing unless a parent in this file has started it. Ends with its standard input, so that it doesn't
/// outlive its parent.
#[test]
fn work_for_a_parent() {
    let Some(order) =
        std::env::args().find_map(|argument| argument.strip_prefix("child:").map(str::to_owned))
    else {
        return;
    };
    let (work, place) = order.split_once(':').expect("what and where");
    let location = if place.starts_with('/') {
        Location::Sqlite(PathBuf::from(place))
    } else {
        Location::Postgres(place.to_owned())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(&location).await.expect("the store to open");
        if work == "append" {
            for _ in 0..100_000 {
                let rows: Vec<_> = (0..GROUP).map(|_| row("child")).collect();
                acknowledge(store.append(&rows).await.expect("to append"));
            }
        }
        acknowledge(0);
        std::io::stdin().read_line(&mut String::new()).expect("to wait");
    });
}

/// Past the test harness, and at once.
fn acknowledge(number: i64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "acknowledged {number}").expect("a parent that listens");
    out.flush().expect("a parent that listens");
}
