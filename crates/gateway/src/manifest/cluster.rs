//! A cluster: a Kubernetes API server, and where the gateway's credential for it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use serde_json::{Map, Value, json};

use super::{Metadata, lifetime};
use crate::cluster::renew::Account;
use crate::yaml::{At, Fields, Report, Shape, shown};

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name, labels and annotations.
    pub metadata: Metadata,
    /// How it is reached.
    pub access: ClusterAccess,
    /// What is asked of its service accounts' tokens.
    pub service_accounts: ServiceAccounts,
}

/// What is asked of the tokens of a cluster's service accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceAccounts {
    /// The longest life of a token, `exp` less `iat`.
    pub longest: Duration,
    /// Whether the cluster itself is asked if a token still counts.
    pub review: Review,
}

/// Whether a cluster is asked if a token still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// Its signature and times are enough: a deleted pod's token counts until it ends.
    Never,
    /// It is (`TokenReview`): a deleted pod ends within seconds.
    Always,
}

impl Default for ServiceAccounts {
    fn default() -> ServiceAccounts {
        ServiceAccounts { longest: lifetime::USUAL, review: Review::Never }
    }
}

/// How a cluster is reached, and where the credential for it is read from. The credential itself is never
/// kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterAccess {
    /// As a kubeconfig says.
    Kubeconfig {
        /// The kubeconfig, on the gateway's machine.
        path: PathBuf,
        /// The context in it; its current one where this is left out.
        context: Option<String>,
    },
    /// As the service account of the pod that the gateway runs in.
    InCluster,
    /// At an address.
    Server {
        /// `https://HOST[:PORT]`.
        server: String,
        /// The CA that the cluster's certificate is checked with, PEM.
        ca_file: PathBuf,
        /// The token that the gateway presents. It is read again when it changes.
        token_file: PathBuf,
        /// The service account whose token it is, where the gateway itself asks for the next one.
        renew: Option<Account>,
    },
}

impl ClusterAccess {
    /// Lets relative paths start at `directory`.
    pub(super) fn resolve(&mut self, directory: &Path) {
        let join = |path: &mut PathBuf| *path = directory.join(&path);
        match self {
            ClusterAccess::Kubeconfig { path, .. } => join(path),
            ClusterAccess::InCluster => {}
            ClusterAccess::Server { ca_file, token_file, .. } => {
                join(ca_file);
                join(token_file);
            }
        }
    }
}

pub(super) const SHAPE: Shape = Shape {
    known: &["kubeconfig", "inCluster", "server", "caFile", "tokenFile", "renewAs", "serviceAccounts"],
    later: &[("connector", "clusters that dial out to the gateway")],
};

pub(super) const KUBECONFIG: Shape = Shape::of(&["path", "context"]);

pub(super) const SERVICE_ACCOUNTS: Shape = Shape::of(&["maxTokenLifetime", "tokenReview"]);

const FORMS: &str = "kubeconfig: {path: …}, inCluster: {}, or server with caFile and tokenFile";

impl Cluster {
    pub(super) fn read(metadata: Metadata, at: &At<'_>, report: &mut Report) -> Option<Cluster> {
        let fields = at.fields(SHAPE, report)?;
        let has = |name: &str| fields.optional(name).is_some();
        let server = ["server", "caFile", "tokenFile", "renewAs"].into_iter().any(has);
        let access = match (has("kubeconfig"), has("inCluster"), server) {
            (true, false, false) => kubeconfig(&fields, report),
            (false, true, false) => in_cluster(&fields, report),
            (false, false, true) => address(&fields, report),
            (false, false, false) => {
                at.wrong(report, &format!("says nothing of how the cluster is reached; write {FORMS}"));
                None
            }
            _ => {
                at.wrong(
                    report,
                    &format!("says more than one way to reach the cluster; keep one of {FORMS}"),
                );
                None
            }
        };
        let service_accounts = match fields.optional("serviceAccounts") {
            None => Some(ServiceAccounts::default()),
            Some(at) => service_accounts(&at, report),
        };
        Some(Cluster { metadata, access: access?, service_accounts: service_accounts? })
    }

    pub(super) fn spec(&self) -> Value {
        let mut spec = self.access_spec();
        let mut tokens = Map::new();
        lifetime::write(self.service_accounts.longest, &mut tokens);
        if self.service_accounts.review == Review::Always {
            tokens.insert("tokenReview".to_owned(), json!(true));
        }
        if let (false, Value::Object(spec)) = (tokens.is_empty(), &mut spec) {
            spec.insert("serviceAccounts".to_owned(), Value::Object(tokens));
        }
        spec
    }

    fn access_spec(&self) -> Value {
        let shown = |path: &Path| path.to_string_lossy().into_owned();
        match &self.access {
            ClusterAccess::InCluster => json!({"inCluster": {}}),
            ClusterAccess::Kubeconfig { path, context } => {
                let mut kubeconfig = Map::new();
                kubeconfig.insert("path".to_owned(), json!(shown(path)));
                if let Some(context) = context {
                    kubeconfig.insert("context".to_owned(), json!(context));
                }
                json!({"kubeconfig": kubeconfig})
            }
            ClusterAccess::Server { server, ca_file, token_file, renew } => {
                let mut spec =
                    json!({"server": server, "caFile": shown(ca_file), "tokenFile": shown(token_file)});
                if let (Some(account), Value::Object(spec)) = (renew, &mut spec) {
                    spec.insert("renewAs".to_owned(), json!(account.to_string()));
                }
                spec
            }
        }
    }
}

fn service_accounts(at: &At<'_>, report: &mut Report) -> Option<ServiceAccounts> {
    let fields = at.fields(SERVICE_ACCOUNTS, report)?;
    let longest = lifetime::read(&fields, report);
    let review = match fields.optional("tokenReview") {
        None => Some(Review::Never),
        Some(at) => at.truth(report).map(|asked| if asked { Review::Always } else { Review::Never }),
    };
    Some(ServiceAccounts { longest: longest?, review: review? })
}

fn kubeconfig(fields: &Fields<'_>, report: &mut Report) -> Option<ClusterAccess> {
    let fields = fields.optional("kubeconfig")?.fields(KUBECONFIG, report)?;
    let path = fields.required("path", "the path of the kubeconfig on the gateway's machine", report);
    let path = path.and_then(|at| file(&at, report));
    let context = match fields.optional("context") {
        None => Some(None),
        Some(at) => filled(&at, "the name of a context", report).map(Some),
    };
    Some(ClusterAccess::Kubeconfig { path: path?, context: context? })
}

fn in_cluster(fields: &Fields<'_>, report: &mut Report) -> Option<ClusterAccess> {
    fields.optional("inCluster")?.fields(Shape::of(&[]), report)?;
    Some(ClusterAccess::InCluster)
}

fn address(fields: &Fields<'_>, report: &mut Report) -> Option<ClusterAccess> {
    let server = fields.required("server", "the cluster's address, https://HOST:PORT", report);
    let ca_file = fields.required("caFile", "the path of the CA of the cluster's certificate in PEM", report);
    let token_file = fields.required("tokenFile", "the path of the token that the gateway presents", report);
    let server = server.and_then(|at| https(&at, report));
    let ca_file = ca_file.and_then(|at| file(&at, report));
    let token_file = token_file.and_then(|at| file(&at, report));
    let renew = match fields.optional("renewAs") {
        None => Some(None),
        Some(at) => account(&at, report).map(Some),
    };
    let (server, ca_file, token_file) = (server?, ca_file?, token_file?);
    Some(ClusterAccess::Server { server, ca_file, token_file, renew: renew? })
}

fn account(at: &At<'_>, report: &mut Report) -> Option<Account> {
    let text = at.text(report)?;
    let account = Account::parse(text);
    if account.is_none() {
        at.wrong(report, &format!("expected a service account, NAMESPACE/NAME, found {}", shown(text)));
    }
    account
}

pub(super) fn file(at: &At<'_>, report: &mut Report) -> Option<PathBuf> {
    filled(at, "a path", report).map(PathBuf::from)
}

fn filled(at: &At<'_>, what: &str, report: &mut Report) -> Option<String> {
    let text = at.text(report)?;
    if text.trim().is_empty() || text.contains(char::is_control) {
        at.wrong(report, &format!("expected {what}, found {}", shown(text)));
        return None;
    }
    Some(text.to_owned())
}

/// An address that only TLS can reach: the gateway's credential and every agent's request go there.
fn https(at: &At<'_>, report: &mut Report) -> Option<String> {
    let text = at.text(report)?;
    if is_https(text) {
        return Some(text.to_owned());
    }
    at.wrong(report, &format!("expected https://HOST or https://HOST:PORT, found {}", shown(text)));
    None
}

fn is_https(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let plain = !rest.contains(['?', '#', '@', '\\', '%']) && !rest.ends_with(':');
    plain && text.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}
