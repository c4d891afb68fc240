//! Getting an issuer's keys: over HTTPS from an OpenID Connect issuer, or through the gateway's connection to
//! a cluster. A redirect is never followed, and nothing weaker is tried when something fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use thiserror::Error;
use tokio::time::{Instant, timeout, timeout_at};

use super::keyset::{BadKeySet, KeySet};
use crate::chain::Chain;
use crate::cluster::Cluster;
use crate::errand::{Errand, ToCluster, ToIssuer};
use crate::https::{self, Https};
use crate::identity::jwt::MAX_NAME;
use crate::identity::strict;
use crate::telemetry::{Called, Metrics};

/// Description and keys must be there within this time: a request may wait for it, and an issuer that takes
/// longer is as good as down.
pub(super) const WHOLE: Duration = Duration::from_secs(5);
/// This much of what an issuer says is told in a report.
const TOLD: usize = 200;

/// Where keys come from.
#[derive(Debug)]
pub(super) enum Source {
    /// An OpenID Connect issuer.
    Oidc { url: Arc<str>, ca_file: Option<PathBuf> },
    /// A cluster, for its own service accounts.
    Cluster(Arc<Cluster>),
}

/// What was got.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Exactly what tokens have in `iss`.
    pub(super) url: Arc<str>,
    pub(super) keys: KeySet,
}

/// Why keys could not be got. For administrators: it names addresses and quotes the issuer.
#[derive(Debug, Error)]
pub(super) enum NotFetched {
    #[error("it did not give its keys within {} s", WHOLE.as_secs())]
    Slow,
    #[error("{0} can't be reached: {1}")]
    Unreachable(String, String),
    #[error("{0} answered {1}{2}")]
    Status(String, StatusCode, &'static str),
    #[error("{0} answered with more than {1} bytes")]
    TooLong(String, usize),
    #[error("the description of the issuer is no JSON object, or has a name twice, or has no {0} of use")]
    Document(&'static str),
    #[error("its description says that the issuer is {0:?}, which is not exactly the url that is trusted")]
    OtherIssuer(String),
    #[error("its keys can't be used: {0}")]
    Keys(#[from] BadKeySet),
    #[error("the certificate authorities can't be used: {0}")]
    Authorities(String),
    #[error("{0}")]
    Cluster(String),
}

impl NotFetched {
    /// Whether it said no, or nothing that makes sense, rather than nothing at all.
    pub(super) fn is_an_answer(&self) -> bool {
        match self {
            NotFetched::Status(_, status, _) => status.is_client_error(),
            NotFetched::TooLong(..)
            | NotFetched::Document(_)
            | NotFetched::OtherIssuer(_)
            | NotFetched::Keys(_) => true,
            NotFetched::Slow
            | NotFetched::Unreachable(..)
            | NotFetched::Authorities(_)
            | NotFetched::Cluster(_) => false,
        }
    }
}

impl Source {
    /// Gets the issuer's keys, within [`WHOLE`].
    pub(super) async fn fetch(&self, metrics: &Metrics) -> Result<Fetched, NotFetched> {
        let calls = Calls { metrics, until: Instant::now() + WHOLE };
        let fetch = async {
            match self {
                Source::Oidc { url, ca_file } => of_oidc(url, ca_file.as_deref(), calls).await,
                Source::Cluster(cluster) => of_cluster(cluster, calls).await,
            }
        };
        timeout(WHOLE, fetch).await.unwrap_or(Err(NotFetched::Slow))
    }
}

/// The calls of one fetch.
#[derive(Clone, Copy)]
struct Calls<'a> {
    metrics: &'a Metrics,
    until: Instant,
}

impl Calls<'_> {
    /// Makes one. It is counted however it ends, also where there is no time left for it.
    async fn call(
        self,
        kind: Called,
        call: impl Future<Output = Result<Bytes, NotFetched>>,
    ) -> Result<Bytes, NotFetched> {
        let in_time = async { timeout_at(self.until, call).await.unwrap_or(Err(NotFetched::Slow)) };
        self.metrics.errand(kind, in_time).await
    }
}

async fn of_oidc(url: &Arc<str>, ca_file: Option<&Path>, calls: Calls<'_>) -> Result<Fetched, NotFetched> {
    let https = connections(ca_file).await?;
    let document = calls.call(Called::Document, ask(&https, ToIssuer::Document { url })).await?;
    let document = strict::object(&document).ok_or(NotFetched::Document("issuer"))?;
    let text = |name| document.get(name).and_then(Value::as_str);
    let issuer = text("issuer").ok_or(NotFetched::Document("issuer"))?;
    if issuer != &**url {
        return Err(NotFetched::OtherIssuer(issuer.chars().take(TOLD).collect()));
    }
    let address = text("jwks_uri").and_then(|address| address.parse::<Uri>().ok());
    let address = address.filter(is_https).ok_or(NotFetched::Document("jwks_uri with https://"))?;
    let keys = calls.call(Called::Keys, ask(&https, ToIssuer::Keys { address: &address })).await?;
    Ok(Fetched { url: url.clone(), keys: KeySet::read(&keys)? })
}

async fn of_cluster(cluster: &Cluster, calls: Calls<'_>) -> Result<Fetched, NotFetched> {
    let document = ask_cluster(cluster, ToCluster::IssuerDocument);
    let document = calls.call(Called::Document, document).await?;
    let document = strict::object(&document).ok_or(NotFetched::Document("issuer"))?;
    let issuer = document.get("issuer").and_then(Value::as_str);
    let issuer = issuer.filter(|issuer| !issuer.is_empty() && issuer.len() <= MAX_NAME);
    let url: Arc<str> = issuer.ok_or(NotFetched::Document("issuer"))?.into();
    let keys = calls.call(Called::Keys, ask_cluster(cluster, ToCluster::IssuerKeys)).await?;
    Ok(Fetched { url, keys: KeySet::read(&keys)? })
}

fn is_https(address: &Uri) -> bool {
    let authority = address.authority().map_or("", |authority| authority.as_str());
    address.scheme() == Some(&http::uri::Scheme::HTTPS) && !authority.is_empty() && !authority.contains('@')
}

async fn ask_cluster(cluster: &Cluster, errand: ToCluster<'_>) -> Result<Bytes, NotFetched> {
    let (status, body) = cluster.run(errand).await.map_err(|fault| NotFetched::Cluster(fault.message()))?;
    let what = match errand {
        ToCluster::IssuerKeys => "/openid/v1/jwks",
        ToCluster::IssuerDocument
        | ToCluster::Fact { .. }
        | ToCluster::Review { .. }
        | ToCluster::TokenReview { .. }
        | ToCluster::ApiService { .. }
        | ToCluster::Renew { .. } => "/.well-known/openid-configuration",
    };
    let hint = match status {
        StatusCode::OK => return Ok(body),
        StatusCode::FORBIDDEN => {
            ": bind the ClusterRole system:service-account-issuer-discovery to the gateway's user"
        }
        _ => "",
    };
    Err(NotFetched::Status(format!("{what} of the cluster"), status, hint))
}

/// Connections of a fetch's own: an authority's file may have changed since the last one.
async fn connections(ca_file: Option<&Path>) -> Result<Https, NotFetched> {
    let pem = match ca_file {
        None => None,
        Some(path) => {
            let said = |error| NotFetched::Authorities(format!("{} can't be read: {error}", path.display()));
            Some(tokio::fs::read(path).await.map_err(said)?)
        }
    };
    // The machine's own authorities are read from files, too.
    let made = tokio::task::spawn_blocking(move || https::https(pem.as_deref())).await;
    let made = made.map_err(|error| NotFetched::Authorities(error.to_string()))?;
    made.map_err(|error| NotFetched::Authorities(Chain(&error).to_string()))
}

async fn ask(https: &Https, errand: ToIssuer<'_>) -> Result<Bytes, NotFetched> {
    let errand = Errand::from(errand);
    let request = errand.request().or(Err(NotFetched::Document("url")))?;
    let address = request.uri().to_string();
    let unreachable =
        |error: &dyn std::error::Error| NotFetched::Unreachable(address.clone(), Chain(error).to_string());
    let response = https.request(request).await.map_err(|error| unreachable(&error))?;
    match response.status() {
        StatusCode::OK => {}
        status if status.is_redirection() => {
            return Err(NotFetched::Status(address, status, ": redirects are not followed"));
        }
        status => return Err(NotFetched::Status(address, status, "")),
    }
    let most = errand.longest_answer();
    match Limited::new(response.into_body(), most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(NotFetched::TooLong(address, most)),
        Err(error) => Err(unreachable(error.as_ref())),
    }
}
