//! The reviews in which callers ask about themselves.

use super::resource::Resource;
use super::verb::Verb;

/// A review of the caller itself. Creating one stores nothing and changes nothing: it is a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SelfReview {
    /// `selfsubjectaccessreviews`: whether it may do one thing.
    Access,
    /// `selfsubjectrulesreviews`: what it may do in a namespace.
    Rules,
    /// `selfsubjectreviews`: who it is.
    Who,
}

impl SelfReview {
    /// Reads the one path that each has. Reviews of other subjects, and other versions, are requests like any
    /// other.
    pub(super) fn read(verb: Verb, resource: &Resource) -> Option<Self> {
        let [kind] = resource.parts() else { return None };
        if verb != Verb::Create || resource.version() != "v1" || !resource.namespace().is_empty() {
            return None;
        }
        Self::of(resource.group(), kind)
    }

    /// The review that a group's resource is.
    pub(crate) fn of(group: &str, resource: &str) -> Option<Self> {
        Some(match (group, resource) {
            ("authorization.k8s.io", "selfsubjectaccessreviews") => Self::Access,
            ("authorization.k8s.io", "selfsubjectrulesreviews") => Self::Rules,
            ("authentication.k8s.io", "selfsubjectreviews") => Self::Who,
            _ => return None,
        })
    }

    /// Its kind.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Access => "SelfSubjectAccessReview",
            Self::Rules => "SelfSubjectRulesReview",
            Self::Who => "SelfSubjectReview",
        }
    }

    /// Its group and version.
    pub(crate) const fn api_version(self) -> &'static str {
        match self {
            Self::Access | Self::Rules => "authorization.k8s.io/v1",
            Self::Who => "authentication.k8s.io/v1",
        }
    }
}
