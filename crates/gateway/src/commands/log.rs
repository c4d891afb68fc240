//! `drawbridge log`: the record, one line for each finished request.

pub(super) mod line;
mod object;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::Value;

use super::World;
use super::client::{Client, query};
use super::times::{self, Moment};
use crate::admin::log::Page;
use object::Object;

/// What is shown where nobody says how much: what fits a screen or two.
const LAST: usize = 50;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge log -f
  drawbridge log --agent cleanup --since 1h
  drawbridge log --object batch/jobs/nightly-1   # who touched this?
  drawbridge log --result no-rule -o json

Each line: time, agent, verb, object, what was decided, rule, status, duration;
for a refusal also what the agent was told.")]
pub struct Log {
    /// Go on with what happens from now on.
    #[arg(short, long)]
    follow: bool,
    /// Only of this agent.
    #[arg(long)]
    agent: Option<String>,
    /// Only on this cluster.
    #[arg(long)]
    cluster: Option<String>,
    /// Only about this object: NAMESPACE/KIND/NAME, or KIND/NAME where it has no namespace.
    #[arg(long, value_name = "NS/KIND/NAME", value_parser = object::read)]
    object: Option<Object>,
    /// Only with this result: answered, cut, caller-gone, cluster-gone, panic, or a refusal's reason.
    #[arg(long)]
    result: Option<String>,
    /// Only this request, by its id (the cluster's Audit-ID).
    #[arg(long)]
    request: Option<String>,
    /// Only since then: 1h30m ago, or a time such as 2027-06-30T00:00:00Z.
    #[arg(long, value_parser = times::moment)]
    since: Option<Moment>,
    /// Only so many, the last ones. Without --since, the last 50.
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// How to print it; JSON is one entry in a line.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// The entries as they are in the record, also those of requests that are not over.
    Json,
}

impl Log {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let client = world.client()?;
        let since = self.since.and_then(|since| since.resolve(world.clock.now().0));
        let (mut next, found) = match (self.last, since) {
            (None, Some(since)) => self.all(since, &client, world).await?,
            (last, since) => {
                let last = Some(last.unwrap_or(LAST).to_string());
                let page = self.page(&client, since, &[("last", last)]).await?;
                if page.cut {
                    world.terminal.note("older entries are left out: ask for fewer, or page with --since")?;
                }
                self.show(&page.rows, world)?;
                (page.next, page.rows.len())
            }
        };
        if !self.follow {
            if found == 0 && self.last != Some(0) {
                world.terminal.note("the record has no such entry")?;
            }
            return Ok(());
        }
        loop {
            let more = [("after", Some(next.to_string())), ("follow", Some("true".to_owned()))];
            let page = self.page(&client, None, &more).await?;
            self.show(&page.rows, world)?;
            next = page.next;
        }
    }

    /// Page by page from the beginning; the answer is where it goes on, and how many there were.
    async fn all(
        &self,
        since: Timestamp,
        client: &Client,
        world: &mut World<'_>,
    ) -> anyhow::Result<(i64, usize)> {
        let (mut next, mut found) = (0, 0);
        loop {
            let page = self.page(client, Some(since), &[("after", Some(next.to_string()))]).await?;
            self.show(&page.rows, world)?;
            next = page.next;
            found += page.rows.len();
            if page.rows.is_empty() {
                return Ok((next, found));
            }
        }
    }

    async fn page(
        &self,
        client: &Client,
        since: Option<Timestamp>,
        more: &[(&str, Option<String>)],
    ) -> anyhow::Result<Page> {
        let object = self.object.clone().unwrap_or_default();
        let mut pairs = vec![
            ("agent", self.agent.clone()),
            ("cluster", self.cluster.clone()),
            ("namespace", object.namespace),
            ("resource", object.resource),
            ("name", object.name),
            ("result", self.result.clone()),
            ("request", self.request.clone()),
            ("since", since.map(|since| since.to_string())),
            ("finished", (self.output == Output::Text).then(|| "true".to_owned())),
        ];
        pairs.extend(more.iter().cloned());
        client.get(&format!("/v1/log{}", query(&pairs))).await
    }

    fn show(&self, rows: &[Value], world: &mut World<'_>) -> anyhow::Result<()> {
        for row in rows {
            let line = match self.output {
                Output::Json => row.to_string(),
                Output::Text => line::of(row, world.terminal),
            };
            world.terminal.say(&line)?;
        }
        Ok(())
    }
}
