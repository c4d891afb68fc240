//! What the record says that an agent did.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::anyhow;
use drawbridge_policy::AgentName;
use jiff::Timestamp;
use serde_json::Value;

use super::propose::propose;
use super::seen::{Basis, Request, Tally};
use super::text::{self, Head};
use crate::admin::log::Page;
use crate::admin::manifests::List;
use crate::commands::World;
use crate::commands::client::{Client, query};
use crate::commands::times::{Moment, Span, shown};

/// How far back it is looked where nobody says: a week has every weekday's work in it.
pub(super) const SINCE: Moment = Moment::Ago(Span { millis: 7 * 86_400_000 });

/// Requests that began and have no end yet. A gateway has fewer open; more are what a crash left, and count
/// as begun.
const OPEN: usize = 50_000;

/// What is to be looked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) agent: AgentName,
    pub(super) cluster: Option<String>,
    pub(super) since: Timestamp,
    pub(super) refused: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// By cluster.
    pub(super) tallies: BTreeMap<String, Tally>,
    /// By cluster: the grants that requests came through.
    pub(super) grants: BTreeMap<String, BTreeSet<String>>,
    /// Rows of requests, whatever they are.
    rows: u64,
    /// Requests that were refused and are left out.
    refused: u64,
    /// What has begun, by the request's id.
    open: HashMap<String, Value>,
}

impl Wanted {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let client = world.client()?;
        let mut found = Found::default();
        let mut next = 0;
        loop {
            let page = self.page(&client, next).await?;
            if page.rows.is_empty() {
                break;
            }
            next = page.next;
            for row in page.rows {
                found.take(row, self.refused)?;
            }
        }
        found.end()?;
        if found.tallies.values().all(Tally::is_empty) {
            return Err(self.nothing(&found, &client).await?);
        }
        let Found { tallies, grants, .. } = &found;
        let none = BTreeSet::new();
        let mut documents = Vec::new();
        for (cluster, tally) in tallies.iter().filter(|(_, tally)| !tally.is_empty()) {
            let head = Head {
                agent: self.agent.as_str(),
                cluster: Some(cluster),
                since: Some(self.since.as_millisecond()),
                source: "the record",
                grants: grants.get(cluster).unwrap_or(&none),
            };
            documents.extend(text::write(&head, tally, &propose(tally))?);
        }
        world.terminal.write(&documents.join("---\n"))?;
        if found.refused > 0 {
            let refused = found.refused;
            world.terminal.note(&format!(
                "{} refused and left out; --refused proposes these too",
                text::counted(refused, "request was", "requests were")
            ))?;
        }
        Ok(())
    }

    async fn page(&self, client: &Client, after: i64) -> anyhow::Result<Page> {
        let pairs = [
            ("agent", Some(self.agent.as_str().to_owned())),
            ("cluster", self.cluster.clone()),
            ("since", Some(self.since.to_string())),
            ("after", Some(after.to_string())),
        ];
        client.get(&format!("/v1/log{}", query(&pairs))).await
    }

    /// Why there is nothing to propose.
    async fn nothing(&self, found: &Found, client: &Client) -> anyhow::Result<anyhow::Error> {
        let agent = self.agent.as_str();
        let pairs = [("kind", Some("Agent".to_owned())), ("name", Some(agent.to_owned()))];
        let known: List = client.get(&format!("/v1/manifests{}", query(&pairs))).await?;
        let on = self.cluster.as_ref().map_or_else(String::new, |cluster| format!(" on cluster {cluster:?}"));
        let since = shown(self.since.as_millisecond());
        let discovery = found.tallies.values().any(|tally| tally.discovery > 0);
        Ok(if found.rows == 0 && known.items.is_empty() {
            anyhow!("no agent {agent:?} is known, nor in the record; 'drawbridge get agents' lists them")
        } else if found.rows == 0 {
            anyhow!(
                "the record has no request of agent {agent:?}{on} since {since}: let it work, or look \
                 further back with --since"
            )
        } else if found.refused > 0 {
            anyhow!(
                "agent {agent:?} was refused all that it asked for{on} since {since}; --refused proposes \
                 what it was refused"
            )
        } else if discovery {
            anyhow!(
                "agent {agent:?} did nothing{on} since {since} but discovery, which every agent with a \
                 grant has: no scope is needed for that"
            )
        } else {
            anyhow!("agent {agent:?} asked for nothing{on} since {since} that a rule could allow")
        })
    }
}

impl Found {
    /// Takes a row of the record.
    pub(super) fn take(&mut self, row: Value, refused: bool) -> anyhow::Result<()> {
        let id = text(&row, "/request/request").to_owned();
        match text(&row, "/part") {
            // Decided again, a request has several: the last one counts.
            "begin" | "attempt" => {
                self.rows = self.rows.saturating_add(1);
                if self.open.len() >= OPEN {
                    self.end()?;
                }
                self.open.insert(id, row);
                Ok(())
            }
            "outcome" => {
                self.rows = self.rows.saturating_add(1);
                self.open.remove(&id);
                self.outcome(&row, refused)
            }
            _ => Ok(()),
        }
    }

    /// Counts what has begun and is open, a watch say.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        for (_, row) in std::mem::take(&mut self.open) {
            self.add(&row, Basis::Done)?;
        }
        Ok(())
    }

    fn outcome(&mut self, row: &Value, refused: bool) -> anyhow::Result<()> {
        let status = row.get("status").and_then(Value::as_u64);
        let basis = match text(row, "/outcome/result") {
            // The scope let it through, and the cluster's ceiling did not.
            "answered" if status == Some(403) => Basis::Refused,
            "answered" | "cut" | "caller-gone" | "cluster-gone" => Basis::Done,
            "refused" if would_help(text(row, "/outcome/reason")) => Basis::Refused,
            _ => return Ok(()),
        };
        if basis == Basis::Refused && !refused {
            self.refused = self.refused.saturating_add(1);
            return Ok(());
        }
        self.add(row, basis)
    }

    fn add(&mut self, row: &Value, basis: Basis) -> anyhow::Result<()> {
        let cluster = text(row, "/request/cluster");
        let rule = text(row, "/rule");
        let tally = self.tallies.entry(cluster.to_owned()).or_default();
        if basis == Basis::Done && !rule.contains('/') {
            // What is built in, discovery say, needs no rule.
            tally.discovery = tally.discovery.saturating_add(1);
            return Ok(());
        }
        let grant = text(row, "/grant");
        if basis == Basis::Done && !grant.is_empty() {
            self.grants.entry(cluster.to_owned()).or_default().insert(grant.to_owned());
        }
        let method = text(row, "/request/method").to_ascii_lowercase();
        let resource = text(row, "/request/resource");
        let subresource = text(row, "/request/subresource");
        let verb = match (resource, subresource) {
            ("", _) => method.as_str(),
            // The record has the verb that was decided; what is proxied also needs its own.
            (_, "proxy") => verb_of(&method),
            _ => text(row, "/request/verb"),
        };
        let path = text(row, "/request/path");
        let on_cluster = path.strip_prefix("/clusters/").and_then(|rest| rest.strip_prefix(cluster));
        let created = row.get("status").and_then(Value::as_u64) == Some(201)
            || text(row, "/outcome/reason") == "needs-create";
        let request = Request {
            verb,
            group: text(row, "/request/apiGroup"),
            resource,
            subresource,
            namespace: text(row, "/request/namespace"),
            name: text(row, "/request/name"),
            path: on_cluster.filter(|rest| rest.starts_with('/')).unwrap_or(path),
            created,
            time: row.get("time").and_then(Value::as_i64).unwrap_or(0),
        };
        tally.add(&request, basis)
    }
}

/// Whether a rule would have let it through: no rule undoes a deny or what is built in.
fn would_help(reason: &str) -> bool {
    matches!(reason, "no-grant" | "no-rule" | "escape" | "needs-create")
}

/// RBAC's verb for a method on one object.
fn verb_of(method: &str) -> &'static str {
    match method {
        "post" => "create",
        "put" => "update",
        "patch" => "patch",
        "delete" => "delete",
        _ => "get",
    }
}

fn text<'v>(row: &'v Value, pointer: &str) -> &'v str {
    row.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(part: &str, id: &str, request: &Value, more: &Value) -> Value {
        let mut row = json!({ "part": part, "time": 5, "rule": "s/r", "grant": "g", "request": {
            "request": id, "agent": "a", "cluster": "prod", "method": "GET", "path": "/clusters/prod/x" } });
        for (to, from) in [("/request", request), ("", more)] {
            let fields = from.as_object().unwrap().clone();
            row.pointer_mut(to).unwrap().as_object_mut().unwrap().extend(fields);
        }
        row
    }

    fn on(verb: &str, resource: &str) -> Value {
        json!({ "verb": verb, "resource": resource, "apiGroup": "", "namespace": "x", "name": "n" })
    }

    fn answered(status: u16) -> Value {
        json!({ "status": status, "outcome": { "result": "answered", "status": status } })
    }

    fn refused(reason: &str) -> Value {
        json!({ "rule": null, "outcome": { "result": "refused", "reason": reason, "status": 403 } })
    }

    fn proposed(rows: &[Value], refused: bool) -> (String, Found) {
        let mut found = Found::default();
        for row in rows {
            found.take(row.clone(), refused).unwrap();
        }
        found.end().unwrap();
        let tally = found.tallies.remove("prod").unwrap_or_default();
        let parts = propose(&tally);
        let text = parts.iter().flat_map(|part| &part.rules).map(|rule| {
            format!("{} {:?} {} {:?}\n", rule.verbs.join(","), rule.on, rule.count.times, rule.basis)
        });
        (text.collect(), found)
    }

    #[test]
    fn each_request_counts_once_however_often_it_was_decided_and_open_ones_count_too() {
        let rows = [
            row("begin", "1", &on("get", "pods"), &json!({})),
            row("begin", "1", &on("get", "pods"), &json!({})),
            row("outcome", "1", &on("get", "pods"), &answered(200)),
            row("begin", "2", &on("watch", "pods"), &json!({})),
            json!({ "part": "event", "event": "apply" }),
        ];
        let (text, found) = proposed(&rows, false);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.lines().all(|line| line.ends_with(" 1 Done")), "{text}");
        assert_eq!(found.grants["prod"], BTreeSet::from(["g".to_owned()]));
    }

    #[test]
    fn refusals_count_only_if_asked_for_and_if_a_rule_would_have_helped() {
        let rows = [
            row("outcome", "1", &on("get", "secrets"), &refused("escape")),
            row("outcome", "2", &on("get", "pods"), &refused("deny-rule")),
            row("outcome", "3", &on("get", "pods"), &refused("built-in")),
            row("outcome", "4", &json!({}), &refused("path-dot-segment")),
            row("begin", "5", &on("delete", "pods"), &json!({})),
            row("outcome", "5", &on("delete", "pods"), &answered(403)),
            row("outcome", "6", &on("update", "configmaps"), &refused("needs-create")),
        ];
        let (text, found) = proposed(&rows, false);
        assert_eq!((text.as_str(), found.refused), ("", 3));
        let (text, found) = proposed(&rows, true);
        assert_eq!(found.refused, 0);
        for words in
            ["get Resources { group: \"\", resources: [\"secrets\"]", "delete ", "update ", "create "]
        {
            assert!(text.contains(words), "{words} in {text}");
        }
        assert!(text.lines().all(|line| line.ends_with("Refused")), "{text}");
    }

    #[test]
    fn what_is_built_in_needs_no_rule_and_a_path_is_the_cluster_s() {
        let path = |path: &str| json!({ "path": path, "method": "GET" });
        let mut version = answered(200);
        version["rule"] = json!("discovery");
        let rows = [
            row("outcome", "1", &path("/clusters/prod/version"), &version),
            row("outcome", "2", &path("/clusters/prod/metrics"), &answered(200)),
        ];
        let (text, _) = proposed(&rows, false);
        assert_eq!(text, "get Paths([\"/metrics\"]) 1 Done\n");
    }

    #[test]
    fn what_is_proxied_needs_its_own_verb_and_what_was_made_needs_create() {
        let mut proxied = on("create", "services");
        proxied["subresource"] = json!("proxy");
        let mut put = on("update", "configmaps");
        put["method"] = json!("PUT");
        let rows = [row("outcome", "1", &proxied, &answered(200)), row("outcome", "2", &put, &answered(201))];
        let (text, _) = proposed(&rows, false);
        assert!(
            text.contains("get,create Resources { group: \"\", resources: [\"services/proxy\"]"),
            "{text}"
        );
        assert!(text.contains("create Resources { group: \"\", resources: [\"configmaps\"], names: [] }"));
    }
}
