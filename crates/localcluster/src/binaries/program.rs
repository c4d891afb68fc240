use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{Context, SHA256};

use super::release::hex;
use crate::process::find_in;

/// One program of a local cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// The node program of this crate, which is also the watchdog. First, because the other builds run under
    /// it.
    Node,
    /// The cluster's database.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The controllers of Jobs, Deployments, service accounts, …
    KubeControllerManager,
    /// The scheduler.
    KubeScheduler,
    /// The command line client.
    Kubectl,
    /// Moves nodes and pods through their lives without running anything.
    Kwok,
}

/// A Go module of this crate: the pinned dependencies that programs are built from.
pub(super) struct Module {
    /// The name and version in the cache.
    pub(super) label: &'static str,
    /// Its files: name and content.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Go linker flags, which set the version that the programs report.
    pub(super) ldflags: &'static str,
}

static KUBERNETES: Module = Module {
    label: "kubernetes-v1.37.2",
    files: &[
        ("go.mod", include_str!("../../go/kubernetes/go.mod")),
        ("go.sum", include_str!("../../go/kubernetes/go.sum")),
    ],
    // Without these, clients see v0.0.0-master and refuse some requests, and kubectl calls itself v0.0.0.
    ldflags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
              -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37 \
              -X k8s.io/client-go/pkg/version.gitVersion=v1.37.2",
};

static ETCD: Module = Module {
    label: "etcd-v3.7.3",
    files: &[
        ("go.mod", include_str!("../../go/etcd/go.mod")),
        ("go.sum", include_str!("../../go/etcd/go.sum")),
    ],
    ldflags: "-s -w",
};

static KWOK: Module = Module {
    label: "kwok-v0.8.0",
    files: &[
        ("go.mod", include_str!("../../go/kwok/go.mod")),
        ("go.sum", include_str!("../../go/kwok/go.sum")),
    ],
    ldflags: "-s -w -X sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0",
};

static NODE: Module = Module {
    label: "node",
    files: &[
        ("go.mod", include_str!("../../go/node/go.mod")),
        ("go.sum", include_str!("../../go/node/go.sum")),
        ("main.go", include_str!("../../go/node/main.go")),
        ("serve.go", include_str!("../../go/node/serve.go")),
        ("session.go", include_str!("../../go/node/session.go")),
        ("forward.go", include_str!("../../go/node/forward.go")),
        ("logs.go", include_str!("../../go/node/logs.go")),
        ("supervise.go", include_str!("../../go/node/supervise.go")),
        ("process_linux.go", include_str!("../../go/node/process_linux.go")),
        ("process_other.go", include_str!("../../go/node/process_other.go")),
    ],
    ldflags: "-s -w",
};

impl Program {
    /// Every program, in the order in which they are looked for.
    pub const ALL: [Self; 7] = [
        Self::Node,
        Self::Etcd,
        Self::Kwok,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubectl,
    ];

    /// The name of its file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "drawbridge-node",
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubectl => "kubectl",
            Self::Kwok => "kwok",
        }
    }

    pub(super) const fn module(self) -> &'static Module {
        match self {
            Self::Node => &NODE,
            Self::Etcd => &ETCD,
            Self::Kwok => &KWOK,
            Self::KubeApiserver | Self::KubeControllerManager | Self::KubeScheduler | Self::Kubectl => {
                &KUBERNETES
            }
        }
    }

    /// The Go package that the program is built from.
    pub(super) const fn package(self) -> &'static str {
        match self {
            Self::Node => ".",
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::KubeScheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
        }
    }

    /// The program in `folder`, if it says the version that is wanted. The node program has no versions: it
    /// is only taken from the cache, where its name includes a digest of its source.
    pub(super) fn right_version_in(self, folder: &Path) -> Option<PathBuf> {
        let (arguments, wanted): (&[&str], _) = match self {
            Self::Node => return None,
            Self::Etcd => (&["--version"], "etcd Version: 3.7.3"),
            Self::Kwok => (&["--version"], "v0.8.0"),
            Self::KubeApiserver | Self::KubeControllerManager | Self::KubeScheduler => {
                (&["--version"], "Kubernetes v1.37.2")
            }
            Self::Kubectl => (&["version", "--client"], "Client Version: v1.37.2"),
        };
        let path = find_in([&folder.to_owned()], self.name())?;
        let output = Command::new(&path).args(arguments).stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        // kwok says it in the middle of a line; the others have nothing else on the line.
        let says = match self {
            Self::Kwok => text.split_whitespace().any(|word| word == wanted),
            Self::Node
            | Self::Etcd
            | Self::KubeApiserver
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kubectl => text.lines().any(|line| line.trim() == wanted),
        };
        says.then_some(path)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Module {
    /// The folder in the cache: the label and a digest of everything that goes into a build, so that a
    /// change of any of it is another folder.
    pub(super) fn folder(&self) -> String {
        let mut context = Context::new(&SHA256);
        for (name, content) in self.files.iter().chain(&[("ldflags", self.ldflags)]) {
            context.update(format!("{name} {}\n", content.len()).as_bytes());
            context.update(content.as_bytes());
        }
        let digest: String = hex(context.finish().as_ref()).chars().take(12).collect();
        format!("{}-{digest}", self.label)
    }
}
