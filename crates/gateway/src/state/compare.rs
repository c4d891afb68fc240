//! What a plan changes in what agents may do: agent by agent the rules gained and lost, the grants begun and
//! ended, the identities added and removed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use drawbridge_policy::{AgentName, Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::What;
use super::plan::Plan;
use super::rights::{MOST, Right, View};
use super::standing::Standing;
use crate::manifest::{Grant, Identity, Manifest, Metadata, TrustedIssuer};

/// Agents that are compared. Who changes more at once reads the manifests' difference.
const AGENTS: usize = 200;

/// What changes for one agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The agent.
    pub agent: String,
    /// `created` or `deleted`, if it is.
    pub change: Option<String>,
    /// How it stands, where it isn't active: then it may do nothing of this.
    pub standing: Option<String>,
    /// The identities that it gets, as its manifest has them.
    pub identities_added: Vec<Value>,
    /// The identities that it loses.
    pub identities_removed: Vec<Value>,
    /// The grants that begin.
    pub grants_begun: Vec<String>,
    /// The grants that end.
    pub grants_ended: Vec<String>,
    /// The grants that now say something else.
    pub grants_changed: Vec<String>,
    /// The clusters of its grants and accounts that are then reached otherwise, or ask something else of
    /// accounts' tokens.
    #[serde(default)]
    pub clusters_changed: Vec<String>,
    /// The issuers of its identities that are then somebody else, or sign otherwise.
    #[serde(default)]
    pub issuers_changed: Vec<String>,
    /// The rules that it holds then and not now, whatever the grant.
    pub gained: Vec<Right>,
    /// The rules that it holds now and not then.
    pub lost: Vec<Right>,
    /// Whether it has more rules than are compared: then none is.
    pub too_many: bool,
}

/// What changes for agents, by their names, and for how many more something may.
pub fn agents(plan: &Plan, now: Millis) -> (Vec<Changed>, usize) {
    let (before, after) = (View::of(plan.before(), now), View::of(&plan.next, now));
    let touched = touched(plan, &before, &after);
    let more = touched.len().saturating_sub(AGENTS);
    let compared = touched.into_iter().take(AGENTS);
    let changed = compared.map(|agent| compare(agent, &before, &after));
    (changed.filter(Changed::is_any).collect(), more)
}

impl Changed {
    fn is_any(&self) -> bool {
        let empty = Changed {
            agent: self.agent.clone(),
            standing: self.standing.clone(),
            too_many: self.too_many,
            ..Changed::default()
        };
        *self != empty || self.too_many
    }
}

/// The agents that a plan may change something for.
fn touched<'v>(plan: &Plan, before: &View<'v>, after: &View<'v>) -> BTreeSet<&'v AgentName> {
    let changed = plan.applied.iter().filter(|one| one.change != What::Unchanged);
    let changed: HashSet<(&str, &str)> = changed.map(|one| (one.kind.as_str(), one.name.as_str())).collect();
    let mut touched = BTreeSet::new();
    for view in [before, after] {
        touched.extend(view.agents().filter(|name| changed.contains(&("Agent", name.as_str()))));
        for grant in view.grants() {
            let scope = |scope: &String| changed.contains(&("Scope", scope.as_str()));
            if changed.contains(&("Grant", grant.metadata.name.as_str())) || grant.scopes.iter().any(scope) {
                touched.extend(&grant.agents);
            }
        }
        let around = |agent: &&AgentName| {
            let named = Around::of(view, agent);
            named.clusters.iter().any(|name| changed.contains(&("Cluster", name)))
                || named.issuers.iter().any(|name| changed.contains(&("TrustedIssuer", name)))
        };
        if changed.iter().any(|(kind, _)| matches!(*kind, "Cluster" | "TrustedIssuer")) {
            touched.extend(view.agents().filter(around));
        }
    }
    touched
}

/// The clusters and issuers that an agent depends on.
#[derive(Default)]
struct Around<'v> {
    clusters: BTreeSet<&'v str>,
    issuers: BTreeSet<&'v str>,
}

impl<'v> Around<'v> {
    fn of(view: &View<'v>, agent: &AgentName) -> Around<'v> {
        let mut around = Around::default();
        for identity in view.agent(agent).map_or(&[][..], |agent| agent.identities.as_slice()) {
            match identity {
                Identity::Key(_) => {}
                Identity::ServiceAccount { account, .. } => {
                    around.clusters.insert(&account.cluster);
                }
                Identity::Oidc { issuer, .. } => {
                    around.issuers.insert(issuer);
                }
            }
        }
        for grant in view.grants_of(agent) {
            around.clusters.extend(grant.clusters.iter().map(String::as_str));
        }
        around
    }
}

fn compare(agent: &AgentName, before: &View<'_>, after: &View<'_>) -> Changed {
    let (was, will) = (before.agent(agent), after.agent(agent));
    let change = match (was, will) {
        (None, Some(_)) => Some("created"),
        (Some(_), None) => Some("deleted"),
        (Some(_), Some(_)) | (None, None) => None,
    };
    let standing = match after.standing(agent) {
        Standing::Active => None,
        standing @ (Standing::Suspended(_) | Standing::Revoked(_)) => Some(standing.as_str().to_owned()),
    };
    let (identities_was, identities_will) = (identities(was), identities(will));
    let (rights_was, rights_will) = (before.rights(agent), after.rights(agent));
    let too_many = rights_was.len() > MOST || rights_will.len() > MOST;
    let (gained, lost) = if too_many {
        (Vec::new(), Vec::new())
    } else {
        (only_in(&rights_will, &rights_was), only_in(&rights_was, &rights_will))
    };
    let mut changed = Changed {
        agent: agent.as_str().to_owned(),
        change: change.map(str::to_owned),
        standing,
        identities_added: without(&identities_will, &identities_was),
        identities_removed: without(&identities_was, &identities_will),
        gained,
        lost,
        too_many,
        ..Changed::default()
    };
    changed.grants(before.grants_of(agent), after.grants_of(agent));
    changed.around(agent, before, after);
    changed
}

impl Changed {
    fn grants(&mut self, was: &[&Grant], will: &[&Grant]) {
        let was: BTreeMap<&str, Value> = was.iter().map(|grant| given(grant)).collect();
        let will: BTreeMap<&str, Value> = will.iter().map(|grant| given(grant)).collect();
        for (name, gives) in &will {
            match was.get(name) {
                None => self.grants_begun.push((*name).to_owned()),
                Some(gave) if gave != gives => self.grants_changed.push((*name).to_owned()),
                Some(_) => {}
            }
        }
        let ended = was.keys().filter(|name| !will.contains_key(*name));
        self.grants_ended = ended.map(|name| (*name).to_owned()).collect();
    }
}

impl Changed {
    /// What changes about clusters and issuers that the agent depends on now and then. One that it only comes
    /// to, or leaves, shows by its grants and identities.
    fn around(&mut self, agent: &AgentName, before: &View<'_>, after: &View<'_>) {
        let (was, will) = (Around::of(before, agent), Around::of(after, agent));
        let cluster = |view: &View<'_>, name: &str| {
            view.cluster(name).map(|one| (one.access.clone(), one.service_accounts))
        };
        let issuer = |view: &View<'_>, name: &str| {
            view.issuer(name).map(|one| TrustedIssuer { metadata: Metadata::default(), ..one.into_owned() })
        };
        let clusters = was.clusters.intersection(&will.clusters);
        let clusters = clusters.filter(|name| cluster(before, name) != cluster(after, name));
        self.clusters_changed = clusters.map(|name| (*name).to_owned()).collect();
        let issuers = was.issuers.intersection(&will.issuers);
        let issuers = issuers.filter(|name| issuer(before, name) != issuer(after, name));
        self.issuers_changed = issuers.map(|name| (*name).to_owned()).collect();
    }
}

/// What a grant gives one of its agents: who else has it is none of this one's business.
fn given(grant: &Grant) -> (&str, Value) {
    let json = Manifest::Grant(grant.clone()).to_json();
    let mut spec = json.get("spec").cloned().unwrap_or_default();
    if let Some(spec) = spec.as_object_mut() {
        spec.remove("agents");
    }
    (&grant.metadata.name, spec)
}

fn identities(agent: Option<&crate::manifest::Agent>) -> Vec<Value> {
    let json = agent.map(|agent| Manifest::Agent(agent.clone()).to_json()).unwrap_or_default();
    json.pointer("/spec/identities").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn without(all: &[Value], others: &[Value]) -> Vec<Value> {
    all.iter().filter(|one| !others.contains(one)).cloned().collect()
}

/// The rights that aren't among the others, each once: through which grant one is held makes no difference
/// to what may be done.
fn only_in(rights: &[Right], others: &[Right]) -> Vec<Right> {
    let mut seen: HashSet<String> = others.iter().map(what).collect();
    rights.iter().filter(|right| seen.insert(what(right))).cloned().collect()
}

fn what(right: &Right) -> String {
    let Right { cluster, namespaces, scope, rule, grant: _, until: _ } = right;
    let mut rule = rule.clone();
    if let Some(rule) = rule.as_object_mut() {
        // It silences warnings and lets nobody do anything.
        rule.remove("acknowledge");
    }
    serde_json::json!([cluster, namespaces, scope, rule]).to_string()
}
