//! The four agents, each with its own key and one scope, enrolled as anyone would enrol theirs.

use anyhow::Context;

use super::ground::Ground;
use super::kubectl::Kubectl;
use super::own::Own;
use super::stage::Stage;

/// An agent before it is enrolled.
struct Role {
    name: &'static str,
    purpose: &'static str,
    /// Its scope and its grant.
    manifest: &'static str,
}

const ROLES: [Role; 4] = [
    Role {
        name: "cleanup",
        purpose: "Deletes finished Jobs so that they stop costing money",
        manifest: include_str!("../../../../../deploy/examples/quickstart/cleanup.yaml"),
    },
    Role {
        name: "dashboard",
        purpose: "Shows people what runs",
        manifest: include_str!("../../../../../deploy/examples/quickstart/dashboard.yaml"),
    },
    Role {
        name: "rollback",
        purpose: "Takes the web shop back to its earlier version when a new one fails",
        manifest: include_str!("../../../../../deploy/examples/quickstart/rollback.yaml"),
    },
    Role {
        name: "log-triage",
        purpose: "Looks into logs and Pods when something goes wrong",
        manifest: include_str!("../../../../../deploy/examples/quickstart/log-triage.yaml"),
    },
];

/// An enrolled agent.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) purpose: &'static str,
    /// kubectl as this agent, through the gateway.
    pub(super) kubectl: Kubectl,
}

/// All agents.
#[derive(Debug)]
pub(super) struct Cast(Vec<Agent>);

impl Cast {
    /// The agent of this name.
    pub(super) fn agent(&self, name: &str) -> anyhow::Result<Agent> {
        let found = self.0.iter().find(|agent| agent.name == name);
        found.cloned().with_context(|| format!("there is no agent {name:?} in the scene"))
    }

    /// One after another.
    pub(super) fn all(&self) -> impl Iterator<Item = &Agent> {
        self.0.iter()
    }
}

/// Makes their keys, applies their manifests, and writes their kubeconfigs.
pub(super) async fn enrol(ground: &Ground, own: &Own, stage: &mut Stage<'_>) -> anyhow::Result<Cast> {
    stage.progress("enrolling four agents, each with its own key and one scope")?;
    let manifests = ground.write("manifests/cluster.yaml", &ground.manifest()?)?;
    let agents = ground.directory().join("agents");
    std::fs::create_dir_all(&agents).with_context(|| format!("{} can't be made", agents.display()))?;
    for role in &ROLES {
        let name = role.name;
        let key = ground.path(&format!("agents/{name}.key"))?;
        let owner = ["--owner", "you@example.com", "--purpose", role.purpose];
        let agent = own.run(&[&["enrol", name, "--key", &key][..], &owner].concat()).await?;
        ground.write(&format!("manifests/{name}-agent.yaml"), &agent)?;
        ground.write(&format!("manifests/{name}.yaml"), role.manifest)?;
    }
    let folder = manifests.trim_end_matches("/cluster.yaml");
    own.run(&["apply", "-f", folder, "--reason", "quickstart"]).await?;
    let mut cast = Vec::new();
    for &Role { name, purpose, .. } in &ROLES {
        let key = ground.path(&format!("agents/{name}.key"))?;
        let file = ground.path(&format!("agents/{name}.kubeconfig"))?;
        own.run(&["kubeconfig", name, "--cluster", "local", "--key", &key, "--out", &file]).await?;
        cast.push(Agent { name, purpose, kubectl: ground.kubectl(file.as_ref()) });
    }
    Ok(Cast(cast))
}

#[cfg(test)]
mod tests {
    use drawbridge_policy::Millis;

    use super::*;
    use crate::manifest::{Manifest, Source, cautions, read};

    #[test]
    fn the_manifests_of_all_agents_are_right_and_nothing_about_their_rules_is_left_unsaid() {
        let agent = |role: &Role| {
            let Role { name, purpose, manifest } = role;
            format!(
                "apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\n\
                 spec: {{owner: you@example.com, purpose: {purpose}}}\n---\n{manifest}"
            )
        };
        let cluster = "apiVersion: drawbridge.dev/v1alpha1\nkind: Cluster\nmetadata: {name: local}\n\
                       spec: {kubeconfig: {path: local.kubeconfig}}\n";
        let texts = ROLES.iter().map(agent).chain([cluster.to_owned()]);
        let sources: Vec<Source> = texts.map(|text| Source { file: "quickstart".to_owned(), text }).collect();
        let manifests = read(&sources).unwrap();
        assert_eq!(manifests.len(), 3 * ROLES.len() + 1);
        let said = cautions(&manifests, &[], Millis(0));
        let rules: Vec<_> = said.iter().filter(|caution| caution.starts_with("Scope")).collect();
        assert!(rules.is_empty(), "{rules:?}");
        let grants = manifests.iter().filter(|manifest| matches!(manifest.get(), Manifest::Grant(_))).count();
        assert_eq!(grants, ROLES.len(), "each has one grant");
    }
}
