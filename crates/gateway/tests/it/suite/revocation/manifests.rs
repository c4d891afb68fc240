//! Changes of manifests are decided against what is open: what would no longer be allowed ends, and only
//! that.

use super::standing::apply_keys;
use super::{Closed, closed, leases, list, public_key, refused, watch};
use crate::suite::streams::pod::{Pod, configmap};
use crate::suite::streams::raw::{Ask, Net, Reader, Upgrade};
use crate::suite::streams::{RULES, until};
use crate::suite::world;

#[test]
fn a_deleted_grant_ends_what_it_allowed_and_a_deleted_agent_is_unknown() {
    let (world, net) = (world(), Net::new());
    let (gateway, namespace) = (world.gateway(), world.namespace("deleted"));
    let agent = world.agent("deleted", RULES, &[&namespace]);
    let other = world.agent("other", RULES, &[&namespace]);
    let (ends, goes_on) =
        (watch(&net, gateway, &agent, &namespace), watch(&net, gateway, &other, &namespace));
    gateway.cli(&["delete", "agent", &agent.name]).fails_with(&agent.name);
    configmap(&namespace, "still");
    ends.shows("still");
    let run = gateway.cli(&["delete", "grant", &agent.name]).ok();
    assert_eq!(closed(&run), Closed { streams: 1, connections: 1 }, "{run}");
    assert_eq!(leases(gateway, &agent.name), 0);
    ends.ends();
    refused(gateway, &agent, &namespace, &agent.name);
    gateway.cli(&["delete", "agent", &agent.name]).ok();
    assert_eq!(list(gateway, &agent, &namespace).status, 401);
    configmap(&namespace, "afterwards");
    goes_on.shows("afterwards");
}

#[test]
fn an_agent_taken_out_of_a_grant_or_given_another_key_loses_its_streams() {
    let (world, net) = (world(), Net::new());
    let (gateway, namespace) = (world.gateway(), world.namespace("changed"));
    let agent = world.agent("changed", RULES, &[&namespace]);
    let other = world.agent("other", RULES, &[&namespace]);
    let grant = world.name("both");
    let of = |agents: &str| {
        let text = format!(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: Grant\nmetadata: {{name: {grant}}}\nspec:\n  \
             agents: [{agents}]\n  scopes: [{}]\n  clusters: [local]\n  namespaces: [{namespace}]\n",
            agent.name
        );
        gateway.apply(&text).ok()
    };
    of(&format!("{}, {}", agent.name, other.name));
    for name in [&agent.name, &other.name] {
        gateway.cli(&["delete", "grant", name]).ok();
    }
    let (ends, goes_on) =
        (watch(&net, gateway, &agent, &namespace), watch(&net, gateway, &other, &namespace));
    let run = of(&other.name);
    assert_eq!(closed(&run), Closed { streams: 1, connections: 1 }, "{run}");
    ends.ends();
    let run = apply_keys(gateway, &other.name, &[&public_key(gateway, &other.name)]);
    assert_eq!(closed(&run).streams, 0, "{run}");
    configmap(&namespace, "afterwards");
    goes_on.shows("afterwards");
    let stranger = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let run = apply_keys(gateway, &other.name, &[stranger]);
    assert_eq!(closed(&run), Closed { streams: 1, connections: 1 }, "{run}");
    goes_on.ends();
    assert_eq!(list(gateway, &other, &namespace).status, 401);
}

#[test]
fn a_narrower_scope_ends_exactly_what_it_no_longer_allows() {
    let (world, net) = (world(), Net::new());
    let (gateway, namespace) = (world.gateway(), world.namespace("narrowed"));
    let (pod, agent) = (Pod::start(&namespace), world.agent("narrowed", RULES, &[&namespace]));
    let certificate = agent.certificate();
    pod.log("ready");
    pod.append("said", "ready");
    let ask = |path| Ask { gateway, cluster: "local", path, token: None, reader: Reader::Reads };
    let h1 = || net.h1(gateway, Some(&certificate));
    let (log, exec) = (
        pod.path("log?container=main&follow=true"),
        pod.path("exec?container=main&stdout=true&command=tail&command=-f&command=said"),
    );
    let changes = watch(&net, gateway, &agent, &namespace);
    let log = net.get1(h1(), ask(&log));
    let exec = net.upgrade(h1(), ask(&exec), Upgrade::WebSocket);
    log.shows("ready");
    exec.shows("ready");
    let all_show = |line: &str, which: &[&crate::suite::streams::raw::Open]| {
        configmap(&namespace, line);
        pod.log(line);
        pod.append("said", line);
        which.iter().for_each(|open| open.shows(line));
    };

    // Said in another way, and with more than is needed: nothing ends.
    let wider = RULES.replace("create", "'*'").replace("see", "look");
    narrow(&agent.name, &wider, Closed { streams: 0, connections: 0 });
    all_show("renamed", &[&changes, &log, &exec]);
    // Without exec: that alone ends.
    let one = Closed { streams: 1, connections: 1 };
    narrow(&agent.name, &RULES.replace("pods/exec, ", ""), one);
    exec.ends();
    all_show("narrowed", &[&changes, &log]);
    // A deny rule counts as well as a missing one.
    let deny = format!(
        "{RULES}\n- {{name: no-logs, effect: deny, verbs: [get], apiGroups: [''], resources: [pods/log]}}"
    );
    narrow(&agent.name, &deny, one);
    log.ends();
    all_show("denied", &[&changes]);
    until("one is left", || (leases(gateway, &agent.name) == 1).then_some(()));
    assert!(!exec.contains("narrowed"), "{}", exec.text());
    assert!(!log.contains("denied"), "{}", log.text());
}

/// Applies another scope, and compares what it closed.
#[track_caller]
fn narrow(agent: &str, rules: &str, expected: Closed) {
    let rules = rules.trim_end().lines().map(|line| format!("  {line}\n")).collect::<String>();
    let scope = format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: Scope\nmetadata: {{name: {agent}}}\nspec:\n  rules:\n{rules}"
    );
    let run = world().gateway().apply(&scope).ok();
    assert_eq!(closed(&run), expected, "{run}");
}
