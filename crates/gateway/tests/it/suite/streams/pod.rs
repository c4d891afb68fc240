//! A pod: a folder of this machine that commands run in, and a log that the test writes.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::until;
use crate::suite::world;

/// A running pod with two containers, `main` and `flood`.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Pod {
    /// Creates one and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(namespace: &str) -> Pod {
        let world = world();
        let name = world.name("pod");
        let manifest = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  \
             automountServiceAccountToken: false\n  containers:\n  \
             - {{name: main, image: none, stdin: true}}\n  - {{name: flood, image: none}}\n"
        );
        // A new namespace has no service account for a moment.
        until("the pod is created", || {
            let run = world.admin_with(&["-n", namespace, "apply", "-f", "-"], manifest.as_bytes());
            (run.code == Some(0)).then_some(())
        });
        let ready = ["-n", namespace, "wait", "--for=condition=Ready", "pod", &name, "--timeout=30s"];
        world.admin(&ready).ok();
        let pod = Pod { namespace: namespace.to_owned(), name };
        fs::create_dir_all(pod.directory().join("logs")).unwrap();
        pod
    }

    /// Where its commands run.
    pub(crate) fn directory(&self) -> PathBuf {
        world().cluster().pod_directory(&self.namespace, &self.name)
    }

    /// Adds a line to the log of `main`.
    pub(crate) fn log(&self, line: &str) {
        self.append("logs/main.log", line);
    }

    /// Adds a line to a file.
    pub(crate) fn append(&self, file: &str, line: &str) {
        let path = self.directory().join(file);
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Makes a file of that many zero bytes, which takes no room on the disk.
    pub(crate) fn zeros(&self, file: &str, bytes: u64) {
        fs::File::create(self.directory().join(file)).unwrap().set_len(bytes).unwrap();
    }

    /// The path of one of its subresources on the cluster, `exec?…`.
    pub(crate) fn path(&self, subresource: &str) -> String {
        format!("/api/v1/namespaces/{}/pods/{}/{subresource}", self.namespace, self.name)
    }
}

/// Creates a configmap, past the gateway: an event for whoever watches.
#[track_caller]
pub(crate) fn configmap(namespace: &str, name: &str) {
    world().admin(&["-n", namespace, "create", "configmap", name]).ok();
}
