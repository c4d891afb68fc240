//! The API server's own `RequestInfo`, asked: the Go program in `oracle/`, built once for each of its
//! versions into the user's cache, beside the control plane.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

const REQUEST_INFO: Sources = Sources {
    name: "requestinfo",
    files: [
        ("go.mod", include_str!("../oracle/go.mod")),
        ("go.sum", include_str!("../oracle/go.sum")),
        ("main.go", include_str!("../oracle/main.go")),
    ],
};

/// A Go program that tests ask.
#[derive(Debug, Hash)]
pub(crate) struct Sources {
    pub(crate) name: &'static str,
    pub(crate) files: [(&'static str, &'static str); 3],
}

/// What `RequestInfo` makes of a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// Its fields, as `Attributes::request_info` names them. None: the API server doesn't read the line.
    pub(crate) info: Option<Value>,
    /// The query is no ListOptions, so that `RequestInfo` guesses what a list is.
    pub(crate) undecoded: bool,
}

/// The answers to lines, in their order. No line has a line feed.
pub(crate) fn ask(lines: &[&[u8]]) -> Vec<Answer> {
    let mut oracle = Command::new(program(&REQUEST_INFO))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle starts");
    let input = oracle.stdin.take().expect("piped");
    let output = oracle.stdout.take().expect("piped");
    let answers: Vec<Answer> = thread::scope(|threads| {
        threads.spawn(move || {
            let mut input = BufWriter::new(input);
            for line in lines {
                assert!(!line.contains(&b'\n'), "two lines in one: {line:?}");
                input.write_all(line).and_then(|()| input.write_all(b"\n")).expect("the oracle reads");
            }
        });
        BufReader::new(output).lines().map(|line| read(&line.expect("the oracle writes"))).collect()
    });
    assert!(oracle.wait().expect("the oracle ends").success(), "the oracle failed");
    assert_eq!(answers.len(), lines.len(), "one answer to each line");
    answers
}

fn read(line: &str) -> Answer {
    let mut info: Value = serde_json::from_str(line).expect("JSON of the oracle's");
    let fields = info.as_object_mut().expect("an object");
    let undecoded = fields.remove("undecoded").is_some();
    let error = fields.remove("error");
    Answer { info: error.is_none().then_some(info), undecoded }
}

/// The built program.
pub(crate) fn program(sources: &Sources) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    sources.hash(&mut hasher);
    let folder = cache().join("oracles").join(format!("{}-{:016x}", sources.name, hasher.finish()));
    let program = folder.join("oracle");
    fs::create_dir_all(&folder).expect("the user's cache can be written");
    // Other tests, in other processes too, wait here until it is built. The lock goes with the file.
    let lock = File::create(folder.join("lock")).expect("the user's cache can be written");
    lock.lock().expect("a file can be locked");
    if !program.exists() {
        build(sources, &folder, &program);
    }
    program
}

fn build(sources: &Sources, folder: &Path, program: &Path) {
    for (name, text) in sources.files {
        fs::write(folder.join(name), text).expect("the user's cache can be written");
    }
    // Not eprintln!, which a test keeps to itself: this takes a while.
    let said = writeln!(io::stderr(), "building the {} oracle from its Go modules", sources.name);
    said.expect("standard error can be written");
    let unfinished = folder.join("oracle.incomplete");
    let status = Command::new("go")
        .current_dir(folder)
        .args(["build", "-p", "2", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o"])
        .arg(&unfinished)
        .arg(".")
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .status();
    let status = status.expect("go is on PATH: the README says which version to install");
    assert!(status.success(), "go build failed in {}", folder.display());
    fs::rename(&unfinished, program).expect("the user's cache can be written");
}

/// As the control plane's is found.
fn cache() -> PathBuf {
    let folder = |name| super::variable(name).map(PathBuf::from);
    let home = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    home.expect("HOME or XDG_CACHE_HOME names the user's folder").join("drawbridge")
}
