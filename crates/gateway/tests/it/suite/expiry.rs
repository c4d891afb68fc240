//! A grant's end: at its time, by itself, whatever is open.

#![expect(clippy::disallowed_methods, reason = "this test measures")]

use std::time::{Duration, Instant, SystemTime};

use super::revocation::{leases, list, refused, watch};
use super::streams::RULES;
use super::streams::pod::configmap;
use super::streams::raw::Net;
use super::world;

#[test]
fn a_grant_ends_at_its_time_and_takes_its_streams_with_it_and_no_others() {
    let (world, net) = (world(), Net::new());
    let (gateway, namespace) = (world.gateway(), world.namespace("expiry"));
    let agent = world.agent("ending", RULES, &[&namespace]);
    let other = world.agent("staying", RULES, &[&namespace]);
    let ends = watch(&net, gateway, &agent, &namespace);
    let goes_on = watch(&net, gateway, &other, &namespace);

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let end = Instant::now() + Duration::from_secs(3);
    let until = jiff::Timestamp::from_millisecond(i64::try_from(now.as_millis()).unwrap() + 3_000).unwrap();
    world.grant(gateway, &agent.name, RULES, &[&namespace], &format!("  until: {until}\n"));
    configmap(&namespace, "before-the-end");
    ends.shows("before-the-end");
    assert_eq!(list(gateway, &agent, &namespace).status, 200, "it has not ended yet");

    let (ended, _) = ends.ends();
    assert!(ended + Duration::from_millis(20) > end, "it ended {:?} early", end - ended);
    println!("the stream ended {:?} after the grant's end", ended.saturating_duration_since(end));
    refused(gateway, &agent, &namespace, &agent.name);
    assert_eq!(leases(gateway, &agent.name), 0);
    configmap(&namespace, "after-the-end");
    goes_on.shows("after-the-end");
    assert!(!ends.contains("after-the-end"));
    let row = gateway.recorded(&["--agent", &agent.name], |row| row["outcome"]["result"] == "cut");
    assert_eq!(row["outcome"]["reason"], "grant", "{row:#}");
}
