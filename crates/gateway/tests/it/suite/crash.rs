//! `kill -9` and what is left: no write that the API server saw is missing from the record, and a gateway
//! that comes back knows every suspension.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use drawbridge_testkit::{Agent, Gateway, Options};
use serde_json::json;

use super::wire::{self, Tls};
use super::{binary, record_rows, world};

pub(super) const CONFIGMAPS: &str = "
- name: configmaps
  verbs: [get, list, watch, create, update, patch, delete]
  apiGroups: ['']
  resources: [configmaps]";

/// How often the gateway is killed.
const ROUNDS: usize = 5;
/// Threads of each agent.
const THREADS: usize = 3;

/// A connection that is kept, and on which the other end may go away at any moment.
pub(super) struct Line {
    tls: Tls,
    host: String,
}

/// What was heard on a line.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: u16,
    /// The entry's id.
    pub(super) id: String,
    pub(super) body: Vec<u8>,
}

impl Line {
    /// Connects with a fresh certificate of the agent's.
    pub(super) fn open(gateway: &Gateway, certificate: &(String, String)) -> Line {
        Line { tls: wire::connect(gateway, Some(certificate), &[b"http/1.1"]), host: gateway.address() }
    }

    /// One request to the cluster; None where the line broke.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: &str) -> Option<Heard> {
        let head = format!("{method} /clusters/local{path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!("{head}{kind}Content-Length: {}\r\n\r\n{body}", body.len());
        self.tls.write_all(request.as_bytes()).ok()?;
        self.tls.flush().ok()?;
        self.hear()
    }

    fn hear(&mut self) -> Option<Heard> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.more(&mut bytes)?;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let header = |name: &str| {
            let prefix = format!("{name}: ");
            head.lines().find_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
        };
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length: usize = header("content-length")?.parse().ok()?;
        while bytes.len() < end + 4 + length {
            self.more(&mut bytes)?;
        }
        Some(Heard { status, id: header("audit-id")?, body: bytes.split_off(end + 4) })
    }

    fn more(&mut self, bytes: &mut Vec<u8>) -> Option<()> {
        let mut buffer = [0; 4096];
        let count = self.tls.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend(&buffer[..count]);
        Some(())
    }
}

/// Creates and deletes ConfigMaps until the line breaks.
fn work(gateway: &Gateway, agent: &Agent, namespace: &str, thread: usize, done: &AtomicUsize) {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let certificate = agent.certificate();
    let mut line = Line::open(gateway, &certificate);
    for number in 0.. {
        let name = format!("{}-{thread}-{number}-{}", agent.name, gateway.pid());
        let object = json!({ "metadata": { "name": name }, "data": { "a": "b" } }).to_string();
        let Some(made) = line.ask("POST", &path, &object) else { return };
        assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
        done.fetch_add(1, Ordering::Relaxed);
        let Some(gone) = line.ask("DELETE", &format!("{path}/{name}"), "") else { return };
        assert_eq!(gone.status, 200, "{}", String::from_utf8_lossy(&gone.body));
        done.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn kill_9_under_load_loses_no_intent_of_a_write_that_the_api_server_saw() {
    let world = world();
    let namespace = world.namespace("crash");
    let own = tempfile::tempdir().unwrap();
    let data = own.path().join("data");
    let options = || Options { data: Some(data.clone()), ..Options::default() };
    let mut agents: Vec<Agent> = Vec::new();
    for round in 0..ROUNDS {
        let mut gateway = if round == 0 {
            let gateway = world.own_gateway(options());
            agents = (0..2).map(|_| world.agent_on(&gateway, "crash", CONFIGMAPS, &[&namespace])).collect();
            gateway
        } else {
            Gateway::start(binary(), options())
        };
        let done = AtomicUsize::new(0);
        // Somewhere within the first few hundred requests, never at the same place twice.
        let enough = 20 + RandomState::new().build_hasher().finish() as usize % 300;
        let pid = gateway.pid();
        thread::scope(|scope| {
            let (gateway, done, namespace) = (&gateway, &done, &namespace);
            for agent in &agents {
                for thread in 0..THREADS {
                    scope.spawn(move || work(gateway, agent, namespace, thread, done));
                }
            }
            let started = Instant::now();
            while done.load(Ordering::Relaxed) < enough {
                assert!(started.elapsed() < Duration::from_secs(60), "no load");
                thread::yield_now();
            }
            assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        });
        gateway.wait();
    }
    let gateway = Gateway::start(binary(), options());
    let mut seen = 0;
    for agent in &agents {
        let rows = record_rows::all(&gateway, &format!("agent={}", agent.name));
        let begun = rows.iter().filter(|row| row["part"] == "begin");
        let ids: Vec<&str> = begun.map(|row| row["request"]["request"].as_str().unwrap()).collect();
        let known: HashSet<&str> = ids.iter().copied().collect();
        assert_eq!(known.len(), ids.len(), "one intent for each request");
        let events = world.audit().of_agent(&agent.name);
        for event in events.iter().filter(|event| ["create", "delete"].contains(&event.verb())) {
            assert!(known.contains(event.id()), "the record has no intent of {event:#?}");
            seen += 1;
        }
    }
    assert!(seen > ROUNDS * 20, "{seen} writes are no load");
}

#[test]
fn a_gateway_that_restarts_knows_every_suspension_before_it_answers_anything() {
    let world = world();
    let own = tempfile::tempdir().unwrap();
    let data = own.path().join("data");
    let options = || Options { data: Some(data.clone()), ..Options::default() };
    let mut gateway = world.own_gateway(options());
    let agents: Vec<Agent> = (0..3).map(|_| world.agent_on(&gateway, "out", CONFIGMAPS, &[])).collect();
    let key = |agent: &Agent| {
        let path = "/api/v1/namespaces/default/configmaps";
        assert_eq!(wire::get(&gateway, agent, path).status, 200);
        let row = gateway.recorded(&["--agent", &agent.name], |row| row["part"] == "outcome");
        row["request"]["credential"].as_str().unwrap().to_owned()
    };
    let third = key(&agents[2]);
    gateway.cli(&["suspend", "agent", &agents[0].name]).ok();
    gateway.cli(&["suspend", "grant", &agents[1].name]).ok();
    gateway.cli(&["revoke", "key", &third]).ok();
    gateway.kill9();

    // Callers that knock before the port is open, and all the while.
    let certificates: Vec<(String, String)> = agents.iter().map(Agent::certificate).collect();
    let (listen, admin) = (free_port(), free_port());
    let config = own.path().join("again.yaml");
    let text = format!("listen: 127.0.0.1:{listen}\nadmin: 127.0.0.1:{admin}\ndata: {}\n", data.display());
    std::fs::write(&config, text).unwrap();
    let (stop, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let tls: Vec<_> = certificates
        .iter()
        .map(|certificate| Arc::new(wire::config(&gateway, Some(certificate), &[b"http/1.1"])))
        .collect();
    let knocking: Vec<_> = tls
        .into_iter()
        .map(|tls| {
            let (stop, heard) = (stop.clone(), heard.clone());
            thread::spawn(move || {
                let mut statuses = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    if let Some(status) = knock(listen, tls.clone()) {
                        statuses.push(status);
                        heard.fetch_add(1, Ordering::Relaxed);
                    }
                }
                statuses
            })
        })
        .collect();
    let mut child = Command::new(binary()).args(["serve", "--config"]).arg(&config).spawn().unwrap();
    let started = Instant::now();
    while heard.load(Ordering::Relaxed) < 60 && started.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(5));
    }
    stop.store(true, Ordering::Relaxed);
    child.kill().unwrap();
    child.wait().unwrap();
    for statuses in knocking.into_iter().map(|thread| thread.join().unwrap()) {
        assert!(!statuses.is_empty(), "nobody answered");
        assert!(statuses.iter().all(|status| *status == 403), "{statuses:?}");
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// One request on a connection of its own; None while nobody listens.
fn knock(port: u16, tls: Arc<rustls::ClientConfig>) -> Option<u16> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let connection = rustls::ClientConnection::new(tls, name).unwrap();
    let host = format!("127.0.0.1:{port}");
    let mut line = Line { tls: rustls::StreamOwned::new(connection, tcp), host };
    line.ask("GET", "/api/v1/namespaces/default/configmaps", "").map(|heard| heard.status)
}
