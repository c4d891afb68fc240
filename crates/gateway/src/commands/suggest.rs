//! `drawbridge suggest`: the narrowest scope that allows what an agent did, as manifests that apply takes.
//! From the record, or from a cluster's audit log before anything goes through Drawbridge.

mod audit;
mod propose;
mod record;
mod seen;
mod text;

use std::path::PathBuf;

use clap::Args;

use super::World;
use super::enrol;
use super::failure::Misused;
use super::times::{self, Moment};
use crate::manifest::is_cluster_name;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge suggest cleanup --since 7d > cleanup.yaml
  drawbridge suggest cleanup --since 7d | drawbridge apply -f - --dry-run
  drawbridge suggest cleanup --refused          # with what it was refused, marked
  drawbridge suggest --from-audit audit.log --user system:serviceaccount:batch:cleanup \\
    --cluster prod --owner me@example.com > cleanup.yaml
  zcat audit-*.gz | drawbridge suggest --from-audit - > all.yaml

Of an agent it reads the record, and prints one scope and one grant for each set
of namespaces in which it did the same. Objects are named where it used at most
5 of a kind in a namespace, never for create, list and watch. What only was
refused is left out without --refused. Discovery is every agent's.

Of an audit log (JSON lines of audit.k8s.io/v1) it prints an agent, scopes and
grants for each user, or for --user. Without --owner and --cluster their places
are left empty, and apply says so.

Nothing is changed. Exit status: 0 printed, 1 nothing to propose, 2 usage.")]
pub struct Suggest {
    /// The agent.
    #[arg(required_unless_present = "from_audit", conflicts_with = "from_audit")]
    agent: Option<String>,
    /// Only what is younger: 7d, or a time such as 2027-06-30T00:00:00Z. Of the record 7d if left out, of an
    /// audit log everything.
    #[arg(long, value_parser = times::moment)]
    since: Option<Moment>,
    /// Only on this cluster; of an audit log, what the cluster is called in Drawbridge.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<String>,
    /// Also what was refused, in rules of its own that are marked.
    #[arg(long, conflicts_with = "from_audit")]
    refused: bool,
    /// A cluster's audit log, or '-' for standard input.
    #[arg(long, value_name = "FILE")]
    from_audit: Option<PathBuf>,
    /// Only this user of the audit log; one that is impersonated counts, not who impersonates.
    #[arg(long, requires = "from_audit", conflicts_with = "agent", value_name = "USER")]
    user: Option<String>,
    /// The person who answers for the agents.
    #[arg(long, requires = "from_audit", conflicts_with = "agent", value_name = "WHO")]
    owner: Option<String>,
}

impl Suggest {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        if let Some(cluster) = self.cluster.as_deref().filter(|name| !is_cluster_name(name)) {
            return Err(Misused(format!("{cluster:?} is no name of a cluster")).into());
        }
        let now = world.clock.now().0;
        match (self.agent, self.from_audit) {
            (Some(agent), None) => {
                let agent = enrol::name(&agent)
                    .map_err(|why| Misused(format!("{agent:?} is no agent's name ({why})")))?;
                let since = self.since.unwrap_or(record::SINCE);
                let since =
                    since.resolve(now).ok_or_else(|| Misused("--since is out of range".to_owned()))?;
                let wanted = record::Wanted { agent, cluster: self.cluster, since, refused: self.refused };
                wanted.run(world).await
            }
            (None, Some(file)) => {
                let since = self.since.and_then(|since| since.resolve(now));
                let (cluster, owner) = (self.cluster, self.owner);
                audit::Wanted { file, user: self.user, since, cluster, owner }.run(world)
            }
            // clap asks for one, and refuses both.
            (Some(_), Some(_)) | (None, None) => {
                Err(Misused("name an agent, or give an audit log with --from-audit".to_owned()).into())
            }
        }
    }
}
