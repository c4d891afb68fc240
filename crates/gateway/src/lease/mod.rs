//! Who holds what open. A request registers its lease before it loads the snapshot; a revocation swaps the
//! snapshot first and walks the leases then: so nothing falls between the two.

mod connection;
mod cut;
pub mod instances;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use drawbridge_policy::{AgentName, Attributes, Connect, Millis, Permit, Verb, With};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

pub use connection::Connection;
use connection::Use;
use cut::Latch;
pub use cut::{Closed, CutReason};
use instances::Place;

use crate::connection::peer::Peer;
use crate::identity::account::admit::Vouched;
use crate::identity::authenticate::Identity;
use crate::identity::issuer::Issuer;
use crate::identity::means::{Instance, Means};
use crate::refusal::Refusal;

/// All leases of this replica, and the connections they are on.
#[derive(Debug, Clone, Default)]
pub struct Leases {
    inner: Arc<Registry>,
}

#[derive(Debug, Default)]
struct Registry {
    next: AtomicU64,
    held: Mutex<HashMap<u64, Arc<Held>>>,
    /// How many of them each agent has; none of an agent that has none.
    open: Mutex<HashMap<AgentName, usize>>,
    connections: Mutex<HashMap<u64, Arc<Connection>>>,
    /// How many connections each agent uses.
    used: Mutex<HashMap<AgentName, usize>>,
}

/// What a request that was let through may go on doing, for deciding it again.
#[derive(Debug)]
pub struct Permitted {
    /// The grant that let it through; empty for what every agent with a grant may do.
    pub grant: String,
    /// The request as it was decided.
    pub attributes: Attributes,
    /// Whether it is a stream, which is decided again when manifests change.
    pub stream: Stream,
    /// Whether what decided it can be decided again without the cluster.
    pub with: With,
    /// When the grants end that it rests on.
    pub until: Option<Millis>,
    /// How it ends when what its agent may do changes.
    pub parting: Parting,
}

/// How a stream ends when what its agent may do changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// It breaks off.
    Silent,
    /// Its last event says that its caller must read everything again: a watch of which not everything is
    /// shown, whose caller would go on with what it may no longer see, and without what it may see now.
    Told,
}

impl Parting {
    /// What a permitted request's is.
    pub fn of(permit: &Permit) -> Parting {
        let watches = permit.attributes().verb() == Verb::Watch;
        if watches && permit.screen().is_some() { Parting::Told } else { Parting::Silent }
    }
}

impl Registry {
    fn close(&self, agent: &AgentName) {
        let mut open = lock(&self.open);
        let Some(own) = open.get_mut(agent) else { return };
        *own = own.saturating_sub(1);
        if *own == 0 {
            open.remove(agent);
        }
    }
}

/// An open request, as people see it.
#[derive(Debug, Clone)]
pub struct Open {
    /// Whose it is.
    pub agent: AgentName,
    /// The cluster it goes to.
    pub cluster: String,
    /// The grant that let it through; empty while nothing did.
    pub grant: String,
    /// Its method and path; empty while it isn't decided.
    pub what: String,
}

impl Open {
    fn of(held: &Held) -> Open {
        let permitted = held.permitted();
        let what = |permitted: &Arc<Permitted>| {
            let attributes = &permitted.attributes;
            format!("{} {}", attributes.decided_verb().as_str(), attributes.plain_path())
        };
        Open {
            agent: held.agent.clone(),
            cluster: held.cluster.clone(),
            grant: permitted.as_ref().map(|permitted| permitted.grant.clone()).unwrap_or_default(),
            what: permitted.as_ref().map(what).unwrap_or_default(),
        }
    }
}

/// Whether a request is over with its answer or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// A watch, a followed log, an exec, an attach or a port-forward.
    Open,
    /// Anything that is answered and over.
    Short,
}

impl Stream {
    /// What a request will be.
    pub fn of(attributes: &Attributes) -> Stream {
        match attributes.connect() {
            Some(Connect::Exec | Connect::Attach | Connect::PortForward | Connect::Proxy) => Stream::Open,
            None if attributes.is_stream() => Stream::Open,
            None => Stream::Short,
        }
    }
}

/// What one open request holds.
#[derive(Debug)]
pub struct Held {
    id: u64,
    agent: AgentName,
    means: Means,
    issuer: Option<Arc<Issuer>>,
    instance: Instance,
    vouched: Option<Arc<Vouched>>,
    cluster: String,
    connection: Arc<Connection>,
    stream: Option<CancellationToken>,
    stop: CancellationToken,
    reason: OnceLock<CutReason>,
    ending: Mutex<Ending>,
    permitted: Mutex<Option<Arc<Permitted>>>,
}

impl Held {
    /// The agent that made the request.
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// By what it was recognised.
    pub fn means(&self) -> &Means {
        &self.means
    }

    /// Who vouched for it, if somebody else than the agent did.
    pub fn issuer(&self) -> Option<&Arc<Issuer>> {
        self.issuer.as_ref()
    }

    /// Which of its copies made the request.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// What the caller's own cluster must go on to vouch for.
    pub fn vouched(&self) -> Option<&Arc<Vouched>> {
        self.vouched.as_ref()
    }

    /// The cluster it goes to.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Stops the request; `latch` is counted down when it has ended.
    fn stop(&self, reason: CutReason, latch: &Arc<Latch>) -> Stopped {
        let mut ending = lock(&self.ending);
        if ending.over {
            return Stopped::Over;
        }
        latch.count_up();
        ending.waiting.push(latch.clone());
        match self.reason.set(reason) {
            Ok(()) => {
                self.stop.cancel();
                Stopped::Now
            }
            Err(_) => Stopped::Before,
        }
    }

    /// Ends its HTTP/2 stream, where it is one, without asking the request.
    fn reset(&self) {
        if let Some(stream) = &self.stream {
            stream.cancel();
        }
    }

    /// Why the request must end, once it must.
    pub fn reason(&self) -> Option<CutReason> {
        self.reason.get().copied()
    }

    /// What it was permitted, once it was.
    pub fn permitted(&self) -> Option<Arc<Permitted>> {
        lock(&self.permitted).clone()
    }
}

/// What a cut found of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    /// It goes on until it notices.
    Now,
    /// Another cut had stopped it, and it has not ended yet.
    Before,
    /// It had ended.
    Over,
}

/// The end of a request, and the cuts that wait for it.
#[derive(Debug, Default)]
struct Ending {
    over: bool,
    waiting: Vec<Arc<Latch>>,
}

/// One open request's place among the leases. Dropping it is the end of the request.
#[derive(Debug)]
pub struct Lease {
    held: Arc<Held>,
    leases: Leases,
    _place: Option<Place>,
}

/// What a lease is registered for.
#[derive(Debug)]
pub struct Holder {
    /// Who.
    pub agent: AgentName,
    /// Recognised by what.
    pub means: Means,
    /// Who vouched for it, if somebody else than the agent did.
    pub issuer: Option<Arc<Issuer>>,
    /// Which of its copies.
    pub instance: Instance,
    /// What its own cluster must go on to vouch for.
    pub vouched: Option<Arc<Vouched>>,
    /// Where to.
    pub cluster: String,
    /// What ends its HTTP/2 stream alone, where it is one.
    pub stream: Option<CancellationToken>,
    /// Its place among the agent's copies.
    pub place: Option<Place>,
}

impl Holder {
    /// A request of a recognised agent for a cluster.
    pub fn of(identity: &Identity, peer: &Peer, cluster: &str, place: Place) -> Holder {
        Holder {
            agent: identity.agent().clone(),
            means: identity.means().clone(),
            issuer: identity.proven().issuer.clone(),
            instance: identity.instance().clone(),
            vouched: identity.vouched().cloned(),
            cluster: cluster.to_owned(),
            stream: peer.stream().cloned(),
            place: Some(place),
        }
    }
}

#[cfg(test)]
impl Holder {
    /// A request of this agent's, recognised by some key, for the cluster `prod`.
    pub fn for_test(agent: AgentName) -> Holder {
        let key = "ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";
        let key = crate::identity::key::PublicKey::parse(key).unwrap();
        let instance = Instance::of_key(&key);
        Holder {
            agent,
            means: Means::Key(key),
            issuer: None,
            instance,
            vouched: None,
            cluster: "prod".to_owned(),
            stream: None,
            place: None,
        }
    }
}

impl Leases {
    /// Registers a connection; it is known until its handle is dropped by [`Leases::forget`].
    pub fn connect(&self, address: std::net::SocketAddr) -> Arc<Connection> {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection::new(id, address));
        lock(&self.inner.connections).insert(id, connection.clone());
        connection
    }

    /// The connection is over.
    pub fn forget(&self, connection: &Connection) {
        lock(&self.inner.connections).remove(&connection.id());
        let mut used = lock(&self.inner.used);
        for agent in connection.users() {
            let Some(own) = used.get_mut(&agent) else { continue };
            *own = own.saturating_sub(1);
            if *own == 0 {
                used.remove(&agent);
            }
        }
    }

    /// Registers a request. From now on a cut reaches it.
    pub fn register(&self, holder: Holder, connection: &Arc<Connection>) -> Lease {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        if connection.enter(&holder.agent) == Use::First {
            *lock(&self.inner.used).entry(holder.agent.clone()).or_insert(0) += 1;
        }
        let held = Arc::new(Held {
            id,
            agent: holder.agent,
            means: holder.means,
            issuer: holder.issuer,
            instance: holder.instance,
            vouched: holder.vouched,
            cluster: holder.cluster,
            connection: connection.clone(),
            stream: holder.stream,
            stop: CancellationToken::new(),
            reason: OnceLock::new(),
            ending: Mutex::new(Ending::default()),
            permitted: Mutex::new(None),
        });
        *lock(&self.inner.open).entry(held.agent.clone()).or_insert(0) += 1;
        lock(&self.inner.held).insert(id, held.clone());
        Lease { held, leases: self.clone(), _place: holder.place }
    }

    /// What is open now, for people: the oldest first.
    pub fn open(&self) -> Vec<Open> {
        let mut held = self.all();
        held.sort_by_key(|held| held.id);
        held.iter().map(|held| Open::of(held)).collect()
    }

    /// How many requests each agent has open now.
    pub fn count(&self) -> HashMap<AgentName, usize> {
        lock(&self.inner.open).clone()
    }

    /// Whether one more request of this agent's fits, where `most` may be open at once, on one more of
    /// `connections`. One agent may have half of either: the other half is for the others.
    pub fn room_for(
        &self,
        agent: &AgentName,
        most: usize,
        on: &Connection,
        connections: usize,
    ) -> Result<(), Refusal> {
        let used = lock(&self.inner.used).get(agent).copied().unwrap_or(0);
        if used >= connections / 2 && !on.was_used_by(agent) {
            return Err(Refusal::Busy("connections of one agent"));
        }
        if lock(&self.inner.held).len() >= most {
            return Err(Refusal::Busy("open requests"));
        }
        let own = lock(&self.inner.open).get(agent).copied().unwrap_or(0);
        if own >= most / 2 { Err(Refusal::Busy("open requests of one agent")) } else { Ok(()) }
    }

    /// What clusters must go on to vouch for.
    pub fn vouched(&self) -> Vec<Arc<Vouched>> {
        lock(&self.inner.held).values().filter_map(|held| held.vouched.clone()).collect()
    }

    fn all(&self) -> Vec<Arc<Held>> {
        lock(&self.inner.held).values().cloned().collect()
    }

    fn connections(&self) -> Vec<Arc<Connection>> {
        lock(&self.inner.connections).values().cloned().collect()
    }
}

impl Lease {
    /// The agent whose request this is.
    pub fn agent(&self) -> &AgentName {
        &self.held.agent
    }

    /// Notes what was permitted, so that it can be decided again when manifests change.
    pub fn permit(&self, permitted: Permitted) {
        *lock(&self.held.permitted) = Some(Arc::new(permitted));
    }

    /// Cancelled when the request is cut.
    pub fn token(&self) -> CancellationToken {
        self.held.stop.clone()
    }

    /// Resolves when the request must end.
    pub fn stopped(&self) -> WaitForCancellationFutureOwned {
        self.held.stop.clone().cancelled_owned()
    }

    /// Does a part of the request's work, and gives it up when the request must end.
    pub async fn unless_cut<T>(&self, work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        tokio::select! {
            biased;
            () = self.held.stop.cancelled() => Err(Refusal::Cut),
            done = work => done,
        }
    }

    /// Why the request must end, once it must.
    pub fn cut(&self) -> Option<CutReason> {
        self.held.reason()
    }

    /// What the record looks at to tell a cut from a caller that went away.
    pub fn held(&self) -> Arc<Held> {
        self.held.clone()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.leases.inner.held).remove(&self.held.id);
        self.leases.inner.close(&self.held.agent);
        self.held.connection.leave(&self.held.agent);
        let waiting = {
            let mut ending = lock(&self.held.ending);
            ending.over = true;
            std::mem::take(&mut ending.waiting)
        };
        for latch in waiting {
            latch.count_down();
        }
    }
}

/// A poisoned lock still holds a whole map: every change to it is one call.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod bounds {
    use super::*;

    #[test]
    fn one_agent_may_have_half_of_the_requests_and_all_together_all() {
        let leases = Leases::default();
        let connection = leases.connect(([127, 0, 0, 1], 1).into());
        let [one, two, three] = ["one", "two", "three"].map(|name| AgentName::parse(name).unwrap());
        let open = |agent: &AgentName| {
            leases.room_for(agent, 4, &connection, 16)?;
            Ok::<_, Refusal>(leases.register(Holder::for_test(agent.clone()), &connection))
        };
        let _held = [open(&one).unwrap(), open(&one).unwrap()];
        assert!(matches!(open(&one), Err(Refusal::Busy("open requests of one agent"))));
        let others = [open(&two).unwrap(), open(&two).unwrap()];
        assert!(matches!(open(&three), Err(Refusal::Busy("open requests"))));
        assert_eq!(leases.count()[&two], 2);
        drop(others);
        assert!(open(&three).is_ok());
        assert!(!leases.count().contains_key(&two));
    }

    #[test]
    fn one_agent_may_use_half_of_the_connections_however_idle_they_are() {
        let leases = Leases::default();
        let [one, two] = ["one", "two"].map(|name| AgentName::parse(name).unwrap());
        let connect = || leases.connect(([127, 0, 0, 1], 1).into());
        let ask = |agent: &AgentName, connection: &Arc<Connection>| {
            leases.room_for(agent, 100, connection, 4)?;
            drop(leases.register(Holder::for_test(agent.clone()), connection));
            Ok::<_, Refusal>(())
        };
        let held = [connect(), connect(), connect()];
        assert!(ask(&one, &held[0]).is_ok() && ask(&one, &held[1]).is_ok());
        assert!(matches!(ask(&one, &held[2]), Err(Refusal::Busy("connections of one agent"))));
        assert!(ask(&one, &held[0]).is_ok(), "on one that it has already");
        assert!(ask(&two, &held[2]).is_ok());
        leases.forget(&held[0]);
        assert!(ask(&one, &held[2]).is_ok());
    }
}
