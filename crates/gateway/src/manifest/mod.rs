//! stub
#![allow(missing_docs)]
use crate::identity::key::PublicKey;
use drawbridge_policy::{AgentName, Millis, Reach};
use std::path::PathBuf;
use std::sync::Arc;
pub struct Source {
    pub file: String,
    pub text: String,
}
#[derive(Debug)]
pub struct Located<T>(T);
impl<T> Located<T> {
    pub fn get(&self) -> &T {
        &self.0
    }
}
#[derive(Debug, thiserror::Error)]
#[error("problems")]
pub struct Problems;
#[derive(Debug, thiserror::Error)]
#[error("bad")]
pub struct ManifestError;
impl From<serde_json::Error> for ManifestError {
    fn from(_: serde_json::Error) -> Self {
        ManifestError
    }
}
#[derive(Debug, Clone)]
pub struct Metadata {
    pub name: String,
}
#[derive(Debug, Clone)]
pub enum Identity {
    Key(PublicKey),
}
#[derive(Debug, Clone)]
pub struct Agent {
    pub name: AgentName,
    pub identities: Vec<Identity>,
}
#[derive(Debug, Clone)]
pub struct Scope {
    pub metadata: Metadata,
    pub rules: Arc<drawbridge_policy::Scope>,
    pub denies: Arc<drawbridge_policy::Scope>,
}
#[derive(Debug, Clone)]
pub struct Grant {
    pub metadata: Metadata,
    pub agents: Vec<AgentName>,
    pub scopes: Vec<String>,
    pub clusters: Vec<String>,
    pub namespaces: Reach,
    pub until: Option<jiff::Timestamp>,
}
#[derive(Debug, Clone)]
pub struct Cluster {
    pub metadata: Metadata,
    pub access: ClusterAccess,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterAccess {
    Kubeconfig { path: PathBuf, context: Option<String> },
    InCluster,
    Server { server: String, ca_file: PathBuf, token_file: PathBuf },
}
#[derive(Debug, Clone)]
pub enum Manifest {
    Agent(Agent),
    Scope(Scope),
    Grant(Grant),
    Cluster(Cluster),
}
impl Manifest {
    pub fn kind(&self) -> &'static str {
        ""
    }
    pub fn name(&self) -> &str {
        ""
    }
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    pub fn from_json(_: &serde_json::Value) -> Result<Manifest, ManifestError> {
        Err(ManifestError)
    }
}
pub fn read(_: &[Source]) -> Result<Vec<Located<Manifest>>, Problems> {
    Err(Problems)
}
pub fn check_together(_: &[Located<Manifest>], _: &[Manifest]) -> Result<(), Problems> {
    Ok(())
}
pub fn cautions(_: &[Located<Manifest>], _: &[Manifest], _: Millis) -> Vec<String> {
    vec![]
}
pub fn needed_by(_: &str, _: &str, _: &[Manifest]) -> Option<String> {
    None
}
