//! Requests byte by byte, as no well-behaved client would send them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_testkit::{Agent, Gateway};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// No answer takes longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A TLS connection to a gateway.
pub(super) type Tls = StreamOwned<ClientConnection, TcpStream>;

/// An HTTP/1.1 answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its status code.
    pub(super) status: u16,
    /// Its header lines, lower case names.
    pub(super) headers: Vec<(String, String)>,
    /// Its body, as far as it came.
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The reason that a refusal gives.
    pub(super) fn reason(&self) -> String {
        self.json()["details"]["causes"][0]["reason"].as_str().unwrap_or("").to_owned()
    }

    /// The sentence that a refusal gives.
    pub(super) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or("").to_owned()
    }
}

/// Connects; `certificate` is a client certificate and its key, PEM.
pub(super) fn connect(gateway: &Gateway, certificate: Option<&(String, String)>, protocols: &[&[u8]]) -> Tls {
    let tcp = TcpStream::connect(gateway.address()).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let config = Arc::new(config(gateway, certificate, protocols));
    let name = ServerName::try_from("127.0.0.1").unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), tcp)
}

/// The TLS settings of a client of this gateway.
pub(super) fn config(
    gateway: &Gateway,
    certificate: Option<&(String, String)>,
    protocols: &[&[u8]],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for ca in CertificateDer::pem_file_iter(gateway.ca()).unwrap() {
        roots.add(ca.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config
}

/// Sends these bytes on a connection of their own, as `agent`, and reads one answer. `head` is a request line
/// and headers without the last empty line; an Authorization header is added.
pub(super) fn send(gateway: &Gateway, agent: &Agent, head: &str, body: &[u8]) -> Answer {
    let token = agent.token(&gateway.url());
    let mut request = format!("{}\r\nAuthorization: Bearer {token}\r\n\r\n", head.trim_end()).into_bytes();
    request.extend(body);
    send_bytes(gateway, &request)
}

/// Sends exactly these bytes and reads one answer.
pub(super) fn send_bytes(gateway: &Gateway, request: &[u8]) -> Answer {
    let mut tls = connect(gateway, None, &[b"http/1.1"]);
    tls.write_all(request).unwrap();
    tls.flush().unwrap();
    read(&mut tls)
}

/// A GET of a path on the shared cluster.
pub(super) fn get(gateway: &Gateway, agent: &Agent, path: &str) -> Answer {
    call(gateway, agent, "GET", path, &[], b"")
}

/// Any request on the shared cluster; `headers` are added as they are.
#[expect(clippy::too_many_arguments, reason = "a request has as many parts")]
pub(super) fn call(
    gateway: &Gateway,
    agent: &Agent,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut head = format!("{method} /clusters/local{path} HTTP/1.1\r\nHost: {}\r\n", gateway.address());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("Connection: close\r\n");
    send(gateway, agent, &head, body)
}

/// Reads one answer: its head, and the body up to its length, its last chunk or the end of the connection.
pub(super) fn read(tls: &mut impl Read) -> Answer {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            break end;
        }
        if !more(tls, &mut bytes) {
            panic!("no whole head: {:?}", String::from_utf8_lossy(&bytes));
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: bytes.split_off(head + 4) };
    if let Some(length) = answer.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
        while answer.body.len() < length && more(tls, &mut answer.body) {}
    } else if answer.header("transfer-encoding").is_some() {
        while find(&answer.body, b"\r\n0\r\n\r\n").is_none() && !answer.body.starts_with(b"0\r\n\r\n") {
            if !more(tls, &mut answer.body) {
                break;
            }
        }
        answer.body = unchunk(&answer.body);
    }
    answer
}

fn more(from: &mut impl Read, into: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 8192];
    match from.read(&mut buffer) {
        Ok(0) => false,
        Ok(count) => {
            into.extend(&buffer[..count]);
            true
        }
        // A connection that ends without close_notify ends.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => false,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
        Err(error) => panic!("{error}"),
    }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = find(bytes, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        if size == 0 || bytes.len() < line + 2 + size {
            break;
        }
        whole.extend(&bytes[line + 2..line + 2 + size]);
        bytes = &bytes[(line + 4 + size).min(bytes.len())..];
    }
    whole
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// A GET on a connection that is there, with whatever it proved.
pub(super) fn get_over(tls: &mut Tls, gateway: &Gateway, path: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", gateway.address());
    tls.write_all(head.as_bytes()).unwrap();
    tls.flush().unwrap();
    read(tls)
}
