//! What a decision may need to know of the cluster.

use serde_json::Value;

/// What has been read of the cluster so far, always as the agent, so that the ceiling bounds it too.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    live: Option<Live>,
}

impl Facts {
    /// Nothing has been read yet.
    #[must_use]
    pub fn none() -> Self {
        Self { live: None }
    }

    /// The object that the request names was read.
    #[must_use]
    pub fn with_live(live: Live) -> Self {
        Self { live: Some(live) }
    }

    /// The object, if it was read.
    #[must_use]
    pub fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }
}

/// The object that the request names (without its subresource), as the cluster has it.
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
        /// Its `metadata.ownerReferences`; null where it has none.
        owner_references: Value,
    },
    /// The ceiling does not let the agent read it (403).
    Unseen,
}

/// What must be read before the case can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Needs {
    /// The object that the request names (the main resource, without its subresource), read as the agent.
    Live,
}
