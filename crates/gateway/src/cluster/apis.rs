//! Whether the cluster's own API server stores what an API has, or another server behind it: that one could
//! take a dry run for the real thing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use drawbridge_policy::Millis;
use http::StatusCode;
use serde_json::Value;

use super::Cluster;
use crate::errand::ToCluster;
use crate::refusal::ClusterFault;

/// How long an API that was the cluster's own counts as such, in milliseconds: whoever puts another server in
/// its place administers the cluster, and that is rare.
const FRESH: i64 = 30_000;
/// APIs that are remembered; a cluster with many custom resources has some hundred.
const MOST: usize = 512;

/// Who stores what an API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The API server itself.
    Own,
    /// Another server, or nobody knows.
    Unknown,
}

/// The APIs that were the cluster's own when they were last asked about, and when that was.
#[derive(Debug, Default)]
pub(super) struct Apis(Mutex<BTreeMap<String, Millis>>);

impl Apis {
    fn is_own(&self, name: &str, now: Millis) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).is_some_and(|seen| is_fresh(*seen, now))
    }

    fn note(&self, name: String, now: Millis) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, seen| is_fresh(*seen, now));
        if known.len() < MOST {
            known.insert(name, now);
        }
    }
}

fn is_fresh(seen: Millis, now: Millis) -> bool {
    (0..FRESH).contains(&now.0.saturating_sub(seen.0))
}

impl Cluster {
    /// Who stores the objects of a version of an API group.
    ///
    /// # Errors
    /// The cluster gave no answer.
    pub async fn stores(&self, group: &str, version: &str, now: Millis) -> Result<Whose, ClusterFault> {
        let name = format!("{version}.{group}");
        if self.apis.is_own(&name, now) {
            return Ok(Whose::Own);
        }
        let (status, body) = self.run(ToCluster::ApiService { name: &name }).await?;
        if status == StatusCode::FORBIDDEN {
            tracing::warn!(
                cluster = self.name(),
                api = name,
                "the gateway may not get this APIService, so that no write to it is tried out: see \
                 docs/guides/cluster.md"
            );
        }
        let whose = if status == StatusCode::OK { read(&body, &name) } else { Whose::Unknown };
        if whose == Whose::Own {
            self.apis.note(name, now);
        }
        Ok(whose)
    }
}

/// An APIService without a service is the API server's own (Kubernetes, "Kubernetes API Aggregation Layer").
fn read(body: &[u8], name: &str) -> Whose {
    let Ok(service) = serde_json::from_slice::<Value>(body) else { return Whose::Unknown };
    let named = service.pointer("/metadata/name").and_then(Value::as_str) == Some(name);
    let is_api_service = service.get("kind").and_then(Value::as_str) == Some("APIService");
    let Some(spec) = service.get("spec").filter(|spec| spec.is_object()) else { return Whose::Unknown };
    let local = spec.get("service").is_none_or(Value::is_null);
    if named && is_api_service && local { Whose::Own } else { Whose::Unknown }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_api_service_without_a_service_is_the_cluster_s_own() {
        let of = |kind: &str, spec: Value| {
            let object = json!({ "kind": kind, "metadata": { "name": "v1.a.example" }, "spec": spec });
            read(object.to_string().as_bytes(), "v1.a.example")
        };
        assert_eq!(of("APIService", json!({ "group": "a.example" })), Whose::Own);
        assert_eq!(of("APIService", json!({ "service": null })), Whose::Own);
        assert_eq!(of("APIService", json!({ "service": { "name": "x" } })), Whose::Unknown);
        assert_eq!(of("APIService", Value::Null), Whose::Unknown);
        assert_eq!(of("Status", json!({})), Whose::Unknown);
        assert_eq!(read(b"{}", "v1.a.example"), Whose::Unknown);
        assert_eq!(read(b"", "v1.a.example"), Whose::Unknown);
    }

    #[test]
    fn what_is_remembered_ends_and_is_bounded() {
        let apis = Apis::default();
        for number in 0..=MOST {
            apis.note(number.to_string(), Millis(0));
        }
        let kept = (0..=MOST).filter(|number| apis.is_own(&number.to_string(), Millis(0))).count();
        assert_eq!(kept, MOST);
        assert!(apis.is_own("0", Millis(FRESH - 1)) && !apis.is_own("0", Millis(FRESH)));
        assert!(!apis.is_own("0", Millis(-1)));
        apis.note("new".to_owned(), Millis(FRESH));
        assert!(apis.is_own("new", Millis(FRESH)));
    }
}
