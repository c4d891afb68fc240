//! What follows: a watch sees changes, and a log shows new lines, while they are open.

use super::live::Live;
use super::pod::{Pod, configmap};
use super::{RULES, Way};
use crate::suite::world;

#[test]
fn a_watch_shows_changes_as_they_happen() {
    let world = world();
    let namespace = world.namespace("watch");
    let agent = world.agent("watcher", RULES, &[&namespace]);
    configmap(&namespace, "before");
    let arguments = ["-n", &namespace, "get", "configmaps", "-w", "--output-watch-events"];
    let mut watch = Live::start(agent.command(&arguments));
    watch.shows("before");
    for name in ["first", "second"] {
        configmap(&namespace, name);
        watch.shows(name);
        assert!(watch.runs());
    }
    world.admin(&["-n", &namespace, "delete", "configmap", "first"]).ok();
    watch.shows("DELETED");
}

#[test]
fn a_followed_log_shows_lines_as_they_are_written() {
    let world = world();
    let namespace = world.namespace("logs");
    let (pod, agent) = (Pod::start(&namespace), world.agent("reader", RULES, &[&namespace]));
    pod.log("zero");
    let follow = Way::WebSocket.kubectl(&agent, &pod, &["logs", "-f", &pod.name, "-c", "main"]);
    let mut follow = Live::start(follow);
    for line in ["zero", "one", "two"] {
        if line != "zero" {
            pod.log(line);
        }
        follow.shows(&format!("{line}\n"));
        assert!(follow.runs());
    }
    assert_eq!(follow.stdout(), "zero\none\ntwo\n");
}
