//! Programs with in-cluster configuration, unmodified, in something that looks to them like a pod: its
//! files and its environment lead through the gateway.

pub(super) mod account;
mod accounts;
mod clients;
mod example;

use std::path::PathBuf;
use std::process::Command;

use drawbridge_testkit::{Agent, Gateway, InPod, Options, World, callers};

use super::world;

/// The gateway's domain; the shared cluster is `local` under it.
pub(super) const DOMAIN: &str = "clusters.gate.test";

/// The shared cluster's host name.
pub(super) const HOST: &str = "local.clusters.gate.test";

const RULES: &str = "
- {name: configmaps, verbs: [get, list, watch, create, delete], apiGroups: [''], resources: [configmaps]}";

/// A gateway with a domain, an agent with a namespace of its own, and a pod whose environment leads there.
pub(super) struct Stage {
    pub(super) world: &'static World,
    pub(super) gateway: Gateway,
    pub(super) agent: Agent,
    pub(super) namespace: String,
    pub(super) pod: InPod,
}

impl Stage {
    /// The agent is recognised by its key, and the pod has no token yet.
    #[track_caller]
    pub(super) fn new() -> Stage {
        let world = world();
        let namespace = world.namespace("in-pod");
        let config = format!("domain: {DOMAIN}\n");
        let gateway = world.own_gateway(Options { config, ..Options::default() });
        let agent = world.agent_on(&gateway, "in-pod", RULES, &[&namespace]);
        let pod = pod(&gateway, &namespace);
        Stage { world, gateway, agent, namespace, pod }
    }

    /// What the API server answered to the agent, as `VERB PATH`.
    pub(super) fn reached(&self) -> Vec<String> {
        let events = self.world.audit().of_agent(&self.agent.name);
        events.iter().map(|event| format!("{} {}", event.verb(), event.uri())).collect()
    }
}

/// A pod of `namespace` whose environment leads to the shared cluster through this gateway.
pub(super) fn pod(gateway: &Gateway, namespace: &str) -> InPod {
    let directory = world().directory().join(world().name("pod-files"));
    let ca = std::fs::read_to_string(gateway.ca()).unwrap();
    let port = gateway.address().rsplit(':').next().unwrap().parse().unwrap();
    InPod::new(&directory, HOST, port, &ca, namespace)
}

/// An unmodified client.
#[derive(Debug, Clone, Copy)]
pub(super) enum Client {
    Go,
    KubeRs,
    Python,
}

impl Client {
    pub(super) const ALL: [Client; 3] = [Client::Go, Client::KubeRs, Client::Python];

    /// Its command line in a pod: `round`, `hold` or `poll`, with a name for what it makes.
    pub(super) fn command(self, pod: &InPod, what: &str, name: &str) -> Command {
        let line = match self {
            Client::Go => vec![callers::client_go()],
            Client::Python => callers::python(),
            Client::KubeRs => return clients::kube_rs(pod, what, name),
        };
        pod.command(line.into_iter().chain([PathBuf::from(what), PathBuf::from(name)]))
    }
}
