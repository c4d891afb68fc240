//! What became of a collection's objects, and the answer that says so.

use drawbridge_policy::Case;
use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Value, json};

use super::stopped::{Because, Stopped};
use crate::broker::answer::Answer;

/// What became of one object.
#[derive(Debug)]
pub(super) enum Done {
    /// The cluster took the delete.
    Deleted,
    /// It was gone already.
    Gone,
    /// No rule allows it.
    LeftOut,
    /// No rule allows it, and its caller may not know that it is there.
    Unseen,
    /// It ends the whole.
    Stopped(Because),
}

/// How many of a collection's objects ended how.
#[derive(Debug)]
pub(super) struct Tally {
    found: usize,
    deleted: usize,
    gone: usize,
    left_out: usize,
    unseen: usize,
    stopped: Option<Because>,
}

impl Tally {
    pub(super) fn of(found: usize) -> Tally {
        Tally { found, deleted: 0, gone: 0, left_out: 0, unseen: 0, stopped: None }
    }

    pub(super) fn add(&mut self, done: Done) {
        match done {
            Done::Deleted => self.deleted += 1,
            Done::Gone => self.gone += 1,
            Done::LeftOut => self.left_out += 1,
            Done::Unseen => self.unseen += 1,
            // The first one: what was under way then ends for the same reason, or for none of its own.
            Done::Stopped(because) => drop(self.stopped.get_or_insert(because)),
        }
    }

    /// Whether another object may be begun.
    pub(super) fn goes_on(&self) -> bool {
        self.stopped.is_none()
    }

    /// What the record keeps.
    pub(super) fn decided(&self) -> Value {
        let Tally { found, deleted, gone, left_out, unseen, stopped: _ } = self;
        let objects = json!({
            "found": found, "deleted": deleted, "gone": gone, "leftOut": left_out + unseen,
        });
        json!({ "objects": objects })
    }

    /// Whether it came to its end.
    pub(super) fn over(mut self) -> Result<Tally, Stopped> {
        match self.stopped.take() {
            None => Ok(self),
            Some(because) => Err(Stopped::after(self.deleted, self.decided(), because)),
        }
    }

    /// A `Status`, which is what the API's description says that a deletecollection is answered with.
    /// (The API server really answers with a list of all objects as they were. Every client reads either,
    /// and these objects were not kept.)
    pub(super) fn respond(&self, case: &Case, id: &str) -> Response<Answer> {
        let text = |part: fn(&drawbridge_policy::Resource) -> &str| {
            case.attributes().resource().map_or("", part).to_owned()
        };
        let kind = text(|resource| resource.resource());
        let done = if case.is_dry_run() { "would be deleted" } else { "deleted" };
        let status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "message": format!("{} {done}", objects(self.deleted)),
            "details": { "group": text(|resource| resource.group()), "kind": kind },
            "code": 200,
        });
        let mut response = Response::new(Answer::whole(status.to_string()));
        self.head(response.headers_mut(), id);
        response
    }

    /// Filtering in silence would make its caller believe that all are gone.
    fn head(&self, headers: &mut HeaderMap, id: &str) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        let warning = format!("299 - \"{} left out: no rule allows deleting them\"", objects(self.left_out));
        for (name, text) in [("audit-id", Some(id)), ("warning", (self.left_out > 0).then_some(&*warning))] {
            if let Some(Ok(text)) = text.map(HeaderValue::from_str) {
                headers.insert(name, text);
            }
        }
    }
}

pub(super) fn objects(number: usize) -> String {
    if number == 1 { "1 object".to_owned() } else { format!("{number} objects") }
}
