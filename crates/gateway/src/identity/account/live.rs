//! Whether an account's pod is still there, as its cluster says (`TokenReview`): remembered for seconds,
//! asked for once at a time, and never taken for granted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_policy::Millis;
use tokio::sync::{Mutex as Alone, Semaphore};
use tokio::time::timeout;

use crate::clock::Clock;

/// A good answer counts this long: for so long can a pod that was deleted go on, and the API server itself
/// remembers for ten seconds more.
const GOOD: i64 = 5_000;
/// A bad one. What was refused once is never good again, but for a cluster whose clock or cache is behind.
const BAD: i64 = 2_000;
/// No answer: those who waited for it needn't wait again one by one.
const NONE: i64 = 1_000;
/// Requests that wait for answers at once, over all clusters: each holds a place of the record.
const WAITING: usize = 1_024;
/// And for this long: somewhat more than one answer may take.
const WAIT: Duration = Duration::from_secs(6);
/// Tokens that are remembered: far more than there are running copies, and a few megabytes.
const MOST: usize = 10_000;

/// What a cluster says of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It counts, for this gateway.
    Alive,
    /// It doesn't count any more.
    Gone,
    /// The cluster did not say.
    Unknown,
}

impl Verdict {
    fn counts_for(self) -> i64 {
        match self {
            Verdict::Alive => GOOD,
            Verdict::Gone => BAD,
            Verdict::Unknown => NONE,
        }
    }
}

/// The SHA-256 digest of a token: what is remembered is of no use to whoever reads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of a token of one cluster: what one says is nothing to another.
    #[must_use]
    pub fn of(cluster: &str, token: &str) -> Digest {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in [cluster, "\0", token] {
            context.update(part.as_bytes());
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Digest(bytes)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

/// What clusters said lately.
#[derive(Debug)]
pub struct Reviews {
    slots: Mutex<HashMap<Digest, Arc<Slot>>>,
    /// Places for requests that wait for an answer.
    waiting: Semaphore,
}

impl Default for Reviews {
    fn default() -> Reviews {
        Reviews { slots: Mutex::default(), waiting: Semaphore::new(WAITING) }
    }
}

/// One token's answer. Whoever holds `answer` asks; the others wait for it.
#[derive(Debug, Default)]
struct Slot {
    answer: Alone<Option<(Verdict, Millis)>>,
}

impl Slot {
    /// Whether nobody asks, and what is known counts no longer.
    fn is_over(&self, now: Millis) -> bool {
        self.answer.try_lock().is_ok_and(|answer| fresh(answer.as_ref(), now).is_none())
    }
}

impl Reviews {
    /// What the cluster says, now or some seconds ago. `ask` asks it; many callers with one token ask once.
    /// Where too many wait already, or for too long, nobody can tell.
    pub async fn verdict(&self, token: Digest, clock: &Clock, ask: impl Future<Output = Verdict>) -> Verdict {
        let slot = self.slot(token, clock.now());
        let Ok(_place) = self.waiting.try_acquire() else { return Verdict::Unknown };
        let Ok(mut answer) = timeout(WAIT, slot.answer.lock()).await else { return Verdict::Unknown };
        if let Some(known) = fresh(answer.as_ref(), clock.now()) {
            return known;
        }
        // Nothing is known while it is asked: a caller who goes away meanwhile leaves it so.
        *answer = None;
        let verdict = ask.await;
        // From when the answer came: who waited for it takes it, however long it took.
        *answer = Some((verdict, clock.now()));
        verdict
    }

    fn slot(&self, token: Digest, now: Millis) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST && !slots.contains_key(&token) {
            slots.retain(|_, slot| !slot.is_over(now));
            // All of them fresh: some must be asked for again.
            let spare: Vec<_> = slots.keys().take(slots.len().saturating_sub(MOST / 2)).copied().collect();
            for one in spare {
                slots.remove(&one);
            }
        }
        slots.entry(token).or_default().clone()
    }
}

fn fresh(answer: Option<&(Verdict, Millis)>, now: Millis) -> Option<Verdict> {
    let (verdict, since) = *answer?;
    let age = now.0.checked_sub(since.0)?;
    // A clock that was set back makes nothing younger.
    (0..verdict.counts_for()).contains(&age).then_some(verdict)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    fn at(now: i64) -> Clock {
        Clock::new(move || Millis(now))
    }

    #[test]
    fn an_answer_counts_for_its_seconds_and_not_for_another_token_or_cluster() {
        let reviews = Reviews::default();
        let token = Digest::of("prod", "t");
        let ask = |token, now, says: Verdict| run(reviews.verdict(token, &at(now), async { says }));
        assert_eq!(ask(token, 0, Verdict::Alive), Verdict::Alive);
        assert_eq!(ask(token, GOOD - 1, Verdict::Gone), Verdict::Alive);
        assert_eq!(ask(token, GOOD, Verdict::Gone), Verdict::Gone);
        assert_eq!(ask(token, GOOD + BAD - 1, Verdict::Alive), Verdict::Gone);
        assert_eq!(ask(token, GOOD + BAD, Verdict::Unknown), Verdict::Unknown);
        assert_eq!(ask(token, GOOD + BAD + NONE, Verdict::Alive), Verdict::Alive);
        assert_eq!(ask(token, 0, Verdict::Gone), Verdict::Gone, "the clock was set back");
        assert_eq!(ask(Digest::of("prod", "u"), 1, Verdict::Alive), Verdict::Alive);
        assert_eq!(ask(Digest::of("test", "t"), 1, Verdict::Alive), Verdict::Alive);
        assert_ne!(Digest::of("a", "bc"), Digest::of("ab", "c"));
    }

    #[test]
    fn what_was_said_in_another_year_counts_for_nothing() {
        const YEAR: i64 = 365 * 86_400_000;
        let (reviews, token) = (Reviews::default(), Digest::of("prod", "t"));
        let ask = |now, says: Verdict| run(reviews.verdict(token, &at(now), async { says }));
        assert_eq!(ask(0, Verdict::Alive), Verdict::Alive);
        assert_eq!(ask(YEAR, Verdict::Gone), Verdict::Gone);
        assert_eq!(ask(0, Verdict::Alive), Verdict::Alive, "a bad answer keeps nobody out until then");
        assert_eq!(ask(YEAR, Verdict::Alive), Verdict::Alive);
        assert_eq!(ask(0, Verdict::Gone), Verdict::Gone, "nor does a good one let anybody in");
    }

    #[test]
    fn many_at_once_ask_once_and_one_that_goes_away_leaves_nothing_behind() {
        let (reviews, asked, clock) = (Reviews::default(), AtomicUsize::new(0), at(0));
        let token = Digest::of("prod", "t");
        run(async {
            {
                let mut gone = Box::pin(reviews.verdict(token, &clock, std::future::pending()));
                let polled = futures_util::poll!(gone.as_mut());
                assert!(polled.is_pending());
            }
            let one = || {
                reviews.verdict(token, &clock, async {
                    asked.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Verdict::Alive
                })
            };
            let all = futures_util::future::join_all((0..20).map(|_| one())).await;
            assert!(all.iter().all(|verdict| *verdict == Verdict::Alive));
        });
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_is_silent_keeps_nobody_longer_than_one_answer_takes() {
        let began = tokio::time::Instant::now();
        let clock = Clock::new(move || Millis(i64::try_from(began.elapsed().as_millis()).unwrap()));
        let (reviews, token) = (Reviews::default(), Digest::of("prod", "t"));
        let ask = || async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Verdict::Unknown
        };
        // One request every hundred milliseconds, for a minute: each second's would have to ask anew.
        let came = (0..600_u64).map(|number| {
            let (reviews, clock) = (&reviews, &clock);
            async move {
                tokio::time::sleep(Duration::from_millis(number * 100)).await;
                let began = tokio::time::Instant::now();
                assert_eq!(reviews.verdict(token, clock, ask()).await, Verdict::Unknown);
                began.elapsed()
            }
        });
        let waited = futures_util::future::join_all(came).await;
        let longest = waited.into_iter().max().unwrap();
        assert!(longest <= WAIT, "{longest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_may_wait_for_answers_and_the_next_is_told_that_nobody_can_tell() {
        let (reviews, clock) = (Reviews::default(), at(0));
        let mut waiting = Vec::new();
        for number in 0..WAITING {
            let token = Digest::of("prod", &number.to_string());
            let mut one = Box::pin(reviews.verdict(token, &clock, std::future::pending()));
            assert!(futures_util::poll!(one.as_mut()).is_pending());
            waiting.push(one);
        }
        let next = Digest::of("prod", "next");
        assert_eq!(reviews.verdict(next, &clock, async { Verdict::Alive }).await, Verdict::Unknown);
        waiting.pop();
        assert_eq!(reviews.verdict(next, &clock, async { Verdict::Alive }).await, Verdict::Alive);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (reviews, clock) = (Reviews::default(), at(0));
        run(async {
            for number in 0..(MOST * 3) {
                let token = Digest::of("prod", &number.to_string());
                reviews.verdict(token, &clock, async { Verdict::Alive }).await;
            }
        });
        assert!(reviews.slots.lock().unwrap().len() <= MOST);
    }
}
