//! `drawbridge enrol`: makes an agent's key where the agent runs. Only the public half leaves.

use std::path::PathBuf;

use clap::Args;
use drawbridge_policy::AgentName;
use serde_json::{Value, json};

use super::key::{AgentKey, Existing};
use super::{World, yaml};
use crate::identity::key::PublicKey;
use crate::manifest::API_VERSION;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge enrol cleanup --owner me@example.com --purpose 'Old Jobs' > cleanup.yaml
  drawbridge apply -f cleanup.yaml

The key stays in AGENT.key (or --key FILE). The manifest on standard output has
its public half only.")]
pub struct Enrol {
    /// The agent's name.
    #[arg(value_parser = name)]
    agent: AgentName,
    /// The person who answers for it.
    #[arg(long)]
    owner: String,
    /// What it is for.
    #[arg(long)]
    purpose: String,
    /// Where the key goes; AGENT.key where this is left out.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Replace a key that is there.
    #[arg(long)]
    force: bool,
}

/// Reads an agent's name.
pub(super) fn name(text: &str) -> Result<AgentName, String> {
    AgentName::parse(text).map_err(|error| error.to_string())
}

impl Enrol {
    pub(super) fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let path = self.key.clone().unwrap_or_else(|| PathBuf::from(format!("{}.key", self.agent)));
        let key = AgentKey::generate()?;
        let manifest = yaml::document(&manifest(&self, &key.public()?))?;
        let existing = if self.force { Existing::Replace } else { Existing::Keep };
        key.write(&path, existing)?;
        world.terminal.note(&format!(
            "the private key is in {}; apply the manifest to enrol its public half",
            path.display()
        ))?;
        world.terminal.write(&manifest)?;
        Ok(())
    }
}

fn manifest(enrol: &Enrol, key: &PublicKey) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "Agent",
        "metadata": { "name": enrol.agent.as_str() },
        "spec": {
            "owner": enrol.owner,
            "purpose": enrol.purpose,
            "identities": [{ "key": { "publicKey": key.to_string() } }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Source, read};

    #[test]
    fn the_manifest_is_one_that_apply_takes_and_has_the_public_half_only() {
        let key = AgentKey::generate().unwrap();
        let enrol = Enrol {
            agent: name("cleanup").unwrap(),
            owner: "me: \"you\" # them".to_owned(),
            purpose: "- Deletes 'Jobs'".to_owned(),
            key: None,
            force: false,
        };
        let manifest = manifest(&enrol, &key.public().unwrap());
        let text = yaml::document(&manifest).unwrap();
        let read = read(&[Source { file: "agent".to_owned(), text: text.clone() }]).unwrap();
        assert_eq!(read[0].get().to_json(), manifest);
        assert!(!text.contains("PRIVATE"), "{text}");
    }
}
