//! Limits of rules: counts a request before it is sent, or refuses it. What can't be counted isn't sent.
//!
//! One task counts, in groups, as the record is written: a commit costs as much for one request as for a
//! hundred.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_policy::{AgentName, Limit, Millis, Per, RuleId};
use drawbridge_store::{Limited, Store, Taken};
use jiff::Timestamp;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::refusal::Refusal;

/// Requests that one commit counts at most: it bounds how long one waits behind others.
const GROUP: usize = 256;
/// Limits that are remembered as used up, so that whoever goes on asking costs the database nothing. Beyond
/// this number the database is asked.
const REMEMBERED: usize = 10_000;

/// Why a request could not be counted. It was not sent; it may have been counted.
#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
pub enum NotCounted {
    /// The database takes no writes: disk full, gone, broken.
    #[error("limits can't be counted now")]
    Failing,
    /// It did not answer in time, or too much waits already.
    #[error("limits could not be counted in time")]
    Slow,
    /// The gateway is ending.
    #[error("limits are no longer counted")]
    Closed,
}

/// A limit that is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    agent: AgentName,
    rule: RuleId,
    limit: Limit,
    asked: Millis,
    free_at: Millis,
}

/// What one request was counted under so far. It lives as long as the request, so that what we decide or
/// send again counts once.
#[derive(Debug, Default)]
pub struct Counted(Vec<(RuleId, Per)>);

/// The handle by which requests are counted.
#[derive(Debug, Clone)]
pub struct RuleLimits {
    asks: mpsc::Sender<Ask>,
    full: Arc<Full>,
    clock: Clock,
    patience: Duration,
}

/// The task behind [`RuleLimits`]; runs until every handle is gone.
#[derive(Debug)]
pub struct Counter {
    asks: mpsc::Receiver<Ask>,
    store: Store,
    clock: Clock,
    failing: bool,
}

/// One request that waits to be counted.
#[derive(Debug)]
struct Ask {
    wanted: Vec<Limited>,
    told: oneshot::Sender<Result<Taken, NotCounted>>,
}

impl RuleLimits {
    /// `patience` bounds every wait for the database.
    #[must_use]
    pub fn new(store: Store, clock: Clock, patience: Duration) -> (RuleLimits, Counter) {
        // The next group, while one is being written; whoever finds no place here waits as long.
        let (sender, receiver) = mpsc::channel(GROUP);
        let limits = RuleLimits { asks: sender, full: Arc::default(), clock: clock.clone(), patience };
        (limits, Counter { asks: receiver, store, clock, failing: false })
    }

    /// Counts one request of the agent's under all limits of the rule that it isn't `counted` under yet, or
    /// under none.
    ///
    /// # Errors
    /// `Limit` if one of them is used up, `NotCounted` if nobody can tell.
    pub async fn take(
        &self,
        agent: &AgentName,
        rule: &RuleId,
        limits: &[Limit],
        counted: &mut Counted,
    ) -> Result<(), Refusal> {
        let new: Vec<Limit> =
            limits.iter().copied().filter(|limit| !counted.has(rule, limit.per())).collect();
        if new.is_empty() {
            return Ok(());
        }
        let asked = self.clock.now();
        let exceeded = |limit: Limit, free_at: Millis| {
            let (agent, rule) = (agent.clone(), rule.clone());
            Refusal::Limit(Box::new(Exceeded { agent, rule, limit, asked, free_at }))
        };
        if let Some((limit, free_at)) = self.full.find(agent, rule, &new, asked) {
            return Err(exceeded(limit, free_at));
        }
        let limited = |limit: &Limit| Limited {
            agent: agent.as_str().to_owned(),
            rule: rule.as_str().to_owned(),
            per_ms: limit.per().millis(),
            requests: i64::from(limit.requests()),
        };
        match self.ask(new.iter().map(limited).collect()).await.map_err(Refusal::NotCounted)? {
            Taken::Yes => {
                counted.0.extend(new.iter().map(|limit| (rule.clone(), limit.per())));
                Ok(())
            }
            Taken::Over { index, free_at } => {
                let limit = *new.get(index).ok_or(Refusal::Fault)?;
                self.full.remember((agent.clone(), rule.clone(), limit), Millis(free_at), asked);
                Err(exceeded(limit, Millis(free_at)))
            }
        }
    }

    async fn ask(&self, wanted: Vec<Limited>) -> Result<Taken, NotCounted> {
        let (told, answer) = oneshot::channel();
        let counted = async {
            self.asks.send(Ask { wanted, told }).await.or(Err(NotCounted::Closed))?;
            answer.await.or(Err(NotCounted::Closed))?
        };
        timeout(self.patience, counted).await.unwrap_or(Err(NotCounted::Slow))
    }
}

impl Counted {
    fn has(&self, rule: &RuleId, per: Per) -> bool {
        self.0.iter().any(|(counted, length)| counted == rule && *length == per)
    }
}

impl Counter {
    /// Counts until every [`RuleLimits`] handle is dropped.
    pub async fn run(mut self) {
        let mut asks: Vec<Ask> = Vec::with_capacity(GROUP);
        while self.asks.recv_many(&mut asks, GROUP).await > 0 {
            self.count(&mut asks).await;
        }
    }

    /// One group.
    async fn count(&mut self, asks: &mut Vec<Ask>) {
        // Whose caller is gone by now needs no place.
        asks.retain(|ask| !ask.told.is_closed());
        let wanted: Vec<&[Limited]> = asks.iter().map(|ask| &*ask.wanted).collect();
        let taken = self.store.take_many(&wanted, self.clock.now().0).await;
        self.heard(taken.as_ref().err());
        let mut answers = taken.unwrap_or_default().into_iter();
        for ask in asks.drain(..) {
            let answer = answers.next().ok_or(NotCounted::Failing);
            if ask.told.send(answer).is_err() {
                tracing::trace!("nobody waits for this any more");
            }
        }
    }

    /// Says once when the database stops counting, and once when it counts again.
    fn heard(&mut self, error: Option<&drawbridge_store::Error>) {
        let was_failing = std::mem::replace(&mut self.failing, error.is_some());
        match error {
            Some(error) if !was_failing => {
                tracing::error!(%error, "limits can't be counted: requests under them are refused");
            }
            None if was_failing => tracing::info!("limits are counted again"),
            Some(_) | None => {}
        }
    }
}

/// Limits that are used up until a time. Only time makes room again, so that nobody needs to be asked before.
#[derive(Debug, Default)]
struct Full(Mutex<HashMap<Used, Millis>>);

/// Whose limit is used up. With another number it is another limit.
type Used = (AgentName, RuleId, Limit);

impl Full {
    /// A limit that is known to be used up now, and until when.
    fn find(
        &self,
        agent: &AgentName,
        rule: &RuleId,
        limits: &[Limit],
        now: Millis,
    ) -> Option<(Limit, Millis)> {
        let full = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limits.iter().find_map(|limit| {
            let until = *full.get(&(agent.clone(), rule.clone(), *limit))?;
            counts(until, *limit, now).then_some((*limit, until))
        })
    }

    fn remember(&self, used: Used, until: Millis, now: Millis) {
        let mut full = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if full.len() >= REMEMBERED {
            full.retain(|(_, _, limit), until| counts(*until, *limit, now));
        }
        if full.len() < REMEMBERED {
            full.insert(used, until);
        }
    }
}

/// Whether a limit that was found used up is so still. A time that is further away than the window was told
/// while a clock was wrong: then the database is asked.
fn counts(until: Millis, limit: Limit, now: Millis) -> bool {
    let longest = limit.per().millis().saturating_mul(2);
    now < until && until.0.saturating_sub(now.0) <= longest
}

impl Exceeded {
    /// In how many seconds a request may pass again, for `Retry-After`: whole ones, at least one, and never
    /// too early.
    #[must_use]
    pub fn retry_after(&self) -> u64 {
        let millis = self.free_at.0.saturating_sub(self.asked.0).max(1);
        u64::try_from(millis).unwrap_or(1).div_ceil(1_000)
    }

    /// What the caller is told.
    #[must_use]
    pub fn message(&self) -> String {
        let Exceeded { agent, rule, limit, .. } = self;
        let at = Timestamp::from_millisecond(self.free_at.0).map_or(String::new(), |at| format!(" ({at})"));
        format!(
            "rule {:?} allows agent {:?} at most {limit}, and that is used up; nothing was sent. This is \
             policy, not a fault: another tool won't help. Next: wait {} s{at}",
            rule.as_str(),
            agent.as_str(),
            self.retry_after(),
        )
    }

    /// What the record keeps about it.
    #[must_use]
    pub fn decided(&self) -> Value {
        json!({
            "rule": self.rule.as_str(),
            "limit": {
                "requests": self.limit.requests(),
                "per": self.limit.per().as_str(),
                "freeAt": self.free_at.0,
            },
        })
    }
}
