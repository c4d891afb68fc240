//! The agents that users become.

use std::collections::BTreeSet;

use drawbridge_policy::AgentName;

use super::super::text::comment;
use crate::commands::yaml::flow;
use crate::manifest::{API_VERSION, is_cluster_name};

/// The longest name, less some characters for what tells two apart.
const LONGEST: usize = 56;

/// The names that are given, each once.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// An agent's name for a user: a service account's own name where it is free.
    pub(super) fn name(&mut self, user: &str) -> String {
        let mut stems = Vec::new();
        match account(user) {
            Some((namespace, name)) => stems.extend([label(name), label(&format!("{namespace}-{name}"))]),
            None => stems.push(label(user)),
        }
        let last = stems.last().cloned().unwrap_or_default();
        let more = (2_u32..).map(|place| format!("{last}-{place}"));
        let free = stems.into_iter().chain(more).find(|name| !self.taken.contains(name)).unwrap_or_default();
        self.taken.insert(free.clone());
        free
    }
}

/// Namespace and name, if they are such as service accounts have.
fn account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let is_name = |name: &str| name.split('.').all(is_cluster_name);
    (is_cluster_name(namespace) && is_name(name)).then_some((namespace, name))
}

fn label(text: &str) -> String {
    let good = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let label: String = text.to_lowercase().chars().map(good).take(LONGEST).collect();
    let label = label.trim_matches('-');
    if AgentName::parse(label).is_ok() { label.to_owned() } else { "agent".to_owned() }
}

/// The manifest of an agent. An owner that isn't known is left empty, which apply doesn't take.
pub(super) fn agent(name: &str, user: &str, cluster: Option<&str>, owner: Option<&str>) -> String {
    let mut text = comment(&format!("User {user:?} of the audit log."));
    text.push_str(&format!("apiVersion: {API_VERSION}\nkind: Agent\nmetadata: {{name: {}}}\n", one(name)));
    text.push_str("spec:\n");
    match owner {
        Some(owner) => text.push_str(&format!("  owner: {}\n", one(owner))),
        None => text.push_str("  owner: \"\"   # FILL IN: the person who answers for it\n"),
    }
    let shown: String = user.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(300).collect();
    text.push_str(&format!("  purpose: {}\n", one(&format!("What {} did before", shown.trim()))));
    match (account(user), cluster) {
        (Some((namespace, account)), Some(cluster)) => {
            let account = format!("{cluster}/{namespace}/{account}");
            text.push_str(&format!("  identities:\n  - serviceAccount: {}\n", one(&account)));
        }
        (Some((namespace, account)), None) => text.push_str(&format!(
            "  # identities: [{{serviceAccount: CLUSTER/{namespace}/{account}}}] once the cluster is named\n"
        )),
        (None, _) => text.push_str("  # no identity: 'drawbridge enrol' makes a key where it runs\n"),
    }
    text
}

/// One text, quoted where YAML would read something else.
fn one(text: &str) -> String {
    let list = flow(&[text.to_owned()]);
    list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&list).to_owned()
}
