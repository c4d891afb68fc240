//! What people declare (manifests) and what they switched off (states). All times are milliseconds since
//! 1970.

/// Everything that the gateway keeps in memory, from one consistent read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Everything {
    /// Counts the changes of manifests and states; 0 in an empty database.
    pub revision: i64,
    /// All manifests, by kind and name.
    pub manifests: Vec<Manifest>,
    /// All suspensions and revocations, by kind and subject.
    pub states: Vec<State>,
}

/// One stored manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its kind, such as `Agent`. Kind and name are its key.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Tells it apart from an earlier one of the same name.
    pub uid: String,
    /// Counts the changes of its body, from 1.
    pub generation: i64,
    /// The revision at which it last changed.
    pub revision: i64,
    /// Its canonical JSON.
    pub body: String,
    /// When it was created.
    pub created: i64,
    /// When its body last changed.
    pub updated: i64,
    /// Where it came from; empty where a person applied it.
    pub origin: String,
}

/// One change of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Creates a manifest or replaces its body and origin. One that exists keeps its `uid` and `created`; an
    /// unchanged body with an unchanged origin changes nothing of it.
    Put {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// The uid that it gets if it is new.
        uid: String,
        /// Its canonical JSON.
        body: String,
        /// Now.
        at: i64,
        /// Where it comes from; empty where a person applies it.
        origin: String,
    },
    /// Deletes a manifest. One that isn't there is no error. Its states stay: a revoked name stays revoked.
    Delete {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
}

/// A suspension or a revocation. It is no part of a manifest, so that no apply can undo it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// `agent`, `grant` or `key`; with the subject the key of the state.
    pub subject_kind: String,
    /// What is suspended or revoked.
    pub subject: String,
    /// `suspended` or `revoked`; anything else is refused.
    pub state: String,
    /// Since when.
    pub since: i64,
    /// Who did it.
    pub by: String,
    /// Why, in their words; may be empty.
    pub reason: String,
}

/// One change of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// Suspends or revokes; replaces a suspension.
    Set(State),
    /// Ends a suspension. A subject that isn't suspended is no error.
    Clear {
        /// `agent`, `grant` or `key`.
        subject_kind: String,
        /// What is to work again.
        subject: String,
    },
}
