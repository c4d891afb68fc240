//! A private PostgreSQL for this test process: on a unix socket in a temporary directory, started once, ended
//! and deleted when this process ends, however it ends.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use sqlx::Connection;

/// Debian's `nobody` and `nogroup`.
const UNPRIVILEGED: u32 = 65534;

/// Ends the server when its standard input ends. That is a pipe from the test process, which the system
/// closes when the process dies, even by SIGKILL. The traps let it outlive a Ctrl-C, which goes to the whole
/// group, to clean up.
const WATCH: &str = r#"
trap : INT TERM HUP
initdb=$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)
if [ -z "$initdb" ]; then
    echo "no initdb in PATH or /usr/lib/postgresql: install postgresql" >&2
    exit 1
fi
bin=$(dirname "$(readlink -f "$initdb")")
cd "$1" || exit 1
"$bin/initdb" -D data -U drawbridge -A trust -E UTF8 --locale=C --no-sync >initdb.log 2>&1 || {
    cat initdb.log >&2
    exit 1
}
"$bin/postgres" -D data -k "$1" -c listen_addresses= >server.log 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
cd / && rm -rf "$1"
"#;

/// The running server.
pub(crate) struct Server {
    directory: PathBuf,
    /// Holds the pipe. Never dropped, since it lives in a static: the end of the process closes it.
    watch: Child,
}

impl Server {
    /// The one server of this process.
    pub(crate) fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// The address of a database, which need not exist.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=drawbridge", self.directory.display())
    }

    fn start() -> Self {
        let directory =
            tempfile::Builder::new().prefix("store-pg-").tempdir().expect("a temporary directory").keep();
        let root = directory.metadata().expect("its owner").uid() == 0;
        let mut command = if root {
            chown(&directory, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("root may chown");
            let mut command = Command::new("setpriv");
            command.args([
                &format!("--reuid={UNPRIVILEGED}"),
                &format!("--regid={UNPRIVILEGED}"),
                "--clear-groups",
                "sh",
            ]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", WATCH, "watch"]).arg(&directory).stdin(Stdio::piped());
        let watch = command.spawn().expect("sh (and setpriv, as root) to start PostgreSQL with");
        let mut server = Self { directory, watch };
        server.wait();
        server
    }

    /// Waits up to a minute: initdb takes seconds on a busy machine.
    fn wait(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let url = self.url("postgres");
        for _ in 0..600 {
            match runtime.block_on(sqlx::PgConnection::connect(&url)) {
                Ok(_) => return,
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
            if let Some(status) = self.watch.try_wait().expect("the state of our child") {
                panic!("PostgreSQL did not start ({status}); it needs initdb, and its user a way to TMPDIR");
            }
        }
        panic!("PostgreSQL did not answer within a minute; see {}", self.directory.display());
    }
}
