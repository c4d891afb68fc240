//! What a credential proved, before anybody asked whose it is.

use std::sync::Arc;

use drawbridge_policy::{AgentName, Millis};

use super::issuer::Issuer;
use super::means::{Instance, Means};

/// A credential that was believed.
#[derive(Debug, Clone)]
pub struct Proven {
    /// What it shows.
    pub means: Means,
    /// Who vouched for it, if somebody else than the agent did.
    pub issuer: Option<Arc<Issuer>>,
    /// Which running copy presents it.
    pub instance: Instance,
    /// What tells this credential from others in the record: a key's fingerprint, a token's id.
    pub credential: String,
    /// In which form it was presented.
    pub proof: Proof,
    /// When it ends.
    pub ends: Millis,
}

/// How possession was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// In the TLS handshake.
    Certificate,
    /// By a signature over a short-lived token.
    Token,
}

impl Proof {
    /// The record's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Proof::Certificate => "certificate",
            Proof::Token => "token",
        }
    }
}

/// A caller with a good credential that is no known agent's.
#[derive(Debug)]
pub struct Stranger {
    /// The entry's id, which is all that the caller is told.
    pub id: String,
    /// What was proven.
    pub proven: Proven,
    /// Why it is nobody's.
    pub because: Because,
    /// Whose account was made again, where it was.
    pub agent: Option<AgentName>,
    /// What an administrator should know of it, for the record alone.
    pub advice: Option<String>,
}

/// Why a proven identity is no agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// No agent has it.
    Unknown,
    /// An agent has a service account of that name, but this is another account: it was made again.
    Recreated,
    /// More than one agent would have it.
    Several,
}

impl Because {
    /// The record's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Because::Unknown => "unknown",
            Because::Recreated => "recreated",
            Because::Several => "several",
        }
    }
}
