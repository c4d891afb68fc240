//! `drawbridge credential`: a kubeconfig's exec plugin (client.authentication.k8s.io/v1). Each call makes or
//! gets a credential that ends soon.

mod github;
mod issued;
mod signed;
mod source;

use anyhow::Context;
use clap::Args;
use drawbridge_policy::AgentName;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::World;
use super::enrol::name;
use super::failure::Misused;
use super::key::AgentKey;
pub use issued::Issued;
pub use signed::{certificate, token};
pub use source::{From, Presented, Source, VARIABLE};

/// Clients ask again this many seconds before a credential ends.
const MARGIN: i64 = 30;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge credential --from key --key cleanup.key
  drawbridge credential --from key --key cleanup.key \\
    --token --agent cleanup --audience https://gate.example
  drawbridge credential --from github --audience https://gate.example
  drawbridge credential --from file --file /var/run/secrets/drawbridge/token

'drawbridge kubeconfig' writes a kubeconfig that calls this.")]
pub struct Credential {
    #[command(flatten)]
    source: Source,
    /// A token instead of a client certificate, for where TLS ends in front of the gateway.
    #[arg(long, requires_all = ["key", "agent", "audience"])]
    token: bool,
    /// The agent that the token names.
    #[arg(long, requires = "token", value_parser = name)]
    agent: Option<AgentName>,
}

/// A credential, and when to ask for the next one, in seconds since 1970.
#[derive(Debug)]
struct Made {
    status: Value,
    renew: i64,
}

impl Credential {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let now = world.clock.now().0 / 1_000;
        let made = match self.source.find().await? {
            Presented::Key(key) => self.sign(&key, now)?,
            Presented::Issued(issued) => {
                issued.is_usable(self.source.audience(), now)?;
                issued.made(now)
            }
        };
        world.terminal.say(&exec_credential(made)?.to_string())?;
        Ok(())
    }

    fn sign(&self, key: &AgentKey, now: i64) -> anyhow::Result<Made> {
        match (&self.agent, self.source.audience()) {
            (Some(agent), Some(audience)) => signed::with_token(key, agent, audience, now),
            (None, Some(_)) => {
                let why = "a certificate is for no audience; with --audience say --token and --agent, too";
                Err(Misused(why.to_owned()).into())
            }
            (Some(_) | None, None) => signed::with_certificate(key, now),
        }
    }
}

fn exec_credential(made: Made) -> anyhow::Result<Value> {
    let Made { mut status, renew } = made;
    let renew = Timestamp::from_second(renew).context("the clock is out of range")?;
    if let Some(status) = status.as_object_mut() {
        status.insert("expirationTimestamp".to_owned(), json!(renew.to_string()));
    }
    Ok(json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }))
}
