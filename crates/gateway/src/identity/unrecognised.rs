//! Callers with a good credential of no known agent, seen lately: what an administrator looks at to enrol
//! one.
//! Strangers fill it, so that it is bounded, and no source can push out what others left.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use drawbridge_policy::{AgentName, Millis};
use serde_json::{Value, json};

use super::means::{Claim, Means};
use super::proven::{Because, Stranger};

/// Credentials that are kept at once.
const MOST: usize = 256;
/// Credentials that are kept of one source address: anyone can make as many keys as they like.
const OF_ONE_SOURCE: usize = 16;

/// Such a credential, over all of its requests.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The word for its kind: `key`, `service-account` or `oidc`.
    pub kind: &'static str,
    /// Who it is, in the words of whoever vouches for it.
    pub subject: String,
    /// What an Agent's manifest would have to have under `identities`.
    pub identity: Value,
    /// Why it is nobody's.
    pub because: Because,
    /// The agent whose account was made again, where it was: the new one can be no other agent's.
    pub agent: Option<AgentName>,
    /// The entry of the last request.
    pub id: String,
    /// When it was seen first.
    pub first: Millis,
    /// When it was seen last.
    pub last: Millis,
    /// How often.
    pub count: u64,
    /// Where the last request came from.
    pub source: IpAddr,
}

/// What would recognise it. Of an OIDC token only the subject is taken: which other claims matter is for a
/// person to say, and all of them could be long.
fn identity(means: &Means, because: Because) -> Value {
    match means {
        Means::Key(key) => json!({ "key": { "publicKey": key.to_string() } }),
        // Only with its uid would an account that was made again count.
        Means::Account { account, uid } if because == Because::Recreated => {
            json!({ "serviceAccount": account.to_string(), "uid": uid })
        }
        Means::Account { account, .. } => json!({ "serviceAccount": account.to_string() }),
        Means::Oidc { issuer, claims } => {
            let subject = claims.get("sub").map_or(Value::Null, Claim::to_json);
            json!({ "oidc": { "issuer": issuer, "claims": { "sub": subject } } })
        }
    }
}

/// What was seen, the longest unseen first.
#[derive(Debug, Default)]
pub struct Unrecognised(Mutex<Vec<Seen>>);

impl Unrecognised {
    /// Notes a request.
    pub fn saw(&self, stranger: &Stranger, source: IpAddr, now: Millis) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let means = &stranger.proven.means;
        let (kind, subject) = (means.kind(), means.subject());
        let known = seen.iter().position(|one| one.kind == kind && one.subject == subject);
        let (first, before) = match known.map(|place| seen.remove(place)) {
            Some(one) => (one.first, one.count),
            None => {
                make_room(&mut seen, source);
                (now, 0)
            }
        };
        seen.push(Seen {
            kind,
            subject,
            identity: identity(means, stranger.because),
            because: stranger.because,
            agent: stranger.agent.clone(),
            id: stranger.id.clone(),
            first,
            last: now,
            count: before.saturating_add(1),
            source,
        });
    }

    /// What was seen lately, the latest first.
    pub fn list(&self) -> Vec<Seen> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().rev().cloned().collect()
    }

    /// How many are kept.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Forgets what was longest unseen: of this source where it has its share, else of all.
fn make_room(seen: &mut Vec<Seen>, source: IpAddr) {
    let own = seen.iter().filter(|one| one.source == source).count();
    if own >= OF_ONE_SOURCE
        && let Some(place) = seen.iter().position(|one| one.source == source)
    {
        seen.remove(place);
    } else if seen.len() >= MOST {
        seen.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::key::AgentKey;
    use crate::identity::means::Instance;
    use crate::identity::proven::{Proof, Proven};

    fn stranger() -> Stranger {
        let key = AgentKey::generate().unwrap().public().unwrap();
        let proven = Proven {
            instance: Instance::of_key(&key),
            credential: key.fingerprint(),
            means: Means::Key(key),
            proof: Proof::Certificate,
            ends: Millis(9),
            issuer: None,
        };
        Stranger { id: "d-1".to_owned(), proven, because: Because::Unknown, agent: None, advice: None }
    }

    fn source(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn one_credential_is_one_line_however_often_it_comes() {
        let seen = Unrecognised::default();
        let (one, other) = (stranger(), stranger());
        let again = Stranger {
            id: "d-9".to_owned(),
            proven: one.proven.clone(),
            because: Because::Unknown,
            agent: None,
            advice: None,
        };
        seen.saw(&one, source(1), Millis(1));
        seen.saw(&other, source(1), Millis(2));
        seen.saw(&again, source(2), Millis(3));
        let list = seen.list();
        assert_eq!(list.len(), 2);
        let first = &list[0];
        assert_eq!(
            (first.first, first.last, first.count, first.source),
            (Millis(1), Millis(3), 2, source(2))
        );
        assert_eq!((first.id.as_str(), &first.subject), ("d-9", &one.proven.credential));
    }

    #[test]
    fn a_stranger_with_many_keys_pushes_out_only_its_own() {
        let seen = Unrecognised::default();
        let honest = stranger();
        seen.saw(&honest, source(1), Millis(0));
        for _ in 0..1_000 {
            seen.saw(&stranger(), source(2), Millis(1));
        }
        assert_eq!(seen.count(), 1 + OF_ONE_SOURCE);
        assert!(seen.list().iter().any(|one| one.subject == honest.proven.credential));
        for n in 0..200 {
            for _ in 0..OF_ONE_SOURCE {
                seen.saw(&stranger(), source(n), Millis(2));
            }
        }
        assert_eq!(seen.count(), MOST);
    }
}
