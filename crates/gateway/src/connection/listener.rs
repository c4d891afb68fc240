//! The agents' listener: accepts, shakes hands within a bound, and serves each connection until it ends or
//! is ended.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::peer::Peer;
use super::streams::{self, Streams};
use super::wire::Wire;
use crate::broker::answer::Answer;
use crate::config::Limits;
use crate::gate::Gate;
use crate::identity::certificate::Certificate;
use crate::lease::Connection;
use crate::pipeline;
use crate::refusal::{Reader, Refusal};

/// After accepting failed (no file descriptors left, say), the next attempt waits this long.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves agents until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ArcSwap<ServerConfig>>,
    gate: Gate,
    shutdown: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(gate.limits.connections));
    loop {
        let place = tokio::select! {
            place = room.clone().acquire_owned() => place,
            () = shutdown.cancelled() => return,
        };
        let Ok(place) = place else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let (gate, tls, shutdown) = (gate.clone(), tls.load_full(), shutdown.clone());
        let connection = gate.leases.connect(address);
        gate.tasks.clone().spawn(async move {
            run((stream, place), tls, &gate, &connection, shutdown).await;
            gate.leases.forget(&connection);
        });
    }
}

async fn run(
    accepted: (TcpStream, OwnedSemaphorePermit),
    tls: Arc<ServerConfig>,
    gate: &Gate,
    connection: &Arc<Connection>,
    shutdown: CancellationToken,
) {
    watch_over(&accepted.0, gate.limits.keep_alive);
    let Some(stream) = shake_hands(accepted, tls, gate.limits.handshake, connection).await else { return };
    let peer = Peer::new(connection.clone(), certificate(&stream), stream.get_ref().1.server_name());
    let end = connection.end().clone();
    let served = async {
        if let Err(error) = http(stream, gate, peer, shutdown).await {
            tracing::debug!(%error, "connection ended");
        }
    };
    tokio::select! {
        () = served => {}
        () = end.cancelled() => {}
    }
}

/// Has the system look whether a silent caller is still there. HTTP/2 pings, but an HTTP/1.1 watch or an exec
/// whose caller vanished would be held for as long as the cluster has nothing to say.
fn watch_over(stream: &TcpStream, interval: Duration) {
    let keep_alive = TcpKeepalive::new().with_time(interval).with_interval(interval);
    if let Err(error) = SockRef::from(stream).set_tcp_keepalive(&keep_alive) {
        tracing::debug!(%error, "no TCP keep-alive");
    }
}

async fn shake_hands(
    (stream, place): (TcpStream, OwnedSemaphorePermit),
    tls: Arc<ServerConfig>,
    at_most: Duration,
    connection: &Connection,
) -> Option<TlsStream<Wire>> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let wire = Wire::new(stream, connection.sever().clone(), place);
    let handshake = timeout(at_most, TlsAcceptor::from(tls).accept(wire)).await.ok()?;
    handshake
        .inspect_err(|error| tracing::debug!(%error, source = %connection.address(), "TLS handshake failed"))
        .ok()
}

fn certificate(stream: &TlsStream<Wire>) -> Option<Arc<Certificate>> {
    let chain = stream.get_ref().1.peer_certificates()?;
    chain.first().and_then(|leaf| Certificate::read(leaf).ok()).map(Arc::new)
}

/// Speaks what ALPN chose; without ALPN, HTTP/1.1. A connection on which nobody was recognised when the
/// handshake's time is over is closed: a stranger could otherwise keep it, and with enough of them keep
/// everybody out.
async fn http(
    stream: TlsStream<Wire>,
    gate: &Gate,
    peer: Peer,
    shutdown: CancellationToken,
) -> hyper::Result<()> {
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let connection = peer.connection().clone();
    let service = {
        let gate = gate.clone();
        service_fn(move |request| {
            let (gate, peer) = (gate.clone(), peer.clone());
            async move { Ok::<_, Infallible>(one(gate, peer, request).await) }
        })
    };
    let silence = async {
        sleep(gate.limits.handshake).await;
        if connection.is_recognised() {
            std::future::pending::<()>().await;
        }
    };
    let idle = idle(&connection, gate.limits.head);
    let io = TokioIo::new(stream);
    let ends = Ends { silence: std::pin::pin!(silence), idle: std::pin::pin!(idle), shutdown };
    if h2 {
        let mut served = std::pin::pin!(http2(gate).serve_connection(io, service));
        match ends.before(served.as_mut()).await {
            Ended::Served(result) => return result,
            Ended::Silent => return Ok(()),
            Ended::Shutdown | Ended::Idle => served.as_mut().graceful_shutdown(),
        }
        served.await
    } else {
        let mut served = std::pin::pin!(http1(&gate.limits).serve_connection(io, service).with_upgrades());
        match ends.before(served.as_mut()).await {
            Ended::Served(result) => return result,
            Ended::Silent => return Ok(()),
            Ended::Shutdown | Ended::Idle => served.as_mut().graceful_shutdown(),
        }
        served.await
    }
}

/// What can end a connection besides itself.
struct Ends<S, I> {
    silence: S,
    idle: I,
    shutdown: CancellationToken,
}

enum Ended {
    Served(hyper::Result<()>),
    Silent,
    Idle,
    Shutdown,
}

/// Resolves when no request began for a while and none is open. HTTP/1.1 has such a bound in hyper, which
/// comes first; HTTP/2 has none, and its pings would keep an idle connection for ever.
async fn idle(connection: &Connection, bound: Duration) {
    let mut before = None;
    loop {
        let now = connection.requests();
        if now.1 == 0 && before == Some(now.0) {
            return;
        }
        before = Some(now.0);
        sleep(bound).await;
    }
}

impl<S: Future<Output = ()>, I: Future<Output = ()>> Ends<S, I> {
    async fn before(self, served: impl Future<Output = hyper::Result<()>>) -> Ended {
        tokio::select! {
            result = served => Ended::Served(result),
            () = self.silence => Ended::Silent,
            () = self.idle => Ended::Idle,
            () = self.shutdown.cancelled() => Ended::Shutdown,
        }
    }
}

fn http2(gate: &Gate) -> hyper::server::conn::http2::Builder<Streams> {
    let limits = &gate.limits;
    let mut builder = hyper::server::conn::http2::Builder::new(Streams::new(gate.tasks.clone()));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection)
        .max_header_list_size(limits.head_bytes)
        .keep_alive_interval(limits.keep_alive)
        .keep_alive_timeout(limits.keep_alive);
    builder
}

fn http1(limits: &Limits) -> hyper::server::conn::http1::Builder {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(limits.headers)
        .max_buf_size(usize::try_from(limits.head_bytes).unwrap_or(usize::MAX));
    builder
}

/// One request. A panic ends it alone; its entry says so.
async fn one(gate: Gate, peer: Peer, request: Request<Incoming>) -> Response<Answer> {
    let peer = peer.on_stream(streams::current());
    // On the heap, so that a stream that stays open doesn't keep the room that deciding on it took.
    let answer = Box::pin(pipeline::answer(&gate, &peer, request));
    let answer = std::panic::AssertUnwindSafe(answer).catch_unwind();
    answer.await.unwrap_or_else(|_panic| Refusal::Fault.respond(&Reader::default()))
}
