//! Why a request is refused under a mask.

use thiserror::Error;

use super::shown::MARKER;
use crate::body::BodyError;

/// What a request would do that the mask is there to prevent. The texts hold no value of a body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MaskBreach {
    /// It holds what a mask shows.
    #[error(
        "the body holds {MARKER}, which stands for values that are masked for you: leave those fields out, \
         in a patch of the others"
    )]
    Marker,
    /// A JSON patch would compare a hidden value, or carry it elsewhere.
    #[error("operation {index} of the JSON patch would {op} what is masked for you at {path}")]
    Reads {
        /// `test`, `copy` or `move`.
        op: &'static str,
        /// Counted from 0.
        index: usize,
        /// The path of the mask.
        path: String,
    },
    /// It says what a hidden value is to be.
    #[error("the body sets {path}, which is masked for you: the answer could tell whether that is its value")]
    Sets {
        /// The path of the mask.
        path: String,
    },
    /// It selects by a hidden field or label.
    #[error("the {selector} names {name}, which is masked for you: which objects match would tell its value")]
    Selects {
        /// `fieldSelector` or `labelSelector`.
        selector: &'static str,
        /// The field or the label's key.
        name: String,
    },
    /// A whole object in protobuf, which isn't looked into.
    #[error("under a mask a protobuf body is not looked into for masked fields: send JSON")]
    Protobuf,
    /// A JSON patch that can't be read.
    #[error(transparent)]
    Unreadable(#[from] BodyError),
}

impl MaskBreach {
    /// A stable word for metrics and the record.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Marker => "mask-marker",
            Self::Reads { .. } => "mask-read",
            Self::Sets { .. } => "mask-set",
            Self::Selects { .. } => "mask-selector",
            Self::Protobuf => "mask-protobuf",
            Self::Unreadable(error) => error.reason(),
        }
    }
}
