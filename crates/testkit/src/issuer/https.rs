//! Just enough of HTTPS for issuers in tests: both ends, one request a connection.

use std::fs;
use std::io::{Error, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::file;

/// No test waits longer for one read.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest head of a request, and far more than any has.
const HEAD: usize = 64 * 1024;

/// A certificate authority, and a certificate for 127.0.0.1 by it.
#[derive(Debug)]
pub(super) struct Authority {
    serves: Arc<ServerConfig>,
}

/// The issuer's end of a connection.
pub(super) struct Stream(StreamOwned<ServerConnection, TcpStream>);

/// An answer to [`ask`].
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Where it leads, if it is a redirect.
    pub location: Option<String>,
    /// The body.
    pub body: String,
}

impl Authority {
    /// Makes both, and leaves ca.pem, cert.pem and key.pem in `directory`.
    pub(super) fn make(directory: &Path) -> Authority {
        let params = |name: &str| {
            let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
            let mut params = CertificateParams::new(names).expect("names");
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
            params
        };
        let (ca_key, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let mut ca = params("drawbridge test issuers");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = ca.self_signed(&ca_key).expect("a certificate");
        let leaf = params("issuer").signed_by(&key, &Issuer::new(ca, ca_key)).expect("a certificate");
        for (name, pem) in
            [("ca.pem", root.pem()), ("cert.pem", leaf.pem()), ("key.pem", key.serialize_pem())]
        {
            fs::write(file(directory, name), pem).expect("a file");
        }
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let serves = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .expect("a certificate and its key");
        Authority { serves: Arc::new(serves) }
    }

    /// Takes a connection and reads one request's head.
    pub(super) fn accept(&self, tcp: TcpStream) -> Result<(Stream, String), Error> {
        tcp.set_read_timeout(Some(PATIENCE))?;
        let tls = ServerConnection::new(self.serves.clone()).map_err(Error::other)?;
        let mut stream = StreamOwned::new(tls, tcp);
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read(&mut byte)? == 0 || head.len() > HEAD {
                return Err(Error::other("no request"));
            }
            head.push(byte[0]);
        }
        Ok((Stream(stream), String::from_utf8_lossy(&head).into_owned()))
    }
}

impl Stream {
    /// Whether the other end is still there.
    pub(super) fn is_there(&self) -> bool {
        let mut byte = [0];
        let waited = self.0.sock.set_read_timeout(Some(Duration::from_millis(1)));
        !matches!((waited, self.0.sock.peek(&mut byte)), (Ok(()), Ok(0)))
    }

    /// Says that this is all.
    pub(super) fn close(&mut self) -> std::io::Result<()> {
        self.0.conn.send_close_notify();
        self.0.flush()
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Sends one request to `https://127.0.0.1:PORT/…`, trusting one authority. Follows nothing.
pub fn ask(url: &str, ca: &Path, form: Option<&str>) -> Result<Answer, Error> {
    let rest = url.strip_prefix("https://").ok_or_else(|| Error::other("not https"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(Error::other)? {
        roots.add(certificate.map_err(Error::other)?).map_err(Error::other)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_owned();
    let name = ServerName::try_from(host).map_err(Error::other)?;
    let tls = ClientConnection::new(Arc::new(config), name).map_err(Error::other)?;
    let tcp = TcpStream::connect(authority)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(tls, tcp);
    let method = if form.is_some() { "POST" } else { "GET" };
    let mut head = format!("{method} /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n");
    if let Some(form) = form {
        head.push_str(&format!(
            "content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
            form.len()
        ));
    }
    write!(stream, "{head}\r\n{}", form.unwrap_or_default())?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        // Go closes without a close_notify.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error),
    }
    Ok(read(&String::from_utf8_lossy(&answer)))
}

fn read(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let location = lines.find(|(name, _)| name.eq_ignore_ascii_case("location"));
    Answer { status, location: location.map(|(_, value)| value.to_owned()), body: body.to_owned() }
}
