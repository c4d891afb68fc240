//! `drawbridge export rbac`: a scope as a ClusterRole.

mod convert;
mod verbs;

#[cfg(test)]
mod tests;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::convert::{Exported, Rule, convert};
use crate::admin::manifests::List;
use crate::cluster::review::Right;
use crate::commands::World;
use crate::commands::client::query;
use crate::commands::terminal::{Tone, clean};
use crate::commands::yaml::flow;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge export rbac job-cleaner | kubectl apply -f -
  drawbridge export rbac job-cleaner -o json

Allow rules become RBAC rules. RBAC has no deny rules, no conditions, masks or
limits, and no strict exceptions: what is left out, and what the ClusterRole
gives beyond the scope, is said in comments and on standard error. A rule that
RBAC could only hold without what narrows it is left out.

Where it holds is a binding's: a ClusterRoleBinding for a grant without
namespaces, a RoleBinding in each namespace of the others.")]
pub(super) struct Rbac {
    /// The scope.
    scope: String,
    /// How to print it. JSON has no comments.
    #[arg(short, long, value_enum, default_value_t = Output::Yaml)]
    output: Output,
    /// Print rules with conditions, masks or limits, too, without these: for use beside something else that
    /// holds them.
    #[arg(long)]
    with_conditional: bool,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// With comments.
    Yaml,
    /// Without.
    Json,
}

/// What to do with rules that RBAC can't hold whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conditional {
    LeaveOut,
    Print,
}

impl Rbac {
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
        let text = match self.output {
            Output::Yaml => yaml(&self.scope, &exported),
            Output::Json => serde_json::to_string_pretty(&role(&self.scope, &exported))? + "\n",
        };
        world.terminal.write(&text)?;
        let label = world.terminal.paint(Tone::Warn, "warning:");
        for said in exported.said() {
            world.terminal.note(&format!("{label} {}", clean(&said)))?;
        }
        Ok(())
    }
}

fn role(name: &str, exported: &Exported) -> Value {
    let rules: Vec<Value> = exported.rules.iter().flat_map(|rule| &rule.rights).map(fields).collect();
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": name }, "rules": rules })
}

/// What there is of a rule, in RBAC's order.
fn fields(right: &Right) -> Value {
    let there = parts(right).into_iter().filter(|(_, texts)| !texts.is_empty());
    Value::Object(there.map(|(field, texts)| (field.to_owned(), json!(texts))).collect())
}

fn parts(right: &Right) -> [(&'static str, &Vec<String>); 5] {
    [
        ("apiGroups", &right.api_groups),
        ("resources", &right.resources),
        ("resourceNames", &right.resource_names),
        ("nonResourceURLs", &right.non_resource_urls),
        ("verbs", &right.verbs),
    ]
}

fn yaml(name: &str, exported: &Exported) -> String {
    let mut text = format!("# Drawbridge's scope {} as RBAC.\n", clean(name));
    for said in &exported.general {
        text.push_str(&format!("# {}\n", clean(said)));
    }
    let plain = flow(&[name.to_owned()]);
    let plain = plain.trim_matches(['[', ']']);
    text.push_str("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n");
    text.push_str(&format!("metadata: {{name: {plain}}}\n"));
    if exported.rules.iter().all(|rule| rule.rights.is_empty()) {
        text.push_str("rules: []\n");
    } else {
        text.push_str("rules:\n");
    }
    for rule in &exported.rules {
        text.push_str(&rule_text(rule));
    }
    text
}

fn rule_text(rule: &Rule) -> String {
    let mut text = format!("# {}\n", clean(&rule.name));
    for said in &rule.said {
        text.push_str(&format!("#   {}\n", clean(said)));
    }
    for right in &rule.rights {
        let there = parts(right).into_iter().filter(|(_, texts)| !texts.is_empty());
        for (index, (field, texts)) in there.enumerate() {
            let dash = if index == 0 { "-" } else { " " };
            text.push_str(&format!("{dash} {field}: {}\n", flow(texts)));
        }
    }
    text
}
