//! Suspending an agent with many open watches, half over HTTP/1.1 and half over HTTP/2, while a second agent
//! goes on working.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore, mpsc};

use crate::caller::{Connection, Dial, Target, Version};
use crate::figures::{median, ms, percentile};
use crate::process::{most_files, resident_kib};
use crate::report::{Section, Table, Verdict};
use crate::scene::Scene;
use crate::timing::{millis, since};

const WATCH: &str = "/api/v1/namespaces/bench/configmaps?watch=true";
const GET: &str = "/api/v1/namespaces/bench/configmaps/small";
/// Watches on one HTTP/2 connection; the gateway allows 250 by default.
const PER_CONNECTION: usize = 200;
/// Watches that are being opened at once.
const OPENING: usize = 64;
/// The second agent's requests begin this long after each other's ends.
const PAUSE: Duration = Duration::from_millis(2);
/// How long the second agent is watched before each suspension.
const BEFORE: Duration = Duration::from_secs(3);
/// Files besides those of the watches.
const OTHER_FILES: usize = 500;

#[derive(Debug, Args)]
pub struct Options {
    /// Open watches; fewer if this process may not open as many files.
    #[arg(long, default_value_t = 10_000)]
    streams: usize,
    /// Suspensions.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { streams: 10_000, rounds: 5 }
    }
}

#[derive(Default)]
struct Rounds {
    answer: Vec<f64>,
    last: Vec<f64>,
    own: Vec<f64>,
    before: Vec<f64>,
    during: Vec<f64>,
    closed: Vec<Value>,
}

pub fn measure(gateway: &Path, options: &Options) -> Section {
    // Each watch has a file at the fake cluster, and each second one another at its caller.
    let streams = options.streams.min((most_files() - OTHER_FILES) * 2 / 3) / 2 * 2;
    let scene = Scene::start(gateway);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut section = section(streams);
        let (watcher, other) = (scene.agent("watcher"), scene.agent("other"));
        let people = scene.people().dial(Version::Http1);
        let work = Work::begin(&other).await;
        let mut rounds = Rounds::default();
        for round in 0..options.rounds {
            let (told, mut ended) = mpsc::unbounded_channel();
            for version in [Version::Http2, Version::Http1] {
                let before = resident_kib(scene.gateway.pid());
                open(&watcher, version, streams / 2, &told).await;
                if round == 0 {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    let each = (resident_kib(scene.gateway.pid()) - before) / (streams / 2) as f64;
                    let what = format!("memory a watch, {}", version.name());
                    section.verdict(Verdict::most(&what, each, 20.0, "KiB"));
                }
            }
            // What opening them left behind: the record's rows, the callers' own work.
            tokio::time::sleep(Duration::from_secs(2)).await;
            work.take().await;
            tokio::time::sleep(BEFORE).await;
            rounds.before.extend(work.take().await.iter().map(|(_, took)| took));
            one(&people, streams, &mut ended, &work, &mut rounds).await;
            judge(&mut people.connect().await, "resume").await;
        }
        tell(&mut section, streams, &rounds);
        section
    })
}

/// Suspends, and waits until every watch has ended.
async fn one(
    people: &Dial,
    streams: usize,
    ended: &mut mpsc::UnboundedReceiver<Instant>,
    work: &Work,
    rounds: &mut Rounds,
) {
    let mut people = people.connect().await;
    let call = Instant::now();
    let said = judge(&mut people, "suspend").await;
    rounds.answer.push(since(call));
    let mut last = call;
    for _ in 0..streams {
        let wait = tokio::time::timeout(Duration::from_secs(30), ended.recv());
        last = last.max(wait.await.expect("every watch ends").expect("a watch"));
    }
    rounds.last.push(millis(last - call));
    rounds.own.push(said["milliseconds"].as_f64().expect("a number"));
    rounds.closed.push(said["closed"].clone());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let meanwhile = |(start, took): &(Instant, f64)| {
        let end = *start + Duration::from_secs_f64(took / 1_000.0);
        (*start < last && end > call).then_some(*took)
    };
    rounds.during.extend(work.take().await.iter().filter_map(meanwhile));
}

async fn judge(people: &mut Connection, verdict: &str) -> Value {
    let asked = json!({ "subject": { "kind": "agent", "name": "watcher" }, "verdict": verdict });
    let said = people.call(Method::POST, "/v1/standing", Bytes::from(asked.to_string())).await;
    serde_json::from_slice(&said).expect("JSON")
}

/// Opens watches and returns once each has got its first event. Each tells when it has ended.
async fn open(target: &Target, version: Version, count: usize, told: &mpsc::UnboundedSender<Instant>) {
    let room = Arc::new(Semaphore::new(OPENING));
    let dial = target.dial(version);
    let mut shared: Option<Connection> = None;
    for index in 0..count {
        let connection = match version {
            Version::Http1 => None,
            Version::Http2 => {
                if index % PER_CONNECTION == 0 {
                    shared = Some(dial.connect().await);
                }
                shared.as_ref().map(Connection::share)
            }
        };
        let (dial, told) = (dial.clone(), told.clone());
        let place = room.clone().acquire_owned().await.expect("an open semaphore");
        tokio::spawn(async move {
            let mut connection = match connection {
                Some(connection) => connection,
                None => dial.connect().await,
            };
            let mut body = connection.open(Method::GET, WATCH, Bytes::new()).await.into_body();
            body.frame().await.expect("an event").expect("a whole event");
            drop(place);
            while let Some(Ok(_)) = body.frame().await {}
            let _ = told.send(Instant::now());
        });
    }
    let all = u32::try_from(OPENING).expect("few");
    drop(room.acquire_many(all).await.expect("an open semaphore"));
}

/// The second agent's work: one request after the other on one connection, each with when it began and how
/// many milliseconds it took.
struct Work {
    done: Arc<Mutex<Vec<(Instant, f64)>>>,
    stop: Arc<AtomicBool>,
}

impl Work {
    async fn begin(target: &Target) -> Work {
        let work = Work { done: Arc::default(), stop: Arc::default() };
        let (done, stop) = (work.done.clone(), work.stop.clone());
        let mut connection = target.connect(Version::Http1).await;
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                connection.get(GET).await;
                done.lock().await.push((start, since(start)));
                tokio::time::sleep(PAUSE).await;
            }
        });
        work
    }

    async fn take(&self) -> Vec<(Instant, f64)> {
        std::mem::take(&mut *self.done.lock().await)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn section(streams: usize) -> Section {
    let mut section = Section::new("revoke", "Revocation");
    section.note(&format!(
        "{streams} open watches of one agent, half of them over HTTP/1.1 (a connection each), half over HTTP/2 \
         ({PER_CONNECTION} to a connection), on a fake cluster that sends one event and then nothing (an API \
         server would be the limit). The agent is suspended through the admin API; a second agent sends one \
         small GET after the other meanwhile."
    ));
    section.note(
        "The gateway, the fake cluster's end of each watch and the callers' ends share the two cores: the \
         time until the last caller has seen its end includes the work of all three.",
    );
    section
}

fn tell(section: &mut Section, streams: usize, rounds: &Rounds) {
    let what = format!("{streams} watches closed, call to the last end seen by a caller, p99");
    section.verdict(Verdict::most(&what, percentile(&rounds.last, 99.0), 100.0, "ms"));
    let (before, during) = (percentile(&rounds.before, 99.0), percentile(&rounds.during, 99.0));
    // Unchanged, as far as two busy cores can tell.
    section.verdict(Verdict::most(
        "another agent's p99 meanwhile, of its p99 before",
        during / before,
        1.5,
        "×",
    ));
    let head =
        ["suspension", "until the answer", "until the last end seen", "by the gateway's own clock", "closed"];
    let mut table = Table::new("Each suspension", &head);
    for (index, closed) in rounds.closed.iter().enumerate() {
        table.row(&[
            (index + 1).to_string(),
            ms(rounds.answer[index]),
            ms(rounds.last[index]),
            format!("{:.0} ms", rounds.own[index]),
            format!(
                "{} streams, {} connections, {} left",
                closed["streams"], closed["connections"], closed["left"]
            ),
        ]);
    }
    section.table(table);
    let mut table = Table::new("The second agent's GETs", &["", "requests", "p50", "p99", "most"]);
    for (name, times) in [("before", &rounds.before), ("during", &rounds.during)] {
        table.row(&[
            name.to_owned(),
            times.len().to_string(),
            ms(median(times)),
            ms(percentile(times, 99.0)),
            ms(percentile(times, 100.0)),
        ]);
    }
    section.table(table);
    section.raw("call to answer, ms", json!(rounds.answer));
    section.raw("call to last end seen, ms", json!(rounds.last));
    section.raw("second agent during, ms", json!(rounds.during));
}
