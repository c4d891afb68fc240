//! `drawbridge export vap`: a scope as a ValidatingAdmissionPolicy with its binding.

mod convert;
mod rewrite;

#[cfg(test)]
mod tests;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use drawbridge_policy::{AGENTS_NAMESPACE, AgentName};
use serde_json::{Value, json};

use self::convert::{Exported, convert};
use crate::admin::manifests::List;
use crate::commands::World;
use crate::commands::client::query;
use crate::commands::failure::Misused;
use crate::commands::terminal::{Tone, clean};
use crate::commands::yaml::documents;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge export vap job-cleaner --agent cleanup | kubectl apply -f -
  drawbridge export vap job-cleaner

The API server then denies the agents what no rule of the scope allows, whoever
sends it: of the agents that are named, or of those whose grants name the scope.
What such an agent is to do by other scopes is denied too, so name agents that
have no other.

Admission sees what creates, changes, deletes or connects, and no reads. It has
no limits, masks, revisions, changed or request.time: what can't be said is said
in comments and on standard error. A rule whose 'when' can't be held is left out,
so that it is denied there; --with-conditional prints it without its 'when'.")]
pub(super) struct Vap {
    /// The scope.
    scope: String,
    /// Whose requests it is about; left out, every agent whose grants name the scope.
    #[arg(long = "agent")]
    agents: Vec<String>,
    /// How to print it. JSON has no comments.
    #[arg(short, long, value_enum, default_value_t = Output::Yaml)]
    output: Output,
    /// Print rules whose conditions can't be held, too, without these.
    #[arg(long)]
    with_conditional: bool,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// With comments.
    Yaml,
    /// A List, without.
    Json,
}

/// What to do with rules that a policy can't hold whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conditional {
    LeaveOut,
    Print,
}

impl Vap {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let pairs = [("kind", Some("Scope".to_owned())), ("name", Some(self.scope.clone()))];
        let list: List = world.client()?.get(&format!("/v1/manifests{}", query(&pairs))).await?;
        let Some(mut scope) = list.items.into_iter().next() else {
            bail!("there is no scope {:?}; 'drawbridge get scopes' lists what there is", self.scope);
        };
        if let Some(scope) = scope.as_object_mut() {
            scope.remove("status");
        }
        let conditional = if self.with_conditional { Conditional::Print } else { Conditional::LeaveOut };
        let exported = convert(&scope, conditional).context("the scope can't be read")?;
        for agent in &self.agents {
            let wrong = |error| Misused(format!("{agent:?} is not an agent's name: {error}"));
            AgentName::parse(agent).map_err(wrong)?;
        }
        let mut agents = self.agents;
        if agents.is_empty() {
            let grants: List = world.client()?.get("/v1/manifests?kind=Grant").await?;
            agents = agents_of(&grants.items, &self.scope);
        }
        if agents.is_empty() {
            bail!("no grant names the scope {:?}: say whose requests it is about with --agent", self.scope);
        }
        let pair = manifests(&self.scope, &agents, &exported);
        let text = match self.output {
            Output::Yaml => commented(&self.scope, &exported) + &documents(&pair)?,
            Output::Json => {
                let list = json!({ "apiVersion": "v1", "kind": "List", "items": pair });
                serde_json::to_string_pretty(&list)? + "\n"
            }
        };
        world.terminal.write(&text)?;
        let label = world.terminal.paint(Tone::Warn, "warning:");
        for said in exported.said() {
            world.terminal.note(&format!("{label} {}", clean(&said)))?;
        }
        Ok(())
    }
}

/// The agents of the grants that name a scope.
fn agents_of(grants: &[Value], scope: &str) -> Vec<String> {
    let texts = |grant: &Value, pointer: &str| -> Vec<String> {
        let texts = grant.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let naming = grants.iter().filter(|grant| {
        let observes = grant.pointer("/spec/mode").and_then(Value::as_str) == Some("observe");
        !observes && texts(grant, "/spec/scopes").iter().any(|name| name == scope)
    });
    let mut agents: Vec<String> = naming.flat_map(|grant| texts(grant, "/spec/agents")).collect();
    agents.sort();
    agents.dedup();
    agents
}

fn manifests(scope: &str, agents: &[String], exported: &Exported) -> [Value; 2] {
    let name = format!("drawbridge-scope-{scope}");
    let users: Vec<String> =
        agents.iter().map(|agent| format!("system:serviceaccount:{AGENTS_NAMESPACE}:{agent}")).collect();
    let message = format!("the scope {scope} does not allow this agent to do it");
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": name },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": ["*"],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE", "DELETE", "CONNECT"],
                "resources": ["*/*"],
                "scope": "*",
            }] },
            "matchConditions": [{
                "name": "agents",
                "expression": format!("request.userInfo.username in {}", rewrite::list(&users)),
            }],
            "variables": rewrite::VARIABLES.map(|(name, expression)| {
                json!({ "name": name, "expression": expression })
            }),
            "validations": [{ "expression": exported.expression, "message": message, "reason": "Forbidden" }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": name },
        "spec": { "policyName": name, "validationActions": ["Deny"] },
    });
    [policy, binding]
}

fn commented(scope: &str, exported: &Exported) -> String {
    let mut text = format!("# Drawbridge's scope {} for the API server's own admission.\n", clean(scope));
    for said in exported.said() {
        text.push_str(&format!("# {}\n", clean(&said)));
    }
    text
}
