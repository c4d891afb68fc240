//! The running cluster.

mod api;
mod certificates;
mod components;
mod kubeconfig;
mod start;
mod subject;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::binaries::Binaries;
use crate::error::Error;
use crate::process::Supervised;
use certificates::Authority;

/// What to start, and where.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The folder for all files of the cluster: data, certificates, logs, pods. It is created when it isn't
    /// there, and must hold no earlier cluster. None stands for a temporary folder that goes with the
    /// cluster.
    pub directory: Option<PathBuf>,
    /// Which parts of a cluster are started.
    pub parts: Parts,
}

/// Which parts of a cluster are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parts {
    /// etcd and kube-apiserver: every request is answered, nothing ever happens by itself. Pods can be
    /// created without a service account, and stay pending.
    ApiServer,
    /// Also the controllers, the scheduler and one node, so that Jobs run and exec works.
    #[default]
    All,
}

/// A cluster that runs until this is dropped.
#[derive(Debug)]
pub struct LocalCluster {
    // The order matters: processes end before their files go.
    processes: Vec<Supervised>,
    directory: PathBuf,
    temporary: Option<TempDir>,
    server: String,
    authority: Authority,
    admin_kubeconfig: PathBuf,
    audit_log: PathBuf,
    kubectl: PathBuf,
    kubeconfigs: AtomicU32,
}

impl LocalCluster {
    /// Starts a cluster and waits until it can be used: the API server is ready and, with [`Parts::All`],
    /// the node is ready and the namespace `default` has its service account, so Pods can be created.
    /// `progress` is given a line per step. Takes about six seconds.
    ///
    /// # Errors
    /// When a part can't be started or isn't ready in time; the error quotes the end of that part's log.
    pub fn start(
        binaries: &Binaries,
        options: Options,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self, Error> {
        start::start(binaries, options, progress)
    }

    /// The API server's URL, `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The certificate of the cluster's CA, which signs the API server's certificate and all client
    /// certificates.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// A kubeconfig for a user who may do everything (group `system:masters`).
    #[must_use]
    pub fn admin_kubeconfig(&self) -> &Path {
        &self.admin_kubeconfig
    }

    /// Writes a kubeconfig with a client certificate of its own for `user` in `groups`. Nobody has any right
    /// in a new cluster but the group `system:masters`.
    ///
    /// # Errors
    /// When the certificate can't be made or the file can't be written.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<PathBuf, Error> {
        let (certificate, key) = self.client_certificate(user, groups)?;
        let number = self.kubeconfigs.fetch_add(1, Ordering::Relaxed);
        let name: String =
            user.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        let path = self.directory.join("kubeconfigs").join(format!("{name}-{number}.kubeconfig"));
        kubeconfig::write(&path, &self.server, self.ca_pem(), &certificate, &key)?;
        Ok(path)
    }

    /// A client certificate for `user` in `groups`, signed by the cluster's CA, and its key; both PEM.
    ///
    /// # Errors
    /// When the certificate can't be made.
    pub fn client_certificate(&self, user: &str, groups: &[&str]) -> Result<(String, String), Error> {
        self.authority.client(user, groups)
    }

    /// The API server's audit log, one JSON object per line. A request's line is there before the request is
    /// handled, its answer's a moment after the answer; see `config/audit-policy.yaml` for what is logged.
    #[must_use]
    pub fn audit_log(&self) -> &Path {
        &self.audit_log
    }

    /// The folder that a pod's commands are run in. The node program creates it with the first exec or
    /// attach.
    #[must_use]
    pub fn pod_directory(&self, namespace: &str, pod: &str) -> PathBuf {
        self.directory.join("pods").join(format!("{namespace}_{pod}"))
    }

    /// The file that is a container's log. Whoever wants a log writes it; without the file the log is empty.
    #[must_use]
    pub fn log_file(&self, namespace: &str, pod: &str, container: &str) -> PathBuf {
        self.pod_directory(namespace, pod).join("logs").join(format!("{container}.log"))
    }

    /// A kubectl of the cluster's version.
    #[must_use]
    pub fn kubectl(&self) -> &Path {
        &self.kubectl
    }

    /// The folder of all files of the cluster. The log of each part is in it, named after the part.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends all processes, waits for their ends, and removes the folder if it is a temporary one.
    ///
    /// # Errors
    /// When the temporary folder can't be removed.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end_processes();
        match self.temporary.take() {
            Some(folder) => folder.close().map_err(Error::file("removed", &self.directory)),
            None => Ok(()),
        }
    }

    /// All at the same time, then one wait.
    fn end_processes(&mut self) {
        for process in &mut self.processes {
            process.release();
        }
        self.processes.clear();
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        self.end_processes();
    }
}
