//! Reaching a cluster within a bound: name, TCP and TLS together. Without one a cluster that takes a connection and
//! says nothing would hold every watch and exec for ever, since their answers have no bound of their own.

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

/// Opens connections, each within the same time.
#[derive(Debug, Clone)]
pub struct InTime {
    connector: HttpsConnector<HttpConnector>,
    within: Duration,
}

impl InTime {
    /// Bounds what `connector` does.
    pub fn new(connector: HttpsConnector<HttpConnector>, within: Duration) -> InTime {
        InTime { connector, within }
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
        let connecting = timeout(self.within, self.connector.call(address));
        Box::pin(async move { connecting.await.map_err(BoxError::from)? })
    }
}
