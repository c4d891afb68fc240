//! An agent that sends what no well-behaved client would, and what of it the API server saw.

use std::collections::HashSet;
use std::io::{Cursor, ErrorKind, Read, Write};

use drawbridge_testkit::{Agent, Event, Gateway};
use serde_json::{Value, json};

use super::super::wire::{self, Answer};
use super::super::world;

/// The user that the gateway authenticates to the cluster as.
const GATEWAY_USER: &str = "drawbridge-gateway";

/// What every caller may do besides its rules.
const CONTROL_RULE: &str = "
- name: control
  verbs: [get]
  apiGroups: ['']
  resources: [configmaps]
  resourceNames: [control]";

/// Everything that a wildcard covers.
pub(super) const ANYTHING: &str = "
- name: anything
  verbs: ['*']
  apiGroups: ['*']
  resources: ['*']
  acknowledge: [workloads, exec]";

/// An agent with a namespace of its own, in which there is the config map `control`, which it may read.
#[derive(Debug)]
pub(super) struct Caller {
    /// The agent.
    pub(super) agent: Agent,
    /// Its namespace; `{ns}` in what it sends.
    pub(super) namespace: String,
    /// Its token; `{token}` in what it sends.
    pub(super) token: String,
}

impl Caller {
    /// An agent whose grant holds in its own namespace.
    #[track_caller]
    pub(super) fn within(stem: &str, rules: &str) -> Caller {
        let namespace = namespace(stem);
        let agent = world().agent(stem, &format!("{rules}{CONTROL_RULE}"), &[&namespace]);
        Caller::of(agent, namespace)
    }

    /// An agent whose grant holds everywhere.
    #[track_caller]
    pub(super) fn everywhere(stem: &str, rules: &str) -> Caller {
        let namespace = namespace(stem);
        let agent = world().agent(stem, &format!("{rules}{CONTROL_RULE}"), &[]);
        Caller::of(agent, namespace)
    }

    fn of(agent: Agent, namespace: String) -> Caller {
        let token = agent.token(&gateway().url());
        Caller { agent, namespace, token }
    }

    /// Puts the namespace, the token and the gateway's address where `{ns}`, `{token}` and `{host}` stand.
    pub(super) fn fill(&self, text: &str) -> String {
        let text = text.replace("{ns}", &self.namespace).replace("{token}", &self.token);
        text.replace("{host}", &gateway().address())
    }

    /// Sends a request with the caller's token, and reads the answer.
    #[track_caller]
    pub(super) fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let answer = self.say(&request(method, path, headers, body));
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// A GET.
    #[track_caller]
    pub(super) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "")
    }

    /// A request with a JSON body.
    #[track_caller]
    pub(super) fn send(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Answer {
        self.call(method, path, &[("Content-Type", content_type)], &body.to_string())
    }

    /// Sends exactly this text, filled in, on a connection of its own. None: the connection was closed
    /// without an answer.
    #[track_caller]
    pub(super) fn say(&self, text: &str) -> Option<Answer> {
        say(self.fill(text).as_bytes())
    }

    /// Asks for what it may have, as any client would.
    #[track_caller]
    pub(super) fn control(&self) -> Answer {
        let answer = self.get(CONTROL);
        assert_eq!(answer.status, 200, "the control did not come through: {}", answer.message());
        answer
    }

    /// The times that the control reached the cluster.
    pub(super) fn controls(&self) -> Vec<Event> {
        let uri = self.fill(CONTROL);
        let events = world().audit().of_agent(&self.agent.name);
        events.into_iter().filter(|event| event.verb() == "get" && event.uri() == uri).collect()
    }

    /// Sends the control, and then tells what else of this agent's reached the cluster, as `VERB URI`.
    /// Discovery is left out. On the way it makes sure that nothing came from here under another name.
    #[track_caller]
    pub(super) fn arrived(&self) -> Vec<String> {
        self.control();
        self.arrived_events().iter().map(|event| format!("{} {}", event.verb(), event.uri())).collect()
    }

    /// The same, as the API server wrote it down.
    #[track_caller]
    pub(super) fn arrived_events(&self) -> Vec<Event> {
        self.is_itself();
        let uri = self.fill(CONTROL);
        let mut events = world().audit().of_agent(&self.agent.name);
        let is_control = |event: &Event| event.verb() == "get" && event.uri() == uri;
        events.retain(|event| !is_control(event) && !is_discovery(event));
        // A stream has a line for its beginning and one for its end. What the gateway reads to decide on a
        // write has the write's id.
        let mut seen = HashSet::new();
        events.retain(|event| seen.insert([event.id(), event.verb(), event.uri()].map(str::to_owned)));
        events
    }

    /// Fails if a request about this namespace came through the gateway as somebody else, or as more.
    #[track_caller]
    fn is_itself(&self) {
        let user = format!("system:serviceaccount:drawbridge-agents:{}", self.agent.name);
        let groups =
            ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:drawbridge-agents"];
        for event in world().audit().of_user(GATEWAY_USER) {
            if !event.uri().contains(&format!("/{}/", self.namespace)) {
                continue;
            }
            let acted = &event.json()["impersonatedUser"];
            let mut have: Vec<&str> =
                acted["groups"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            have.sort_unstable();
            assert_eq!(event.impersonated(), user, "{event:#?}");
            assert_eq!(have, groups, "{event:#?}");
            assert!(acted.get("uid").is_none() && acted.get("extra").is_none(), "{event:#?}");
        }
    }
}

/// The control's path, for [`Caller::fill`].
pub(super) const CONTROL: &str = "/api/v1/namespaces/{ns}/configmaps/control";

/// The shared gateway.
pub(super) fn gateway() -> &'static Gateway {
    world().gateway()
}

/// A namespace that has the config map `control`.
#[track_caller]
pub(super) fn namespace(stem: &str) -> String {
    let namespace = world().namespace(stem);
    config_map(&namespace, "control");
    namespace
}

/// Makes a config map as the cluster's owner.
#[track_caller]
pub(super) fn config_map(namespace: &str, name: &str) {
    world().admin(&["-n", namespace, "create", "configmap", name, "--from-literal=a=b"]).ok();
}

/// A field of an object as the cluster's owner sees it; empty if there is none.
#[track_caller]
pub(super) fn look(namespace: &str, object: &str, field: &str) -> String {
    let path = format!("jsonpath={{{field}}}");
    world().admin(&["-n", namespace, "get", object, "--ignore-not-found", "-o", &path]).ok().stdout
}

/// A config map's JSON.
pub(super) fn named(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } })
}

/// A request on the shared cluster, for [`Caller::say`].
pub(super) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} /clusters/local{path} HTTP/1.1\r\nHost: {{host}}\r\n");
    text.push_str("Authorization: Bearer {token}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text
}

/// Sends bytes on a connection of their own to the shared gateway.
#[track_caller]
pub(super) fn say(bytes: &[u8]) -> Option<Answer> {
    let mut tls = wire::connect(gateway(), None, &[b"http/1.1"]);
    tls.write_all(bytes).ok()?;
    tls.flush().ok()?;
    hear(&mut tls)
}

/// Reads one answer; None if the connection ends before it begins.
#[track_caller]
pub(super) fn hear(from: &mut impl Read) -> Option<Answer> {
    let mut first = [0; 1];
    match from.read(&mut first) {
        Ok(0) => None,
        Ok(_) => Some(wire::read(&mut Cursor::new(first).chain(from))),
        Err(error) => {
            let ended = matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset);
            // A TLS alert ends the connection too.
            assert!(ended || error.kind() == ErrorKind::InvalidData, "no end and no answer: {error}");
            None
        }
    }
}

fn is_discovery(event: &Event) -> bool {
    let path = event.uri().split('?').next().unwrap_or_default();
    let documents = ["/api", "/apis", "/version"].contains(&path) || path.starts_with("/openapi/");
    event.verb() == "get" && event.json().get("objectRef").is_none() && documents
}
