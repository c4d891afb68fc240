//! Which collections can't be deleted object by object.

use http::StatusCode;
use thiserror::Error;

/// Why a collection can't be deleted object by object. Nothing of it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Inseparable {
    /// It is answered in JSON only, and its caller doesn't take that.
    #[error(
        "objects that rules look into are deleted one by one, and that is answered in JSON only: accept \
         application/json"
    )]
    OnlyJson,
    /// It goes over all namespaces.
    #[error(
        "objects of all namespaces can't be deleted as a collection, in Kubernetes itself neither: name one \
         namespace"
    )]
    Everywhere,
    /// It has more objects than are deleted in one request. Holds the bound.
    #[error(
        "the collection has more than {0} objects, and no more are deleted one by one in a request; nothing \
         was deleted: use a selector, or a limit"
    )]
    TooMany(usize),
}

impl Inseparable {
    /// The status code.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Inseparable::OnlyJson => StatusCode::NOT_ACCEPTABLE,
            Inseparable::Everywhere => StatusCode::METHOD_NOT_ALLOWED,
            Inseparable::TooMany(_) => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// A stable word.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Inseparable::OnlyJson => "only-json",
            Inseparable::Everywhere => "no-collection",
            Inseparable::TooMany(_) => "too-many-objects",
        }
    }
}
