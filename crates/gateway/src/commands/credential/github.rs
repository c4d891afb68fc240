//! The ID token that GitHub Actions gives a job that may have one (GitHub's "OpenID Connect reference").

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;
use tokio::time::timeout;

use super::issued::Issued;
use crate::chain::Chain;
use crate::commands::client::encoded;
use crate::https::https;

/// Where to ask, and with what: GitHub sets both for a job with the permission.
const WHERE: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const WITH: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/// The answer must be there within this time: kubectl waits for it.
const WHOLE: Duration = Duration::from_secs(20);
/// The longest answer; a token has some kilobytes.
const LONGEST: usize = 64 * 1024;

/// Asks for a token for `audience`.
pub(super) async fn ask(audience: &str, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Issued> {
    let (Some(address), Some(token)) = (variable(WHERE), variable(WITH)) else {
        bail!(
            "{WHERE} and {WITH} are not set; GitHub sets them for a job whose workflow says \
             'permissions: {{id-token: write}}'"
        );
    };
    let request = request(&address, audience, &token)?;
    let answer = timeout(WHOLE, send(request)).await;
    let body = answer.map_err(|_elapsed| anyhow!("GitHub gave no token within {} s", WHOLE.as_secs()))??;
    let answer: Value = serde_json::from_slice(&body).context("GitHub's answer is no JSON")?;
    let token = answer.get("value").and_then(Value::as_str).context("GitHub's answer has no token")?;
    Issued::read(token, "GitHub's answer")
}

fn request(address: &str, audience: &str, token: &str) -> anyhow::Result<Request<Full<Bytes>>> {
    let mark = if address.contains('?') { '&' } else { '?' };
    let address = format!("{address}{mark}audience={}", encoded(audience));
    let address: Uri = address.parse().with_context(|| format!("{WHERE} is no address"))?;
    if address.scheme() != Some(&http::uri::Scheme::HTTPS) {
        bail!("{WHERE} does not begin with https://, and nothing secret is sent there");
    }
    let mut token = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_invalid| anyhow!("{WITH} can't be sent in a header"))?;
    token.set_sensitive(true);
    let request = Request::builder()
        .uri(address)
        .header(header::AUTHORIZATION, token)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, "drawbridge");
    Ok(request.body(Full::default())?)
}

async fn send(request: Request<Full<Bytes>>) -> anyhow::Result<Bytes> {
    let https = https(None).context("the machine's certificate authorities can't be used")?;
    let response = https.request(request).await.map_err(|error| anyhow!("{}", Chain(&error)));
    let response = response.context("GitHub can't be asked for a token")?;
    match response.status() {
        StatusCode::OK => {}
        status => bail!("GitHub answered {status} to the request for a token"),
    }
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    Ok(body.map_err(|error| anyhow!("GitHub's answer can't be read: {error}"))?.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audience_is_added_to_the_address_and_can_t_break_out_of_it() {
        for (address, whole) in [
            ("https://a.example/x?v=2", "https://a.example/x?v=2&audience=https%3A%2F%2Fgate%26x%3Dy"),
            ("https://a.example/x", "https://a.example/x?audience=https%3A%2F%2Fgate%26x%3Dy"),
        ] {
            let request = request(address, "https://gate&x=y", "secret").unwrap();
            assert_eq!(request.uri(), whole);
            assert!(!format!("{request:?}").contains("secret"));
        }
        assert!(request("http://a.example", "x", "secret").is_err());
        assert!(request("https://a.example", "x", "sec\nret").is_err());
    }
}
