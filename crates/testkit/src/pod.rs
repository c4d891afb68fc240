//! A process that sees what a pod's process sees: the files of its service account where Kubernetes mounts
//! them, an `/etc/hosts` of its own, and the environment that Kubernetes sets. A mount namespace does it,
//! which takes root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Puts the two folders into place in a mount namespace of its own, and becomes the program. `/run` becomes
/// an empty one, since the place for the account's files isn't there on every machine.
const ENTER: &str = r#"set -e
    mount -t tmpfs none /var/run
    mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
    mount --bind "$1" /var/run/secrets/kubernetes.io/serviceaccount
    mount --bind "$2" /etc/hosts
    shift 2
    exec "$@""#;

/// What a pod's processes see.
#[derive(Debug)]
pub struct InPod {
    files: PathBuf,
    hosts: PathBuf,
    host: String,
    port: u16,
}

impl InPod {
    /// A pod of `namespace` whose environment leads to `host`, a name or an address, at `port` of this
    /// machine. `ca` is what it finds as `ca.crt`. Its files are kept in `directory`, and there is no token
    /// yet.
    pub fn new(directory: &Path, host: &str, port: u16, ca: &str, namespace: &str) -> InPod {
        let files = directory.join("serviceaccount");
        fs::create_dir_all(&files).expect("a folder for the account's files");
        fs::write(files.join("ca.crt"), ca).expect("a file");
        fs::write(files.join("namespace"), namespace).expect("a file");
        let hosts = directory.join("hosts");
        fs::write(&hosts, format!("127.0.0.1 localhost\n127.0.0.1 {host}\n")).expect("a file");
        InPod { files, hosts, host: host.to_owned(), port }
    }

    /// Gives it another token. The file is swapped whole, as the kubelet does it.
    pub fn token(&self, token: &str) {
        let fresh = self.files.join(".fresh");
        fs::write(&fresh, token).expect("a file");
        fs::rename(fresh, self.files.join("token")).expect("a rename");
    }

    /// The beginning of a command line that puts the rest of it into this pod.
    pub fn under(&self) -> Vec<String> {
        let enter = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", ENTER, "sh"];
        let folders = [self.files.display().to_string(), self.hosts.display().to_string()];
        enter.map(str::to_owned).into_iter().chain(folders).collect()
    }

    /// What Kubernetes puts into the environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variable = |name: &str, value: String| (format!("KUBERNETES_SERVICE_{name}"), value);
        vec![variable("HOST", self.host.clone()), variable("PORT", self.port.to_string())]
    }

    /// A command line in this pod. Of this process's environment it has nothing but `PATH`.
    pub fn command<I: AsRef<std::ffi::OsStr>>(&self, line: impl IntoIterator<Item = I>) -> Command {
        let mut enter = self.under().into_iter();
        let mut command = Command::new(enter.next().expect("a program"));
        command.args(enter).args(line).env_clear().envs(self.environment());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }
}
