//! Where a grant holds.

use std::fmt;

use thiserror::Error;

/// Where a grant holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Everywhere, as a ClusterRoleBinding: every namespace, cluster-scoped objects, non-resource paths.
    Everywhere,
    /// As a RoleBinding in each namespace that one of the patterns matches: nothing cluster-scoped.
    Namespaces(Vec<NamePattern>),
}

impl Reach {
    /// Everywhere.
    #[must_use]
    pub fn everywhere() -> Self {
        Self::Everywhere
    }

    /// Only in the namespaces that one of these matches. None: nowhere.
    #[must_use]
    pub fn namespaces(patterns: Vec<NamePattern>) -> Self {
        Self::Namespaces(patterns)
    }
}

/// A namespace's name, or the beginning of one followed by `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    stem: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exact,
    Prefix,
}

/// Why a text is no pattern of namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Nothing was given.
    #[error("a namespace pattern must not be empty")]
    Empty,
    /// A star elsewhere than at the end.
    #[error("a namespace pattern has at most one '*', at its end")]
    Star,
    /// A character that no namespace's name has.
    #[error("a namespace has only lower-case letters, digits and '-', this pattern has {0:?}")]
    Character(char),
    /// A dash where a name can't have one.
    #[error("a namespace begins and ends with a lower-case letter or a digit")]
    Edge,
    /// Over 63 characters.
    #[error("a namespace has at most 63 characters, this pattern has {0}")]
    TooLong(usize),
}

impl NamePattern {
    /// Reads a name (`batch`) or a prefix (`ci-*`; `*` is every namespace).
    ///
    /// # Errors
    /// When no namespace could match.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (stem, kind) = match text.strip_suffix('*') {
            Some(stem) => (stem, Kind::Prefix),
            None => (text, Kind::Exact),
        };
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if stem.contains('*') {
            return Err(PatternError::Star);
        }
        if stem.len() > 63 {
            return Err(PatternError::TooLong(stem.len()));
        }
        let odd = |c: &char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-');
        if let Some(found) = stem.chars().find(odd) {
            return Err(PatternError::Character(found));
        }
        if stem.starts_with('-') || (kind == Kind::Exact && stem.ends_with('-')) {
            return Err(PatternError::Edge);
        }
        Ok(Self { stem: stem.to_owned(), kind })
    }

    /// Whether a namespace's name matches. The empty name (no namespace) never does.
    #[must_use]
    pub fn matches(&self, namespace: &str) -> bool {
        match self.kind {
            Kind::Exact => namespace == self.stem,
            Kind::Prefix => !namespace.is_empty() && namespace.starts_with(&self.stem),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Exact => f.write_str(&self.stem),
            Kind::Prefix => write!(f, "{}*", self.stem),
        }
    }
}
