//! A full disk: what can't be recorded isn't done, and it goes on when there is space again.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use drawbridge_testkit::{Agent, Gateway, Options, World};
use serde_json::json;

use super::crash::{Heard, Line};
use super::{record_rows, world};

const RULES: &str = "
- name: everything
  verbs: [get, list, watch, create, delete]
  apiGroups: ['']
  resources: [configmaps, secrets, pods]
- name: streams
  verbs: [create]
  apiGroups: ['']
  resources: [pods/exec, pods/portforward]
  acknowledge: [workloads]";

/// More requests than fit into what the database has already claimed of a full disk.
const ATTEMPTS: usize = 3_000;

/// A small disk of its own, which is taken away at the end.
struct Disk {
    place: PathBuf,
    _own: tempfile::TempDir,
}

impl Disk {
    fn new() -> Disk {
        let own = tempfile::tempdir().unwrap();
        let place = own.path().join("data");
        fs::create_dir(&place).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "none"]).arg(&place).output();
        let mount = mount.expect("mount runs");
        assert!(
            mount.status.success(),
            "this test needs a small disk of its own and may not mount one (run it as root): {}",
            String::from_utf8_lossy(&mount.stderr)
        );
        Disk { place, _own: own }
    }

    fn fill(&self) {
        let mut filler = fs::File::create(self.filler()).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.place.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.place).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// A gateway on a disk of its own, and an agent that talks to it.
struct Bench {
    world: &'static World,
    namespace: String,
    agent: Agent,
    line: Line,
    gateway: Gateway,
    disk: Disk,
}

impl Bench {
    fn new() -> Bench {
        let world = world();
        let namespace = world.namespace("full");
        let disk = Disk::new();
        let gateway = world.own_gateway(Options { data: Some(disk.place.clone()), ..Options::default() });
        let agent = world.agent_on(&gateway, "full", RULES, &[&namespace]);
        let line = Line::open(&gateway, &agent.certificate());
        Bench { world, namespace, agent, line, gateway, disk }
    }

    fn ask(&mut self, method: &str, rest: &str, body: &str) -> Heard {
        let path = format!("/api/v1/namespaces/{}/{rest}", self.namespace);
        match self.line.ask(method, &path, body) {
            Some(heard) => heard,
            None => panic!("the line broke"),
        }
    }

    fn create(&mut self, name: &str) -> Heard {
        let object = json!({ "metadata": { "name": name } }).to_string();
        self.ask("POST", "configmaps", &object)
    }

    /// Asks until it is refused because nothing can be recorded; the ids of what was let through before.
    fn until_refused(&mut self, method: &str, rest: &str, through: &mut HashSet<String>) -> Heard {
        for _ in 0..ATTEMPTS {
            let heard = self.ask(method, rest, "");
            if heard.status == 503 {
                assert_eq!(reason(&heard), "not-recorded");
                return heard;
            }
            through.insert(heard.id);
        }
        panic!("the disk is full and everything goes on");
    }

    /// Asks until requests are let through again.
    fn until_recovered(&mut self, through: &mut HashSet<String>) {
        let started = Instant::now();
        for number in 0.. {
            let heard = self.create(&format!("back-{number}-{}", through.len()));
            if heard.status == 201 {
                through.insert(heard.id);
                return;
            }
            assert_eq!(heard.status, 503);
            assert!(started.elapsed() < Duration::from_secs(30), "there is space and nothing goes on");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the API server answered to this agent.
    fn reached(&self) -> HashSet<String> {
        let events = self.world.audit().of_agent(&self.agent.name);
        events.iter().map(|event| event.id().to_owned()).collect()
    }
}

fn reason(heard: &Heard) -> String {
    let status: serde_json::Value = serde_json::from_slice(&heard.body).unwrap();
    status["details"]["causes"][0]["reason"].as_str().unwrap_or("").to_owned()
}

#[test]
fn a_full_disk_refuses_every_request_nothing_of_them_reaches_the_cluster_and_it_recovers() {
    let mut bench = Bench::new();
    let mut through = HashSet::new();
    let first = bench.create("first");
    assert_eq!(first.status, 201);
    through.insert(first.id);
    // Each kind is, once, the first to find the disk full.
    let kinds = [
        ("DELETE", "configmaps/none"),
        ("POST", "pods/none/exec?command=true"),
        ("GET", "pods/none/exec?command=true"),
        ("POST", "pods/none/portforward"),
        ("GET", "secrets/none"),
        ("GET", "secrets"),
    ];
    for (method, rest) in kinds {
        bench.disk.fill();
        let mut refused = vec![bench.until_refused(method, rest, &mut through)];
        for (method, rest) in kinds {
            refused.push(bench.ask(method, rest, ""));
        }
        refused.push(bench.create("never"));
        refused.push(bench.ask("GET", "configmaps", ""));
        refused.push(bench.ask("GET", "configmaps?watch=1", ""));
        let reached = bench.reached();
        for heard in &refused {
            assert_eq!((heard.status, reason(heard).as_str()), (503, "not-recorded"));
            assert!(!reached.contains(&heard.id), "{method} {rest}: refused, and the cluster saw it");
        }
        bench.disk.free();
        bench.until_recovered(&mut through);
    }
    assert_eq!(bench.reached(), through, "what was let through reached the cluster, and nothing else did");
    let rows = record_rows::all(&bench.gateway, &format!("agent={}", bench.agent.name));
    let begun = rows.iter().filter(|row| row["part"] == "begin");
    let begun: HashSet<String> =
        begun.map(|row| row["request"]["request"].as_str().unwrap().to_owned()).collect();
    assert!(through.is_subset(&begun), "what reached the cluster is in the record");
    let log = bench.gateway.log();
    assert!(log.contains("has no room left"), "{log}");
    assert!(log.contains("the record takes writes again"), "{log}");
}

#[test]
fn on_a_full_disk_a_suspension_still_stops_the_agent_and_says_that_it_must_be_repeated() {
    let mut bench = Bench::new();
    let mut through = HashSet::new();
    let path = format!("/clusters/local/api/v1/namespaces/{}/configmaps?watch=1", bench.namespace);
    let mut watch = super::record_endings::open(&bench.gateway, &bench.agent, &path);
    bench.disk.fill();
    bench.until_refused("DELETE", "configmaps/none", &mut through);
    let run = bench.gateway.cli(&["suspend", "agent", &bench.agent.name]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("in this process only") && run.stderr.contains("repeat"), "{run}");
    super::record_endings::until_end(&mut watch);
    bench.disk.free();
    let mut line = Line::open(&bench.gateway, &bench.agent.certificate());
    let started = Instant::now();
    let path = format!("/api/v1/namespaces/{}/configmaps", bench.namespace);
    loop {
        let heard = line.ask("GET", &path, "").unwrap();
        assert_ne!(heard.status, 200, "a suspended agent got through");
        if heard.status == 403 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "there is space and nothing goes on");
    }
}
