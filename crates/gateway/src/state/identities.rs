//! Which agent a proven identity is: looked up by what it is, never searched for.

use std::collections::HashMap;

use drawbridge_policy::AgentName;

use crate::identity::key::PublicKey;
use crate::identity::means::{Account, Claim, Claims, Means, fits};
use crate::manifest::{Agent, Identity};

/// All agents' identities.
#[derive(Debug, Default)]
pub struct Identities {
    keys: HashMap<PublicKey, Owned<AgentName>>,
    accounts: HashMap<Account, Owned<Owner>>,
    issuers: HashMap<String, Claimed>,
}

/// What one agent has. Apply refuses that two have it; should they all the same, neither does.
#[derive(Debug)]
enum Owned<T> {
    One(T),
    Several,
}

/// Whose a service account is.
#[derive(Debug)]
struct Owner {
    agent: AgentName,
    uid: Option<String>,
}

/// Whom a proven identity belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised<'a> {
    /// This agent.
    Agent(&'a AgentName),
    /// No agent.
    Nobody,
    /// A service account of that name is an agent's, but this is another account: it was made again.
    Recreated(&'a AgentName),
    /// More than one agent. Then it counts as none of them.
    Several,
}

/// Identities of one issuer, found by one of the claims that each wants.
#[derive(Debug, Default)]
struct Claimed {
    wanted: Vec<(Claims, AgentName)>,
    by_claim: HashMap<(String, Claim), Vec<usize>>,
}

impl Identities {
    /// Enters an agent's.
    pub(super) fn enter(&mut self, agent: &Agent) {
        for identity in &agent.identities {
            match identity {
                Identity::Key(key) => own(&mut self.keys, key, agent.name.clone()),
                Identity::ServiceAccount { account, uid } => {
                    let owner = Owner { agent: agent.name.clone(), uid: uid.clone() };
                    own(&mut self.accounts, account, owner);
                }
                Identity::Oidc { issuer, claims } => {
                    let issuer = self.issuers.entry(issuer.clone()).or_default();
                    issuer.wanted.push((claims.clone(), agent.name.clone()));
                }
            }
        }
    }

    /// The names of the issuers whose claims are somebody's.
    pub(super) fn issuers(&self) -> impl Iterator<Item = &str> {
        self.issuers.keys().map(String::as_str)
    }

    /// To be called when all are entered.
    pub(super) fn finish(&mut self) {
        for claimed in self.issuers.values_mut() {
            claimed.index();
        }
    }

    /// The uid that a manifest states for a service account, where it states one.
    pub fn stated_uid(&self, account: &Account) -> Option<&str> {
        match self.accounts.get(account)? {
            Owned::One(owner) => owner.uid.as_deref(),
            Owned::Several => None,
        }
    }

    /// Whose it is.
    pub fn recognise(&self, means: &Means) -> Recognised<'_> {
        match means {
            Means::Key(key) => match self.keys.get(key) {
                None => Recognised::Nobody,
                Some(Owned::Several) => Recognised::Several,
                Some(Owned::One(agent)) => Recognised::Agent(agent),
            },
            Means::Account { account, uid } => match self.accounts.get(account.as_ref()) {
                None => Recognised::Nobody,
                Some(Owned::Several) => Recognised::Several,
                Some(Owned::One(owner)) => match &owner.uid {
                    Some(wanted) if **wanted != **uid => Recognised::Recreated(&owner.agent),
                    Some(_) | None => Recognised::Agent(&owner.agent),
                },
            },
            Means::Oidc { issuer, claims } => self
                .issuers
                .get(issuer.as_ref())
                .map_or(Recognised::Nobody, |issuer| issuer.recognise(claims)),
        }
    }
}

/// Within one agent nothing stands twice, so that a second owner is another agent.
fn own<K: Clone + Eq + std::hash::Hash, T>(owned: &mut HashMap<K, Owned<T>>, key: &K, owner: T) {
    let owner = if owned.contains_key(key) { Owned::Several } else { Owned::One(owner) };
    owned.insert(key.clone(), owner);
}

impl Claimed {
    /// Files each identity under the one of its claims that fewest others want.
    fn index(&mut self) {
        let mut count: HashMap<(&str, &Claim), usize> = HashMap::new();
        for (claims, _) in &self.wanted {
            for (name, value) in claims {
                *count.entry((name, value)).or_insert(0) += 1;
            }
        }
        let mut by_claim: HashMap<(String, Claim), Vec<usize>> = HashMap::new();
        for (place, (claims, _)) in self.wanted.iter().enumerate() {
            let rarest = claims.iter().min_by_key(|(name, value)| count.get(&(name.as_str(), *value)));
            if let Some((name, value)) = rarest {
                by_claim.entry((name.clone(), value.clone())).or_default().push(place);
            }
        }
        self.by_claim = by_claim;
    }

    fn recognise(&self, has: &Claims) -> Recognised<'_> {
        let mut found = Recognised::Nobody;
        for (name, value) in has {
            let places = self.by_claim.get(&(name.clone(), value.clone()));
            for (wants, agent) in places.into_iter().flatten().filter_map(|place| self.wanted.get(*place)) {
                if !fits(wants, has) {
                    continue;
                }
                found = match found {
                    Recognised::Nobody => Recognised::Agent(agent),
                    Recognised::Agent(other) if other == agent => found,
                    Recognised::Agent(_) | Recognised::Several | Recognised::Recreated(_) => {
                        return Recognised::Several;
                    }
                };
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::manifest::{self, Manifest, Source};

    fn identities(agents: &[(&str, &str)]) -> Identities {
        let mut identities = Identities::default();
        for (name, list) in agents {
            let text = format!(
                "apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\n\
                 spec: {{owner: me, purpose: test, identities: {list}}}\n"
            );
            let read = manifest::read(&[Source { file: "a.yaml".to_owned(), text }]).unwrap();
            let Manifest::Agent(agent) = read[0].get() else { panic!("no agent") };
            identities.enter(agent);
        }
        identities.finish();
        identities
    }

    fn oidc(issuer: &str, pairs: &[(&str, &str)]) -> Means {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), Claim::Text((*value).to_owned())));
        Means::Oidc { issuer: issuer.into(), claims: Arc::new(pairs.collect()) }
    }

    fn account(cluster: &str, uid: &str) -> Means {
        let account =
            Account { cluster: cluster.to_owned(), namespace: "agents".to_owned(), name: "a".to_owned() };
        Means::Account { account: Arc::new(account), uid: uid.into() }
    }

    fn name(recognised: Recognised<'_>) -> &str {
        match recognised {
            Recognised::Agent(agent) => agent.as_str(),
            Recognised::Nobody => "nobody",
            Recognised::Several => "several",
            Recognised::Recreated(_) => "recreated",
        }
    }

    #[test]
    fn claims_name_an_agent_of_their_own_issuer_only() {
        let known = identities(&[
            ("a", "[{oidc: {issuer: github, claims: {repository: x/a, environment: prod}}}]"),
            ("b", "[{oidc: {issuer: github, claims: {repository: x/b, environment: prod}}}]"),
        ]);
        let of = |means: &Means| name(known.recognise(means)).to_owned();
        let a = [("repository", "x/a"), ("environment", "prod"), ("ref", "main")];
        assert_eq!(of(&oidc("github", &a)), "a");
        assert_eq!(of(&oidc("gitlab", &a)), "nobody");
        assert_eq!(of(&oidc("github", &a[..1])), "nobody");
        assert_eq!(of(&oidc("github", &[])), "nobody");
    }

    #[test]
    fn who_could_be_two_agents_is_neither() {
        // Apply refuses such a pair; should one stand in the database all the same, nobody is let through.
        let known = identities(&[
            ("a", "[{oidc: {issuer: github, claims: {repository: x/a}}}]"),
            ("b", "[{oidc: {issuer: github, claims: {environment: prod}}}]"),
        ]);
        let both = oidc("github", &[("repository", "x/a"), ("environment", "prod")]);
        assert_eq!(known.recognise(&both), Recognised::Several);
        assert_eq!(name(known.recognise(&oidc("github", &[("repository", "x/a")]))), "a");
        let key = "ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";
        let shared = format!("[{{key: {{publicKey: '{key}'}}}}, {{serviceAccount: prod/agents/a}}]");
        let known = identities(&[("a", &shared), ("b", &shared)]);
        let key = Means::Key(PublicKey::parse(key).unwrap());
        assert_eq!(known.recognise(&key), Recognised::Several);
        assert_eq!(name(known.recognise(&account("prod", "one"))), "several");
    }

    #[test]
    fn a_service_account_with_another_uid_is_another() {
        let known = identities(&[("a", "[{serviceAccount: prod/agents/a, uid: one}]")]);
        assert_eq!(name(known.recognise(&account("prod", "one"))), "a");
        assert_eq!(name(known.recognise(&account("prod", "two"))), "recreated");
        assert_eq!(name(known.recognise(&account("dev", "one"))), "nobody");
    }
}
