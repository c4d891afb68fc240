//! The one place where something an agent asked for leaves for a cluster. It takes the permit by value.

use std::time::Duration;

use bytes::Bytes;
use drawbridge_policy::{AgentName, Attributes, Case, Connect, Permit, Review, Screen, mask};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use serde_json::Value;
use tokio::time::timeout;

use super::answer::Answer;
use super::ending::ending;
use super::entered;
use super::headers::{self, Protocol};
use super::moved::moved;
use super::relay::Relay;
use super::review::{self, Before};
use super::screen::watch::Watch;
use super::screened::{Planned, Screening};
use super::tap::Tap;
use super::tunnel::Tunnel;
use crate::cluster::{Answers, Cluster, Wait, Way};
use crate::gate::Gate;
use crate::lease::{Lease, Stream};
use crate::record::draft::{Entry, Outcome};
use crate::refusal::{ClusterFault, Refusal};

/// A refusal of the cluster's is read up to here to see whose it is. Most are far shorter; one that lists
/// every wrong field of an object is not.
const MAX_STATUS: usize = 1024 * 1024;
/// And for this long: through a proxy it may be a pod's, which sends as it likes.
const STATUS: Duration = Duration::from_secs(10);

/// Objects are looked at in answers, and what follows an upgrade is none.
const SCREENED: &str = "a rule's condition or mask looks at the objects in its answer, so it can't upgrade";

/// The caller's half that no decision read.
#[derive(Debug)]
pub enum Flow {
    /// All of it was read.
    Nothing,
    /// The connection itself, once the protocol changed.
    Upgrade(Protocol, OnUpgrade),
}

impl Flow {
    /// Whether the connection is to change its protocol. Only what is made for it may ask.
    ///
    /// # Errors
    /// `Ambiguous`.
    pub fn of(request: &mut Request<Incoming>, attributes: &Attributes) -> Result<Flow, Refusal> {
        let Some(protocol) = headers::upgrade(request.headers()).map_err(Refusal::Ambiguous)? else {
            return Ok(Flow::Nothing);
        };
        let made_for_it = Stream::of(attributes) == Stream::Open;
        let whole = request.method() == Method::GET || request.method() == Method::POST;
        if !made_for_it || !whole {
            return Err(Refusal::Ambiguous(
                "only exec, attach, port-forward, proxy, watch and log -f may upgrade",
            ));
        }
        Ok(Flow::Upgrade(protocol, hyper::upgrade::on(request)))
    }

    /// What the connection is to become.
    fn protocol(&self) -> Option<Protocol> {
        match self {
            Flow::Nothing => None,
            Flow::Upgrade(protocol, _) => Some(*protocol),
        }
    }
}

/// A request that may be sent: decided, recorded and registered. Only the pipeline makes one, and `send`
/// takes it by value: it is sent once.
#[derive(Debug)]
pub struct Admitted {
    /// What was decided.
    pub permit: Permit,
    /// Its place in the record; its intent is written.
    pub entry: Entry,
    /// Its place among the leases.
    pub lease: Lease,
    /// The rest of the caller's half.
    pub flow: Flow,
    /// Whether it stays open.
    pub stream: Stream,
}

/// What became of it.
#[derive(Debug)]
pub enum Sent {
    /// The cluster answered.
    Answered(Response<Answer>),
    /// The object changed between our read and our write: decide again.
    Moved {
        /// The request.
        case: Box<Case>,
        /// The entry of this attempt.
        entry: Entry,
        /// Its lease.
        lease: Lease,
    },
    /// The cluster did not carry it out, or nobody knows whether it did.
    Refused(Refusal, Entry),
}

/// Sends the request and begins to hand its answer on.
pub async fn send(admitted: Admitted, cluster: &Cluster, from: &HeaderMap, gate: &Gate) -> Sent {
    let ends = ending(&admitted.permit, gate.clock.now());
    let sent = match review::before(&admitted.permit, from) {
        Before::Send => to_cluster(admitted, cluster, from, gate).await,
        Before::Refused(refusal) => Sent::Refused(refusal, admitted.entry),
        Before::Settled(answer) => Sent::Answered(review::settled(admitted.entry, &answer)),
    };
    match (sent, ends) {
        // Of what isn't there nothing more is told than of what is as if it weren't.
        (Sent::Answered(mut response), Some(ends)) if response.status() != StatusCode::NOT_FOUND => {
            response.headers_mut().append(header::WARNING, ends);
            Sent::Answered(response)
        }
        (sent, _) => sent,
    }
}

async fn to_cluster(admitted: Admitted, cluster: &Cluster, from: &HeaderMap, gate: &Gate) -> Sent {
    // Dropped in reverse: what waits for the lease to end finds the entry's outcome handed in.
    let Admitted { lease, permit, mut entry, flow, stream } = admitted;
    let ready = ready(&permit, (from, flow.protocol()), (gate, cluster, &entry));
    let (request, planned) = match lease.unless_cut(ready).await {
        Ok(ready) => ready,
        Err(refusal) => return Sent::Refused(refusal, entry),
    };
    let screening = match planned {
        Planned::AsItIs => None,
        Planned::Looked(screening) => Some(screening),
        Planned::TooOld => return too_old(entry),
    };
    let agent = permit.agent().clone();
    let way = way(&permit, &agent, cluster, stream);
    let answer = tokio::select! {
        // The cut is looked at first: what was cut by now is not sent.
        biased;
        () = lease.stopped() => Err(Refusal::Cut),
        answer = exchange(&mut entry, way, request) => answer,
    };
    let response = match answer {
        Ok(response) => response,
        Err(refusal) => return Sent::Refused(refusal, entry),
    };
    entry.answered(response.status().as_u16());
    if let Err(refusal) = lease.unless_cut(entered::same(gate, cluster, &permit, entry.id())).await {
        return Sent::Refused(refusal, entry);
    }
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => {
            opened(response, (flow, &permit, from), (gate, cluster), (entry, lease))
        }
        StatusCode::FORBIDDEN if way.answers == Answers::Cluster => {
            forbidden(response, &permit, entry, cluster).await
        }
        StatusCode::CREATED if let Some(asked) = permit.review() => {
            reviewed(response, asked, entry, cluster).await
        }
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY if permit.pinned().is_some() => {
            conflict(response, permit, entry, lease).await
        }
        status => {
            let answer = headers_of(&response, None, ());
            if let Some(screening) = screening {
                return screening.answer(response, (&permit, answer), (gate, cluster), (entry, lease)).await;
            }
            let relay = Relay::new(response.into_body(), status.as_u16(), entry, lease);
            Sent::Answered(answer.map(|()| Answer::relayed(relay)))
        }
    }
}

/// The request as it leaves, and how its answer is looked at.
async fn ready(
    permit: &Permit,
    (from, protocol): (&HeaderMap, Option<Protocol>),
    (gate, cluster, entry): (&Gate, &Cluster, &Entry),
) -> Result<(Request<Full<Bytes>>, Planned), Refusal> {
    let mut request = outgoing(permit, entry, from, protocol).map_err(|error| {
        tracing::error!(%error, "a permitted request could not be built");
        Refusal::Fault
    })?;
    let planned = Screening::of(permit, (gate, cluster, entry), &mut request).await?;
    match (&planned, protocol) {
        (Planned::Looked(_) | Planned::TooOld, Some(_)) => Err(Refusal::Ambiguous(SCREENED)),
        (Planned::AsItIs, _) | (_, None) => Ok((request, planned)),
    }
}

/// The cluster has changed the protocol: what follows is relayed.
fn opened(
    mut response: Response<Incoming>,
    (flow, permit, from): (Flow, &Permit, &HeaderMap),
    (gate, cluster): (&Gate, &Cluster),
    (entry, lease): (Entry, Lease),
) -> Sent {
    let Flow::Upgrade(protocol, caller) = flow else {
        return Sent::Refused(Refusal::Cluster(silent(cluster)), entry);
    };
    let tap = match Tap::of(permit.ports(), protocol, from, response.headers()) {
        Ok(tap) => tap,
        Err(fault) => return Sent::Refused(fault.into(), entry),
    };
    let cluster = hyper::upgrade::on(&mut response);
    let answer = headers_of(&response, Some(protocol), Answer::whole(Bytes::new()));
    gate.tasks.spawn(Tunnel { caller, cluster, tap }.run(entry, lease));
    Sent::Answered(answer)
}

fn way<'a>(permit: &Permit, agent: &'a AgentName, cluster: &'a Cluster, stream: Stream) -> Way<'a> {
    let wait = match stream {
        Stream::Open => Wait::Open,
        Stream::Short => Wait::Bounded,
    };
    let answers = match permit.attributes().connect() {
        Some(Connect::Proxy) => Answers::Behind,
        Some(Connect::Exec | Connect::Attach | Connect::PortForward) | None => Answers::Cluster,
    };
    Way { cluster, agent, wait, answers }
}

/// Sends, and waits for the head of the answer. The entry says whether anything left.
pub async fn exchange(
    entry: &mut Entry,
    way: Way<'_>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Refusal> {
    entry.sent();
    way.send(request).await.map_err(|fault| {
        match fault {
            ClusterFault::Unusable(_) | ClusterFault::Unreachable(_) => entry.unsent(),
            ClusterFault::Silent(_)
            | ClusterFault::Unauthorized(_)
            | ClusterFault::MayNotImpersonate(_)
            | ClusterFault::Redirected(_) => {}
        }
        Refusal::Cluster(fault)
    })
}

/// The request that a permit allows, as it leaves.
pub fn outgoing(
    permit: &Permit,
    entry: &Entry,
    from: &HeaderMap,
    protocol: Option<Protocol>,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut request = Request::builder()
        .method(permit.method().as_str())
        .uri(permit.path_and_query())
        .body(Full::new(permit.body().clone()))?;
    *request.headers_mut() = headers::to_cluster(from, protocol);
    if permit.review().is_some() {
        review::in_plain_json(request.headers_mut());
    }
    if let Some(content_type) = permit.content_type() {
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type)?);
    }
    request.headers_mut().insert("audit-id", HeaderValue::from_str(entry.id())?);
    Ok(request)
}

fn headers_of<T>(response: &Response<Incoming>, protocol: Option<Protocol>, body: T) -> Response<T> {
    let mut answer = Response::new(body);
    *answer.status_mut() = response.status();
    *answer.headers_mut() = headers::to_caller(response.headers(), protocol);
    answer
}

/// A 403 is the cluster's, and is passed on, with a word where it is its ceiling's; unless it is the gateway
/// that may not act for the agent.
async fn forbidden(response: Response<Incoming>, permit: &Permit, entry: Entry, cluster: &Cluster) -> Sent {
    let mut answer = headers_of(&response, None, ());
    let Some(bytes) = whole(response).await else {
        return Sent::Refused(Refusal::Cluster(silent(cluster)), entry);
    };
    if is_about_impersonation(&bytes) {
        let fault = ClusterFault::MayNotImpersonate(cluster.name().to_owned());
        return Sent::Refused(Refusal::Cluster(fault), entry);
    }
    let bytes = review::marked(permit, &bytes).unwrap_or(bytes);
    entry.finish(&Outcome::Answered { status: StatusCode::FORBIDDEN.as_u16() });
    unsaid(permit, answer.headers_mut());
    Sent::Answered(answer.map(|()| Answer::whole(said(permit, bytes))))
}

/// What the cluster says about the agent is half of the answer.
async fn reviewed(response: Response<Incoming>, asked: &Review, entry: Entry, cluster: &Cluster) -> Sent {
    let mut answer = headers_of(&response, None, ());
    let status = response.status().as_u16();
    let bytes = whole(response).await.unwrap_or_default();
    let Some(bytes) = review::completed(asked, &bytes) else {
        return Sent::Refused(Refusal::Cluster(silent(cluster)), entry);
    };
    entry.finish(&Outcome::Answered { status });
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    Sent::Answered(answer.map(|()| Answer::whole(bytes)))
}

/// Whether a 403 is the gateway's own: it may not act for the agent.
pub fn is_about_impersonation(bytes: &[u8]) -> bool {
    let words = b"cannot impersonate";
    bytes.windows(words.len()).any(|window| window == words)
}

/// A 409 or 422 on a pinned write is ours when what was looked at has changed; anything else is the caller's
/// own trouble.
async fn conflict(response: Response<Incoming>, permit: Permit, entry: Entry, lease: Lease) -> Sent {
    let status = response.status();
    let mut answer = headers_of(&response, None, ());
    let bytes = whole(response).await.unwrap_or_default();
    if permit.pinned().is_some_and(|pin| moved(&bytes, pin)) {
        return Sent::Moved { case: Box::new(permit.into_case()), entry, lease };
    }
    entry.finish(&Outcome::Answered { status: status.as_u16() });
    unsaid(&permit, answer.headers_mut());
    Sent::Answered(answer.map(|()| Answer::whole(said(&permit, bytes))))
}

/// A watch that can't begin where its caller is: one event says so.
fn too_old(entry: Entry) -> Sent {
    let Ok(event) = Watch::too_old() else { return Sent::Refused(Refusal::Fault, entry) };
    let mut answer = Response::new(Answer::whole(event));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    if let Ok(id) = HeaderValue::from_str(entry.id()) {
        headers.insert("audit-id", id);
    }
    entry.refuse(&Refusal::Expired);
    Sent::Answered(answer)
}

/// The headers of a failure whose body is told anew. What admission in the cluster warns of may quote values.
fn unsaid(permit: &Permit, headers: &mut HeaderMap) {
    headers.remove(header::CONTENT_LENGTH);
    if permit.screen().is_some_and(Screen::masks) {
        headers.remove(header::WARNING);
    }
}

/// What the cluster says of a failure may quote values that are masked.
fn said(permit: &Permit, bytes: Bytes) -> Bytes {
    if !permit.screen().is_some_and(Screen::masks) {
        return bytes;
    }
    let mut status = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    mask::status(&mut status);
    status.to_string().into()
}

async fn whole(response: Response<Incoming>) -> Option<Bytes> {
    let whole = timeout(STATUS, Limited::new(response.into_body(), MAX_STATUS).collect());
    whole.await.ok()?.ok().map(|whole| whole.to_bytes())
}

fn silent(cluster: &Cluster) -> ClusterFault {
    ClusterFault::Silent(cluster.name().to_owned())
}
