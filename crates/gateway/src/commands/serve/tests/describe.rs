//! `drawbridge describe`, and what else people ask for every day.

use std::process::ExitCode;

use super::serve;

/// The line of a field or a table that begins with a word, its gaps made one space.
fn line(text: &str, begins: &str) -> String {
    let found = text.lines().find(|line| line.trim_start().starts_with(begins));
    let found = found.unwrap_or_else(|| panic!("no line begins with {begins:?} in\n{text}"));
    found.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn an_agent_is_described_with_its_keys_grants_and_the_rules_that_hold_now() {
    let served = serve().await;
    let key = served.enrol("cleanup").await;
    let fingerprint = key.public().unwrap().fingerprint();
    let described = served.cli(&["describe", "agent", "cleanup"]).await;
    assert_eq!(described.status, ExitCode::SUCCESS, "{}", described.err);
    let text = described.out;
    assert_eq!(line(&text, "Owner:"), "Owner: me@example.com");
    assert_eq!(line(&text, "Purpose:"), "Purpose: Looks at Jobs");
    assert_eq!(line(&text, "Standing:"), "Standing: active");
    assert_eq!(line(&text, "Identities:"), format!("Identities: key {fingerprint}"));
    assert_eq!(line(&text, "Last activity:"), "Last activity: (none in the record)");
    assert_eq!(line(&text, "g-cleanup"), "g-cleanup cleanup see prod (all) - active");
    assert_eq!(line(&text, "prod"), "prod (all) see/see-jobs allow get,list,watch jobs.batch g-cleanup -");
    assert_eq!(line(&text, "Open requests:"), "Open requests: (none)");
    assert_eq!(line(&text, "Recent refusals:"), "Recent refusals: (none)");
    assert!(!text.contains('\u{1b}'), "colours are for terminals");

    served.cli(&["suspend", "grant", "g-cleanup", "--reason", "odd"]).await;
    served.cli(&["suspend", "key", &fingerprint]).await;
    served.cli(&["suspend", "agent", "cleanup", "--reason", "looks odd"]).await;
    let text = served.cli(&["describe", "agent", "cleanup"]).await.out;
    let standing = line(&text, "Standing:");
    assert!(
        standing.starts_with("Standing: suspended since ") && standing.ends_with(": looks odd"),
        "{standing}"
    );
    assert!(line(&text, "Identities:").ends_with("(suspended)"), "{text}");
    assert_eq!(line(&text, "Rules:"), "Rules: (none)");
    assert!(line(&text, "g-cleanup").ends_with("suspended"), "{text}");
}

#[tokio::test]
async fn a_scope_a_grant_and_a_cluster_are_described_and_what_is_unknown_is_named() {
    let served = serve().await;
    served.enrol("cleanup").await;
    let scope = served.cli(&["describe", "scope", "see"]).await.out;
    assert_eq!(line(&scope, "see-jobs"), "see-jobs allow get,list,watch jobs.batch");
    assert_eq!(line(&scope, "g-cleanup"), "g-cleanup cleanup see prod (all) - active");
    let grant = served.cli(&["describe", "grant", "g-cleanup"]).await.out;
    assert_eq!(line(&grant, "Namespaces:"), "Namespaces: (all)");
    assert_eq!(line(&grant, "Until:"), "Until: (no end)");
    assert_eq!(line(&grant, "prod"), "prod (all) see/see-jobs allow get,list,watch jobs.batch g-cleanup -");
    let cluster = served.cli(&["describe", "cluster", "prod"]).await.out;
    assert_eq!(line(&cluster, "Access:"), "Access: kubeconfig /nowhere/kubeconfig");
    assert!(line(&cluster, "Credential:").contains("/nowhere/kubeconfig"), "{cluster}");
    let unknown = served.cli(&["describe", "agent", "nobody"]).await;
    assert_eq!(unknown.status, ExitCode::FAILURE);
    assert!(unknown.err.contains("no agent \"nobody\" is known"), "{}", unknown.err);
}

#[tokio::test]
async fn a_grant_s_unknown_names_are_said_of_the_arguments() {
    let served = serve().await;
    served.enrol("cleanup").await;
    let grant = ["grant", "cleanap", "--scope", "sea", "--cluster", "nowhere"];
    let done = served.cli(&grant).await;
    assert_eq!(done.status, ExitCode::from(3));
    for said in ["the agent cleanap: no Agent", "--scope sea: no Scope", "--cluster nowhere: no Cluster"] {
        assert!(done.err.lines().any(|line| line.starts_with(said)), "no {said:?} in {}", done.err);
    }
    let wrong = served.cli(&["grant", "cleanup", "--scope", "see", "--cluster", "prod", "--namespace", "A"]);
    let wrong = wrong.await.err;
    assert!(wrong.starts_with("--namespace A: "), "{wrong}");
    assert!(!done.err.contains("the grant:"), "{}", done.err);
}

#[tokio::test]
async fn the_last_0_entries_are_nothing_and_no_complaint() {
    let served = serve().await;
    served.enrol("cleanup").await;
    let done = served.cli(&["log", "--last", "0"]).await;
    assert_eq!((done.status, done.out.as_str(), done.err.as_str()), (ExitCode::SUCCESS, "", ""));
}
