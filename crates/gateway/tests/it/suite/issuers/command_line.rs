//! `drawbridge credential`, `whoami` and `kubeconfig` with tokens that somebody else issued.

use std::path::Path;
use std::process::Command;

use drawbridge_testkit::issuer::{Fault, Part, SigningKey, TestIssuer};
use drawbridge_testkit::{Run, run};
use serde_json::{Value, json};

use super::super::{binary, world};

const GATE: &str = "https://gate.example:8443";

/// Runs the program with these variables and none of a job's own.
#[track_caller]
fn drawbridge(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(binary());
    command.args(arguments);
    for name in ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "DRAWBRIDGE_ID_TOKEN"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    run(&mut command, b"")
}

/// An issuer that also answers a job's request for a token, as GitHub does.
fn github(token: &str) -> TestIssuer {
    let issuer = TestIssuer::start(&[]);
    issuer.break_part(Part::Keys, Fault::Body(json!({ "count": 1, "value": token }).to_string()));
    issuer
}

fn job() -> (TestIssuer, SigningKey, Value) {
    let key = SigningKey::rsa("a");
    let issuer = TestIssuer::start(&[&key]);
    let mut claims = issuer.claims("repo:acme/ops:environment:prod", GATE);
    claims["iss"] = json!("https://token.actions.githubusercontent.com");
    claims["repository"] = json!("acme/ops");
    claims["environment"] = json!("prod");
    claims["ref"] = json!("refs/heads/main");
    claims["run_id"] = json!("42");
    (issuer, key, claims)
}

#[test]
fn a_github_job_asks_for_a_token_for_the_gateway_and_hands_it_to_kubectl() {
    let (_issuer, key, claims) = job();
    let token = key.token(&claims);
    let github = github(&token);
    let address = format!("{}/keys?api-version=2.0", github.url());
    let authority = github.ca().display().to_string();
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", address.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-secret"),
        ("SSL_CERT_FILE", authority.as_str()),
    ];
    let ask = ["credential", "--from", "github", "--audience", GATE];
    let made: Value = serde_json::from_str(&drawbridge(&ask, &variables).ok().stdout).unwrap();
    assert_eq!((&made["kind"], &made["status"]["token"]), (&json!("ExecCredential"), &json!(token)));
    let ends: jiff::Timestamp = made["status"]["expirationTimestamp"].as_str().unwrap().parse().unwrap();
    assert_eq!(ends.as_second(), claims["exp"].as_i64().unwrap() - 30);
    let heads = github.heads();
    assert_eq!(github.requests(), ["/keys?api-version=2.0&audience=https%3A%2F%2Fgate.example%3A8443"]);
    assert!(heads[0].contains("authorization: Bearer request-secret\r\n"), "{}", heads[0]);

    // Another audience than was asked for.
    let other = ["credential", "--from", "github", "--audience", "https://other.example"];
    let refused = drawbridge(&other, &variables).fails_with("the gateway would refuse it");
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(!said.contains(&token) && !said.contains("request-secret"), "{said}");
    // A redirect would carry the request's token elsewhere.
    let elsewhere = TestIssuer::start(&[]);
    github.mend();
    github.break_part(Part::Keys, Fault::Redirect(format!("{}/keys", elsewhere.url())));
    drawbridge(&ask, &variables).fails_with("GitHub answered 302");
    assert_eq!(elsewhere.requests(), [""; 0]);
    // An endpoint that nobody vouches for gets nothing.
    drawbridge(&ask, &variables[..2]).fails_with("GitHub can't be asked for a token");
    assert_eq!(github.requests().len(), 3);
    drawbridge(&ask, &[]).fails_with("permissions: {id-token: write}");
}

#[test]
fn a_gitlab_job_hands_on_the_token_of_its_variable() {
    let (_issuer, key, claims) = job();
    let token = key.token(&claims);
    let ask = ["credential", "--from", "gitlab", "--audience", GATE];
    let made: Value =
        serde_json::from_str(&drawbridge(&ask, &[("DRAWBRIDGE_ID_TOKEN", &token)]).ok().stdout).unwrap();
    assert_eq!(made["status"]["token"], json!(token));
    drawbridge(&ask, &[]).fails_with(&format!("id_tokens: {{DRAWBRIDGE_ID_TOKEN: {{aud: {GATE}}}}}"));
    let named = ["credential", "--from", "gitlab", "--variable", "MINE"];
    drawbridge(&named, &[("MINE", &token)]).ok();
    drawbridge(&named, &[("MINE", "hello")]).fails_with("MINE has no token that a gateway takes");
}

#[test]
fn a_token_s_file_is_read_each_time_and_an_old_token_is_told_before_the_gateway_refuses_it() {
    let (_issuer, key, mut claims) = job();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let file = path.display().to_string();
    let ask = ["credential", "--from", "file", "--file", &file, "--audience", GATE];
    drawbridge(&ask, &[]).fails_with("can't be read");
    for run in ["1", "2"] {
        claims["run_id"] = json!(run);
        let token = key.token(&claims);
        std::fs::write(&path, format!("{token}\n")).unwrap();
        let made: Value = serde_json::from_str(&drawbridge(&ask, &[]).ok().stdout).unwrap();
        assert_eq!(made["status"]["token"], json!(token));
    }
    claims["exp"] = json!(claims["iat"]);
    let old = key.token(&claims);
    std::fs::write(&path, &old).unwrap();
    let refused = drawbridge(&ask, &[]).fails_with("the token has expired");
    assert!(!refused.stdout.contains(&old) && !refused.stderr.contains(&old), "{refused}");
}

#[test]
fn whoami_tells_how_a_token_would_be_enrolled_and_never_the_token() {
    let (_issuer, key, mut claims) = job();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let file = path.display().to_string();
    let whoami = |token: &str, audience: &str| {
        std::fs::write(&path, token).unwrap();
        let said =
            drawbridge(&["whoami", "--from", "file", "--file", &file, "--audience", audience], &[]).ok();
        let signature = token.rsplit('.').next().unwrap();
        assert!(!said.stdout.contains(signature) && !said.stderr.contains(signature), "{said}");
        said
    };
    let said = whoami(&key.token(&claims), GATE);
    for words in
        ["kind: OIDC token", "issuer: github", "repository: acme/ops", "environment: prod", "run_id 42"]
    {
        assert!(said.stdout.contains(words), "no {words:?} in {said}");
    }
    assert!(!said.stderr.contains("warning"), "{said}");
    assert!(
        whoami(&key.token(&claims), "https://other.example").stderr.contains("warning: the token is for")
    );
    claims["iss"] = json!("https://kubernetes.default.svc");
    claims["sub"] = json!("system:serviceaccount:agents:cleanup");
    claims["kubernetes.io"] = json!({
        "namespace": "agents",
        "serviceaccount": { "name": "cleanup", "uid": "11111111-2222-3333-4444-555555555555" },
    });
    let said = whoami(&key.token(&claims), GATE);
    for words in ["kind: service-account token", "serviceAccount: CLUSTER/agents/cleanup"] {
        assert!(said.stdout.contains(words), "no {words:?} in {said}");
    }
    let made = directory.path().join("a.key").display().to_string();
    let owner = ["--owner", "a@example.com", "--purpose", "Tests", "--key", &made];
    let enrolled = drawbridge(&[&["enrol", "a"], owner.as_slice()].concat(), &[]).ok().stdout;
    let (_, public) = enrolled.split_once("ed25519:").unwrap();
    let said = drawbridge(&["whoami", "--from", "key", "--key", &made], &[]).ok().stdout;
    assert!(said.contains(public.split_whitespace().next().unwrap().trim_matches('"')), "{said}");
}

#[test]
fn kubectl_reaches_the_cluster_with_a_token_from_a_file() {
    let key = SigningKey::p256("a");
    let issuer = TestIssuer::start(&[&key]);
    let (world, name) = (world(), world().name("from-file"));
    let namespace = world.namespace("from-file");
    world.admin(&["-n", &namespace, "create", "configmap", "seen"]).ok();
    let gateway = world.gateway();
    let manifest = format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: TrustedIssuer\nmetadata: {{name: {name}}}\n\
         spec: {{oidc: {{url: \"{}\", algorithms: [ES256], caFile: \"{}\"}}}}\n---\n\
         apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\n\
         spec:\n  owner: tests@example.com\n  purpose: Tests one thing\n  identities:\n\
         \x20 - oidc: {{issuer: {name}, claims: {{sub: job}}}}\n",
        issuer.url(),
        issuer.ca().display()
    );
    gateway.apply(&manifest).ok();
    let rules = "- {name: see, verbs: [get], apiGroups: [''], resources: [configmaps]}";
    world.grant(gateway, &name, rules, &[&namespace], "");
    let directory = tempfile::tempdir().unwrap();
    let path = |file: &str| directory.path().join(file).display().to_string();
    let (token, config) = (path("token"), path("config"));
    let write =
        ["kubeconfig", &name, "--cluster", "local", "--from", "file", "--file", &token, "--out", &config];
    assert!(gateway.cli(&write).ok().stderr.contains("is not there"));
    let see = || {
        let mut command = Command::new(world.cluster().kubectl());
        command.args(["--kubeconfig", &config, "-n", &namespace, "get", "configmap", "seen", "-o", "name"]);
        command.env("HOME", directory.path());
        run(&mut command, b"")
    };
    std::fs::write(Path::new(&token), key.token(&issuer.claims("job", &gateway.url()))).unwrap();
    assert_eq!(see().ok().stdout.trim(), "configmap/seen");
    // The next token is somebody else's.
    std::fs::write(Path::new(&token), key.token(&issuer.claims("another", &gateway.url()))).unwrap();
    see().fails_with("belongs to no known agent");
}
