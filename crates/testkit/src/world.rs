//! One control plane and one gateway in front of it, shared by all tests of a binary.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use drawbridge_localcluster::{Binaries, LocalCluster, Options as ClusterOptions};

use crate::agent::Agent;
use crate::audit::Audit;
use crate::gateway::{Gateway, Options};
use crate::process::{Run, run};

/// The user that gateways authenticate as. It may impersonate agents, read who issues service accounts'
/// tokens, and nothing else.
pub const GATEWAY_USER: &str = "drawbridge-gateway";

/// What the cluster's owner applies: the agents' namespace, the gateway's bindings, and a ceiling. The
/// tests' ceiling is the whole cluster, so that whatever a scope fails to stop shows.
const OWNER: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: drawbridge-agents}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: drawbridge-gateway, namespace: drawbridge-agents}
rules:
- {apiGroups: [""], resources: [serviceaccounts], verbs: [impersonate]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: drawbridge-gateway, namespace: drawbridge-agents}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: drawbridge-gateway}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: drawbridge-gateway}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: drawbridge-gateway-issuer}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: system:service-account-issuer-discovery
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: drawbridge-gateway}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: drawbridge-token-review}
rules:
- {apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: drawbridge-token-review}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: drawbridge-token-review}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: drawbridge-gateway}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: drawbridge-api-services}
rules:
- {apiGroups: [apiregistration.k8s.io], resources: [apiservices], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: drawbridge-api-services}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: drawbridge-api-services}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: drawbridge-gateway}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: drawbridge-ceiling}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:serviceaccounts:drawbridge-agents"}
"#;

/// A control plane and the gateway that most tests share.
#[derive(Debug)]
pub struct World {
    cluster: LocalCluster,
    gateway: Gateway,
    binary: PathBuf,
    directory: tempfile::TempDir,
    counter: AtomicU32,
}

impl World {
    /// Builds the control plane if need be, starts it, and puts a gateway in front of it.
    pub fn start(binary: &Path) -> World {
        World::start_with(binary, ClusterOptions::default())
    }

    /// The same with a control plane of the caller's choice.
    pub fn start_with(binary: &Path, options: ClusterOptions) -> World {
        let mut progress = |line: &str| eprintln!("{line}");
        let binaries = Binaries::find(&mut progress).unwrap_or_else(|error| panic!("{error}"));
        let cluster =
            LocalCluster::start(&binaries, options, &mut progress).unwrap_or_else(|error| panic!("{error}"));
        let directory = tempfile::tempdir().expect("a temporary directory");
        let world_gateway = Gateway::start(binary, Options::default());
        let world = World {
            cluster,
            gateway: world_gateway,
            binary: binary.to_owned(),
            directory,
            counter: AtomicU32::new(0),
        };
        world.admin_with(&["apply", "-f", "-"], OWNER.as_bytes()).ok();
        world.gateway.apply(&world.cluster_manifest("local")).ok();
        world
    }

    /// The control plane.
    pub fn cluster(&self) -> &LocalCluster {
        &self.cluster
    }

    /// The shared gateway. A test that stops or fills one starts its own.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Starts another gateway in front of the same control plane, which knows it as `local`.
    #[track_caller]
    pub fn own_gateway(&self, options: Options) -> Gateway {
        let gateway = Gateway::start(&self.binary, options);
        gateway.apply(&self.cluster_manifest("local")).ok();
        gateway
    }

    /// The binary under test.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The manifest of the control plane, with the gateway's narrow credential.
    pub fn cluster_manifest(&self, name: &str) -> String {
        let kubeconfig =
            self.cluster.kubeconfig_for(GATEWAY_USER, &[]).unwrap_or_else(|error| panic!("{error}"));
        format!(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\n\
             spec: {{kubeconfig: {{path: {}}}}}\n",
            kubeconfig.display()
        )
    }

    /// The API server's audit log.
    pub fn audit(&self) -> Audit {
        Audit::new(self.cluster.audit_log().to_owned())
    }

    /// A name that no other test has.
    pub fn name(&self, stem: &str) -> String {
        format!("{stem}-{}", self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// A directory for a test's files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A fresh namespace.
    #[track_caller]
    pub fn namespace(&self, stem: &str) -> String {
        let name = self.name(stem);
        self.admin(&["create", "namespace", &name]).ok();
        name
    }

    /// Runs kubectl as the cluster's owner, past the gateway.
    #[track_caller]
    pub fn admin(&self, arguments: &[&str]) -> Run {
        self.admin_with(arguments, b"")
    }

    /// Runs kubectl as the cluster's owner with something on its standard input.
    #[track_caller]
    pub fn admin_with(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut command = Command::new(self.cluster.kubectl());
        command.arg("--kubeconfig").arg(self.cluster.admin_kubeconfig()).args(arguments);
        command.env("HOME", self.directory.path());
        run(&mut command, input)
    }

    /// A fresh agent on the shared gateway, with one scope of these rules (YAML, a list) in these namespaces;
    /// none means everywhere.
    #[track_caller]
    pub fn agent(&self, stem: &str, rules: &str, namespaces: &[&str]) -> Agent {
        self.agent_on(&self.gateway, stem, rules, namespaces)
    }

    /// The same on a gateway of the test's own.
    #[track_caller]
    pub fn agent_on(&self, gateway: &Gateway, stem: &str, rules: &str, namespaces: &[&str]) -> Agent {
        let name = self.name(stem);
        let agent = Agent::enrol(gateway, &name, "local", self.directory.path(), self.cluster.kubectl());
        self.grant(gateway, &name, rules, namespaces, "");
        agent
    }

    /// Gives an agent one scope of these rules. `more` is added to the grant's spec (`until: …`).
    #[track_caller]
    pub fn grant(&self, gateway: &Gateway, agent: &str, rules: &str, namespaces: &[&str], more: &str) {
        let reach = if namespaces.is_empty() {
            String::new()
        } else {
            format!(
                "  namespaces: [{}]\n",
                namespaces.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
            )
        };
        let rules = rules.trim_end().lines().map(|line| format!("  {line}\n")).collect::<String>();
        gateway
            .apply(&format!(
                "apiVersion: drawbridge.dev/v1alpha1\nkind: Scope\nmetadata: {{name: {agent}}}\n\
                 spec:\n  rules:\n{rules}---\n\
                 apiVersion: drawbridge.dev/v1alpha1\nkind: Grant\nmetadata: {{name: {agent}}}\n\
                 spec:\n  agents: [{agent}]\n  scopes: [{agent}]\n  clusters: [local]\n{reach}{more}"
            ))
            .ok();
    }
}
