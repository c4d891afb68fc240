//! Why a collection that is deleted object by object ended before its end.

use drawbridge_policy::Next;
use http::StatusCode;
use serde_json::{Value, json};

use super::tally::objects;
use crate::refusal::Refusal;

/// As much of the cluster's words is passed on.
const LONGEST: usize = 400;

/// It ended early: what was done by then, and why.
#[derive(Debug)]
pub struct Stopped {
    deleted: usize,
    decided: Value,
    because: Because,
}

/// What ended it.
#[derive(Debug)]
pub(super) enum Because {
    /// The gateway said no, or could not.
    Refused(Box<Refusal>),
    /// The cluster said this.
    Answered(StatusCode, String),
}

impl Stopped {
    /// Before anything was deleted.
    pub(super) fn before(because: Because) -> Stopped {
        Stopped { deleted: 0, decided: Value::Null, because }
    }

    /// After so many objects. `decided` is what the record keeps.
    pub(super) fn after(deleted: usize, decided: Value, because: Because) -> Stopped {
        Stopped { deleted, decided, because }
    }

    /// The refusal that ended it, if it was one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.because {
            Because::Refused(refusal) => Some(refusal.root()),
            Because::Answered(..) => None,
        }
    }

    /// The status code: that of what ended it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match &self.because {
            // Not that the collection isn't there: the object isn't.
            Because::Refused(refusal) if refusal.status() == StatusCode::NOT_FOUND => StatusCode::FORBIDDEN,
            Because::Refused(refusal) => refusal.status(),
            Because::Answered(status, _) if status.is_client_error() || status.is_server_error() => *status,
            Because::Answered(..) => StatusCode::BAD_GATEWAY,
        }
    }

    /// A stable word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.refusal().map_or("cluster-refused", Refusal::reason)
    }

    /// What the caller is told.
    #[must_use]
    pub fn message(&self) -> String {
        let done = match self.deleted {
            0 => "nothing was deleted".to_owned(),
            1 => "1 object was deleted".to_owned(),
            more => format!("{} were deleted", objects(more)),
        };
        match &self.because {
            Because::Refused(refusal) => format!("{done} before this: {}", refusal.message()),
            Because::Answered(status, said) => {
                let said = said.get(..said.floor_char_boundary(LONGEST)).unwrap_or_default();
                format!("{done} before the cluster answered with {}: {said}", status.as_u16())
            }
        }
    }

    /// What the caller had best do.
    #[must_use]
    pub fn next(&self) -> Next {
        match &self.because {
            Because::Refused(refusal) => refusal.next(),
            Because::Answered(StatusCode::FORBIDDEN, _) => Next::AskPerson,
            Because::Answered(StatusCode::TOO_MANY_REQUESTS, _) => Next::Wait,
            Because::Answered(status, _) if status.is_server_error() => Next::Wait,
            Because::Answered(..) => Next::ChangeRequest,
        }
    }

    /// What the record keeps: how many, and what the refusal has to say.
    #[must_use]
    pub fn decided(&self) -> Value {
        let mut decided = self.refusal().map(Refusal::decided).unwrap_or_default();
        if decided.is_null() {
            decided = json!({});
        }
        if let (Value::Object(decided), Value::Object(counts)) = (&mut decided, &self.decided) {
            decided.extend(counts.clone());
        }
        decided
    }
}
