//! A real Kubernetes control plane and node on this machine, for tests and for the quickstart.
//!
//! [`Binaries::find`] gets etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok, kubectl and
//! a small node program; [`LocalCluster::start`] runs them on free ports of 127.0.0.1 with certificates made
//! on the spot. All processes end when the [`LocalCluster`] is dropped, and also when this process dies for
//! any other reason.
//!
//! The node is two programs. kwok reports a node and moves pods through their lives without running
//! anything; see `config/stages.yaml` for what becomes of which pod. What kubectl exec, attach,
//! port-forward, cp and logs reach is the node program in `go/node`: it runs processes of this machine in
//! one folder per pod ([`LocalCluster::pod_directory`]) and serves log files ([`LocalCluster::log_file`]).
//! Nothing is isolated: a path in a command is a path of this machine, and only relative paths land in the
//! pod's folder. kubectl cp runs this machine's `tar`.
//!
//! Everything blocks: call it from a thread that may.

mod binaries;
mod clock;
mod cluster;
mod error;
mod process;

pub use binaries::{Binaries, Program, Search};
pub use cluster::{LocalCluster, Options, Parts};
pub use error::Error;
