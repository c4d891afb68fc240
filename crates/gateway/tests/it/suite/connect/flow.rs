//! From a cluster that nobody has connected to an agent's first request.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use drawbridge::cluster::renew::{Account, Life, NotRenewed, renew};
use drawbridge::cluster::{Cluster, Patience};
use drawbridge::manifest::ClusterAccess;
use drawbridge_testkit::Agent;
use std::time::Duration;

use super::{Ground, ground, of};

/// The gateway's files for a cluster.
fn kept(ground: &Ground, cluster: &str) -> (String, String) {
    let directory = ground.gateway.data().canonicalize().unwrap().join("clusters").join(cluster);
    (directory.join("ca.pem").display().to_string(), directory.join("token").display().to_string())
}

/// An agent of this name, with a scope that gives it all of ConfigMaps on this cluster.
fn agent(ground: &Ground, cluster: &str, name: &str) -> Agent {
    let agent =
        Agent::enrol(&ground.gateway, name, cluster, ground.directory.path(), ground.cluster.kubectl());
    let head = "apiVersion: drawbridge.dev/v1alpha1\nkind:";
    let rule = "{verbs: ['*'], apiGroups: [''], resources: [configmaps]}";
    let spec = format!("{{agents: [{name}], scopes: [{name}], clusters: [{cluster}]}}");
    ground
        .gateway
        .apply(&format!(
            "{head} Scope\nmetadata: {{name: {name}}}\nspec: {{rules: [{rule}]}}\n---\n\
             {head} Grant\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        ))
        .ok();
    agent
}

#[test]
fn a_connected_cluster_lets_the_gateway_in_as_agents_within_the_ceiling_and_doctor_finds_no_problem() {
    let ground = ground();
    let run = ground.connect(&["--name", "flow", "--apply", "--reason", "tests"]).ok();
    assert!(run.stdout.contains("cluster/flow created"), "{run}");
    assert!(run.stdout.contains("0 problems"), "{run}");
    let agent = agent(&ground, "flow", "flow-agent");
    agent.kubectl(&["get", "configmaps", "-n", "default"]).ok();
    agent.kubectl(&["create", "configmap", "x", "-n", "default"]).fails_with("orbidden");

    let (ca, token) = kept(&ground, "flow");
    assert_eq!(fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(&token).unwrap();
    assert!(Life::of(&secret).is_some());
    for entry in fs::read_dir(ground.gateway.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} has the token", path.display());
        }
    }
    assert!(!ground.gateway.log().contains(&secret) && !run.stdout.contains(&secret));
    let manifest = ground.gateway.cli(&["get", "cluster", "flow", "-o", "yaml"]).ok().stdout;
    for word in [ca.as_str(), &token, "renewAs: drawbridge-system/drawbridge-gateway"] {
        assert!(manifest.contains(word), "no {word} in {manifest}");
    }
    let rows = ground.gateway.record(&[]);
    let noted = rows.iter().any(|row| row["event"] == "credential" && row["what"]["cluster"] == "flow");
    assert!(noted, "{rows:#?}");

    // Once more changes nothing and finds nothing.
    let again = ground.connect(&["--name", "flow", "--apply"]).ok();
    assert!(again.stdout.contains("cluster/flow unchanged"), "{again}");
    let other = ground.gateway.cli(&["doctor", "--cluster", "flow"]).ok();
    assert!(other.stdout.contains("acting as others: refused"), "{other}");
}

#[test]
fn what_is_printed_is_what_is_waited_for() {
    let ground = ground();
    let options = ["--name", "waited", "--token-review"];
    let printed = ground.connect(&[&options[..], &["-o", "yaml"]].concat()).ok().stdout;
    ground.admin(&["delete", "clusterrolebinding", "drawbridge-token-review", "--ignore-not-found"], "").ok();
    let short = ground.connect(&[&options[..], &["--wait", "1s"]].concat());
    assert_eq!(short.code, Some(1), "{short}");
    assert!(
        short.stderr.contains("clusterrolebinding/drawbridge-token-review missing")
            || short.stderr.contains("missing"),
        "{short}"
    );
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ground.connect(&[&options[..], &["--wait", "60s"]].concat()));
        ground.admin(&["apply", "-f", "-"], &printed).ok();
        let run = waiting.join().unwrap().ok();
        assert!(run.stdout.contains(&printed), "{run}");
        assert!(run.stdout.contains("cluster/waited"), "{run}");
    });
    // The right to review tokens is meant; nothing else is.
    assert_eq!(of(&ground.findings("waited"), "own rights")[0]["severity"], "ok");
}

#[test]
fn a_kubeconfig_of_the_owners_own_is_bound_to_whoever_the_cluster_says_it_is() {
    let ground = ground();
    let (certificate, key) = ground.cluster.client_certificate("somebodys-gateway", &[]).unwrap();
    use base64::Engine as _;
    let encode = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
    let user = serde_json::json!({
        "client-certificate-data": encode(&certificate), "client-key-data": encode(&key) });
    let file = ground.kubeconfig("somebody.kubeconfig", &user);
    let line = ["--name", "own", "--gateway-kubeconfig", file.to_str().unwrap()];
    let printed = ground.connect(&[&line[..], &["-o", "yaml"]].concat()).ok().stdout;
    assert!(
        printed.contains("name: somebodys-gateway") && !printed.contains("drawbridge-system"),
        "{printed}"
    );
    let run = ground.connect(&[&line[..], &["--apply"]].concat()).ok();
    assert!(run.stdout.contains("it knows the gateway as somebodys-gateway"), "{run}");
    // What the other tests stand on is put back.
    ground.connect(&["--name", "flow", "--apply"]).ok();
}

fn cluster(server: &str, ca: &Path, token: &Path, account: &str) -> Cluster {
    let second = Duration::from_secs(10);
    let access = ClusterAccess::Server {
        server: server.to_owned(),
        ca_file: ca.to_owned(),
        token_file: token.to_owned(),
        renew: Account::parse(account),
    };
    Cluster::new("renewed".to_owned(), access, Patience { connect: second, answer: second })
}

#[tokio::test]
async fn a_token_is_renewed_long_before_it_ends_and_only_the_gateways_own() {
    let _provider = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (server, ca, token) = {
        let ground = ground();
        ground.connect(&["--name", "renewed", "--apply"]).ok();
        let (ca, token) = kept(&ground, "renewed");
        (ground.cluster.server().to_owned(), ca, token)
    };
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().join("token");
    fs::copy(&token, &own).unwrap();
    let first = fs::read_to_string(&own).unwrap();
    let life = Life::of(&first).unwrap();
    let gateway = cluster(&server, Path::new(&ca), &own, "drawbridge-system/drawbridge-gateway");
    renew(&gateway, life.from + 60).await.unwrap();
    assert_eq!(fs::read_to_string(&own).unwrap(), first, "it is not due yet");
    renew(&gateway, life.from + (life.until - life.from) / 2).await.unwrap();
    let second = fs::read_to_string(&own).unwrap();
    assert_ne!(second, first);
    assert!(Life::of(&second).unwrap().until >= life.until);
    assert_eq!(
        gateway.who().await.unwrap().user,
        "system:serviceaccount:drawbridge-system:drawbridge-gateway"
    );
    // A thief can't use it to get anybody else's.
    for account in ["drawbridge-agents/default", "kube-system/default", "drawbridge-system/other"] {
        let thief = cluster(&server, Path::new(&ca), &own, account);
        let refused = renew(&thief, life.until).await.unwrap_err();
        assert!(
            matches!(refused, NotRenewed::Status(status) if status == 403 || status == 404),
            "{refused:?}"
        );
        assert_eq!(fs::read_to_string(&own).unwrap(), second);
    }
}
