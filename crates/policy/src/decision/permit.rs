//! The proof that a request was decided.

use bytes::Bytes;

use crate::attributes::{Attributes, Method};
use crate::body::Sent;
use crate::case::Case;
use crate::name::AgentName;
use crate::rules::RuleId;
use crate::time::Millis;

/// What a write was bound to, so that it changes the object that was looked at or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub(super) uid: String,
}

impl Pin {
    /// The `metadata.uid` that was put into what is sent.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }
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
    pub(super) sent: Sent,
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

    /// The case as it came, for deciding it again.
    #[must_use]
    pub fn into_case(self) -> Case {
        self.case
    }
}
