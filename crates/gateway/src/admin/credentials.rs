//! `POST /v1/credentials`: the gateway's credential for a cluster, put into files of its data directory. It
//! is never kept in the database, and no call gives it out again.

use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::Request;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::{Admin, author, body};
use crate::commands::admin_file::private;
use crate::manifest::is_cluster_name;

/// The directory in the data directory.
const DIRECTORY: &str = "clusters";
/// No token is longer.
const LONGEST_TOKEN: usize = 64 * 1024;

/// A credential.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The cluster's name.
    pub cluster: String,
    /// The CA that its certificate is checked with, PEM.
    pub ca: String,
    /// The token.
    pub token: String,
    /// Why, in the caller's words.
    #[serde(default)]
    pub reason: String,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// Where it lies now, as the Cluster's manifest names it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The CA's file.
    pub ca_file: String,
    /// The token's file.
    pub token_file: String,
}

/// Keeps one.
pub(super) async fn keep(
    State(admin): State<Arc<Admin>>,
    request: Request<Body>,
) -> Result<Json<Kept>, Failure> {
    let headers = request.headers().clone();
    let asked: Credential = body::read(request).await?;
    let author = author(&headers, &asked.reason)?;
    check(&asked)?;
    let noted = admin.gate.state.credential_kept(&asked.cluster, &author).await;
    noted.map_err(|error| Failure::Unwritten(format!("nothing was kept: {error}")))?;
    let kept = write(&admin.data, &asked).map_err(|error| {
        tracing::warn!(%error, cluster = asked.cluster, "a cluster's credential can't be written");
        Failure::Unwritten(format!("the credential can't be written into the data directory: {error}"))
    })?;
    Ok(Json(kept))
}

fn check(asked: &Credential) -> Result<(), Failure> {
    let malformed = |why: &str| Err(Failure::Malformed(why.to_owned()));
    if !is_cluster_name(&asked.cluster) {
        return malformed("that is no name of a cluster");
    }
    let token = asked.token.as_str();
    if token.is_empty() || token.len() > LONGEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return malformed("that is no token: one is a single word of printable characters");
    }
    let all = CertificateDer::pem_slice_iter(asked.ca.as_bytes()).collect::<Result<Vec<_>, _>>();
    match all {
        Ok(certificates) if !certificates.is_empty() => Ok(()),
        Ok(_) | Err(_) => malformed("the CA is no certificate in PEM"),
    }
}

fn write(data: &Path, asked: &Credential) -> std::io::Result<Kept> {
    use std::os::unix::fs::DirBuilderExt;
    // From the root: the gateway may be started in another directory next time.
    let directory = data.canonicalize()?.join(DIRECTORY).join(&asked.cluster);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    let (ca, token) = (directory.join("ca.pem"), directory.join("token"));
    private(&ca, asked.ca.as_bytes())?;
    private(&token, asked.token.as_bytes())?;
    Ok(Kept { ca_file: ca.display().to_string(), token_file: token.display().to_string() })
}
