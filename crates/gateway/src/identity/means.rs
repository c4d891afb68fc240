//! By what an agent is recognised: what a credential proves once it was believed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::key::PublicKey;
use crate::yaml::is_invisible;

/// Characters of what tells an instance from others: a pod's name and uid have up to 290.
const LONGEST_NAME: usize = 320;

/// A service account of a known cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    /// The cluster's name here.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster, self.namespace, self.name)
    }
}

/// The value of one claim, where it is one that can be compared exactly. Texts, truth values and whole
/// numbers are; lists, maps and fractions aren't.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Claim {
    /// Text.
    Text(String),
    /// A truth value.
    Flag(bool),
    /// A whole number.
    Number(i64),
}

impl Claim {
    /// Reads a claim of a token.
    pub fn of(value: &Value) -> Option<Claim> {
        match value {
            Value::String(text) => Some(Claim::Text(text.clone())),
            Value::Bool(flag) => Some(Claim::Flag(*flag)),
            Value::Number(number) => number.as_i64().map(Claim::Number),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The claim as a manifest says it.
    pub fn to_json(&self) -> Value {
        match self {
            Claim::Text(text) => Value::String(text.clone()),
            Claim::Flag(flag) => Value::Bool(*flag),
            Claim::Number(number) => Value::from(*number),
        }
    }
}

/// Claims by name: those that a manifest wants, or those that a token has.
pub type Claims = BTreeMap<String, Claim>;

/// Whether a token with the claims `has` is one that `wants` speaks of: each is there with exactly that
/// value, of the same type.
pub fn fits(wants: &Claims, has: &Claims) -> bool {
    !wants.is_empty() && wants.iter().all(|(name, value)| has.get(name) == Some(value))
}

/// By what an agent was recognised. Kept with every open request, so that it is found out at once when a
/// changed manifest no longer speaks of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Means {
    /// Its own enrolled key.
    Key(PublicKey),
    /// A service account's token.
    Account {
        /// Which account.
        account: Arc<Account>,
        /// The account's uid: one that was deleted and made again is another.
        uid: Arc<str>,
    },
    /// An OIDC ID token.
    Oidc {
        /// The name of the trusted issuer.
        issuer: Arc<str>,
        /// The token's claims that can be compared.
        claims: Arc<Claims>,
    },
}

impl Means {
    /// Who it is, in the words of whoever vouches for it. Not a secret, and no proof.
    pub fn subject(&self) -> String {
        match self {
            Means::Key(key) => key.fingerprint(),
            Means::Account { account, .. } => account.to_string(),
            Means::Oidc { issuer, claims } => match claims.get("sub") {
                Some(Claim::Text(subject)) => format!("{issuer}: {subject}"),
                Some(Claim::Flag(_) | Claim::Number(_)) | None => issuer.to_string(),
            },
        }
    }

    /// The word for its kind: `key`, `service-account` or `oidc`.
    pub fn kind(&self) -> &'static str {
        match self {
            Means::Key(_) => "key",
            Means::Account { .. } => "service-account",
            Means::Oidc { .. } => "oidc",
        }
    }
}

/// One running copy of an agent, told apart by what its credential says: a pod, a CI run, a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instance(Arc<str>);

impl Instance {
    /// The copy that holds a key.
    pub fn of_key(key: &PublicKey) -> Instance {
        Instance(format!("key {}", key.fingerprint()).into())
    }

    /// A copy named by what a token says, such as the claim `run_id` and its value. Cut to what fits a table, and
    /// shown without what would break a line.
    pub fn named(what: &str, value: &str) -> Instance {
        let plain = |character: char| if is_invisible(character) { '\u{fffd}' } else { character };
        let value: String = value.chars().take(LONGEST_NAME).map(plain).collect();
        Instance(format!("{what} {value}").into())
    }

    /// What to call it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: &Value) -> Claims {
        let fields = value.as_object().unwrap().iter();
        fields.filter_map(|(name, value)| Some((name.clone(), Claim::of(value)?))).collect()
    }

    #[test]
    fn claims_fit_when_each_is_there_with_its_value_and_type() {
        let has = claims(&json!({"repository": "acme/ops", "run": 7, "pull": true, "aud": ["a"], "f": 1.5}));
        assert_eq!(has.len(), 3);
        let fit = |wants: &Value| fits(&claims(wants), &has);
        assert!(fit(&json!({"repository": "acme/ops"})));
        assert!(fit(&json!({"repository": "acme/ops", "run": 7, "pull": true})));
        assert!(!fit(&json!({"repository": "acme/op"})));
        assert!(!fit(&json!({"repository": "Acme/ops"})));
        assert!(!fit(&json!({"run": "7"})), "a text is no number");
        assert!(!fit(&json!({"pull": "true"})));
        assert!(!fit(&json!({"repository": "acme/ops", "environment": "prod"})));
        assert!(!fit(&json!({})), "no claim fits nobody, not everybody");
    }

    #[test]
    fn the_name_of_a_copy_is_short_and_plain_whatever_a_token_says() {
        let instance = Instance::named("run_id", &"a\n\u{202e}".repeat(1_000));
        assert_eq!(instance.as_str().chars().count(), "run_id ".len() + LONGEST_NAME);
        assert!(!instance.as_str().chars().any(is_invisible));
    }
}
