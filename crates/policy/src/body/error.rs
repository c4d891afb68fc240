//! Why a body is refused.

use thiserror::Error;

/// What class of fault a refused body has, for the status that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// Malformed or ambiguous: 400.
    Malformed,
    /// Over the limit: 413.
    TooLarge,
    /// A type that is not read: 415.
    Type,
}

/// Why a body is refused. Refused, never repaired.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BodyError {
    /// A body where there must be none.
    #[error("this request takes no body: send it without one")]
    Unexpected,
}

impl BodyError {
    /// A stable word for metrics and the record.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unexpected => "BodyUnexpected",
        }
    }

    /// What class of fault it is.
    #[must_use]
    pub fn fault(&self) -> BodyFault {
        match self {
            Self::Unexpected => BodyFault::Malformed,
        }
    }
}
