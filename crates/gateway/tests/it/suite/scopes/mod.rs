//! Scopes that see the object: what each lets through, against the real API server and unmodified clients.

mod collection;
mod collection_races;
pub(super) mod completed_jobs;
mod entering;
mod eviction;
mod examples;
mod filtered_lists;
mod forwarding;
mod hours;
mod informers;
mod labelled;
mod limits;
mod masks;
mod observed;
mod races;
mod registry_pods;
mod relay;
mod rollback;
mod scaling;
mod stored;
mod watches;

use serde_json::Value;

use super::world;

/// Creates an object past the gateway.
#[track_caller]
pub(super) fn there(namespace: &str, object: &Value) {
    super::writes::until_created(namespace, object);
}

/// An object as the cluster has it, past the gateway; None: there is none.
#[track_caller]
pub(super) fn live(namespace: &str, kind: &str, name: &str) -> Option<Value> {
    let run = world().admin(&["-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found"]).ok();
    (!run.stdout.is_empty()).then(|| serde_json::from_str(&run.stdout).unwrap())
}
