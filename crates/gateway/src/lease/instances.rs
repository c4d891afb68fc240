//! How many copies of each agent run: who shares an identity is seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use drawbridge_policy::{AgentName, Millis};

use crate::identity::means::Instance;
use crate::manifest::INSTANCES_MOST;

/// An instance without an open request counts as running for this long after its last one.
const LINGER: i64 = 60_000;
/// It is shown for this long.
const SHOWN: i64 = 24 * 3_600_000;

/// The instances of all agents.
#[derive(Debug, Clone, Default)]
pub struct Instances {
    agents: Arc<Mutex<HashMap<AgentName, HashMap<Instance, Seen>>>>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    first: Millis,
    last: Millis,
    open: usize,
}

/// One instance, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which.
    pub instance: Instance,
    /// Its first request that is remembered.
    pub first: Millis,
    /// Its latest.
    pub last: Millis,
    /// How many are open.
    pub open: usize,
}

/// An open request's place among its agent's instances. Dropping it is the end of the request.
#[derive(Debug)]
pub struct Place {
    instances: Instances,
    agent: AgentName,
    instance: Instance,
}

/// How many copies of an agent run, this one with them.
#[derive(Debug)]
pub struct Entered {
    /// Keeps the instance running.
    pub place: Place,
    /// How many run now.
    pub running: usize,
    /// Whether this one began to run with this request.
    pub fresh: Fresh,
}

/// Whether an instance was running before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// It begins with this request.
    Yes,
    /// It ran already.
    No,
}

impl Instances {
    /// Notes a request of an instance, unless it is a new one and `most` run already.
    ///
    /// # Errors
    /// How many run, if it would be one too many.
    pub fn enter(
        &self,
        agent: &AgentName,
        instance: &Instance,
        most: Option<usize>,
        now: Millis,
    ) -> Result<Entered, usize> {
        let mut agents = self.lock();
        if !agents.contains_key(agent) {
            agents.insert(agent.clone(), HashMap::new());
        }
        let own = agents.entry(agent.clone()).or_default();
        let running = own.values().filter(|seen| seen.runs(now)).count();
        let fresh = if own.get(instance).is_some_and(|seen| seen.runs(now)) { Fresh::No } else { Fresh::Yes };
        let would = if fresh == Fresh::Yes { running.saturating_add(1) } else { running };
        if fresh == Fresh::Yes && most.is_some_and(|most| would > most) {
            return Err(running);
        }
        if !own.contains_key(instance) {
            forget(own, now);
        }
        let seen = own.entry(instance.clone()).or_insert(Seen { first: now, last: now, open: 0 });
        seen.last = now;
        seen.open = seen.open.saturating_add(1);
        let place = Place { instances: self.clone(), agent: agent.clone(), instance: instance.clone() };
        Ok(Entered { place, running: would, fresh })
    }

    /// The instances of an agent, the latest first.
    pub fn of(&self, agent: &AgentName) -> Vec<Shown> {
        let agents = self.lock();
        let own = agents.get(agent).into_iter().flatten();
        let mut shown: Vec<Shown> = own
            .map(|(instance, seen)| Shown {
                instance: instance.clone(),
                first: seen.first,
                last: seen.last,
                open: seen.open,
            })
            .collect();
        shown.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.instance.cmp(&b.instance)));
        shown
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<AgentName, HashMap<Instance, Seen>>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn runs(&self, now: Millis) -> bool {
        self.open > 0 || self.was_within(LINGER, now)
    }

    /// Whether its last request is no longer ago. What is to come was seen by a clock that was set back
    /// since: it is over, or it would be running until then.
    fn was_within(&self, millis: i64, now: Millis) -> bool {
        now.0.saturating_sub(self.last.0).abs() < millis
    }
}

/// Makes room for one more: those that are long gone go, and the one longest gone if they are too many. What
/// has open requests stays, and is bounded with these.
fn forget(own: &mut HashMap<Instance, Seen>, now: Millis) {
    if own.len() < INSTANCES_MOST {
        return;
    }
    own.retain(|_, seen| seen.open > 0 || seen.was_within(SHOWN, now));
    if own.len() < INSTANCES_MOST {
        return;
    }
    let idle = own.iter().filter(|(_, seen)| seen.open == 0);
    let oldest = idle.min_by_key(|(_, seen)| seen.last).map(|(instance, _)| instance.clone());
    if let Some(oldest) = oldest {
        own.remove(&oldest);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut agents = self.instances.lock();
        if let Some(seen) = agents.get_mut(&self.agent).and_then(|own| own.get_mut(&self.instance)) {
            seen.open = seen.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> AgentName {
        AgentName::parse("a").unwrap()
    }

    fn pod(name: &str) -> Instance {
        Instance::named("pod", name)
    }

    #[test]
    fn a_copy_runs_while_a_request_is_open_and_a_minute_longer() {
        let instances = Instances::default();
        let enter = |name: &str, now: i64| instances.enter(&agent(), &pod(name), Some(1), Millis(now));
        let first = enter("one", 0).unwrap();
        assert_eq!((first.running, first.fresh), (1, Fresh::Yes));
        let again = enter("one", 1_000).unwrap();
        assert_eq!((again.running, again.fresh), (1, Fresh::No));
        assert_eq!(enter("two", 500_000).unwrap_err(), 1, "its stream is open");
        drop((first, again));
        assert_eq!(enter("two", 60_999).unwrap_err(), 1);
        assert_eq!(enter("two", 61_000).unwrap().running, 1);
    }

    #[test]
    fn a_copy_that_was_seen_by_a_clock_that_was_set_back_since_keeps_no_other_out() {
        const YEAR: i64 = 365 * SHOWN;
        let instances = Instances::default();
        let enter = |name: &str, now: i64| instances.enter(&agent(), &pod(name), Some(1), Millis(now));
        drop(enter("one", YEAR).unwrap());
        assert_eq!(enter("two", YEAR - 59_999).unwrap_err(), 1, "a little back changes nothing");
        let second = enter("two", 0).unwrap();
        assert_eq!((second.running, second.fresh), (1, Fresh::Yes));
        assert_eq!(enter("three", 0).unwrap_err(), 1, "and the bound holds as before");
        assert_eq!(enter("three", 2 * YEAR).unwrap_err(), 1, "what is open runs, whatever the clock says");
        drop(second);
        assert_eq!(enter("three", 2 * YEAR).unwrap().running, 1);
    }

    #[test]
    fn without_a_bound_copies_are_counted_and_the_longest_gone_is_forgotten() {
        let instances = Instances::default();
        for n in 0..INSTANCES_MOST + 5 {
            let now = Millis(i64::try_from(n).unwrap() * 100_000);
            drop(instances.enter(&agent(), &pod(&n.to_string()), None, now).unwrap());
        }
        let shown = instances.of(&agent());
        assert!(shown.len() <= INSTANCES_MOST, "{}", shown.len());
        assert_eq!(shown[0].instance, pod(&(INSTANCES_MOST + 4).to_string()));
        assert!(shown.iter().all(|one| one.open == 0));
    }
}
