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
        self.those("", |_| true)
    }

    /// What the API server answered to an agent.
    pub fn of_agent(&self, agent: &str) -> Vec<Event> {
        let user = format!("system:serviceaccount:drawbridge-agents:{agent}");
        self.those(&user, |event| event.impersonated() == user)
    }

    /// What the API server answered to a user directly.
    pub fn of_user(&self, user: &str) -> Vec<Event> {
        self.those(user, |event| event.user() == user)
    }

    /// The requests with this id.
    pub fn with_id(&self, id: &str) -> Vec<Event> {
        self.those(id, |event| event.id() == id)
    }

    /// The requests that pass. Only lines with `word` in them are read whole: the log has what all tests did.
    fn those(&self, word: &str, passes: impl Fn(&Event) -> bool) -> Vec<Event> {
        let started = Instant::now();
        let text = self.settled(started);
        // The last line may be half written.
        let lines = text.lines().filter(|line| line.contains(word));
        let events = lines.filter_map(|line| serde_json::from_str(line).ok()).map(Event);
        events.filter(|event| !event.is_received() && passes(event)).collect()
    }

    /// The log, once it says what became of everything that is in it now. Whose a request is stands only in
    /// its second half, so that everybody's are waited for; but not those that begin meanwhile.
    fn settled(&self, started: Instant) -> String {
        let text = self.read();
        let mut pending: HashSet<(String, String)> = Head::all(&text, Half::First);
        let mut text = text;
        loop {
            for told in Head::all(&text, Half::Second) {
                pending.remove(&told);
            }
            if pending.is_empty() || started.elapsed() > SETTLED {
                return text;
            }
            thread::sleep(Duration::from_millis(20));
            text = self.read();
        }
    }

    fn read(&self) -> String {
        fs::read_to_string(&self.path).unwrap_or_default()
    }
}

/// Which half of a request a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    /// It was received.
    First,
    /// It was answered, or its answer has begun.
    Second,
}

/// What a line begins with, read without reading the whole line.
struct Head;

impl Head {
    /// The requests with such a line, by id and verb: what the gateway reads to decide on a request has its
    /// id.
    fn all(text: &str, half: Half) -> HashSet<(String, String)> {
        let heads = text.lines().filter_map(|line| {
            let field = |name: &str| {
                let (_, rest) = line.split_once(&format!("\"{name}\":\""))?;
                rest.split('"').next().map(str::to_owned)
            };
            let found = if field("stage")? == "RequestReceived" { Half::First } else { Half::Second };
            (found == half).then_some((field("auditID")?, field("verb")?))
        });
        heads.collect()
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
