//! `GET /livez` and `GET /readyz`: for whoever restarts or routes to the gateway. `/readyz?verbose` says
//! part by part what can be used, and needs the credential: it names clusters.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use futures_util::future::join_all;
use http::StatusCode;
use tokio::time::timeout;

use super::Admin;
use crate::chain::Chain;
use crate::cluster::Cluster;
use crate::directory::Condition;
use crate::telemetry::Called;

/// One cluster may take this long to answer a verbose probe.
const PATIENCE: Duration = Duration::from_secs(5);
/// What asks for the parts.
pub(super) const VERBOSE: &str = "verbose";

/// The process answers.
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// Requests can be served: the record takes writes, and the gateway isn't ending. A cluster that can't be
/// used is no reason to stop serving the others, and neither is a manifests directory that can't be applied.
pub(super) async fn readyz(
    State(admin): State<Arc<Admin>>,
    RawQuery(query): RawQuery,
) -> (StatusCode, String) {
    let trouble = if admin.shutdown.is_cancelled() {
        Some("the gateway is ending")
    } else if admin.gate.record.is_failing() {
        Some("the record takes no writes")
    } else {
        None
    };
    let status = if trouble.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let condition = admin.directory.as_ref().map(|directory| directory.condition());
    let good = good(condition.as_ref());
    let text = match query.as_deref() {
        Some(VERBOSE) => parts(&admin, trouble).await,
        Some(_) | None => format!("{}\n", trouble.unwrap_or(good)),
    };
    (status, text)
}

/// What is said while requests are served. Anybody may ask this: what exactly is wrong stands in the status,
/// which needs the credential.
fn good(directory: Option<&Condition>) -> &'static str {
    match directory {
        Some(directory) if !directory.problems.is_empty() => {
            "ok, but the manifests directory can't be applied as it is: what was last good is in force, and \
             'drawbridge get agents' says what is wrong"
        }
        Some(directory) if !directory.warnings().is_empty() => {
            "ok, but not all that the manifests directory no longer has is deleted, and 'drawbridge get \
             agents' says what stays"
        }
        Some(_) | None => "ok",
    }
}

async fn parts(admin: &Admin, trouble: Option<&str>) -> String {
    let snapshot = admin.gate.state.snapshot();
    let mut clusters: Vec<_> = snapshot.clusters().cloned().collect();
    clusters.sort_by(|a, b| a.name().cmp(b.name()));
    let looked = join_all(clusters.iter().map(|cluster| look(admin, cluster))).await;
    let mut text = line("gateway", trouble);
    for (cluster, trouble) in clusters.iter().zip(&looked) {
        text.push_str(&line(&format!("cluster/{}", cluster.name()), trouble.as_deref()));
    }
    for issuer in snapshot.issuers().all() {
        let health = issuer.health();
        let trouble = health.fault.as_deref().filter(|_| health.keys == 0);
        text.push_str(&line(&format!("issuer/{}", issuer.name()), trouble));
    }
    let usable = looked.iter().filter(|trouble| trouble.is_none()).count();
    text + &format!("{usable} of {} clusters can be used\n", looked.len())
}

fn line(part: &str, trouble: Option<&str>) -> String {
    match trouble {
        None => format!("[+] {part} ok\n"),
        Some(trouble) => format!("[-] {part}: {trouble}\n"),
    }
}

async fn look(admin: &Admin, cluster: &Cluster) -> Option<String> {
    match timeout(PATIENCE, cluster.try_wire()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Some(Chain(&error).to_string()),
        Err(_elapsed) => return Some("its credential was not read in time".to_owned()),
    }
    let who = async {
        let answer = timeout(PATIENCE, cluster.who()).await;
        let answer = answer.map_err(|_elapsed| "it gave no answer in time".to_owned())?;
        answer.map_err(|fault| fault.message())
    };
    admin.gate.record.metrics().errand(Called::Review, who).await.err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_tells_a_directory_that_is_wrong_from_one_of_which_something_stays() {
        let (wrong, stays) = (vec!["wrong".to_owned()], vec!["stays".to_owned()]);
        let kept = Condition { kept: stays.clone(), ..Condition::default() };
        let needed = Condition { stays: stays.clone(), ..Condition::default() };
        for condition in [&kept, &needed] {
            let said = good(Some(condition));
            assert!(said.contains("no longer has") && !said.contains("last good"), "{said}");
        }
        let both = Condition { problems: wrong, stays, ..Condition::default() };
        assert!(good(Some(&both)).contains("what was last good is in force"));
        assert_eq!((good(Some(&Condition::default())), good(None)), ("ok", "ok"));
    }
}
