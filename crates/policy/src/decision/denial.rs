//! A refusal by policy, in words that help.

use crate::attributes::{Attributes, Resource};
use crate::rules::RuleId;

/// The longest message, in bytes: one line of a terminal, of a log and of the record.
pub const LONGEST_MESSAGE: usize = 600;

/// Why a request was refused. Stable: metric label and field of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The agent holds no grant on this cluster that hasn't ended.
    NoGrant,
    /// No rule of its grants allows it.
    NoRule,
    /// A deny rule refuses it.
    DenyRule,
    /// Only a rule that names it exactly could allow it, and none does.
    Escape,
    /// What no grant can allow.
    BuiltIn,
    /// It would create an object, and no rule allows that.
    NeedsCreate,
    /// It changes ownerReferences, and no rule allows the delete that this can cause.
    OwnerReferences,
    /// The object must be read to decide, and the cluster does not let the agent read it.
    Unseen,
    /// A rule is about it, and its condition doesn't hold.
    Condition,
    /// A rule is about it, and its limits are used up.
    Limit,
    /// It would find out what a mask hides, or write back what is shown instead.
    Mask,
    /// The caller bound it to another state of the object than the one that was looked at.
    Conflict,
    /// It changes an object that isn't there.
    Absent,
    /// Something that is not yet read or built, so that it can't be decided.
    Unsupported,
}

impl Reason {
    /// The stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoGrant => "no-grant",
            Self::NoRule => "no-rule",
            Self::DenyRule => "deny-rule",
            Self::Escape => "escape",
            Self::BuiltIn => "built-in",
            Self::NeedsCreate => "needs-create",
            Self::OwnerReferences => "owner-references",
            Self::Unseen => "unseen",
            Self::Condition => "condition",
            Self::Limit => "limit",
            Self::Mask => "mask",
            Self::Conflict => "conflict",
            Self::Absent => "absent",
            Self::Unsupported => "unsupported",
        }
    }
}

/// What the caller can do next. Closed, so that programs can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// Nothing helps: stop.
    Stop,
    /// Another request would be allowed.
    ChangeRequest,
    /// A person can change the grants.
    AskPerson,
    /// The same request may pass later.
    Wait,
    /// A new credential is needed.
    ReAuthenticate,
}

impl Next {
    /// The stable word, as `details.causes` carries it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::ChangeRequest => "change-request",
            Self::AskPerson => "ask-person",
            Self::Wait => "wait",
            Self::ReAuthenticate => "re-authenticate",
        }
    }
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    reason: Reason,
    rule: Option<RuleId>,
    message: String,
    next: Next,
    answer: Shown,
}

/// How much of a refusal its caller may know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Shown {
    /// All of it.
    Whole,
    /// That there is no such object: it couldn't read it, if there were one.
    NotFound(Missing),
}

/// An object that isn't there, or is as if it weren't.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Missing {
    /// Its API group.
    pub group: String,
    /// Its resource.
    pub resource: String,
    /// Its name.
    pub name: String,
}

impl Missing {
    /// The object that a request names.
    #[must_use]
    pub fn of(attributes: &Attributes) -> Self {
        let text = |part: fn(&Resource) -> &str| attributes.resource().map_or("", part).to_owned();
        Self { group: text(Resource::group), resource: text(Resource::resource), name: text(Resource::name) }
    }
}

impl Denial {
    pub(super) fn new(reason: Reason, rule: Option<RuleId>, mut message: String, next: Next) -> Self {
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        Self { reason, rule, message, next, answer: Shown::Whole }
    }

    /// The same, answered as if there were no such object.
    pub(super) fn hidden(self, attributes: &Attributes) -> Self {
        Self { answer: Shown::NotFound(Missing::of(attributes)), ..self }
    }

    /// How much of it the caller may know.
    #[must_use]
    pub fn shown(&self) -> &Shown {
        &self.answer
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The rule that refused it, or the nearest one that would have allowed something like it.
    #[must_use]
    pub fn rule(&self) -> Option<&RuleId> {
        self.rule.as_ref()
    }

    /// One self-sufficient line for the caller, at most [`LONGEST_MESSAGE`] bytes.
    #[must_use]
    pub fn message(&self) -> String {
        self.message.clone()
    }

    /// What the caller can do next.
    #[must_use]
    pub fn next(&self) -> Next {
        self.next
    }
}
