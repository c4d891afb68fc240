//! `drawbridge describe` beside a real cluster: what an agent did, has open and was refused.

use super::revocation::watch;
use super::streams::RULES;
use super::streams::raw::Net;
use super::world;

#[test]
fn an_agent_s_description_has_its_last_request_what_it_has_open_and_what_it_was_refused() {
    let (world, net) = (world(), Net::new());
    let (gateway, namespace) = (world.gateway(), world.namespace("described"));
    let agent = world.agent("described", RULES, &[&namespace]);
    let described = || gateway.cli(&["describe", "agent", &agent.name]).ok().stdout;
    assert!(described().contains("(none in the record)"));

    agent.kubectl(&["-n", &namespace, "delete", "secret", "treasure"]).fails_with("forbidden");
    gateway.recorded(&["--agent", &agent.name], |row| row["outcome"]["result"] == "refused");
    let text = described();
    let (_, refusals) = text.split_once("Recent refusals:").unwrap();
    assert!(refusals.contains("secrets") && refusals.contains("refused"), "{text}");
    assert!(text.contains("Last activity:") && !text.contains("(none in the record)"), "{text}");

    let open = watch(&net, gateway, &agent, &namespace);
    let text = described();
    let (_, requests) = text.split_once("Open requests:").unwrap();
    assert!(requests.contains(&format!("local     watch /api/v1/namespaces/{namespace}/")), "{text}");
    let cluster = gateway.cli(&["describe", "cluster", "local"]).ok().stdout;
    assert!(cluster.contains("can be read") && cluster.contains(&agent.name), "{cluster}");
    gateway.cli(&["suspend", "agent", &agent.name, "--reason", "enough"]).ok();
    open.ends();
    let text = described();
    assert!(text.contains("suspended since") && text.contains(": enough"), "{text}");
    assert!(text.contains("Open requests:  (none)"), "{text}");
}
