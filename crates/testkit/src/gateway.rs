//! A gateway as a process of its own, started and used as a person would.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Run, run};

/// A gateway serves within this time, or the test fails.
const START: Duration = Duration::from_secs(30);

/// How to start a gateway.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where it keeps its data; a fresh directory if left out.
    pub data: Option<PathBuf>,
    /// More lines for its config file.
    pub config: String,
    /// A program and its arguments that run the gateway: `prlimit --fsize=…`, say.
    pub under: Vec<String>,
    /// More environment for it.
    pub environment: Vec<(String, String)>,
}

/// A running gateway. It ends when this is dropped, and when this process ends for any reason.
#[derive(Debug)]
pub struct Gateway {
    binary: PathBuf,
    data: PathBuf,
    _own: Option<tempfile::TempDir>,
    listen: u16,
    pid: u32,
    child: Child,
}

impl Gateway {
    /// Starts one and waits until it serves.
    pub fn start(binary: &Path, options: Options) -> Gateway {
        match Gateway::try_start(binary, options) {
            Ok(gateway) => gateway,
            Err(log) => panic!("the gateway did not start:\n{log}"),
        }
    }

    /// Starts one; the error is what it said before it ended.
    pub fn try_start(binary: &Path, options: Options) -> Result<Gateway, String> {
        let own = options.data.is_none().then(|| tempfile::tempdir().expect("a temporary directory"));
        let data = options.data.unwrap_or_else(|| own.as_ref().expect("made above").path().join("data"));
        fs::create_dir_all(&data).expect("a data directory");
        let (listen, admin) = (free_port(), free_port());
        let config = data.with_extension(format!("{listen}.yaml"));
        let text = format!(
            "listen: 127.0.0.1:{listen}\nadmin: 127.0.0.1:{admin}\ndata: {}\n{}",
            data.display(),
            options.config
        );
        fs::write(&config, text).expect("a config file");
        let log_path = data.with_extension(format!("{listen}.log"));
        let log = fs::File::create(&log_path).expect("a log file");
        let pid_path = data.with_extension(format!("{listen}.pid"));
        let admin_file = data.join("admin.json");
        let before = fs::read(&admin_file).ok();
        // The shell waits for our end on its standard input; background jobs get another one, hence fd 3.
        let script = r#"exec 3<&0; pidfile=$1; shift; "$@" 3<&- & child=$!; echo $child > "$pidfile.new"
            mv "$pidfile.new" "$pidfile"; (cat <&3 >/dev/null; kill -9 $child) & wait $child"#;
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(&pid_path).args(&options.under).arg(binary);
        command.args(["serve", "--config"]).arg(&config).envs(options.environment);
        command.stdin(Stdio::piped()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        let mut child = command.spawn().expect("sh runs");
        let started = Instant::now();
        loop {
            let log = || fs::read_to_string(&log_path).unwrap_or_default();
            if child.try_wait().expect("a child can be waited for").is_some() {
                return Err(log());
            }
            let answers = std::net::TcpStream::connect(("127.0.0.1", listen)).is_ok();
            let written = fs::read(&admin_file).ok();
            if answers && written.is_some() && (before.is_none() || names(&written, admin)) {
                break;
            }
            if started.elapsed() > START {
                return Err(format!("not serving after {START:?}:\n{}", log()));
            }
            thread::sleep(Duration::from_millis(10));
        }
        let pid = fs::read_to_string(&pid_path).expect("a pid").trim().parse().expect("a number");
        Ok(Gateway { binary: binary.to_owned(), data, _own: own, listen, pid, child })
    }

    /// The address that agents use.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.listen)
    }

    /// The url that tokens must name.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.listen)
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The binary that runs.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The CA that signs the serving certificate.
    pub fn ca(&self) -> PathBuf {
        self.data.join("ca.pem")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.data.with_extension(format!("{}.log", self.listen))).unwrap_or_default()
    }

    /// The process id of the gateway itself.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Runs a subcommand against this gateway.
    #[track_caller]
    pub fn cli(&self, arguments: &[&str]) -> Run {
        self.cli_with(arguments, "")
    }

    /// Runs a subcommand with something on its standard input.
    #[track_caller]
    pub fn cli_with(&self, arguments: &[&str], input: &str) -> Run {
        let mut command = Command::new(&self.binary);
        command.args(arguments).env("DRAWBRIDGE_ADMIN", self.data.join("admin.json"));
        run(&mut command, input.as_bytes())
    }

    /// Applies manifests.
    #[track_caller]
    pub fn apply(&self, manifests: &str) -> Run {
        self.cli_with(&["apply", "-f", "-"], manifests)
    }

    /// The record's rows that a filter finds, oldest first: `["--agent", "x"]`.
    #[track_caller]
    pub fn record(&self, filter: &[&str]) -> Vec<Value> {
        let mut arguments = vec!["log", "-o", "json", "--last", "10000"];
        arguments.extend(filter);
        let run = self.cli(&arguments).ok();
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }

    /// Waits until the record has a row that passes.
    #[track_caller]
    pub fn recorded(&self, filter: &[&str], passes: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let rows = self.record(filter);
            if let Some(row) = rows.iter().find(|row| passes(row)) {
                return row.clone();
            }
            assert!(started.elapsed() < Duration::from_secs(10), "no such row among {rows:#?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks it to end, as an operator would, and waits.
    #[track_caller]
    pub fn terminate(&mut self) {
        signal(self.pid, "TERM");
        self.wait();
    }

    /// Ends it without asking.
    #[track_caller]
    pub fn kill9(&mut self) {
        signal(self.pid, "KILL");
        self.wait();
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) {
        let started = Instant::now();
        while self.child.try_wait().expect("a child can be waited for").is_none() {
            assert!(started.elapsed() < START, "the gateway did not end:\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Its end closes the pipe that the shell waits on.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        if thread::panicking() {
            let mut log = String::new();
            let path = self.data.with_extension(format!("{}.log", self.listen));
            if fs::File::open(path).and_then(|mut file| file.read_to_string(&mut log)).is_ok() {
                eprintln!("--- the gateway's log:\n{log}");
            }
        }
    }
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(sent.expect("kill runs").success(), "no process {pid}");
}

fn names(admin_file: &Option<Vec<u8>>, port: u16) -> bool {
    admin_file.as_ref().is_some_and(|bytes| String::from_utf8_lossy(bytes).contains(&port.to_string()))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
