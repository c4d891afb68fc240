//! One hop: the same small GET straight to the API server, through the gateway with every check and the
//! record on, and through nginx as a plain proxy. The sides take turns within each round.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use drawbridge_localcluster::{Options as ClusterOptions, Parts};
use drawbridge_testkit::World;
use http::Method;
use serde_json::json;

use crate::caller::{Connection, Target, Version};
use crate::figures::{median, ms, pairwise, percentile};
use crate::nginx::Nginx;
use crate::process::cpu_micros;
use crate::report::{Section, Table, Verdict};
use crate::timing::since;

const PATH: &str = "/api/v1/namespaces/bench/configmaps/small";
/// Connections of the throughput part.
const CONNECTIONS: usize = 16;

#[derive(Debug, Args)]
pub struct Options {
    /// Rounds of one connection.
    #[arg(long, default_value_t = 100)]
    rounds: usize,
    /// Requests of one side in one round.
    #[arg(long, default_value_t = 100)]
    requests: usize,
    /// Rounds of sixteen connections, one second for each side.
    #[arg(long, default_value_t = 12)]
    seconds: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { rounds: 100, requests: 100, seconds: 12 }
    }
}

struct Side {
    name: &'static str,
    target: Target,
    /// Whose CPU time is counted.
    pid: Option<u32>,
}

/// What one side did, by round.
#[derive(Default)]
struct Latency {
    all: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

#[derive(Default)]
struct Throughput {
    per_second: Vec<f64>,
    requests: usize,
    cpu: f64,
}

impl Throughput {
    fn cpu_per_request(&self) -> f64 {
        self.cpu / self.requests as f64
    }
}

pub fn measure(gateway: &Path, options: &Options) -> Section {
    let parts = Parts::ApiServer;
    let world = World::start_with(gateway, ClusterOptions { parts, ..ClusterOptions::default() });
    let directory = tempfile::tempdir().expect("a directory");
    let identity = prepare(&world);
    let nginx = Nginx::start(world.cluster(), &identity, directory.path());
    let mut sides = vec![
        Side {
            name: "direct",
            target: Target::new(world.cluster().server(), world.cluster().ca_pem(), Some(identity)),
            pid: None,
        },
        Side { name: "gateway", target: through(&world), pid: Some(world.gateway().pid()) },
    ];
    if let Some(nginx) = &nginx {
        sides.push(Side { name: "nginx", target: nginx.target.clone(), pid: Some(nginx.pid()) });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut section = section(&sides);
        for version in Version::BOTH {
            let latency = latency(&sides, version, options).await;
            tell_latency(&mut section, version, &sides, &latency);
            let throughput = throughput(&sides, version, options).await;
            tell_throughput(&mut section, version, &sides, &throughput);
        }
        section
    })
}

/// The object, and a user of the cluster's who may read it.
fn prepare(world: &World) -> (String, String) {
    world.admin(&["create", "namespace", "bench"]).ok();
    world.admin(&["-n", "bench", "create", "configmap", "small", "--from-literal=key=value"]).ok();
    let role = ["create", "role", "bench", "--verb=get", "--resource=configmaps"];
    world.admin(&[&["-n", "bench"], &role[..]].concat()).ok();
    let binding = ["create", "rolebinding", "bench", "--role=bench", "--user=bench"];
    world.admin(&[&["-n", "bench"], &binding[..]].concat()).ok();
    world.cluster().client_certificate("bench", &[]).expect("a certificate")
}

fn through(world: &World) -> Target {
    let rules = "- {name: read, verbs: [get], apiGroups: [\"\"], resources: [configmaps]}";
    let agent = world.agent("bench", rules, &["bench"]);
    let gateway = world.gateway();
    let ca = std::fs::read_to_string(gateway.ca()).expect("the gateway's CA");
    Target::new(&gateway.url(), &ca, Some(agent.certificate())).below("/clusters/local")
}

/// One connection for each side; each round every side has its turn, another one first each time.
async fn latency(sides: &[Side], version: Version, options: &Options) -> Vec<Latency> {
    let mut connections = Vec::new();
    for side in sides {
        let mut connection = side.target.connect(version).await;
        requests(&mut connection, 500).await;
        connections.push(connection);
    }
    let mut latencies: Vec<Latency> = sides.iter().map(|_| Latency::default()).collect();
    for round in 0..options.rounds {
        for turn in 0..sides.len() {
            let index = (round + turn) % sides.len();
            let times = requests(&mut connections[index], options.requests).await;
            let latency = &mut latencies[index];
            latency.p50.push(percentile(&times, 50.0));
            latency.p99.push(percentile(&times, 99.0));
            latency.all.extend(times);
        }
    }
    latencies
}

async fn requests(connection: &mut Connection, count: usize) -> Vec<f64> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        connection.call(Method::GET, PATH, Bytes::new()).await;
        times.push(since(start));
    }
    times
}

async fn throughput(sides: &[Side], version: Version, options: &Options) -> Vec<Throughput> {
    let mut connections: Vec<Vec<Connection>> = Vec::new();
    for side in sides {
        let mut own = Vec::new();
        for _ in 0..CONNECTIONS {
            own.push(side.target.connect(version).await);
        }
        connections.push(own);
    }
    let mut throughputs: Vec<Throughput> = sides.iter().map(|_| Throughput::default()).collect();
    for round in 0..options.seconds {
        for turn in 0..sides.len() {
            let index = (round + turn) % sides.len();
            let cpu = || sides[index].pid.map_or(0.0, cpu_micros);
            let (start, before) = (Instant::now(), cpu());
            let (done, own) = flood(std::mem::take(&mut connections[index]), Duration::from_secs(1)).await;
            let seconds = since(start) / 1_000.0;
            // The record of the last requests is written a moment later, and is theirs.
            tokio::time::sleep(Duration::from_millis(150)).await;
            connections[index] = own;
            let throughput = &mut throughputs[index];
            throughput.cpu += cpu() - before;
            throughput.requests += done;
            throughput.per_second.push(done as f64 / seconds);
        }
    }
    throughputs
}

/// Every connection asks as fast as it is answered.
async fn flood(connections: Vec<Connection>, time: Duration) -> (usize, Vec<Connection>) {
    let end = Instant::now() + time;
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            tokio::spawn(async move {
                let mut done = 0;
                while Instant::now() < end {
                    connection.get(PATH).await;
                    done += 1;
                }
                (done, connection)
            })
        })
        .collect();
    let (mut all, mut back) = (0, Vec::new());
    for task in tasks {
        let (done, connection) = task.await.expect("a task that ends");
        all += done;
        back.push(connection);
    }
    (all, back)
}

fn section(sides: &[Side]) -> Section {
    let mut section = Section::new("hop", "One hop");
    section.note(
        "A GET of one small ConfigMap, over kept TLS connections with client certificates: straight to the \
         API server (the user authorized by RBAC there), and through the gateway with authentication, \
         decision and record on. The sides take turns; every figure is from the same run.",
    );
    let nginx = if sides.iter().any(|side| side.name == "nginx") {
        "nginx is one process, TLS to the caller and TLS with a client certificate to the API server, \
         keep-alive on both, access log off."
    } else {
        "nginx isn't installed here, so its figures are missing."
    };
    section.note(nginx);
    section.note("All programs, the API server, etcd and the measuring one included, share the two cores.");
    section
}

fn tell_latency(section: &mut Section, version: Version, sides: &[Side], latencies: &[Latency]) {
    let name = version.name();
    let mut table = Table::new(
        &format!("One connection, {name}"),
        &["", "p50", "p99", "p50 over direct", "p99 over direct"],
    );
    let direct = &latencies[0];
    for (side, latency) in sides.iter().zip(latencies) {
        let p50 = median(&pairwise(&latency.p50, &direct.p50, |ours, theirs| ours - theirs));
        let p99 = percentile(&latency.all, 99.0) - percentile(&direct.all, 99.0);
        table.row(&[
            side.name.to_owned(),
            ms(percentile(&latency.all, 50.0)),
            ms(percentile(&latency.all, 99.0)),
            ms(p50),
            ms(p99),
        ]);
        if side.name == "gateway" {
            section.verdict(Verdict::most(&format!("one hop, {name}, p50 over direct"), p50, 0.3, "ms"));
            section.verdict(Verdict::most(&format!("one hop, {name}, p99 over direct"), p99, 1.0, "ms"));
        }
        let raw = json!({ "p50": latency.p50, "p99": latency.p99 });
        section.raw(&format!("{name} latency {} by round, ms", side.name), raw);
    }
    section.table(table);
}

fn tell_throughput(section: &mut Section, version: Version, sides: &[Side], throughputs: &[Throughput]) {
    let name = version.name();
    let heading = format!("{CONNECTIONS} connections, {name}");
    let mut table = Table::new(&heading, &["", "requests/s", "of direct", "CPU a request"]);
    let nginx = sides.iter().position(|side| side.name == "nginx");
    for (side, throughput) in sides.iter().zip(throughputs) {
        let per_second = &throughput.per_second;
        let share = pairwise(per_second, &throughputs[0].per_second, |ours, theirs| 100.0 * ours / theirs);
        let share = median(&share);
        let cpu = throughput.cpu_per_request();
        table.row(&[
            side.name.to_owned(),
            format!("{:.0}", median(per_second)),
            format!("{share:.0} %"),
            side.pid.map_or_else(String::new, |_| format!("{cpu:.0} µs")),
        ]);
        if side.name == "gateway" {
            let what = format!("throughput at {CONNECTIONS} connections, {name}, of direct");
            section.verdict(Verdict::least(&what, share, 85.0, "%"));
            if let Some(nginx) = nginx {
                let times = cpu / throughputs[nginx].cpu_per_request();
                section.verdict(Verdict::most(
                    &format!("CPU a request, {name}, of nginx's"),
                    times,
                    1.5,
                    "×",
                ));
            }
        }
        section.raw(&format!("{name} requests/s {} by round", side.name), json!(per_second));
    }
    section.table(table);
}
