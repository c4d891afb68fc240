//! The command line of each part.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Parts;
use super::certificates::PairFiles;
use crate::binaries::{Binaries, Program};

/// The name of the one node.
pub(super) const NODE_NAME: &str = "local";
/// The only name that the node lets in.
const NODE_CALLER: &str = "kube-apiserver-kubelet-client";

/// Where everything is.
pub(super) struct Files {
    pub(super) directory: PathBuf,
    pub(super) ca: PairFiles,
    pub(super) server: PairFiles,
    pub(super) kubelet_client: PairFiles,
    pub(super) node: PairFiles,
    pub(super) tokens: PairFiles,
    pub(super) etcd_ca: PathBuf,
    pub(super) etcd: PairFiles,
    pub(super) etcd_client: PairFiles,
}

/// The user of the client certificate that the API server shows to the node.
pub(super) const fn node_caller() -> &'static str {
    NODE_CALLER
}

/// etcd, which only its own CA's certificates open. Losing data in a power cut is fine here, waiting for the
/// disk isn't.
pub(super) fn etcd(binaries: &Binaries, files: &Files, port: u16) -> Command {
    let url = format!("https://127.0.0.1:{port}");
    // The peers' port has no peers; etcd takes any free one.
    let peers = "https://127.0.0.1:0";
    let mut arguments = Arguments::default();
    arguments
        .file("data-dir", &files.directory.join("etcd"))
        .value("listen-client-urls", &url)
        .value("advertise-client-urls", &url)
        .value("listen-peer-urls", peers)
        .value("initial-advertise-peer-urls", peers)
        .value("initial-cluster", &format!("default={peers}"))
        .value("unsafe-no-fsync", "true")
        .value("snapshot-count", "10000");
    for prefix in ["", "peer-"] {
        arguments
            .file(&format!("{prefix}cert-file"), &files.etcd.certificate)
            .file(&format!("{prefix}key-file"), &files.etcd.key)
            .file(&format!("{prefix}trusted-ca-file"), &files.etcd_ca)
            .value(&format!("{prefix}client-cert-auth"), "true");
    }
    arguments.command(binaries, Program::Etcd, files)
}

/// kube-apiserver. `ports` are etcd's and its own.
pub(super) fn api_server(
    binaries: &Binaries,
    files: &Files,
    parts: Parts,
    (etcd_port, port): (u16, u16),
) -> Command {
    let url = format!("https://127.0.0.1:{port}");
    let mut arguments = Arguments::default();
    arguments
        .value("etcd-servers", &format!("https://127.0.0.1:{etcd_port}"))
        .file("etcd-cafile", &files.etcd_ca)
        .file("etcd-certfile", &files.etcd_client.certificate)
        .file("etcd-keyfile", &files.etcd_client.key)
        .value("bind-address", "127.0.0.1")
        .value("advertise-address", "127.0.0.1")
        .value("secure-port", &port.to_string())
        .file("tls-cert-file", &files.server.certificate)
        .file("tls-private-key-file", &files.server.key)
        .file("client-ca-file", &files.ca.certificate)
        .value("authorization-mode", "RBAC")
        .value("allow-privileged", "true")
        .value("profiling", "false")
        .value("service-cluster-ip-range", "10.0.0.0/24")
        // A loopback address may not be an endpoint of the service "kubernetes", and nothing here uses it.
        .value("endpoint-reconciler-type", "none");
    match parts {
        // It refuses every Pod of a namespace without service account, and nothing here would create one.
        Parts::ApiServer => {
            arguments.value("disable-admission-plugins", "ServiceAccount");
        }
        Parts::All => {}
    }
    arguments
        .file("service-account-key-file", &files.tokens.certificate)
        .file("service-account-signing-key-file", &files.tokens.key)
        .value("service-account-issuer", &url)
        .value("service-account-jwks-uri", &format!("{url}/openid/v1/jwks"))
        .value("api-audiences", &url);
    arguments
        .file("kubelet-certificate-authority", &files.ca.certificate)
        .file("kubelet-client-certificate", &files.kubelet_client.certificate)
        .file("kubelet-client-key", &files.kubelet_client.key)
        .value("kubelet-preferred-address-types", "InternalIP");
    arguments
        .file("audit-policy-file", &files.directory.join("audit-policy.yaml"))
        .file("audit-log-path", &files.directory.join("audit.log"))
        // A request is handled after its line is written, so that nothing reaches the cluster unseen.
        .value("audit-log-mode", "blocking")
        // Megabytes; larger than any test writes, so that the log stays one file.
        .value("audit-log-maxsize", "10000");
    arguments.command(binaries, Program::KubeApiserver, files)
}

pub(super) fn controller_manager(binaries: &Binaries, files: &Files, kubeconfig: &Path) -> Command {
    let mut arguments = Arguments::default();
    arguments
        .file("kubeconfig", kubeconfig)
        .file("root-ca-file", &files.ca.certificate)
        .file("service-account-private-key-file", &files.tokens.key)
        // So that an approved CertificateSigningRequest gets its certificate.
        .file("cluster-signing-cert-file", &files.ca.certificate)
        .file("cluster-signing-key-file", &files.ca.key)
        .value("leader-elect", "false")
        .value("secure-port", "0")
        // kwok sends no heartbeats here, and a node that dies takes the whole cluster along anyway.
        .value("node-monitor-grace-period", "1000h")
        // The defaults are for sparing an API server that others need too.
        .value("kube-api-qps", "300")
        .value("kube-api-burst", "600");
    arguments.command(binaries, Program::KubeControllerManager, files)
}

pub(super) fn scheduler(binaries: &Binaries, files: &Files, kubeconfig: &Path) -> Command {
    let mut arguments = Arguments::default();
    arguments
        .file("kubeconfig", kubeconfig)
        .value("leader-elect", "false")
        .value("secure-port", "0")
        .value("kube-api-qps", "300")
        .value("kube-api-burst", "600");
    arguments.command(binaries, Program::KubeScheduler, files)
}

/// kwok, which reports the node's address and port as those of the node program.
pub(super) fn kwok(binaries: &Binaries, files: &Files, kubeconfig: &Path, node_port: u16) -> Command {
    let mut arguments = Arguments::default();
    arguments
        .file("kubeconfig", kubeconfig)
        .file("config", &files.directory.join("stages.yaml"))
        .value("enable-crds", "")
        .value("manage-all-nodes", "true")
        .value("node-ip", "127.0.0.1")
        .value("node-port", &node_port.to_string())
        .value("server-address", "127.0.0.1:0");
    arguments.command(binaries, Program::Kwok, files)
}

pub(super) fn node(binaries: &Binaries, files: &Files, port: u16) -> Command {
    let mut arguments = Arguments::default();
    arguments
        .value("listen", &format!("127.0.0.1:{port}"))
        .file("tls-cert-file", &files.node.certificate)
        .file("tls-private-key-file", &files.node.key)
        .file("client-ca-file", &files.ca.certificate)
        .value("client-name", NODE_CALLER)
        .file("directory", &files.directory.join("pods"));
    arguments.command(binaries, Program::Node, files)
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn value(&mut self, name: &str, value: &str) -> &mut Self {
        self.0.push(format!("--{name}={value}").into());
        self
    }

    fn file(&mut self, name: &str, path: &Path) -> &mut Self {
        let mut argument = OsString::from(format!("--{name}="));
        argument.push(path);
        self.0.push(argument);
        self
    }

    /// With HOME in the cluster's folder, so that no part reads the user's own configuration.
    fn command(self, binaries: &Binaries, program: Program, files: &Files) -> Command {
        let mut command = Command::new(binaries.path(program));
        command.args(self.0).current_dir(&files.directory).env("HOME", &files.directory);
        command
    }
}
