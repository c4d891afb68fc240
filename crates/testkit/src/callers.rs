//! Programs that other people write against a cluster: unmodified clients in other languages, built or
//! installed once into the user's cache.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use drawbridge_localcluster::Search;

/// Files that a program is made from: name and content.
type Files = &'static [(&'static str, &'static str)];

const CLIENT_GO: Files = &[
    ("go.mod", include_str!("../callers/client-go/go.mod")),
    ("go.sum", include_str!("../callers/client-go/go.sum")),
    ("main.go", include_str!("../callers/client-go/main.go")),
];

const PYTHON: Files = &[
    ("requirements.txt", include_str!("../callers/python/requirements.txt")),
    ("main.py", include_str!("../callers/python/main.py")),
];

/// The program that uses client-go. It is built when it isn't there, which takes a minute or two.
pub fn client_go() -> PathBuf {
    let place = Place::of("client-go", CLIENT_GO);
    let program = place.folder.join("client-go");
    place.make(|folder| {
        let mut build = Command::new("go");
        build.current_dir(folder).args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o"]);
        build.arg(&program).arg(".").env("CGO_ENABLED", "0").env("GOWORK", "off");
        finish(build, "client-go's test program could not be built");
    });
    program
}

/// The program that uses the Python client, as a command line: the interpreter and the script. The client is
/// installed when it isn't there.
pub fn python() -> Vec<PathBuf> {
    let place = Place::of("python", PYTHON);
    let environment = place.folder.join("venv");
    let interpreter = environment.join("bin").join("python");
    place.make(|folder| {
        let mut create = Command::new("python3");
        create.args(["-m", "venv"]).arg(&environment);
        finish(create, "no virtual environment could be made (on Debian: apt-get install python3-venv)");
        let mut install = Command::new(&interpreter);
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary=:all:",
        ]);
        install.arg("--requirement").arg(folder.join("requirements.txt"));
        finish(install, "the Python client could not be installed");
    });
    vec![interpreter, place.folder.join("main.py")]
}

/// Where a program is kept. Its folder's name says what it is made from, so that a change is another folder.
struct Place {
    folder: PathBuf,
    files: Files,
}

impl Place {
    fn of(name: &str, files: Files) -> Place {
        let search = Search::from_env().unwrap_or_else(|error| panic!("{error}"));
        let mut hasher = DefaultHasher::new();
        files.hash(&mut hasher);
        let folder = format!("{name}-{:016x}", hasher.finish());
        Place { folder: search.cache.with_file_name("callers").join(folder), files }
    }

    /// Makes the program unless it was made to the end already; one process at a time.
    fn make(&self, make: impl FnOnce(&Path)) {
        fs::create_dir_all(&self.folder).expect("a folder in the user's cache");
        let lock = File::create(self.folder.with_extension("lock")).expect("a lock in the user's cache");
        lock.lock().expect("the lock can be taken");
        let complete = self.folder.join("complete");
        if complete.exists() {
            return;
        }
        eprintln!("making {}, once", self.folder.display());
        fs::remove_dir_all(&self.folder).expect("what was left unfinished goes");
        fs::create_dir_all(&self.folder).expect("a folder in the user's cache");
        for (name, content) in self.files {
            fs::write(self.folder.join(name), content).expect("a file in the user's cache");
        }
        make(&self.folder);
        fs::write(complete, "").expect("a file in the user's cache");
    }
}

/// Runs a command that may take minutes to its end.
fn finish(mut command: Command, otherwise: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{otherwise}: {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{otherwise}: {command:?} → {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
