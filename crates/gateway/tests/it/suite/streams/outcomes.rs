//! How a stream ended is in the record, whichever end broke off.

use drawbridge_testkit::Agent;
use serde_json::Value;

use super::live::Live;
use super::pod::Pod;
use super::proxy::Proxy;
use super::{RULES, WAYS, Way};
use crate::suite::world;

/// A kubectl for each kind of stream, each proven to be open.
fn open(agent: &Agent, pod: &Pod) -> Vec<Live> {
    pod.log("ready");
    let exec = ["exec", &pod.name, "-c", "main", "--", "sh", "-c", "echo ready; sleep 600"];
    let talk = ["exec", "-i", &pod.name, "-c", "main", "--", "sh", "-c", "echo ready; cat"];
    let attach = ["attach", "-i", &pod.name, "-c", "main"];
    let mut open = Vec::new();
    for way in WAYS {
        for arguments in [&exec[..], &talk[..], &attach[..]] {
            open.push(Live::start(way.kubectl(agent, pod, arguments)));
        }
    }
    let log = ["logs", "-f", &pod.name, "-c", "main"];
    // A list first, and then a watch that has nothing to say.
    let watch = ["get", "pods", "-w", "-o", "name"];
    open.push(Live::start(Way::WebSocket.kubectl(agent, pod, &log)));
    open.push(Live::start(Way::WebSocket.kubectl(agent, pod, &watch)));
    for live in &mut open {
        let attached = format!("attached to {}", pod.name);
        super::until("every stream is open", || {
            let shown = live.stdout();
            ["ready", &attached, "pod/"].iter().any(|words| shown.contains(words)).then_some(())
        });
    }
    open
}

/// The outcomes of an agent's streams, once there are as many as were opened.
#[track_caller]
fn outcomes(agent: &Agent, count: usize) -> Vec<Value> {
    super::until("every stream has its outcome", || {
        let rows = world().gateway().record(&["--agent", &agent.name]);
        let stream = |row: &Value| {
            let request = &row["request"];
            row["part"] == "outcome"
                && (request["verb"] == "watch"
                    || ["exec", "attach", "log"].iter().any(|sub| request["subresource"] == *sub))
        };
        let rows: Vec<Value> = rows.into_iter().filter(stream).collect();
        (rows.len() >= count).then_some(rows)
    })
}

#[track_caller]
fn ended_as(result: &str, agent: &Agent, count: usize) {
    let rows = outcomes(agent, count);
    assert_eq!(rows.len(), count, "{rows:#?}");
    for row in rows {
        assert_eq!(row["outcome"]["result"], result, "{row:#}");
        assert_eq!(row["sent"], "yes", "{row:#}");
        let silent = row["request"]["verb"] == "watch";
        assert!(silent || row["bytesToCaller"].as_u64().unwrap() > 0, "{row:#}");
        assert!(row["rule"].as_str().unwrap().starts_with(&agent.name), "{row:#}");
        assert_eq!(row["grant"], agent.name, "{row:#}");
    }
}

#[test]
fn a_caller_that_is_killed_in_mid_stream_is_recorded_as_gone() {
    let world = world();
    let namespace = world.namespace("outcomes");
    let (pod, agent) = (Pod::start(&namespace), world.agent("killed", RULES, &[&namespace]));
    let mut open = open(&agent, &pod);
    open.iter_mut().for_each(Live::kill9);
    ended_as("caller-gone", &agent, open.len());
}

#[test]
fn a_cluster_that_goes_in_mid_stream_is_recorded_as_gone_and_the_callers_notice() {
    let world = world();
    let namespace = world.namespace("outcomes");
    let (pod, proxy) = (Pod::start(&namespace), Proxy::start());
    let (agent, _) = proxy.agent(world.gateway(), &namespace);
    let mut open = open(&agent, &pod);
    proxy.cut();
    for live in &mut open {
        live.close();
        live.ends();
    }
    // A watch that kubectl opens again is one more.
    let count = open.len();
    let rows = outcomes(&agent, count);
    let gone = rows.iter().filter(|row| row["outcome"]["result"] == "cluster-gone").count();
    assert_eq!(gone, count, "{rows:#?}");
}
