//! `drawbridge grant`: makes a grant and applies it.

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::apply::show;
use super::client::query;
use super::failure::{Misused, Refused};
use super::times::{self, Span};
use super::{World, yaml};
use crate::admin::apply::{Applied, Apply, Text};
use crate::admin::manifests::List;
use crate::manifest::API_VERSION;

/// A name is a DNS subdomain label of at most this length, so that it fits everywhere.
const LONGEST_NAME: usize = 63;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge grant cleanup --scope job-cleaner --cluster prod \\
    --namespace 'ci-*' --for 8h
  drawbridge grant dashboard --scope read-jobs --cluster prod --cluster staging

A scope is a manifest of your own: none comes with the gateway. 'drawbridge get
scopes' lists those that there are.")]
pub struct Grant {
    /// Who gets it.
    agent: String,
    /// What it gets.
    #[arg(long, required = true)]
    scope: Vec<String>,
    /// On which cluster.
    #[arg(long, required = true)]
    cluster: Vec<String>,
    /// In which namespaces; a name or a pattern such as 'ci-*'. Without it, everywhere.
    #[arg(long)]
    namespace: Vec<String>,
    /// When it ends, such as 2027-06-30T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = times::time, conflicts_with = "span")]
    until: Option<Timestamp>,
    /// How long it lasts, such as 2h.
    #[arg(long = "for", value_name = "SPAN", value_parser = times::span)]
    span: Option<Span>,
    /// Its name; made from agent, scopes and clusters where this is left out.
    #[arg(long)]
    name: Option<String>,
    /// Why; it goes into the record.
    #[arg(long, default_value = "")]
    reason: String,
}

impl Grant {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let client = world.client()?;
        let name = self.name()?;
        let query = query(&[("kind", Some("Grant".to_owned())), ("name", Some(name.clone()))]);
        let known: List = client.get(&format!("/v1/manifests{query}")).await?;
        if !known.items.is_empty() {
            // Applying would replace what it gives to others, without a word.
            let message = format!("there is a grant {name:?} already; give this one another --name");
            return Err(Refused { problems: Vec::new(), message }.into());
        }
        let manifest = self.manifest(&name, world.clock.now().0);
        let text = yaml::document(&manifest)?;
        let sources = vec![Text { file: "the grant".to_owned(), text: text.clone() }];
        let asked = Apply { sources, reason: self.reason.clone(), ..Apply::default() };
        let applied: Applied = client.post("/v1/apply", &asked).await.map_err(|error| self.told(error))?;
        world.terminal.write(&text)?;
        show_rest(applied, world)
    }

    /// What is wrong with the manifest, said of the arguments that it was made of: nobody has seen its lines.
    fn told(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast::<Refused>() {
            Err(error) => error,
            Ok(Refused { problems, message }) => {
                let problems = problems.iter().map(|problem| self.of_argument(problem)).collect();
                Refused { problems, message }.into()
            }
        }
    }

    fn of_argument(&self, problem: &str) -> String {
        let places: [(&str, &str, &[String]); 4] = [
            ("spec.agents", "the agent", std::slice::from_ref(&self.agent)),
            ("spec.scopes", "--scope", &self.scope),
            ("spec.clusters", "--cluster", &self.cluster),
            ("spec.namespaces", "--namespace", &self.namespace),
        ];
        for (field, argument, values) in places {
            for (index, value) in values.iter().enumerate() {
                if let Some((_, message)) = problem.split_once(&format!(" {field}[{index}]: ")) {
                    return format!("{argument} {value}: {message}");
                }
            }
        }
        match problem.split_once(" metadata.name: ") {
            Some((_, message)) if self.name.is_some() => format!("--name: {message}"),
            Some((_, message)) => {
                format!("the name made of the arguments: {message}; choose one with --name")
            }
            None => problem.to_owned(),
        }
    }

    fn name(&self) -> anyhow::Result<String> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let parts = std::iter::once(&self.agent).chain(&self.scope).chain(&self.cluster);
        let name = parts.map(String::as_str).collect::<Vec<_>>().join("-");
        if name.len() > LONGEST_NAME {
            return Err(Misused("give the grant a --name: its parts make too long a one".to_owned()).into());
        }
        Ok(name)
    }

    fn manifest(&self, name: &str, now: i64) -> Value {
        let mut spec = json!({ "agents": [self.agent], "scopes": self.scope, "clusters": self.cluster });
        let over = |span: Span| {
            // To the second: nobody reads the rest.
            let end = now.saturating_add(span.millis) / 1_000;
            Timestamp::from_second(end).ok()
        };
        let until = self.until.or_else(|| self.span.and_then(over));
        if let Some(spec) = spec.as_object_mut() {
            if !self.namespace.is_empty() {
                spec.insert("namespaces".to_owned(), json!(self.namespace));
            }
            if let Some(until) = until {
                spec.insert("until".to_owned(), json!(until.to_string()));
            }
        }
        json!({ "apiVersion": API_VERSION, "kind": "Grant", "metadata": { "name": name }, "spec": spec })
    }
}

/// The grant itself is on standard output; what else there is to say goes to the person.
fn show_rest(mut applied: Applied, world: &mut World<'_>) -> anyhow::Result<()> {
    for one in std::mem::take(&mut applied.applied) {
        world.terminal.note(&format!("grant/{} {}", one.name, one.change))?;
    }
    show(&applied, world.terminal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Source, read};

    fn grant() -> Grant {
        Grant {
            agent: "cleanup".to_owned(),
            scope: vec!["job-cleaner".to_owned()],
            cluster: vec!["prod".to_owned()],
            namespace: vec!["ci-*".to_owned()],
            until: None,
            span: Some(Span { millis: 7_200_000 }),
            name: None,
            reason: String::new(),
        }
    }

    #[test]
    fn the_grant_is_a_manifest_that_apply_takes() {
        let grant = grant();
        let name = grant.name().unwrap();
        let manifest = grant.manifest(&name, 1_500);
        assert_eq!(manifest["metadata"]["name"], "cleanup-job-cleaner-prod");
        assert_eq!(manifest["spec"]["until"], "1970-01-01T02:00:01Z");
        let text = yaml::document(&manifest).unwrap();
        let read = read(&[Source { file: "grant".to_owned(), text }]).unwrap();
        assert_eq!(read[0].get().to_json(), manifest);
    }

    #[test]
    fn without_namespaces_and_end_the_fields_are_left_out() {
        let grant = Grant { namespace: Vec::new(), span: None, ..grant() };
        let manifest = grant.manifest("g", 0);
        assert!(manifest["spec"].get("namespaces").is_none());
        assert!(manifest["spec"].get("until").is_none());
    }

    #[test]
    fn a_problem_names_the_argument_and_no_line_of_a_file_that_nobody_has() {
        let grant = Grant { name: None, ..grant() };
        let told = |problem| grant.of_argument(problem);
        assert_eq!(
            told("the grant:8:5: spec.scopes[0]: no Scope \"job-cleaner\" is known"),
            "--scope job-cleaner: no Scope \"job-cleaner\" is known"
        );
        assert_eq!(told("the grant:6:5: spec.agents[0]: no Agent"), "the agent cleanup: no Agent");
        assert_eq!(told("the grant:9:5: spec.namespaces[0]: x"), "--namespace ci-*: x");
        assert_eq!(
            told("the grant:4:9: metadata.name: \"A\" is not a name"),
            "the name made of the arguments: \"A\" is not a name; choose one with --name"
        );
        assert_eq!(told("something else"), "something else");
    }

    #[test]
    fn a_name_that_grows_too_long_is_asked_for() {
        let grant = Grant { scope: vec!["s".repeat(60)], ..grant() };
        assert!(grant.name().unwrap_err().downcast_ref::<Misused>().is_some());
    }
}
