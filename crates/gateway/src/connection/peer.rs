//! Who is at the other end of a connection, as far as the connection itself can tell.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::identity::certificate::Certificate;
use crate::lease::Connection;

/// The caller's end of one connection: what every request on it shares. It is no identity: that is decided
/// per request.
#[derive(Debug, Clone)]
pub struct Peer {
    connection: Arc<Connection>,
    certificate: Option<Arc<Certificate>>,
    server_name: Option<Arc<str>>,
    stream: Option<CancellationToken>,
}

impl Peer {
    /// A connection whose TLS handshake is over. `server_name` is the name that it asked for (SNI).
    pub fn new(
        connection: Arc<Connection>,
        certificate: Option<Arc<Certificate>>,
        server_name: Option<&str>,
    ) -> Peer {
        Peer { connection, certificate, server_name: server_name.map(Arc::from), stream: None }
    }

    /// The same on one of its HTTP/2 streams, which `end` ends.
    pub fn on_stream(self, end: Option<CancellationToken>) -> Peer {
        Peer { stream: end, ..self }
    }

    /// What ends the HTTP/2 stream alone; none on HTTP/1.1.
    pub fn stream(&self) -> Option<&CancellationToken> {
        self.stream.as_ref()
    }

    /// The host that the caller asked for in the handshake; none when it used an IP address.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Where the connection comes from.
    pub fn address(&self) -> SocketAddr {
        self.connection.address()
    }

    /// The connection's handle, by which it can be ended.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The client certificate whose key the handshake proved, if one was shown.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_deref()
    }
}
