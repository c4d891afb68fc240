//! Nothing outlives its owner.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use drawbridge_localcluster::{Binaries, LocalCluster, Options, Search};

use crate::failures::programs;
use crate::support::{eventually, processes_of, say};

const OWNER: &str = "DRAWBRIDGE_TEST_OWNS_A_CLUSTER";
const BUILDER: &str = "DRAWBRIDGE_TEST_BUILDS_IN";

/// This test binary again, as a process of its own that owns a cluster, and the cluster's folder.
fn owner(test: &str) -> (Child, PathBuf) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("watchdog::{test}"), "--nocapture"])
        .env(OWNER, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let folder = loop {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the owner has ended");
        if let Some((_, folder)) = line.trim_end().split_once("folder ") {
            break PathBuf::from(folder);
        }
    };
    // Read on, so that the owner's test harness can still write.
    std::thread::Builder::new().spawn(move || output.read_to_end(&mut Vec::new())).unwrap();
    (child, folder)
}

/// Whether this process is the owner; then it has a cluster with a busy pod for the rest of its life.
#[expect(clippy::disallowed_methods, reason = "the way to tell a second copy of this binary what it is")]
fn is_owner() -> bool {
    if std::env::var_os(OWNER).is_none() {
        return false;
    }
    let binaries = Binaries::find(&mut say).unwrap();
    let cluster = LocalCluster::start(&binaries, Options::default(), &mut |_| {}).unwrap();
    let kubectl = |arguments: &[&str]| {
        let mut command = Command::new(cluster.kubectl());
        command.arg("--kubeconfig").arg(cluster.admin_kubeconfig()).args(arguments).stdout(Stdio::null());
        command
    };
    assert!(kubectl(&["run", "busy", "--image=x"]).status().unwrap().success());
    kubectl(&["wait", "--for=condition=Ready", "pod/busy"]).status().unwrap();
    // A process, its child, and a grandchild in a session of its own.
    let script = "setsid sleep 7001 & sleep 7002 & sleep 7003";
    let mut exec =
        kubectl(&["exec", "busy", "--", "sh", "-c", script]).stderr(Stdio::null()).spawn().unwrap();
    eventually("the pod's processes run", || sleepers(cluster.directory()) == 3);
    println!("folder {}", cluster.directory().display());
    exec.wait().unwrap();
    true
}

fn sleepers(folder: &std::path::Path) -> usize {
    processes_of(folder).iter().filter(|(_, command)| command.starts_with("sleep 700")).count()
}

#[test]
fn kill_9_of_the_owner_leaves_no_process_and_no_folder() {
    if is_owner() {
        return;
    }
    let (mut child, folder) = owner("kill_9_of_the_owner_leaves_no_process_and_no_folder");
    let before = processes_of(&folder);
    // Six parts with a supervisor each, the pod's shell with its three sleepers, and kubectl exec.
    assert!(before.len() >= 17, "{before:#?}");
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("no process is left", || processes_of(&folder).is_empty());
    eventually("the folder is gone", || !folder.exists());
}

#[test]
fn kill_9_of_a_supervisor_ends_what_it_supervises() {
    if is_owner() {
        return;
    }
    let (mut child, folder) = owner("kill_9_of_a_supervisor_ends_what_it_supervises");
    let of = |part: &str| {
        let name = format!("/{part} ");
        processes_of(&folder).into_iter().filter(|(_, command)| command.contains(&name)).count()
    };
    assert_eq!(of("kube-apiserver"), 2, "the supervisor and the part");
    // All but the node's: what its processes have started in sessions of their own is the supervisor's to
    // end, and would stay behind here.
    let supervisors: Vec<String> = processes_of(&folder)
        .into_iter()
        .filter(|(_, command)| command.contains(" supervise ") && !command.contains("/drawbridge-node --"))
        .map(|(process, _)| process)
        .collect();
    assert_eq!(supervisors.len(), 5);
    let kill = format!("kill -9 {}", supervisors.join(" "));
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    for part in ["kube-apiserver", "etcd", "kwok", "kube-scheduler", "kube-controller-manager"] {
        eventually(part, || of(part) == 0);
    }
    // Its exec has ended with the API server, so the owner ends by itself, and in order.
    assert!(child.wait().unwrap().success());
    assert!(processes_of(&folder).is_empty());
    assert!(!folder.exists());
}

/// Whether this process is a builder; then it builds in this folder, with the `go` that is there.
#[expect(clippy::disallowed_methods, reason = "the way to tell a second copy of this binary what it is")]
fn is_builder() -> bool {
    let Some(folder) = std::env::var_os(BUILDER).map(PathBuf::from) else { return false };
    let search = Search {
        assets: None,
        path: vec![folder.clone()],
        cache: folder.join("cache"),
        release_url: Some("http://127.0.0.1:1".to_owned()),
    };
    Binaries::search(&search, &mut |_| {}).unwrap();
    true
}

#[test]
fn kill_9_during_the_first_build_leaves_no_process() {
    if is_builder() {
        return;
    }
    let folder = programs(&["go"], "sleep 7004 & sleep 7005");
    let sleepers = || {
        let all = processes_of(folder.path());
        all.iter().filter(|(_, command)| command.starts_with("sleep 700")).count()
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "watchdog::kill_9_during_the_first_build_leaves_no_process"])
        .env(BUILDER, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the build runs", || sleepers() == 2);
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("no process is left", || processes_of(folder.path()).is_empty());
}
