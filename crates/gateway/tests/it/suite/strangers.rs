//! Callers that somebody vouches for and nobody enrolled: `drawbridge get unrecognised` has the manifest
//! that makes them agents.

use std::sync::LazyLock;

use drawbridge_testkit::Gateway;
use drawbridge_testkit::issuer::{SigningKey, TestIssuer};
use serde_json::{Value, json};

use super::in_pod::account::{self, Account};
use super::world;

const SEE: &str = "- {name: see, verbs: [list], apiGroups: [''], resources: [configmaps]}";

/// One that shows nobody but this file's callers.
static GATEWAY: LazyLock<Gateway> = LazyLock::new(|| account::gateway("{}"));

/// What is shown of a caller.
#[track_caller]
fn shown(subject: &str) -> Value {
    let listed = GATEWAY.cli(&["get", "unrecognised", "-o", "json"]).ok().stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let found = listed["items"].as_array().unwrap().iter().find(|one| one["subject"] == subject);
    found.unwrap_or_else(|| panic!("no {subject} in {listed:#}")).clone()
}

/// The manifest that is shown for a caller, with what goes before it.
#[track_caller]
fn manifest(subject: &str) -> String {
    let text = GATEWAY.cli(&["get", "unrecognised", "-o", "yaml"]).ok().stdout;
    let head = format!("# {subject} (");
    let found = text.split("---\n").find(|one| one.starts_with(&head));
    found.unwrap_or_else(|| panic!("no {head:?} in {text}")).to_owned()
}

/// What a person makes of it: a name and an owner, and nothing else.
#[track_caller]
fn named(manifest: &str, name: &str) -> String {
    let line = manifest.lines().find(|line| line.trim_start().starts_with("name:")).unwrap();
    assert!(manifest.contains("nobody@example.com"), "{manifest}");
    manifest.replace(line, &format!("  name: {name}")).replace("nobody@example.com", "me@example.com")
}

/// Refused with an id and nothing else.
#[track_caller]
fn is_nobody(account: &Account, token: &str) {
    let answer = account.ask(token);
    assert_eq!((answer.status, answer.reason().as_str()), (401, "unrecognised"), "{}", answer.message());
}

/// Somebody, who may do nothing, and then what the grant says.
#[track_caller]
fn becomes(account: &Account, token: &str) {
    let answer = account.ask(token);
    assert_eq!(answer.status, 403, "it is somebody, and may do nothing: {}", answer.message());
    world().grant(&GATEWAY, &account.name, SEE, &[&account.namespace], "");
    assert_eq!(account.ask(token).status, 200);
    assert_eq!(account.reached().len(), 1);
}

#[test]
fn a_service_account_becomes_an_agent_by_the_manifest_that_is_shown_for_it() {
    let (namespace, name) = (world().namespace("stranger"), world().name("stranger"));
    let account = Account { gateway: &GATEWAY, namespace, name };
    account.made();
    let token = account.token_of(&account.pod());
    is_nobody(&account, &token);
    let subject = format!("local/{}/{}", account.namespace, account.name);
    let one = shown(&subject);
    assert_eq!((&one["kind"], &one["because"]), (&json!("service-account"), &json!("unknown")));
    assert_eq!(one["identity"], json!({ "serviceAccount": subject }));
    GATEWAY.apply(&named(&manifest(&subject), &account.name)).ok();
    becomes(&account, &token);
}

#[test]
fn an_account_that_was_made_again_is_shown_with_its_uid_as_the_agent_that_it_was() {
    let account = Account::new(&GATEWAY, "stranger-again");
    assert_eq!(account.ask(&account.token_of(&account.pod())).status, 200);
    account.owner(&["delete", "serviceaccount", &account.name]).ok();
    account.made();
    let token = account.token_of(&account.pod());
    is_nobody(&account, &token);
    let subject = format!("local/{}/{}", account.namespace, account.name);
    let uid = account.owner(&["get", "serviceaccount", &account.name, "-o", "jsonpath={.metadata.uid}"]);
    let uid = uid.ok().stdout;
    let one = shown(&subject);
    assert_eq!((&one["because"], &one["agent"]), (&json!("recreated"), &json!(account.name)));
    assert_eq!(one["identity"], json!({ "serviceAccount": subject, "uid": uid }));
    let shown = manifest(&subject);
    assert!(shown.contains("was deleted and made again"), "{shown}");
    assert!(shown.contains(&format!("name: {}\n", account.name)), "no other agent can have it: {shown}");
    // As another agent it is refused, and says whose it is.
    GATEWAY.apply(&named(&shown, &world().name("another"))).fails_with(&account.name);
    is_nobody(&account, &token);
    GATEWAY.apply(&named(&shown, &account.name)).ok();
    let answer = account.ask(&token);
    assert_eq!(answer.status, 200, "{}", answer.message());
}

#[test]
fn a_job_becomes_an_agent_by_the_manifest_that_is_shown_for_it_and_another_of_its_branch_does_not() {
    let key = SigningKey::p256("a");
    let issuer = TestIssuer::start(&[&key]);
    let (namespace, name) = (world().namespace("stranger"), world().name("stranger-job"));
    let trust = world().name("issuer");
    let text = format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: TrustedIssuer\nmetadata: {{name: {trust}}}\n\
         spec: {{oidc: {{url: \"{}\", algorithms: [ES256], caFile: \"{}\"}}}}\n",
        issuer.url(),
        issuer.ca().display()
    );
    GATEWAY.apply(&text).ok();
    let job = Account { gateway: &GATEWAY, namespace, name };
    let token = |repository: &str| {
        key.token(&issuer.claims(&format!("repo:{repository}:ref:refs/heads/main"), &GATEWAY.url()))
    };
    let (ops, web) = (token("acme/ops"), token("acme/web"));
    is_nobody(&job, &ops);
    is_nobody(&job, &web);
    let subject = |repository: &str| format!("{trust}: repo:{repository}:ref:refs/heads/main");
    let one = shown(&subject("acme/ops"));
    assert_eq!((&one["kind"], &one["because"]), (&json!("oidc"), &json!("unknown")));
    let claims = json!({ "sub": "repo:acme/ops:ref:refs/heads/main" });
    assert_eq!(one["identity"], json!({ "oidc": { "issuer": trust, "claims": claims } }));
    let both = format!("{}---\n{}", manifest(&subject("acme/ops")), manifest(&subject("acme/web")));
    GATEWAY.cli_with(&["apply", "--dry-run", "-f", "-"], &both).ok();
    GATEWAY.apply(&named(&manifest(&subject("acme/ops")), &job.name)).ok();
    becomes(&job, &ops);
    is_nobody(&job, &web);
}
