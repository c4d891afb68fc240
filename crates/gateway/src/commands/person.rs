//! A person's own access to a cluster, by their kubeconfig: what the gateway may not see, they may.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::time::timeout;

use super::times::{self, Span};
use crate::chain::Chain;
use crate::cluster::unspoken::Unspoken;

/// The longest answer that is read.
const LONGEST: usize = 64 * 1024 * 1024;
/// Objects of one page of a list.
const PAGE: usize = 500;

/// Whose kubeconfig.
#[derive(Debug, Clone, Args)]
pub struct Access {
    /// Your own kubeconfig; without it the one that kubectl would take.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// One answer of the cluster, or of its credential plugin, may take so long.
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = times::span)]
    pub patience: Span,
}

/// A person in front of a cluster.
pub struct Person {
    client: kube::Client,
    /// The context that was taken.
    pub context: String,
    /// The cluster's address.
    pub server: String,
    /// The CA that the kubeconfig trusts there, PEM.
    pub ca: Option<String>,
    /// What in the kubeconfig the gateway could not do as well.
    pub special: Option<&'static str>,
    patience: Duration,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("context", &self.context).finish_non_exhaustive()
    }
}

/// What a cluster said.
#[derive(Debug)]
pub struct Said {
    /// Its status code.
    pub status: StatusCode,
    /// Its answer; null where it is no JSON.
    pub body: Value,
}

impl Said {
    /// The cluster's own sentence.
    pub fn message(&self) -> String {
        let message = self.body.get("message").and_then(Value::as_str);
        message.map_or_else(|| format!("it answered {}", self.status), str::to_owned)
    }
}

impl Person {
    /// Reads the kubeconfig, and prepares a connection. A credential plugin runs here.
    pub async fn open(access: &Access, context: Option<&str>) -> anyhow::Result<Person> {
        let patience = Duration::from_millis(u64::try_from(access.patience.millis).unwrap_or(0));
        let file = read(access.kubeconfig.as_deref())?;
        let context = named(&file, context)?;
        let ca = authority(&file, &context);
        let server_name = cluster_of(&file, &context).and_then(|cluster| cluster.tls_server_name.clone());
        let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
        let mut config = kube::Config::from_custom_kubeconfig(file, &options).await.map_err(|error| {
            anyhow!(Unspoken::of_file(error)).context(format!("the context {context:?} can't be used"))
        })?;
        config.connect_timeout = Some(patience);
        config.read_timeout = Some(patience);
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let special = if config.accept_invalid_certs {
            Some("insecure-skip-tls-verify")
        } else if config.proxy_url.is_some() {
            Some("proxy-url")
        } else {
            server_name.map(|_| "tls-server-name")
        };
        // A credential plugin blocks.
        let opened = tokio::task::spawn_blocking(move || kube::Client::try_from(config));
        let client = timeout(patience, opened)
            .await
            .map_err(|_elapsed| {
                let seconds = patience.as_secs();
                anyhow!(
                    "the credential of context {context:?} was not there within {seconds} s; does its \
                    plugin hang, or wait for you elsewhere?"
                )
            })?
            .context("the kubeconfig can't be used")?
            .map_err(|error| {
                anyhow!(Unspoken::of_client(error)).context(format!(
                    "the context {context:?} \
                can't be used"
                ))
            })?;
        Ok(Person { client, context, server, ca, special, patience })
    }

    /// Reads an object or a list. None: there is none.
    pub async fn get(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let said = self.ask(Method::GET, path, None, "").await?;
        match said.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(said.body)),
            _ => Err(self.refused(path, &said)),
        }
    }

    /// Reads all objects of a list.
    pub async fn list(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let query = super::client::query(&[
                ("limit", Some(PAGE.to_string())),
                ("continue", (!next.is_empty()).then(|| next.clone())),
            ]);
            let Some(mut page) = self.get(&format!("{path}{query}")).await? else { return Ok(items) };
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            next = page.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default().to_owned();
            if next.is_empty() {
                return Ok(items);
            }
        }
    }

    /// Creates.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let said = self.ask(Method::POST, path, Some(body), "application/json").await?;
        if said.status.is_success() { Ok(said.body) } else { Err(self.refused(path, &said)) }
    }

    /// Applies on the server's side, as `drawbridge`.
    pub async fn apply(&self, path: &str, object: &Value) -> anyhow::Result<Said> {
        let path = format!("{path}?fieldManager=drawbridge&force=true");
        self.ask(Method::PATCH, &path, Some(object), "application/apply-patch+yaml").await
    }

    fn refused(&self, path: &str, said: &Said) -> anyhow::Error {
        let path = path.split('?').next().unwrap_or(path);
        match said.status {
            StatusCode::UNAUTHORIZED => anyhow!(
                "the cluster at {} does not take the credential of context {:?}; log in again",
                self.server,
                self.context
            ),
            StatusCode::FORBIDDEN => {
                anyhow!("context {:?} may not do this: {}", self.context, said.message())
            }
            _ => anyhow!("the cluster said no to {path}: {}", said.message()),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        kind: &str,
    ) -> anyhow::Result<Said> {
        let bytes = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let mut request =
            Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(Body::from(bytes)).context("that is no request")?;
        let answered = timeout(self.patience, async {
            let response = self.client.send(request).await.map_err(|error| self.unreachable(error))?;
            let status = response.status();
            let whole = Limited::new(response.into_body(), LONGEST).collect().await;
            let whole = whole
                .map_err(|error| anyhow!("the cluster at {} broke off its answer: {error}", self.server))?;
            let body = serde_json::from_slice(&whole.to_bytes()).unwrap_or_default();
            Ok::<_, anyhow::Error>(Said { status, body })
        });
        answered.await.map_err(|_elapsed| {
            anyhow!("the cluster at {} gave no answer within {} s", self.server, self.patience.as_secs())
        })?
    }

    fn unreachable(&self, error: kube::Error) -> anyhow::Error {
        let what = format!("the cluster at {} can't be reached", self.server);
        match error {
            kube::Error::Service(error) => anyhow!(Chain(error.as_ref()).to_string()).context(what),
            other => anyhow!(Unspoken::of_client(other)).context(what),
        }
    }
}

fn read(path: Option<&Path>) -> anyhow::Result<Kubeconfig> {
    let file = match path {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let which = path.map_or_else(|| "your kubeconfig".to_owned(), |path| path.display().to_string());
    file.map_err(|error| {
        anyhow!(Unspoken::of_file(error))
            .context(format!("{which} can't be used; name one with --kubeconfig"))
    })
}

/// The context that was named, or the current one.
fn named(file: &Kubeconfig, context: Option<&str>) -> anyhow::Result<String> {
    let mut known: Vec<&str> = file.contexts.iter().map(|context| context.name.as_str()).collect();
    known.sort_unstable();
    let there =
        if known.is_empty() { "it has none".to_owned() } else { format!("there are {}", known.join(", ")) };
    match context.or(file.current_context.as_deref()) {
        Some(context) if known.contains(&context) => Ok(context.to_owned()),
        Some(context) => bail!("the kubeconfig has no context {context:?}; {there}"),
        None => bail!("the kubeconfig has no current context; name one: {there}"),
    }
}

fn cluster_of<'k>(file: &'k Kubeconfig, context: &str) -> Option<&'k kube::config::Cluster> {
    let context = file.contexts.iter().find(|one| one.name == context)?.context.as_ref()?;
    file.clusters.iter().find(|one| one.name == context.cluster)?.cluster.as_ref()
}

/// The CA that a context trusts, PEM.
fn authority(file: &Kubeconfig, context: &str) -> Option<String> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let cluster = cluster_of(file, context)?;
    let inline = cluster.certificate_authority_data.as_ref().and_then(|data| STANDARD.decode(data).ok());
    let bytes = match inline {
        Some(bytes) => bytes,
        None => std::fs::read(cluster.certificate_authority.as_ref()?).ok()?,
    };
    String::from_utf8(bytes).ok()
}
