//! The cluster's end: how a cluster is reached, with which credential, and as whom.

pub mod apis;
mod connector;
pub mod credential;
pub mod errand;
mod files;
pub mod renew;
pub mod review;
pub(crate) mod unspoken;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use drawbridge_policy::AgentName;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::chain::Chain;
use crate::manifest::ClusterAccess;
use crate::refusal::ClusterFault;
use apis::Apis;
use credential::{Unusable, Wired};

/// The namespace whose service accounts the gateway impersonates. No account of that name exists in it.
pub const AGENTS: &str = drawbridge_policy::rules::AGENTS_NAMESPACE;

/// Bounds on reaching a cluster and on waiting for it.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// TCP and TLS.
    pub connect: Duration,
    /// From the request's last byte to the answer's first.
    pub answer: Duration,
}

/// One cluster that requests can be sent to. Its credential is read from where it lives when it is first
/// needed, again when a file of it changes or the cluster refuses it, and never stored.
#[derive(Debug)]
pub struct Cluster {
    name: String,
    access: ClusterAccess,
    patience: Patience,
    apis: Apis,
    wired: Mutex<Option<Arc<Wired>>>,
    /// Held while the credential is read.
    wiring: Arc<tokio::sync::Mutex<()>>,
}

/// How long an answer may take to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// A bound applies.
    Bounded,
    /// A stream: it begins when there is something to say.
    Open,
}

/// Whose words an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// The API server's own: what it says of credentials is about the gateway's.
    Cluster,
    /// Through a proxy, a pod's, node's or service's: whatever it says is for the caller alone.
    Behind,
}

/// How a request goes to a cluster: as which agent, how patiently, and whose words come back.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// Which cluster.
    pub cluster: &'a Cluster,
    /// As whom.
    pub agent: &'a AgentName,
    /// How long the answer may take to begin.
    pub wait: Wait,
    /// Whose words it may be.
    pub answers: Answers,
}

impl Way<'_> {
    /// Sends one request. Its URI is a path and query; everything that says who asks is set here and nowhere
    /// else.
    pub async fn send(self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ClusterFault> {
        let Way { cluster, agent, wait, answers } = self;
        let user = format!("system:serviceaccount:{AGENTS}:{agent}");
        let user = HeaderValue::from_str(&user).or(Err(cluster.fault(ClusterFault::Unusable)))?;
        request.headers_mut().insert("impersonate-user", user);
        let (wired, response) = cluster.deliver(request, wait).await?;
        match answers {
            Answers::Behind => Ok(response),
            Answers::Cluster => cluster.own(&wired, response),
        }
    }
}

impl Cluster {
    /// A cluster as its manifest describes it. Nothing is opened yet.
    pub fn new(name: String, access: ClusterAccess, patience: Patience) -> Cluster {
        Cluster {
            name,
            access,
            patience,
            apis: Apis::default(),
            wired: Mutex::new(None),
            wiring: Arc::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From a request's last byte to the answer's first.
    pub fn answers_within(&self) -> Duration {
        self.patience.answer
    }

    /// How it is reached.
    pub fn access(&self) -> &ClusterAccess {
        &self.access
    }

    /// Reads the credential now, to find out whether it can be read.
    pub async fn try_wire(&self) -> Result<(), Unusable> {
        self.wire().await.map(|_| ())
    }

    /// An answer of the API server's own.
    fn own(
        &self,
        wired: &Arc<Wired>,
        response: Response<Incoming>,
    ) -> Result<Response<Incoming>, ClusterFault> {
        if response.status() == http::StatusCode::UNAUTHORIZED {
            self.unwire(wired);
            return Err(self.fault(ClusterFault::Unauthorized));
        }
        if response.status().is_redirection() && response.status() != http::StatusCode::NOT_MODIFIED {
            return Err(self.fault(ClusterFault::Redirected));
        }
        Ok(response)
    }

    async fn deliver(
        &self,
        mut request: Request<Full<Bytes>>,
        wait: Wait,
    ) -> Result<(Arc<Wired>, Response<Incoming>), ClusterFault> {
        let wired = self.wire().await.map_err(|error| {
            tracing::warn!(cluster = self.name, error = %Chain(&error), "cluster can't be used");
            self.fault(ClusterFault::Unusable)
        })?;
        wired.address(&mut request).or(Err(self.fault(ClusterFault::Unusable)))?;
        if let Some(authorization) = self.authorization(&wired).await? {
            request.headers_mut().insert(header::AUTHORIZATION, authorization);
        }
        let answer = wired.client().request(request);
        let answer = match wait {
            Wait::Open => answer.await,
            Wait::Bounded => timeout(self.patience.answer.saturating_add(self.patience.connect), answer)
                .await
                .or(Err(self.fault(ClusterFault::Silent)))?,
        };
        let response = answer.map_err(|error| {
            tracing::warn!(cluster = self.name, error = %Chain(&error), "cluster gave no answer");
            let fault = if error.is_connect() { ClusterFault::Unreachable } else { ClusterFault::Silent };
            self.fault(fault)
        })?;
        Ok((wired, response))
    }

    async fn authorization(&self, wired: &Wired) -> Result<Option<HeaderValue>, ClusterFault> {
        let renewed = timeout(self.patience.answer, wired.authorization()).await;
        renewed.unwrap_or(Err(Unusable::Slow)).map_err(|error| {
            let error = Chain(&error);
            tracing::warn!(cluster = self.name, %error, "cluster's credential can't be renewed");
            self.fault(ClusterFault::Unusable)
        })
    }

    /// The connections in use, or new ones with the credential as it is now. A changed file that can't be
    /// used (half written, say) leaves the last good credential in use until the cluster refuses that.
    async fn wire(&self) -> Result<Arc<Wired>, Unusable> {
        if let Some(wired) = self.current() {
            return Ok(wired);
        }
        let before = self.slot().clone().map(|good| (good.files().now(), good));
        let fresh = timeout(self.patience.answer, self.rewire()).await.unwrap_or(Err(Unusable::Slow));
        match (fresh, before) {
            (Err(error), Some((seen, good))) => {
                let error = Chain(&error);
                tracing::warn!(cluster = self.name, %error, "still using the last good credential");
                good.files().took(seen);
                Ok(good)
            }
            (fresh, _) => fresh,
        }
    }

    /// The connections in use, unless a file of their credential changed.
    fn current(&self) -> Option<Arc<Wired>> {
        self.slot().clone().filter(|wired| wired.files().are_as_seen())
    }

    async fn rewire(&self) -> Result<Arc<Wired>, Unusable> {
        let alone = self.wiring.clone().lock_owned().await;
        if let Some(wired) = self.current() {
            return Ok(wired);
        }
        let fresh = Arc::new(Wired::new(&self.access, self.patience.connect, alone).await?);
        *self.slot() = Some(fresh.clone());
        Ok(fresh)
    }

    /// The cluster refused the credential: read it again next time.
    fn unwire(&self, refused: &Arc<Wired>) {
        let mut slot = self.slot();
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, refused)) {
            *slot = None;
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Wired>>> {
        self.wired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, kind: impl Fn(String) -> ClusterFault) -> ClusterFault {
        kind(self.name.clone())
    }
}
