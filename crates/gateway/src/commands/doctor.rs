//! `drawbridge doctor`: what the gateway sees of itself and its clusters, and what a person sees of a cluster
//! that the gateway may not see. Nothing is changed.

pub(super) mod person;

use anyhow::anyhow;
use clap::{Args, ValueEnum};

use super::World;
use super::client::query;
use super::person::{Access, Person};
use super::terminal::{Terminal, Tone, clean};
use crate::admin::doctor::{Finding, Findings, Severity};
use crate::admin::manifests::List;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge doctor
  drawbridge doctor --cluster prod --context prod-admin
  drawbridge doctor -o json

With --context (or --kubeconfig) your own access is used besides, to see what
the gateway may not: who could get around it. Exit status 1 if there is a problem.")]
pub struct Doctor {
    /// Only this cluster.
    #[arg(long)]
    cluster: Option<String>,
    /// Look into the cluster with this context of your own kubeconfig, too.
    #[arg(long, value_name = "CONTEXT", requires = "cluster")]
    context: Option<String>,
    #[command(flatten)]
    access: Access,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Output::List)]
    output: Output,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    List,
    /// For programs.
    Json,
}

impl Doctor {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let mut findings = ask(world, self.cluster.as_deref()).await?;
        let own = self.context.is_some() || self.access.kubeconfig.is_some();
        if let (true, Some(cluster)) = (own, &self.cluster) {
            let person = Person::open(&self.access, self.context.as_deref()).await?;
            findings.extend(of_person(world, cluster, &person, &findings).await?);
        } else if own {
            return Err(super::failure::Misused("name the cluster with --cluster, too".to_owned()).into());
        }
        match self.output {
            Output::Json => {
                let text = serde_json::to_string_pretty(&Findings { findings: findings.clone() })?;
                world.terminal.write(&format!("{text}\n"))?;
            }
            Output::List => show(&findings, world.terminal)?,
        }
        conclude(&findings)
    }
}

/// What the gateway finds.
pub(super) async fn ask(world: &World<'_>, cluster: Option<&str>) -> anyhow::Result<Vec<Finding>> {
    let query = query(&[("cluster", cluster.map(str::to_owned))]);
    let found: Findings = world.client()?.get(&format!("/v1/doctor{query}")).await?;
    Ok(found.findings)
}

/// What a person finds in a cluster, after what the gateway found.
pub(super) async fn of_person(
    world: &World<'_>,
    cluster: &str,
    person: &Person,
    findings: &[Finding],
) -> anyhow::Result<Vec<Finding>> {
    let agents: List = world.client()?.get("/v1/manifests?kind=Agent").await?;
    let enrolled = person::enrolled(&agents.items, cluster);
    let gateway = person::Gateway::told(findings, cluster);
    person::look(person, cluster, &gateway, &enrolled).await
}

/// Prints findings, the worst last, where people look first.
pub(super) fn show(findings: &[Finding], terminal: &mut Terminal) -> anyhow::Result<()> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity);
    for finding in sorted {
        let tone = match finding.severity {
            Severity::Ok => Tone::Good,
            Severity::Note => Tone::Plain,
            Severity::Warning => Tone::Warn,
            Severity::Problem => Tone::Bad,
        };
        let word = terminal.paint(tone, &format!("{:<7}", finding.severity.as_str()));
        let Finding { about, check, seen, todo, .. } = finding;
        terminal.say(&format!("{word} {}", clean(&format!("{about}: {check}: {seen}"))))?;
        if !todo.is_empty() {
            terminal.say(&format!("        → {}", clean(todo)))?;
        }
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
    terminal.say(&format!("{} looked at: {problems} problems, {warnings} warnings", findings.len()))?;
    Ok(())
}

/// Fails if there is a problem.
pub(super) fn conclude(findings: &[Finding]) -> anyhow::Result<()> {
    match findings.iter().filter(|finding| finding.severity == Severity::Problem).count() {
        0 => Ok(()),
        1 => Err(anyhow!("there is a problem")),
        many => Err(anyhow!("there are {many} problems")),
    }
}
