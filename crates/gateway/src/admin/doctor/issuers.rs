//! Who vouches for agents: whether their keys are known.

use super::{Finding, Notes, Severity};
use crate::identity::issuer::Issuer;
use crate::state::issuers::Vouches;
use crate::state::snapshot::Snapshot;

/// Looks at the declared issuers and, for one cluster or all, at the clusters' own.
pub(super) fn look(snapshot: &Snapshot, cluster: Option<&str>) -> Vec<Finding> {
    let mut found = Vec::new();
    for issuer in snapshot.issuers().all() {
        let (about, severity) = match snapshot.issuers().vouches(issuer) {
            Some(Vouches::Subjects(_)) if cluster.is_none() => {
                (format!("trustedissuer/{}", issuer.name()), Severity::Problem)
            }
            // It matters only where agents are recognised by the cluster's service accounts.
            Some(Vouches::Accounts(of, _)) if cluster.is_none_or(|name| name == of.name()) => {
                (format!("cluster/{}", issuer.name()), Severity::Warning)
            }
            Some(Vouches::Subjects(_) | Vouches::Accounts(..)) | None => continue,
        };
        let mut notes = Notes::about(&about);
        one(issuer, severity, &mut notes);
        found.extend(notes.finish());
    }
    found
}

fn one(issuer: &Issuer, worst: Severity, notes: &mut Notes) {
    const CHECK: &str = "issuer's keys";
    let health = issuer.health();
    let todo = "agents that are recognised by its tokens are refused without its keys; see whether the \
        gateway may reach and read them";
    match (&health.fault, health.keys) {
        (None, 0) => notes.add(Severity::Note, CHECK, "not asked for yet", ""),
        (None, keys) => notes.ok(CHECK, format!("{keys} known")),
        (Some(fault), 0) => notes.add(worst, CHECK, format!("none is known: {fault}"), todo),
        (Some(fault), keys) => {
            let seen = format!("{keys} known from before, and it can't be asked now: {fault}");
            notes.add(Severity::Warning, CHECK, seen, todo);
        }
    }
    if !health.left_out.is_empty() {
        let seen = format!("keys that don't count: {}", health.left_out.join("; "));
        notes.add(Severity::Note, CHECK, seen, "");
    }
}
