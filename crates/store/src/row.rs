//! The rows of the record. They are only ever added.

/// What a row says about its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The intent, before anything is sent.
    Begin,
    /// One sending.
    Attempt,
    /// How it ended; a refusal is an outcome too.
    Outcome,
    /// Anything that isn't a request: a change by a person, a stream that was cut.
    Event,
}

impl Part {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Attempt => "attempt",
            Self::Outcome => "outcome",
            Self::Event => "event",
        }
    }

    /// Reads the word in the database.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Begin, Self::Attempt, Self::Outcome, Self::Event]
            .into_iter()
            .find(|part| part.as_str() == word)
    }
}

/// One row to add. The columns beside `body` repeat fields of it, for searching, and keep at most 512 bytes
/// of each (none after a NUL character).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The id of the request that it belongs to.
    pub request: String,
    /// What it says about the request.
    pub part: Part,
    /// When, in milliseconds since 1970.
    pub time: i64,
    /// The agent.
    pub agent: Option<String>,
    /// The task.
    pub task: Option<String>,
    /// The session, for exec, attach and port-forward.
    pub session: Option<String>,
    /// The cluster.
    pub cluster: Option<String>,
    /// The verb, as in RBAC.
    pub verb: Option<String>,
    /// The API group; empty for the core group.
    pub api_group: Option<String>,
    /// The resource.
    pub resource: Option<String>,
    /// The subresource.
    pub subresource: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: Option<String>,
    /// The outcome, or the reason of a refusal.
    pub result: Option<String>,
    /// The entry's canonical JSON, kept byte for byte. A raw NUL character is refused; JSON never has one.
    pub body: String,
}

impl Row {
    /// A row that is found by its request and its time alone.
    #[must_use]
    pub fn new(request: String, part: Part, time: i64, body: String) -> Self {
        Self {
            request,
            part,
            time,
            agent: None,
            task: None,
            session: None,
            cluster: None,
            verb: None,
            api_group: None,
            resource: None,
            subresource: None,
            namespace: None,
            name: None,
            result: None,
            body,
        }
    }
}

/// A row in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// Its place: 1, 2, 3 … without gaps, in the order of commit, over all replicas.
    pub seq: i64,
    /// The row as it was appended.
    pub row: Row,
}

/// Which rows to read; what is `None` doesn't narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Rows of this agent.
    pub agent: Option<String>,
    /// Rows of this task.
    pub task: Option<String>,
    /// Rows of this cluster.
    pub cluster: Option<String>,
    /// Rows of this namespace.
    pub namespace: Option<String>,
    /// Rows of this resource.
    pub resource: Option<String>,
    /// Rows of objects with this name.
    pub name: Option<String>,
    /// Rows of this request.
    pub request: Option<String>,
    /// Rows of this time or later, in milliseconds since 1970.
    pub since: Option<i64>,
    /// Rows of this time or earlier, in milliseconds since 1970.
    pub until: Option<i64>,
    /// Rows with this result.
    pub result: Option<String>,
}
