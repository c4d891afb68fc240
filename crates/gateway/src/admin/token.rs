//! The admin credential: 32 random bytes, shown as a bearer token.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};

use super::failure::Failure;
use super::{Admin, metrics, probes};

const BYTES: usize = 32;
/// Who doesn't show the credential keeps no connection: there are few, and a stranger could take them all
/// from the people who want to suspend it.
pub(super) const CLOSE: HeaderValue = HeaderValue::from_static("close");
/// The paths that probes may ask without a credential. They tell nothing but that the gateway lives and
/// serves.
const OPEN: [&str; 2] = ["/livez", "/readyz"];

/// The credential, in base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one.
    pub fn fresh() -> Result<Token, Unspecified> {
        let mut bytes = [0; BYTES];
        aws_lc_rs::rand::fill(&mut bytes)?;
        Ok(Token(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// One that was kept. None if it isn't one of ours: a shorter one could be guessed.
    pub fn parse(text: &str) -> Option<Token> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == BYTES).then(|| Token(text.to_owned()))
    }

    /// The text to show as a bearer token.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the one `Authorization` header shows this credential. Compared in constant time.
    fn shown(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(Failure::Unauthorized) };
        let value = value.as_bytes();
        let token = match value.split_first_chunk::<7>() {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => token,
            Some(_) | None => return Err(Failure::Unauthorized),
        };
        verify_slices_are_equal(self.0.as_bytes(), token).or(Err(Failure::Unauthorized))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Lets a call in if it shows the credential.
pub(super) async fn check(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let uri = request.uri();
    let mut shown = admin.token.shown(request.headers());
    if uri.path() == metrics::PATH {
        shown = shown.or_else(|_| admin.metrics.shown(request.headers()));
    }
    let open = OPEN.contains(&uri.path()) && uri.query() != Some(probes::VERBOSE);
    if shown.is_err() && !open {
        return Err(Failure::Unauthorized);
    }
    let mut response = next.run(request).await;
    if shown.is_err() {
        response.headers_mut().insert(header::CONNECTION, CLOSE);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn only_the_whole_credential_shown_once_counts() {
        let token = Token::fresh().unwrap();
        let good = format!("Bearer {}", token.as_str());
        assert!(token.shown(&headers(&[&good])).is_ok());
        let other = format!("Bearer {}", Token::fresh().unwrap().as_str());
        let (short, long) = (good.get(..good.len() - 1).unwrap(), format!("{good}A"));
        let bare = token.as_str();
        let basic = format!("Basic {bare}");
        for bad in [
            &[][..],
            &[other.as_str()],
            &[short],
            &[long.as_str()],
            &["Bearer "],
            &[bare],
            &[basic.as_str()],
            &[&good, &good],
        ] {
            assert!(token.shown(&headers(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_kept_credential_must_be_as_long_as_a_new_one() {
        let token = Token::fresh().unwrap();
        assert_eq!(Token::parse(token.as_str()), Some(token));
        for bad in ["", "short", "AAAA", "*"] {
            assert_eq!(Token::parse(bad), None);
        }
    }

    #[test]
    fn its_debug_form_does_not_tell_it() {
        let token = Token::fresh().unwrap();
        assert!(!format!("{token:?}").contains(token.as_str()));
    }
}
