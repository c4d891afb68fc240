//! The agent's end of a connection: TLS and HTTP, with nothing between the clock and the wire.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
}

impl Version {
    pub const BOTH: [Version; 2] = [Version::Http1, Version::Http2];

    pub fn name(self) -> &'static str {
        match self {
            Version::Http1 => "HTTP/1.1",
            Version::Http2 => "HTTP/2",
        }
    }
}

/// Who is called, and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// Stands before every path.
    pub prefix: String,
    /// A token for the `Authorization` header.
    pub bearer: Option<String>,
    trusted: RootCertStore,
    identity: Option<(String, String)>,
}

impl Target {
    /// `url` is `https://IP:PORT`, `ca` PEM, `identity` a client certificate and its key, PEM.
    pub fn new(url: &str, ca: &str, identity: Option<(String, String)>) -> Target {
        let address = url.trim_start_matches("https://").parse().expect("an address and a port");
        let mut trusted = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            trusted.add(certificate.expect("a certificate")).expect("a CA");
        }
        Target { address, prefix: String::new(), bearer: None, trusted, identity }
    }

    pub fn below(mut self, prefix: &str) -> Target {
        prefix.clone_into(&mut self.prefix);
        self
    }

    fn tls(&self, version: Version) -> ClientConfig {
        let builder = ClientConfig::builder().with_root_certificates(self.trusted.clone());
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(|one| one.expect("PEM"));
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                builder.with_client_auth_cert(chain.collect(), key).expect("a certificate and its key")
            }
        };
        config.alpn_protocols = match version {
            Version::Http1 => vec![b"http/1.1".to_vec()],
            Version::Http2 => vec![b"h2".to_vec()],
        };
        config
    }

    pub fn dial(&self, version: Version) -> Dial {
        Dial { target: self.clone(), version, tls: TlsConnector::from(Arc::new(self.tls(version))) }
    }

    /// One connection.
    pub async fn connect(&self, version: Version) -> Connection {
        self.dial(version).connect().await
    }
}

/// Makes connections, with everything prepared that they share.
#[derive(Clone)]
pub struct Dial {
    target: Target,
    version: Version,
    tls: TlsConnector,
}

impl Dial {
    pub async fn connect(&self) -> Connection {
        let target = &self.target;
        let stream = TcpStream::connect(target.address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket option");
        let name = ServerName::IpAddress(target.address.ip().into());
        let io = TokioIo::new(self.tls.connect(name, stream).await.expect("a handshake"));
        let sender = match self.version {
            Version::Http1 => {
                let (sender, connection) = http1::handshake(io).await.expect("HTTP/1.1");
                tokio::spawn(connection);
                Sender::One(sender)
            }
            Version::Http2 => {
                let made = http2::handshake(TokioExecutor::new(), io).await;
                let (sender, connection) = made.expect("HTTP/2");
                tokio::spawn(connection);
                Sender::Two(sender)
            }
        };
        let base = format!("https://{}{}", target.address, target.prefix);
        Connection { base, bearer: target.bearer.clone(), sender }
    }
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

pub struct Connection {
    base: String,
    bearer: Option<String>,
    sender: Sender,
}

impl Connection {
    /// A second handle on an HTTP/2 connection.
    pub fn share(&self) -> Connection {
        let Sender::Two(sender) = &self.sender else { panic!("HTTP/1.1 connections can't be shared") };
        let (base, bearer) = (self.base.clone(), self.bearer.clone());
        Connection { base, bearer, sender: Sender::Two(sender.clone()) }
    }

    /// Sends; the answer's body is still to come.
    pub async fn open(&mut self, method: Method, path: &str, body: Bytes) -> Response<Incoming> {
        self.try_open(method, path, body).await.expect("an answer")
    }

    pub async fn try_open(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> hyper::Result<Response<Incoming>> {
        let (uri, host) = match &self.sender {
            Sender::One(_) => {
                let rest = self.base.trim_start_matches("https://");
                let (host, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (format!("{prefix}{path}"), Some(host))
            }
            Sender::Two(_) => (format!("{}{path}", self.base), None),
        };
        let mut request = Request::builder().method(method).uri(uri).header("accept", "application/json");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(body)).expect("a request");
        match &mut self.sender {
            Sender::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Sends, and reads the whole answer, which must be a good one.
    pub async fn call(&mut self, method: Method, path: &str, body: Bytes) -> Bytes {
        let response = self.open(method, path, body).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a whole answer").to_bytes();
        assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&bytes));
        bytes
    }

    pub async fn get(&mut self, path: &str) -> Bytes {
        self.call(Method::GET, path, Bytes::new()).await
    }
}
