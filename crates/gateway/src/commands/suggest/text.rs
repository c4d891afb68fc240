//! A proposal as YAML, with what each rule rests on beside it.

use std::collections::BTreeSet;

use anyhow::anyhow;

use super::propose::{On, Part, Reach, Rule};
use super::seen::{Basis, FEW, Tally};
use crate::commands::terminal::clean;
use crate::commands::times::shown;
use crate::commands::yaml::flow;
use crate::manifest::{API_VERSION, Source, read};

/// What a proposal is about.
#[derive(Debug)]
pub(super) struct Head<'t> {
    pub(super) agent: &'t str,
    /// None: its place is left empty.
    pub(super) cluster: Option<&'t str>,
    /// Since when it was looked, in milliseconds; none: at everything.
    pub(super) since: Option<i64>,
    /// Where it was looked, in words.
    pub(super) source: &'t str,
    /// The grants that the requests came through.
    pub(super) grants: &'t BTreeSet<String>,
}

/// Writes a scope and a grant for each part.
pub(super) fn write(head: &Head<'_>, tally: &Tally, parts: &[Part]) -> anyhow::Result<Vec<String>> {
    let mut documents = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let name = name(head, index, parts.len());
        let mut scope = if index == 0 { said(head, tally) } else { String::new() };
        scope.push_str(&scope_text(&name, part));
        // What is proposed must be what apply takes: that is looked at here, not promised.
        let source = Source { file: "the proposal".to_owned(), text: scope.clone() };
        read(&[source])
            .map_err(|wrong| anyhow!("this is a fault: apply would not take what is proposed: {wrong}"))?;
        documents.push(scope);
        documents.push(grant_text(head, &name, &part.reach));
    }
    Ok(documents)
}

/// What it is for, before the first document.
fn said(head: &Head<'_>, tally: &Tally) -> String {
    let on = head.cluster.map_or_else(String::new, |cluster| format!(" on cluster {cluster:?}"));
    let since = head.since.map_or_else(String::new, |since| format!(" since {}", shown(since)));
    let done = tally.requests(Basis::Done);
    let mut said = comment(&format!(
        "What agent {:?} did{on}{since}, by {}: {}. It allows these and their like; of a kind of which over \
         {FEW} objects were used in one place, every object.",
        head.agent,
        head.source,
        counted(done, "request", "requests")
    ));
    let refused = tally.requests(Basis::Refused);
    if refused > 0 {
        said.push_str(&comment(&format!(
            "{} in it: what rests on these is marked REFUSED. Keep only what is meant.",
            counted(refused, "refused request is", "refused requests are")
        )));
    }
    if tally.odd > 0 {
        said.push_str(&comment(&format!(
            "{} left out, since no rule can name what they asked for.",
            counted(tally.odd, "request is", "requests are")
        )));
    }
    let mut held = head.grants.iter().filter(|grant| !is_own(head, grant)).peekable();
    if held.peek().is_some() {
        said.push_str(&comment(
            "As long as the agent has the grants that these requests came through, it may do all that they \
             give. Once this is applied, take the agent out of them, or delete them. It has no conditions, \
             masks or limits, and no filtered lists: carry over what these grants and rules have of them.",
        ));
        for grant in held {
            said.push_str(&comment(&format!("  drawbridge delete grant {grant}")));
        }
    }
    said
}

/// Whether an earlier proposal made it, which this one replaces.
fn is_own(head: &Head<'_>, grant: &str) -> bool {
    grant.strip_prefix(&stem(head)).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// What all names of a proposal begin with. Neither an agent's name nor a cluster's has a dot, so that no two
/// proposals have the same.
fn stem(head: &Head<'_>) -> String {
    match head.cluster {
        Some(cluster) => format!("{}.{cluster}.suggested", head.agent),
        None => format!("{}.suggested", head.agent),
    }
}

fn name(head: &Head<'_>, index: usize, of: usize) -> String {
    let stem = stem(head);
    if of == 1 { stem } else { format!("{stem}-{}", index.saturating_add(1)) }
}

fn scope_text(name: &str, part: &Part) -> String {
    let mut text = format!("apiVersion: {API_VERSION}\nkind: Scope\nmetadata: {{name: {name}}}\n");
    text.push_str("spec:\n  rules:\n");
    for rule in &part.rules {
        text.push_str(&rule_text(rule));
    }
    text
}

fn rule_text(rule: &Rule) -> String {
    let mut lines = Vec::new();
    let count = &rule.count;
    let (first, last) = (shown(count.first), shown(count.last));
    let when = if first == last { format!("at {first}") } else { format!("from {first} to {last}") };
    lines.push(match rule.basis {
        Basis::Done => {
            format!("# {}, {when}", counted(count.times, "request", "requests"))
        }
        Basis::Refused => {
            let times = counted(count.times, "time", "times");
            format!("# REFUSED {times}, {when}: it may not do this today")
        }
    });
    if let Some(escape) = rule.escape {
        lines.push(format!("# ESCAPE ({}): this {}", escape.word, escape.gives));
    }
    lines.push(format!("- name: {}", rule.name));
    lines.push(format!("  verbs: {}", flow(&rule.verbs)));
    match &rule.on {
        On::Resources { group, resources, names } => {
            lines.push(format!("  apiGroups: {}", flow(std::slice::from_ref(group))));
            lines.push(format!("  resources: {}", flow(resources)));
            if !names.is_empty() {
                lines.push(format!("  resourceNames: {}", flow(names)));
            }
        }
        On::Paths(paths) => lines.push(format!("  nonResourceURLs: {}", flow(paths))),
    }
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

fn grant_text(head: &Head<'_>, name: &str, reach: &Reach) -> String {
    let mut text = format!("apiVersion: {API_VERSION}\nkind: Grant\nmetadata: {{name: {name}}}\nspec:\n");
    text.push_str(&format!("  agents: {}\n  scopes: [{name}]\n", flow(&[head.agent.to_owned()])));
    match head.cluster {
        Some(cluster) => text.push_str(&format!("  clusters: {}\n", flow(&[cluster.to_owned()]))),
        None => text.push_str("  clusters: []   # FILL IN: what the cluster is called in Drawbridge\n"),
    }
    match reach {
        Reach::Everywhere => {
            text.push_str("  # no namespaces: this is for all of them together, or for none\n")
        }
        Reach::Namespaces(namespaces) => {
            let namespaces: Vec<String> = namespaces.iter().cloned().collect();
            text.push_str(&format!("  namespaces: {}\n", flow(&namespaces)));
        }
    }
    text
}

/// A line of comment; what it quotes can't end it.
pub(super) fn comment(text: &str) -> String {
    format!("# {}\n", clean(text))
}

/// A number with its noun.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
