//! A cluster that does what no API server should: the fault that can't be caused otherwise.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use drawbridge_testkit::{Agent, Gateway, Options};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::super::{binary, world};

/// The gateway's credential for the fake cluster. No caller may ever see it.
pub(in crate::suite) const CREDENTIAL: &str = "the-gateway-s-own-credential";

/// One request that came.
#[derive(Debug, Clone)]
pub(in crate::suite) struct Asked {
    /// `METHOD PATH?QUERY`.
    pub(in crate::suite) line: String,
    /// All header lines.
    pub(in crate::suite) head: String,
    /// The body.
    pub(in crate::suite) body: String,
}

/// What the fake does with a request.
#[derive(Debug, Clone)]
pub(in crate::suite) enum Reply {
    /// Sends this and goes on.
    Say(String),
    /// Sends this and closes.
    Break(String),
    /// Never answers.
    Hang,
}

/// Where a cluster says who issues the tokens of its service accounts.
const ISSUER: [&str; 2] = ["/.well-known/openid-configuration", "/openid/v1/jwks"];

type Script = dyn Fn(&Asked, usize) -> Reply + Send + Sync;

/// A fake cluster with a gateway in front of it, which knows it as `local`.
pub(in crate::suite) struct Fake {
    /// The gateway.
    pub(in crate::suite) gateway: Gateway,
    directory: tempfile::TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    port: u16,
    running: Option<JoinHandle<()>>,
}

impl Fake {
    /// Starts both. `script` answers the cluster's requests; it is told how many came before.
    pub(in crate::suite) fn start(
        config: &str,
        script: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static,
    ) -> Fake {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let tls = tls(&made.cert.pem(), &made.signing_key.serialize_pem());
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let server = Server { tls, asked: Arc::clone(&asked), stop: stop.clone(), script: Arc::new(script) };
        let running = thread(move || server.accept(&listener));
        fs::write(directory.path().join("ca.pem"), made.cert.pem()).unwrap();
        fs::write(directory.path().join("token"), CREDENTIAL).unwrap();
        let options = Options { config: config.to_owned(), ..Options::default() };
        let gateway = Gateway::start(binary(), options);
        let fake = Fake { gateway, directory, asked, stop, port, running: Some(running) };
        fake.know_cluster_at(port);
        fake
    }

    /// Tells the gateway that the cluster is at this port.
    pub(in crate::suite) fn know_cluster_at(&self, port: u16) {
        let file = |name: &str| -> PathBuf { self.directory.path().join(name) };
        self.gateway
            .apply(&format!(
                "apiVersion: drawbridge.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: local}}\nspec:\n  \
                 server: https://127.0.0.1:{port}\n  caFile: {}\n  tokenFile: {}\n",
                file("ca.pem").display(),
                file("token").display()
            ))
            .ok();
    }

    /// An agent that may do everything in the namespace `ns`.
    pub(in crate::suite) fn agent(&self, rules: &str) -> Agent {
        world().agent_on(&self.gateway, "faked", rules, &["ns"])
    }

    /// The certificate that it shows, PEM.
    pub(in crate::suite) fn certificate(&self) -> String {
        fs::read_to_string(self.directory.path().join("ca.pem")).unwrap()
    }

    /// Where the fake cluster listens.
    pub(in crate::suite) fn port(&self) -> u16 {
        self.port
    }

    /// What came.
    pub(in crate::suite) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Fails if the gateway's credential is in its log or its record.
    #[track_caller]
    pub(in crate::suite) fn keeps_its_credential(&self) {
        assert!(!self.gateway.log().contains(CREDENTIAL), "{}", self.gateway.log());
        for row in self.gateway.record(&[]) {
            assert!(!row.to_string().contains(CREDENTIAL), "{row}");
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the listener.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(running) = self.running.take() {
            drop(running.join());
        }
    }
}

#[derive(Clone)]
struct Server {
    tls: Arc<ServerConfig>,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    script: Arc<Script>,
}

impl Server {
    fn accept(&self, listener: &TcpListener) {
        let mut connections = Vec::new();
        while let Ok((tcp, _)) = listener.accept() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let server = self.clone();
            connections.push(thread(move || server.serve(tcp)));
        }
        for connection in connections {
            drop(connection.join());
        }
    }

    fn serve(&self, tcp: TcpStream) {
        // So that a silent connection sees the end of the test.
        tcp.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut tls = StreamOwned::new(ServerConnection::new(self.tls.clone()).unwrap(), tcp);
        let mut bytes = Vec::new();
        while let Some(asked) = self.read(&mut tls, &mut bytes) {
            // What the gateway asks for itself, whenever it likes: who issues this cluster's tokens.
            if ISSUER.iter().any(|path| asked.line == format!("GET {path}")) {
                let none = answer("404 Not Found", "", "");
                if tls.write_all(none.as_bytes()).and_then(|()| tls.flush()).is_err() {
                    return;
                }
                continue;
            }
            let before = {
                let mut all = self.asked.lock().unwrap();
                all.push(asked.clone());
                all.len() - 1
            };
            let (text, over) = match (self.script)(&asked, before) {
                Reply::Say(text) => (text, false),
                Reply::Break(text) => (text, true),
                Reply::Hang => continue,
            };
            let sent = tls.write_all(text.as_bytes()).and_then(|()| tls.flush());
            if sent.is_err() || over {
                return;
            }
        }
    }

    fn read(&self, tls: &mut impl Read, bytes: &mut Vec<u8>) -> Option<Asked> {
        loop {
            let text = String::from_utf8_lossy(bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
                });
                let length = length.unwrap_or(0);
                if let Some(body) = body.get(..length) {
                    let line = head.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
                    let asked = Asked { line, head: head.to_owned(), body: body.to_owned() };
                    bytes.drain(..head.len() + 4 + length);
                    return Some(asked);
                }
            }
            let mut buffer = [0; 8192];
            match tls.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => bytes.extend(&buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.stop.load(Ordering::Relaxed) {
                        return None;
                    }
                }
                Err(_) => return None,
            }
        }
    }
}

/// A whole HTTP/1.1 answer.
pub(in crate::suite) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn tls(certificate: &str, key: &str) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

fn thread(run: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(run)
}
