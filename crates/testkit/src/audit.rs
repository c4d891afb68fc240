//! The API server's audit log: what really reached it, whatever anyone else says.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// The log of one control plane.
#[derive(Debug, Clone)]
pub struct Audit {
    path: PathBuf,
}

/// One request that the API server answered.
#[derive(Debug, Clone)]
pub struct Event(Value);

impl Audit {
    /// The log at `path`.
    pub fn new(path: PathBuf) -> Audit {
        Audit { path }
    }

    /// Everything in it, the rotated parts included.
    pub fn all(&self) -> Vec<Event> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).map(Event).collect()
    }

    /// What the API server answered to an agent.
    pub fn of_agent(&self, agent: &str) -> Vec<Event> {
        let user = format!("system:serviceaccount:drawbridge-agents:{agent}");
        self.all().into_iter().filter(|event| event.impersonated() == user).collect()
    }

    /// What the API server answered to a user directly.
    pub fn of_user(&self, user: &str) -> Vec<Event> {
        self.all().into_iter().filter(|event| event.user() == user).collect()
    }

    /// The requests with this id.
    pub fn with_id(&self, id: &str) -> Vec<Event> {
        self.all().into_iter().filter(|event| event.id() == id).collect()
    }
}

impl Event {
    /// The event as the API server wrote it.
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// Its `Audit-ID`.
    pub fn id(&self) -> &str {
        self.text("/auditID")
    }

    /// Who authenticated.
    pub fn user(&self) -> &str {
        self.text("/user/username")
    }

    /// As whom they acted; empty for themselves.
    pub fn impersonated(&self) -> &str {
        self.text("/impersonatedUser/username")
    }

    /// The verb.
    pub fn verb(&self) -> &str {
        self.text("/verb")
    }

    /// The path and query.
    pub fn uri(&self) -> &str {
        self.text("/requestURI")
    }

    /// The stage at which it was written.
    pub fn stage(&self) -> &str {
        self.text("/stage")
    }

    /// The status code of the answer; 0 while there is none.
    pub fn code(&self) -> u64 {
        self.0.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or(0)
    }

    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or("")
    }
}
