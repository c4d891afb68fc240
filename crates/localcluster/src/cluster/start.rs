//! From binaries to a cluster that can be used.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use serde_json::{Value, json};

use super::api::Api;
use super::certificates::{Authority, write_pair, write_token_keys};
use super::components::{self, Files, NODE_NAME};
use super::{LocalCluster, Options, Parts, kubeconfig};
use crate::binaries::{Binaries, Program};
use crate::clock::wait_until;
use crate::error::Error;
use crate::process::{Supervised, log_tail};

/// How long each part may take. Normal are 4 s for the API server and 1 to 2 s for the others; a machine
/// that also compiles needs a multiple.
const PATIENCE: Duration = Duration::from_secs(90);
const INTERVAL: Duration = Duration::from_millis(20);
/// Another program can take a port after it was found to be free. More often than this it is something else.
const PORT_ATTEMPTS: u32 = 5;

pub(super) fn start(
    binaries: &Binaries,
    options: Options,
    progress: &mut dyn FnMut(&str),
) -> Result<LocalCluster, Error> {
    let parts = options.parts;
    let mut cluster = prepare(binaries, options)?;
    match start_parts(&mut cluster, binaries, parts, progress) {
        Ok(()) => Ok(cluster),
        Err(error) => {
            // The logs that the error speaks of stay.
            if let Some(folder) = cluster.temporary.take() {
                drop(folder.keep());
            }
            Err(error)
        }
    }
}

/// A cluster that has its folder and its CA, and no processes yet. Whatever fails later, dropping it ends
/// what runs.
fn prepare(binaries: &Binaries, options: Options) -> Result<LocalCluster, Error> {
    let (directory, temporary) = match options.directory {
        Some(directory) => (directory, None),
        None => {
            let folder = tempfile::Builder::new().prefix("drawbridge-cluster-").tempdir();
            let folder = folder.map_err(Error::file("created", std::env::temp_dir()))?;
            (folder.path().to_owned(), Some(folder))
        }
    };
    fs::create_dir_all(&directory).map_err(Error::file("created", &directory))?;
    let directory = directory.canonicalize().map_err(Error::file("read", &directory))?;
    if directory.join("etcd").exists() {
        return Err(Error::NotNew { directory });
    }
    Ok(LocalCluster {
        processes: Vec::new(),
        admin_kubeconfig: directory.join("admin.kubeconfig"),
        audit_log: directory.join("audit.log"),
        directory,
        temporary,
        server: String::new(),
        authority: Authority::new("drawbridge local cluster")?,
        kubectl: binaries.path(Program::Kubectl).to_owned(),
        kubeconfigs: AtomicU32::new(0),
    })
}

fn start_parts(
    cluster: &mut LocalCluster,
    binaries: &Binaries,
    parts: Parts,
    progress: &mut dyn FnMut(&str),
) -> Result<(), Error> {
    let files = write_files(cluster.directory.clone(), &cluster.authority)?;
    // A user of its own, so that the audit log can leave out what is asked while waiting.
    let starter = cluster.authority.client("drawbridge:start", &["system:masters"])?;
    let start = Start { binaries, files: &files, parts };
    let api = start.api_server(cluster, &starter, progress)?;
    let admin = cluster.client_certificate("drawbridge:admin", &["system:masters"])?;
    kubeconfig::write(&cluster.admin_kubeconfig, &cluster.server, cluster.ca_pem(), &admin.0, &admin.1)?;
    match parts {
        Parts::ApiServer => Ok(()),
        Parts::All => start.rest(cluster, &api, progress),
    }
}

fn write_files(directory: PathBuf, authority: &Authority) -> Result<Files, Error> {
    let pki = directory.join("pki");
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        kubeconfig::write_private(&path, text).map(|()| path)
    };
    // etcd trusts a CA of its own: holders of the cluster's client certificates have no business there.
    let etcd_authority = Authority::new("drawbridge local etcd")?;
    write("audit-policy.yaml", include_str!("../../config/audit-policy.yaml"))?;
    write("stages.yaml", include_str!("../../config/stages.yaml"))?;
    let pods = directory.join("pods");
    fs::create_dir_all(&pods).map_err(Error::file("created", pods))?;
    let kubelet_client = authority.client(components::node_caller(), &[])?;
    Ok(Files {
        ca: write_pair(&pki, "ca", authority.pair())?,
        server: write_pair(&pki, "kube-apiserver", authority.server("kube-apiserver")?)?,
        kubelet_client: write_pair(&pki, "kubelet-client", kubelet_client)?,
        node: write_pair(&pki, "node", authority.server("node")?)?,
        tokens: write_token_keys(&pki)?,
        etcd_ca: write("pki/etcd-ca.crt", etcd_authority.pem())?,
        etcd: write_pair(&pki, "etcd", etcd_authority.server("etcd")?)?,
        etcd_client: write_pair(&pki, "etcd-client", etcd_authority.client("kube-apiserver", &[])?)?,
        directory,
    })
}

/// What the start of every part needs.
struct Start<'a> {
    binaries: &'a Binaries,
    files: &'a Files,
    parts: Parts,
}

impl Start<'_> {
    fn api_server(
        &self,
        cluster: &mut LocalCluster,
        starter: &(String, String),
        progress: &mut dyn FnMut(&str),
    ) -> Result<Api, Error> {
        progress("starting etcd");
        let etcd_port = cluster.start_on_free_port(
            self.binaries,
            "etcd",
            |port| components::etcd(self.binaries, self.files, port),
            |_, log| Ok(says(log, "ready to serve client requests")),
        )?;
        progress("starting kube-apiserver");
        let ca = cluster.ca_pem().to_owned();
        let connect = |port| Api::new(format!("https://127.0.0.1:{port}"), &ca, starter);
        let port = cluster.start_on_free_port(
            self.binaries,
            "kube-apiserver",
            |port| components::api_server(self.binaries, self.files, self.parts, (etcd_port, port)),
            |port, _| connect(port).map(|api| api.ready()),
        )?;
        cluster.server = format!("https://127.0.0.1:{port}");
        let api = connect(port)?;
        let namespace = "/api/v1/namespaces/default";
        cluster.wait_for("kube-apiserver", || Ok(api.get(namespace)?.is_some()))?;
        Ok(api)
    }

    fn rest(
        &self,
        cluster: &mut LocalCluster,
        api: &Api,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(), Error> {
        progress("starting the controllers, the scheduler and the node");
        let Self { binaries, files, .. } = *self;
        let masters = ["system:masters"];
        let kubeconfig =
            cluster.part_kubeconfig("kube-controller-manager", "system:kube-controller-manager", &masters)?;
        let controllers = components::controller_manager(binaries, files, &kubeconfig);
        cluster.start_part(binaries, "kube-controller-manager", &controllers)?;
        let kubeconfig = cluster.part_kubeconfig("kube-scheduler", "system:kube-scheduler", &[])?;
        let scheduler = components::scheduler(binaries, files, &kubeconfig);
        cluster.start_part(binaries, "kube-scheduler", &scheduler)?;
        let node_port = cluster.start_on_free_port(
            binaries,
            "drawbridge-node",
            |port| components::node(binaries, files, port),
            |_, log| Ok(says(log, "serving on")),
        )?;
        let kubeconfig = cluster.part_kubeconfig("kwok", "drawbridge:kwok", &masters)?;
        let kwok = components::kwok(binaries, files, &kubeconfig, node_port);
        cluster.start_part(binaries, "kwok", &kwok)?;
        cluster.wait_for_node(api)
    }
}

impl LocalCluster {
    fn wait_for_node(&mut self, api: &Api) -> Result<(), Error> {
        api.create("/api/v1/nodes", &node_object())?;
        let node = format!("/api/v1/nodes/{NODE_NAME}");
        self.wait_for("kwok", || Ok(api.get(&node)?.is_some_and(|node| is_ready(&node))))?;
        let account = "/api/v1/namespaces/default/serviceaccounts/default";
        self.wait_for("kube-controller-manager", || Ok(api.get(account)?.is_some()))?;
        // New nodes are closed to pods until a controller has seen that they are ready.
        self.wait_for("kube-controller-manager", || Ok(api.get(&node)?.is_some_and(|node| is_open(&node))))
    }

    fn log(&self, component: &str) -> PathBuf {
        self.directory.join(format!("{component}.log"))
    }

    fn part_kubeconfig(&self, component: &str, user: &str, groups: &[&str]) -> Result<PathBuf, Error> {
        let (certificate, key) = self.client_certificate(user, groups)?;
        let path = self.directory.join("pki").join(format!("{component}.kubeconfig"));
        kubeconfig::write(&path, &self.server, self.ca_pem(), &certificate, &key)?;
        Ok(path)
    }

    fn start_part(
        &mut self,
        binaries: &Binaries,
        component: &'static str,
        command: &Command,
    ) -> Result<(), Error> {
        let log = self.log(component);
        let temporary = self.temporary.as_ref().map(tempfile::TempDir::path);
        let process = Supervised::start(binaries.path(Program::Node), component, command, &log, temporary)?;
        self.processes.push(process);
        Ok(())
    }

    /// Starts a part on a free port and waits until it is ready. A port that was taken in between is
    /// replaced by another one.
    fn start_on_free_port(
        &mut self,
        binaries: &Binaries,
        component: &'static str,
        command: impl Fn(u16) -> Command,
        mut ready: impl FnMut(u16, &Path) -> Result<bool, Error>,
    ) -> Result<u16, Error> {
        let log = self.log(component);
        let mut attempt = 1;
        loop {
            let port = free_port()?;
            self.start_part(binaries, component, &command(port))?;
            match self.wait_for(component, || ready(port, &log)) {
                Ok(()) => return Ok(port),
                Err(_) if attempt < PORT_ATTEMPTS && says(&log, "address already in use") => {
                    drop(self.processes.pop());
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for something that `component` has to do. Ends early when any part has ended.
    fn wait_for(
        &mut self,
        component: &'static str,
        mut done: impl FnMut() -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let in_time = wait_until(PATIENCE, INTERVAL, || {
            if done()? {
                return Ok(true);
            }
            for process in &mut self.processes {
                if let Some(status) = process.ended() {
                    return Err(not_ready(process.name(), format!("ended with {status}"), process.log()));
                }
            }
            Ok(false)
        })?;
        if in_time {
            return Ok(());
        }
        let happened = format!("was not ready after {} s", PATIENCE.as_secs());
        Err(not_ready(component, happened, &self.log(component)))
    }
}

fn not_ready(component: &'static str, happened: String, log: &Path) -> Error {
    Error::NotReady { component, happened, log: log.to_owned(), tail: log_tail(log) }
}

fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::file("bound", "127.0.0.1:0"))
}

fn says(log: &Path, words: &str) -> bool {
    fs::read(log).is_ok_and(|text| String::from_utf8_lossy(&text).contains(words))
}

fn node_object() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": NODE_NAME,
            "annotations": { "kwok.x-k8s.io/node": "fake" },
            "labels": { "kubernetes.io/hostname": NODE_NAME, "kubernetes.io/os": "linux" },
        },
    })
}

fn is_ready(node: &Value) -> bool {
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    conditions.is_some_and(|conditions| {
        conditions.iter().any(|condition| {
            condition.get("type").is_some_and(|kind| kind == "Ready")
                && condition.get("status").is_some_and(|status| status == "True")
        })
    })
}

fn is_open(node: &Value) -> bool {
    node.pointer("/spec/taints").and_then(Value::as_array).is_none_or(Vec::is_empty)
}
