//! What people do: apply, look, suspend, read the record.

use std::process::ExitCode;

use super::{Served, cli, serve};
use crate::commands::admin_file::AdminFile;

/// The standing of an agent, as `get` shows it.
async fn standing(served: &Served, agent: &str) -> String {
    let done = served.cli(&["get", "agents", agent, "-o", "json"]).await;
    let item: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    item["status"]["standing"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn manifests_are_applied_shown_and_deleted() {
    let served = serve().await;
    served.enrol("cleanup").await;
    let again =
        served.cli(&["apply", "-f", &served.dir.path().join("manifests.yaml").display().to_string()]).await;
    assert!(again.out.contains("agent/cleanup unchanged\n"), "{}", again.out);

    let table = served.cli(&["get", "agents"]).await.out;
    assert!(
        table.starts_with(
            "NAME      OWNER            STANDING   OPEN   AGE\ncleanup   me@example.com   active     0 "
        ),
        "{table}"
    );
    let yaml = served.cli(&["get", "grants", "-o", "yaml"]).await.out;
    let grant = served.file("grant.yaml", &yaml);
    assert!(served.cli(&["apply", "-f", &grant]).await.out.contains("grant/g-cleanup unchanged"));

    let needed = served.cli(&["delete", "scope", "see"]).await;
    assert_eq!(needed.status, ExitCode::from(3), "{}", needed.err);
    let all = served.cli(&["delete", "-f", &served.file("all.yaml", &read(&served, "manifests.yaml"))]).await;
    assert_eq!(
        all.out,
        "grant/g-cleanup deleted\nagent/cleanup deleted\nscope/see deleted\ncluster/prod deleted\n"
    );
    let gone = served.cli(&["get", "agents", "cleanup"]).await;
    assert_eq!(gone.status, ExitCode::from(1));
    assert!(gone.err.contains("there is no agent \"cleanup\""), "{}", gone.err);
}

fn read(served: &Served, name: &str) -> String {
    std::fs::read_to_string(served.dir.path().join(name)).unwrap()
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let served = serve().await;
    let text = super::manifests("cleanup", "ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=");
    let done = served.cli(&["apply", "--dry-run", "-f", &served.file("m.yaml", &text)]).await;
    assert!(done.out.contains("agent/cleanup created (dry run)"), "{}", done.out);
    assert!(served.cli(&["get", "agents"]).await.err.contains("there are no agents"));
}

#[tokio::test]
async fn five_mistakes_are_five_problems_and_change_nothing() {
    let served = serve().await;
    let text = super::manifests("cleanup", "ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=")
        .replace("owner: me@example.com", "ownr: me@example.com")
        .replace("verbs: [get, list, watch]", "verbs: get")
        .replace("path: /nowhere/kubeconfig", "path: /nowhere/kubeconfig, colour: red")
        .replace("scopes: [see]", "scopes: [saw]");
    let done = served.cli(&["apply", "-f", &served.file("m.yaml", &text)]).await;
    assert_eq!(done.status, ExitCode::from(3));
    let problems: Vec<&str> = done.err.lines().filter(|line| line.contains("m.yaml:")).collect();
    // The misspelt field is two: one that is unknown and one that is missing.
    assert_eq!(problems.len(), 5, "{}", done.err);
    assert!(done.err.ends_with("error: 5 problems; nothing was changed\n"), "{}", done.err);
    let scopes = served.cli(&["get", "scopes"]).await.out;
    assert!(scopes.lines().skip(1).all(|line| line.contains("built in")), "{scopes}");
}

#[tokio::test]
async fn a_standing_is_changed_shown_recorded_and_never_undone_by_apply() {
    let served = serve().await;
    served.enrol("cleanup").await;
    let done = served.cli(&["suspend", "agent", "cleanup", "--reason", "odd"]).await;
    assert!(
        done.out.starts_with("agent/cleanup is suspended: closed 0 streams and 0 connections in "),
        "{}",
        done.out
    );
    assert_eq!(standing(&served, "cleanup").await, "suspended");
    let manifests = served.dir.path().join("manifests.yaml").display().to_string();
    served.cli(&["apply", "-f", &manifests]).await;
    assert_eq!(standing(&served, "cleanup").await, "suspended");
    let again = served.cli(&["suspend", "agent", "cleanup"]).await;
    assert_eq!(again.out, "agent/cleanup is suspended already; nothing changed\n");
    assert_eq!(served.cli(&["resume", "agent", "cleanup"]).await.out, "agent/cleanup is active again\n");

    served.cli(&["revoke", "agent", "cleanup"]).await;
    let back = served.cli(&["resume", "agent", "cleanup"]).await;
    assert_eq!(back.status, ExitCode::from(3));
    assert!(back.err.contains("is revoked, and that is final"), "{}", back.err);

    let log = served.cli(&["log"]).await.out;
    assert!(log.contains("suspend     agent/cleanup"), "{log}");
    assert!(log.contains("by admin (says it is me@here), odd"), "{log}");
    assert_eq!(served.cli(&["log", "--last", "1"]).await.out.lines().count(), 1);
    assert_eq!(served.cli(&["log", "--last", "0"]).await.out, "");
    assert_eq!(served.cli(&["log", "--since", "1h"]).await.out, log);
}

#[tokio::test]
async fn a_key_is_named_by_its_fingerprint_or_its_text() {
    let served = serve().await;
    let key = served.enrol("cleanup").await.public().unwrap();
    let done = served.cli(&["suspend", "key", &key.to_string()]).await;
    assert_eq!(done.status, ExitCode::SUCCESS, "{}", done.err);
    let wide = served.cli(&["get", "agents", "-o", "wide"]).await.out;
    assert!(wide.contains(&format!("{}(suspended)", key.fingerprint())), "{wide}");
    let done = served.cli(&["revoke", "key", &key.fingerprint()]).await;
    assert!(done.out.contains("is revoked"), "{}", done.out);
    let unknown = served.cli(&["suspend", "key", "nonsense"]).await;
    assert_eq!(unknown.status, ExitCode::from(1), "{}", unknown.err);
    let unknown = served.cli(&["suspend", "grant", "nonsense"]).await;
    assert_eq!(unknown.status, ExitCode::from(1), "{}", unknown.err);
}

#[tokio::test]
async fn a_grant_is_made_once() {
    let served = serve().await;
    served.enrol("cleanup").await;
    let line =
        ["grant", "cleanup", "--scope", "see", "--cluster", "prod", "--namespace", "ci-*", "--for", "2h"];
    let done = served.cli(&line).await;
    assert_eq!(done.status, ExitCode::SUCCESS, "{}", done.err);
    assert!(done.out.contains("name: cleanup-see-prod"), "{}", done.out);
    let again = served.cli(&line).await;
    assert_eq!(again.status, ExitCode::from(3));
    assert!(again.err.contains("--name"), "{}", again.err);
    let unknown = served.cli(&["grant", "cleanup", "--scope", "nope", "--cluster", "prod"]).await;
    assert_eq!(unknown.status, ExitCode::from(3), "{}", unknown.err);
}

#[tokio::test]
async fn a_wrong_credential_is_refused_and_an_absent_server_is_named() {
    let served = serve().await;
    let mut file = AdminFile::find(Some(served.running.admin_file())).unwrap();
    file.token = "wrong".to_owned();
    let other = served.dir.path().join("other.json");
    file.write(&other).unwrap();
    let refused = cli(&other, &["get", "agents"]).await;
    assert_eq!(refused.status, ExitCode::from(3));
    assert!(refused.err.contains("the admin credential is missing or not this gateway's"), "{}", refused.err);

    let missing = cli(&served.dir.path().join("missing.json"), &["get", "agents"]).await;
    assert_eq!(missing.status, ExitCode::from(1));
    assert!(missing.err.contains("missing.json can't be read"), "{}", missing.err);
    file.server = "https://127.0.0.1:1".to_owned();
    file.write(&other).unwrap();
    let absent = cli(&other, &["get", "agents"]).await;
    assert_eq!(absent.status, ExitCode::from(1));
    assert!(absent.err.contains("can't be reached; does it run?"), "{}", absent.err);
    assert_eq!(absent.err.lines().count(), 1, "{}", absent.err);
}

#[tokio::test]
async fn another_authority_s_certificate_is_not_trusted() {
    let (served, stranger) = (serve().await, serve().await);
    let mut file = AdminFile::find(Some(served.running.admin_file())).unwrap();
    file.server = stranger.running.admin_url().to_owned();
    let other = served.dir.path().join("other.json");
    file.write(&other).unwrap();
    let refused = cli(&other, &["get", "agents"]).await;
    assert_eq!(refused.status, ExitCode::from(1));
    assert!(refused.err.contains("certificate"), "{}", refused.err);
}

#[tokio::test]
async fn a_kubeconfig_is_made_from_what_the_server_says() {
    let served = serve().await;
    served.enrol("cleanup").await;
    let line = ["kubeconfig", "cleanup", "--cluster", "prod", "--key", "cleanup.key"];
    let done = served.cli(&line).await;
    assert_eq!(done.status, ExitCode::SUCCESS, "{}", done.err);
    assert!(done.out.contains(&format!("server: {}/clusters/prod", served.running.url())), "{}", done.out);
    assert!(done.out.contains("certificate-authority-data"), "{}", done.out);
    let unknown = served.cli(&["kubeconfig", "cleanup", "--cluster", "dev", "--key", "cleanup.key"]).await;
    assert!(unknown.err.contains("knows no cluster \"dev\""), "{}", unknown.err);
}
