//! The gateway's credential for a cluster is renewed while requests run: no request notices, and a plugin
//! that doesn't play along is told in one sentence.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use drawbridge_testkit::{Agent, Gateway, InPod, Options, World};
use serde_json::json;

use super::cluster_side_credentials::{apply_cluster, apply_grant, ask, kubeconfig, refused, token};
use super::wire::Answer;
use super::{binary, world};

const PATH: &str = "/api/v1/namespaces/default/configmaps";

/// A gateway of the test's own, in front of the shared control plane under a name of the test's own.
struct Bench {
    world: &'static World,
    gateway: Gateway,
    agent: Agent,
    cluster: String,
}

impl Bench {
    fn new(options: Options, spec: &str) -> Bench {
        let world = world();
        let gateway = Gateway::start(binary(), options);
        let cluster = world.name("renewal");
        apply_cluster(&gateway, &cluster, spec);
        let agent = Agent::enrol(&gateway, &cluster, &cluster, world.directory(), world.cluster().kubectl());
        apply_grant(&gateway, &cluster);
        Bench { world, gateway, agent, cluster }
    }

    fn get(&self) -> Answer {
        ask(&self.gateway, &self.agent, &self.cluster, "GET", PATH)
    }

    /// As whom the gateway sent the request that was answered so.
    #[track_caller]
    fn user(&self, answer: &Answer) -> String {
        assert_eq!(answer.status, 200, "{answer:?}");
        let events = self.world.audit().with_id(answer.header("audit-id").unwrap());
        events[0].user().to_owned()
    }

    /// Asks without a pause while `change` is done, and then once more; the answer is the last one.
    #[track_caller]
    fn ask_while(&self, change: impl FnOnce()) -> Answer {
        let over = AtomicBool::new(false);
        let ask = || {
            assert_eq!(self.get().status, 200);
            while !over.load(Ordering::Relaxed) {
                assert_eq!(self.get().status, 200);
            }
        };
        std::thread::scope(|scope| {
            let asking = [scope.spawn(ask), scope.spawn(ask), scope.spawn(ask)];
            change();
            over.store(true, Ordering::Relaxed);
            asking.into_iter().for_each(|one| one.join().unwrap());
        });
        self.get()
    }
}

/// A folder for a test's files.
fn folder() -> PathBuf {
    let files = world().directory().join(world().name("renewal-files"));
    fs::create_dir(&files).unwrap();
    files
}

fn account(name: &str) -> String {
    format!("system:serviceaccount:default:{name}")
}

#[test]
fn a_gateway_in_a_pod_uses_the_pods_own_account_and_no_request_notices_when_its_token_is_swapped() {
    let world = world();
    let server = world.cluster().server().strip_prefix("https://").unwrap();
    let (host, port) = server.rsplit_once(':').unwrap();
    let pod = InPod::new(&folder(), host, port.parse().unwrap(), world.cluster().ca_pem(), "default");
    let names: Vec<_> = (0..4).map(|_| world.name("gw")).collect();
    pod.token(&token(world, &names[0]));
    let options = Options { under: pod.under(), environment: pod.environment(), ..Options::default() };
    let bench = Bench::new(options, "{inCluster: {}}");
    assert_eq!(bench.user(&bench.get()), account(&names[0]));
    let last = bench.ask_while(|| {
        for name in &names[1..] {
            pod.token(&token(world, name));
        }
    });
    assert_eq!(bench.user(&last), account(&names[3]));
    // Nothing else was sent in the account's name than agents' requests and the question who issues tokens.
    let own = ["/.well-known/openid-configuration", "/openid/v1/jwks"];
    for event in names.iter().flat_map(|name| world.audit().of_user(&account(name))) {
        let as_agent = event.impersonated().starts_with("system:serviceaccount:drawbridge-agents:");
        assert!(as_agent || own.contains(&event.uri()), "{event:?}");
    }
}

#[test]
fn without_a_pod_around_it_in_cluster_is_one_clear_sentence() {
    let bench = Bench::new(Options::default(), "{inCluster: {}}");
    refused(&bench.get(), "can't use its configuration");
    assert!(bench.gateway.log().contains("inCluster needs the service account that Kubernetes mounts"));
}

#[test]
fn a_token_file_that_is_swapped_while_requests_run_is_taken_up_without_one_refusal() {
    let (world, files) = (world(), folder());
    let names: Vec<_> = (0..4).map(|_| world.name("gw")).collect();
    let write = |name: &str| {
        let fresh = files.join(".fresh");
        fs::write(&fresh, token(world, name)).unwrap();
        fs::rename(fresh, files.join("token")).unwrap();
    };
    write(&names[0]);
    fs::write(files.join("ca.pem"), world.cluster().ca_pem()).unwrap();
    let (server, ca, file) = (world.cluster().server(), files.join("ca.pem"), files.join("token"));
    let spec = format!("{{server: {server:?}, caFile: {ca:?}, tokenFile: {file:?}}}");
    let bench = Bench::new(Options::default(), &spec);
    let last = bench.ask_while(|| names[1..].iter().for_each(|name| write(name)));
    assert_eq!(bench.user(&last), account(&names[3]));
}

/// A credential plugin, which prints `credential` unless there is a file `hang`, and counts its runs.
struct Plugin {
    files: PathBuf,
}

impl Plugin {
    fn new() -> Plugin {
        let files = folder();
        let script = format!(
            "#!/bin/sh\ncd {}\necho x >> runs\n[ -e hang ] && exec cat fifo\ncat credential\n",
            files.display()
        );
        fs::write(files.join("plugin"), script).unwrap();
        fs::set_permissions(files.join("plugin"), fs::Permissions::from_mode(0o755)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(files.join("fifo")).status().unwrap();
        assert!(made.success());
        let exec =
            json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": files.join("plugin") });
        fs::write(files.join("config"), kubeconfig(world(), &json!({ "exec": exec }))).unwrap();
        Plugin { files }
    }

    fn spec(&self) -> String {
        format!("{{kubeconfig: {{path: {}}}}}", self.files.join("config").display())
    }

    /// From now on it prints a token of this account, which it says ends in some seconds.
    fn prints(&self, name: &str) {
        let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(20);
        let status = json!({ "token": token(world(), name), "expirationTimestamp": ends.to_string() });
        self.says(&json!({
            "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status,
        }));
    }

    fn says(&self, what: &serde_json::Value) {
        let fresh = self.files.join(".fresh");
        fs::write(&fresh, what.to_string()).unwrap();
        fs::rename(fresh, self.files.join("credential")).unwrap();
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.files.join("runs")).unwrap_or_default().len() / 2
    }
}

#[test]
fn a_plugin_s_credential_that_is_about_to_end_is_renewed_while_requests_run() {
    let (world, plugin) = (world(), Plugin::new());
    let names: Vec<_> = (0..3).map(|_| world.name("gw")).collect();
    plugin.prints(&names[0]);
    let bench = Bench::new(Options::default(), &plugin.spec());
    assert_eq!(bench.user(&bench.get()), account(&names[0]));
    let last = bench.ask_while(|| names[1..].iter().for_each(|name| plugin.prints(name)));
    assert_eq!(bench.user(&last), account(&names[2]));
    assert!(plugin.runs() > 3);
}

#[test]
fn a_plugin_that_hangs_when_it_is_to_renew_stays_one_process_and_a_later_one_is_asked_again() {
    let (world, plugin) = (world(), Plugin::new());
    let name = world.name("gw");
    plugin.prints(&name);
    let options = Options { config: "limits: {clusterAnswer: 2s}\n".to_owned(), ..Options::default() };
    let bench = Bench::new(options, &plugin.spec());
    assert_eq!(bench.get().status, 200);
    fs::write(plugin.files.join("hang"), "").unwrap();
    let before = plugin.runs();
    for _ in 0..3 {
        refused(&bench.get(), "can't use its configuration");
    }
    assert_eq!(plugin.runs(), before + 1, "one plugin, however often it is waited for in vain");
    assert!(bench.gateway.log().contains("does its plugin hang?"));
    fs::remove_file(plugin.files.join("hang")).unwrap();
    fs::write(plugin.files.join("fifo"), "").unwrap();
    super::streams::until("the next plugin is asked", || (bench.get().status == 200).then_some(()));
}

#[test]
fn a_plugin_that_prints_nonsense_is_one_clear_sentence_that_quotes_none_of_it() {
    let plugin = Plugin::new();
    let bench = Bench::new(Options::default(), &plugin.spec());
    let api = "client.authentication.k8s.io/v1";
    for nonsense in [
        json!("nonsense-7f3k"),
        json!({ "token": "nonsense-7f3k" }),
        json!({ "apiVersion": api, "kind": "ExecCredential", "status": { "token": ["nonsense-7f3k"] } }),
        json!({ "apiVersion": api, "kind": "ExecCredential", "status": { "token": "nonsense\n7f3k" } }),
        json!({ "apiVersion": api, "kind": "ExecCredential", "status": { "clientKeyData": "nonsense-7f3k" } }),
        json!({ "apiVersion": api, "kind": "ExecCredential" }),
    ] {
        plugin.says(&nonsense);
        let answer = bench.get();
        assert_eq!(answer.status, 503, "{nonsense}: {answer:?}");
        refused(&answer, "can't use its configuration");
        assert!(!String::from_utf8_lossy(&answer.body).contains("7f3k"), "{nonsense}");
    }
    let log = bench.gateway.log();
    assert!(!log.contains("7f3k"), "the log quotes the plugin");
    plugin.prints(&bench.world.name("gw"));
    assert_eq!(bench.get().status, 200);
}
