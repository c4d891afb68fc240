//! The command line's end of the admin API: HTTPS to one server, trusting one authority.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::admin_file::AdminFile;
use super::failure::Refused;
use crate::admin::CLAIMED_BY;
use crate::chain::Chain;

/// TCP and TLS must be done within this time.
const CONNECT: Duration = Duration::from_secs(5);
/// The whole answer must be there within this time: more than any call of the admin API takes.
const WHOLE: Duration = Duration::from_secs(60);
/// The longest answer.
const LONGEST: usize = 128 * 1024 * 1024;

/// A client of one server.
pub struct Client {
    server: String,
    token: HeaderValue,
    who: Option<HeaderValue>,
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Client {
    /// Prepares; nothing is sent yet.
    pub fn new(file: &AdminFile, who: &str) -> anyhow::Result<Client> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(file.ca.as_bytes()) {
            roots.add(certificate.context("the certificate authority in admin.json can't be read")?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        let https =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().wrap_connector(tcp);
        let http = legacy::Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(https);
        let mut token = HeaderValue::try_from(format!("Bearer {}", file.token))
            .context("the token in admin.json is not one that this gateway gives")?;
        token.set_sensitive(true);
        let server = file.server.trim_end_matches('/').to_owned();
        Ok(Client { server, token, who: HeaderValue::from_str(who).ok(), http })
    }

    /// Reads.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        decode(&self.call(Method::GET, path, Bytes::new()).await?)
    }

    /// Sends.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> anyhow::Result<T> {
        decode(&self.call(Method::POST, path, serde_json::to_vec(body)?.into()).await?)
    }

    /// Deletes.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        decode(&self.call(Method::DELETE, path, Bytes::new()).await?)
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.server)
            .parse()
            .with_context(|| format!("{:?} in admin.json is no address", self.server))?;
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, self.token.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(who) = &self.who {
            headers.insert(CLAIMED_BY, who.clone());
        }
        let answered = timeout(WHOLE, async {
            let response = self.http.request(request).await.map_err(|error| self.unreachable(&error))?;
            let status = response.status();
            let whole = Limited::new(response.into_body(), LONGEST).collect().await;
            let whole = whole.map_err(|error| anyhow!("the gateway broke off its answer: {error}"))?;
            Ok::<_, anyhow::Error>((status, whole.to_bytes()))
        });
        let (status, body) = answered.await.map_err(|_elapsed| {
            anyhow!("the gateway at {} gave no answer within {} s", self.server, WHOLE.as_secs())
        })??;
        if status.is_success() { Ok(body) } else { Err(refusal(status, &body)) }
    }

    fn unreachable(&self, error: &legacy::Error) -> anyhow::Error {
        let what = if error.is_connect() { "can't be reached; does it run?" } else { "gave no answer" };
        // The library's own frame says nothing more than its cause.
        let cause = std::error::Error::source(error).map(|cause| Chain(cause).to_string());
        let cause = cause.unwrap_or_else(|| error.to_string());
        anyhow!(cause).context(format!("the gateway at {} {what}", self.server))
    }
}

fn decode<T: DeserializeOwned>(body: &Bytes) -> anyhow::Result<T> {
    serde_json::from_slice(body)
        .context("the gateway's answer can't be read; is it of the same release as this command?")
}

/// What the gateway said instead of yes.
fn refusal(status: StatusCode, body: &[u8]) -> anyhow::Error {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = body.pointer("/error/message").and_then(Value::as_str);
    let message = message.map_or_else(|| format!("the gateway answered {status}"), str::to_owned);
    match status {
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::CONFLICT
        | StatusCode::UNPROCESSABLE_ENTITY => {
            let problems: Vec<String> = body
                .get("problems")
                .and_then(Value::as_array)
                .map(|problems| problems.iter().map(problem).collect())
                .unwrap_or_default();
            let left_out = body.get("leftOut").and_then(Value::as_u64).unwrap_or(0);
            let message = match (problems.len(), left_out) {
                (0, _) => message,
                (1, 0) => "1 problem; nothing was changed".to_owned(),
                (many, 0) => format!("{many} problems; nothing was changed"),
                (shown, more) => format!("{shown} problems and {more} more; nothing was changed"),
            };
            let gone = body.get("gone").and_then(Value::as_array).into_iter().flatten();
            let gone = gone.filter_map(Value::as_str).map(|name| format!("would delete {name}"));
            let problems = problems.into_iter().chain(gone).collect();
            Refused { problems, message }.into()
        }
        _ => anyhow!(message),
    }
}

fn problem(problem: &Value) -> String {
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |name: &str| problem.get(name).and_then(Value::as_u64).unwrap_or(0);
    match number("line") {
        0 => format!("{}: {}", text("file"), text("message")),
        line => format!("{}:{line}:{}: {}", text("file"), number("column"), text("message")),
    }
}

/// A query, from what is there.
pub(super) fn query(pairs: &[(&str, Option<String>)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        let Some(value) = value else { continue };
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(&encoded(value));
    }
    text
}

/// Percent-encodes all but the unreserved characters of RFC 3986 §2.3.
pub(super) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            write!(encoded, "%{byte:02X}").unwrap_or_default();
        }
    }
    encoded
}

/// Refuses what a path can't carry: a name that is empty would name the list.
pub(super) fn segment(name: &str) -> anyhow::Result<String> {
    if name.is_empty() || name == "." || name == ".." {
        bail!("{name:?} is no name");
    }
    Ok(encoded(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_what_is_there_and_nothing_can_break_out_of_it() {
        let pairs = [("a", None), ("b", Some("x&y=z ".to_owned())), ("c", Some("é".to_owned()))];
        assert_eq!(query(&pairs), "?b=x%26y%3Dz%20&c=%C3%A9");
        assert_eq!(query(&[]), "");
        assert!(segment("..").is_err());
        assert_eq!(segment("a/b").unwrap(), "a%2Fb");
    }

    #[test]
    fn a_no_of_the_gateway_s_is_told_from_a_failure() {
        let body = br#"{"error":{"reason":"problems","message":"bad"},
            "problems":[{"file":"a.yaml","line":3,"column":5,"message":"what"},
                {"file":"b","line":0,"column":0,"message":"x"}]}"#;
        let error = refusal(StatusCode::UNPROCESSABLE_ENTITY, body);
        let refused = error.downcast_ref::<Refused>().unwrap();
        assert_eq!(refused.problems, ["a.yaml:3:5: what", "b: x"]);
        assert_eq!(refused.message, "2 problems; nothing was changed");
        let error = refusal(StatusCode::SERVICE_UNAVAILABLE, b"not json");
        assert!(error.downcast_ref::<Refused>().is_none());
        assert_eq!(error.to_string(), "the gateway answered 503 Service Unavailable");
    }
}
