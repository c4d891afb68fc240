//! A caller that nobody knows.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::{Served, config, start};
use crate::clock::Clock;

#[tokio::test]
async fn a_stranger_keeps_no_connection_however_much_it_asks() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.limits.handshake = Duration::from_millis(500);
    let running = start(config, Clock::system()).await.unwrap();
    let served = Served { dir, running };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(served.running.ca().unwrap().as_bytes()).unwrap()).unwrap();
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let tcp = TcpStream::connect(served.running.agents()).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut stream = TlsConnector::from(Arc::new(tls)).connect(name, tcp).await.unwrap();
    let ended = async {
        let mut answer = [0; 4_096];
        loop {
            let asked = stream.write_all(b"GET /clusters/prod/api HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await;
            match stream.read(&mut answer).await {
                Ok(0) | Err(_) => return asked.is_ok(),
                Ok(_) => {
                    assert!(answer.starts_with(b"HTTP/1.1 401 "), "{}", String::from_utf8_lossy(&answer))
                }
            }
        }
    };
    let began = Instant::now();
    timeout(Duration::from_secs(5), ended).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(400), "it was answered until then");
}
