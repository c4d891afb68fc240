//! A permitted request whose answer is looked at: what is asked of the cluster in its place, and what the
//! caller gets of what comes back.

use bytes::Bytes;
use drawbridge_policy::{Look, Method, Permit, Screen, Verb, mask};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

use super::answer::Answer;
use super::relay::Relay;
use super::screen::continue_token::Bound;
use super::screen::form::{Form, Masked, Reads, Unfit};
use super::screen::keys::Key;
use super::screen::list::List;
use super::screen::query;
use super::screen::single::{Single, single, whole};
use super::screen::stream::{Reading, Screened};
use super::screen::watch::Watch;
use super::send::Sent;
use crate::cluster::Cluster;
use crate::cluster::errand::Read;
use crate::errand::Wish;
use crate::gate::Gate;
use crate::lease::Lease;
use crate::record::draft::{Entry, Outcome};
use crate::refusal::{ClusterFault, Refusal};
use crate::telemetry::Called;

/// Objects in one page of the list that a watch begins with: some ten MiB at most of usual ones.
const PAGE: usize = 250;
/// Pages of it: what a watch may show, and then some.
const PAGES: usize = 4_000;

/// What callers are told that get less than there is. kubectl prints it.
const LESS: &str = "299 - \"drawbridge: this answer holds only what this agent may see\"";
const MASKED: &str = "299 - \"drawbridge: values that this agent may not see are hidden in this answer\"";

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
    /// Gets ready to look at the answer. None: it is passed on as it is.
    ///
    /// # Errors
    /// No form that the caller takes can be looked at, its continue token doesn't count, or what its watch
    /// begins with can't be read.
    pub async fn of(
        permit: &Permit,
        (gate, cluster, entry): (&Gate, &Cluster, &Entry),
        request: &mut Request<Full<Bytes>>,
    ) -> Result<Option<Screening>, Refusal> {
        let screen = permit.screen().cloned();
        if screen.is_none() && !permit.looks_again() {
            return Ok(None);
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
        *request.uri_mut() = target.parse().map_err(|_no_uri| Refusal::Fault)?;
        form.ask(request.headers_mut());
        let mut screening = Screening { screen, form, reads, bound, known: Vec::new() };
        if reads == Reads::Watch {
            screening.known = screening.begins_with(permit, gate, cluster, entry).await?;
        }
        Ok(Some(screening))
    }

    /// What the caller of a watch from a resourceVersion knows already: what it may see of a list at exactly
    /// that version. One that is too old to be listed is told so, and its caller lists anew.
    async fn begins_with(
        &self,
        permit: &Permit,
        gate: &Gate,
        cluster: &Cluster,
        entry: &Entry,
    ) -> Result<Vec<Key>, Refusal> {
        let attributes = permit.attributes();
        let asked = |key: &str| attributes.query().get(key).filter(|value| !value.is_empty());
        let version = match asked("resourceVersion") {
            None | Some("0") => return Ok(Vec::new()),
            Some(_) if asked("sendInitialEvents").is_some() => return Ok(Vec::new()),
            Some(version) => version,
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
                Read::Expired => return Err(Refusal::Expired),
                Read::Absent | Read::Unseen => return Ok(known),
            };
            let more = page.pointer("/metadata/continue").and_then(Value::as_str).map(str::to_owned);
            let items = page.get_mut("items").and_then(Value::as_array_mut).ok_or_else(silent)?;
            for item in items {
                if look(self.screen.as_ref(), item) == Look::Shown {
                    known.push(Key::of(item));
                }
            }
            match more.filter(|more| !more.is_empty()) {
                Some(more) => target = query::with(&first, "continue", &more),
                None => return Ok(known),
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
        let screen = self.screen;
        let looks = move |object: &mut Value| look(screen.as_ref(), object);
        let reading = if self.reads == Reads::List {
            Reading::List(Box::new(List::new(self.form, looks, gate.continue_tokens.sealer(self.bound))))
        } else {
            let mut watch = Watch::new(self.form, permit.attributes().query(), looks);
            if let Err(fault) = watch.seed(self.known) {
                return Sent::Refused(Refusal::Unscreened(fault), entry);
            }
            Reading::Watch(Box::new(watch))
        };
        let cut = lease.token();
        let relay = Relay::new(response.into_body(), status.as_u16(), entry, lease);
        let why = "what this agent may see has changed; list again".to_owned();
        let screened = Screened::relay(relay, reading).expiring(cut, why);
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
        let status = response.status();
        let silent = || Refusal::Cluster(ClusterFault::Silent(cluster.name().to_owned()));
        let bytes = match timeout(cluster.answers_within(), whole(response.into_body())).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(fault)) => return Sent::Refused(Refusal::Unscreened(fault), entry),
            Err(_late) => return Sent::Refused(silent(), entry),
        };
        if let Err(fault) = self.form.answered(answer.headers_mut()) {
            return Sent::Refused(Refusal::Unscreened(fault), entry);
        }
        if status.is_success() && permit.looks_again() {
            look_again(permit, &bytes, gate, &mut entry);
        }
        let (masks, screen) = (self.masks(), self.screen);
        let looks = move |object: &mut Value| look(screen.as_ref(), object);
        let bytes = match single(self.form, &bytes, looks) {
            Ok(Single::Shown(bytes)) => bytes,
            Ok(Single::Hidden) => {
                let hidden = Refusal::Denied(Box::new(permit.hidden()));
                return Sent::Refused(hidden, entry);
            }
            Ok(Single::Status(mut said)) => {
                if masks && status.as_u16() >= StatusCode::BAD_REQUEST.as_u16() {
                    mask::status(&mut said);
                }
                said.to_string().into()
            }
            Err(fault) => return Sent::Refused(Refusal::Unscreened(fault), entry),
        };
        entry.finish(&Outcome::Answered { status: status.as_u16() });
        Sent::Answered(answer.map(|()| Answer::whole(bytes)))
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

fn look(screen: Option<&Screen>, object: &mut Value) -> Look {
    screen.map_or(Look::Shown, |screen| screen.look(object))
}

/// What was stored is what the conditions were asked about, or people are told. It can't be taken back: who
/// wants that puts the rule into the cluster, too.
fn look_again(permit: &Permit, answer: &[u8], gate: &Gate, entry: &mut Entry) {
    let stored: Value = serde_json::from_slice(answer).unwrap_or(Value::Null);
    let object = stored.pointer("/rows/0/object").unwrap_or(&stored);
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
