//! Everything that decisions read, as it is at one moment: built from the database, never changed, swapped
//! whole.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use drawbridge_policy::{AgentName, HeldScope, Millis, Rules};
use drawbridge_store::{Everything, StateChange};
use thiserror::Error;

use super::identities::{Identities, Recognised};
use super::issuers::Issuers;
use super::standing::{Standing, Standings, Subject};
use crate::cluster::{Cluster, Patience};
use crate::identity::authenticate::Identity as Recognition;
use crate::identity::issuer::{Around, Issuer};
use crate::identity::key::PublicKey;
use crate::identity::means::{Account, Means};
use crate::lease::Lease;
use crate::manifest::builtin;
use crate::manifest::{Agent, Grant, Identity, Manifest, ManifestError, Mode, Scope, TrustedIssuer};
use crate::refusal::{Out, Refusal};

/// A stored manifest that this release can't read.
#[derive(Debug, Error)]
#[error("the stored {kind} {name:?} can't be read; was it written by a later release?")]
pub struct Unbuildable {
    kind: String,
    name: String,
    #[source]
    cause: ManifestError,
}

/// All agents, grants, clusters and standings at one revision.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    revision: i64,
    manifests: Arc<Vec<Arc<Stored>>>,
    index: Arc<Index>,
    standings: Standings,
}

/// What decisions look up, made from the manifests and the grants' standings.
#[derive(Debug, Default)]
struct Index {
    agents: HashMap<AgentName, Arc<Stored>>,
    identities: Identities,
    issuers: Issuers,
    rules: HashMap<AgentName, HashMap<String, Rules>>,
    clusters: HashMap<String, Arc<Cluster>>,
    grants: HashMap<String, Option<Millis>>,
}

/// What an agent holds on a cluster, through grants that decide and through those that observe.
#[derive(Debug, Default)]
struct Held {
    deciding: Vec<HeldScope>,
    observed: Vec<HeldScope>,
}

/// What clusters and issuers are made with.
#[derive(Debug, Clone)]
pub struct Fittings {
    /// Bounds on clusters.
    pub patience: Patience,
    /// What issuers need.
    pub around: Around,
}

/// A manifest and what the database says about it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What it says.
    pub manifest: Manifest,
    /// The database's row.
    pub row: drawbridge_store::Manifest,
}

impl Snapshot {
    /// Builds from what the database holds.
    pub fn build(from: Everything, fittings: &Fittings) -> Result<Snapshot, Unbuildable> {
        Snapshot::default().reread(from, &HashSet::new(), fittings)
    }

    /// Builds anew from what the database holds. Clusters and issuers that stay as they are keep their
    /// connections and keys. The standings of `unwritten` are in force here only, and stay in force.
    pub fn reread(
        &self,
        from: Everything,
        unwritten: &HashSet<Subject>,
        fittings: &Fittings,
    ) -> Result<Snapshot, Unbuildable> {
        let manifests = from.manifests.into_iter().map(|row| {
            let manifest = read(&row)?;
            Ok(Arc::new(Stored { manifest, row }))
        });
        let manifests = Arc::new(manifests.collect::<Result<Vec<_>, Unbuildable>>()?);
        let mut standings = Standings::new(from.states);
        for subject in unwritten {
            if let Standing::Suspended(row) | Standing::Revoked(row) = self.standings.of(subject) {
                standings.change(&StateChange::Set(row.clone()));
            }
        }
        let index = Arc::new(Index::new(&manifests, &standings, &self.index, fittings));
        Ok(Snapshot { revision: from.revision, manifests, index, standings })
    }

    /// The snapshot after somebody's standing changed. Its revision is set once the database has it.
    pub fn judged(&self, change: &StateChange, fittings: &Fittings) -> Snapshot {
        let mut next = self.clone();
        if next.standings.change(change) == "grant" {
            next.index = Arc::new(Index::new(&next.manifests, &next.standings, &self.index, fittings));
        }
        next
    }

    /// The snapshot after manifests changed. Clusters that stay as they are keep their connections.
    pub fn changed(&self, puts: Vec<Stored>, deleted: &[(&str, &str)], fittings: &Fittings) -> Snapshot {
        let key = |stored: &Stored| (stored.row.kind.clone(), stored.row.name.clone());
        let mut manifests: BTreeMap<(String, String), Arc<Stored>> =
            self.manifests.iter().map(|stored| (key(stored), stored.clone())).collect();
        for (kind, name) in deleted {
            manifests.remove(&((*kind).to_owned(), (*name).to_owned()));
        }
        for put in puts {
            manifests.insert(key(&put), Arc::new(put));
        }
        let mut next = self.clone();
        next.manifests = Arc::new(manifests.into_values().collect());
        next.index = Arc::new(Index::new(&next.manifests, &next.standings, &self.index, fittings));
        next
    }

    /// Says which revision of the database this is.
    pub fn at(mut self, revision: i64) -> Snapshot {
        self.revision = revision;
        self
    }
}

impl Index {
    fn new(manifests: &[Arc<Stored>], standings: &Standings, before: &Index, fittings: &Fittings) -> Index {
        let mut index = Index::default();
        // A manifest takes the place of what is built in under its name.
        let mut scopes: HashMap<&str, &Scope> =
            builtin::scopes().iter().map(|scope| (scope.metadata.name.as_str(), scope)).collect();
        let mut grants: Vec<&Grant> = Vec::new();
        let mut asked = HashMap::new();
        let mut declared = BTreeMap::new();
        for stored in manifests {
            match &stored.manifest {
                Manifest::Agent(agent) => index.agent(agent, stored),
                Manifest::Scope(scope) => {
                    scopes.insert(stored.manifest.name(), scope);
                }
                Manifest::Grant(grant) => grants.push(grant),
                Manifest::TrustedIssuer(issuer) => {
                    declared.insert(stored.manifest.name().to_owned(), Arc::new(issuer.clone()));
                }
                Manifest::Cluster(cluster) => {
                    let name = stored.manifest.name();
                    let kept = before.clusters.get(name).filter(|kept| kept.access() == &cluster.access);
                    let access = cluster.access.clone();
                    let fresh = || Arc::new(Cluster::new(name.to_owned(), access, fittings.patience));
                    let made = kept.cloned().unwrap_or_else(fresh);
                    asked.insert(name.to_owned(), (made.clone(), cluster.service_accounts));
                    index.clusters.insert(name.to_owned(), made);
                }
            }
        }
        index.identities.finish();
        for name in index.identities.issuers() {
            if let (false, Some(preset)) = (declared.contains_key(name), TrustedIssuer::preset(name)) {
                declared.insert(name.to_owned(), Arc::new(preset));
            }
        }
        index.issuers = Issuers::new(&asked, &declared, &before.issuers, fittings);
        index.grant(&grants, &scopes, standings);
        index
    }

    fn agent(&mut self, agent: &Agent, stored: &Arc<Stored>) {
        self.identities.enter(agent);
        self.agents.insert(agent.name.clone(), stored.clone());
    }

    fn grant(&mut self, grants: &[&Grant], scopes: &HashMap<&str, &Scope>, standings: &Standings) {
        let mut held: HashMap<AgentName, HashMap<String, Held>> = HashMap::new();
        for grant in grants {
            let name = &grant.metadata.name;
            let until = grant.until.map(|until| Millis(until.as_millisecond()));
            self.grants.insert(name.clone(), until);
            let standing = standings.of(&Subject::Grant(name.clone()));
            for (agent, cluster, scope) in pairs(grant) {
                let Some(scope) = scopes.get(scope) else { continue };
                // A grant that is out gives nothing any more; what it forbids stays forbidden.
                let scope = match standing {
                    Standing::Active => scope.rules.clone(),
                    Standing::Suspended(_) | Standing::Revoked(_) => scope.denies.clone(),
                };
                let namespaces = grant.namespaces.clone();
                let clusters = held.entry(agent.clone()).or_default();
                let held = clusters.entry(cluster.to_owned()).or_default();
                let rules = match grant.mode {
                    Mode::Decide => &mut held.deciding,
                    Mode::Observe => &mut held.observed,
                };
                let lists = grant.lists;
                rules.push(HeldScope { grant: name.clone(), until, namespaces, scope, lists });
            }
        }
        let rules_of = |clusters: HashMap<String, Held>| {
            let rules = |held: Held| Rules::new(held.deciding).observing(held.observed);
            clusters.into_iter().map(|(name, held)| (name, rules(held))).collect()
        };
        self.rules = held.into_iter().map(|(agent, clusters)| (agent, rules_of(clusters))).collect();
    }
}

impl Snapshot {
    /// Counts changes.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// Every manifest, by kind and name.
    pub fn manifests(&self) -> &[Arc<Stored>] {
        &self.manifests
    }

    /// Who stands how.
    pub fn standings(&self) -> &Standings {
        &self.standings
    }

    /// An agent by name.
    pub fn agent(&self, name: &AgentName) -> Option<&Agent> {
        match &self.index.agents.get(name)?.manifest {
            Manifest::Agent(agent) => Some(agent),
            Manifest::Scope(_) | Manifest::Grant(_) | Manifest::Cluster(_) | Manifest::TrustedIssuer(_) => {
                None
            }
        }
    }

    /// Whose a proven identity is.
    pub fn recognise(&self, means: &Means) -> Recognised<'_> {
        self.index.identities.recognise(means)
    }

    /// Who is trusted to vouch for agents.
    pub fn issuers(&self) -> &Issuers {
        &self.index.issuers
    }

    /// The uid that a manifest states for a service account, where it states one.
    pub fn stated_uid(&self, account: &Account) -> Option<&str> {
        self.index.identities.stated_uid(account)
    }

    /// The keys enrolled for an agent.
    pub fn keys_of(&self, agent: &AgentName) -> impl Iterator<Item = &PublicKey> {
        let identities = self.agent(agent).map_or(&[][..], |agent| agent.identities.as_slice());
        identities.iter().filter_map(|identity| match identity {
            Identity::Key(key) => Some(key),
            Identity::ServiceAccount { .. } | Identity::Oidc { .. } => None,
        })
    }

    /// Whether the agent may act at all, recognised by this, for which that issuer vouched.
    pub fn standing(
        &self,
        agent: &AgentName,
        means: &Means,
        issuer: Option<&Arc<Issuer>>,
    ) -> Result<(), Out> {
        let out = |what, how| Err(Out { agent: agent.as_str().to_owned(), what, how });
        match self.standings.of(&Subject::Agent(agent.clone())) {
            Standing::Suspended(_) => return out("agent", "suspended"),
            Standing::Revoked(_) => return out("agent", "revoked"),
            Standing::Active => {}
        }
        let trusted = issuer.is_none_or(|issuer| self.issuers().vouches(issuer).is_some());
        let still = trusted && self.recognise(means) == Recognised::Agent(agent);
        let Means::Key(key) = means else {
            return if still { Ok(()) } else { out("identity", "revoked") };
        };
        if !still {
            return out("key", "revoked");
        }
        match self.standings.of(&Subject::Key(key.fingerprint())) {
            Standing::Suspended(_) => out("key", "suspended"),
            Standing::Revoked(_) => out("key", "revoked"),
            Standing::Active => Ok(()),
        }
    }

    /// Whether who was recognised may act at all.
    pub fn admits(&self, identity: &Recognition) -> Result<(), Refusal> {
        let issuer = identity.proven().issuer.as_ref();
        self.standing(identity.agent(), identity.means(), issuer).map_err(Refusal::Out)
    }

    /// Whether this agent may act at all, and this is still the cluster of that name: a request may have
    /// looked it up just before it was replaced.
    pub fn upholds(&self, lease: &Lease, cluster: &Cluster) -> Result<(), Refusal> {
        let held = lease.held();
        self.standing(held.agent(), held.means(), held.issuer()).map_err(Refusal::Out)?;
        match self.cluster(cluster.name()) {
            Some(now) if std::ptr::eq(Arc::as_ptr(now), cluster) => Ok(()),
            Some(_) | None => Err(Refusal::Cut),
        }
    }

    /// What an agent holds on a cluster.
    pub fn rules(&self, agent: &AgentName, cluster: &str) -> Option<&Rules> {
        self.index.rules.get(agent).and_then(|clusters| clusters.get(cluster))
    }

    /// A cluster by name.
    pub fn cluster(&self, name: &str) -> Option<&Arc<Cluster>> {
        self.index.clusters.get(name)
    }

    /// All clusters.
    pub fn clusters(&self) -> impl Iterator<Item = &Arc<Cluster>> {
        self.index.clusters.values()
    }

    /// Whether a grant gives anything at this time.
    pub fn grant_in_force(&self, grant: &str, now: Millis) -> Option<()> {
        let until = self.index.grants.get(grant)?;
        let over = until.is_some_and(|until| until <= now);
        let active = matches!(self.standings.of(&Subject::Grant(grant.to_owned())), Standing::Active);
        (active && !over).then_some(())
    }

    /// When the next grant ends.
    pub fn next_end(&self, after: Millis) -> Option<Millis> {
        self.index.grants.values().flatten().copied().filter(|until| *until > after).min()
    }
}

fn pairs(grant: &Grant) -> impl Iterator<Item = (&AgentName, &str, &str)> {
    grant.agents.iter().flat_map(move |agent| {
        grant.clusters.iter().flat_map(move |cluster| {
            grant.scopes.iter().map(move |scope| (agent, cluster.as_str(), scope.as_str()))
        })
    })
}

fn read(row: &drawbridge_store::Manifest) -> Result<Manifest, Unbuildable> {
    let bad = |cause| Unbuildable { kind: row.kind.clone(), name: row.name.clone(), cause };
    let value = serde_json::from_str(&row.body).map_err(|error| bad(ManifestError::from(error)))?;
    Manifest::from_json(&value).map_err(bad)
}
