//! The numbers. Every series is made when the gateway starts; a request only adds to counters that are found
//! by their place.

use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

use super::Class;

/// One label, from a closed enum.
type Label = [(&'static str, &'static str); 1];
/// An errand's labels.
type Errands = [(&'static str, &'static str); 2];

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The cluster answered, and the caller got all of it.
    Answered,
    /// Refused.
    Refused,
    /// Cut.
    Cut,
    /// The caller went away.
    CallerGone,
    /// The cluster went away.
    ClusterGone,
    /// A fault.
    Panic,
}

/// The errands that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// A live object.
    Live,
    /// The namespace that a condition names.
    Namespace,
    /// The earlier revisions that a condition names.
    Revisions,
    /// What a filtered watch begins with.
    Beginning,
    /// Which objects a collection has that is deleted object by object.
    Page,
    /// Doctor's and readiness' questions.
    Review,
    /// The gateway's next token.
    Renew,
    /// Who a cluster's or an OIDC issuer is.
    Document,
    /// Its keys.
    Keys,
    /// Whether a service account's token still counts.
    TokenReview,
    /// Whether an API is the API server's own.
    ApiService,
}

impl Called {
    const ALL: [Called; 11] = [
        Called::Live,
        Called::Namespace,
        Called::Revisions,
        Called::Beginning,
        Called::Page,
        Called::Review,
        Called::Renew,
        Called::Document,
        Called::Keys,
        Called::TokenReview,
        Called::ApiService,
    ];

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Called::Live => "live",
            Called::Namespace => "namespace",
            Called::Revisions => "revisions",
            Called::Beginning => "beginning",
            Called::Page => "page",
            Called::Review => "review",
            Called::Renew => "renew",
            Called::Document => "issuer-document",
            Called::Keys => "issuer-keys",
            Called::TokenReview => "token-review",
            Called::ApiService => "api-service",
        }
    }
}

/// Errands of a kind since the start, some of which failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// Which kind.
    pub kind: Called,
    /// How many failed.
    pub failed: u64,
    /// How many did not.
    pub done: u64,
}

const ENDINGS: [&str; 6] = ["answered", "refused", "cut", "caller-gone", "cluster-gone", "panic"];
const RESULTS: [&str; 2] = ["done", "failed"];

/// What is read at the moment of a scrape.
#[derive(Debug, Clone, Copy, Default)]
pub struct Level {
    /// Requests open now, streams included.
    pub open: usize,
    /// Agents with an open request.
    pub agents: usize,
    /// Places of the record's queue that are taken, and how many there are.
    pub places: (usize, usize),
    /// 1 while the record takes no writes.
    pub failing: usize,
    /// Credentials of nobody known that were seen lately.
    pub unrecognised: usize,
    /// Clusters that are known.
    pub clusters: usize,
    /// Issuers of credentials that are known, and those of whose keys none is known.
    pub issuers: (usize, usize),
}

/// The gateway's numbers.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    endings: Vec<Counter>,
    refusals: Vec<Counter>,
    errands: Vec<[Counter; 2]>,
    errand_seconds: Vec<Histogram>,
    revocation: Histogram,
    mismatches: Counter,
    levels: Levels,
}

#[derive(Debug, Default)]
struct Levels {
    open: Gauge,
    agents: Gauge,
    taken: Gauge,
    places: Gauge,
    failing: Gauge,
    unrecognised: Gauge,
    clusters: Gauge,
    issuers: Gauge,
    mute: Gauge,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("drawbridge");
        let endings = Family::<Label, Counter>::default();
        let refusals = Family::<Label, Counter>::default();
        let errands = Family::<Errands, Counter>::default();
        let errand_seconds = Family::<Label, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.001, 2.0, 17))
        });
        let revocation = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        registry.register("requests", "Requests of agents, by how they ended", endings.clone());
        registry.register("refusals", "Refused requests, by the class of their reason", refusals.clone());
        registry.register("errands", "The gateway's own calls to clusters and issuers", errands.clone());
        let seconds = Unit::Seconds;
        registry.register_with_unit(
            "errand",
            "How long the gateway's own calls to clusters took",
            seconds.clone(),
            errand_seconds.clone(),
        );
        registry.register_with_unit(
            "revocation",
            "From the call that suspends or revokes until what had to end has ended",
            seconds,
            revocation.clone(),
        );
        let mismatches = Counter::default();
        let differs = "Writes after which something was stored that their rule does not let through";
        registry.register("mismatches", differs, mismatches.clone());
        let levels = Levels::default();
        levels.register(&mut registry);
        let each = |word| endings.get_or_create_owned(&[("outcome", word)]);
        Metrics {
            endings: ENDINGS.into_iter().map(each).collect(),
            refusals: Class::ALL
                .into_iter()
                .map(|class| refusals.get_or_create_owned(&[("reason", class.as_str())]))
                .collect(),
            errands: Called::ALL
                .into_iter()
                .map(|kind| {
                    RESULTS.map(|result| {
                        errands.get_or_create_owned(&[("kind", kind.as_str()), ("result", result)])
                    })
                })
                .collect(),
            errand_seconds: Called::ALL
                .into_iter()
                .map(|kind| errand_seconds.get_or_create_owned(&[("kind", kind.as_str())]))
                .collect(),
            revocation,
            mismatches,
            levels,
            registry,
        }
    }
}

impl Levels {
    fn register(&self, registry: &mut Registry) {
        registry.register("open_requests", "Requests open now, streams included", self.open.clone());
        registry.register("open_agents", "Agents with an open request", self.agents.clone());
        let taken = "Places of the record's queue that open requests and waiting rows take";
        registry.register("record_places_taken", taken, self.taken.clone());
        registry.register("record_places", "Places of the record's queue", self.places.clone());
        registry.register("record_failing", "1 while the record takes no writes", self.failing.clone());
        let strangers = "Credentials of nobody known that were seen lately";
        registry.register("unrecognised", strangers, self.unrecognised.clone());
        registry.register("clusters", "Clusters that are known", self.clusters.clone());
        registry.register("issuers", "Issuers of credentials that are known", self.issuers.clone());
        let mute = "Issuers of whose keys none is known now: their agents are refused";
        registry.register("issuers_without_keys", mute, self.mute.clone());
    }
}

impl Metrics {
    /// A request ended.
    pub fn ended(&self, ending: Ending) {
        count(self.endings.get(ending as usize));
    }

    /// A request was refused.
    pub fn refused(&self, class: Class) {
        count(self.refusals.get(class.place()));
    }

    /// Something was stored that its rule does not let through.
    pub fn mismatched(&self) {
        self.mismatches.inc();
    }

    /// What was suspended or revoked has ended after so many milliseconds.
    pub fn revoked(&self, milliseconds: i64) {
        let millis = u64::try_from(milliseconds).unwrap_or(0);
        self.revocation.observe(Duration::from_millis(millis).as_secs_f64());
    }

    /// Runs an errand, and notes how long it took and how it ended.
    pub async fn errand<T, E>(
        &self,
        kind: Called,
        errand: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let began = Instant::now();
        let done = errand.await;
        let place = kind as usize;
        count(self.errands.get(place).and_then(|results| results.get(usize::from(done.is_err()))));
        if let Some(seconds) = self.errand_seconds.get(place) {
            seconds.observe(began.elapsed().as_secs_f64());
        }
        done
    }

    /// How many errands of each kind failed since the start, and how many were done; of those kinds alone of
    /// which any failed.
    pub fn failed(&self) -> Vec<Failed> {
        let counted = Called::ALL.into_iter().zip(&self.errands);
        let each =
            counted.map(|(kind, [done, failed])| Failed { kind, failed: failed.get(), done: done.get() });
        each.filter(|one| one.failed > 0).collect()
    }

    /// All numbers as Prometheus reads them (OpenMetrics 1.0).
    ///
    /// # Errors
    /// When a number can't be written as text, which is a fault.
    pub fn text(&self, level: Level) -> Result<String, std::fmt::Error> {
        let Levels { open, agents, taken, places, failing, unrecognised, clusters, issuers, mute } =
            &self.levels;
        for (gauge, now) in [
            (open, level.open),
            (agents, level.agents),
            (taken, level.places.0),
            (places, level.places.1),
            (failing, level.failing),
            (unrecognised, level.unrecognised),
            (clusters, level.clusters),
            (issuers, level.issuers.0),
            (mute, level.issuers.1),
        ] {
            gauge.set(i64::try_from(now).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn count(counter: Option<&Counter>) {
    if let Some(counter) = counter {
        counter.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_series_is_there_from_the_start_and_counts_what_it_says() {
        let metrics = Metrics::default();
        let text = metrics.text(Level::default()).unwrap();
        for class in Class::ALL {
            let line = format!("drawbridge_refusals_total{{reason=\"{}\"}} 0", class.as_str());
            assert!(text.contains(&line), "{line} in {text}");
        }
        let lines = text.lines().count();
        metrics.refused(Class::Escape);
        metrics.ended(Ending::CallerGone);
        metrics.ended(Ending::CallerGone);
        metrics.revoked(3);
        metrics.mismatched();
        metrics.errand(Called::Live, async { Err::<(), ()>(()) }).await.unwrap_err();
        assert_eq!(metrics.failed(), [Failed { kind: Called::Live, failed: 1, done: 0 }]);
        let text = metrics.text(Level { open: 7, places: (1, 9), ..Level::default() }).unwrap();
        for line in [
            "drawbridge_refusals_total{reason=\"escape\"} 1",
            "drawbridge_requests_total{outcome=\"caller-gone\"} 2",
            "drawbridge_requests_total{outcome=\"answered\"} 0",
            "drawbridge_errands_total{kind=\"live\",result=\"failed\"} 1",
            "drawbridge_errands_total{kind=\"live\",result=\"done\"} 0",
            "drawbridge_errand_seconds_count{kind=\"live\"} 1",
            "drawbridge_revocation_seconds_count 1",
            "drawbridge_mismatches_total 1",
            "drawbridge_open_requests 7",
            "drawbridge_record_places 9",
        ] {
            assert!(text.contains(line), "no {line} in {text}");
        }
        assert_eq!(text.lines().count(), lines, "nothing that happens makes a series");
    }
}
