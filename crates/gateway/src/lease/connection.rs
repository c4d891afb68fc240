//! The handle of one caller's connection: who used it, and how to end it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use drawbridge_policy::AgentName;
use tokio_util::sync::CancellationToken;

use super::lock;
use crate::connection::wire::Sever;

/// One connection, shared by its task, its requests and the leases.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    address: SocketAddr,
    end: CancellationToken,
    sever: Sever,
    users: Mutex<HashMap<AgentName, usize>>,
    requests: AtomicU64,
}

impl Connection {
    pub(super) fn new(id: u64, address: SocketAddr) -> Connection {
        Connection {
            id,
            address,
            end: CancellationToken::new(),
            sever: Sever::default(),
            users: Mutex::new(HashMap::new()),
            requests: AtomicU64::new(0),
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Where it comes from.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cancelled when the connection must end; its task waits for it.
    pub fn end(&self) -> &CancellationToken {
        &self.end
    }

    /// How its socket is closed.
    pub fn sever(&self) -> &Sever {
        &self.sever
    }

    /// Ends the connection at once and drops what the kernel still holds for it.
    pub(super) fn cut(&self) -> Cut {
        let before = self.sever.set();
        self.end.cancel();
        if before { Cut::Before } else { Cut::Now }
    }

    /// A request of this agent's begins. Says whether it is the agent's first on this connection.
    pub(super) fn enter(&self, agent: &AgentName) -> Use {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut users = lock(&self.users);
        if let Some(open) = users.get_mut(agent) {
            *open = open.saturating_add(1);
            return Use::Again;
        }
        users.insert(agent.clone(), 1);
        Use::First
    }

    /// How many requests of recognised agents it has had, and how many of them are open.
    pub fn requests(&self) -> (u64, usize) {
        (self.requests.load(Ordering::Relaxed), lock(&self.users).values().sum())
    }

    /// The agents that ever used it.
    pub(super) fn users(&self) -> Vec<AgentName> {
        lock(&self.users).keys().cloned().collect()
    }

    pub(super) fn leave(&self, agent: &AgentName) {
        if let Some(open) = lock(&self.users).get_mut(agent) {
            *open = open.saturating_sub(1);
        }
    }

    /// Whether a recognised agent has ever used the connection.
    pub fn is_recognised(&self) -> bool {
        !lock(&self.users).is_empty()
    }

    /// Whether this agent has ever used the connection.
    pub(super) fn was_used_by(&self, agent: &AgentName) -> bool {
        lock(&self.users).contains_key(agent)
    }

    /// How many requests are open on it, of agents other than this one and of this one.
    pub(super) fn open(&self, agent: &AgentName) -> Open {
        let users = lock(&self.users);
        let own = users.get(agent).copied().unwrap_or(0);
        Open { own, others: users.values().sum::<usize>().saturating_sub(own) }
    }
}

/// Whether an agent used a connection before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// No.
    First,
    /// Yes.
    Again,
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// This call.
    Now,
    /// An earlier one.
    Before,
}

/// Open requests on one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub(super) own: usize,
    pub(super) others: usize,
}
