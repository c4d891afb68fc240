//! Request bodies of the admin API: JSON, whole, within bounds, with unknown fields refused.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::failure::Failure;

/// The longest body. A directory of manifests is far smaller.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The whole body must arrive within this time.
const TIME: Duration = Duration::from_secs(30);

/// Reads a request's body as JSON.
pub(super) async fn read<T: DeserializeOwned>(request: Request<Body>) -> Result<T, Failure> {
    let collected = timeout(TIME, Limited::new(request.into_body(), MAX_BYTES).collect());
    let whole = match collected.await {
        Ok(Ok(whole)) => whole.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Failure::TooLarge),
        Ok(Err(error)) => return Err(Failure::Malformed(format!("the body can't be read: {error}"))),
        Err(_elapsed) => return Err(Failure::Late),
    };
    serde_json::from_slice(&whole)
        .map_err(|error| Failure::Malformed(format!("the body is not what this URL takes: {error}")))
}
