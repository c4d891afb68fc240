//! An issuer's keys as they are known: fetched in the background, one fetch at a time, kept through an outage
//! for a bounded time.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use drawbridge_policy::Millis;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::Around;
use super::fetch::{Fetched, NotFetched, Source, WHOLE};
use super::keyset::KeySet;
use crate::chain::Chain;

/// Keys are fetched again after this long at least: a key that was withdrawn counts no longer than this and
/// [`SPREAD`] together.
const FRESH: Duration = Duration::from_secs(270);
/// Each issuer adds a part of this, by its name, so that not all are asked in the same second.
const SPREAD: Duration = Duration::from_secs(60);
/// After a fetch that failed, and for a key that isn't known, the issuer is asked again after this long: new
/// keys are found soon, and tokens with made-up key ids cost the issuer two fetches a minute at most.
const AGAIN: Duration = Duration::from_secs(30);
/// So many requests may wait for one issuer's fetch at once. Anybody can send a token with a key id that
/// isn't known, and each of them holds a place of the record and some memory while it waits.
const WAITING: usize = 256;
/// The last known keys count for this long while the issuer can't be asked: a night and a working day, in
/// which people notice. It is also how long a withdrawn key may count at worst.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// An issuer's keys.
#[derive(Debug)]
pub(super) struct Keys {
    name: String,
    source: Source,
    around: Around,
    known: ArcSwap<Known>,
    flight: Mutex<Flight>,
    /// Places for requests that wait for a fetch.
    waiting: Semaphore,
}

/// What the fetches so far have brought.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    url: Option<Arc<str>>,
    set: Option<Arc<KeySet>>,
    /// When the keys were fetched.
    since: Option<Millis>,
    /// Why the last fetch failed.
    fault: Option<Arc<str>>,
    /// Whether that was an answer: a cluster that lets nobody read who issues its tokens, say.
    answered: bool,
}

/// The fetch that goes on, if any, and when the last one began.
#[derive(Debug, Default)]
struct Flight {
    /// Closed when the fetch has ended, however it did.
    ended: Option<watch::Receiver<()>>,
    began: Option<Millis>,
}

/// Whether a request waited for what an issuer says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// It did, or the issuer was asked lately.
    Yes,
    /// Too many wait for it.
    No,
}

/// Why keys are fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It is time.
    Time,
    /// A token needs a key that isn't known.
    Token,
}

/// How well an issuer's keys are known, for readiness, metrics and `doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What its tokens have in `iss`.
    pub url: Option<Arc<str>>,
    /// How many keys count now; 0 while none is known.
    pub keys: usize,
    /// When they were fetched.
    pub since: Option<Millis>,
    /// Until when they count if the issuer can't be asked again.
    pub until: Option<Millis>,
    /// Why the last fetch failed. None where it went well, and before the first.
    pub fault: Option<Arc<str>>,
    /// Keys that don't count, and why.
    pub left_out: Vec<String>,
}

impl Known {
    /// Exactly what tokens have in `iss`.
    pub(super) fn url(&self) -> Option<&Arc<str>> {
        self.url.as_ref()
    }

    /// Whether its tokens have this `iss`, or may have: who hasn't been heard yet may be anybody with a url,
    /// since nobody else can be asked who they are. Who was heard, and gave none, issues nothing.
    pub(super) fn may_be(&self, issuer: &str) -> bool {
        match &self.url {
            Some(url) => &**url == issuer,
            None => !self.answered && issuer.starts_with("https://"),
        }
    }

    /// The keys, while they count. Those that were fetched in what is now the future count no longer, since
    /// nobody knows how old they are: the clock was set back. What it is corrected by all the time is less
    /// than [`AGAIN`].
    pub(super) fn set(&self, now: Millis) -> Option<&KeySet> {
        let from = self.since.map(|since| earlier(since, AGAIN));
        let counts = from.zip(self.until()).is_some_and(|(from, until)| from <= now && now < until);
        self.set.as_deref().filter(|_| counts)
    }

    /// Whether the last fetch failed, or there was none yet: then what isn't known may be there all the same.
    pub(super) fn is_in_doubt(&self, now: Millis) -> bool {
        self.fault.is_some() || self.set(now).is_none()
    }

    fn until(&self) -> Option<Millis> {
        self.since.map(|since| later(since, KEPT))
    }
}

impl Keys {
    pub(super) fn new(name: &str, source: Source, around: Around) -> Arc<Keys> {
        let url = match &source {
            Source::Oidc { url, .. } => Some(url.clone()),
            Source::Cluster(_) => None,
        };
        let known = ArcSwap::from_pointee(Known { url, ..Known::default() });
        let name = name.to_owned();
        let waiting = Semaphore::new(WAITING);
        Arc::new(Keys { name, source, around, known, flight: Mutex::default(), waiting })
    }

    pub(super) fn now(&self) -> Millis {
        self.around.clock.now()
    }

    pub(super) fn known(&self) -> Arc<Known> {
        self.known.load_full()
    }

    pub(super) fn url(&self) -> Option<Arc<str>> {
        self.known.load().url.clone()
    }

    /// Fetches the keys, or waits for the fetch that goes on.
    pub(super) async fn refresh(self: &Arc<Self>) {
        self.ask(Why::Time).await;
    }

    /// Has the issuer asked for a key that isn't known, unless that was done lately. Where enough wait for
    /// that already, one more does not.
    pub(super) async fn look_again(self: &Arc<Self>) -> Looked {
        let Ok(_place) = self.waiting.try_acquire() else { return Looked::No };
        self.ask(Why::Token).await;
        Looked::Yes
    }

    /// Whether a manifest names it, or it is a preset: not a cluster, which says itself who it is.
    pub(super) fn is_declared(&self) -> bool {
        matches!(self.source, Source::Oidc { .. })
    }

    pub(super) async fn keep_fresh(self: &Arc<Self>) {
        loop {
            self.refresh().await;
            let pause = if self.known.load().fault.is_some() { AGAIN } else { self.pause() };
            sleep(pause).await;
        }
    }

    pub(super) fn health(&self) -> Health {
        let known = self.known();
        let set = known.set(self.now());
        Health {
            url: known.url.clone(),
            keys: set.map_or(0, KeySet::len),
            since: known.since,
            until: known.until(),
            fault: known.fault.clone(),
            left_out: set.map(KeySet::left_out).unwrap_or_default(),
        }
    }

    async fn ask(self: &Arc<Self>, why: Why) {
        if let Some(mut ended) = self.fetch(why) {
            // It ends by closing, which is an error here; a fetch bounds itself, and this is in case it
            // can't.
            let waited = timeout(WHOLE.saturating_mul(2), ended.changed()).await;
            if waited.is_err() {
                tracing::warn!(issuer = self.name, "a fetch of keys does not end");
            }
        }
    }

    /// Starts a fetch, or joins the one that goes on. None where the issuer was asked too lately for `why`.
    fn fetch(self: &Arc<Self>, why: Why) -> Option<watch::Receiver<()>> {
        let now = self.now();
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = flight.ended.as_ref().filter(|ended| ended.has_changed().is_ok()) {
            return Some(ended.clone());
        }
        // A clock that was set back must not keep anybody from asking.
        let lately = |began: Millis| began.0 <= now.0 && now < later(began, AGAIN);
        if why == Why::Token && flight.began.is_some_and(lately) {
            return None;
        }
        let (end, ended) = watch::channel(());
        *flight = Flight { ended: Some(ended.clone()), began: Some(now) };
        let keys = self.clone();
        self.around.tasks.spawn(async move {
            let known = keys.after(keys.source.fetch(&keys.around.metrics).await);
            keys.known.store(Arc::new(known));
            drop(end);
        });
        Some(ended)
    }

    /// What is known after a fetch. Keys that are no longer in the set are gone; after a failure, those that
    /// were known stay until their time is over.
    fn after(&self, fetched: Result<Fetched, NotFetched>) -> Known {
        let before = self.known();
        match fetched {
            Ok(Fetched { url, keys }) => {
                self.tell_good(&keys, before.fault.is_some());
                let (since, set) = (Some(self.now()), Some(Arc::new(keys)));
                Known { url: Some(url), set, since, fault: None, answered: true }
            }
            Err(error) => {
                let fault = Chain(&error).to_string();
                tracing::warn!(issuer = self.name, error = fault, "the issuer's keys can't be fetched");
                Known { fault: Some(fault.into()), answered: error.is_an_answer(), ..(*before).clone() }
            }
        }
    }

    fn tell_good(&self, keys: &KeySet, again: bool) {
        if again {
            tracing::info!(issuer = self.name, "the issuer's keys can be fetched again");
        }
        for left_out in keys.left_out() {
            tracing::warn!(issuer = self.name, left_out, "a key of the issuer's does not count");
        }
    }

    fn pause(&self) -> Duration {
        let mut hasher = DefaultHasher::new();
        self.name.hash(&mut hasher);
        let part = u32::try_from(hasher.finish() % 1_000).unwrap_or(0);
        FRESH.saturating_add(SPREAD.saturating_mul(part).checked_div(1_000).unwrap_or(SPREAD))
    }
}

#[cfg(test)]
impl Keys {
    /// As after a fetch that brought this.
    pub(super) fn learn(&self, url: &str, keys: KeySet) {
        let known = self.after(Ok(Fetched { url: url.into(), keys }));
        self.known.store(Arc::new(known));
    }
}

fn earlier(time: Millis, by: Duration) -> Millis {
    Millis(time.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
}

fn later(time: Millis, by: Duration) -> Millis {
    Millis(time.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
}
