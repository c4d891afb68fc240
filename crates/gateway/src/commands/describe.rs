//! `drawbridge describe`: everything about one agent, scope, grant or cluster, as kubectl describes things.

use clap::Args;
use serde_json::Value;

use super::client::segment;
use super::identities;
use super::kinds::Kind;
use super::log::line;
use super::rules::{self, HEADINGS};
use super::table::Table;
use super::terminal::{Terminal, Tone, clean};
use super::{World, times};
use crate::admin::describe::Described;

/// Rules that are shown of one manifest; `get -o yaml` has all.
const RULES: usize = 200;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge describe agent cleanup
  drawbridge describe cluster prod

The rules are those that hold now: of a suspended or ended grant none is shown,
but for the deny rules of a suspended one, which stay.")]
pub struct Describe {
    /// What kind: agent, scope, grant, cluster or trusted issuer.
    kind: Kind,
    /// Its name.
    name: String,
}

impl Describe {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let path = format!("/v1/describe/{}/{}", self.kind.as_str(), segment(&self.name)?);
        let described: Described = world.client()?.get(&path).await?;
        let now = world.clock.now().0;
        let text = Page::of(self.kind, &described, now, world.terminal);
        world.terminal.write(&text)?;
        Ok(())
    }
}

/// A page that is being written: fields, aligned, and below them tables under headings.
struct Page<'t> {
    terminal: &'t Terminal,
    fields: Vec<(&'static str, Vec<String>, Tone)>,
    sections: String,
}

impl Page<'_> {
    fn of(kind: Kind, described: &Described, now: i64, terminal: &Terminal) -> String {
        let mut page = Page { terminal, fields: Vec::new(), sections: String::new() };
        let item = &described.item;
        page.field("Name", at(item, "/metadata/name"));
        page.field("Kind", kind.as_str().to_owned());
        for (name, pointer) in [("Labels", "/metadata/labels"), ("Annotations", "/metadata/annotations")] {
            page.fields(name, pairs(item, pointer));
        }
        if at(item, "/status/origin") == "directory" {
            page.field("Comes from", "the manifests directory".to_owned());
        }
        if item.pointer("/status/builtIn").and_then(Value::as_bool) == Some(true) {
            let what = "the program: it is built in, and a manifest of its name takes its place";
            page.field("Comes from", what.to_owned());
        }
        match kind {
            Kind::Agent => page.agent(described, now),
            Kind::Scope => page.scope(described),
            Kind::Grant => page.grant(described),
            Kind::Cluster => page.cluster(described),
            Kind::TrustedIssuer => page.issuer(described),
        }
        for (name, pointer) in [("Created", "/status/created"), ("Changed", "/status/updated")] {
            if item.pointer(pointer).is_some() {
                page.field(name, since(item, pointer, now));
            }
        }
        page.finish()
    }

    fn agent(&mut self, described: &Described, now: i64) {
        let item = &described.item;
        self.field("Owner", at(item, "/spec/owner"));
        self.field("Purpose", at(item, "/spec/purpose"));
        self.standing(item);
        self.fields("Identities", identities_of(item));
        let line = |entry| line::of(entry, &plain()).lines().next().unwrap_or_default().to_owned();
        let last = described.activity.as_ref().map(line);
        self.field("Last activity", last.unwrap_or_else(|| "(none in the record)".to_owned()));
        if let Some(time) = described.activity.as_ref().and_then(|entry| entry.get("time")?.as_i64()) {
            self.field("Last seen", format!("{} ago", times::age(now.saturating_sub(time))));
        }
        self.instances(described, now);
        self.grants(described);
        self.rights(described);
        self.open(described);
        let refusals: Vec<String> =
            described.refusals.iter().map(|entry| line::of(entry, &plain())).collect();
        self.section("Recent refusals", &refusals.iter().map(|line| format!("{line}\n")).collect::<String>());
    }

    fn scope(&mut self, described: &Described) {
        let mut table = Table::new(&["RULE", "EFFECT", "VERBS", "ON"]);
        let rules = described.item.pointer("/spec/rules").and_then(Value::as_array);
        let rules = rules.map_or(&[][..], Vec::as_slice);
        for rule in rules.iter().take(RULES) {
            table.row(std::iter::once(at(rule, "/name")).chain(rules::what(rule)).collect());
        }
        self.table("Rules", &table, rules.len(), RULES);
        self.grants(described);
    }

    fn grant(&mut self, described: &Described) {
        let item = &described.item;
        self.standing(item);
        for (name, field) in [("Agents", "agents"), ("Scopes", "scopes"), ("Clusters", "clusters")] {
            self.field(name, list(item, &format!("/spec/{field}")));
        }
        let namespaces = list(item, "/spec/namespaces");
        self.field("Namespaces", if namespaces.is_empty() { "(all)".to_owned() } else { namespaces });
        if at(item, "/spec/mode") == "observe" {
            let what = "observe (it decides nothing; the record says what it would have done)";
            self.field("Mode", what.to_owned());
        }
        let until = at(item, "/spec/until");
        self.field("Until", if until.is_empty() { "(no end)".to_owned() } else { until });
        self.rights(described);
        self.open(described);
    }

    fn cluster(&mut self, described: &Described) {
        self.field("Access", super::get::access(&described.item));
        match &described.trouble {
            None => self.toned("Credential", "can be read".to_owned(), Tone::Good),
            Some(trouble) => self.toned("Credential", trouble.clone(), Tone::Bad),
        }
        self.others(described);
        self.grants(described);
        self.open(described);
    }

    fn issuer(&mut self, described: &Described) {
        self.fields("Spec", pairs(&described.item, "/spec"));
        self.others(described);
    }

    /// What names it besides grants.
    fn others(&mut self, described: &Described) {
        let shown = described.others.iter().take(RULES).map(|name| format!("{name}\n"));
        let mut text = shown.collect::<String>();
        if described.others.len() > RULES {
            text.push_str(&format!("… and {} more\n", described.others.len() - RULES));
        }
        self.section("Named by", &text);
    }

    fn instances(&mut self, described: &Described, now: i64) {
        let mut table = Table::new(&["NAME", "OPEN", "FIRST", "LAST"]);
        for instance in described.instances.iter().take(RULES) {
            let (first, last) = (since(instance, "/first", now), since(instance, "/last", now));
            table.row(vec![at(instance, "/name"), at(instance, "/open"), first, last]);
        }
        self.table("Instances", &table, described.instances.len(), RULES);
    }

    fn standing(&mut self, item: &Value) {
        let standing = at(item, "/status/standing");
        let tone = if standing == "active" { Tone::Good } else { Tone::Bad };
        let mut text = standing;
        for (word, pointer) in [("since", "/status/since"), ("by", "/status/by"), (":", "/status/reason")] {
            let value = at(item, pointer);
            if !value.is_empty() {
                text.push_str(&if word == ":" { format!(": {value}") } else { format!(" {word} {value}") });
            }
        }
        self.toned("Standing", text, tone);
    }

    fn grants(&mut self, described: &Described) {
        let mut table =
            Table::new(&["NAME", "AGENTS", "SCOPES", "CLUSTERS", "NAMESPACES", "UNTIL", "STANDING"]);
        for grant in described.grants.iter().take(RULES) {
            let namespaces = list(grant, "/spec/namespaces");
            table.row(vec![
                at(grant, "/metadata/name"),
                short(&list(grant, "/spec/agents")),
                list(grant, "/spec/scopes"),
                list(grant, "/spec/clusters"),
                if namespaces.is_empty() { "(all)".to_owned() } else { namespaces },
                at(grant, "/spec/until"),
                at(grant, "/status/standing"),
            ]);
        }
        self.table("Grants", &table, described.grants.len(), RULES);
    }

    fn rights(&mut self, described: &Described) {
        let [cluster, namespaces, rule, effect, verbs, on] = HEADINGS;
        let mut table = Table::new(&[cluster, namespaces, rule, effect, verbs, on, "GRANT", "UNTIL"]);
        for right in described.rights.iter().take(RULES) {
            let mut cells = rules::cells(right);
            cells.extend([right.grant.clone(), right.until.clone().unwrap_or_default()]);
            table.row(cells);
        }
        self.table("Rules", &table, described.rights.len(), RULES);
        if described.more_rights {
            self.sections.push_str("  … and more rules than are listed\n");
        }
    }

    fn open(&mut self, described: &Described) {
        let mut table = Table::new(&["AGENT", "CLUSTER", "REQUEST"]);
        for open in &described.open {
            table.row(vec![open.agent.clone(), open.cluster.clone(), open.what.clone()]);
        }
        self.table("Open requests", &table, described.open_count, described.open.len());
    }

    fn field(&mut self, name: &'static str, value: String) {
        self.toned(name, value, Tone::Plain);
    }

    fn toned(&mut self, name: &'static str, value: String, tone: Tone) {
        self.fields.push((name, vec![value], tone));
    }

    fn fields(&mut self, name: &'static str, values: Vec<String>) {
        self.fields.push((name, values, Tone::Plain));
    }

    /// A table under a heading; `shown` of `all` rows are in it.
    fn table(&mut self, heading: &str, table: &Table, all: usize, shown: usize) {
        if all == 0 {
            return self.section(heading, "");
        }
        let mut text = table.render();
        if all > shown {
            text.push_str(&format!("… and {} more\n", all - shown));
        }
        self.section(heading, &text);
    }

    fn section(&mut self, heading: &str, text: &str) {
        let heading = self.terminal.paint(Tone::Strong, &format!("{heading}:"));
        if text.is_empty() {
            self.sections.push_str(&format!("{heading}  (none)\n"));
            return;
        }
        self.sections.push_str(&format!("{heading}\n"));
        text.lines().for_each(|line| self.sections.push_str(&format!("  {line}\n")));
    }

    fn finish(self) -> String {
        let width = self.fields.iter().map(|(name, ..)| name.len()).max().unwrap_or(0) + 1;
        let mut text = String::new();
        for (name, values, tone) in &self.fields {
            let none = vec!["(none)".to_owned()];
            let mut label = format!("{name}:");
            for value in if values.is_empty() { &none } else { values } {
                let value = self.terminal.paint(*tone, &clean(value));
                text.push_str(&format!("{label:width$}  {value}\n"));
                label.clear();
            }
        }
        text + &self.sections
    }
}

/// What the record's lines are painted with here: nothing.
fn plain() -> Terminal {
    use super::terminal::Colour;
    Terminal::new(Box::new(std::io::sink()), Box::new(std::io::sink()), Colour::No)
}

/// Identities with how each key stands.
fn identities_of(item: &Value) -> Vec<String> {
    let all = item.pointer("/spec/identities").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let keys = item.pointer("/status/keys").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let standing = |shown: &str| {
        let key = keys.iter().find(|key| shown == format!("key {}", at(key, "/fingerprint")))?;
        Some(at(key, "/standing")).filter(|standing| standing != "active")
    };
    let shown = all.iter().map(identities::shown);
    shown.map(|shown| standing(&shown).map_or(shown.clone(), |word| format!("{shown} ({word})"))).collect()
}

/// A list that would fill the table, cut.
fn short(list: &str) -> String {
    let many = list.split(',').count();
    if many <= 5 { list.to_owned() } else { format!("{many} agents") }
}

fn since(item: &Value, pointer: &str, now: i64) -> String {
    let time = at(item, pointer);
    match time.parse::<jiff::Timestamp>() {
        Ok(at) => {
            let age = times::age(now.saturating_sub(at.as_millisecond()));
            format!("{} ({age} ago)", times::shown(at.as_millisecond()))
        }
        Err(_unknown) => time,
    }
}

fn pairs(item: &Value, pointer: &str) -> Vec<String> {
    let fields = item.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    fields.map(|(key, value)| format!("{key}={}", text(value))).collect()
}

fn list(item: &Value, pointer: &str) -> String {
    let items = item.pointer(pointer).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    items.iter().map(text).collect::<Vec<_>>().join(",")
}

fn at(item: &Value, pointer: &str) -> String {
    item.pointer(pointer).map(text).unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
