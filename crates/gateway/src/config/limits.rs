//! Section `limits`: every bound of the gateway, with its default and its reason. docs/reference/limits.md
//! is this table.

use std::time::Duration;

/// Every bound of the gateway. One table: what is not here has no setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A TLS handshake must end within this time, and within as much again an agent must be recognised by a
    /// request's credential, or the connection closes.
    pub handshake: Duration,
    /// A kept connection is closed when its next request's head has not come within this time: on HTTP/1.1 at
    /// once, on HTTP/2 in order and after up to twice as long, if nothing is open on it.
    pub head: Duration,
    /// The body of a request must arrive within this time.
    pub body: Duration,
    /// Connections open at once; further ones wait in the kernel's backlog. One agent may use half of them.
    pub connections: usize,
    /// Streams that one HTTP/2 connection may have open at once.
    pub streams_per_connection: u32,
    /// Bytes that one request's head may have, names and values together.
    pub head_bytes: u32,
    /// Header fields that one request may have.
    pub headers: usize,
    /// Bytes of request bodies held in memory at once, over all requests; of one agent's an eighth of that.
    pub body_memory: usize,
    /// Requests open at once, streams included; one agent may have half of them. Each holds its place in the
    /// record's queue.
    pub requests: usize,
    /// An HTTP/2 connection that answers no ping for this long is closed. Any other that is silent for this
    /// long is probed by the system, and closed after some minutes without an answer.
    pub keep_alive: Duration,
    /// Reaching a cluster (TCP and TLS) must end within this time.
    pub cluster_connect: Duration,
    /// A cluster must begin its answer within this time.
    pub cluster_answer: Duration,
    /// An intent must be durable within this time, or the request is refused.
    pub intent: Duration,
    /// Streams get this long to end when the gateway shuts down.
    pub drain: Duration,
    /// Clocks of the gateway and of agents may differ by this much.
    pub skew: Duration,
    /// The longest validity that a self-signed client certificate may have.
    pub certificate_lifetime: Duration,
    /// The longest validity that a token signed with an agent's own key may have.
    pub token_lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(90),
            body: Duration::from_secs(30),
            connections: 20_000,
            streams_per_connection: 250,
            head_bytes: 64 * 1024,
            headers: 100,
            body_memory: 256 * 1024 * 1024,
            requests: 32_768,
            keep_alive: Duration::from_secs(30),
            cluster_connect: Duration::from_secs(5),
            cluster_answer: Duration::from_secs(75),
            intent: Duration::from_secs(5),
            drain: Duration::from_secs(10),
            skew: Duration::from_secs(30),
            certificate_lifetime: Duration::from_secs(3_660),
            token_lifetime: Duration::from_secs(300),
        }
    }
}
