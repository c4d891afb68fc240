//! `drawbridge import`: a service account's RBAC as an agent, scopes and grants that give the same, or a role
//! alone as a scope, with what would be lost and what is dangerous said beside it.

mod roles;
mod scopes;
mod text;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{ArgGroup, Args};
use drawbridge_policy::AgentName;

use super::enrol;
use super::failure::Misused;
use super::person::{Access, Person};
use super::rbac::{Binding, Rbac, Subject};
use super::{World, terminal::clean};
use crate::cluster::renew::Account;

/// Each is something to import; one of them is named.
const WHAT: [&str; 3] = ["service_account", "cluster_role", "cluster_role_file"];

/// Arguments.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(WHAT))]
#[command(after_help = "\
Examples:
  drawbridge import --service-account batch/cleanup --context prod-admin \\
    --cluster prod --agent cleanup --owner me@example.com > cleanup.yaml
  drawbridge apply -f cleanup.yaml --dry-run
  drawbridge import --cluster-role view --context prod-admin > view.yaml
  drawbridge import --cluster-role-file roles.yaml | drawbridge apply -f -

A role becomes a scope: nobody has it until a grant names it. Rules may also be
pasted into a scope by hand; they need no names. What Drawbridge reads more
strictly than RBAC is said beside each rule.

Roles and bindings are read with your own kubeconfig, and nothing is changed.")]
pub struct Import {
    /// The service account, NAMESPACE/NAME.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = account)]
    service_account: Option<Account>,
    /// A ClusterRole of the cluster, as a scope.
    #[arg(long, value_name = "NAME")]
    cluster_role: Option<String>,
    /// The ClusterRoles and Roles of a file, as scopes; '-' for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["context", "kubeconfig"])]
    cluster_role_file: Option<PathBuf>,
    /// A context of your own kubeconfig; without it the current one.
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    #[command(flatten)]
    access: Access,
    /// What the cluster is called in Drawbridge; the context's name where this is left out.
    #[arg(long, conflicts_with_all = ["cluster_role", "cluster_role_file"])]
    cluster: Option<String>,
    /// What the agent is to be called; the account's name where this is left out.
    #[arg(long, conflicts_with_all = ["cluster_role", "cluster_role_file"])]
    agent: Option<String>,
    /// The person who answers for it.
    #[arg(long, default_value = "nobody@example.com")]
    owner: String,
    /// What it is for.
    #[arg(long, conflicts_with_all = ["cluster_role", "cluster_role_file"])]
    purpose: Option<String>,
}

fn account(text: &str) -> Result<Account, String> {
    Account::parse(text).ok_or_else(|| format!("{text:?} is no service account; write NAMESPACE/NAME"))
}

/// What is to be printed, and about whom.
#[derive(Debug)]
struct About {
    account: Account,
    cluster: String,
    agent: AgentName,
    owner: String,
    purpose: String,
}

/// A binding of the account's, and how it comes to it.
#[derive(Debug, Clone)]
struct Held<'r> {
    binding: &'r Binding,
    by: &'r Subject,
}

impl Import {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        if let Some(file) = &self.cluster_role_file {
            return roles::print(&roles::read(file)?, world.terminal);
        }
        let person = Person::open(&self.access, self.context.as_deref()).await?;
        if let Some(name) = &self.cluster_role {
            return roles::print(&[roles::fetch(name, &person).await?], world.terminal);
        }
        let Some(account) = &self.service_account else {
            return Err(Misused("say what to import; --help shows how".to_owned()).into());
        };
        self.account(account, &person, world).await
    }

    async fn account(&self, account: &Account, person: &Person, world: &mut World<'_>) -> anyhow::Result<()> {
        let about = self.about(account, person)?;
        let (namespace, name) = (about.account.namespace(), about.account.name());
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}");
        if person.get(&path).await?.is_none() {
            return Err(anyhow!(
                "the cluster of context {:?} has no service account {namespace}/{name}; 'kubectl get \
                 serviceaccounts -A' lists them",
                person.context
            ));
        }
        let rbac = Rbac::read(person).await?;
        let subjects = Subject::of_account(namespace, name);
        let held: Vec<Held<'_>> = rbac
            .of(&subjects)
            .filter(|(binding, _)| !is_everyones(binding))
            .map(|(binding, by)| Held { binding, by })
            .collect();
        let text = text::write(&about, &held)?;
        world.terminal.write(&text)?;
        if held.is_empty() {
            let account = clean(&format!("{namespace}/{name}"));
            world.terminal.note(&format!(
                "service account {account} has no rights but everyone's: the agent gets no scope"
            ))?;
        }
        Ok(())
    }

    fn about(&self, account: &Account, person: &Person) -> anyhow::Result<About> {
        let name = self.agent.as_deref().unwrap_or_else(|| account.name());
        let agent = enrol::name(name)
            .map_err(|why| Misused(format!("{name:?} is no agent's name ({why}); give it an --agent")))?;
        let cluster = self.cluster.clone().unwrap_or_else(|| person.context.clone());
        if !crate::manifest::is_cluster_name(&cluster) {
            return Err(Misused(format!(
                "{cluster:?} is no name of a cluster; say with --cluster what it is called in Drawbridge"
            ))
            .into());
        }
        let account = account.clone();
        let purpose =
            self.purpose.clone().unwrap_or_else(|| format!("Imported from the service account {account}"));
        Ok(About { account, cluster, agent, owner: self.owner.clone(), purpose })
    }
}

/// Discovery and reviews: every agent with a grant has them.
fn is_everyones(binding: &Binding) -> bool {
    let roles = [
        "system:discovery",
        "system:basic-user",
        "system:public-info-viewer",
        "system:service-account-issuer-discovery",
        "system:cluster-trust-bundle-discovery",
    ];
    binding.rules.is_empty() || roles.contains(&binding.role.1.as_str())
}
