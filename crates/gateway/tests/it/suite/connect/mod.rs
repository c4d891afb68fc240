//! Bringing a cluster in, and looking for other doors. `connect` owns objects of fixed names, so that these
//! tests have a control plane of their own, and one of them at a time.

mod bad_input;
mod doctor;
mod flow;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use drawbridge_localcluster::{Binaries, LocalCluster, Options as ClusterOptions, Parts};
use drawbridge_testkit::{Gateway, Options, Run, run};
use serde_json::{Value, json};

use super::binary;

/// A cluster that nobody has connected, and a gateway that knows none.
struct Ground {
    cluster: LocalCluster,
    gateway: Gateway,
    directory: tempfile::TempDir,
}

/// The ceiling of these tests.
const CEILING: &str = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
    metadata: {name: any}\nrules: [{apiGroups: [''], resources: [configmaps], verbs: [get, list, watch]}]\n";

static GROUND: LazyLock<Mutex<Ground>> = LazyLock::new(|| Mutex::new(Ground::new()));

/// The ground, for one test at a time.
fn ground() -> MutexGuard<'static, Ground> {
    GROUND.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ground {
    fn new() -> Ground {
        let mut progress = |line: &str| eprintln!("{line}");
        let binaries = Binaries::find(&mut progress).unwrap_or_else(|error| panic!("{error}"));
        let options = ClusterOptions { directory: None, parts: Parts::ApiServer };
        let cluster =
            LocalCluster::start(&binaries, options, &mut progress).unwrap_or_else(|error| panic!("{error}"));
        let gateway = Gateway::start(binary(), Options::default());
        Ground { cluster, gateway, directory: tempfile::tempdir().unwrap() }
    }

    /// The owner's kubeconfig and its context.
    fn owner(&self) -> (String, String) {
        let path = self.cluster.admin_kubeconfig();
        let text = fs::read_to_string(path).unwrap();
        let config: Value = serde_saphyr::from_str(&text).unwrap();
        (path.display().to_string(), config["current-context"].as_str().unwrap().to_owned())
    }

    /// `drawbridge connect` as the owner.
    #[track_caller]
    fn connect(&self, arguments: &[&str]) -> Run {
        let (kubeconfig, context) = self.owner();
        // Without the controllers nobody puts together what is in `view`.
        let ceiling = self.directory.path().join("ceiling.yaml");
        fs::write(&ceiling, CEILING).unwrap();
        let line = ["connect", &context, "--kubeconfig", &kubeconfig];
        let own = ["--ceiling", ceiling.to_str().unwrap()];
        let own = if arguments.contains(&"--ceiling") { &[][..] } else { &own };
        self.gateway.cli(&[&line[..], own, arguments].concat())
    }

    /// `drawbridge doctor` with the owner's access.
    #[track_caller]
    fn doctor(&self, cluster: &str, arguments: &[&str]) -> Run {
        let (kubeconfig, context) = self.owner();
        let line = ["doctor", "--cluster", cluster, "--kubeconfig", &kubeconfig, "--context", &context];
        self.gateway.cli(&[&line[..], arguments].concat())
    }

    /// Its findings.
    #[track_caller]
    fn findings(&self, cluster: &str) -> Vec<Value> {
        let run = self.doctor(cluster, &["-o", "json"]);
        let found: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
        found["findings"].as_array().unwrap().clone()
    }

    /// kubectl as the owner.
    #[track_caller]
    fn admin(&self, arguments: &[&str], input: &str) -> Run {
        let mut command = Command::new(self.cluster.kubectl());
        command.arg("--kubeconfig").arg(self.cluster.admin_kubeconfig()).args(arguments);
        run(command.env("HOME", self.directory.path()), input.as_bytes())
    }

    /// A kubeconfig for this cluster whose user is `user`.
    fn kubeconfig(&self, name: &str, user: &Value) -> PathBuf {
        kubeconfig_at(self.directory.path(), name, self.cluster.server(), self.cluster.ca_pem(), user)
    }
}

/// A kubeconfig with one context, `there`.
fn kubeconfig_at(directory: &Path, name: &str, server: &str, ca: &str, user: &Value) -> PathBuf {
    use base64::Engine as _;
    let ca = base64::engine::general_purpose::STANDARD.encode(ca);
    let path = directory.join(name);
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "there",
        "contexts": [{ "name": "there", "context": { "cluster": "c", "user": "u" } }],
        "clusters": [{ "name": "c", "cluster": { "server": server, "certificate-authority-data": ca } }],
        "users": [{ "name": "u", "user": user }],
    });
    fs::write(&path, config.to_string()).unwrap();
    path
}

/// The findings about one thing.
fn of<'f>(findings: &'f [Value], check: &str) -> Vec<&'f Value> {
    findings.iter().filter(|finding| finding["check"] == check).collect()
}

/// A GET of the admin API, past the command line.
pub(super) fn ask(file: &Value, path: &str, token: Option<&str>) -> (u16, String) {
    send(file, "GET", path, token, "")
}

/// A request to the admin API, past the command line.
fn send(file: &Value, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::Arc;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    let mut roots = RootCertStore::empty();
    for ca in CertificateDer::pem_slice_iter(file["ca"].as_str().unwrap().as_bytes()) {
        roots.add(ca.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = file["server"].as_str().unwrap().trim_start_matches("https://").to_owned();
    let tcp = TcpStream::connect(&address).unwrap();
    tcp.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), tcp);
    let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {}\r\n", token.trim()));
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: \
            {length}\r\n{token}\r\n"
    );
    tls.write_all(head.as_bytes()).unwrap();
    tls.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // The other end may close without a word of TLS.
    match tls.read_to_end(&mut answer) {
        Ok(_) | Err(_) => {}
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer}")).parse().unwrap();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body = if answer.to_lowercase().contains("transfer-encoding: chunked") {
        let lines = body.split("\r\n").collect::<Vec<_>>();
        lines.iter().skip(1).step_by(2).copied().collect::<String>()
    } else {
        body.to_owned()
    };
    (status, body)
}
