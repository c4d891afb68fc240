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
    /// No body where one is decided on.
    #[error("this request needs a body, and has none")]
    Missing,
    /// Over [`super::MAX_BODY`].
    #[error("the body has {0} bytes, at most {max} are read", max = super::MAX_BODY)]
    TooLarge(usize),
    /// A content type that isn't read here.
    #[error("a body of type {found:?} can't be read here: send {wanted}")]
    Type {
        /// What it was sent as.
        found: String,
        /// What is read.
        wanted: &'static str,
    },
    /// YAML where only JSON text is read.
    #[error(
        "the apply body is not JSON text ({0}): of application/apply-patch+yaml only JSON is read for now"
    )]
    Yaml(Box<BodyError>),
    /// No JSON.
    #[error("the body is refused at byte {at}: {what}")]
    Json {
        /// What is wrong.
        what: &'static str,
        /// Where, in bytes.
        at: usize,
    },
    /// Over [`super::MAX_VALUES`] values or fields.
    #[error(
        "the body has more than {max} values, and no more are read: split it up",
        max = super::MAX_VALUES
    )]
    TooManyValues,
    /// A key twice: readers differ in which one counts.
    #[error("the body has the key {key:?} twice in the object at byte {at}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where its object begins, in bytes.
        at: usize,
    },
    /// No protobuf that Kubernetes' envelope has.
    #[error("the protobuf body is refused: {0}")]
    Protobuf(&'static str),
    /// Readable, but not what the request needs.
    #[error("the body is refused: {0}")]
    Shape(String),
    /// Delete options that can't be read, or stand in two places.
    #[error("the delete options are refused: {0}")]
    Options(String),
}

impl BodyError {
    /// A stable word for metrics and the record.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unexpected => "body-unexpected",
            Self::Missing => "body-missing",
            Self::TooLarge(_) => "body-too-large",
            Self::Type { .. } => "body-type",
            Self::Yaml(_) => "body-yaml",
            Self::Json { .. } => "body-json",
            Self::TooManyValues => "body-too-many-values",
            Self::DuplicateKey { .. } => "body-duplicate-key",
            Self::Protobuf(_) => "body-protobuf",
            Self::Shape(_) => "body-shape",
            Self::Options(_) => "delete-options",
        }
    }

    /// What class of fault it is.
    #[must_use]
    pub const fn fault(&self) -> BodyFault {
        match self {
            Self::TooLarge(_) | Self::TooManyValues => BodyFault::TooLarge,
            Self::Type { .. } | Self::Yaml(_) => BodyFault::Type,
            Self::Unexpected | Self::Missing | Self::Json { .. } | Self::DuplicateKey { .. } => {
                BodyFault::Malformed
            }
            Self::Protobuf(_) | Self::Shape(_) | Self::Options(_) => BodyFault::Malformed,
        }
    }
}
