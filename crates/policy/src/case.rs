//! What is decided on.

use crate::attributes::{Attributes, Unreadable};
use crate::body::{BodyError, Payload, Pin, Question, Reading, Sent};
use crate::name::AgentName;
use crate::rules::Ask;

/// An agent, what it asks for, and the body that a decision may read: what is decided on.
#[derive(Debug, Clone)]
pub struct Case {
    agent: AgentName,
    attributes: Attributes,
    payload: Payload,
    reading: Reading,
    part: Part,
}

/// Whether a case is a request of the caller's or one of those that it was taken apart into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    OfCollection,
}

impl Case {
    /// Reads the body as far as a decision must, and holds everything together.
    ///
    /// # Errors
    /// When the body can't be read, can be read in more than one way, or is where none may be.
    pub fn new(agent: AgentName, attributes: Attributes, payload: Payload) -> Result<Self, BodyError> {
        let reading = Reading::read(&attributes, &payload)?;
        Ok(Self { agent, attributes, payload, reading, part: Part::Whole })
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

    /// What is asked, of a review of the agent itself.
    pub(crate) fn question(&self) -> Option<&Question> {
        self.reading.question()
    }

    /// Whether nothing is to be done in earnest.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.reading.is_dry_run(&self.attributes)
    }

    /// What rules are asked.
    pub(crate) fn ask(&self) -> Ask<'_> {
        match (Ask::of(&self.attributes), self.part) {
            (Ask::Resource(on), Part::OfCollection) => Ask::Resource(on.verb("deletecollection")),
            (ask, Part::Whole | Part::OfCollection) => ask,
        }
    }

    /// One object of a collection that is to be deleted: the same options, the object's own path, and rules
    /// are asked for `deletecollection` as before.
    ///
    /// # Errors
    /// When the name makes no path.
    pub fn one(&self, name: &str) -> Result<Self, Unreadable> {
        let attributes = self.attributes.one(name)?;
        let (agent, payload, reading) = (self.agent.clone(), self.payload.clone(), self.reading.clone());
        Ok(Self { agent, attributes, payload, reading, part: Part::OfCollection })
    }

    /// What is sent, bound to `pin` where one is given.
    pub(crate) fn sent(&self, pin: Option<&Pin>) -> Result<Sent, BodyError> {
        self.reading.sent(&self.attributes, &self.payload, pin)
    }
}
