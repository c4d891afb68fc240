//! The gateway's credential for a cluster: every place it can be read from, and what happens when it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use drawbridge_testkit::{Agent, Gateway, World};
use serde_json::json;

use super::wire::{self, Answer};
use super::{binary, world};

const CONFIGMAPS: &str = "{verbs: [get, list, create], apiGroups: [''], resources: [configmaps]}";

/// A cluster of its own name on the shared gateway, an agent that may read there, and a place for files.
struct Side {
    world: &'static World,
    cluster: String,
    agent: Agent,
    files: PathBuf,
}

impl Side {
    /// `spec` is the Cluster's, in JSON; it is told the directory for its files.
    fn new(spec: impl FnOnce(&Path) -> String) -> Side {
        let world = world();
        let cluster = world.name("side");
        let files = world.directory().join(&cluster);
        fs::create_dir(&files).unwrap();
        let gateway = world.gateway();
        apply_cluster(gateway, &cluster, &spec(&files));
        let agent = Agent::enrol(gateway, &cluster, &cluster, world.directory(), world.cluster().kubectl());
        apply_grant(gateway, &cluster);
        Side { world, cluster, agent, files }
    }

    fn get(&self) -> Answer {
        let path = "/api/v1/namespaces/default/configmaps";
        ask(self.world.gateway(), &self.agent, &self.cluster, "GET", path)
    }

    /// Asks until the status is `status`: the API server keeps what it thinks of a token for ten seconds.
    fn until(&self, status: u16) -> Answer {
        let started = Instant::now();
        loop {
            let answer = self.get();
            if answer.status == status {
                return answer;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "still {}: {answer:?}", answer.status);
            std::thread::sleep(Duration::from_millis(250));
        }
    }
}

pub(super) fn apply_cluster(gateway: &Gateway, name: &str, spec: &str) {
    let head = "apiVersion: drawbridge.dev/v1alpha1\nkind: Cluster\n";
    gateway.apply(&format!("{head}metadata: {{name: {name}}}\nspec: {spec}\n")).ok();
}

pub(super) fn apply_grant(gateway: &Gateway, name: &str) {
    let head = "apiVersion: drawbridge.dev/v1alpha1\nkind:";
    let scope = format!("{head} Scope\nmetadata: {{name: {name}}}\nspec: {{rules: [{CONFIGMAPS}]}}\n");
    let spec = format!("{{agents: [{name}], scopes: [{name}], clusters: [{name}]}}");
    gateway.apply(&format!("{scope}---\n{head} Grant\nmetadata: {{name: {name}}}\nspec: {spec}\n")).ok();
}

pub(super) fn ask(gateway: &Gateway, agent: &Agent, cluster: &str, method: &str, path: &str) -> Answer {
    let line = format!("{method} /clusters/{cluster}{path} HTTP/1.1");
    wire::send(gateway, agent, &format!("{line}\r\nHost: {}\r\nConnection: close", gateway.address()), b"")
}

/// A kubeconfig whose user is `user` (JSON).
pub(super) fn kubeconfig(world: &World, user: &serde_json::Value) -> String {
    kubeconfig_at(world.cluster().server(), &json!({ "certificate-authority-data": ca(world) }), user)
}

fn kubeconfig_at(server: &str, more: &serde_json::Value, user: &serde_json::Value) -> String {
    let mut cluster = more.clone();
    cluster["server"] = json!(server);
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        "clusters": [{ "name": "c", "cluster": cluster }],
        "users": [{ "name": "u", "user": user }],
    })
    .to_string()
}

fn ca(world: &World) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(world.cluster().ca_pem())
}

/// A service account that may do what the gateway may, and a token of it.
pub(super) fn token(world: &World, account: &str) -> String {
    world.admin(&["-n", "default", "create", "serviceaccount", account]).ok();
    let role = ["create", "rolebinding", account, "--role=drawbridge-gateway", "-n", "drawbridge-agents"];
    let subject = format!("--serviceaccount=default:{account}");
    world.admin(&[&role[..], &[&subject]].concat()).ok();
    world.admin(&["-n", "default", "create", "token", account]).ok().stdout.trim().to_owned()
}

fn end(world: &World, account: &str) {
    world.admin(&["-n", "default", "delete", "serviceaccount", account]).ok();
}

/// What the caller gets while the gateway's credential doesn't count.
pub(super) fn refused(answer: &Answer, words: &str) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.reason(), "cluster");
    assert!(answer.message().contains(words), "{}", answer.message());
    assert_eq!(answer.header("www-authenticate"), None);
}

#[test]
fn a_certificate_in_a_kubeconfig_works_and_one_of_a_foreign_authority_is_our_fault_not_the_callers() {
    let side = Side::new(|files| {
        let (certificate, key) = world().cluster().client_certificate("drawbridge-gateway", &[]).unwrap();
        fs::write(files.join("tls.crt"), certificate).unwrap();
        fs::write(files.join("tls.key"), key).unwrap();
        let user = json!({ "client-certificate": "tls.crt", "client-key": "tls.key" });
        fs::write(files.join("config"), kubeconfig(world(), &user)).unwrap();
        format!("{{kubeconfig: {{path: {}, context: c}}}}", files.join("config").display())
    });
    assert_eq!(side.get().status, 200);
    let foreign = rcgen::generate_simple_self_signed(["drawbridge-gateway".to_owned()]).unwrap();
    fs::write(side.files.join("tls.crt"), foreign.cert.pem()).unwrap();
    fs::write(side.files.join("tls.key"), foreign.signing_key.serialize_pem()).unwrap();
    refused(&side.until(503), "does not take the gateway's own credential");
    let (certificate, key) = side.world.cluster().client_certificate("drawbridge-gateway", &[]).unwrap();
    fs::write(side.files.join("tls.crt"), certificate).unwrap();
    fs::write(side.files.join("tls.key"), key).unwrap();
    side.until(200);
}

#[test]
fn a_token_in_a_kubeconfig_works_until_it_is_revoked_and_again_once_the_file_has_another() {
    let side = Side::new(|files| {
        fs::write(files.join("config"), kubeconfig(world(), &json!({ "token": "not-a-token-7f3k" })))
            .unwrap();
        format!("{{kubeconfig: {{path: {}}}}}", files.join("config").display())
    });
    let answer = side.get();
    refused(&answer, "does not take the gateway's own credential");
    assert!(!String::from_utf8_lossy(&answer.body).contains("7f3k"));
    let write = |token: &str| {
        fs::write(side.files.join("config"), kubeconfig(side.world, &json!({ "token": token }))).unwrap();
    };
    let first = side.world.name("gw");
    write(&token(side.world, &first));
    assert_eq!(side.get().status, 200, "it reads the file again after a refusal");
    end(side.world, &first);
    let answer = side.until(503);
    refused(&answer, "does not take the gateway's own credential");
    write(&token(side.world, &side.world.name("gw")));
    assert_eq!(side.get().status, 200);
    assert!(!side.world.gateway().log().contains("7f3k"));
}

#[test]
fn a_credential_that_was_renewed_on_disk_before_it_ended_is_used_without_one_refusal() {
    let first = world().name("gw");
    let side = Side::new(|files| {
        fs::write(files.join("config"), kubeconfig(world(), &json!({ "token": token(world(), &first) })))
            .unwrap();
        format!("{{kubeconfig: {{path: {}}}}}", files.join("config").display())
    });
    assert_eq!(side.get().status, 200);
    let second = side.world.name("gw");
    let renewed = kubeconfig(side.world, &json!({ "token": token(side.world, &second) }));
    fs::write(side.files.join("config"), renewed).unwrap();
    let answer = side.get();
    assert_eq!(answer.status, 200);
    let id = answer.header("audit-id").unwrap().to_owned();
    let event = &side.world.audit().with_id(&id)[0];
    assert_eq!(event.user(), format!("system:serviceaccount:default:{second}"));
}

#[test]
fn a_kubeconfig_that_is_broken_while_it_is_written_leaves_the_last_good_one_in_use() {
    let side = Side::new(|files| {
        let user = json!({ "token": token(world(), &world().name("gw")) });
        fs::write(files.join("config"), kubeconfig(world(), &user)).unwrap();
        format!("{{kubeconfig: {{path: {}}}}}", files.join("config").display())
    });
    assert_eq!(side.get().status, 200);
    for broken in ["", "users: [{name: u, user: {token: [secret-7f3k]}}]", "{"] {
        fs::write(side.files.join("config"), broken).unwrap();
        assert_eq!(side.get().status, 200);
    }
    fs::remove_file(side.files.join("config")).unwrap();
    assert_eq!(side.get().status, 200);
    let log = side.world.gateway().log();
    assert!(log.contains("still using the last good credential"));
    assert!(!log.contains("secret-7f3k"), "the log quotes the kubeconfig");
}

#[test]
fn an_exec_plugin_runs_once_for_many_requests_and_one_that_hangs_is_given_up() {
    let world = world();
    let options = drawbridge_testkit::Options {
        config: "limits: {clusterAnswer: 2s}\n".to_owned(),
        ..Default::default()
    };
    let gateway = Gateway::start(binary(), options);
    let cluster = world.name("side");
    let files = world.directory().join(&cluster);
    fs::create_dir(&files).unwrap();
    let script = format!(
        "#!/bin/sh\ncd {}\necho x >> runs\n[ -e hang ] && exec cat fifo\ncat credential\n",
        files.display()
    );
    fs::write(files.join("plugin"), script).unwrap();
    fs::set_permissions(files.join("plugin"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // The plugin hangs until someone writes into this.
    let made = std::process::Command::new("mkfifo").arg(files.join("fifo")).status().unwrap();
    assert!(made.success());
    fs::write(files.join("hang"), "").unwrap();
    let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": files.join("plugin") });
    fs::write(files.join("config"), kubeconfig(world, &json!({ "exec": exec }))).unwrap();
    let spec = format!("{{kubeconfig: {{path: {}}}}}", files.join("config").display());
    apply_cluster(&gateway, &cluster, &spec);
    let agent = Agent::enrol(&gateway, &cluster, &cluster, world.directory(), world.cluster().kubectl());
    apply_grant(&gateway, &cluster);
    let get = || ask(&gateway, &agent, &cluster, "GET", "/api/v1/namespaces/default/configmaps");
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(get)).collect();
        for answer in asking {
            refused(&answer.join().unwrap(), "can't use its configuration");
        }
    });
    assert_eq!(fs::read_to_string(files.join("runs")).unwrap(), "x\n", "one plugin for all of them");
    let status = json!({ "token": token(world, &world.name("gw")) });
    let api = "client.authentication.k8s.io/v1";
    let credential = json!({ "apiVersion": api, "kind": "ExecCredential", "status": status });
    fs::write(files.join("credential"), credential.to_string()).unwrap();
    fs::remove_file(files.join("hang")).unwrap();
    fs::write(files.join("fifo"), "").unwrap();
    assert_eq!(get().status, 200, "the one that hung has ended, and the next request asks again");
}

#[test]
fn an_exec_plugin_gives_the_credential_and_nothing_it_says_reaches_the_caller_or_the_log() {
    let side = Side::new(|files| {
        let script = format!(
            "#!/bin/sh\ncd {}\necho complaint-7f3k >&2\n\
             echo '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\
             \"status\":{{\"token\":\"'$(cat token)'\"}}}}'\nexit $(cat status)\n",
            files.display()
        );
        fs::write(files.join("plugin"), script).unwrap();
        fs::set_permissions(files.join("plugin"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        fs::write(files.join("token"), token(world(), &world().name("gw"))).unwrap();
        fs::write(files.join("status"), "0").unwrap();
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": files.join("plugin"),
            "interactiveMode": "Never",
        });
        fs::write(files.join("config"), kubeconfig(world(), &json!({ "exec": exec }))).unwrap();
        format!("{{kubeconfig: {{path: {}}}}}", files.join("config").display())
    });
    assert_eq!(side.get().status, 200);
    let good = fs::read_to_string(side.files.join("token")).unwrap();
    // A new cluster of the same plugin starts with a token that the API server does not take.
    let other = side.world.name("side");
    fs::write(side.files.join("token"), "not-a-token-7f3k").unwrap();
    apply_cluster(
        side.world.gateway(),
        &other,
        &format!("{{kubeconfig: {{path: {}}}}}", side.files.join("config").display()),
    );
    let agent = &side.agent;
    let gateway = side.world.gateway();
    let spec = format!("{{agents: [{0}], scopes: [{0}], clusters: [{other}]}}", agent.name);
    let grant = "apiVersion: drawbridge.dev/v1alpha1\nkind: Grant\n";
    gateway.apply(&format!("{grant}metadata: {{name: {other}}}\nspec: {spec}\n")).ok();
    let get = || ask(gateway, agent, &other, "GET", "/api/v1/namespaces/default/configmaps");
    refused(&get(), "does not take the gateway's own credential");
    fs::write(side.files.join("status"), "3").unwrap();
    let answer = get();
    refused(&answer, "can't use its configuration");
    assert!(!String::from_utf8_lossy(&answer.body).contains("7f3k"));
    fs::write(side.files.join("status"), "0").unwrap();
    fs::write(side.files.join("token"), good).unwrap();
    assert_eq!(get().status, 200);
    let log = gateway.log();
    let bytes = "not-a-token-7f3k".bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    for secret in ["not-a-token-7f3k", bytes.as_str()] {
        assert!(!log.contains(secret), "the log has the plugin's token");
    }
}

#[test]
fn a_token_file_beside_an_address_and_a_ca_works_and_is_read_again() {
    let side = Side::new(|files| {
        fs::write(files.join("token"), "not-a-token-7f3k").unwrap();
        fs::write(files.join("ca.pem"), world().cluster().ca_pem()).unwrap();
        let (server, ca, token) = (world().cluster().server(), files.join("ca.pem"), files.join("token"));
        format!("{{server: {server:?}, caFile: {ca:?}, tokenFile: {token:?}}}")
    });
    refused(&side.get(), "does not take the gateway's own credential");
    fs::write(side.files.join("token"), token(side.world, &side.world.name("gw"))).unwrap();
    assert_eq!(side.get().status, 200);
}

#[test]
fn an_authority_that_changes_in_its_file_counts_from_the_next_request_on_and_a_wrong_one_sends_nothing() {
    let side = Side::new(|files| {
        fs::write(files.join("token"), token(world(), &world().name("gw"))).unwrap();
        fs::write(files.join("ca.pem"), world().cluster().ca_pem()).unwrap();
        let (server, ca, token) = (world().cluster().server(), files.join("ca.pem"), files.join("token"));
        format!("{{server: {server:?}, caFile: {ca:?}, tokenFile: {token:?}}}")
    });
    let write = |pem: &str| fs::write(side.files.join("ca.pem"), pem).unwrap();
    let reached = || {
        let events = side.world.audit().of_agent(&side.agent.name);
        events.iter().filter(|event| event.uri().contains("/configmaps")).count()
    };
    assert_eq!(side.get().status, 200);
    let other = rcgen::generate_simple_self_signed(["another authority".to_owned()]).unwrap().cert.pem();
    write(&other);
    refused(&side.get(), "can't be reached");
    assert_eq!(reached(), 1, "no connection of the one before is used again");
    // Old and new together, as people do it.
    write(&format!("{other}{}", side.world.cluster().ca_pem()));
    assert_eq!(side.get().status, 200);
    // What is no certificate at all is a file that somebody is writing: the last good one stays in use.
    for half in ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nMIIB"] {
        write(half);
        assert_eq!(side.get().status, 200, "{half:?}");
    }
    write(side.world.cluster().ca_pem());
    assert_eq!(side.get().status, 200);
    assert_eq!(reached(), 6);
}

#[test]
fn a_credential_that_may_not_impersonate_is_the_gateways_fault_and_says_whose_turn_it_is() {
    let side = Side::new(|files| {
        let user = world().cluster().kubeconfig_for("nobody-in-particular", &[]).unwrap();
        format!("{{kubeconfig: {{path: {}}}}} # {}", user.display(), files.display())
    });
    let answer = side.get();
    refused(&answer, "does not let the gateway act for agents");
    assert_eq!(answer.json()["details"]["causes"][1]["message"], "ask-person");
    assert!(!answer.message().contains("nobody-in-particular"));
}

#[test]
fn a_kubeconfig_that_skips_tls_verification_is_refused_and_nothing_is_sent() {
    let side = Side::new(|files| {
        let (certificate, key) = world().cluster().client_certificate("drawbridge-gateway", &[]).unwrap();
        fs::write(files.join("tls.crt"), certificate).unwrap();
        fs::write(files.join("tls.key"), key).unwrap();
        let user = json!({ "client-certificate": "tls.crt", "client-key": "tls.key" });
        let insecure = json!({ "insecure-skip-tls-verify": true });
        fs::write(files.join("config"), kubeconfig_at(world().cluster().server(), &insecure, &user)).unwrap();
        format!("{{kubeconfig: {{path: {}}}}}", files.join("config").display())
    });
    refused(&side.get(), "can't use its configuration");
    let log = side.world.gateway().log();
    assert!(log.contains("insecure-skip-tls-verify"), "the log says why");
    assert!(side.world.audit().of_agent(&side.agent.name).is_empty());
}

#[test]
fn a_cluster_that_cannot_be_reached_is_a_503_and_recorded() {
    let side = Side::new(|files| {
        let user = json!({ "token": "x" });
        let nowhere = kubeconfig_at("https://127.0.0.1:1", &json!({}), &user);
        fs::write(files.join("config"), nowhere).unwrap();
        format!("{{kubeconfig: {{path: {}}}}}", files.join("config").display())
    });
    let answer = side.get();
    refused(&answer, "can't be reached");
    assert_eq!(answer.json()["details"]["causes"][1]["message"], "wait");
    let row = side.world.gateway().recorded(&["--agent", &side.agent.name], |row| row["part"] == "outcome");
    assert_eq!((&row["outcome"]["reason"], &row["outcome"]["status"]), (&json!("cluster"), &json!(503)));
    side.agent.kubectl(&["-n", "default", "get", "configmaps"]).fails_with("ServiceUnavailable");
}

#[test]
fn a_cluster_that_takes_the_connection_and_says_nothing_is_given_up_in_time_for_watches_too() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let gateway = Gateway::start(
        binary(),
        drawbridge_testkit::Options {
            config: "limits: {clusterConnect: 500ms, clusterAnswer: 10m}\n".to_owned(),
            ..Default::default()
        },
    );
    let world = world();
    let cluster = world.name("side");
    let config = world.directory().join(&cluster);
    let server = format!("https://{}", silent.local_addr().unwrap());
    fs::write(&config, kubeconfig_at(&server, &json!({}), &json!({ "token": "x" }))).unwrap();
    apply_cluster(&gateway, &cluster, &format!("{{kubeconfig: {{path: {}}}}}", config.display()));
    let agent = Agent::enrol(&gateway, &cluster, &cluster, world.directory(), world.cluster().kubectl());
    let rules = "- {verbs: ['*'], apiGroups: [''], resources: [configmaps]}";
    let head = "apiVersion: drawbridge.dev/v1alpha1\nkind:";
    let scope = format!("{head} Scope\nmetadata: {{name: {cluster}}}\nspec:\n  rules:\n  {rules}\n");
    let spec = format!("{{agents: [{cluster}], scopes: [{cluster}], clusters: [{cluster}]}}");
    gateway.apply(&format!("{scope}---\n{head} Grant\nmetadata: {{name: {cluster}}}\nspec: {spec}\n")).ok();
    for query in ["", "?watch=1"] {
        let path = format!("/api/v1/namespaces/default/configmaps{query}");
        refused(&ask(&gateway, &agent, &cluster, "GET", &path), "can't be reached");
    }
}
