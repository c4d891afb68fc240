//! Why a request line is refused.

use thiserror::Error;

/// Why a request line is refused. Refused, never repaired: each case is one that two readers could read differently.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// Not one of the seven methods, or not in upper case.
    #[error("the method is not one that Kubernetes reads: use GET, HEAD, POST, PUT, PATCH or DELETE")]
    Method,
}

impl Unreadable {
    /// A stable word for metrics and the record.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Method => "Method",
        }
    }
}
