//! TLS connections that a well-behaved library would not make.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_testkit::Gateway;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use super::super::wire::Tls;

/// No answer takes longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client of this gateway that shows a chain and signs with a key, whether they belong together or not.
pub(super) fn config(
    gateway: &Gateway,
    shown: Option<(&str, &str)>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for ca in CertificateDer::pem_file_iter(gateway.ca()).unwrap() {
        roots.add(ca.unwrap()).unwrap();
    }
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            let key = provider.key_provider.load_private_key(key).unwrap();
            let certified = SingleCertAndKey::from(CertifiedKey::new(chain, key));
            builder.with_client_cert_resolver(Arc::new(certified))
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// Connects, and names `server_name` in the handshake.
pub(super) fn connect(gateway: &Gateway, config: &Arc<ClientConfig>, server_name: &'static str) -> Tls {
    let tcp = TcpStream::connect(gateway.address()).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from(server_name).unwrap();
    StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), tcp)
}
