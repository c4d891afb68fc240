//! An agent that is recognised by its service account, and pods that run as it.

use std::sync::LazyLock;

use drawbridge_testkit::{Gateway, InPod, Options, Run};
use serde_json::Value;

use super::super::streams::until;
use super::super::wire::{self, Answer};
use super::super::world;
use super::{DOMAIN, HOST, RULES, pod};

/// The user that gateways authenticate to the cluster as.
const GATEWAY_USER: &str = "drawbridge-gateway";

/// A gateway that asks the cluster whether tokens still count.
pub(in super::super) static ASKING: LazyLock<Gateway> = LazyLock::new(|| gateway("{tokenReview: true}"));

/// A gateway to which a good signature is enough.
pub(in super::super) static TRUSTING: LazyLock<Gateway> = LazyLock::new(|| gateway("{}"));

/// A gateway with a domain, in front of the shared control plane.
pub(in super::super) fn gateway(accounts: &str) -> Gateway {
    let kubeconfig = world().cluster().kubeconfig_for(GATEWAY_USER, &[]).unwrap();
    let gateway = Gateway::start(world().binary(), options());
    gateway.apply(&cluster(&kubeconfig.display().to_string(), accounts)).ok();
    gateway
}

/// How such a gateway is started.
pub(in super::super) fn options() -> Options {
    Options { config: format!("domain: {DOMAIN}\n"), ..Options::default() }
}

/// The manifest of the shared control plane with what is asked of its service accounts.
pub(in super::super) fn cluster(kubeconfig: &str, accounts: &str) -> String {
    format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: local}}\nspec:\n  \
         kubeconfig: {{path: {kubeconfig}}}\n  serviceAccounts: {accounts}\n"
    )
}

/// An agent with a service account and a namespace of its own.
pub(in super::super) struct Account {
    pub(in super::super) gateway: &'static Gateway,
    pub(in super::super) namespace: String,
    /// The agent's name and the account's.
    pub(in super::super) name: String,
}

impl Account {
    /// May work with config maps in its namespace.
    #[track_caller]
    pub(in super::super) fn new(gateway: &'static Gateway, stem: &str) -> Account {
        let account = Account::with(gateway, stem, RULES);
        account.made();
        account
    }

    /// The same with other rules. The service account isn't there yet.
    #[track_caller]
    pub(in super::super) fn with(gateway: &'static Gateway, stem: &str, rules: &str) -> Account {
        let (namespace, name) = (world().namespace(stem), world().name(stem));
        let account = Account { gateway, namespace, name };
        account.identity("");
        world().grant(gateway, &account.name, rules, &[&account.namespace], "");
        account
    }

    /// Makes the service account.
    #[track_caller]
    pub(in super::super) fn made(&self) {
        world().admin(&["-n", &self.namespace, "create", "serviceaccount", &self.name]).ok();
    }

    /// Applies the agent's manifest; `more` is added to its identity.
    #[track_caller]
    pub(in super::super) fn identity(&self, more: &str) {
        let Account { gateway, namespace, name } = self;
        let text = format!(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\nspec:\n  \
             owner: tests@example.com\n  purpose: Tests one thing\n  identities:\n  \
             - {{serviceAccount: local/{namespace}/{name}{more}}}\n"
        );
        gateway.apply(&text).ok();
    }

    /// Makes a pod that runs as the account; the answer is its name.
    #[track_caller]
    pub(in super::super) fn pod(&self) -> String {
        let pod = world().name("pod");
        let manifest = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {pod}}}\nspec:\n  serviceAccountName: {}\n  \
             automountServiceAccountToken: false\n  containers: [{{name: agent, image: none}}]\n",
            self.name
        );
        world().admin_with(&["-n", &self.namespace, "apply", "-f", "-"], manifest.as_bytes()).ok();
        pod
    }

    /// A token as the kubelet asks for one; `more` are kubectl's arguments.
    #[track_caller]
    pub(in super::super) fn token(&self, more: &[&str]) -> String {
        let create = ["-n", &self.namespace, "create", "token", &self.name];
        world().admin(&[&create[..], more].concat()).ok().stdout.trim().to_owned()
    }

    /// A pod's token, for this gateway.
    #[track_caller]
    pub(in super::super) fn token_of(&self, pod: &str) -> String {
        let uid = ["-n", &self.namespace, "get", "pod", pod, "-o", "jsonpath={.metadata.uid}"];
        let uid = world().admin(&uid).ok().stdout;
        let bound = ["--bound-object-kind", "Pod", "--bound-object-name", pod, "--bound-object-uid", &uid];
        self.token(&[&["--audience", &self.gateway.url(), "--duration", "1h"][..], &bound].concat())
    }

    /// What a process in a pod with this token sees.
    pub(in super::super) fn inside(&self, token: &str) -> InPod {
        let pod = pod(self.gateway, &self.namespace);
        pod.token(token);
        pod
    }

    /// Lists config maps with a token.
    #[track_caller]
    pub(in super::super) fn ask(&self, token: &str) -> Answer {
        self.call("GET", &format!("/api/v1/namespaces/{}/configmaps", self.namespace), token, "")
    }

    /// Any request with a token.
    #[track_caller]
    pub(in super::super) fn call(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        wire::send_bytes(self.gateway, request.as_bytes())
    }

    /// Asks until the answer has this status.
    #[track_caller]
    pub(in super::super) fn until(&self, token: &str, status: u16) -> Answer {
        until(&format!("status {status}"), || Some(self.ask(token)).filter(|answer| answer.status == status))
    }

    /// What the API server answered to the agent, as `VERB URI`, but for discovery.
    pub(in super::super) fn reached(&self) -> Vec<String> {
        let events = world().audit().of_agent(&self.name);
        let events = events.iter().filter(|event| event.uri().contains("/namespaces/"));
        events.map(|event| format!("{} {}", event.verb(), event.uri())).collect()
    }

    /// The rows of the record that are about the agent.
    #[track_caller]
    pub(in super::super) fn record(&self) -> Vec<Value> {
        self.gateway.record(&["--agent", &self.name])
    }

    /// The row of a refusal of somebody who is nobody here.
    #[track_caller]
    pub(in super::super) fn stranger(&self, answer: &Answer) -> Value {
        let id = answer.header("audit-id").unwrap().to_owned();
        self.gateway.recorded(&["--request", &id], |row| row["part"] == "outcome")
    }

    /// Runs kubectl as the cluster's owner in the account's namespace.
    #[track_caller]
    pub(in super::super) fn owner(&self, arguments: &[&str]) -> Run {
        world().admin(&[&["-n", &self.namespace][..], arguments].concat())
    }
}
