//! A cluster that answers at once and costs next to nothing, so that what is measured is the gateway: reads
//! and writes get a small object, watches one event and then silence.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

const OBJECT: &str = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"small","namespace":"bench",
"uid":"8b8ff0c8-4f0d-4b0c-8f6c-8a4a2c3a8a51","resourceVersion":"1"},"data":{"key":"value"}}"#;

/// Signs a certificate for 127.0.0.1.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a CA");
        let pem = issuer.pem();
        Authority { issuer, pem }
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A serving certificate and its key, PEM.
    pub fn serving(&self) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

/// The fake cluster. It runs on a thread of its own until the program ends.
pub struct Fake {
    address: SocketAddr,
    authority: Authority,
}

impl Fake {
    pub fn start() -> Fake {
        let authority = Authority::new();
        let (certificate, key) = authority.serving();
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM")];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
        let tls = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("TLS");
        let (told, address) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
                let listener = socket.listen(4_096).expect("a listener");
                told.send(listener.local_addr().expect("an address")).expect("somebody waits");
                serve(listener, TlsAcceptor::from(Arc::new(tls))).await;
            });
        });
        Fake { address: address.recv().expect("it starts"), authority }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub fn ca(&self) -> &str {
        self.authority.pem()
    }

    /// The Cluster manifest that leads here, with the files it needs in `directory`.
    pub fn manifest(&self, directory: &Path) -> String {
        let (ca, token) = (directory.join("fake-ca.pem"), directory.join("fake-token"));
        fs::write(&ca, self.ca()).expect("a file");
        fs::write(&token, "not-a-real-token").expect("a file");
        format!(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: local}}\n\
             spec: {{server: \"{}\", caFile: {}, tokenFile: {}}}\n",
            self.url(),
            ca.display(),
            token.display()
        )
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let tls = tls.clone();
        tokio::spawn(async move {
            stream.set_nodelay(true).expect("a socket option");
            // Callers that go away end here, as they do at an API server.
            let Ok(stream) = tls.accept(stream).await else { return };
            let stream: tokio_rustls::server::TlsStream<TcpStream> = stream;
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Said>, Infallible> {
    let watch = request.uri().query().is_some_and(|query| query.contains("watch="));
    let created = request.method() == Method::POST;
    let _ = request.into_body().collect().await;
    let said = if watch {
        Said::Event(Some(Bytes::from(format!(
            "{{\"type\":\"ADDED\",\"object\":{}}}\n",
            OBJECT.replace('\n', "")
        ))))
    } else {
        Said::Object(Some(Bytes::from_static(OBJECT.as_bytes())))
    };
    let mut response = Response::new(said);
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    if created {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

/// A body: one object and the end, or one event and no end.
enum Said {
    Object(Option<Bytes>),
    Event(Option<Bytes>),
}

impl Body for Said {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Said::Object(object) => Poll::Ready(object.take().map(|bytes| Ok(Frame::data(bytes)))),
            Said::Event(event) => match event.take() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                // Nothing will ever be said, so nobody needs to be woken; the connection's own end is seen
                // by hyper.
                None => Poll::Pending,
            },
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Said::Object(object) => {
                http_body::SizeHint::with_exact(object.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Said::Event(_) => http_body::SizeHint::default(),
        }
    }
}
