//! Starting the gateway: everything that can fail does so before the first connection is taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use arc_swap::ArcSwap;
use drawbridge_store::{Location, Store};
use rustls::crypto::CryptoProvider;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::certificates::Authority;
use super::reload::{Made, Pems, Tls, watch};
use super::{Running, admin, data};
use crate::admin::{Admin, listener as people, router};
use crate::bodies::Bodies;
use crate::broker::screen::continue_token::ContinueTokens;
use crate::clock::Clock;
use crate::cluster::{Patience, renew};
use crate::commands::admin_file::{self, AdminFile};
use crate::config::{Config, Domain, PublicUrl};
use crate::connection::listener as callers;
use crate::connection::tls::{for_agents, for_people};
use crate::directory::{self, Directory};
use crate::gate::Gate;
use crate::identity::account::admit::Accounts;
use crate::identity::account::sweep;
use crate::lease::Leases;
use crate::lease::instances::Instances;
use crate::limits::{Counter, RuleLimits};
use crate::record::writer::{Record, Writer};
use crate::state::{self, Parts, State};

/// Folded refusals are written this often.
const FOLD: Duration = Duration::from_secs(10);

/// Starts a gateway. It serves when this returns.
///
/// # Errors One sentence for what stands in the way: a port in use, a database that another process has open,
/// a missing file.
pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Running> {
    // The Kubernetes client takes the process's provider. Whoever runs this process may have chosen it
    // already.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::trace!("a TLS provider is installed already");
    }
    data::prepare(&config.data)?;
    let store = Store::open(&Location::Sqlite(config.data.join("drawbridge.db"))).await?;
    match with_store(config, clock, store.clone()).await {
        Ok(running) => Ok(running),
        Err(error) => {
            store.close().await;
            Err(error)
        }
    }
}

/// Both listeners with their addresses, before anybody is served.
struct Bound {
    agents: (TcpListener, SocketAddr),
    people: (TcpListener, SocketAddr),
    url: PublicUrl,
    domain: Option<Domain>,
}

async fn with_store(config: Config, clock: Clock, store: Store) -> anyhow::Result<Running> {
    let bound = Bound::new(&config).await?;
    let certificates = Certificates::new(&config, &bound, &clock)?;
    let admin_file = config.data.join(admin_file::NAME);
    let token = admin::token(&admin_file)?;
    let metrics = admin::metrics_token(&config.data)?;
    let data_directory = config.data.clone();
    let shutdown = CancellationToken::new();
    let background = TaskTracker::new();

    let limits = config.limits.clone();
    let watched = config.manifests.as_deref().map(directory::absolute);
    let config = Config { manifests: watched, ..config };
    let directory = config.manifests.clone().map(|path| Arc::new(Directory::new(path)));
    let (record, writer) = Record::new(store.clone(), clock.clone(), limits.requests, limits.intent);
    let (gate, counter) = gate(record, &store, &bound.url, config, clock).await?;
    let writer = begin(&gate, (writer, counter), &background, &shutdown);
    if let Some(directory) = &directory {
        // Before anybody is served: who is no longer in it isn't let in for a moment.
        let watch = directory.begin(&gate.state).await;
        background.spawn(watch.run(shutdown.clone()));
    }

    let ca = certificates.agents_ca();
    let api = Arc::new(Admin {
        gate: gate.clone(),
        token: token.clone(),
        metrics,
        data: data_directory,
        started: gate.clock.now(),
        ca: ca.clone(),
        directory,
        shutdown: shutdown.clone(),
    });
    let admin_url = bound.admin_url();
    let written = AdminFile {
        server: admin_url.clone(),
        ca: certificates.made.authority.pem().to_owned(),
        token: token.as_str().to_owned(),
    };
    written.write(&admin_file)?;
    let Bound { agents, people, url, .. } = bound;
    let (callers_tls, people_tls) = (certificates.agents.clone(), certificates.made.people.clone());
    background.spawn(callers::serve(agents.0, callers_tls, gate.clone(), shutdown.clone()));
    background.spawn(people::serve(people.0, people_tls, router(api), gate.tasks.clone(), shutdown.clone()));
    certificates.keep(&background, &gate.clock, &shutdown);
    Ok(Running {
        agents: agents.1,
        admin: people.1,
        url: url.to_string(),
        admin_url,
        admin_file,
        ca,
        gate,
        store,
        background,
        shutdown,
        writer,
    })
}

async fn gate(
    record: Record,
    store: &Store,
    url: &PublicUrl,
    config: Config,
    clock: Clock,
) -> anyhow::Result<(Gate, Counter)> {
    let (limits, domain) = (config.limits, config.domain.map(Arc::new));
    let (leases, tasks) = (Leases::default(), TaskTracker::new());
    let patience = Patience { connect: limits.cluster_connect, answer: limits.cluster_answer };
    let parts = Parts {
        store: store.clone(),
        leases: leases.clone(),
        record: record.clone(),
        clock: clock.clone(),
        patience,
        watched: config.manifests.clone(),
        tasks: tasks.clone(),
    };
    let state = Arc::new(State::load(parts).await?);
    let bodies = Bodies::new(limits.body_memory, limits.body);
    let audience: Arc<str> = Arc::from(url.as_str());
    let accounts = Arc::new(
        Accounts::load(store.clone(), audience.clone(), record.metrics().clone(), clock.clone()).await?,
    );
    let instances = Instances::default();
    let (rule_limits, counter) = RuleLimits::new(store.clone(), clock.clone(), limits.intent);
    let gate = Gate {
        state,
        leases,
        instances,
        accounts,
        record,
        rule_limits,
        continue_tokens: Arc::new(ContinueTokens::fresh()?),
        bodies,
        limits,
        audience,
        domain,
        clock,
        tasks,
    };
    Ok((gate, counter))
}

/// Begins what goes on behind the requests: the record's writer, the counter of limits, the ends of grants,
/// the folded refusals.
fn begin(
    gate: &Gate,
    (writer, counter): (Writer, Counter),
    background: &TaskTracker,
    shutdown: &CancellationToken,
) -> tokio::task::AbortHandle {
    let database = async { tokio::join!(writer.run(), counter.run()) };
    let writer = background.spawn(database).abort_handle();
    background.spawn(state::expiry::run(gate.state.clone(), shutdown.clone()));
    background.spawn(state::resync::run(gate.state.clone(), shutdown.clone()));
    background.spawn(state::issuers::run(gate.state.clone(), background.clone(), shutdown.clone()));
    let (accounts, leases, clock) = (gate.accounts.clone(), gate.leases.clone(), gate.clock.clone());
    background.spawn(sweep::run(accounts, leases, clock, shutdown.clone()));
    background.spawn(unfold(gate.record.clone(), shutdown.clone()));
    background.spawn(renew::run(
        gate.state.clone(),
        gate.record.metrics().clone(),
        gate.clock.clone(),
        shutdown.clone(),
    ));
    writer
}

async fn unfold(record: Record, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = sleep(FOLD) => {}
            () = shutdown.cancelled() => return,
        }
        if let Err(error) = record.unfold().await {
            tracing::warn!(%error, "folded refusals are not in the record");
        }
    }
}

impl Bound {
    async fn new(config: &Config) -> anyhow::Result<Bound> {
        let agents = bind(config.listen, "listen").await?;
        let people = bind(config.admin, "admin").await?;
        let url = config.public_url(agents.1);
        Ok(Bound { agents, people, url, domain: config.domain.clone() })
    }

    /// Where the command line on this machine reaches the admin API.
    fn admin_url(&self) -> String {
        let mut address = self.people.1;
        if address.ip().is_unspecified() {
            let loopback: std::net::IpAddr = match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            };
            address.set_ip(loopback);
        }
        format!("https://{address}")
    }

    /// The hosts that made certificates are for.
    fn hosts(&self) -> Vec<String> {
        let mut hosts = vec![self.url.host().to_owned()];
        let more = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let bound = [self.agents.1.ip(), self.people.1.ip()];
        let bound = bound.into_iter().filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
        let clusters = self.domain.as_ref().map(Domain::wildcard);
        for host in more.into_iter().chain(bound).chain(clusters) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }
}

async fn bind(address: SocketAddr, field: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let taken = |error: std::io::Error| {
        let help = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another process has this port; stop it, or",
            _ => "it isn't one that this process may listen on;",
        };
        anyhow!(error).context(format!(
            "can't listen on {address}: {help} set {field} in the config to another address"
        ))
    };
    let listener = TcpListener::bind(address).await.map_err(taken)?;
    let bound = listener.local_addr().context("the listener has no address")?;
    Ok((listener, bound))
}

/// What both listeners serve, and how it is kept up to date.
struct Certificates {
    made: Made,
    agents: Tls,
    files: Option<(crate::config::TlsFiles, Pems)>,
}

impl Certificates {
    fn new(config: &Config, bound: &Bound, clock: &Clock) -> anyhow::Result<Certificates> {
        let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let authority = Authority::open(&config.data, clock.now())?;
        let hosts = bound.hosts();
        let serving = || authority.serving(&hosts, clock.now());
        let people = Arc::new(ArcSwap::from_pointee(for_people(serving()?, &provider)?));
        let (agents, files) = match &config.tls {
            None => (for_agents(serving()?, &provider)?, None),
            Some(files) => {
                let pems = Pems::read(files)?;
                (pems.tls(files, &provider)?, Some((files.clone(), pems)))
            }
        };
        let agents = Arc::new(ArcSwap::from_pointee(agents));
        let renewed = files.is_none().then(|| agents.clone());
        Ok(Certificates { made: Made { authority, hosts, people, agents: renewed, provider }, agents, files })
    }

    /// The authority that agents must trust, where it is ours.
    fn agents_ca(&self) -> Option<String> {
        self.files.is_none().then(|| self.made.authority.pem().to_owned())
    }

    fn keep(self, background: &TaskTracker, clock: &Clock, shutdown: &CancellationToken) {
        if let Some((files, served)) = self.files {
            let provider = self.made.provider.clone();
            background.spawn(watch(files, served, self.agents, provider, shutdown.clone()));
        }
        background.spawn(self.made.renew(clock.clone(), shutdown.clone()));
    }
}
