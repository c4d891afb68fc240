//! An agent with a key of its own, as it looks from where it runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::gateway::Gateway;
use crate::process::{Run, run};

/// An enrolled agent.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Its private key.
    pub key: PathBuf,
    /// A kubeconfig that leads through the gateway. It holds no secret.
    pub kubeconfig: PathBuf,
    kubectl: PathBuf,
    binary: PathBuf,
}

impl Agent {
    /// Makes a key in `directory`, enrols it, and writes the kubeconfig for `cluster`.
    #[track_caller]
    pub fn enrol(gateway: &Gateway, name: &str, cluster: &str, directory: &Path, kubectl: &Path) -> Agent {
        let key = directory.join(format!("{name}.key"));
        let kubeconfig = directory.join(format!("{name}.kubeconfig"));
        let (key_text, kubeconfig_text) = (key.display().to_string(), kubeconfig.display().to_string());
        let owner = ["--owner", "tests@example.com", "--purpose", "Tests one thing"];
        let mut enrol = vec!["enrol", name, "--key", &key_text];
        enrol.extend(owner);
        let manifest = gateway.cli(&enrol).ok().stdout;
        gateway.apply(&manifest).ok();
        let write = ["kubeconfig", name, "--cluster", cluster, "--key", &key_text, "--out", &kubeconfig_text];
        gateway.cli(&write).ok();
        Agent {
            name: name.to_owned(),
            key,
            kubeconfig,
            kubectl: kubectl.to_owned(),
            binary: gateway.binary().to_owned(),
        }
    }

    /// A kubectl command line of this agent's.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        command.env("HOME", self.kubeconfig.parent().unwrap_or(Path::new("/")));
        command
    }

    /// Runs kubectl.
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments), b"")
    }

    /// Runs kubectl with something on its standard input.
    #[track_caller]
    pub fn kubectl_with(&self, arguments: &[&str], input: &[u8]) -> Run {
        run(&mut self.command(arguments), input)
    }

    /// A fresh client certificate and its key, PEM, as kubectl gets them.
    #[track_caller]
    pub fn certificate(&self) -> (String, String) {
        let mut command = Command::new(&self.binary);
        command.args(["credential", "--from", "key", "--key"]).arg(&self.key);
        let credential: Value = serde_json::from_str(&run(&mut command, b"").ok().stdout).expect("JSON");
        let part = |name: &str| credential["status"][name].as_str().expect("a PEM").to_owned();
        (part("clientCertificateData"), part("clientKeyData"))
    }

    /// A fresh token for the gateway at `audience`.
    #[track_caller]
    pub fn token(&self, audience: &str) -> String {
        let mut command = Command::new(&self.binary);
        command.args(["credential", "--from", "key", "--token", "--agent", &self.name]);
        command.args(["--audience", audience, "--key"]).arg(&self.key);
        let credential: Value = serde_json::from_str(&run(&mut command, b"").ok().stdout).expect("JSON");
        credential["status"]["token"].as_str().expect("a token").to_owned()
    }
}
