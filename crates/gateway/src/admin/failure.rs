//! Every way in which the admin API says no: a status, a stable reason, and one sentence.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use drawbridge_store::Error as StoreError;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::body::MAX_BYTES;
use super::token::CLOSE;
use crate::chain::Chain;
use crate::state::change::NotChanged;

/// Why a call was not carried out.
#[derive(Debug)]
pub enum Failure {
    /// The admin credential is missing or wrong.
    Unauthorized,
    /// The request can't be read.
    Malformed(String),
    /// Its body is too long.
    TooLarge,
    /// Its body did not come in time.
    Late,
    /// There is nothing at this path.
    Nowhere,
    /// The path takes other methods.
    Method,
    /// The change was not made.
    NotChanged(NotChanged),
    /// The database could not be read.
    Store(StoreError),
    /// A file or the record did not take it. Holds the sentence.
    Unwritten(String),
    /// A fault in the gateway.
    Fault,
}

impl Failure {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Failure::Unauthorized => StatusCode::UNAUTHORIZED,
            Failure::Malformed(_) => StatusCode::BAD_REQUEST,
            Failure::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Failure::Late => StatusCode::REQUEST_TIMEOUT,
            Failure::Nowhere => StatusCode::NOT_FOUND,
            Failure::Method => StatusCode::METHOD_NOT_ALLOWED,
            Failure::NotChanged(why) => change_status(why),
            Failure::Store(error) => store_status(error),
            Failure::Unwritten(_) => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A stable word for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Failure::Unauthorized => "unauthorized",
            Failure::Malformed(_) => "malformed",
            Failure::TooLarge => "too-large",
            Failure::Late => "late",
            Failure::Nowhere => "nowhere",
            Failure::Method => "method",
            Failure::NotChanged(why) => change_reason(why),
            Failure::Store(error) => store_reason(error),
            Failure::Unwritten(_) => "unwritten",
            Failure::Fault => "fault",
        }
    }

    /// One sentence for people.
    pub fn message(&self) -> String {
        match self {
            Failure::Unauthorized => "the admin credential is missing or not this gateway's; the file \
                admin.json in its data directory has the one it takes"
                .to_owned(),
            Failure::Malformed(why) | Failure::Unwritten(why) => why.clone(),
            Failure::TooLarge => format!("the body is longer than {MAX_BYTES} bytes; send it in parts"),
            Failure::Late => "the body did not arrive in time".to_owned(),
            Failure::Nowhere => "there is nothing at this path; the admin API is under /v1".to_owned(),
            Failure::Method => "this path takes another method".to_owned(),
            Failure::NotChanged(why) => Chain(why).to_string(),
            Failure::Store(error) => Chain(error).to_string(),
            Failure::Fault => "the gateway had a fault; its log says more".to_owned(),
        }
    }
}

fn change_status(why: &NotChanged) -> StatusCode {
    match why {
        NotChanged::Problems(_) | NotChanged::Nothing => StatusCode::UNPROCESSABLE_ENTITY,
        NotChanged::Unknown { .. } => StatusCode::NOT_FOUND,
        NotChanged::Needed(_) | NotChanged::Final { .. } | NotChanged::TooMany { .. } => StatusCode::CONFLICT,
        NotChanged::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        NotChanged::OnlyHere { .. } => StatusCode::SERVICE_UNAVAILABLE,
        NotChanged::Store(error) => store_status(error),
    }
}

fn change_reason(why: &NotChanged) -> &'static str {
    match why {
        NotChanged::Problems(_) => "problems",
        NotChanged::Nothing => "nothing",
        NotChanged::Unknown { .. } => "unknown",
        NotChanged::Needed(_) => "needed",
        NotChanged::TooMany { .. } => "too-many",
        NotChanged::Fault(_) => "fault",
        NotChanged::Final { .. } => "final",
        NotChanged::OnlyHere { .. } => "only-here",
        NotChanged::Store(error) => store_reason(error),
    }
}

fn store_status(error: &StoreError) -> StatusCode {
    match error {
        StoreError::Conflict { .. } | StoreError::Final { .. } => StatusCode::CONFLICT,
        StoreError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        StoreError::Full { .. }
        | StoreError::Gone { .. }
        | StoreError::Locked { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Newer { .. }
        | StoreError::Other { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn store_reason(error: &StoreError) -> &'static str {
    match error {
        StoreError::Conflict { .. } => "conflict",
        StoreError::Final { .. } => "final",
        StoreError::Invalid(_) => "invalid",
        StoreError::Full { .. }
        | StoreError::Gone { .. }
        | StoreError::Locked { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Newer { .. }
        | StoreError::Other { .. } => "database",
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Failure {
        Failure::Malformed(rejection.body_text())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": { "reason": self.reason(), "message": self.message() } });
        if let Some(body) = body.as_object_mut() {
            body.extend(self.more().into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        let mut response = (self.status(), Json(body)).into_response();
        if matches!(self, Failure::Unauthorized) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        response
    }
}

impl Failure {
    /// What programs read besides the sentence.
    fn more(&self) -> Vec<(&'static str, Value)> {
        let Failure::NotChanged(why) = self else { return Vec::new() };
        match why {
            NotChanged::Problems(problems) => {
                vec![("problems", json!(problems.list())), ("leftOut", json!(problems.left_out()))]
            }
            NotChanged::OnlyHere { closed, .. } => vec![("closed", json!(closed))],
            NotChanged::TooMany { gone, .. } => vec![("gone", json!(gone))],
            NotChanged::Unknown { .. }
            | NotChanged::Needed(_)
            | NotChanged::Final { .. }
            | NotChanged::Fault(_)
            | NotChanged::Nothing
            | NotChanged::Store(_) => Vec::new(),
        }
    }
}

/// Any other path.
pub(super) async fn nowhere() -> Failure {
    Failure::Nowhere
}

/// Any other method.
pub(super) async fn wrong_method() -> Failure {
    Failure::Method
}
