//! suspend, resume and revoke of an agent, a grant and a key: what ends, what is said, what comes back.

use drawbridge_testkit::{Agent, Gateway, Options};

use super::{Closed, closed, leases, list, public_key, refused, watch};
use crate::suite::streams::RULES;
use crate::suite::streams::pod::configmap;
use crate::suite::streams::raw::Net;
use crate::suite::world;

/// What one watch on a connection of its own is in a command's answer.
const ONE: Closed = Closed { streams: 1, connections: 1 };
const NONE: Closed = Closed { streams: 0, connections: 0 };

#[test]
fn a_suspended_agent_is_out_until_it_is_resumed() {
    let (world, net) = (world(), Net::new());
    let (gateway, namespace) = (world.gateway(), world.namespace("suspend"));
    let agent = world.agent("suspended", RULES, &[&namespace]);
    for _ in 0..2 {
        let open = watch(&net, gateway, &agent, &namespace);
        let run = gateway.cli(&["suspend", "agent", &agent.name, "--reason", "a test"]).ok();
        assert_eq!(closed(&run), ONE, "{run}");
        assert_eq!(leases(gateway, &agent.name), 0);
        open.ends();
        refused(gateway, &agent, &namespace, &format!("agent {:?} is suspended", agent.name));
        let again = gateway.cli(&["suspend", "agent", &agent.name]).ok();
        assert!(again.stdout.contains("already"), "{again}");
        let run = agent.kubectl(&["-n", &namespace, "get", "configmaps"]);
        run.fails_with("is suspended. This is policy, not a fault");
        let run = gateway.cli(&["resume", "agent", &agent.name]).ok();
        assert!(run.stdout.contains("is active again"), "{run}");
        assert_eq!(list(gateway, &agent, &namespace).status, 200);
    }
    gateway.cli(&["suspend", "agent", "nobody-of-this-name"]).fails_with("no agent");
}

#[test]
fn an_idle_connection_of_a_suspended_agent_is_closed_too() {
    let (world, net) = (world(), Net::new());
    let (gateway, namespace) = (world.gateway(), world.namespace("suspend"));
    let agent = world.agent("idle", RULES, &[&namespace]);
    let connection = net.h2(gateway, Some(&agent.certificate()));
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let ask =
        super::Ask { gateway, cluster: "local", path: &path, token: None, reader: super::Reader::Reads };
    net.get2(&connection, ask).ends();
    let run = gateway.cli(&["suspend", "agent", &agent.name]).ok();
    assert_eq!(closed(&run), Closed { streams: 0, connections: 1 }, "{run}");
    crate::suite::streams::until("the connection ends", || connection.is_closed().then_some(()));
}

#[test]
fn a_suspended_grant_takes_its_streams_with_it_and_leaves_the_agents_others() {
    let (world, net) = (world(), Net::new());
    let gateway = world.gateway();
    let (here, there) = (world.namespace("grant"), world.namespace("grant"));
    let agent = world.agent("granted", RULES, &[&here]);
    let second = world.name("second");
    gateway
        .apply(&format!(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: Grant\nmetadata: {{name: {second}}}\nspec:\n  \
             agents: [{0}]\n  scopes: [{0}]\n  clusters: [local]\n  namespaces: [{there}]\n",
            agent.name
        ))
        .ok();
    let goes_on = watch(&net, gateway, &agent, &here);
    for verdict in ["suspend", "revoke"] {
        let ends = watch(&net, gateway, &agent, &there);
        let run = gateway.cli(&[verdict, "grant", &second]).ok();
        assert_eq!(closed(&run), ONE, "{run}");
        assert_eq!(leases(gateway, &agent.name), 1);
        ends.ends();
        refused(gateway, &agent, &there, &agent.name);
        configmap(&here, &format!("after-{verdict}"));
        goes_on.shows(&format!("after-{verdict}"));
        let resume = gateway.cli(&["resume", "grant", &second]);
        if verdict == "suspend" {
            resume.ok();
            assert_eq!(list(gateway, &agent, &there).status, 200);
        } else {
            assert_eq!(resume.code, Some(3), "{resume}");
            resume.fails_with("is revoked, and that is final");
        }
    }
    refused(gateway, &agent, &there, &agent.name);
}

#[test]
fn a_suspended_key_is_out_and_the_agents_other_key_goes_on() {
    let (world, net) = (world(), Net::new());
    let (gateway, namespace) = (world.gateway(), world.namespace("key"));
    let (first, second) = two_keys(gateway, &namespace);
    let goes_on = watch(&net, gateway, &second, &namespace);
    let fingerprint = fingerprint_of(gateway, &first);
    assert!(fingerprint.starts_with("SHA256:"), "{fingerprint}");
    let by = |agent: &Agent, key: &str, verdict: &str| {
        let ends = watch(&net, gateway, agent, &namespace);
        let run = gateway.cli(&[verdict, "key", key]).ok();
        assert_eq!(closed(&run), ONE, "{run}");
        ends.ends();
        refused(gateway, agent, &namespace, &format!("this key of agent {:?} is", agent.name));
        assert_eq!(leases(gateway, &agent.name), 1, "the other key's");
    };
    by(&first, &fingerprint, "suspend");
    gateway.cli(&["resume", "key", &fingerprint]).ok();
    by(&first, &fingerprint, "revoke");
    let resume = gateway.cli(&["resume", "key", &fingerprint]);
    assert_eq!(resume.code, Some(3), "{resume}");
    configmap(&namespace, "afterwards");
    goes_on.shows("afterwards");
    assert_eq!(list(gateway, &second, &namespace).status, 200);
}

/// The fingerprint that the record has for the key of this copy of an agent.
fn fingerprint_of(gateway: &Gateway, agent: &Agent) -> String {
    let answer = crate::suite::wire::get(gateway, agent, "/api");
    let id = answer.header("audit-id").expect("an id").to_owned();
    let row = gateway.recorded(&["--agent", &agent.name], |row| row["request"]["request"] == id.as_str());
    row["request"]["credential"].as_str().unwrap().to_owned()
}

/// One agent that runs in two places, each with a key of its own.
fn two_keys(gateway: &Gateway, namespace: &str) -> (Agent, Agent) {
    let world = world();
    let first = world.agent("twice", RULES, &[namespace]);
    let key = public_key(gateway, &first.name);
    let elsewhere = world.directory().join(format!("{}-elsewhere", first.name));
    std::fs::create_dir_all(&elsewhere).unwrap();
    // Enrolling again elsewhere applies the manifest with that key alone; then both.
    let second = Agent::enrol(gateway, &first.name, "local", &elsewhere, world.cluster().kubectl());
    let other = public_key(gateway, &second.name);
    assert_ne!(key, other);
    apply_keys(gateway, &first.name, &[&key, &other]);
    (first, second)
}

/// Applies an agent's manifest with these keys.
#[track_caller]
pub(super) fn apply_keys(gateway: &Gateway, name: &str, keys: &[&str]) -> drawbridge_testkit::Run {
    let keys: String = keys.iter().map(|key| format!("  - key: {{publicKey: {key:?}}}\n")).collect();
    gateway
        .apply(&format!(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\nspec:\n  \
             owner: tests@example.com\n  purpose: Tests one thing\n  identities:\n{keys}"
        ))
        .ok()
}

#[test]
fn a_revoked_agent_stays_out_whatever_is_applied_and_however_often_the_gateway_restarts() {
    let (world, net) = (world(), Net::new());
    let data = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(data.path().join("data")), ..Options::default() };
    let mut gateway = world.own_gateway(options());
    let namespace = world.namespace("revoke");
    let agent = world.agent_on(&gateway, "revoked", RULES, &[&namespace]);
    let open = watch(&net, &gateway, &agent, &namespace);
    let key = public_key(&gateway, &agent.name);
    let run = gateway.cli(&["revoke", "agent", &agent.name, "--reason", "a test"]).ok();
    assert_eq!(closed(&run), ONE, "{run}");
    open.ends();
    let is_out = |gateway: &Gateway| {
        refused(gateway, &agent, &namespace, &format!("agent {:?} is revoked", agent.name));
        let resume = gateway.cli(&["resume", "agent", &agent.name]);
        assert_eq!(resume.code, Some(3), "{resume}");
        resume.fails_with(&format!("agent {:?} is revoked, and that is final", agent.name));
    };
    is_out(&gateway);
    apply_keys(&gateway, &agent.name, &[&key]);
    world.grant(&gateway, &agent.name, RULES, &[&namespace], "");
    is_out(&gateway);
    gateway.cli(&["delete", "grant", &agent.name]).ok();
    let deleted = gateway.cli(&["delete", "agent", &agent.name]);
    assert_eq!(deleted.code, Some(3), "{deleted}");
    deleted.fails_with("is revoked and stays");
    apply_keys(&gateway, &agent.name, &[&key]);
    world.grant(&gateway, &agent.name, RULES, &[&namespace], "");
    is_out(&gateway);
    gateway.kill9();
    drop(gateway);
    let gateway = Gateway::start(world.binary(), options());
    is_out(&gateway);
    assert_eq!(closed(&gateway.apply(&world.cluster_manifest("local")).ok()), NONE);
    is_out(&gateway);
}
