//! What the record says about a call: who decided what by which rule, and why. Nothing here is made up.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::own::Own;

/// An entry is in the record this long after its answer at the latest.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);
/// Rows of one agent that are looked at; one call of kubectl's makes a few.
const LAST: usize = 100;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sought {
    /// The request with this verb on this resource (`pods/log`), when it is over.
    Done(&'static str, &'static str),
    /// The same while it is open.
    Begun(&'static str, &'static str),
    /// The request of this verb and resource that was cut.
    Cut(&'static str, &'static str),
    /// A refusal, whatever was asked for.
    Refusal,
}

/// A request in the record.
#[derive(Debug, Clone)]
pub(super) struct Entry(Value);

impl From<Value> for Entry {
    fn from(row: Value) -> Entry {
        Entry(row)
    }
}

impl Entry {
    /// The newest one of an agent's after row `after` that is sought. None if there is none in time.
    pub(super) async fn find(
        own: &Own,
        agent: &str,
        after: i64,
        sought: Sought,
    ) -> anyhow::Result<Option<Entry>> {
        let began = Instant::now();
        loop {
            let rows = rows(own, agent).await?.into_iter();
            let newest =
                rows.rev().find(|entry| entry.seq() > after && !entry.is_rehearsal() && entry.is(sought));
            if newest.is_some() || began.elapsed() > PATIENCE {
                return Ok(newest);
            }
            sleep(LOOK).await;
        }
    }

    /// The last row of an agent's, so that only what comes later is looked at.
    pub(super) async fn last(own: &Own, agent: &str) -> anyhow::Result<i64> {
        Ok(rows(own, agent).await?.last().map_or(0, Entry::seq))
    }

    /// Whether it is a dry run of the gateway's own, made to decide on another request.
    fn is_rehearsal(&self) -> bool {
        self.text("/request/rehearsalOf").is_some()
    }

    /// The rule that let it through, or the nearest one that would have.
    pub(super) fn rule(&self) -> Option<&str> {
        self.text("/rule")
    }

    /// The grant that let it through.
    pub(super) fn grant(&self) -> Option<&str> {
        self.text("/grant")
    }

    /// The reason of a refusal, in one stable word.
    pub(super) fn reason(&self) -> Option<&str> {
        self.text("/outcome/reason").filter(|_| self.is_refusal())
    }

    /// The message of a refusal.
    pub(super) fn message(&self) -> Option<&str> {
        self.text("/outcome/message").filter(|_| self.is_refusal())
    }

    /// The cluster's status code, if it answered.
    pub(super) fn answered(&self) -> Option<u64> {
        let is_answer = self.text("/outcome/result") == Some("answered");
        self.0.pointer("/outcome/status").and_then(Value::as_u64).filter(|_| is_answer)
    }

    /// The verb.
    pub(super) fn verb(&self) -> &str {
        self.text("/request/verb").unwrap_or_default()
    }

    /// The API group.
    pub(super) fn group(&self) -> &str {
        self.text("/request/apiGroup").unwrap_or_default()
    }

    /// The resource.
    pub(super) fn resource(&self) -> &str {
        self.text("/request/resource").unwrap_or_default()
    }

    /// The subresource.
    pub(super) fn subresource(&self) -> &str {
        self.text("/request/subresource").unwrap_or_default()
    }

    /// The object's name.
    pub(super) fn name(&self) -> &str {
        self.text("/request/name").unwrap_or_default()
    }

    fn is(&self, sought: Sought) -> bool {
        let part = self.text("/part").unwrap_or_default();
        let asks = |verb: &str, resource: &str| {
            let (kind, sub) = resource.split_once('/').unwrap_or((resource, ""));
            self.verb() == verb && self.resource() == kind && self.subresource() == sub
        };
        match sought {
            Sought::Done(verb, resource) => part == "outcome" && asks(verb, resource),
            Sought::Begun(verb, resource) => part == "begin" && asks(verb, resource),
            Sought::Cut(verb, resource) => {
                part == "outcome" && asks(verb, resource) && self.text("/outcome/result") == Some("cut")
            }
            Sought::Refusal => part == "outcome" && self.is_refusal(),
        }
    }

    fn is_refusal(&self) -> bool {
        self.text("/outcome/result") == Some("refused")
    }

    fn seq(&self) -> i64 {
        self.0.get("seq").and_then(Value::as_i64).unwrap_or(0)
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer).and_then(Value::as_str)
    }
}

async fn rows(own: &Own, agent: &str) -> anyhow::Result<Vec<Entry>> {
    Ok(own.rows(agent, LAST).await?.into_iter().map(Entry::from).collect())
}
