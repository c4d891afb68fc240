//! `drawbridge quickstart` as a newcomer runs it: the binary alone, on this machine, with nothing prepared.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and waits for real processes by the machine's clock"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use drawbridge_testkit::run;

/// The control plane's programs may have to be built first.
const LONGEST: Duration = Duration::from_secs(1_500);
/// What must be gone is gone after this long.
const GONE: Duration = Duration::from_secs(10);

#[test]
fn every_step_of_the_scene_comes_out_as_said() {
    let _alone = alone();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let place = directory.path().join("here");
    let mut quickstart = Quickstart::start(&["--once"], &place);
    let output = quickstart.rest();
    assert!(quickstart.ended().success(), "{output}");
    for said in [
        // Who did what, and which rule decided.
        "kubectl -n shop delete job report-monday",
        "rule job-cleaner/delete-completed-jobs, grant cleanup-shop",
        "escape",
        "rule viewer/see-pods, grant dashboard-shop",
        "rule rollback/roll-back, grant rollback-shop",
        "rule triage/run-commands, grant log-triage-shop",
        // Why what was refused was refused.
        r#"job-cleaner/delete-completed-jobs asks that oldObject.hasCondition("Complete")"#,
        r#"agent "cleanup" may not delete pods in namespace "shop""#,
        r#"agent "cleanup" may not delete deployments.apps in namespace "shop""#,
        r#"agent "dashboard" may not patch deployments.apps/scale in namespace "shop""#,
        r#"agent "dashboard" may not get secrets in namespace "shop""#,
        "rollback/roll-back asks that revisions.exists(t, t == object.spec.template)",
        r#"agent "log-triage" is suspended"#,
        "the cluster itself would have allowed 6",
        // The cut, and what went on.
        "agent/log-triage is suspended: closed 2 streams",
        "until both kubectl processes had ended",
        "rollback's log went on without a gap",
        "dashboard's watch went on without a gap",
        // The record, and the sum.
        "cut (agent)",
        "All 26 steps came out as said",
    ] {
        assert!(in_one_line(&output).contains(said), "no {said:?} in:\n{output}");
    }
    assert!(!output.contains('✗'), "{output}");
    assert!(!output.contains("not-for-agents"), "the Secret's value shows:\n{output}");
    nothing_is_left(&place);
}

#[test]
fn a_kill_leaves_no_process_behind() {
    let _alone = alone();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let place = directory.path().join("here");
    let mut quickstart = Quickstart::start(&[], &place);
    let output = quickstart.until("Three things to try");
    assert!(processes(&place).len() > 5, "the control plane runs in {place:?}:\n{output}");
    for agent in ["cleanup", "dashboard", "rollback", "log-triage"] {
        let kubeconfig = place.join("agents").join(agent).with_extension("kubeconfig");
        assert!(output.contains(&kubeconfig.display().to_string()), "{output}");
        assert!(kubeconfig.is_file(), "{kubeconfig:?}");
    }
    signal("-KILL", &quickstart.child);
    quickstart.ended();
    nothing_is_left(&place);
}

#[test]
fn ctrl_c_in_the_middle_of_the_scene_ends_everything() {
    let _alone = alone();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let place = directory.path().join("here");
    let mut quickstart = Quickstart::start(&["--once"], &place);
    quickstart.until("dashboard:");
    signal("-INT", &quickstart.child);
    let output = quickstart.rest();
    assert_eq!(quickstart.ended().code(), Some(1), "{output}");
    nothing_is_left(&place);
}

#[test]
fn a_directory_that_was_used_before_is_refused_in_one_sentence() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("notes.txt"), "mine").expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_drawbridge"));
    command.args(["quickstart", "--once", "--directory"]).arg(directory.path());
    let run = run(&mut command, b"").fails_with("is not empty");
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(run.stderr.trim_end().lines().count(), 1, "{run}");
}

/// Two control planes at once would only slow each other down.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Quickstart {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
    began: Instant,
}

impl Quickstart {
    fn start(arguments: &[&str], place: &Path) -> Quickstart {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drawbridge"));
        command.arg("quickstart").args(arguments).arg("--directory").arg(place);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (give, lines) = std::sync::mpsc::channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| give.send(line)));
        let mut errors = child.stderr.take().expect("piped");
        let errors = thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).expect("UTF-8");
            text
        });
        Quickstart { child, lines, errors: Some(errors), began: Instant::now() }
    }

    /// What it says up to the line that has these words.
    fn until(&mut self, words: &str) -> String {
        let mut text = String::new();
        while !text.contains(words) {
            let left = LONGEST.saturating_sub(self.began.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => text = text + &line + "\n",
                Err(end) => panic!("{end} without {words:?} in:\n{text}{}", self.complaint()),
            }
        }
        // The rest of that part comes at once.
        thread::sleep(Duration::from_millis(200));
        self.lines.try_iter().fold(text, |text, line| text + &line + "\n")
    }

    /// Everything it says until it ends, complaints included.
    fn rest(&mut self) -> String {
        let mut text = String::new();
        loop {
            match self.lines.recv_timeout(LONGEST.saturating_sub(self.began.elapsed())) {
                Ok(line) => text = text + &line + "\n",
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(late) => panic!("{late}:\n{text}"),
            }
        }
        text + &self.complaint()
    }

    fn complaint(&mut self) -> String {
        drop(self.child.kill());
        self.errors.take().map_or_else(String::new, |errors| errors.join().expect("it reads to the end"))
    }

    fn ended(&mut self) -> ExitStatus {
        self.child.wait().expect("a child can be waited for")
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn signal(signal: &str, child: &Child) {
    let mut command = Command::new("kill");
    run(command.arg(signal).arg(child.id().to_string()), b"").ok();
}

/// The words, however the lines were broken.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn nothing_is_left(place: &Path) {
    let began = Instant::now();
    while !processes(place).is_empty() {
        assert!(began.elapsed() < GONE, "still there: {:#?}", processes(place));
        thread::sleep(Duration::from_millis(50));
    }
}

/// The command lines that name this directory.
fn processes(place: &Path) -> Vec<String> {
    let place = place.display().to_string();
    let all = fs::read_dir("/proc").expect("Linux").flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(&place)).collect()
}
