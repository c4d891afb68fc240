//! Bodies: the few that a decision reads, and what is sent in their place.

mod delete;
mod envelope;
mod error;
mod eviction;
mod json;
mod kind;
mod object;
mod owners;
mod patch;
mod pin;
mod reading;
mod review;
mod status;
mod wire;

use bytes::Bytes;

pub(crate) use delete::UNSAFE_VERB;
pub use error::{BodyError, BodyFault};
pub use json::VALUES as MAX_VALUES;
pub(crate) use json::{Json, Map};
pub(crate) use kind::Kind;
pub(crate) use object::{Called, Object};
pub(crate) use owners::Owners;
pub(crate) use patch::{Touch, steps as pointer_steps};
pub use pin::Pin;
pub(crate) use reading::{Reading, Sent};
pub(crate) use review::{About, Place, Question};
pub use status::retold;

/// The largest body: etcd takes 1.5 MiB per object, the API server reads 3 MiB (`MaxRequestBodyBytes`).
pub const MAX_BODY: usize = 3 * 1024 * 1024;

/// A request's body with the type it was sent as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    content_type: Option<String>,
    bytes: Bytes,
}

impl Payload {
    /// A body as received, with its `Content-Type` header, if there was one.
    #[must_use]
    pub fn new(content_type: Option<&str>, bytes: Bytes) -> Self {
        Self { content_type: content_type.map(str::to_owned), bytes }
    }

    /// No body, or one that is streamed because no decision reads it.
    #[must_use]
    pub fn none() -> Self {
        Self { content_type: None, bytes: Bytes::new() }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The type it was sent as.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }
}
