//! One identity names one agent (invariant 8): which identities of different agents could both be the same
//! caller's.

use std::collections::{BTreeMap, HashMap};

use drawbridge_policy::AgentName;

use super::{Agent, Identity};
use crate::identity::key::PublicKey;
use crate::identity::means::{Account, Claim, Claims};

/// Different sets of claims, by their names, that identities of one issuer may want. Each is compared with
/// all others; issuers have a few claims that tell agents apart.
const SETS: usize = 64;

/// Why an identity isn't entered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotOwn<'m> {
    /// Another agent has it, or one that overlaps with it.
    Another(&'m AgentName),
    /// It wants one more different set of claims than is compared.
    TooManySets,
}

/// Who has which identity.
#[derive(Default)]
pub(super) struct Owners<'m> {
    keys: HashMap<&'m PublicKey, &'m AgentName>,
    accounts: HashMap<&'m Account, &'m AgentName>,
    issuers: HashMap<&'m str, Issuer<'m>>,
}

impl<'m> Owners<'m> {
    /// Enters an identity that no other agent has.
    pub(super) fn enter(&mut self, agent: &'m Agent, identity: &'m Identity) -> Result<(), NotOwn<'m>> {
        let other = |owner: &'m AgentName| (owner != &agent.name).then_some(owner);
        let another = match identity {
            Identity::Key(key) => other(self.keys.entry(key).or_insert(&agent.name)),
            Identity::ServiceAccount { account, .. } => {
                other(self.accounts.entry(account).or_insert(&agent.name))
            }
            Identity::Oidc { issuer, claims } => {
                let issuer = self.issuers.entry(issuer).or_default();
                if !issuer.has_room_for(claims) {
                    return Err(NotOwn::TooManySets);
                }
                issuer.enter(claims, &agent.name)
            }
        };
        another.map_or(Ok(()), |another| Err(NotOwn::Another(another)))
    }
}

/// The claims that identities of one issuer want, in groups that want the same claims by name.
#[derive(Default)]
struct Issuer<'m> {
    groups: BTreeMap<Vec<&'m str>, Group<'m>>,
}

/// Identities that want the same claims by name, each with its values in that order.
#[derive(Default)]
struct Group<'m> {
    identities: Vec<(&'m Claims, &'m AgentName)>,
    /// By the names that another group has too: which agents want which values for those.
    shared: HashMap<Vec<&'m str>, HashMap<Vec<&'m Claim>, Agents<'m>>>,
}

/// One agent, and another if there is one: more need not be known.
#[derive(Clone, Copy)]
struct Agents<'m> {
    one: &'m AgentName,
    another: Option<&'m AgentName>,
}

impl<'m> Issuer<'m> {
    fn has_room_for(&self, claims: &'m Claims) -> bool {
        let names: Vec<&str> = claims.keys().map(String::as_str).collect();
        self.groups.len() < SETS || self.groups.contains_key(&names)
    }

    /// Two identities overlap unless there is a claim that both want with different values: a token that has
    /// what both want would be both agents'. One that wants a part of the other's claims is such a case.
    fn enter(&mut self, claims: &'m Claims, agent: &'m AgentName) -> Option<&'m AgentName> {
        let names: Vec<&str> = claims.keys().map(String::as_str).collect();
        let found = self.groups.iter_mut().find_map(|(others, group)| {
            let shared: Vec<&'m str> = names.iter().copied().filter(|name| others.contains(name)).collect();
            group.other_than(agent, claims, shared)
        });
        self.groups.entry(names).or_default().add(claims, agent);
        found
    }
}

impl<'m> Group<'m> {
    fn other_than(
        &mut self,
        agent: &'m AgentName,
        claims: &'m Claims,
        shared: Vec<&'m str>,
    ) -> Option<&'m AgentName> {
        let wanted = values(claims, &shared);
        let identities = &self.identities;
        let index = self.shared.entry(shared).or_insert_with_key(|shared| {
            let mut index = HashMap::new();
            for (claims, agent) in identities {
                note(&mut index, values(claims, shared), agent);
            }
            index
        });
        let Agents { one, another } = *index.get(&wanted)?;
        if one == agent { another } else { Some(one) }
    }

    fn add(&mut self, claims: &'m Claims, agent: &'m AgentName) {
        for (shared, index) in &mut self.shared {
            note(index, values(claims, shared), agent);
        }
        self.identities.push((claims, agent));
    }
}

fn note<'m>(index: &mut HashMap<Vec<&'m Claim>, Agents<'m>>, values: Vec<&'m Claim>, agent: &'m AgentName) {
    let agents = index.entry(values).or_insert(Agents { one: agent, another: None });
    if agents.one != agent && agents.another.is_none() {
        agents.another = Some(agent);
    }
}

fn values<'m>(claims: &'m Claims, names: &[&'m str]) -> Vec<&'m Claim> {
    names.iter().filter_map(|name| claims.get(*name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(pairs: &[(&str, &str)]) -> Claims {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), Claim::Text((*value).to_owned())));
        pairs.collect()
    }

    /// The numbers of the identities that were found to overlap with an earlier one of another agent.
    fn overlapping(identities: &[(&str, &[(&str, &str)])]) -> Vec<usize> {
        let owned: Vec<(AgentName, Claims)> = identities
            .iter()
            .map(|(agent, pairs)| (AgentName::parse(agent).unwrap(), claims(pairs)))
            .collect();
        let mut issuer = Issuer::default();
        let found = owned.iter().enumerate().filter(|(_, (agent, claims))| {
            let found = issuer.enter(claims, agent);
            found.is_some_and(|found| found != agent)
        });
        found.map(|(index, _)| index).collect()
    }

    #[test]
    fn claims_that_one_token_could_have_together_overlap() {
        let (ops, prod, dev) = (("repository", "acme/ops"), ("environment", "prod"), ("environment", "dev"));
        assert_eq!(overlapping(&[("a", &[ops]), ("b", &[ops])]), [1], "the same");
        assert_eq!(overlapping(&[("a", &[ops]), ("b", &[ops, prod])]), [1], "a part of the other's");
        assert_eq!(overlapping(&[("a", &[ops, prod]), ("b", &[ops])]), [1], "in either order");
        assert_eq!(overlapping(&[("a", &[ops]), ("b", &[prod])]), [1], "nothing tells them apart");
        assert_eq!(overlapping(&[("a", &[ops, prod]), ("b", &[ops, dev])]), Vec::<usize>::new());
        assert_eq!(
            overlapping(&[("a", &[ops]), ("b", &[("repository", "acme/app"), prod])]),
            [] as [usize; 0]
        );
        assert_eq!(overlapping(&[("a", &[ops]), ("a", &[ops, prod])]), [] as [usize; 0], "one agent may");
        let three: &[(&str, &[(&str, &str)])] =
            &[("a", &[ops, prod]), ("b", &[ops, dev]), ("b", &[("repository", "x"), prod]), ("b", &[ops])];
        assert_eq!(overlapping(three), [3]);
    }

    #[test]
    fn more_different_sets_of_claims_than_can_be_compared_are_refused() {
        let agent = |n: usize| AgentName::parse(&format!("a{n}")).unwrap();
        let claims =
            |n: usize| claims(&[(format!("claim-{n}").as_str(), "x"), ("repository", &n.to_string())]);
        let owned: Vec<(AgentName, Claims)> = (0..SETS + 2).map(|n| (agent(n), claims(n))).collect();
        let mut issuer = Issuer::default();
        for (agent, claims) in owned.iter().take(SETS) {
            assert!(issuer.has_room_for(claims));
            issuer.enter(claims, agent);
        }
        assert!(!issuer.has_room_for(&owned[SETS].1));
        assert!(issuer.has_room_for(&owned[3].1), "one that is compared already");
    }

    #[test]
    fn many_identities_are_compared_in_time_that_grows_with_their_number() {
        let names: Vec<AgentName> =
            (0..10_000).map(|n| AgentName::parse(&format!("a{n}")).unwrap()).collect();
        let owned: Vec<Claims> = (0..10_000)
            .map(|n| claims(&[("environment", "prod"), ("repository", &format!("acme/r{n}"))]))
            .collect();
        let mut issuer = Issuer::default();
        for (claims, agent) in owned.iter().zip(&names) {
            assert_eq!(issuer.enter(claims, agent), None);
        }
        let wide = claims(&[("environment", "prod")]);
        let one = AgentName::parse("one").unwrap();
        assert!(issuer.enter(&wide, &one).is_some());
    }
}
