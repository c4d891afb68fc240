//! Suspending, resuming, revoking, and changes of manifests: what had to end has ended when the command
//! returns, and nothing else has.

#![expect(clippy::disallowed_methods, reason = "these tests run programs, listen, and measure")]

mod manifests;
mod many;
mod race;
mod shared;
mod standing;

use std::net::TcpStream;

use drawbridge_testkit::{Agent, Gateway, Run};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;
use std::io::Write;
use std::sync::Arc;

use super::streams::raw::{Ask, Net, Open, Reader};
use super::wire;

/// What a command said it closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) streams: usize,
    pub(crate) connections: usize,
}

/// Reads "closed 3 streams and 1 connection"; nothing said is nothing closed.
#[track_caller]
pub(crate) fn closed(run: &Run) -> Closed {
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(!said.contains("had not ended"), "{run}");
    let Some((_, rest)) = said.split_once("closed ") else { return Closed { streams: 0, connections: 0 } };
    let mut numbers = rest.split_whitespace().filter_map(|word| word.parse().ok());
    Closed { streams: numbers.next().unwrap(), connections: numbers.next().unwrap() }
}

/// How many requests an agent has open, as the gateway's status says.
#[track_caller]
pub(crate) fn leases(gateway: &Gateway, agent: &str) -> u64 {
    let file = std::fs::read(gateway.data().join("admin.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let address = file["server"].as_str().unwrap().trim_start_matches("https://").to_owned();
    let tcp = TcpStream::connect(&address).unwrap();
    let config = Arc::new(wire::config(gateway, None, &[b"http/1.1"]));
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut tls = StreamOwned::new(ClientConnection::new(config, name).unwrap(), tcp);
    let token = file["token"].as_str().unwrap();
    let request = format!(
        "GET /v1/status HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    tls.write_all(request.as_bytes()).unwrap();
    let status = wire::read(&mut tls).json();
    let agents = status["agents"].as_array().unwrap_or_else(|| panic!("{status:#}"));
    agents.iter().find(|one| one["name"] == agent).map_or(0, |one| one["open"].as_u64().unwrap())
}

/// A watch of a namespace's configmaps over a connection of its own, with the agent's certificate. It has
/// shown something that is there.
#[track_caller]
pub(crate) fn watch(net: &Net, gateway: &Gateway, agent: &Agent, namespace: &str) -> Open {
    let connection = net.h1(gateway, Some(&agent.certificate()));
    let path = format!("/api/v1/namespaces/{namespace}/configmaps?watch=true");
    let ask = Ask { gateway, cluster: "local", path: &path, token: None, reader: Reader::Reads };
    let open = net.get1(connection, ask);
    assert_eq!(open.status, 200, "{}", open.ends().1);
    open.shows("kube-root-ca.crt");
    open
}

/// What a request of the agent's for a namespace's configmaps is answered.
#[track_caller]
pub(crate) fn list(gateway: &Gateway, agent: &Agent, namespace: &str) -> wire::Answer {
    wire::get(gateway, agent, &format!("/api/v1/namespaces/{namespace}/configmaps"))
}

/// Asserts that a request is refused with 403 and these words.
#[track_caller]
pub(crate) fn refused(gateway: &Gateway, agent: &Agent, namespace: &str, words: &str) {
    let answer = list(gateway, agent, namespace);
    assert_eq!(answer.status, 403, "{}", String::from_utf8_lossy(&answer.body));
    assert!(answer.message().contains(words), "no {words:?} in {:?}", answer.message());
}

/// The public key of an agent, `ed25519:…`.
#[track_caller]
pub(crate) fn public_key(gateway: &Gateway, agent: &str) -> String {
    let run = gateway.cli(&["get", "agent", agent, "-o", "json"]).ok();
    let key = run.stdout.split('"').find(|text| text.starts_with("ed25519:"));
    key.unwrap_or_else(|| panic!("no key in {run}")).to_owned()
}
