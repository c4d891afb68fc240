//! The gateway's own credential for a cluster: read from where it lives, renewed before it ends.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header, uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::ConfigExt;
use kube::client::middleware::AuthLayer;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use thiserror::Error;
use tower::{Layer, ServiceExt};

use super::connect::InTime;
use super::errand::Capture;
use crate::manifest::ClusterAccess;

/// Idle connections to one cluster that are kept for reuse.
const IDLE_CONNECTIONS: usize = 256;
/// An idle connection is closed after this long; API servers keep theirs for longer.
const IDLE: Duration = Duration::from_secs(60);

/// Why a cluster's manifest can't be used.
#[derive(Debug, Error)]
pub enum Unusable {
    /// The kubeconfig can't be read.
    #[error("the kubeconfig {path} can't be used")]
    Kubeconfig {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        cause: KubeconfigError,
    },
    /// It asks for something that would weaken the boundary.
    #[error("the kubeconfig {path} sets {what}, which the gateway does not accept")]
    Refused {
        /// Which file.
        path: String,
        /// The field.
        what: &'static str,
    },
    /// There is no service account here.
    #[error("inCluster needs the service account that Kubernetes mounts into a pod")]
    InCluster(#[source] kube::config::InClusterError),
    /// A file is missing or unreadable.
    #[error("{path} can't be read")]
    File {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// An address, certificate or credential plugin.
    #[error("{0} can't be used")]
    Part(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Connections to one cluster with one credential.
pub struct Wired {
    base: Uri,
    client: Client<InTime, Full<Bytes>>,
    auth: Option<AuthLayer>,
}

impl std::fmt::Debug for Wired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wired").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Wired {
    /// Reads the credential and prepares connections with it.
    pub async fn new(access: &ClusterAccess, connect: Duration) -> Result<Wired, Unusable> {
        let config = read(access).await?;
        if config.cluster_url.scheme() != Some(&uri::Scheme::HTTPS) {
            let cause = "only https:// keeps the credential from others".into();
            return Err(Unusable::Part("the cluster's address", cause));
        }
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(connect));
        let prepare = config.clone();
        // A credential plugin runs here, and blocks.
        let prepared = tokio::task::spawn_blocking(move || {
            let connector = prepare.rustls_https_connector_with_connector(tcp)?;
            Ok::<_, kube::Error>((connector, prepare.auth_layer()?))
        });
        let (connector, auth) = prepared
            .await
            .map_err(|error| Unusable::Part("the credential", error.into()))?
            .map_err(|error| Unusable::Part("the cluster's certificate or credential", error.into()))?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(InTime::new(connector, connect));
        Ok(Wired { base: config.cluster_url, client, auth })
    }

    /// The pooled client.
    pub fn client(&self) -> &Client<InTime, Full<Bytes>> {
        &self.client
    }

    /// Turns a path and query into this cluster's URL.
    pub fn address(&self, request: &mut Request<Full<Bytes>>) -> Result<(), http::Error> {
        let wanted = request.uri().path_and_query().map_or("/", uri::PathAndQuery::as_str);
        let prefix = self.base.path().trim_end_matches('/');
        let mut address =
            Uri::builder().scheme(uri::Scheme::HTTPS).path_and_query(format!("{prefix}{wanted}"));
        if let Some(authority) = self.base.authority() {
            address = address.authority(authority.clone());
        }
        *request.uri_mut() = address.build()?;
        Ok(())
    }

    /// The `Authorization` header, renewed where it is about to end. None where the credential is a client
    /// certificate.
    pub async fn authorization(&self) -> Result<Option<HeaderValue>, Unusable> {
        let Some(auth) = &self.auth else { return Ok(None) };
        let request = Request::new(Full::<Bytes>::default());
        let captured = auth
            .layer(Capture)
            .oneshot(request)
            .await
            .map_err(|error| Unusable::Part("the credential", error))?;
        Ok(captured.headers().get(header::AUTHORIZATION).cloned())
    }
}

async fn read(access: &ClusterAccess) -> Result<kube::Config, Unusable> {
    match access {
        ClusterAccess::Kubeconfig { path, context } => from_kubeconfig(path, context.clone()).await,
        ClusterAccess::InCluster => kube::Config::incluster().map_err(Unusable::InCluster),
        ClusterAccess::Server { server, ca_file, token_file } => from_files(server, ca_file, token_file),
    }
}

async fn from_kubeconfig(path: &Path, context: Option<String>) -> Result<kube::Config, Unusable> {
    let name = path.display().to_string();
    let bad = |cause| Unusable::Kubeconfig { path: name.clone(), cause };
    let file = Kubeconfig::read_from(path).map_err(bad)?;
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let config = kube::Config::from_custom_kubeconfig(file, &options).await.map_err(bad)?;
    let refused = |what| Err(Unusable::Refused { path: name.clone(), what });
    if config.accept_invalid_certs {
        return refused("insecure-skip-tls-verify");
    }
    if config.proxy_url.is_some() {
        return refused("proxy-url");
    }
    if config.auth_info.impersonate.is_some() || config.auth_info.impersonate_groups.is_some() {
        return refused("as (impersonation)");
    }
    Ok(config)
}

fn from_files(server: &str, ca_file: &Path, token_file: &Path) -> Result<kube::Config, Unusable> {
    let address = server.parse().map_err(|error| Unusable::Part("the cluster's address", Box::new(error)))?;
    let pem = std::fs::read(ca_file)
        .map_err(|cause| Unusable::File { path: ca_file.display().to_string(), cause })?;
    let mut config = kube::Config::new(address);
    config.root_cert = Some(certificates(&pem)?);
    config.auth_info.token_file = Some(token_file.display().to_string());
    Ok(config)
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, Unusable> {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    CertificateDer::pem_slice_iter(pem)
        .map(|item| item.map(|der| der.to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Unusable::Part("the CA file", Box::new(error)))
}
