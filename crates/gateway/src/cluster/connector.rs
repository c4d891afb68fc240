//! Reaching a cluster within a bound: name, TCP and TLS together.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::{BoxError, Service};

/// A connector that gives up. hyper's own bound covers TCP only, and who takes a connection and says nothing
/// would hold a watch forever.
#[derive(Debug, Clone)]
pub struct InTime {
    connector: HttpsConnector<HttpConnector>,
    at_most: Duration,
}

impl InTime {
    pub(super) fn new(connector: HttpsConnector<HttpConnector>, at_most: Duration) -> InTime {
        InTime { connector, at_most }
    }
}

impl Service<Uri> for InTime {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let connected = self.connector.call(address);
        let at_most = self.at_most;
        Box::pin(async move {
            timeout(at_most, connected).await.unwrap_or_else(|_elapsed| Err("it took too long".into()))
        })
    }
}
