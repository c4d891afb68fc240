//! From exec to the first answer: with nothing, and with many manifests applied before.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Args;
use drawbridge_testkit::{Gateway, Options as GatewayOptions};
use http::Method;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData};
use serde_json::json;

use crate::caller::{Target, Version};
use crate::figures::{median, ms, percentile};
use crate::process::{peak_kib, resident_kib};
use crate::report::{Section, Table, Verdict};
use crate::timing::since;

/// Manifests applied in one call.
const CALL: usize = 5_000;
const HEAD: &str = "---\napiVersion: drawbridge.dev/v1alpha1\n";

#[derive(Debug, Args)]
pub struct Options {
    #[arg(long, default_value_t = 10_000)]
    agents: usize,
    #[arg(long, default_value_t = 1_000)]
    scopes: usize,
    #[arg(long, default_value_t = 50_000)]
    grants: usize,
    /// Starts of each kind.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { agents: 10_000, scopes: 1_000, grants: 50_000, rounds: 10 }
    }
}

#[derive(Default)]
struct Starts {
    times: Vec<f64>,
    resident: Vec<f64>,
    peak: Vec<f64>,
}

pub fn measure(gateway: &Path, options: &Options) -> Section {
    let Options { agents, scopes, grants, rounds } = options;
    let directory = tempfile::tempdir().expect("a directory");
    let mut section = Section::new("start", "Start");
    section.note("From exec until an agent's listener has answered its first request over TLS.");
    let full = directory.path().join("full");
    let applied = fill(gateway, &full, options);
    section.note(&format!(
        "{agents} agents with a key each, {scopes} scopes of five rules and {grants} grants; the last call \
         that applied {CALL} of them took {}.",
        ms(applied)
    ));
    let (mut first, mut again, mut loaded) = (Starts::default(), Starts::default(), Starts::default());
    for round in 0..*rounds {
        let fresh = directory.path().join(format!("fresh-{round}"));
        begin(gateway, &fresh, &mut first);
        begin(gateway, &fresh, &mut again);
        begin(gateway, &full, &mut loaded);
    }
    let mut table = Table::new("Starts", &["", "median", "most", "resident", "peak"]);
    for (name, starts) in
        [("the very first, empty", &first), ("again, empty", &again), ("with all manifests", &loaded)]
    {
        let mib = |kib: &[f64]| format!("{:.0} MiB", median(kib) / 1_024.0);
        table.row(&[
            name.to_owned(),
            ms(median(&starts.times)),
            ms(percentile(&starts.times, 100.0)),
            mib(&starts.resident),
            mib(&starts.peak),
        ]);
        section.raw(&format!("{name}, ms"), json!(starts.times));
        section.raw(&format!("{name}, resident KiB"), json!(starts.resident));
    }
    section.verdict(Verdict::most("start, empty", median(&again.times), 200.0, "ms"));
    section.verdict(Verdict::most("start with all manifests", median(&loaded.times), 2_000.0, "ms"));
    let resident = median(&loaded.resident) / 1_024.0;
    section.verdict(Verdict::most("resident memory with all manifests", resident, 200.0, "MiB"));
    section.table(table);
    section
}

/// Applies all manifests to a gateway of its own, which ends then. The time of the last call is the answer.
fn fill(binary: &Path, data: &Path, options: &Options) -> f64 {
    let gateway_options = GatewayOptions { data: Some(data.to_owned()), ..GatewayOptions::default() };
    let mut gateway = Gateway::start(binary, gateway_options);
    gateway
        .apply(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: Cluster\nmetadata: {name: local}\n\
        spec: {server: \"https://127.0.0.1:1\", caFile: /none/ca.pem, tokenFile: /none/token}\n",
        )
        .ok();
    let agents = (0..options.agents).map(agent);
    let scopes = (0..options.scopes).map(scope);
    let grants = (0..options.grants).map(|index| grant(index, options));
    let all: Vec<String> = agents.chain(scopes).chain(grants).collect();
    let mut last = 0.0;
    for call in all.chunks(CALL) {
        let start = Instant::now();
        gateway.apply(&call.concat()).ok();
        last = since(start);
        eprintln!("applied {} manifests in {}", call.len(), ms(last));
    }
    gateway.terminate();
    last
}

fn agent(index: usize) -> String {
    let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let key = STANDARD.encode(key.der_bytes());
    format!(
        "{HEAD}kind: Agent\nmetadata: {{name: agent-{index}}}\nspec:\n  owner: bench@example.com\n  \
         purpose: Is one of many\n  identities:\n  - key: {{publicKey: \"ed25519:{key}\"}}\n"
    )
}

fn scope(index: usize) -> String {
    let mut text = format!("{HEAD}kind: Scope\nmetadata: {{name: scope-{index}}}\nspec:\n  rules:\n");
    for (name, group, resource) in [
        ("pods", "", "pods"),
        ("jobs", "batch", "jobs"),
        ("apps", "apps", "deployments"),
        ("maps", "", "configmaps"),
        ("events", "", "events"),
    ] {
        let rule = format!(
            "{{name: {name}, verbs: [get, list, watch], apiGroups: [{group:?}], resources: [{resource}]}}"
        );
        writeln!(text, "  - {rule}").expect("a String");
    }
    text
}

fn grant(index: usize, options: &Options) -> String {
    format!(
        "{HEAD}kind: Grant\nmetadata: {{name: grant-{index}}}\nspec: {{agents: [agent-{}], scopes: [scope-{}], \
         clusters: [local], namespaces: [team-{}, \"ci-*\"]}}\n",
        index % options.agents,
        index % options.scopes,
        index % 100
    )
}

/// Starts a gateway on this directory, waits for its first answer, and ends it.
fn begin(binary: &Path, data: &Path, starts: &mut Starts) {
    fs::create_dir_all(data).expect("a directory");
    let [listen, admin] = [free_port(), free_port()];
    let config = data.with_extension("yaml");
    let text = format!("listen: 127.0.0.1:{listen}\nadmin: 127.0.0.1:{admin}\ndata: {}\n", data.display());
    fs::write(&config, text).expect("a config");
    let mut command = Command::new(binary);
    command.args(["serve", "--config"]).arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().expect("the gateway starts");
    while std::net::TcpStream::connect(("127.0.0.1", listen)).is_err() || !data.join("ca.pem").exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not serve");
        std::thread::sleep(Duration::from_millis(1));
    }
    first_answer(&format!("https://127.0.0.1:{listen}"), &data.join("ca.pem"));
    starts.times.push(since(start));
    starts.resident.push(resident_kib(child.id()));
    starts.peak.push(peak_kib(child.id()));
    end(&mut child);
}

fn first_answer(url: &str, ca: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let ca = fs::read_to_string(ca).expect("the gateway's CA");
        let mut connection = Target::new(url, &ca, None).connect(Version::Http1).await;
        let response = connection.open(Method::GET, "/clusters/local/version", Bytes::new()).await;
        assert_eq!(response.status(), http::StatusCode::UNAUTHORIZED);
    });
}

fn end(child: &mut Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").arg(pid).status().expect("kill runs").success(), "it has ended already");
    child.wait().expect("a child can be waited for");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}
