//! What a decision may need to know of the cluster.

use serde_json::Value;

use crate::rules::RuleId;

use super::permit::Permit;

/// What has been read of the cluster so far, always as the agent, so that the ceiling bounds it too.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    live: Option<Live>,
    part: Option<Live>,
    namespace: Option<Option<Value>>,
    revisions: Option<Option<Vec<Value>>>,
    stored: Option<Value>,
    spent: Vec<RuleId>,
}

/// One thing that was read.
#[derive(Debug, Clone)]
pub enum Fact {
    /// The object that the request names, without its subresource.
    Live(Live),
    /// What the request's own path reads, subresource and all: of `…/scale` the Scale.
    Part(Live),
    /// The Namespace that the request is in; None: the ceiling doesn't let the agent read it.
    Namespace(Option<Value>),
    /// The pod templates of the workload's earlier revisions, newest first; None: they can't be read.
    Revisions(Option<Vec<Value>>),
    /// What a dry run answered.
    Stored(Value),
    /// The limits of this rule are used up.
    Spent(RuleId),
}

impl Facts {
    /// Nothing has been read yet.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The same, and one thing more.
    #[must_use]
    pub fn and(mut self, fact: Fact) -> Self {
        match fact {
            Fact::Live(live) => self.live = Some(live),
            Fact::Part(part) => self.part = Some(part),
            Fact::Namespace(namespace) => self.namespace = Some(namespace),
            Fact::Revisions(revisions) => self.revisions = Some(revisions),
            Fact::Stored(stored) => self.stored = Some(stored),
            Fact::Spent(rule) => self.spent.push(rule),
        }
        self
    }

    /// The object, if it was read.
    #[must_use]
    pub fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    /// What the request's own path reads, if it was read.
    pub(super) fn part(&self) -> Option<&Live> {
        self.part.as_ref()
    }

    /// The namespace, if it was asked for.
    pub(super) fn namespace(&self) -> Option<Option<&Value>> {
        self.namespace.as_ref().map(Option::as_ref)
    }

    /// The revisions, if they were asked for.
    pub(super) fn revisions(&self) -> Option<Option<&[Value]>> {
        self.revisions.as_ref().map(Option::as_deref)
    }

    /// What would be stored, if it was tried.
    pub(super) fn stored(&self) -> Option<&Value> {
        self.stored.as_ref()
    }

    /// Whether a rule's limits are used up.
    pub(super) fn is_spent(&self, rule: &RuleId) -> bool {
        self.spent.contains(rule)
    }
}

/// An object as the cluster has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Live {
    /// The cluster says that there is none (404).
    Absent,
    /// There is one.
    Present {
        /// Its `metadata.uid`.
        uid: String,
        /// Its `metadata.resourceVersion`.
        resource_version: String,
        /// All of it.
        object: Value,
    },
    /// The ceiling does not let the agent read it (403).
    Unseen,
}

impl Live {
    /// The object, if there is one that the agent may read.
    #[must_use]
    pub fn object(&self) -> Option<&Value> {
        match self {
            Self::Present { object, .. } => Some(object),
            Self::Absent | Self::Unseen => None,
        }
    }
}

/// What must be read before the case can be decided.
#[derive(Debug)]
pub enum Needs {
    /// Objects of the cluster, read as the agent.
    Facts(Wanted),
    /// What would be stored: a dry run, which is a send with a permit of its own.
    Rehearsal(Box<Permit>),
}

/// Which objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// [`Fact::Live`]
    pub live: bool,
    /// [`Fact::Part`]
    pub part: bool,
    /// [`Fact::Namespace`]
    pub namespace: bool,
    /// [`Fact::Revisions`], which begin with the live object.
    pub revisions: bool,
}

impl Wanted {
    pub(super) const LIVE: Self = Self { live: true, part: false, namespace: false, revisions: false };

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            live: self.live || other.live,
            part: self.part || other.part,
            namespace: self.namespace || other.namespace,
            revisions: self.revisions || other.revisions,
        }
    }

    /// What of it isn't known yet.
    pub(super) fn missing_in(self, facts: &Facts) -> Self {
        Self {
            live: self.live && facts.live().is_none(),
            part: self.part && facts.part().is_none(),
            namespace: self.namespace && facts.namespace().is_none(),
            revisions: self.revisions && facts.revisions().is_none(),
        }
    }

    pub(super) fn is_any(self) -> bool {
        self != Self::default()
    }
}
