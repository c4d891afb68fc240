//! The gateway's own credential for a cluster: read from where it lives, renewed before it ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header, uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::ConfigExt;
use kube::client::middleware::AuthLayer;
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError};
use thiserror::Error;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tower::{Layer, ServiceExt};

use super::connector::InTime;
use super::errand::Capture;
use super::files::Files;
use super::unspoken::Unspoken;
use crate::manifest::ClusterAccess;

/// Idle connections to one cluster that are kept for reuse.
const IDLE_CONNECTIONS: usize = 256;
/// An idle connection is closed after this long; API servers keep theirs for longer.
const IDLE: Duration = Duration::from_secs(60);

/// A connection that is silent for this long is asked whether its other end is still there, and as often
/// again.
const STILL_THERE: Duration = Duration::from_secs(30);

/// Where Kubernetes mounts the files of a pod's service account.
const MOUNTED: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What is said of a credential plugin that ended well and gave nothing.
const NOTHING: &str = "it has neither a token nor a client certificate with its key";

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
        cause: Unspoken,
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
    /// It took too long to find out: a credential plugin that hangs.
    #[error("the credential was not there in time; does its plugin hang?")]
    Slow,
}

/// Connections to one cluster with one credential.
pub struct Wired {
    base: Uri,
    client: Client<InTime, Full<Bytes>>,
    auth: Option<AuthLayer>,
    /// Held while a credential plugin runs; none where there is no plugin.
    plugin: Option<Arc<Mutex<()>>>,
    files: Files,
}

impl std::fmt::Debug for Wired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wired").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Wired {
    /// Reads the credential and prepares connections with it. `alone` is held until a credential plugin has
    /// ended, however long that takes: one process at a time.
    pub async fn new(
        access: &ClusterAccess,
        connect: Duration,
        alone: OwnedMutexGuard<()>,
    ) -> Result<Wired, Unusable> {
        let Read { config, files } = read(access).await?;
        if config.cluster_url.scheme() != Some(&uri::Scheme::HTTPS) {
            let cause = "only https:// keeps the credential from others".into();
            return Err(Unusable::Part("the cluster's address", cause));
        }
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(STILL_THERE));
        tcp.set_keepalive_interval(Some(STILL_THERE));
        tcp.enforce_http(false);
        let base = config.cluster_url.clone();
        let plugin = config.auth_info.exec.is_some().then(Arc::default);
        // A credential plugin runs here, and blocks.
        let prepared = tokio::task::spawn_blocking(move || {
            let connector = config.rustls_https_connector_with_connector(tcp)?;
            let auth = config.auth_layer()?;
            // Without a credential the gateway would ask as nobody.
            let empty = config.auth_info.exec.is_some()
                && auth.is_none()
                && !config.rustls_client_config()?.client_auth_cert_resolver.has_certs();
            drop(alone);
            Ok::<_, kube::Error>((!empty).then_some((connector, auth)))
        });
        let (connector, auth) = prepared
            .await
            .map_err(|error| Unusable::Part("the credential", error.into()))?
            .map_err(|error| Unusable::Part("the credential", Unspoken::of_client(error).into()))?
            .ok_or(Unusable::Part("the credential plugin's output", NOTHING.into()))?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(InTime::new(connector, connect));
        Ok(Wired { base, client, auth, plugin, files })
    }

    /// The files that the credential was read from.
    pub fn files(&self) -> &Files {
        &self.files
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
        let capture = auth.layer(Capture).oneshot(Request::new(Full::<Bytes>::default()));
        let captured = match &self.plugin {
            None => capture.await,
            Some(alone) => {
                let alone = alone.clone().lock_owned().await;
                // A plugin that hangs stays one process, however many requests give up waiting for it.
                let runtime = tokio::runtime::Handle::current();
                let renewed = tokio::task::spawn_blocking(move || {
                    let captured = runtime.block_on(capture);
                    drop(alone);
                    captured
                });
                renewed.await.map_err(|error| Unusable::Part("the credential", error.into()))?
            }
        };
        let captured =
            captured.map_err(|error| Unusable::Part("the credential", Unspoken::of_layer(error).into()))?;
        Ok(captured.headers().get(header::AUTHORIZATION).cloned())
    }
}

/// A credential as it was read, and from where.
struct Read {
    config: kube::Config,
    files: Files,
}

async fn read(access: &ClusterAccess) -> Result<Read, Unusable> {
    match access {
        ClusterAccess::Kubeconfig { path, context } => from_kubeconfig(path, context.clone()).await,
        ClusterAccess::InCluster => in_cluster(),
        ClusterAccess::Server { server, ca_file, token_file, .. } => from_files(server, ca_file, token_file),
    }
}

/// What Kubernetes mounts into every pod. The kubelet swaps both files; kube would find out after a minute.
fn in_cluster() -> Result<Read, Unusable> {
    let mut files = Files::default();
    for name in ["token", "ca.crt"] {
        files.look_at(&Path::new(MOUNTED).join(name));
    }
    let config = kube::Config::incluster().map_err(Unusable::InCluster)?;
    Ok(Read { config, files })
}

async fn from_kubeconfig(path: &Path, context: Option<String>) -> Result<Read, Unusable> {
    let name = path.display().to_string();
    let bad =
        |cause: KubeconfigError| Unusable::Kubeconfig { path: name.clone(), cause: Unspoken::of_file(cause) };
    // Looked at before they are read: what changes in between is read again.
    let mut files = Files::default();
    files.look_at(path);
    let file = Kubeconfig::read_from(path).map_err(bad)?;
    for named in named_files(&file) {
        files.look_at(&named);
    }
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let mut config = kube::Config::from_custom_kubeconfig(file, &options).await.map_err(bad)?;
    match refused(&config) {
        Some(what) => return Err(Unusable::Refused { path: name, what }),
        None => never_ask(&mut config),
    }
    Ok(Read { config, files })
}

/// The files that a kubeconfig names; relative ones were resolved when it was read.
fn named_files(file: &Kubeconfig) -> Vec<PathBuf> {
    let authorities = file.clusters.iter().filter_map(|named| named.cluster.as_ref());
    let authorities = authorities.filter_map(|cluster| cluster.certificate_authority.as_ref());
    let users = file.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
    let credentials =
        users.flat_map(|user| [&user.client_certificate, &user.client_key, &user.token_file]).flatten();
    authorities.chain(credentials).map(PathBuf::from).collect()
}

/// What would weaken the boundary, or promise what isn't done.
fn refused(config: &kube::Config) -> Option<&'static str> {
    let user = &config.auth_info;
    let impersonates = user.impersonate.is_some()
        || user.impersonate_uid.is_some()
        || user.impersonate_groups.is_some()
        || user.impersonate_user_extra.is_some();
    let asks = user.exec.as_ref().and_then(|exec| exec.interactive_mode.as_ref());
    if config.accept_invalid_certs {
        Some("insecure-skip-tls-verify")
    } else if config.proxy_url.is_some() {
        Some("proxy-url")
    } else if impersonates {
        Some("as (impersonation)")
    } else if asks == Some(&ExecInteractiveMode::Always) {
        Some("interactiveMode: Always")
    } else {
        None
    }
}

/// Nobody sits at a gateway. A plugin that might ask would also get our standard error for its own.
fn never_ask(config: &mut kube::Config) {
    if let Some(exec) = config.auth_info.exec.as_mut() {
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
}

fn from_files(server: &str, ca_file: &Path, token_file: &Path) -> Result<Read, Unusable> {
    let address = server.parse().map_err(|error| Unusable::Part("the cluster's address", Box::new(error)))?;
    let mut files = Files::default();
    files.look_at(ca_file);
    files.look_at(token_file);
    let pem = std::fs::read(ca_file)
        .map_err(|cause| Unusable::File { path: ca_file.display().to_string(), cause })?;
    let mut config = kube::Config::new(address);
    config.root_cert = Some(certificates(&pem)?);
    config.auth_info.token_file = Some(token_file.display().to_string());
    Ok(Read { config, files })
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, Unusable> {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    let found = CertificateDer::pem_slice_iter(pem)
        .map(|item| item.map(|der| der.to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Unusable::Part("the CA file", Box::new(error)))?;
    // A file that is being written. Nobody could be trusted by it, and the last good one stays in use.
    if found.is_empty() {
        return Err(Unusable::Part("the CA file", "it has no certificate".into()));
    }
    Ok(found)
}
