//! What agents may do, as people read it: the rules that each holds, where, through which grant and until
//! when. Decisions don't read this; they read the snapshot's own rules, which are made of the same manifests.

use std::borrow::Cow;
use std::collections::HashMap;

use drawbridge_policy::{AgentName, Effect, Millis, Reach};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::snapshot::Snapshot;
use super::standing::{Standing, Standings, Subject};
use crate::manifest::builtin;
use crate::manifest::{Agent, Cluster, Grant, Manifest, Mode, Scope, TrustedIssuer};

/// Rules of one agent that are listed or compared. More than this nobody reads, and a grant may make a
/// hundred million of them.
pub const MOST: usize = 20_000;

/// One rule that an agent holds on one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Right {
    /// The cluster.
    pub cluster: String,
    /// The namespaces that the grant names; none: everywhere.
    pub namespaces: Option<Vec<String>>,
    /// The scope that has the rule.
    pub scope: String,
    /// The rule as its manifest has it.
    pub rule: Value,
    /// The grant through which it is held.
    pub grant: String,
    /// When the grant ends.
    pub until: Option<String>,
}

/// The manifests of one snapshot, by what they say about agents.
pub struct View<'s> {
    agents: HashMap<&'s str, &'s Agent>,
    scopes: HashMap<&'s str, &'s Scope>,
    grants: HashMap<&'s str, &'s Grant>,
    clusters: HashMap<&'s str, &'s Cluster>,
    issuers: HashMap<&'s str, &'s TrustedIssuer>,
    held: HashMap<&'s AgentName, Vec<&'s Grant>>,
    standings: &'s Standings,
    now: Millis,
}

impl<'s> View<'s> {
    /// The view at a time, at which some grants are over.
    pub fn of(snapshot: &'s Snapshot, now: Millis) -> View<'s> {
        let mut view = View {
            agents: HashMap::new(),
            scopes: builtin::scopes().iter().map(|scope| (&*scope.metadata.name, scope)).collect(),
            grants: HashMap::new(),
            clusters: HashMap::new(),
            issuers: HashMap::new(),
            held: HashMap::new(),
            standings: snapshot.standings(),
            now,
        };
        for stored in snapshot.manifests() {
            view.add(&stored.manifest);
        }
        view
    }

    fn add(&mut self, manifest: &'s Manifest) {
        let name = manifest.name();
        match manifest {
            Manifest::Agent(agent) => {
                self.agents.insert(name, agent);
            }
            Manifest::Scope(scope) => {
                self.scopes.insert(name, scope);
            }
            Manifest::Grant(grant) => {
                self.grants.insert(name, grant);
                for agent in &grant.agents {
                    self.held.entry(agent).or_default().push(grant);
                }
            }
            Manifest::Cluster(cluster) => {
                self.clusters.insert(name, cluster);
            }
            Manifest::TrustedIssuer(issuer) => {
                self.issuers.insert(name, issuer);
            }
        }
    }

    /// The names of all agents.
    pub fn agents(&self) -> impl Iterator<Item = &'s AgentName> {
        self.agents.values().map(|agent| &agent.name)
    }

    /// An agent by name.
    pub fn agent(&self, name: &AgentName) -> Option<&'s Agent> {
        self.agents.get(name.as_str()).copied()
    }

    /// A grant by name.
    pub fn grant(&self, name: &str) -> Option<&'s Grant> {
        self.grants.get(name).copied()
    }

    /// A cluster by name.
    pub fn cluster(&self, name: &str) -> Option<&'s Cluster> {
        self.clusters.get(name).copied()
    }

    /// A trusted issuer by name: its manifest, or the one that needs none.
    pub fn issuer(&self, name: &str) -> Option<Cow<'s, TrustedIssuer>> {
        let declared = self.issuers.get(name).copied().map(Cow::Borrowed);
        declared.or_else(|| TrustedIssuer::preset(name).map(Cow::Owned))
    }

    /// All grants.
    pub fn grants(&self) -> impl Iterator<Item = &'s Grant> {
        self.grants.values().copied()
    }

    /// The grants that name an agent, by name.
    pub fn grants_of(&self, agent: &AgentName) -> &[&'s Grant] {
        self.held.get(agent).map_or(&[], Vec::as_slice)
    }

    /// How an agent stands.
    pub fn standing(&self, agent: &AgentName) -> Standing<'s> {
        self.standings.of(&Subject::Agent(agent.clone()))
    }

    /// The rules that an agent holds now, at most [`MOST`] and one more.
    pub fn rights(&self, agent: &AgentName) -> Vec<Right> {
        let mut rights = Vec::new();
        for grant in self.grants_of(agent) {
            self.through(grant, &mut rights);
        }
        rights
    }

    /// The rules that a grant gives each of its agents now, at most [`MOST`] and one more.
    pub fn rights_through(&self, grant: &Grant) -> Vec<Right> {
        let mut rights = Vec::new();
        self.through(grant, &mut rights);
        rights
    }

    fn through(&self, grant: &Grant, rights: &mut Vec<Right>) {
        let name = &grant.metadata.name;
        if grant.mode == Mode::Observe
            || grant.until.is_some_and(|until| until.as_millisecond() <= self.now.0)
        {
            return;
        }
        // As decisions have it: a grant that is out gives nothing, and what it forbids stays forbidden.
        let counts = |effect| match self.standings.of(&Subject::Grant(name.clone())) {
            Standing::Active => true,
            Standing::Suspended(_) | Standing::Revoked(_) => effect == Effect::Deny,
        };
        let namespaces = namespaces(grant);
        for (cluster, scope) in pairs(grant) {
            let Some(scope) = self.scopes.get(scope) else { continue };
            let rules = scope.specs.iter().zip(rules(scope));
            for (_, rule) in rules.filter(|(spec, _)| counts(spec.effect)) {
                if rights.len() > MOST {
                    return;
                }
                rights.push(Right {
                    cluster: cluster.to_owned(),
                    namespaces: namespaces.clone(),
                    scope: scope.metadata.name.clone(),
                    rule,
                    grant: name.clone(),
                    until: grant.until.map(|until| until.to_string()),
                });
            }
        }
    }
}

/// The namespaces of a grant, as its manifest has them.
pub fn namespaces(grant: &Grant) -> Option<Vec<String>> {
    match &grant.namespaces {
        Reach::Everywhere => None,
        Reach::Namespaces(patterns) => Some(patterns.iter().map(ToString::to_string).collect()),
    }
}

/// The rules of a scope, as its manifest has them.
pub fn rules(scope: &Scope) -> Vec<Value> {
    let json = Manifest::Scope(scope.clone()).to_json();
    json.pointer("/spec/rules").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn pairs(grant: &Grant) -> impl Iterator<Item = (&str, &str)> {
    grant
        .clusters
        .iter()
        .flat_map(|cluster| grant.scopes.iter().map(move |scope| (cluster.as_str(), scope.as_str())))
}
