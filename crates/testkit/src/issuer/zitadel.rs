//! A real OpenID Connect issuer, built once from Go modules: `issuer/main.go`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aws_lc_rs::digest::{Context, SHA256};

use super::file;
use super::https::{Answer, Authority, ask};

/// What the program is made of: a change of any is another program in the cache.
const SOURCES: [(&str, &str); 3] = [
    ("go.mod", include_str!("../../issuer/go.mod")),
    ("go.sum", include_str!("../../issuer/go.sum")),
    ("main.go", include_str!("../../issuer/main.go")),
];
/// Where its only caller wants to be sent back. Nobody is there, and nobody has to be.
const BACK: &str = "https://back.invalid/callback";

/// A running issuer with one registered caller, whose id is the audience of the tokens. It ends when this is
/// dropped, and when this process ends for any reason: it reads our end of a pipe.
#[derive(Debug)]
pub struct Zitadel {
    url: String,
    audience: String,
    directory: tempfile::TempDir,
    process: Option<Child>,
}

impl Zitadel {
    /// Builds it where that wasn't done before, and starts it on a free port.
    pub fn start(audience: &str) -> Zitadel {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Authority::make(directory.path());
        let mut issuer =
            Zitadel { url: String::new(), audience: audience.to_owned(), directory, process: None };
        issuer.run("127.0.0.1:0");
        issuer
    }

    /// Exactly what its tokens have in `iss`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority that signed its certificate, PEM.
    pub fn ca(&self) -> PathBuf {
        file(self.directory.path(), "ca.pem")
    }

    /// Ends it.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.stdin.take());
            process.wait().expect("it ends with its standard input");
        }
    }

    /// Starts it again at the same address, with another signing key.
    pub fn start_again(&mut self) {
        self.stop();
        let address = self.url.strip_prefix("https://").expect("it has run").to_owned();
        self.run(&address);
    }

    /// Logs a user in, in the steps of a browser, and returns the ID token that the issuer sends back
    /// (OpenID Connect Core 1.0 §3.2).
    pub fn id_token(&self) -> String {
        let url = &self.url;
        let (id, back) = (escaped(&self.audience), escaped(BACK));
        let start = format!(
            "{url}/auth?client_id={id}&redirect_uri={back}&response_type=id_token&scope=openid&nonce=n\
             &state=s"
        );
        let login = self.redirected(&start, None);
        let (_, request) = login.split_once("authRequestID=").expect("a request to log in");
        let form = format!("username=test-user%40127.0.0.1&password=verysecure&id={request}");
        let callback = self.redirected(&format!("{url}/login/username"), Some(&form));
        let last = self.redirected(&callback, None);
        let (_, token) = last.split_once("id_token=").expect("an ID token");
        token.split('&').next().unwrap_or_default().to_owned()
    }

    fn redirected(&self, url: &str, form: Option<&str>) -> String {
        let Answer { status, location, body } = ask(url, &self.ca(), form).expect("an answer");
        location.unwrap_or_else(|| panic!("{url} answered {status}: {body}"))
    }

    fn run(&mut self, address: &str) {
        let path = |name: &str| file(self.directory.path(), name);
        let log = File::create(path("log")).expect("a log");
        let mut process = Command::new(program())
            .arg(address)
            .args([path("cert.pem"), path("key.pem")])
            .args([&self.audience, BACK])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the issuer starts");
        let mut url = String::new();
        let said = BufReader::new(process.stdout.take().expect("piped")).read_line(&mut url);
        self.process = Some(process);
        if !matches!(said, Ok(1..)) {
            panic!("the issuer ended: {}", fs::read_to_string(path("log")).unwrap_or_default());
        }
        self.url = url.trim().to_owned();
    }
}

impl Drop for Zitadel {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The built program, in the user's cache under the digest of its sources.
fn program() -> PathBuf {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    let home = cache.expect("HOME or XDG_CACHE_HOME").join("drawbridge/testkit").join(name());
    fs::create_dir_all(&home).expect("a folder in the cache");
    let built = home.join("issuer");
    // One process builds; the others wait, and find it done.
    let lock = File::create(home.join("lock")).expect("a lock");
    lock.lock().expect("a lock");
    if !built.exists() {
        build(&home, &built);
    }
    built
}

fn build(home: &Path, built: &Path) {
    for (name, content) in SOURCES {
        fs::write(home.join(name), content).expect("a source file");
    }
    let half = home.join("issuer.incomplete");
    let output = Command::new("go")
        .current_dir(home)
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o"])
        .arg(&half)
        .arg(".")
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .output()
        .expect("go runs");
    assert!(output.status.success(), "go build: {}", String::from_utf8_lossy(&output.stderr));
    fs::rename(half, built).expect("the program is moved to its place");
}

fn name() -> String {
    let mut context = Context::new(&SHA256);
    for (name, content) in SOURCES {
        context.update(format!("{name} {}\n{content}", content.len()).as_bytes());
    }
    let digest = context.finish();
    let hex: String = digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("issuer-{hex}")
}

/// Percent-encodes what a query can't carry as it is.
fn escaped(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
