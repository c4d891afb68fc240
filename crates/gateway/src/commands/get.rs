//! `drawbridge get`: manifests, and how agents and grants stand.

mod unrecognised;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::client::query;
use super::failure::Misused;
use super::kinds::Kind;
use super::table::Table;
use super::terminal::{Tone, clean};
use super::{World, times, yaml};
use crate::admin::manifests::List;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge get agents
  drawbridge get grant cleanup-prod -o yaml
  drawbridge get agents -o wide
  drawbridge get unrecognised -o yaml

-o yaml prints what 'drawbridge apply' takes; -o json has the status too. Scopes
that are built in are listed as such; -o yaml prints them only by name. A
manifest of the same name takes the place of one.")]
pub struct Asked {
    /// What kind: agents, scopes, grants, clusters or trustedissuers; or unrecognised callers.
    #[arg(value_parser = what)]
    kind: What,
    /// Only this one.
    name: Option<String>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// What can be shown.
#[derive(Debug, Clone, Copy)]
enum What {
    Manifests(Kind),
    Unrecognised,
}

fn what(text: &str) -> Result<What, String> {
    if text == "unrecognised" {
        return Ok(What::Unrecognised);
    }
    let known = || {
        Kind::value_variants().iter().filter_map(|kind| Some(kind.to_possible_value()?.get_name().to_owned()))
    };
    let wrong = |_| format!("there are {} and unrecognised", known().collect::<Vec<_>>().join(", "));
    Kind::from_str(text, false).map(What::Manifests).map_err(wrong)
}

impl Asked {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let Asked { kind, name, output } = self;
        match kind {
            What::Manifests(kind) => Get { kind, name, output }.run(world).await,
            What::Unrecognised if name.is_some() => {
                Err(Misused("'get unrecognised' takes no name".to_owned()).into())
            }
            What::Unrecognised => unrecognised::run(output, world).await,
        }
    }
}

/// Manifests to show.
#[derive(Debug)]
struct Get {
    kind: Kind,
    name: Option<String>,
    output: Output,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A line for each.
    Table,
    /// A line for each, with more columns.
    Wide,
    /// Manifests, as apply takes them.
    Yaml,
    /// Manifests with their status.
    Json,
    /// Kind and name only.
    Name,
}

impl Get {
    async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let query = query(&[("kind", Some(self.kind.as_str().to_owned())), ("name", self.name.clone())]);
        let list: List = world.client()?.get(&format!("/v1/manifests{query}")).await?;
        let label = world.terminal.paint(Tone::Warn, "warning:");
        for warning in &list.warnings {
            world.terminal.note(&format!("{label} {}", clean(warning)))?;
        }
        if let (Some(name), true) = (&self.name, list.items.is_empty()) {
            anyhow::bail!(
                "there is no {} {name:?}; 'drawbridge get {}s' lists what there is",
                self.kind.lower(),
                self.kind.lower()
            );
        }
        let text = self.print(list.items, world.clock.now().0)?;
        if text.is_empty() {
            world.terminal.note(&format!("there are no {}s", self.kind.lower()))?;
        }
        world.terminal.write(&text)?;
        Ok(())
    }

    fn print(&self, items: Vec<Value>, now: i64) -> anyhow::Result<String> {
        Ok(match self.output {
            Output::Table | Output::Wide if items.is_empty() => String::new(),
            Output::Table => table(self.kind, &items, Width::Narrow, now),
            Output::Wide => table(self.kind, &items, Width::Wide, now),
            Output::Name => items.iter().fold(String::new(), |text, item| {
                text + &format!("{}/{}\n", self.kind.lower(), clean(&at(item, "/metadata/name")))
            }),
            Output::Json => match (&self.name, items.first()) {
                (Some(_), Some(item)) => serde_json::to_string_pretty(item)? + "\n",
                (Some(_) | None, _) => {
                    serde_json::to_string_pretty(&List { items, ..List::default() })? + "\n"
                }
            },
            Output::Yaml => {
                // Asked for by name they are shown; applied among others they would become manifests.
                let all = self.name.is_none();
                let items = items.into_iter().filter(|item| !(all && is_built_in(item)));
                let bare = items.map(|mut item| {
                    if let Some(item) = item.as_object_mut() {
                        item.remove("status");
                    }
                    item
                });
                yaml::documents(&bare.collect::<Vec<_>>())?
            }
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Narrow,
    Wide,
}

/// One column: its heading, and what it shows of a manifest.
type Column = (&'static str, fn(&Value) -> String);

fn columns(kind: Kind, width: Width) -> Vec<Column> {
    let mut columns: Vec<Column> = vec![("NAME", |item| at(item, "/metadata/name"))];
    let (narrow, wide): (&[Column], &[Column]) = match kind {
        Kind::Agent => (
            &[
                ("OWNER", |item| at(item, "/spec/owner")),
                ("STANDING", |item| at(item, "/status/standing")),
                ("OPEN", |item| at(item, "/status/open")),
            ],
            &[
                ("KEYS", keys),
                ("INSTANCES", |item| list(item, "/status/instances", |one| at(one, "/name"))),
                ("REASON", |item| at(item, "/status/reason")),
                ("PURPOSE", |item| at(item, "/spec/purpose")),
            ],
        ),
        Kind::Scope => (
            &[
                ("RULES", |item| {
                    item.pointer("/spec/rules").and_then(Value::as_array).map_or(0, Vec::len).to_string()
                }),
                ("FROM", |item| if is_built_in(item) { "built in" } else { "manifest" }.to_owned()),
            ],
            &[("NAMES", |item| list(item, "/spec/rules", |rule| at(rule, "/name")))],
        ),
        Kind::Grant => (
            &[
                ("AGENTS", |item| list(item, "/spec/agents", plain)),
                ("SCOPES", |item| list(item, "/spec/scopes", plain)),
                ("CLUSTERS", |item| list(item, "/spec/clusters", plain)),
                ("NAMESPACES", |item| match item.pointer("/spec/namespaces") {
                    Some(_) => list(item, "/spec/namespaces", plain),
                    None => "(all)".to_owned(),
                }),
                ("UNTIL", |item| at(item, "/spec/until")),
                ("STANDING", |item| at(item, "/status/standing")),
            ],
            &[("MODE", |item| at(item, "/spec/mode")), ("REASON", |item| at(item, "/status/reason"))],
        ),
        Kind::Cluster => (&[("ACCESS", access)], &[]),
        Kind::TrustedIssuer => (
            &[("URL", |item| at(item, "/spec/oidc/url"))],
            &[("ALGORITHMS", |item| list(item, "/spec/oidc/algorithms", plain))],
        ),
    };
    columns.extend(narrow);
    if width == Width::Wide {
        columns.extend(wide);
    }
    columns
}

fn table(kind: Kind, items: &[Value], width: Width, now: i64) -> String {
    let columns = columns(kind, width);
    let mut headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
    headings.push("AGE");
    let mut table = Table::new(&headings);
    for item in items {
        let mut cells: Vec<String> = columns.iter().map(|(_, show)| show(item)).collect();
        let created = at(item, "/status/created").parse::<jiff::Timestamp>();
        cells.push(created.map_or_else(
            |_unknown| String::new(),
            |created| times::age(now.saturating_sub(created.as_millisecond())),
        ));
        table.row(cells);
    }
    table.render()
}

/// Whether it came with the program, and nobody declared it.
fn is_built_in(item: &Value) -> bool {
    item.pointer("/status/builtIn").and_then(Value::as_bool) == Some(true)
}

fn at(item: &Value, pointer: &str) -> String {
    item.pointer(pointer).map(plain).unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn list(item: &Value, pointer: &str, show: impl Fn(&Value) -> String) -> String {
    let items = item.pointer(pointer).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    items.iter().map(show).collect::<Vec<_>>().join(",")
}

/// Fingerprints, each with its standing where it isn't active.
fn keys(item: &Value) -> String {
    list(item, "/status/keys", |key| match at(key, "/standing").as_str() {
        "active" => at(key, "/fingerprint"),
        other => format!("{}({other})", at(key, "/fingerprint")),
    })
}

pub(super) fn access(item: &Value) -> String {
    match item.get("spec").and_then(Value::as_object) {
        Some(spec) if spec.contains_key("inCluster") => "in cluster".to_owned(),
        Some(spec) if spec.contains_key("kubeconfig") => {
            format!("kubeconfig {}", at(item, "/spec/kubeconfig/path"))
        }
        Some(_) => at(item, "/spec/server"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn get(kind: Kind, output: Output) -> Get {
        Get { kind, name: None, output }
    }

    fn agent() -> Value {
        json!({"apiVersion": "drawbridge.dev/v1alpha1", "kind": "Agent", "metadata": {"name": "cleanup"},
            "spec": {"owner": "me", "purpose": "Deletes"},
            "status": {"standing": "suspended", "reason": "why", "open": 2, "created": "1970-01-01T00:00:00Z",
                "instances": [{"name": "pod x 1"}],
                "keys": [{"fingerprint": "SHA256:a", "standing": "active"},
                    {"fingerprint": "SHA256:b", "standing": "revoked"}]}})
    }

    #[test]
    fn tables_show_standing_and_what_is_open() {
        let text = get(Kind::Agent, Output::Table).print(vec![agent()], 600_000).unwrap();
        assert_eq!(
            text,
            "NAME      OWNER   STANDING    OPEN   AGE\ncleanup   me      suspended   2      10m\n"
        );
        let text = get(Kind::Agent, Output::Wide).print(vec![agent()], 600_000).unwrap();
        assert!(text.contains("SHA256:a,SHA256:b(revoked)   pod x 1     why      Deletes"), "{text}");
    }

    #[test]
    fn yaml_is_what_apply_takes_and_json_has_the_status() {
        let yaml = get(Kind::Agent, Output::Yaml).print(vec![agent()], 0).unwrap();
        assert!(yaml.contains("name: cleanup") && !yaml.contains("status"), "{yaml}");
        let json = get(Kind::Agent, Output::Json).print(vec![agent()], 0).unwrap();
        assert!(json.contains("\"standing\": \"suspended\""), "{json}");
        assert_eq!(get(Kind::Agent, Output::Name).print(vec![agent()], 0).unwrap(), "agent/cleanup\n");
        assert_eq!(get(Kind::Agent, Output::Table).print(Vec::new(), 0).unwrap(), "");
    }

    #[test]
    fn a_grant_without_namespaces_reaches_all_of_them() {
        let grant = json!({"metadata": {"name": "g"}, "spec": {"agents": ["a", "b"], "scopes": ["s"],
            "clusters": ["c"]}, "status": {"standing": "active"}});
        let text = get(Kind::Grant, Output::Table).print(vec![grant], 0).unwrap();
        assert!(
            text.contains("g      a,b      s        c          (all)        -       active     -"),
            "{text}"
        );
    }
}
