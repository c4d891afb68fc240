//! Streams through the gateway: watch, logs, exec, attach, port-forward and cp, with a real kubectl over
//! WebSocket and over SPDY, and byte by byte where kubectl is too well-behaved.

#![expect(clippy::disallowed_methods, reason = "these tests run programs, listen, and wait for what happens")]

mod copy;
mod exec;
mod follow;
mod forward;
mod outcomes;
mod stalled;

pub(crate) mod live;
pub(crate) mod pod;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod spdy;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use drawbridge_testkit::Agent;

use pod::Pod;

/// No condition takes longer than this to come true, or the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an agent needs to work with pods as these tests do.
pub(crate) const RULES: &str = "
- name: see
  verbs: [get, list, watch]
  apiGroups: ['']
  resources: [pods, pods/log, configmaps]
- name: enter
  verbs: [create]
  apiGroups: ['']
  resources: [pods/exec, pods/attach, pods/portforward]";

/// The two ways in which kubectl carries streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    WebSocket,
    Spdy,
}

pub(crate) const WAYS: [Way; 2] = [Way::WebSocket, Way::Spdy];

impl Way {
    /// Makes kubectl use it.
    fn on(self, command: &mut Command) {
        let websockets = if self == Way::WebSocket { "true" } else { "false" };
        command.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets);
        command.env("KUBECTL_PORT_FORWARD_WEBSOCKETS", websockets);
    }

    /// The method of an upgrade's request, by which the record shows that kubectl did not fall back.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Way::WebSocket => "GET",
            Way::Spdy => "POST",
        }
    }

    /// A kubectl command line in the pod's namespace.
    pub(crate) fn kubectl(self, agent: &Agent, pod: &Pod, arguments: &[&str]) -> Command {
        let mut command = agent.command(&["-n", &pod.namespace]);
        command.args(arguments);
        self.on(&mut command);
        command
    }
}

/// Asks until there is an answer.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "not after {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
