//! What is wrong only between manifests.

use std::collections::{HashMap, HashSet};

use drawbridge_policy::AgentName;

use super::{Agent, Grant, Identity, Located, Manifest};
use crate::identity::key::PublicKey;
use crate::yaml::{Place, Problems, closest, shown};

/// Problems up to which names that don't exist are compared with those that do.
const ADVISED: usize = 20;

/// Checks manifests that are to be applied in one call, with each other and with those that are `known`
/// already (and stay, unless one of the same kind and name replaces them): no manifest stands twice, a grant
/// names what exists, and a key belongs to one agent (invariant 8).
///
/// # Errors
/// Everything that is wrong.
pub fn check_together(read: &[Located<Manifest>], known: &[Manifest]) -> Result<(), Problems> {
    check(read, known, &[]).or(())
}

/// Why a manifest can't be deleted: who refers to it. None: nobody does.
#[must_use]
pub fn needed_by(kind: &str, name: &str, known: &[Manifest]) -> Option<String> {
    let grants: Vec<String> = known
        .iter()
        .filter_map(|manifest| match manifest {
            Manifest::Grant(grant) => Some(grant),
            Manifest::Agent(_) | Manifest::Scope(_) | Manifest::Cluster(_) => None,
        })
        .filter(|grant| references(grant).any(|reference| reference.kind == kind && reference.name == name))
        .map(|grant| format!("{:?}", grant.metadata.name))
        .collect();
    let count = grants.len();
    let shown = grants.into_iter().take(10).collect::<Vec<_>>().join(", ");
    match count {
        0 => None,
        1 => Some(format!("{kind} {name:?} is named by the grant {shown}; delete or change that first")),
        2..=10 => {
            Some(format!("{kind} {name:?} is named by the grants {shown}; delete or change those first"))
        }
        _ => Some(format!(
            "{kind} {name:?} is named by {count} grants ({shown}, …); delete or change those first"
        )),
    }
}

/// As [`check_together`]; `declared` are manifests that exist but have problems of their own, so that what
/// names them isn't wrong as well.
pub(super) fn check(
    read: &[Located<Manifest>],
    known: &[Manifest],
    declared: &[(&'static str, String)],
) -> Problems {
    let mut problems = Problems::default();
    let replaced: HashSet<(&str, &str)> = read.iter().map(|located| key(located.get())).collect();
    let kept: Vec<&Manifest> = known.iter().filter(|manifest| !replaced.contains(&key(manifest))).collect();
    let mut exist = replaced;
    exist.extend(kept.iter().map(|manifest| key(manifest)));
    exist.extend(declared.iter().map(|(kind, name)| (*kind, name.as_str())));
    let mut owners = Owners::of(&kept);
    let mut first = HashMap::new();
    for located in read {
        twice(located, &mut first, &mut problems);
        match located.get() {
            Manifest::Agent(agent) => owners.enter(located, agent, &mut problems),
            Manifest::Grant(grant) => dangling(located, grant, &exist, &mut problems),
            Manifest::Scope(_) | Manifest::Cluster(_) => {}
        }
    }
    problems
}

fn key(manifest: &Manifest) -> (&str, &str) {
    (manifest.kind(), manifest.name())
}

/// A manifest that stands in the call already: which of the two holds would depend on their order.
fn twice<'m>(
    located: &'m Located<Manifest>,
    first: &mut HashMap<(&'m str, &'m str), &'m Located<Manifest>>,
    problems: &mut Problems,
) {
    let (kind, name) = key(located.get());
    // What has no name that could be read has its problem already.
    if name.is_empty() {
        return;
    }
    let Some(first) = first.insert((kind, name), located) else { return };
    let (file, line) = (first.file(), first.place().line);
    let place = located.place_of(&["metadata", "name"], None);
    problems.add(
        located.file(),
        place,
        format!("{kind} {name:?} stands in {file}, line {line}, already; leave one of them out"),
    );
}

/// A name in a grant.
#[derive(Debug)]
pub struct Reference<'g> {
    /// The kind of what is named.
    pub kind: &'static str,
    field: &'static str,
    index: usize,
    /// Its name.
    pub name: &'g str,
}

/// All that a grant names.
pub fn references(grant: &Grant) -> impl Iterator<Item = Reference<'_>> {
    let agents = grant.agents.iter().map(AgentName::as_str).enumerate();
    let scopes = grant.scopes.iter().map(String::as_str).enumerate();
    let clusters = grant.clusters.iter().map(String::as_str).enumerate();
    let agents = agents.map(|(index, name)| Reference { kind: "Agent", field: "agents", index, name });
    let scopes = scopes.map(|(index, name)| Reference { kind: "Scope", field: "scopes", index, name });
    let clusters =
        clusters.map(|(index, name)| Reference { kind: "Cluster", field: "clusters", index, name });
    agents.chain(scopes).chain(clusters)
}

/// A grant that names what isn't there: it would begin to give rights when somebody else takes the name.
fn dangling(
    located: &Located<Manifest>,
    grant: &Grant,
    exist: &HashSet<(&str, &str)>,
    problems: &mut Problems,
) {
    for Reference { kind, field, index, name } in references(grant) {
        if exist.contains(&(kind, name)) {
            continue;
        }
        // Comparing with every name takes time; after some mistakes the pattern is clear.
        let alike = exist.iter().filter(|(other, _)| *other == kind && problems.list().len() < ADVISED);
        let advice = closest(name, alike.map(|(_, name)| *name)).map_or_else(
            || "apply it first or in the same call".to_owned(),
            |meant| format!("did you mean {meant:?}?"),
        );
        let place = located.place_of(&["spec", field], Some(index));
        let name = shown(name);
        problems.add(
            located.file(),
            place,
            format!("spec.{field}[{index}]: no {kind} {name} is known; {advice}"),
        );
    }
}

/// Which agent a key belongs to.
struct Owners<'m> {
    owners: HashMap<&'m PublicKey, &'m AgentName>,
}

impl<'m> Owners<'m> {
    fn of(kept: &[&'m Manifest]) -> Owners<'m> {
        let agents = kept.iter().filter_map(|manifest| match manifest {
            Manifest::Agent(agent) => Some(agent),
            Manifest::Scope(_) | Manifest::Grant(_) | Manifest::Cluster(_) => None,
        });
        let keys = |agent: &'m Agent| agent.identities.iter().map(|Identity::Key(key)| (key, &agent.name));
        Owners { owners: agents.flat_map(keys).collect() }
    }

    fn enter(&mut self, located: &Located<Manifest>, agent: &'m Agent, problems: &mut Problems) {
        for (index, Identity::Key(key)) in agent.identities.iter().enumerate() {
            let owner = self.owners.entry(key).or_insert(&agent.name);
            if *owner != &agent.name {
                let place: Place = located.place_of(&["spec", "identities"], Some(index));
                let message = format!(
                    "spec.identities[{index}]: this key is enrolled for the agent {:?}; one identity names \
                     one agent, so make a key of its own for this one",
                    owner.as_str()
                );
                problems.add(located.file(), place, message);
            }
        }
    }
}
