//! The real API server with something in between that sees each request before it is passed on: so that an
//! object can change between the gateway's read and its write, every time.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::super::attacks::fake::{Asked, Fake, Reply, answer};
use super::super::{wire, world};

/// The user that the gateway authenticates to the cluster as.
const GATEWAY_USER: &str = "drawbridge-gateway";

/// A gateway whose way to the shared control plane leads through `before`, which is told of every request
/// that is to change something in earnest, and how many of them came before it.
pub(super) fn before_writes(before: impl Fn(&Asked, usize) + Send + Sync + 'static) -> Fake {
    let writes = AtomicUsize::new(0);
    before_requests(move |asked| {
        if is_write(asked) {
            before(asked, writes.fetch_add(1, Ordering::SeqCst));
        }
    })
}

/// The same, told of every request.
pub(super) fn before_requests(before: impl Fn(&Asked) + Send + Sync + 'static) -> Fake {
    let way = Way::new();
    Fake::start("", move |asked, _| {
        before(asked);
        Reply::Say(way.pass_on(asked))
    })
}

/// Whether it changes something in earnest.
pub(super) fn is_write(asked: &Asked) -> bool {
    let dry = asked.line.contains("dryRun=All") || asked.body.contains("\"dryRun\":[\"All\"]");
    !asked.line.starts_with("GET ") && !dry
}

/// What came that was to change something in earnest.
pub(super) fn writes(fake: &Fake) -> Vec<Asked> {
    fake.asked().into_iter().filter(is_write).collect()
}

/// The way to the real API server, with the gateway's own certificate.
struct Way {
    tls: Arc<ClientConfig>,
    address: String,
}

impl Way {
    fn new() -> Way {
        let cluster = world().cluster();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(cluster.ca_pem().as_bytes()).unwrap()).unwrap();
        let (chain, key) = cluster.client_certificate(GATEWAY_USER, &[]).unwrap();
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
            .unwrap();
        Way { tls: Arc::new(tls), address: cluster.server().trim_start_matches("https://").to_owned() }
    }

    fn pass_on(&self, asked: &Asked) -> String {
        let tcp = TcpStream::connect(&self.address).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut tls = StreamOwned::new(ClientConnection::new(self.tls.clone(), name).unwrap(), tcp);
        // The credential on the way here is the relay's; on the way on it is the certificate.
        let own = ["authorization:", "host:", "connection:"];
        let mut lines = asked.head.lines();
        let mut request = format!("{}\r\nHost: {}\r\n", lines.next().unwrap(), self.address);
        for line in lines.filter(|line| !own.iter().any(|own| line.to_ascii_lowercase().starts_with(own))) {
            request.push_str(&format!("{line}\r\n"));
        }
        request.push_str(&format!("Connection: close\r\n\r\n{}", asked.body));
        tls.write_all(request.as_bytes()).unwrap();
        tls.flush().unwrap();
        let got = wire::read(&mut tls);
        let ours = ["content-length", "transfer-encoding", "connection"];
        let headers = got.headers.iter().filter(|(name, _)| !ours.contains(&name.as_str()));
        let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        answer(&format!("{} X", got.status), &headers, &String::from_utf8_lossy(&got.body))
    }
}
