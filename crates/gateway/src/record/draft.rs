//! Draft → Entry → outcome. A draft reserves the outcome's place in the record's queue before anything is
//! done, so that every ending has one: refusals, panics, lost callers and cuts.

use std::sync::Arc;

use drawbridge_policy::{Access, Case, Millis, Observed, Permit, Pin};
use drawbridge_store::Part;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::OwnedPermit;
use tokio::time::timeout;

use super::entry::{Subject, body_fields};
use super::fold::Fate;
use super::writer::{Job, NotRecorded, Record};
use crate::clock::Clock;
use crate::connection::peer::Peer;
use crate::identity::proven::Stranger;
use crate::lease::{CutReason, Held, Lease};
use crate::refusal::{ClusterFault, Refusal};
use crate::telemetry::{Class, Ending, Metrics};

/// How a request ended.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// The cluster answered, and the caller got all of it.
    Answered {
        /// The cluster's status code.
        status: u16,
    },
    /// It was not let through, or could not be carried out.
    Refused {
        /// The refusal's stable reason.
        reason: &'static str,
        /// What the caller was told.
        message: String,
        /// The status code that the caller got.
        status: u16,
    },
    /// A revocation, an expiry or a change of manifests ended it.
    Cut {
        /// Why.
        reason: CutReason,
    },
    /// The caller went away before the end.
    CallerGone,
    /// The cluster went away before the end.
    ClusterGone {
        /// What happened: the transport's words, or what the caller was told.
        message: String,
        /// The status code that the caller got from the gateway, where the cluster gave none.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
    /// A fault in the gateway ended it; if it was sent, what became of it isn't known.
    Panic,
}

impl Outcome {
    fn result(&self) -> &'static str {
        match self {
            Outcome::Answered { .. } => "answered",
            Outcome::Refused { reason, .. } => reason,
            Outcome::Cut { .. } => "cut",
            Outcome::CallerGone => "caller-gone",
            Outcome::ClusterGone { .. } => "cluster-gone",
            Outcome::Panic => "panic",
        }
    }

    fn ending(&self) -> Ending {
        match self {
            Outcome::Answered { .. } => Ending::Answered,
            Outcome::Refused { .. } => Ending::Refused,
            Outcome::Cut { .. } => Ending::Cut,
            Outcome::CallerGone => Ending::CallerGone,
            Outcome::ClusterGone { .. } => Ending::ClusterGone,
            Outcome::Panic => Ending::Panic,
        }
    }
}

/// Bytes that went each way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// From the cluster to the caller.
    pub to_caller: u64,
    /// From the caller to the cluster, on upgraded connections.
    pub to_cluster: u64,
}

/// The reserved place of one outcome, and what is known so far.
#[derive(Debug)]
struct Open {
    subject: Subject,
    place: Option<OwnedPermit<Job>>,
    began: Millis,
    clock: Clock,
    metrics: Arc<Metrics>,
    sent: Sent,
    traffic: Traffic,
    status: Option<u16>,
    decided: Value,
    observed: Value,
    held: Option<Arc<Held>>,
}

/// Whether anything of the request has left for the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Sent {
    No,
    Yes,
}

/// A request that was not let through yet.
#[derive(Debug)]
pub struct Draft(Open);

/// A request whose intent is in the record. Only with one is anything sent.
#[derive(Debug)]
pub struct Entry(Open);

impl Record {
    /// Reserves the place of a request's outcome. Refused while the record takes no writes.
    pub async fn draft(&self, subject: Subject) -> Result<Draft, NotRecorded> {
        if self.is_failing() {
            return Err(NotRecorded::Failing);
        }
        self.hurry_if_full();
        let reserve = self.jobs.clone().reserve_owned();
        let place = match timeout(self.patience, reserve).await {
            Ok(Ok(place)) => place,
            Ok(Err(_closed)) => return Err(NotRecorded::Closed),
            Err(_elapsed) => return Err(NotRecorded::Slow),
        };
        Ok(Draft(Open {
            subject,
            place: Some(place),
            began: self.clock.now(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            sent: Sent::No,
            traffic: Traffic::default(),
            status: None,
            decided: Value::Null,
            observed: Value::Null,
            held: None,
        }))
    }
}

impl Draft {
    /// What is known of the request, to be filled in along the path.
    pub fn subject(&mut self) -> &mut Subject {
        &mut self.0.subject
    }

    /// The entry's id.
    pub fn id(&self) -> &str {
        &self.0.subject.request
    }

    /// The same request as the subject of an entry of its own: a dry run that is made to decide on it.
    pub fn rehearsed(&self) -> Subject {
        let rehearsal_of = Some(self.0.subject.request.clone());
        Subject { request: uuid::Uuid::now_v7().to_string(), rehearsal_of, ..self.0.subject.clone() }
    }

    /// Says what came of it so far, for however it ends.
    pub fn note(&mut self, decided: Value) {
        self.0.decided = decided;
    }

    /// It was answered out of requests with entries of their own, and nothing was sent for itself.
    pub fn answered(mut self, status: u16) {
        self.0.status = Some(status);
        self.0.finish(&Outcome::Answered { status });
    }

    /// From here on the request can be cut, and however it ends then, its outcome says so.
    pub fn hold(&mut self, lease: &Lease) {
        self.0.held = Some(lease.held());
    }

    /// What grants that only observe would have done with it, as far as it is known by now.
    pub fn observe(&mut self, observed: &[Observed]) {
        let one = |one: &Observed| {
            json!({
                "grant": one.grant,
                "decision": one.sight.as_str(),
                "rule": one.rule.as_ref().map(ToString::to_string),
                "message": one.message,
            })
        };
        if !observed.is_empty() {
            self.0.observed = observed.iter().map(one).collect();
        }
    }

    /// Writes the refusal. One of an unknown caller is folded with its like.
    pub fn refuse(mut self, record: &Record, peer: &Peer, refusal: &Refusal) {
        self.0.metrics.refused(Class::of(refusal));
        // Anybody makes a key; who has a token was vouched for, and is told apart.
        let mut vouched = None;
        if let Refusal::Unrecognised(stranger) = refusal {
            record.unrecognised.saw(stranger, peer.address().ip(), self.0.clock.now());
            let Stranger { proven, because, .. } = &**stranger;
            self.0.subject.by_stranger(proven);
            let subject = || format!("{} ({})", proven.means.subject(), because.as_str());
            vouched = proven.issuer.as_ref().map(|_| subject());
        }
        if self.0.subject.agent.is_none() {
            let now = self.0.clock.now();
            if record.fold.count(peer.address().ip(), refusal.reason(), vouched, now) == Fate::Counted {
                self.0.metrics.ended(Ending::Refused);
                self.0.place = None;
                return;
            }
        }
        self.0.decided = refusal.decided();
        self.0.refuse(refusal);
    }

    /// Records the intent. For a write, and for reads of Secrets, it is durable when this returns; other
    /// reads are written with the next group.
    pub async fn intend(
        mut self,
        record: &Record,
        permit: &Permit,
        intent: &Intent,
    ) -> Result<Entry, (Draft, NotRecorded)> {
        let mut decided = json!({
            "rule": permit.rule().to_string(),
            "grant": permit.grant(),
            "pinnedUid": permit.pinned().map(Pin::uid),
            "pinnedVersion": permit.pinned().and_then(Pin::resource_version),
            "body": intent.body,
        });
        with_observed(&mut decided, self.0.observed.clone());
        let row = self.0.subject.row(Part::Begin, self.0.clock.now(), None, decided);
        let written = match intent.durability {
            Durability::Before => record.intend(row).await,
            Durability::Soon => record.note(row).await,
        };
        match written {
            Ok(()) => {
                self.0.decided = json!({ "rule": permit.rule().to_string(), "grant": permit.grant() });
                Ok(Entry(self.0))
            }
            Err(refused) => Err((self, refused)),
        }
    }
}

/// What an intent needs of its case, read before the decision takes the case.
#[derive(Debug)]
pub struct Intent {
    durability: Durability,
    body: Value,
}

impl Intent {
    /// Reads a case. `id` is the entry's.
    pub fn of(id: &str, case: &Case) -> Intent {
        let body = body_fields(id, case.attributes(), case.payload());
        Intent { durability: Durability::of(case), body }
    }
}

/// When an intent must be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// Before anything is sent: writes, exec and the like, reads of Secrets.
    Before,
    /// With the next group: other reads. A crash loses at most a second of them.
    Soon,
}

impl Durability {
    /// What a case needs.
    fn of(case: &Case) -> Durability {
        let attributes = case.attributes();
        match attributes.access() {
            Access::Write => Durability::Before,
            Access::Read if attributes.reads_secrets() => Durability::Before,
            Access::Read => Durability::Soon,
        }
    }
}

impl Entry {
    /// From here on something has left for the cluster.
    pub fn sent(&mut self) {
        self.0.sent = Sent::Yes;
    }

    /// It turned out that nothing has left.
    pub fn unsent(&mut self) {
        self.0.sent = Sent::No;
    }

    /// The cluster has begun its answer.
    pub fn answered(&mut self, status: u16) {
        self.0.status = Some(status);
    }

    /// What was stored is not what its rule lets through.
    pub fn mismatched(&mut self, how: String) {
        if let Value::Object(decided) = &mut self.0.decided {
            decided.insert("mismatch".to_owned(), Value::String(how));
        }
    }

    /// Counts bytes.
    pub fn traffic(&mut self) -> &mut Traffic {
        &mut self.0.traffic
    }

    /// The entry's id, which the cluster's audit log gets too.
    pub fn id(&self) -> &str {
        &self.0.subject.request
    }

    /// Another attempt at the same request, after the object changed.
    pub fn again(mut self) -> Draft {
        self.0.sent = Sent::No;
        self.0.status = None;
        self.0.decided = Value::Null;
        Draft(self.0)
    }

    /// The request is over.
    pub fn finish(mut self, outcome: &Outcome) {
        self.0.finish(outcome);
    }

    /// The request was let through but could not be carried out.
    pub fn refuse(mut self, refusal: &Refusal) {
        self.0.metrics.refused(Class::of(refusal));
        self.0.refuse(refusal);
    }
}

impl Open {
    /// A cut is one however it was noticed. Anything else is a refusal.
    fn refuse(&mut self, refusal: &Refusal) {
        let cut = self.held.as_ref().and_then(|held| held.reason());
        let outcome = match (refusal.root(), cut) {
            (Refusal::Cut, Some(reason)) => Outcome::Cut { reason },
            // It was sent, so it was not refused: nobody knows what became of it.
            (Refusal::Cluster(ClusterFault::Silent(_)), _) => {
                Outcome::ClusterGone { message: refusal.message(), status: Some(refusal.status().as_u16()) }
            }
            _ => Outcome::Refused {
                reason: refusal.reason(),
                message: refusal.message(),
                status: refusal.status().as_u16(),
            },
        };
        self.finish(&outcome);
    }

    fn finish(&mut self, outcome: &Outcome) {
        let Some(place) = self.place.take() else { return };
        self.metrics.ended(outcome.ending());
        let now = self.clock.now();
        let mut more = json!({
            "outcome": outcome,
            "sent": self.sent,
            "status": self.status,
            "bytesToCaller": self.traffic.to_caller,
            "bytesToCluster": self.traffic.to_cluster,
            "milliseconds": now.0.saturating_sub(self.began.0),
        });
        if let (Value::Object(more), Value::Object(decided)) = (&mut more, std::mem::take(&mut self.decided))
        {
            more.extend(decided);
        }
        with_observed(&mut more, std::mem::take(&mut self.observed));
        let row = self.subject.row(Part::Outcome, now, Some(outcome.result()), more);
        place.send(Job::Row(Box::new(row)));
    }

    /// An ending that nobody wrote: the request's future or body was dropped.
    fn abandon(&mut self) {
        let outcome = match self.held.as_ref().and_then(|held| held.reason()) {
            Some(reason) => Outcome::Cut { reason },
            None if std::thread::panicking() => Outcome::Panic,
            None => Outcome::CallerGone,
        };
        self.finish(&outcome);
    }
}

fn with_observed(row: &mut Value, observed: Value) {
    if let (Value::Object(row), false) = (row, observed.is_null()) {
        row.insert("observed".to_owned(), observed);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.place.is_some() {
            self.abandon();
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what a test spawns ends with its runtime")]
mod tests {
    use std::time::Duration;

    use drawbridge_policy::AgentName;
    use drawbridge_store::{Filter, Location, Store};

    use super::*;
    use crate::lease::{Holder, Leases};

    /// The outcome of a request that is cut and then ends as `end` says.
    async fn cut(end: impl FnOnce(Draft)) -> Value {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&Location::Sqlite(dir.path().join("db"))).await.unwrap();
        let clock = Clock::new(|| Millis(1));
        let (record, writer) = Record::new(store.clone(), clock, 16, Duration::from_secs(5));
        tokio::spawn(writer.run());
        let leases = Leases::default();
        let connection = leases.connect(([127, 0, 0, 1], 1).into());
        let agent = AgentName::parse("cleanup").unwrap();
        let lease = leases.register(Holder::for_test(agent), &connection);
        let mut draft = record.draft(Subject::default()).await.unwrap();
        draft.hold(&lease);
        tokio::join!(leases.cut(|_| Some(CutReason::Key), &[]), async { drop(lease) });
        end(draft);
        record.flush(Duration::from_secs(5)).await.unwrap();
        let row = store.newest(&Filter::default(), None, 1).await.unwrap().remove(0).row;
        assert_eq!(row.result.as_deref(), Some("cut"));
        serde_json::from_str(&row.body).unwrap()
    }

    #[tokio::test]
    async fn a_request_that_is_cut_before_it_is_sent_ends_as_cut_however_that_is_noticed() {
        let refused = cut(|draft| Entry(draft.0).refuse(&Refusal::Cut)).await;
        for row in [cut(drop).await, refused] {
            assert_eq!(row["outcome"], json!({ "result": "cut", "reason": "key" }));
            assert_eq!(row["sent"], "no");
        }
    }
}
