//! `drawbridge suspend`, `resume` and `revoke`: when they return, what had to end has ended.

use anyhow::bail;
use clap::{Args, Subcommand};

use super::World;
use super::apply::counted;
use super::terminal::clean;
use crate::admin::standing::{Judge as Asked, Judged, Kind, Named};
use crate::state::change::Verdict;

/// Arguments.
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    after_help = "\
Examples:
  drawbridge suspend agent cleanup --reason 'deletes too much'
  drawbridge resume agent cleanup
  drawbridge revoke key SHA256:yhTf4qpOp2V6YbP8Q6CqD1j9cGoHcQ1lz3hQ0oW3i0s

'drawbridge get agents -o wide' shows the fingerprints of keys."
)]
pub struct Judge {
    #[command(subcommand)]
    subject: Subject,
}

/// Whose standing.
#[derive(Debug, Subcommand)]
pub enum Subject {
    /// An agent with everything it has.
    Agent(Name),
    /// A grant.
    Grant(Name),
    /// One enrolled key, by its fingerprint or its text.
    Key(Name),
}

/// A name and a reason.
#[derive(Debug, Args)]
pub struct Name {
    /// Its name; of a key its fingerprint (SHA256:…) or its text (ed25519:…).
    name: String,
    /// Why; it goes into the record.
    #[arg(long, default_value = "")]
    reason: String,
}

impl Judge {
    pub(super) async fn run(self, verdict: Verdict, world: &mut World<'_>) -> anyhow::Result<()> {
        let (kind, word, name) = match self.subject {
            Subject::Agent(name) => (Kind::Agent, "agent", name),
            Subject::Grant(name) => (Kind::Grant, "grant", name),
            Subject::Key(name) => (Kind::Key, "key", name),
        };
        let subject = Named { kind, name: name.name.clone() };
        let asked = Asked { subject, verdict, reason: name.reason };
        let judged: Judged = world.client()?.post("/v1/standing", &asked).await?;
        let subject = clean(&format!("{word}/{}", name.name));
        world.terminal.say(&told(&subject, &judged))?;
        if judged.closed.left > 0 {
            bail!("{subject} is {}, and not everything it had open has ended yet", judged.standing);
        }
        Ok(())
    }
}

fn told(subject: &str, judged: &Judged) -> String {
    let Judged { closed, changed, standing, milliseconds } = judged;
    match (changed, standing.as_str()) {
        (false, _) => format!("{subject} is {standing} already; nothing changed"),
        (true, "active") => format!("{subject} is active again"),
        (true, _) => format!("{subject} is {standing}: {} in {milliseconds} ms", counted(*closed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Closed;

    #[test]
    fn the_answer_says_what_was_closed_and_how_fast() {
        let closed = Closed { streams: 10, connections: 1, left: 0 };
        let mut judged = Judged { closed, changed: true, standing: "suspended".to_owned(), milliseconds: 12 };
        assert_eq!(
            told("agent/a", &judged),
            "agent/a is suspended: closed 10 streams and 1 connection in 12 ms"
        );
        judged.changed = false;
        assert_eq!(told("agent/a", &judged), "agent/a is suspended already; nothing changed");
        judged.changed = true;
        judged.standing = "active".to_owned();
        assert_eq!(told("agent/a", &judged), "agent/a is active again");
    }
}
