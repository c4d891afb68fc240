//! Step 1: bytes become requests. TLS, HTTP/1.1 and HTTP/2, and every limit on them.

pub mod listener;
pub mod peer;
pub mod route;
pub mod streams;
pub mod tls;
pub mod wire;
