//! An informer's store holds what the condition lets through, and nothing else, whatever happens meanwhile.

use std::collections::BTreeMap;
use std::process::Command;

use drawbridge_testkit::{Agent, callers};
use serde_json::Value;

use super::super::streams::live::Live;
use super::super::streams::until;
use super::super::world;
use super::labelled::{LABELLED, map};
use super::there;

/// How many random changes each part of a test makes.
const CHANGES: usize = 30;

/// How client-go's reflector begins.
#[derive(Debug, Clone, Copy)]
enum Begins {
    /// With a list, and a watch from its version.
    WithList,
    /// With a watch that sends the initial events, and their bookmark.
    WithEvents,
}

/// A client-go reflector of the namespace's config maps.
struct Informer {
    live: Live,
    asked: usize,
}

impl Informer {
    fn start(agent: &Agent, namespace: &str, begins: Begins) -> Informer {
        let mut command = Command::new(callers::client_go());
        command.args(["informer", namespace]).env("KUBECONFIG", &agent.kubeconfig);
        command.env("HOME", world().directory());
        let events = matches!(begins, Begins::WithEvents);
        command.env("KUBE_FEATURE_WatchListClient", events.to_string());
        Informer { live: Live::start(command), asked: 0 }
    }

    /// What is in its store: `NAME=VERSION`, sorted.
    fn store(&mut self) -> String {
        self.asked += 1;
        let word = format!("ask{} ", self.asked);
        self.live.says(&format!("{}\n", word.trim()));
        until("an answer of the informer's", || {
            let text = self.live.stdout();
            let (_, rest) = text.rsplit_once(&word)?;
            rest.split_once('\n').map(|(line, _)| line.trim().to_owned())
        })
    }

    /// Waits until its store is what the condition says of all objects there are.
    #[track_caller]
    fn converges(&mut self, namespace: &str) {
        let want = permitted(namespace);
        let mut have = String::new();
        until(&format!("the store {want:?}"), || {
            have = self.store();
            (have == want).then_some(())
        });
    }
}

/// What the condition lets through, past the gateway: `NAME=VERSION`, sorted.
fn permitted(namespace: &str) -> String {
    let run = world().admin(&["-n", namespace, "get", "configmaps", "-o", "json"]).ok();
    let list: Value = serde_json::from_str(&run.stdout).unwrap();
    let shown = list["items"].as_array().unwrap().iter().filter(|item| {
        item["metadata"]["labels"]["shared"] == "yes" && item["metadata"]["deletionTimestamp"].is_null()
    });
    let text = |item: &Value, field: &str| item["metadata"][field].as_str().unwrap().to_owned();
    let mut kept: Vec<_> =
        shown.map(|item| format!("{}={}", text(item, "name"), text(item, "resourceVersion"))).collect();
    kept.sort();
    kept.join(" ")
}

/// Changes that are the same every time: creates, labels, takes labels away, deletes.
struct Churn {
    namespace: String,
    /// What there is, and whether it has the label.
    there: BTreeMap<String, bool>,
    seed: u64,
}

impl Churn {
    fn new(namespace: &str, seed: u64) -> Churn {
        Churn { namespace: namespace.to_owned(), there: BTreeMap::new(), seed }
    }

    /// Knuth's MMIX generator.
    fn random(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    fn some(&mut self, changes: usize) {
        for _ in 0..changes {
            let name = format!("map-{}", self.random(8));
            let shared = self.random(2) == 0;
            let value = if shared { "yes" } else { "no" };
            match self.there.contains_key(&name) {
                false => {
                    there(&self.namespace, &map(&name, value));
                    self.there.insert(name, shared);
                }
                true if self.random(4) == 0 => {
                    world().admin(&["-n", &self.namespace, "delete", "configmap", &name]).ok();
                    self.there.remove(&name);
                }
                true => {
                    let label = format!("shared={value}");
                    let arguments = ["label", "--overwrite", "configmap", &name, &label];
                    world().admin(&[&["-n", &self.namespace][..], &arguments].concat()).ok();
                    self.there.insert(name, shared);
                }
            }
        }
    }
}

fn an_informer_converges(begins: Begins, seed: u64) {
    let world = world();
    let namespace = world.namespace("informer");
    let agent = world.agent("informer", LABELLED, &[&namespace]);
    let mut churn = Churn::new(&namespace, seed);
    churn.some(CHANGES / 3);
    let mut informer = Informer::start(&agent, &namespace, begins);
    informer.converges(&namespace);
    churn.some(CHANGES);
    informer.converges(&namespace);
    // Its watch breaks off, and goes on from where it was: the gateway has kept nothing of it.
    let gateway = world.gateway();
    gateway.cli(&["suspend", "agent", &agent.name, "--reason", "test"]).ok();
    churn.some(CHANGES);
    gateway.cli(&["resume", "agent", &agent.name]).ok();
    informer.converges(&namespace);
    // What it may see changes, though no object does.
    world.grant(gateway, &agent.name, &LABELLED.replace("yes", "no"), &[&namespace], "");
    churn.some(1);
    until("the objects without the label", || {
        let kept = informer.store();
        let names: Vec<_> = kept.split(' ').filter_map(|one| one.split('=').next()).collect();
        let want: Vec<_> =
            churn.there.iter().filter(|(_, shared)| !**shared).map(|(name, _)| name.as_str()).collect();
        (names == want).then_some(())
    });
}

#[test]
fn a_client_go_informer_that_lists_and_watches_converges_to_what_may_be_seen() {
    an_informer_converges(Begins::WithList, 7);
}

#[test]
fn a_client_go_informer_that_begins_with_events_converges_to_what_may_be_seen() {
    an_informer_converges(Begins::WithEvents, 11);
}
