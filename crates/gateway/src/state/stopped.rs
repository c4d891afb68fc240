//! Who is suspended or revoked keeps its identities: they could become another agent's otherwise, which
//! nobody suspended. A file that is renamed, or an old copy of it, would do that.

use std::collections::HashSet;

use super::snapshot::Snapshot;
use super::standing::{Standing, Subject};
use crate::manifest::{Agent, Located, Manifest, Problems};

/// The word for an agent's standing, if it is out.
pub(super) fn word(agent: &Agent, snapshot: &Snapshot) -> Option<&'static str> {
    match snapshot.standings().of(&Subject::Agent(agent.name.clone())) {
        Standing::Active => None,
        standing @ (Standing::Suspended(_) | Standing::Revoked(_)) => Some(standing.as_str()),
    }
}

/// Why a manifest may not be deleted: it is an agent's that is out.
pub(super) fn stays(manifest: &Manifest, snapshot: &Snapshot) -> Option<String> {
    let Manifest::Agent(agent) = manifest else { return None };
    let word = word(agent, snapshot)?;
    let name = agent.name.as_str();
    Some(match word {
        "suspended" => format!(
            "Agent {name:?} is suspended and stays, so that nobody else becomes what it was; resume or \
             revoke it"
        ),
        _ => format!("Agent {name:?} is {word} and stays, so that nobody else becomes what it was"),
    })
}

/// What is wrong with manifests that would take an identity from an agent that is out.
pub(super) fn check(read: &[Located<Manifest>], before: &Snapshot) -> Problems {
    let mut problems = Problems::default();
    for located in read {
        let Manifest::Agent(agent) = located.get() else { continue };
        let Some(was) = before.agent(&agent.name) else { continue };
        let Some(word) = word(was, before) else { continue };
        let now: HashSet<String> = agent.identities.iter().map(|one| one.to_json().to_string()).collect();
        if was.identities.iter().any(|one| !now.contains(&one.to_json().to_string())) {
            let name = agent.name.as_str();
            let message = format!(
                "spec.identities: Agent {name:?} is {word} and keeps its identities, so that nobody else \
                 becomes what it was; leave them in"
            );
            problems.add(located.file(), located.place_of(&["spec", "identities"], None), message);
        }
    }
    problems
}
