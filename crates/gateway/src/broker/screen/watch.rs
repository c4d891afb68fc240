//! A watch, screened event by event. The caller gets the events that it would get if the cluster held nothing
//! but what it may see: an object that begins to pass is added, and one that no longer does is deleted.

use drawbridge_policy::{Look, Query, mask};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::form::{Form, Masked, Shape};
use super::keys::{Key, Keys, MAX_SHOWN};
use super::list::write;
use super::reduce::{partial, picked, stripped};
use super::scan::{Gather, Gathered, unspaced};
use super::table::{OneRow, name_column};
use super::{Fault, Looks, MAX_OBJECT};

/// Marks the bookmark behind the initial events.
const INITIAL_END: &str = "k8s.io/initial-events-end";

/// Screens one watch.
pub struct Watch {
    gather: Gather,
    screen: Screen,
    over: bool,
}

/// Which bookmarks the caller asked for. The cluster is always asked for them, so that a watch which shows
/// little can be taken up again.
#[derive(Debug, Clone, Copy)]
struct Bookmarks {
    now_and_then: bool,
    initial_end: bool,
}

impl Watch {
    /// A watch to be written in `form`, with the bookmarks that `query` asks for. `looks` gets each object
    /// whole. The keys of what its caller knows already are seeded, if the watch doesn't begin with them.
    pub fn new(form: Form, query: &Query, looks: impl FnMut(&mut Value) -> Look + Send + 'static) -> Watch {
        // The API server marks the end of the initial events only for who asked for bookmarks as well.
        let now_and_then = query.get("allowWatchBookmarks").is_some_and(is_true);
        let initial_end = now_and_then && query.get("sendInitialEvents").is_some_and(is_true);
        let bookmarks = Bookmarks { now_and_then, initial_end };
        let screen = Screen {
            shape: form.shape(),
            looks: Box::new(looks),
            bookmarks,
            keys: Keys::new(MAX_SHOWN),
            columns: None,
            name_column: None,
            masked: Masked::No,
        };
        Watch { gather: Gather::default(), screen, over: false }
    }

    /// Takes out of the cluster's own errors what may be values of objects.
    #[must_use]
    pub fn masking(mut self, masked: Masked) -> Watch {
        self.screen.masked = masked;
        self
    }

    /// Adds what the caller knows of before the first event: the objects shown of a list at exactly the
    /// resourceVersion that the watch begins with.
    pub fn seed(&mut self, keys: impl IntoIterator<Item = Key>) -> Result<(), Fault> {
        self.screen.keys.extend(keys)
    }

    /// Goes on with the next piece of the cluster's answer, of any size, and appends what the caller gets of
    /// it to `out`. A bound of the gateway's own is told in an event, which is the last one.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let Err(fault) = self.events(piece, out) else { return Ok(()) };
        match fault {
            Fault::TooMany(_) | Fault::TooLarge(_) => {
                self.over = true;
                error(500, "InternalError", &fault.to_string(), out)
            }
            Fault::Form(_) | Fault::Short | Fault::Sealing => Err(fault),
        }
    }

    /// Ends the watch with an event that makes its caller read everything again. For when it isn't the
    /// objects that changed, but what may be seen of them.
    pub fn expire(&mut self, why: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.over = true;
        error(410, "Expired", why, out)
    }

    /// The one event of a watch that can't begin where its caller is. The API server says so in an event,
    /// too, and some clients list anew only then.
    pub fn too_old() -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        error(410, "Expired", "too old resource version: list again", &mut out)?;
        Ok(out)
    }

    /// Whether its last event was written.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The cluster's answer is over. Between two events a watch may end at any time.
    pub fn end(&self) -> Result<(), Fault> {
        if self.gather.is_within() { Err(Fault::Short) } else { Ok(()) }
    }

    fn events(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        while !self.over {
            if !self.gather.is_within() {
                piece = unspaced(piece);
                if piece.first().is_some_and(|first| *first != b'{') {
                    return Err(NO_EVENT);
                }
            }
            if piece.is_empty() {
                break;
            }
            match self.gather.take(piece, MAX_OBJECT)? {
                Gathered::All => break,
                Gathered::Value(event, behind) => {
                    self.screen.take(serde_json::from_slice(event).or(Err(NO_EVENT))?, out)?;
                    piece = behind;
                }
            }
        }
        self.gather.rest();
        Ok(())
    }
}

/// The resourceVersion whose list says what the caller of a watch knows before its first event. None: it
/// knows nothing, or the watch begins with all there is.
#[must_use]
pub fn begins_behind(query: &Query) -> Option<&str> {
    let version = query.get("resourceVersion").filter(|version| !matches!(*version, "" | "0"))?;
    let begins_with_all = query.get("sendInitialEvents").is_some_and(is_true);
    (!begins_with_all).then_some(version)
}

const NO_EVENT: Fault = Fault::Form("what it holds is no event of a watch");

/// How the API server reads a boolean in a query.
pub fn is_true(value: &str) -> bool {
    !(value == "0" || value.eq_ignore_ascii_case("false"))
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

struct Screen {
    shape: Shape,
    looks: Looks,
    bookmarks: Bookmarks,
    keys: Keys,
    /// The columns of a table, until an event that is shown carries them.
    columns: Option<Value>,
    name_column: Option<usize>,
    masked: Masked,
}

/// What an event is about: an object, by itself or in a row.
enum Subject {
    Object(Value),
    Row(OneRow),
}

impl Subject {
    fn object(&self) -> &Value {
        match self {
            Subject::Object(object) => object,
            Subject::Row(row) => row.object(),
        }
    }

    fn look(&mut self, looks: &mut Looks) -> Look {
        match self {
            Subject::Object(object) => looks(object),
            Subject::Row(row) => row.look(looks),
        }
    }

    /// The same about what is left of the object.
    fn only(self, left: Value, name_column: Option<usize>) -> Subject {
        match self {
            Subject::Object(_) => Subject::Object(left),
            Subject::Row(row) => Subject::Row(row.blank(left).named(name_column)),
        }
    }
}

impl Screen {
    fn take(&mut self, event: Event, out: &mut Vec<u8>) -> Result<(), Fault> {
        let Event { kind, mut object } = event;
        match kind.as_str() {
            "ADDED" | "MODIFIED" => {
                let subject = self.subject(object)?;
                self.changed(subject, out)
            }
            "DELETED" => {
                let subject = self.subject(object)?;
                self.deleted(subject, out)
            }
            "BOOKMARK" => {
                let subject = self.subject(object)?;
                self.bookmark(subject, out)
            }
            "ERROR" if object.get("kind").is_some_and(|kind| kind == "Status") => {
                if self.masked == Masked::Yes {
                    mask::status(&mut object);
                }
                write_event("ERROR", &object, out)
            }
            _ => Err(NO_EVENT),
        }
    }

    fn subject(&mut self, object: Value) -> Result<Subject, Fault> {
        let table = OneRow::is_one(&object);
        if table && matches!(self.shape, Shape::Table(..)) {
            let mut row = OneRow::read(object)?;
            if let Some(columns) = row.take_columns() {
                self.name_column = name_column(&columns);
                self.columns = Some(columns);
            }
            return Ok(Subject::Row(row));
        }
        if table || !object.is_object() { Err(NO_EVENT) } else { Ok(Subject::Object(object)) }
    }

    fn changed(&mut self, mut subject: Subject, out: &mut Vec<u8>) -> Result<(), Fault> {
        let key = Key::of(subject.object());
        // Before the look, which may have masked half of it when it finds that it is hidden.
        let left = self.keys.contains(key).then(|| stripped(subject.object()));
        match (subject.look(&mut self.looks), left) {
            (Look::Shown, Some(_)) => self.show("MODIFIED", subject, out),
            (Look::Shown, None) => {
                self.keys.insert(key)?;
                self.show("ADDED", subject, out)
            }
            (Look::Hidden, Some(left)) => {
                self.keys.remove(key);
                self.show("DELETED", subject.only(left, self.name_column), out)
            }
            (Look::Hidden, None) => Ok(()),
        }
    }

    fn deleted(&mut self, mut subject: Subject, out: &mut Vec<u8>) -> Result<(), Fault> {
        if !self.keys.remove(Key::of(subject.object())) {
            return Ok(());
        }
        let left = stripped(subject.object());
        match subject.look(&mut self.looks) {
            Look::Shown => self.show("DELETED", subject, out),
            Look::Hidden => self.show("DELETED", subject.only(left, self.name_column), out),
        }
    }

    /// A bookmark holds a resourceVersion and nothing of any object.
    fn bookmark(&mut self, subject: Subject, out: &mut Vec<u8>) -> Result<(), Fault> {
        let object = subject.object();
        let marks = picked(object.pointer("/metadata/annotations"), &[INITIAL_END]);
        let asked = if marks.is_empty() { self.bookmarks.now_and_then } else { self.bookmarks.initial_end };
        if !asked {
            return Ok(());
        }
        let mut metadata = picked(object.get("metadata"), &["resourceVersion"]);
        if !marks.is_empty() {
            metadata.insert("annotations".to_owned(), Value::Object(marks));
        }
        let mut left: Map<String, Value> = picked(Some(object), &["kind", "apiVersion"]);
        left.insert("metadata".to_owned(), Value::Object(metadata));
        self.show("BOOKMARK", subject.only(Value::Object(left), None), out)
    }

    fn show(&mut self, kind: &str, subject: Subject, out: &mut Vec<u8>) -> Result<(), Fault> {
        let written = match (subject, self.shape) {
            (Subject::Object(object), Shape::Metadata(version)) => partial(object, version),
            (Subject::Object(object), _) => object,
            (Subject::Row(row), Shape::Table(version, include)) => {
                row.written(version, include, self.columns.take())?
            }
            (Subject::Row(_), _) => return Err(NO_EVENT),
        };
        write_event(kind, &written, out)
    }
}

/// Appends one event.
fn write_event(kind: &str, object: &Value, out: &mut Vec<u8>) -> Result<(), Fault> {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    write(object, out)?;
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// Appends the last event: an error of the gateway's own.
fn error(code: u16, reason: &str, message: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    write_event("ERROR", &status, out)
}

#[cfg(test)]
mod tests;
