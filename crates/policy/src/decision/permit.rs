//! The proof that a request was decided.

use bytes::Bytes;
use serde_json::Value;

use crate::attributes::{Attributes, Method};
use crate::body::Sent;
use crate::case::Case;
use crate::name::AgentName;
use crate::review::Review;
use crate::rules::{Limit, RuleId};
use crate::time::Millis;

pub use crate::body::Pin;

use super::afterwards::Afterwards;
use super::denial::Denial;
use super::explain;
use super::ports::Ports;
use super::screen::Screen;

/// The limits that a request counts against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// Whose they are.
    pub rule: RuleId,
    /// All of them must have room.
    pub limits: Vec<Limit>,
}

/// What a permit rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// Rules as RBAC has them.
    RulesAlone,
    /// Conditions, masks or limits, and so objects that were read.
    Terms,
}

/// Whether what is sent is done in earnest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Earnest,
    /// A dry run, to see what would be stored.
    Rehearsal,
}

/// The proof that a request was decided, and what is sent: nothing is sent to a cluster without one.
/// [`crate::decide`] is its only maker.
#[derive(Debug)]
pub struct Permit {
    pub(super) case: Case,
    pub(super) rule: RuleId,
    pub(super) grant: String,
    pub(super) until: Option<Millis>,
    pub(super) pinned: Option<Pin>,
    pub(super) still: Option<String>,
    pub(super) limited: Option<Limited>,
    pub(super) screen: Option<Screen>,
    pub(super) ports: Option<Ports>,
    pub(super) veiled: Option<Box<Denial>>,
    pub(super) afterwards: Option<Box<Afterwards>>,
    pub(super) purpose: Purpose,
    pub(super) sent: Sent,
    pub(super) review: Option<Box<Review>>,
}

impl Permit {
    /// Who asked.
    #[must_use]
    pub fn agent(&self) -> &AgentName {
        self.case.agent()
    }

    /// The request as it was decided.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        self.case.attributes()
    }

    /// The rule that allowed it.
    #[must_use]
    pub fn rule(&self) -> &RuleId {
        &self.rule
    }

    /// The grant that the rule came through.
    #[must_use]
    pub fn grant(&self) -> &str {
        &self.grant
    }

    /// When what allowed it ends: the earliest end of the grants that were needed. None: no end.
    #[must_use]
    pub fn until(&self) -> Option<Millis> {
        self.until
    }

    /// What the write was bound to by us, if it was.
    #[must_use]
    pub fn pinned(&self) -> Option<&Pin> {
        self.pinned.as_ref()
    }

    /// The uid that the pod must still have once something of it is open: an exec can't be bound to it.
    #[must_use]
    pub fn still(&self) -> Option<&str> {
        self.still.as_deref()
    }

    /// The limits that it counts against; they must have room, or it must be decided again.
    #[must_use]
    pub fn limited(&self) -> Option<&Limited> {
        self.limited.as_ref()
    }

    /// What becomes of the objects in the answer. None: it is passed on as it is.
    #[must_use]
    pub fn screen(&self) -> Option<&Screen> {
        self.screen.as_ref()
    }

    /// Which ports its streams may name. None: any; nobody needs to look.
    #[must_use]
    pub fn ports(&self) -> Option<&Ports> {
        self.ports.as_ref()
    }

    /// The refusal of a read whose one object is not to be seen.
    #[must_use]
    pub fn hidden(&self) -> Denial {
        explain::hidden(&self.case, &self.rule)
    }

    /// What a dry run that fails is answered with where the agent could not read the object: as if there were
    /// none.
    #[must_use]
    pub fn veiled(&self) -> Option<&Denial> {
        self.veiled.as_deref()
    }

    /// Whether what was stored is to be looked at ([`Self::mismatch`]).
    #[must_use]
    pub fn looks_again(&self) -> bool {
        self.afterwards.is_some()
    }

    /// Whether what the cluster says it has stored is other than what the dry run had shown, so that the
    /// rules would not have let it through: which one, in a sentence without any value of the object's.
    #[must_use]
    pub fn mismatch(&self, stored: &Value) -> Option<String> {
        self.afterwards.as_ref()?.mismatch(stored)
    }

    /// Whether it is a dry run of ours, to see what would be stored.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        self.purpose == Purpose::Rehearsal
    }

    /// Whether conditions, masks or limits had a part in it: then it can't be decided again by looking at the
    /// request alone.
    #[must_use]
    pub fn with(&self) -> With {
        let bare = self.still.is_none() && self.limited.is_none() && self.screen.is_none();
        if bare && self.ports.is_none() && self.pinned.is_none() { With::RulesAlone } else { With::Terms }
    }

    /// The method that is sent.
    #[must_use]
    pub fn method(&self) -> Method {
        self.case.attributes().method()
    }

    /// Path and query that are sent.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.sent.path_and_query
    }

    /// The body that is sent; empty where the case had none or its body is streamed.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.sent.body
    }

    /// The `Content-Type` that is sent with the body.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.sent.content_type.as_deref()
    }

    /// The scopes' half of the answer, where the agent asks what it may do: the cluster's answer alone is
    /// not for the caller.
    #[must_use]
    pub fn review(&self) -> Option<&Review> {
        self.review.as_deref()
    }

    /// The case as it came, for deciding it again.
    #[must_use]
    pub fn into_case(self) -> Case {
        self.case
    }
}
