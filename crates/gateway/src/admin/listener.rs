//! The admin listener: few connections, HTTP/1.1 only, every wait bounded.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections open at once; further ones wait in the kernel's backlog. People and a console are few.
const CONNECTIONS: usize = 256;
/// A TLS handshake must end within this time.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A connection on which no request's head has come for this long is closed. Short, since whoever has not yet
/// shown the credential holds one of few places.
const HEAD: Duration = Duration::from_secs(5);
/// Bytes that a request's head may have.
const HEAD_BYTES: usize = 32 * 1024;
/// After accepting failed (no file descriptors left, say), the next attempt waits this long.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves people until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ArcSwap<ServerConfig>>,
    router: Router,
    tasks: TaskTracker,
    shutdown: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = shutdown.cancelled() => return,
        };
        let Some((stream, place)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        let (router, tls, shutdown) = (router.clone(), tls.load_full(), shutdown.clone());
        tasks.spawn(async move {
            run(stream, tls, router, shutdown).await;
            drop(place);
        });
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
            Some((stream, place))
        }
        Err(error) => {
            tracing::warn!(%error, "an admin connection could not be accepted");
            None
        }
    }
}

async fn run(stream: TcpStream, tls: Arc<ServerConfig>, router: Router, shutdown: CancellationToken) {
    let Ok(Ok(stream)) = timeout(HANDSHAKE, TlsAcceptor::from(tls).accept(stream)).await else { return };
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = std::pin::pin!(served);
    let result = tokio::select! {
        result = served.as_mut() => result,
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "admin connection ended");
    }
}
