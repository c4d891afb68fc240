//! The API server's audit log: what really reached it, whatever anyone else says.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long to wait for the second half of what is in the log. Only requests that go on take longer.
const SETTLED: Duration = Duration::from_secs(2);

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

    /// Every request that has reached the API server by now. It writes a request down before it handles
    /// it, and what became of it a moment after the answer: so this waits until what is there is whole.
    /// What goes on for longer than the wait is left out until it says something.
    pub fn all(&self) -> Vec<Event> {
        let started = Instant::now();
        loop {
            let events = self.read();
            let told: HashSet<&str> =
                events.iter().filter(|event| !event.is_received()).map(Event::id).collect();
            let whole = events.iter().all(|event| told.contains(event.id()));
            if whole || started.elapsed() > SETTLED {
                return events.into_iter().filter(|event| !event.is_received()).collect();
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn read(&self) -> Vec<Event> {
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

    /// Whether it says only that the request came, not yet as whom it acts nor what became of it.
    fn is_received(&self) -> bool {
        self.stage() == "RequestReceived"
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
