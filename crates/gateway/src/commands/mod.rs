//! The command line, `drawbridge`: one file for each subcommand.

pub mod admin_file;
pub mod apply;
mod changes;
pub mod client;
pub mod completion;
pub mod connect;
pub mod credential;
pub mod delete;
pub mod describe;
pub mod diff;
pub mod doctor;
pub mod enrol;
pub mod explain;
pub mod export;
pub mod failure;
pub mod files;
pub mod get;
pub mod grant;
mod identities;
pub mod import;
pub mod key;
pub mod kinds;
pub mod kubeconfig;
mod lines;
pub mod log;
pub mod person;
pub mod quickstart;
pub mod rbac;
mod rules;
pub mod serve;
pub mod standing;
pub mod suggest;
pub mod table;
pub mod terminal;
pub mod test;
pub mod times;
pub mod whoami;
pub mod yaml;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::clock::Clock;
use crate::state::change::Verdict;
use admin_file::AdminFile;
use client::Client;
use terminal::Terminal;

const EXAMPLES: &str = "\
Examples:
  drawbridge serve --config drawbridge.yaml
  drawbridge apply -f manifests/
  drawbridge get agents
  drawbridge suspend agent cleanup --reason 'looks wrong'
  drawbridge log -f --agent cleanup

Exit status: 0 done, 1 failed, 2 usage, 3 refused. 'drawbridge diff' has its own.";

/// The boundary between AI agents and Kubernetes clusters.
#[derive(Debug, Parser)]
#[command(name = "drawbridge", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    /// The server's admin.json; without it ./drawbridge-data/admin.json.
    #[arg(long, global = true, env = "DRAWBRIDGE_ADMIN", value_name = "FILE")]
    pub admin: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it all on this machine: a cluster, four agents, and one of them cut off while the others go on.
    Quickstart(quickstart::Quickstart),
    /// Serve agents and people until SIGTERM or Ctrl-C.
    Serve(serve::Serve),
    /// Apply manifests: all of them or none.
    Apply(apply::Apply),
    /// Show everything about one agent, scope, grant or cluster.
    Describe(describe::Describe),
    /// Show what applying would change, in manifests and in what agents may do.
    Diff(diff::Diff),
    /// Show manifests, and how agents and grants stand.
    Get(get::Asked),
    /// Delete manifests that nothing refers to.
    Delete(delete::Delete),
    /// Give an agent scopes on clusters.
    Grant(grant::Grant),
    /// Suspend an agent, a grant or a key: its streams end now, and it may be resumed.
    Suspend(standing::Judge),
    /// Let what was suspended act again.
    Resume(standing::Judge),
    /// Revoke an agent, a grant or a key for good.
    Revoke(standing::Judge),
    /// Make an agent's key where it runs, and print its manifest.
    Enrol(enrol::Enrol),
    /// Print a short-lived credential: a kubeconfig's exec plugin.
    Credential(credential::Credential),
    /// Say what a credential is, as far as this machine can tell.
    Whoami(whoami::Whoami),
    /// Print a kubeconfig for an agent. It holds no secret.
    Kubeconfig(kubeconfig::Kubeconfig),
    /// Bring a cluster in: print what its owner applies, wait for it, and look whether it works.
    Connect(Box<connect::Connect>),
    /// Look for what is wrong: in the gateway, in clusters, and around them.
    Doctor(doctor::Doctor),
    /// Say which rule decides on an agent's request, or what a raw request is.
    Explain(explain::Explain),
    /// Run the cases that scopes come with, without a server.
    Test(test::Test),
    /// Turn a service account's RBAC into an agent, scopes and grants, or a role into a scope.
    Import(Box<import::Import>),
    /// Print a scope as what the real API server enforces.
    Export(export::Export),
    /// Show the record.
    Log(log::Log),
    /// Propose the narrowest scope, from the record or from a cluster's audit log.
    Suggest(Box<suggest::Suggest>),
    /// Print what makes a shell complete this program's arguments.
    Completion(completion::Completion),
}

/// What a command is handed: nothing in here is read from the process again.
#[derive(Debug)]
pub struct World<'t> {
    /// Where it prints.
    pub terminal: &'t mut Terminal,
    /// The time.
    pub clock: Clock,
    /// Who runs it, `user@host`.
    pub who: String,
    /// This program's path, for kubeconfigs that call it.
    pub program: PathBuf,
    /// `--admin` or its variable.
    pub admin: Option<PathBuf>,
}

impl World<'_> {
    /// The server's admin API.
    pub fn client(&self) -> anyhow::Result<Client> {
        Client::new(&AdminFile::find(self.admin.as_deref())?, &self.who)
    }
}

/// Runs a command to its end, and says what went wrong in one sentence.
#[expect(clippy::cognitive_complexity, reason = "one arm for each command")]
pub async fn run(command: Command, world: &mut World<'_>) -> ExitCode {
    let done = match command {
        Command::Quickstart(quickstart) => quickstart.run(world).await,
        Command::Serve(serve) => serve.run(world).await,
        Command::Apply(apply) => apply.run(world).await,
        Command::Describe(describe) => describe.run(world).await,
        Command::Diff(diff) => return diff.run(world).await,
        Command::Get(get) => get.run(world).await,
        Command::Delete(delete) => delete.run(world).await,
        Command::Grant(grant) => grant.run(world).await,
        Command::Suspend(judge) => judge.run(Verdict::Suspend, world).await,
        Command::Resume(judge) => judge.run(Verdict::Resume, world).await,
        Command::Revoke(judge) => judge.run(Verdict::Revoke, world).await,
        Command::Enrol(enrol) => enrol.run(world),
        Command::Credential(credential) => credential.run(world).await,
        Command::Whoami(whoami) => whoami.run(world).await,
        Command::Kubeconfig(kubeconfig) => kubeconfig.run(world).await,
        Command::Connect(connect) => connect.run(world).await,
        Command::Doctor(doctor) => doctor.run(world).await,
        Command::Explain(explain) => explain.run(world).await,
        Command::Test(test) => test.run(world),
        Command::Import(import) => import.run(world).await,
        Command::Export(export) => export.run(world).await,
        Command::Log(log) => log.run(world).await,
        Command::Suggest(suggest) => suggest.run(world).await,
        Command::Completion(completion) => completion.run(world),
    };
    failure::exit(done, world.terminal)
}
