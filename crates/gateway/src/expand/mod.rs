//! A deletecollection that rules with terms are about: it is never sent. Its objects are found, and each is
//! decided, recorded and deleted on its own, as its own delete would be.

mod find;
mod inseparable;
mod stopped;
mod tally;

use drawbridge_policy::{Case, Permit, Reason, Screen, Shown, mask};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio::time::timeout;

use crate::broker::answer::Answer;
use crate::broker::headers::takes_json;
use crate::broker::moved::moved;
use crate::broker::send::{exchange, is_about_impersonation, outgoing};
use crate::cluster::{Answers, Cluster, Wait, Way};
use crate::connection::peer::Peer;
use crate::facts::plain;
use crate::gate::Gate;
use crate::lease::Lease;
use crate::limits::Counted;
use crate::pipeline::{ATTEMPTS, admit};
use crate::record::draft::{Draft, Entry, Outcome};
use crate::record::entry::Subject;
use crate::refusal::{ClusterFault, Refusal};

pub use inseparable::Inseparable;
use stopped::Because;
pub use stopped::Stopped;
use tally::{Done, Tally};

/// How many objects of one collection are under way at once: enough that a slow cluster isn't waited for
/// twice per object, and few enough that one request doesn't take what others need.
const AT_ONCE: usize = 4;
/// An answer to a delete is the object or a `Status`; etcd takes less than 2 MiB of an object.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// What was admitted.
#[derive(Debug)]
pub enum Admission {
    /// The request, as the permit has it.
    Whole(Box<Permit>, Entry),
    /// Each object of the collection on its own.
    Apart(Box<Case>, Draft),
}

/// A collection that is deleted object by object, under the lease of its own request.
#[derive(Debug, Clone, Copy)]
pub struct Collection<'a> {
    /// The gateway.
    pub gate: &'a Gate,
    /// Where the request came from.
    pub peer: &'a Peer,
    /// Its lease, its cluster and its headers.
    pub on: (&'a Lease, &'a Cluster, &'a HeaderMap),
    /// The request.
    pub case: &'a Case,
}

/// What became of one delete that was sent.
enum Sent {
    Done(Done),
    /// The object changed between our read and our delete: decide again.
    Moved(Box<(Case, Draft)>),
}

impl Collection<'_> {
    /// Deletes what is allowed, and says how many that were. `draft` is the collection's own; every
    /// object has an entry of its own.
    ///
    /// # Errors
    /// Its objects can't be found, or it ended before its end: [`Refusal::Stopped`] says how many were
    /// deleted by then.
    pub async fn delete(self, mut draft: Draft) -> Result<Response<Answer>, (Draft, Refusal)> {
        let (_, _, headers) = self.on;
        if !takes_json(headers) {
            return Err((draft, Refusal::Inseparable(Inseparable::OnlyJson)));
        }
        let names = match self.find(draft.id()).await {
            Ok(names) => names,
            Err(refusal) => return Err((draft, refusal)),
        };
        let tally = self.each(&mut draft, names).await;
        match tally.over() {
            Ok(tally) => {
                let response = tally.respond(self.case, draft.id());
                draft.answered(response.status().as_u16());
                Ok(response)
            }
            Err(stopped) => Err((draft, Refusal::Stopped(Box::new(stopped)))),
        }
    }

    /// Once something stops it nothing new is begun; what is under way then comes to its end, so that it is
    /// known what became of it.
    async fn each(self, draft: &mut Draft, names: Vec<String>) -> Tally {
        let whole = draft.subject().clone();
        let mut tally = Tally::of(names.len());
        let mut names = names.into_iter();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < AT_ONCE && tally.goes_on() {
                let Some(name) = names.next() else { break };
                running.push(self.one(&whole, name));
            }
            let Some(done) = running.next().await else { return tally };
            tally.add(done);
            draft.note(tally.decided());
        }
    }

    async fn one(self, whole: &Subject, name: String) -> Done {
        match self.attempts(whole, &name).await {
            Ok(done) => done,
            Err(refusal) => Done::Stopped(Because::Refused(Box::new(refusal))),
        }
    }

    /// Like [`crate::pipeline::answer`]: decided, recorded and sent, up to three times.
    async fn attempts(self, whole: &Subject, name: &str) -> Result<Done, Refusal> {
        let (lease, _, _) = self.on;
        let record = &self.gate.record;
        let mut case = self.case.one(name).map_err(Refusal::Unreadable)?;
        if lease.cut().is_some() {
            return Err(Refusal::Cut);
        }
        let mut draft = record.draft(whole.one(case.attributes())).await.map_err(Refusal::NotRecorded)?;
        draft.hold(lease);
        let mut counted = Counted::default();
        for _ in 0..ATTEMPTS {
            let (permit, entry) = match admit(self.gate, draft, case, self.on, &mut counted).await {
                Ok(Admission::Whole(permit, entry)) => (*permit, entry),
                // One object is no collection.
                Ok(Admission::Apart(_, draft)) => {
                    draft.refuse(record, self.peer, &Refusal::Fault);
                    return Err(Refusal::Fault);
                }
                Err((draft, refusal)) => {
                    draft.refuse(record, self.peer, &refusal);
                    return left_out(refusal);
                }
            };
            match self.send(permit, entry).await? {
                Sent::Done(done) => return Ok(done),
                Sent::Moved(again) => (case, draft) = *again,
            }
        }
        draft.refuse(record, self.peer, &Refusal::Moved);
        Err(Refusal::Moved)
    }

    async fn send(self, permit: Permit, mut entry: Entry) -> Result<Sent, Refusal> {
        let (lease, cluster, headers) = self.on;
        let Ok(mut request) = outgoing(&permit, &entry, &plain(headers), None) else {
            entry.refuse(&Refusal::Fault);
            return Err(Refusal::Fault);
        };
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let agent = permit.agent().clone();
        let way = Way { cluster, agent: &agent, wait: Wait::Bounded, answers: Answers::Cluster };
        let silent = || Refusal::Cluster(ClusterFault::Silent(cluster.name().to_owned()));
        let answered = async {
            let response = exchange(&mut entry, way, request).await?;
            let status = response.status();
            entry.answered(status.as_u16());
            let whole = Limited::new(response.into_body(), MAX_ANSWER).collect();
            let whole = timeout(cluster.answers_within(), whole).await.map_err(|_late| silent())?;
            Ok((status, whole.map_err(|_broken| silent())?.to_bytes()))
        };
        // The cut is looked at first: what was cut by now is not sent.
        let (status, body) = match lease.unless_cut(answered).await {
            Ok(answered) => answered,
            Err(refusal) => {
                entry.refuse(&refusal);
                return Err(refusal);
            }
        };
        if status == StatusCode::CONFLICT && permit.pinned().is_some_and(|pin| moved(&body, pin)) {
            return Ok(Sent::Moved(Box::new((permit.into_case(), entry.again()))));
        }
        if status == StatusCode::FORBIDDEN && is_about_impersonation(&body) {
            let refusal = Refusal::Cluster(ClusterFault::MayNotImpersonate(cluster.name().to_owned()));
            entry.refuse(&refusal);
            return Err(refusal);
        }
        entry.finish(&Outcome::Answered { status: status.as_u16() });
        Ok(Sent::Done(match status {
            StatusCode::NOT_FOUND => Done::Gone,
            status if status.is_success() => Done::Deleted,
            status => Done::Stopped(Because::Answered(status, said(&permit, &body))),
        }))
    }
}

/// What a refusal of one object's delete is to its collection: a selector doesn't find what isn't allowed.
/// Anything else would be so for the next one, too.
fn left_out(refusal: Refusal) -> Result<Done, Refusal> {
    let Refusal::Denied(denial) = &refusal else { return Err(refusal) };
    match (denial.reason(), denial.shown()) {
        (Reason::Absent, _) => Ok(Done::Gone),
        (
            Reason::Condition | Reason::NoRule | Reason::DenyRule | Reason::Escape | Reason::BuiltIn,
            Shown::Whole,
        ) => Ok(Done::LeftOut),
        (
            Reason::Condition | Reason::NoRule | Reason::DenyRule | Reason::Escape | Reason::BuiltIn,
            Shown::NotFound(_),
        ) => Ok(Done::Unseen),
        _ => Err(refusal),
    }
}

/// What the cluster said, less what may repeat masked values.
fn said(permit: &Permit, body: &[u8]) -> String {
    let mut status = serde_json::from_slice::<Value>(body).unwrap_or_default();
    if permit.screen().is_some_and(Screen::masks) {
        mask::status(&mut status);
    }
    status.get("message").and_then(Value::as_str).unwrap_or_default().to_owned()
}
