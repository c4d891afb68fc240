//! A permitted request whose answer is looked at: what is asked of the cluster in its place, and what the
//! caller gets of what comes back.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use drawbridge_policy::{Look, Method, Missing, Permit, Screen, Verb, mask};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::answer::Answer;
use super::relay::Relay;
use super::screen::continue_token::Bound;
use super::screen::form::{Form, Masked, Reads, Unfit};
use super::screen::keys::Key;
use super::screen::list::List;
use super::screen::query;
use super::screen::single::{Single, is_status, single, whole};
use super::screen::stream::{Reading, Screened};
use super::screen::watch::{Watch, is_true};
use super::send::Sent;
use crate::cluster::Cluster;
use crate::cluster::errand::Read;
use crate::errand::Wish;
use crate::gate::Gate;
use crate::lease::{CutReason, Held, Lease};
use crate::record::draft::{Entry, Outcome};
use crate::refusal::{ClusterFault, Refusal, kubernetes_reason, missing_one};
use crate::telemetry::Called;

/// Objects in one page of the list that a watch begins with: some ten MiB at most of usual ones.
const PAGE: usize = 250;
/// Pages of it: what a watch may show, and then some.
const PAGES: usize = 4_000;

/// What callers are told that get less than there is. kubectl prints it.
const LESS: &str = "299 - \"drawbridge: this answer holds only what this agent may see\"";
const MASKED: &str = "299 - \"drawbridge: values that this agent may not see are hidden in this answer\"";

/// How long a watch goes on whose conditions look at what changes by itself: the time, a namespace. It is
/// told to begin anew then, and decided anew.
const LOOKED_AT_AGAIN: Duration = Duration::from_secs(60);

/// What is done about the answer of one request.
#[derive(Debug)]
pub enum Planned {
    /// It is passed on as it is.
    AsItIs,
    /// It is looked at.
    Looked(Box<Screening>),
    /// There will be none: nobody can say what the caller of a watch knows that is as old as this one.
    TooOld,
}

/// What the caller of a watch knows when it begins.
enum Begins {
    With(Vec<Key>),
    TooOld,
}

/// How the answer of one request is looked at.
#[derive(Debug)]
pub struct Screening {
    /// None: nothing is hidden, but what was stored is looked at once more.
    screen: Option<Screen>,
    form: Form,
    reads: Reads,
    bound: Bound,
    /// What a watch begins with, as its caller knows it: the keys of what was shown of it.
    known: Vec<Key>,
}

impl Screening {
    /// Gets ready to look at the answer.
    ///
    /// # Errors
    /// No form that the caller takes can be looked at, its continue token doesn't count, or what its watch
    /// begins with can't be read.
    pub async fn of(
        permit: &Permit,
        (gate, cluster, entry): (&Gate, &Cluster, &Entry),
        request: &mut Request<Full<Bytes>>,
    ) -> Result<Planned, Refusal> {
        let screen = permit.screen().cloned();
        if screen.is_none() && !permit.looks_again() {
            return Ok(Planned::AsItIs);
        }
        let attributes = permit.attributes();
        if attributes.method() == Method::Head {
            return Err(Refusal::Ambiguous("HEAD has no object in its answer to look at; use GET"));
        }
        let reads = match attributes.verb() {
            Verb::List | Verb::DeleteCollection => Reads::List,
            Verb::Watch => Reads::Watch,
            Verb::Get | Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::Http(_) => {
                Reads::One
            }
        };
        let masked = if screen.as_ref().is_some_and(Screen::masks) { Masked::Yes } else { Masked::No };
        let form =
            Form::read(request.headers(), attributes.query(), reads, masked).map_err(Refusal::Unfit)?;
        let bound = Bound::to(permit.agent(), cluster.name(), attributes.path());
        let mut target = form.path_and_query(permit.path_and_query());
        if let Some(sealed) = attributes.query().get("continue").filter(|sealed| !sealed.is_empty()) {
            let opened = gate.continue_tokens.open(&bound, sealed).map_err(|_expired| Refusal::Expired)?;
            target = query::with(&target, "continue", &opened);
        }
        // Pages of which something is left out would count it, for every selector. The list streams anyway.
        let filtered = screen.as_ref().is_some_and(Screen::filters);
        if reads == Reads::List && filtered && attributes.query().get("limit").is_some() {
            target = query::with(&target, "limit", "0");
        }
        *request.uri_mut() = target.parse().map_err(|_no_uri| Refusal::Fault)?;
        form.ask(request.headers_mut());
        let mut screening = Screening { screen, form, reads, bound, known: Vec::new() };
        if reads == Reads::Watch {
            match screening.begins_with(permit, gate, cluster, entry).await? {
                Begins::With(known) => screening.known = known,
                Begins::TooOld => return Ok(Planned::TooOld),
            }
        }
        Ok(Planned::Looked(Box::new(screening)))
    }

    /// What the caller of a watch from a resourceVersion knows already: what it may see of a list at exactly
    /// that version. Of one that is too old to be listed nobody can say, and its caller must list anew.
    async fn begins_with(
        &self,
        permit: &Permit,
        gate: &Gate,
        cluster: &Cluster,
        entry: &Entry,
    ) -> Result<Begins, Refusal> {
        let attributes = permit.attributes();
        let asked = |key: &str| attributes.query().get(key).filter(|value| !value.is_empty());
        let initial = asked("sendInitialEvents").map(is_true);
        let version = match (asked("resourceVersion"), initial) {
            (_, Some(true)) | (None | Some("0"), None) => return Ok(Begins::With(Vec::new())),
            (None | Some("0"), Some(false)) => {
                return Err(Refusal::Ambiguous(
                    "a watch of which not everything is shown must name the resourceVersion that it begins \
                     with, or ask for its initial events",
                ));
            }
            (Some(version), _) => version,
        };
        let mut first = format!("{}?limit={PAGE}", attributes.path());
        for selector in ["labelSelector", "fieldSelector"] {
            if let Some(value) = asked(selector) {
                first = query::with(&first, selector, value);
            }
        }
        let mut target = query::with(&first, "resourceVersion", version);
        target = query::with(&target, "resourceVersionMatch", "Exact");
        let mut known = Vec::new();
        for _ in 0..PAGES {
            let errand = cluster.fact(permit.agent(), Wish::Beginning(&target), entry.id());
            let read =
                gate.record.metrics().errand(Called::Beginning, errand).await.map_err(Refusal::Cluster)?;
            let silent = || Refusal::Cluster(ClusterFault::Silent(cluster.name().to_owned()));
            let mut page = match read {
                Read::Present(page) => page,
                Read::Expired => return Ok(Begins::TooOld),
                Read::Absent | Read::Unseen => return Ok(Begins::With(known)),
            };
            let head = Head::of(&page);
            let more = page.pointer("/metadata/continue").and_then(Value::as_str).map(str::to_owned);
            let items = page.get_mut("items").and_then(Value::as_array_mut).ok_or_else(silent)?;
            for item in items {
                head.complete(item);
                if look(self.screen.as_ref(), item) == Look::Shown {
                    known.push(Key::of(item));
                }
            }
            match more.filter(|more| !more.is_empty()) {
                Some(more) => target = query::with(&first, "continue", &more),
                None => return Ok(Begins::With(known)),
            }
        }
        Err(Refusal::Busy("objects that a filtered watch begins with"))
    }

    /// Looks at what came.
    pub async fn answer(
        self,
        response: Response<Incoming>,
        (permit, mut answer): (&Permit, Response<()>),
        (gate, cluster): (&Gate, &Cluster),
        (entry, lease): (Entry, Lease),
    ) -> Sent {
        let status = response.status();
        self.warn(answer.headers_mut());
        if self.reads == Reads::One || !status.is_success() {
            return self.one(response, (permit, answer), (gate, cluster), entry).await;
        }
        if let Err(fault) = self.form.answered(answer.headers_mut()) {
            return Sent::Refused(Refusal::Unscreened(fault), entry);
        }
        let screen_masks = self.masks();
        let changing = self.screen.as_ref().is_some_and(Screen::may_change_by_itself);
        let screen = self.screen;
        let looks = move |object: &mut Value| look(screen.as_ref(), object);
        let reading = if self.reads == Reads::List {
            Reading::List(Box::new(List::new(self.form, looks, gate.continue_tokens.sealer(self.bound))))
        } else {
            let masked = if screen_masks { Masked::Yes } else { Masked::No };
            let mut watch = Watch::new(self.form, permit.attributes().query(), looks).masking(masked);
            if let Err(fault) = watch.seed(self.known) {
                return Sent::Refused(Refusal::Unscreened(fault), entry);
            }
            Reading::Watch(Box::new(watch))
        };
        let due = due(lease.held(), lease.stopped(), changing);
        let relay = Relay::new(response.into_body(), status.as_u16(), entry, lease);
        let why = "what this agent may see has changed; list again".to_owned();
        let screened = Screened::relay(relay, reading).expiring(due, why);
        Sent::Answered(answer.map(|()| Answer::screened(screened)))
    }

    /// One object, or the `Status` of a failure: read whole, since its end decides on its beginning.
    async fn one(
        self,
        response: Response<Incoming>,
        (permit, mut answer): (&Permit, Response<()>),
        (gate, cluster): (&Gate, &Cluster),
        mut entry: Entry,
    ) -> Sent {
        let (status, entry_id) = (response.status(), entry.id().to_owned());
        let silent = || Refusal::Cluster(ClusterFault::Silent(cluster.name().to_owned()));
        let bytes = match timeout(cluster.answers_within(), whole(response.into_body())).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(fault)) => return Sent::Refused(Refusal::Unscreened(fault), entry),
            Err(_late) => return Sent::Refused(silent(), entry),
        };
        let get = permit.attributes().verb() == Verb::Get;
        if status == StatusCode::NOT_FOUND && get && self.screen.as_ref().is_some_and(Screen::filters) {
            entry.finish(&Outcome::Answered { status: status.as_u16() });
            let missing = Missing::of(permit.attributes());
            return Sent::Answered(missing_one(&missing, &entry_id));
        }
        if !status.is_success() {
            let bytes = self.failed(&mut answer, bytes);
            entry.finish(&Outcome::Answered { status: status.as_u16() });
            return Sent::Answered(answer.map(|()| Answer::whole(bytes)));
        }
        if let Err(fault) = self.form.answered(answer.headers_mut()) {
            return Sent::Refused(Refusal::Unscreened(fault), entry);
        }
        if permit.looks_again() {
            look_again(permit, &bytes, gate, &mut entry);
        }
        let screen = self.screen;
        let looks = move |object: &mut Value| look(screen.as_ref(), object);
        let bytes = match single(self.form, &bytes, looks) {
            Ok(Single::Shown(bytes)) => bytes,
            Ok(Single::Hidden) => {
                let hidden = Refusal::Denied(Box::new(permit.hidden()));
                return Sent::Refused(hidden, entry);
            }
            Ok(Single::Status(said)) => said.to_string().into(),
            Err(fault) => return Sent::Refused(Refusal::Unscreened(fault), entry),
        };
        entry.finish(&Outcome::Answered { status: status.as_u16() });
        Sent::Answered(answer.map(|()| Answer::whole(bytes)))
    }

    /// What is said of a failure: a `Status`, without what it may quote where values are masked. What is none
    /// (`429 Too Many Requests` comes as a text) is told by its number alone.
    fn failed(&self, answer: &mut Response<()>, bytes: Bytes) -> Bytes {
        let code = answer.status();
        let status = serde_json::from_slice::<Value>(&bytes).ok().filter(is_status);
        let bytes = match status {
            Some(_) if !self.masks() => bytes,
            Some(mut said) => {
                mask::status(&mut said);
                said.to_string().into()
            }
            None => json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": format!("the cluster answered {code}"),
                "reason": kubernetes_reason(code), "code": code.as_u16(),
            })
            .to_string()
            .into(),
        };
        let headers = answer.headers_mut();
        for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG] {
            headers.remove(name);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        bytes
    }

    fn masks(&self) -> bool {
        self.screen.as_ref().is_some_and(Screen::masks)
    }

    fn warn(&self, headers: &mut HeaderMap) {
        if self.masks() {
            // What admission in the cluster warns of may quote values.
            headers.remove(header::WARNING);
            headers.append(header::WARNING, HeaderValue::from_static(MASKED));
        }
        if self.screen.as_ref().is_some_and(Screen::filters) && self.reads != Reads::One {
            headers.append(header::WARNING, HeaderValue::from_static(LESS));
        }
    }
}

/// When a watch must begin anew: its agent's rules have changed, or may be about another time by now.
async fn due(held: Arc<Held>, stopped: WaitForCancellationFutureOwned, changing: bool) {
    let told = async {
        stopped.await;
        if held.reason() != Some(CutReason::Scope) {
            // It breaks off.
            pending::<()>().await;
        }
    };
    let again = async { if changing { sleep(LOOKED_AT_AGAIN).await } else { pending().await } };
    tokio::select! { () = told => {}, () = again => {} }
}

/// A list's `kind` and `apiVersion`, which its elements leave out.
struct Head {
    kind: Option<Value>,
    api_version: Option<Value>,
}

impl Head {
    fn of(list: &Value) -> Head {
        let kind = list.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List"));
        Head { kind: kind.map(Value::from), api_version: list.get("apiVersion").cloned() }
    }

    fn complete(&self, item: &mut Value) {
        let Some(item) = item.as_object_mut() else { return };
        for (name, value) in [("kind", &self.kind), ("apiVersion", &self.api_version)] {
            if let (Some(value), false) = (value, item.contains_key(name)) {
                item.insert(name.to_owned(), value.clone());
            }
        }
    }
}

fn look(screen: Option<&Screen>, object: &mut Value) -> Look {
    screen.map_or(Look::Shown, |screen| screen.look(object))
}

/// What was stored is what the conditions were asked about, or people are told. It can't be taken back: who
/// wants that puts the rule into the cluster, too.
fn look_again(permit: &Permit, answer: &[u8], gate: &Gate, entry: &mut Entry) {
    let stored: Value = serde_json::from_slice(answer).unwrap_or(Value::Null);
    let table = stored.get("kind").is_some_and(|kind| kind == "Table");
    let object = stored.pointer("/rows/0/object").filter(|_| table).unwrap_or(&stored);
    if let Some(mismatch) = permit.mismatch(object) {
        tracing::warn!(entry = entry.id(), agent = %permit.agent(), mismatch, "what was stored differs");
        gate.record.metrics().mismatched();
        entry.mismatched(mismatch);
    }
}

impl From<Unfit> for StatusCode {
    fn from(unfit: Unfit) -> StatusCode {
        match unfit {
            Unfit::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Unfit::IncludeObject => StatusCode::BAD_REQUEST,
        }
    }
}
