//! Writes: each waits until its intent is durable. The cluster behind is a fake that answers at once.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::json;

use crate::caller::{Connection, Target, Version};
use crate::figures::{median, ms, percentile};
use crate::process::cpu_micros;
use crate::report::{Section, Table, Verdict};
use crate::scene::Scene;
use crate::timing::since;

const PATH: &str = "/api/v1/namespaces/bench/configmaps";
const OBJECT: &str = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"small","namespace":"bench"},"data":{"key":"value"}}"#;
/// Writes in flight.
const LEVELS: [usize; 4] = [1, 16, 64, 256];
/// The level whose p99 is held against the bar.
const BAR_LEVEL: usize = 16;
/// Connections that they share, where there are that many.
const CONNECTIONS: usize = 8;

#[derive(Debug, Args)]
pub struct Options {
    /// Rounds of one second for each level and side.
    #[arg(long, default_value_t = 6)]
    rounds: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { rounds: 6 }
    }
}

#[derive(Default)]
struct Side {
    per_second: Vec<f64>,
    times: Vec<f64>,
    cpu: f64,
}

pub fn measure(gateway: &Path, options: &Options) -> Section {
    let scene = Scene::start(gateway);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut section = Section::new("record", "The record");
        section.note(
            "Creates of a small ConfigMap over HTTP/2, each sent on only after its intent is durable in SQLite, to \
             a fake cluster that answers at once; straight to it beside. Each write adds two rows, the intent \
             and the outcome.",
        );
        section.note(&format!("One write and fdatasync of 4 KiB on the same disk: p50 {}.", ms(sync(scene.gateway.data()))));
        let sides = [("direct", scene.direct()), ("gateway", scene.agent("writer"))];
        let head = ["in flight", "", "writes/s", "p50", "p99", "gateway's CPU a write"];
        let mut table = Table::new("Writes", &head);
        let mut best: f64 = 0.0;
        for level in LEVELS {
            let measured = level_of(&scene, &sides, level, options.rounds).await;
            for ((name, _), side) in sides.iter().zip(&measured) {
                let per_second = median(&side.per_second);
                let p99 = percentile(&side.times, 99.0);
                let cpu = if *name == "gateway" { format!("{:.0} µs", side.cpu / side.times.len() as f64) } else { String::new() };
                table.row(&[level.to_string(), (*name).to_owned(), format!("{per_second:.0}"), ms(median(&side.times)), ms(p99), cpu]);
                section.raw(&format!("{name}, {level} in flight, writes/s by round"), json!(side.per_second));
                if *name == "gateway" {
                    best = best.max(per_second);
                    if level == BAR_LEVEL {
                        let what = format!("durable writes, {level} in flight, p99");
                        section.verdict(Verdict::most(&what, p99, 10.0, "ms"));
                    }
                }
            }
        }
        section.verdict(Verdict::least("durable writes, as many as go through", best, 5_000.0, "/s"));
        section.table(table);
        section
    })
}

async fn level_of(scene: &Scene, sides: &[(&str, Target)], level: usize, rounds: usize) -> Vec<Side> {
    let mut measured = Vec::new();
    let mut connections = Vec::new();
    for (_, target) in sides {
        measured.push(Side::default());
        let dial = target.dial(Version::Http1);
        let mut own = Vec::new();
        // The fake speaks HTTP/1.1 only, so straight to it each write has its connection.
        if target.prefix.is_empty() {
            for _ in 0..level {
                own.push(dial.connect().await);
            }
        } else {
            let dial = target.dial(Version::Http2);
            let mut shared = Vec::new();
            for _ in 0..CONNECTIONS.min(level) {
                shared.push(dial.connect().await);
            }
            own.extend((0..level).map(|index| shared[index % shared.len()].share()));
        }
        connections.push(own);
    }
    for round in 0..rounds {
        for turn in 0..sides.len() {
            let index = (round + turn) % sides.len();
            let before = cpu_micros(scene.gateway.pid());
            let start = Instant::now();
            let (times, own) = flood(std::mem::take(&mut connections[index])).await;
            connections[index] = own;
            let side = &mut measured[index];
            side.per_second.push(times.len() as f64 / (since(start) / 1_000.0));
            side.times.extend(times);
            tokio::time::sleep(Duration::from_millis(200)).await;
            side.cpu += cpu_micros(scene.gateway.pid()) - before;
        }
    }
    measured
}

async fn flood(connections: Vec<Connection>) -> (Vec<f64>, Vec<Connection>) {
    let end = Instant::now() + Duration::from_secs(1);
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < end {
                    let start = Instant::now();
                    connection.call(Method::POST, PATH, Bytes::from_static(OBJECT.as_bytes())).await;
                    times.push(since(start));
                }
                (times, connection)
            })
        })
        .collect();
    let (mut all, mut back) = (Vec::new(), Vec::new());
    for task in tasks {
        let (times, connection) = task.await.expect("a task that ends");
        all.extend(times);
        back.push(connection);
    }
    (all, back)
}

/// What the disk itself takes, at the median.
fn sync(directory: &Path) -> f64 {
    let mut file = File::create(directory.join("sync")).expect("a file");
    let times: Vec<f64> = (0..200)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[1; 4_096]).expect("room");
            file.sync_data().expect("a disk");
            since(start)
        })
        .collect();
    median(&times)
}
