//! What is decided on.

use crate::attributes::Attributes;
use crate::body::{BodyError, Payload, Reading, Sent};
use crate::name::AgentName;

/// An agent, what it asks for, and the body that a decision may read: what is decided on.
#[derive(Debug, Clone)]
pub struct Case {
    agent: AgentName,
    attributes: Attributes,
    payload: Payload,
    reading: Reading,
}

impl Case {
    /// Reads the body as far as a decision must, and holds everything together.
    ///
    /// # Errors
    /// When the body can't be read, can be read in more than one way, or is where none may be.
    pub fn new(agent: AgentName, attributes: Attributes, payload: Payload) -> Result<Self, BodyError> {
        let reading = Reading::read(&attributes, &payload)?;
        Ok(Self { agent, attributes, payload, reading })
    }

    /// Who asks.
    #[must_use]
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// What is asked for.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The body as it was received.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    pub(crate) fn reading(&self) -> &Reading {
        &self.reading
    }

    /// What is sent, bound to `uid` where one is given.
    pub(crate) fn sent(&self, uid: Option<&str>) -> Result<Sent, BodyError> {
        self.reading.sent(&self.attributes, &self.payload, uid)
    }
}
