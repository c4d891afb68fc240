//! The name of an agent.

use std::fmt;

use thiserror::Error;

/// The longest name: a DNS label (RFC 1123, Kubernetes "Object Names and IDs"), since the name is also the
/// name of the service account that the gateway impersonates.
const LONGEST: usize = 63;

/// An agent's name: a DNS-1123 label, so that it can be the name of a service account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentName(String);

/// Why a text is no agent's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name must not be empty")]
    Empty,
    /// Over 63 bytes.
    #[error("a name has at most 63 characters, this one has {0}")]
    TooLong(usize),
    /// A character that a DNS label doesn't have.
    #[error("a name has only lower-case letters, digits and '-', this one has {0:?}")]
    Character(char),
    /// A dash at either end.
    #[error("a name begins and ends with a lower-case letter or a digit")]
    Edge,
}

impl AgentName {
    /// Reads a name.
    ///
    /// # Errors
    /// When the text is no DNS-1123 label.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > LONGEST {
            return Err(NameError::TooLong(text.len()));
        }
        let odd = |c: &char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-');
        if let Some(found) = text.chars().find(odd) {
            return Err(NameError::Character(found));
        }
        if text.starts_with('-') || text.ends_with('-') {
            return Err(NameError::Edge);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dns_labels_are_names() {
        assert_eq!(AgentName::parse("cleanup-2").map(|n| n.to_string()), Ok("cleanup-2".to_owned()));
        assert_eq!(AgentName::parse(""), Err(NameError::Empty));
        assert_eq!(AgentName::parse("-a"), Err(NameError::Edge));
        assert_eq!(AgentName::parse("a-"), Err(NameError::Edge));
        assert_eq!(AgentName::parse("A"), Err(NameError::Character('A')));
        assert_eq!(AgentName::parse("a.b"), Err(NameError::Character('.')));
        assert_eq!(AgentName::parse("a:b"), Err(NameError::Character(':')));
        assert_eq!(AgentName::parse(&"a".repeat(64)), Err(NameError::TooLong(64)));
    }
}
