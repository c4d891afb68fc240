//! Callers that do exactly what a test wants: HTTP/1.1 and HTTP/2 by hyper, upgraded connections as bytes,
//! readers that stop.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use drawbridge_testkit::Gateway;
use http::{Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{PATIENCE, spdy, until};
use crate::suite::wire;

/// A certificate and its key.
pub(crate) type Pem = (String, String);

/// Where raw callers run.
#[derive(Debug)]
pub(crate) struct Net(Runtime);

/// A request's body.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;
/// An HTTP/1.1 connection, good for one request.
pub(crate) type H1 = http1::SendRequest<Body>;
/// An HTTP/2 connection.
pub(crate) type H2 = http2::SendRequest<Body>;

/// Whether the caller reads what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Reads,
    Stalls,
}

/// What a caller asks for: a path on a cluster, as the agent of this token or of the connection's
/// certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) cluster: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) reader: Reader,
}

/// How a connection is upgraded, and what is said first then.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Upgrade {
    WebSocket,
    SpdyExec,
    SpdyForward(u16),
    /// A port-forward that opens one stream with these headers.
    SpdyStream(&'static [(&'static str, &'static str)]),
}

/// An open stream, read in the background.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) name: String,
    pub(crate) status: u16,
    seen: Arc<Mutex<Seen>>,
    reads: watch::Sender<bool>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Seen {
    total: u64,
    text: Vec<u8>,
    ended: Option<(Instant, String)>,
}

impl Net {
    pub(crate) fn new() -> Net {
        Net(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.0
    }

    pub(crate) fn h1(&self, gateway: &Gateway, certificate: Option<&Pem>) -> H1 {
        self.0.block_on(async {
            let io = TokioIo::new(tls(gateway, certificate, b"http/1.1").await);
            let (sender, connection) = http1::handshake(io).await.unwrap();
            self.0.spawn(connection.with_upgrades());
            sender
        })
    }

    pub(crate) fn h2(&self, gateway: &Gateway, certificate: Option<&Pem>) -> H2 {
        self.0.block_on(async {
            let io = TokioIo::new(tls(gateway, certificate, b"h2").await);
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            self.0.spawn(connection);
            sender
        })
    }

    /// A GET over HTTP/1.1.
    #[track_caller]
    pub(crate) fn get1(&self, mut connection: H1, ask: Ask<'_>) -> Open {
        let uri = format!("/clusters/{}{}", ask.cluster, ask.path);
        let request = request(ask, "GET", &uri).body(nothing()).unwrap();
        let response = self.answer(async move { connection.send_request(request).await });
        self.follow(format!("HTTP/1.1 {}", ask.path), response, ask.reader)
    }

    /// A GET over HTTP/2.
    #[track_caller]
    pub(crate) fn get2(&self, connection: &H2, ask: Ask<'_>) -> Open {
        self.get2_or_cut(connection, ask).expect("an answer")
    }

    /// A GET over HTTP/2, or nothing when the stream or its connection is ended before the answer.
    #[track_caller]
    pub(crate) fn get2_or_cut(&self, connection: &H2, ask: Ask<'_>) -> Option<Open> {
        let uri = format!("{}/clusters/{}{}", ask.gateway.url(), ask.cluster, ask.path);
        let request = request(ask, "GET", &uri).body(nothing()).unwrap();
        let mut connection = connection.clone();
        let response = self.in_time(async move { connection.send_request(request).await }).ok()?;
        Some(self.follow(format!("HTTP/2 {}", ask.path), response, ask.reader))
    }

    /// An upgrade.
    #[track_caller]
    pub(crate) fn upgrade(&self, mut connection: H1, ask: Ask<'_>, to: Upgrade) -> Open {
        let uri = format!("/clusters/{}{}", ask.cluster, ask.path);
        let method = if matches!(to, Upgrade::WebSocket) { "GET" } else { "POST" };
        let builder = request(ask, method, &uri).header(header::CONNECTION, "Upgrade");
        let (builder, first) = to.prepare(builder);
        let request = builder.body(nothing()).unwrap();
        let response = self.answer(async move { connection.send_request(request).await });
        let name = format!("{to:?} {}", ask.path);
        if response.status() != 101 {
            return self.follow(name, response, ask.reader);
        }
        let (status, seen, (reads, mut may)) =
            (101, Arc::default(), watch::channel(ask.reader == Reader::Reads));
        let into: Arc<Mutex<Seen>> = Arc::clone(&seen);
        let task = self.0.spawn(async move {
            let how = match hyper::upgrade::on(response).await {
                Ok(upgraded) => bytes(TokioIo::new(upgraded), &first, &into, &mut may).await,
                Err(error) => error.to_string(),
            };
            into.lock().unwrap().ended = Some((Instant::now(), how));
        });
        Open { name, status, seen, reads, task: task.abort_handle() }
    }

    #[track_caller]
    fn answer(&self, answer: impl Future<Output = hyper::Result<Response<Incoming>>>) -> Response<Incoming> {
        self.in_time(answer).expect("an answer")
    }

    #[track_caller]
    fn in_time<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.block_on(async { timeout(PATIENCE, work).await }).expect("an answer in time")
    }

    fn follow(&self, name: String, response: Response<Incoming>, reader: Reader) -> Open {
        let status = response.status().as_u16();
        let (seen, (reads, mut may)) = (Arc::default(), watch::channel(reader == Reader::Reads));
        let into: Arc<Mutex<Seen>> = Arc::clone(&seen);
        let task = self.0.spawn(async move {
            let how = body(response.into_body(), &into, &mut may).await;
            into.lock().unwrap().ended = Some((Instant::now(), how));
        });
        Open { name, status, seen, reads, task: task.abort_handle() }
    }
}

impl Upgrade {
    fn prepare(self, builder: http::request::Builder) -> (http::request::Builder, Vec<u8>) {
        let spdy = |builder: http::request::Builder, version: &str| {
            builder.header(header::UPGRADE, "SPDY/3.1").header("x-stream-protocol-version", version)
        };
        match self {
            Upgrade::WebSocket => {
                let builder = builder
                    .header(header::UPGRADE, "websocket")
                    .header(header::SEC_WEBSOCKET_VERSION, "13")
                    .header(header::SEC_WEBSOCKET_KEY, "AAAAAAAAAAAAAAAAAAAAAA==")
                    .header(header::SEC_WEBSOCKET_PROTOCOL, "v4.channel.k8s.io");
                (builder, Vec::new())
            }
            Upgrade::SpdyExec => {
                let streams: [&[_]; 2] = [&[("streamtype", "error")], &[("streamtype", "stdout")]];
                (spdy(builder, "v4.channel.k8s.io"), spdy::open(&streams))
            }
            Upgrade::SpdyForward(port) => {
                let port = port.to_string();
                let of = |kind| [("streamtype", kind), ("port", port.as_str()), ("requestid", "0")];
                (spdy(builder, "portforward.k8s.io"), spdy::open(&[&of("error"), &of("data")]))
            }
            Upgrade::SpdyStream(headers) => (spdy(builder, "portforward.k8s.io"), spdy::open(&[headers])),
        }
    }
}

impl Open {
    /// Waits until this came.
    #[track_caller]
    pub(crate) fn shows(&self, words: &str) {
        until(&format!("{words:?} on {}", self.name), || {
            assert!(
                self.contains(words) || self.ended().is_none(),
                "{} ended: {:?}",
                self.name,
                self.ended()
            );
            self.contains(words).then_some(())
        });
    }

    /// Whether this came.
    pub(crate) fn contains(&self, words: &str) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.text.windows(words.len()).any(|window| window == words.as_bytes())
    }

    /// All that came, zero bytes left out.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().text).into_owned()
    }

    /// How many bytes came.
    pub(crate) fn total(&self) -> u64 {
        self.seen.lock().unwrap().total
    }

    /// When and how it ended, if it has.
    pub(crate) fn ended(&self) -> Option<(Instant, String)> {
        self.seen.lock().unwrap().ended.clone()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ends(&self) -> (Instant, String) {
        until(&format!("the end of {}", self.name), || self.ended())
    }

    /// Reads on.
    pub(crate) fn read_on(&self) {
        self.reads.send_replace(true);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn nothing() -> Body {
    Empty::new().boxed_unsync()
}

async fn tls(gateway: &Gateway, certificate: Option<&Pem>, protocol: &[u8]) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(gateway.address()).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let config = Arc::new(wire::config(gateway, certificate, &[protocol]));
    TlsConnector::from(config).connect(ServerName::try_from("127.0.0.1").unwrap(), tcp).await.unwrap()
}

fn request(ask: Ask<'_>, method: &str, uri: &str) -> http::request::Builder {
    let mut builder = Request::builder().method(method).uri(uri);
    if uri.starts_with('/') {
        builder = builder.header(header::HOST, ask.gateway.address());
    }
    match ask.token {
        Some(token) => builder.header(header::AUTHORIZATION, format!("Bearer {token}")),
        None => builder,
    }
}

async fn body(mut body: Incoming, into: &Mutex<Seen>, may: &mut watch::Receiver<bool>) -> String {
    loop {
        may.wait_for(|reads| *reads).await.map(drop).unwrap();
        match body.frame().await {
            Some(Ok(frame)) => into.lock().unwrap().note(frame.data_ref().map_or(&[], |data| data)),
            Some(Err(error)) => return format!("broken: {error:?}"),
            None => return "complete".to_owned(),
        }
    }
}

async fn bytes(
    mut io: TokioIo<hyper::upgrade::Upgraded>,
    first: &[u8],
    into: &Mutex<Seen>,
    may: &mut watch::Receiver<bool>,
) -> String {
    io.write_all(first).await.unwrap();
    io.flush().await.unwrap();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        may.wait_for(|reads| *reads).await.map(drop).unwrap();
        match io.read(&mut buffer).await {
            Ok(0) => return "complete".to_owned(),
            Ok(count) => into.lock().unwrap().note(&buffer[..count]),
            Err(error) => return format!("broken: {error}"),
        }
    }
}

impl Seen {
    fn note(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        // Floods are of zero bytes.
        self.text.extend(bytes.iter().filter(|byte| **byte != 0));
    }
}
