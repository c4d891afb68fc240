//! A start while those who vouch for agents are away.

use std::fs;
use std::time::{Duration, Instant};

use drawbridge_testkit::issuer::{SigningKey, TestIssuer};
use drawbridge_testkit::{Gateway, Options};
use serde_json::{Value, json};

use super::super::connect;
use super::super::in_pod::account::{Account, cluster, options};
use super::super::{binary, wire, world};

const SEE: &str = "- {name: see, verbs: [list], apiGroups: [''], resources: [configmaps]}";

/// A kubeconfig of a cluster that is down.
fn kubeconfig_of_nobody() -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        "clusters": [{ "name": "c", "cluster": { "server": "https://127.0.0.1:1" } }],
        "users": [{ "name": "u", "user": { "token": "x" } }],
    })
    .to_string()
}

#[test]
fn a_start_without_an_issuer_and_a_cluster_serves_who_can_be_served_and_the_others_when_they_are_back() {
    let key = SigningKey::p256("a");
    let issuer = TestIssuer::start(&[&key]);
    issuer.go_down();
    let world = world();
    let (namespace, job) = (world.namespace("start"), world.name("start-job"));
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let start = || Gateway::start(binary(), Options { data: Some(data.clone()), ..Options::default() });
    let gateway = start();
    let gone = data.with_extension("gone.kubeconfig");
    fs::write(&gone, kubeconfig_of_nobody()).unwrap();
    let head = "apiVersion: drawbridge.dev/v1alpha1\nkind:";
    gateway.apply(&world.cluster_manifest("local")).ok();
    let text = format!(
        "{head} Cluster\nmetadata: {{name: gone}}\nspec: {{kubeconfig: {{path: {}}}}}\n---\n\
         {head} TrustedIssuer\nmetadata: {{name: ci}}\n\
         spec: {{oidc: {{url: \"{}\", algorithms: [ES256], caFile: \"{}\"}}}}\n---\n\
         {head} Agent\nmetadata: {{name: {job}}}\nspec:\n  owner: tests@example.com\n  \
         purpose: Tests one thing\n  identities: [{{oidc: {{issuer: ci, claims: {{sub: job}}}}}}]\n",
        gone.display(),
        issuer.url(),
        issuer.ca().display()
    );
    gateway.apply(&text).ok();
    world.grant(&gateway, &job, SEE, &[&namespace], "");
    drop(gateway);

    let gateway = start();
    let agent = world.agent_on(&gateway, "start-key", SEE, &[&namespace]);
    agent.kubectl(&["-n", &namespace, "get", "configmaps"]).ok();
    let path = format!("/clusters/local/api/v1/namespaces/{namespace}/configmaps");
    let token = key.token(&issuer.claims("job", &gateway.url()));
    let ask = || {
        let address = gateway.address();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\n\r\n"
        );
        wire::send_bytes(&gateway, request.as_bytes())
    };
    let answer = ask();
    assert_eq!((answer.status, answer.reason().as_str()), (503, "no-issuer"), "{}", answer.message());
    assert!(answer.message().contains("can't be asked for its keys now"), "{}", answer.message());
    assert_eq!(answer.header("www-authenticate"), None, "its token may be good");
    let file: Value = serde_json::from_slice(&fs::read(data.join("admin.json")).unwrap()).unwrap();
    let (status, text) = connect::ask(&file, "/readyz?verbose", file["token"].as_str());
    assert_eq!(status, 200, "{text}");
    let line = |part: &str| -> String {
        let mut lines = text.lines().filter(|line| line.contains(part));
        let line = lines.next().unwrap_or_else(|| panic!("no {part} in {text}")).to_owned();
        assert_eq!(lines.next(), None, "{text}");
        line
    };
    assert!(line(" cluster/local ").starts_with("[+]"), "{text}");
    assert!(
        line(" cluster/gone: ").starts_with("[-]") && line(" cluster/gone: ").contains("can't be reached")
    );
    assert!(line(" issuer/ci: ").starts_with("[-]") && line(" issuer/ci: ").contains("can't be reached"));
    assert!(text.contains("1 of 2 clusters can be used"), "{text}");
    let found = gateway.cli(&["doctor", "-o", "json"]).stdout;
    let found: Value = serde_json::from_str(&found).unwrap();
    let calls: Vec<&Value> =
        found["findings"].as_array().unwrap().iter().filter(|one| one["check"] == "own calls").collect();
    let said = |kind: &str| calls.iter().any(|one| one["seen"].as_str().unwrap().contains(kind));
    assert!(said("kind issuer-document failed") && said("kind review failed"), "{calls:#?}");

    // It is asked again half a minute after it was asked last.
    issuer.mend();
    let began = Instant::now();
    loop {
        let answer = ask();
        if answer.status == 200 {
            break;
        }
        assert_eq!(answer.status, 503, "{}", answer.message());
        assert!(began.elapsed() < Duration::from_secs(90), "{}", answer.message());
        std::thread::sleep(Duration::from_millis(250));
    }
}

#[test]
fn reviews_that_a_cluster_refuses_are_counted_and_told_by_doctor() {
    // A user who may act for agents and read who issues tokens, and may review none.
    let world = world();
    let user = world.name("no-reviews");
    let subject = format!("--user={user}");
    let agents = ["-n", "drawbridge-agents", "create", "rolebinding", &user, "--role=drawbridge-gateway"];
    world.admin(&[&agents[..], &[&subject]].concat()).ok();
    let discovery = "--clusterrole=system:service-account-issuer-discovery";
    world.admin(&["create", "clusterrolebinding", &user, discovery, &subject]).ok();
    let gateway: &'static Gateway = Box::leak(Box::new(Gateway::start(binary(), options())));
    let kubeconfig = world.cluster().kubeconfig_for(&user, &[]).unwrap();
    gateway.apply(&cluster(&kubeconfig.display().to_string(), "{tokenReview: true}")).ok();
    let account = Account::new(gateway, "no-reviews");
    let token = account.token_of(&account.pod());
    let answer = account.until(&token, 503);
    assert!(answer.message().contains("can't be asked now whether it still counts"), "{}", answer.message());
    let findings = gateway.cli(&["doctor", "-o", "json"]).stdout;
    let findings: Value = serde_json::from_str(&findings).unwrap();
    let about = |one: &&Value| one["seen"].as_str().unwrap().contains("of the kind token-review failed");
    let told = findings["findings"].as_array().unwrap().iter().find(about);
    let told = told.unwrap_or_else(|| panic!("{findings:#}"));
    assert_eq!((&told["about"], &told["severity"]), (&json!("gateway"), &json!("warning")));
    assert_eq!(account.reached(), [""; 0]);
}
