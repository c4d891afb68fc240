//! One connection after the other to a server, with a client certificate, as long as the server keeps them.

use std::io::{Cursor, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::suite::wire::{self, Answer, Tls};

/// No answer takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A certificate and its key, PEM.
pub(in crate::suite) type Pem = (String, String);

/// A server and who asks it.
#[derive(Debug)]
pub(in crate::suite) struct Api {
    address: String,
    /// What stands before each path.
    prefix: String,
    config: Arc<ClientConfig>,
    tls: Option<Tls>,
}

/// How a request's body is written, and the body.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::suite) struct Body<'a> {
    pub(in crate::suite) kind: &'a str,
    pub(in crate::suite) text: &'a str,
}

impl Api {
    /// `url` may end with a path.
    pub(in crate::suite) fn new(url: &str, ca: &str, (chain, key): &Pem) -> Api {
        let rest = url.strip_prefix("https://").unwrap();
        let (address, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let mut roots = RootCertStore::empty();
        for ca in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            roots.add(ca.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect(),
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        Api { address: address.to_owned(), prefix, config: Arc::new(config), tls: None }
    }

    /// Asks, and reads the answer whole.
    pub(in crate::suite) fn ask(&mut self, method: &str, path: &str, body: Body<'_>) -> Answer {
        self.ask_with(method, path, body, "")
    }

    /// The same with more header lines, each with its end.
    pub(in crate::suite) fn ask_with(
        &mut self,
        method: &str,
        path: &str,
        body: Body<'_>,
        headers: &str,
    ) -> Answer {
        self.send(method, path, body, headers);
        let answer = wire::read(self.tls.as_mut().unwrap());
        if answer.header("connection") == Some("close") {
            self.tls = None;
        }
        answer
    }

    /// Asks, and hangs up once it is clear what comes: an answer that may never end is read no further than
    /// its head, a refusal whole.
    pub(in crate::suite) fn open(&mut self, method: &str, path: &str, headers: &str) -> Answer {
        self.send(method, path, Body::default(), headers);
        let mut tls = self.tls.take().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            tls.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let refused = head.starts_with(b"HTTP/1.1 4") || head.starts_with(b"HTTP/1.1 5");
        if refused {
            wire::read(&mut Cursor::new(head).chain(tls))
        } else {
            wire::read(&mut Cursor::new(head))
        }
    }

    /// A request whose answer is a JSON object.
    #[track_caller]
    pub(in crate::suite) fn json(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let text = body.to_string();
        let answer = self.ask(method, path, Body { kind: "application/json", text: &text });
        assert!(answer.status < 300, "{method} {path} {body}: {} {}", answer.status, answer.message());
        answer.json()
    }

    fn send(&mut self, method: &str, path: &str, body: Body<'_>, headers: &str) {
        let mut request = format!("{method} {}{path} HTTP/1.1\r\nHost: {}\r\n", self.prefix, self.address);
        if !body.text.is_empty() {
            request.push_str(&format!(
                "Content-Type: {}\r\nContent-Length: {}\r\n",
                body.kind,
                body.text.len()
            ));
        } else if !["GET", "HEAD"].contains(&method) {
            request.push_str("Content-Length: 0\r\n");
        }
        request.push_str(headers);
        request.push_str("\r\n");
        request.push_str(body.text);
        let tls = self.tls.get_or_insert_with(|| connect(&self.address, &self.config));
        tls.write_all(request.as_bytes()).unwrap();
        tls.flush().unwrap();
    }
}

fn connect(address: &str, config: &Arc<ClientConfig>) -> Tls {
    let tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.set_nodelay(true).unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), tcp)
}
