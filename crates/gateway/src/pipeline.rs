//! The path of a request, whole: who asks, what is asked, may it be done, is it recorded, send it. Read it
//! top to bottom; nothing else on the way decides anything.

use std::sync::Arc;

use drawbridge_policy::{Attributes, Case, Decision, Fact, Facts, Line, Reason, Rules, decide, observe};
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;

use crate::bodies::Room;
use crate::broker::answer::Answer;
use crate::broker::send::{Admitted, Flow, Sent, send};
use crate::cluster::Cluster;
use crate::connection::peer::Peer;
use crate::connection::route::{Route, few_enough, meant_for};
use crate::expand::{Admission, Collection};
use crate::facts::{Asking, Gathered};
use crate::gate::Gate;
use crate::identity::authenticate::{Check, authenticate};
use crate::lease::{Holder, Lease, Parting, Permitted, Stream};
use crate::limits::Counted;
use crate::record::draft::{Draft, Intent};
use crate::record::entry::Subject;
use crate::refusal::{Reader, Refusal};

/// How often one request is decided anew because the object changed under it.
pub const ATTEMPTS: usize = 3;
/// How often one attempt may ask for facts, or find that the snapshot changed, before it is given up.
const ROUNDS: usize = 8;

/// A request that was understood: who, what and where to, with its place among the leases.
struct Opened {
    case: Case,
    lease: Lease,
    flow: Flow,
    cluster: Arc<Cluster>,
    headers: HeaderMap,
    _room: Room,
}

/// Answers one request. Every way out of here writes an outcome.
pub async fn answer(gate: &Gate, peer: &Peer, request: Request<Incoming>) -> Response<Answer> {
    let subject = Subject::of(peer, &request);
    let reader = Reader::of(&request, &subject.request);
    let mut draft = match gate.record.draft(subject).await {
        Ok(draft) => draft,
        Err(refused) => return Refusal::NotRecorded(refused).respond(&reader),
    };
    let refuse = |draft: Draft, refusal: &Refusal| {
        let response = refusal.respond(&reader);
        draft.refuse(&gate.record, peer, refusal);
        response
    };
    let opened = match open(gate, peer, request, &mut draft).await {
        Ok(opened) => opened,
        Err(refusal) => return refuse(draft, &refusal),
    };
    let Opened { mut case, mut lease, mut flow, cluster, headers, _room } = opened;
    let mut counted = Counted::default();
    for _ in 0..ATTEMPTS {
        let stream = Stream::of(case.attributes());
        let on = (&lease, &*cluster, &headers);
        let (permit, entry) = match admit(gate, draft, case, on, &mut counted).await {
            Ok(Admission::Whole(permit, entry)) => (*permit, entry),
            Ok(Admission::Apart(case, draft)) => {
                let each = Collection { gate, peer, on, case: &case };
                return each.delete(draft).await.unwrap_or_else(|(draft, refusal)| refuse(draft, &refusal));
            }
            Err((draft, refusal)) => return refuse(draft, &refusal),
        };
        let admitted = Admitted { permit, entry, lease, flow, stream };
        match send(admitted, &cluster, &headers, gate).await {
            Sent::Answered(response) => return response,
            Sent::Refused(refusal, entry) => {
                let response = refusal.respond(&reader);
                entry.refuse(&refusal);
                return response;
            }
            // An upgrade is never pinned, so what moved has no other half.
            Sent::Moved { case: again, entry, lease: held } => {
                (case, lease, flow, draft) = (*again, held, Flow::Nothing, entry.again());
            }
        }
    }
    refuse(draft, &Refusal::Moved)
}

/// Identity, attributes, lease, payload: in this order. The lease is there before any snapshot is loaded to
/// decide with.
async fn open(
    gate: &Gate,
    peer: &Peer,
    mut request: Request<Incoming>,
    draft: &mut Draft,
) -> Result<Opened, Refusal> {
    let snapshot = gate.state.snapshot();
    let (audience, accounts, limits) = (&*gate.audience, &*gate.accounts, &gate.limits);
    let check = Check { snapshot: &snapshot, audience, accounts, limits, now: gate.clock.now() };
    few_enough(request.headers(), gate.limits.headers)?;
    let host = meant_for(peer.server_name(), request.uri(), request.headers())?;
    let identity = authenticate(peer, request.headers(), draft.id(), check).await?;
    let subject = draft.subject();
    subject.by(&identity);

    let route = Route::read(request.uri(), &host, gate.domain.as_deref())?;
    subject.cluster = Some(route.cluster.clone());
    let line = Line { method: request.method().as_str(), path: route.path, query: route.query };
    let attributes = Attributes::parse(line).map_err(Refusal::Unreadable)?;
    subject.asks(&attributes);
    let unknown = || Refusal::UnknownCluster(route.cluster.clone());
    let cluster = snapshot.cluster(&route.cluster).ok_or_else(unknown)?.clone();

    gate.room_for(&identity, peer)?;
    snapshot.admits(&identity)?;
    let place = gate.enter(&identity, &snapshot).await?;
    let lease = gate.leases.register(Holder::of(&identity, peer, cluster.name(), place), peer.connection());
    draft.hold(&lease);
    snapshot.upholds(&lease, &cluster)?;
    let flow = Flow::of(&mut request, &attributes)?;
    let (parts, body) = request.into_parts();
    let read = gate.bodies.read(identity.agent(), &parts.headers, body);
    let (payload, room) = lease.unless_cut(read).await?;
    let case = Case::new(identity.agent().clone(), attributes, payload).map_err(Refusal::Body)?;
    Ok(Opened { case, lease, flow, cluster, headers: parts.headers, _room: room })
}

/// Decides, and records the intent. What was decided with a snapshot that is gone by then, or through a
/// grant that has ended by then, is decided again: a revocation or an end in between would be missed.
pub async fn admit(
    gate: &Gate,
    mut draft: Draft,
    mut case: Case,
    (lease, cluster, headers): (&Lease, &Cluster, &HeaderMap),
    counted: &mut Counted,
) -> Result<Admission, (Draft, Refusal)> {
    let intent = Intent::of(draft.id(), &case);
    let (mut facts, mut spent, mut moved) = (Facts::none(), None, 0);
    for _ in 0..ROUNDS {
        let snapshot = gate.state.snapshot();
        if let Err(refusal) = snapshot.upholds(lease, cluster) {
            return Err((draft, refusal));
        }
        let (none, now) = (Rules::none(), gate.clock.now());
        let rules = snapshot.rules(lease.agent(), cluster.name()).unwrap_or(&none);
        draft.observe(&observe(&case, rules, &facts, now));
        let permit = match decide(case, rules, &facts, now) {
            Decision::Permit(permit) => permit,
            Decision::Deny(denial, _) => {
                let over = spent.filter(|_| denial.reason() == Reason::Limit);
                return Err((draft, over.unwrap_or(Refusal::Denied(Box::new(denial)))));
            }
            Decision::Expand(case) => return Ok(Admission::Apart(Box::new(case), draft)),
            Decision::Needs(needs, asked) => {
                let asking = Asking { gate, cluster, at: &snapshot, case: &asked, draft: &draft, headers };
                facts = match lease.unless_cut(asking.gather(needs, facts)).await {
                    Ok(Gathered::Known(facts)) => *facts,
                    Ok(Gathered::Moved) if moved + 1 < ATTEMPTS => {
                        moved += 1;
                        Facts::none()
                    }
                    Ok(Gathered::Moved) => return Err((draft, Refusal::Moved)),
                    Err(refusal) => return Err((draft, refusal)),
                };
                case = asked;
                continue;
            }
        };
        match lease.unless_cut(gate.count(&permit, counted)).await {
            Ok(()) => {}
            // Another rule may allow it, too.
            Err(over @ Refusal::Limit(_)) => {
                facts = facts.and(Fact::Spent(permit.rule().clone()));
                (spent, case) = (Some(over), permit.into_case());
                continue;
            }
            Err(refusal) => return Err((draft, refusal)),
        }
        lease.permit(Permitted {
            grant: permit.grant().to_owned(),
            attributes: permit.attributes().clone(),
            stream: Stream::of(permit.attributes()),
            with: permit.with(),
            until: permit.until(),
            parting: Parting::of(&permit),
        });
        let entry = match draft.intend(&gate.record, &permit, &intent).await {
            Ok(entry) => entry,
            Err((draft, refused)) => return Err((draft, Refusal::NotRecorded(refused))),
        };
        if lease.cut().is_some() {
            return Err((entry.again(), Refusal::Cut));
        }
        let over = permit.until().is_some_and(|until| until <= gate.clock.now());
        if !over && Arc::ptr_eq(&snapshot, &gate.state.snapshot()) {
            return Ok(Admission::Whole(Box::new(permit), entry));
        }
        (draft, case) = (entry.again(), permit.into_case());
    }
    Err((draft, Refusal::Busy("decisions on one request while manifests change")))
}
