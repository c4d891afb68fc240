//! What the tests share: the cluster, its kubectl, and a look at the machine's processes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use drawbridge_localcluster::{Binaries, LocalCluster, Options};

/// One for all tests of this binary. A static is never dropped: it ends as a crashed program's cluster does.
pub(crate) static CLUSTER: LazyLock<LocalCluster> = LazyLock::new(|| {
    let binaries = Binaries::find(&mut say).unwrap();
    LocalCluster::start(&binaries, Options::default(), &mut say).unwrap()
});

/// The two ways in which kubectl carries streams.
pub(crate) const PROTOCOLS: [(&str, &str); 2] = [("WebSocket", "true"), ("SPDY", "false")];

pub(crate) fn kubectl(arguments: &[&str]) -> Command {
    let mut command = Command::new(CLUSTER.kubectl());
    command.arg("--kubeconfig").arg(CLUSTER.admin_kubeconfig()).args(arguments).env_remove("KUBECONFIG");
    command
}

pub(crate) fn over(websockets: &str, arguments: &[&str]) -> Command {
    let mut command = kubectl(arguments);
    command
        .env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets)
        .env("KUBECTL_PORT_FORWARD_WEBSOCKETS", websockets);
    command
}

pub(crate) fn succeed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn with_input(mut command: Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// A running pod with this name.
pub(crate) fn pod(name: &str) -> &str {
    succeed(kubectl(&["run", name, "--image=x"]));
    succeed(kubectl(&["wait", "--for=condition=Ready", &format!("pod/{name}"), "--timeout=20s"]));
    name
}

/// Progress straight to standard error, past the test harness, because a first build takes minutes.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Number and command line of all processes that are run with, or in, something of `folder`.
pub(crate) fn processes_of(folder: &Path) -> Vec<(String, String)> {
    let folder = folder.to_str().unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap() {
        let process = entry.unwrap().path();
        // A process may end while it is looked at.
        let Ok(command) = std::fs::read(process.join("cmdline")) else { continue };
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let within =
            std::fs::read_link(process.join("cwd")).is_ok_and(|at| at.to_string_lossy().contains(folder));
        if within || command.contains(folder) {
            found.push((process.file_name().unwrap().to_str().unwrap().to_owned(), command));
        }
    }
    found
}

/// Asks until the answer is yes, for ten seconds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("this never came about: {what}");
}
