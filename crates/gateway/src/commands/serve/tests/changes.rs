//! What would change and what does: `diff`, `apply --dry-run` and `apply --prune`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Done, Served, serve};
use crate::commands::key::AgentKey;

/// A directory of manifests, one file for each.
struct Files {
    path: PathBuf,
}

impl Files {
    fn new(served: &Served) -> Files {
        let path = served.dir.path().join("manifests");
        std::fs::create_dir(&path).unwrap();
        let files = Files { path };
        let key = AgentKey::generate().unwrap().public().unwrap().to_string();
        files.write("agent", &agent("cleanup", &key));
        files.write(
            "cluster",
            "kind: Cluster\nmetadata: {name: prod}\nspec: {kubeconfig: {path: /nowhere}}\n",
        );
        files.write("scope", &scope("see", "[get, list]"));
        files.write("grant", &grant("see-prod", "see", ""));
        // Scopes that nothing names, so that one of them is less than a fifth.
        for number in 0..4 {
            files.write(&format!("more-{number}"), &scope(&format!("more-{number}"), "[get]"));
        }
        files
    }

    fn write(&self, name: &str, text: &str) {
        let text = format!("apiVersion: drawbridge.dev/v1alpha1\n{text}");
        std::fs::write(self.path.join(format!("{name}.yaml")), text).unwrap();
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.path.join(format!("{name}.yaml"))).unwrap();
    }

    async fn run(&self, served: &Served, command: &str, more: &[&str]) -> Done {
        let path = self.path.display().to_string();
        let arguments: Vec<&str> = [command, "-f", &path].into_iter().chain(more.iter().copied()).collect();
        served.cli(&arguments).await
    }
}

fn agent(name: &str, key: &str) -> String {
    format!(
        "kind: Agent\nmetadata: {{name: {name}}}\nspec:\n  owner: me\n  purpose: Tests\n  \
         identities: [{{key: {{publicKey: \"{key}\"}}}}]\n"
    )
}

fn scope(name: &str, verbs: &str) -> String {
    format!(
        "kind: Scope\nmetadata: {{name: {name}}}\nspec:\n  rules:\n  - name: jobs\n    verbs: {verbs}\n    \
         apiGroups: [batch]\n    resources: [jobs]\n"
    )
}

fn grant(name: &str, scope: &str, more: &str) -> String {
    format!(
        "kind: Grant\nmetadata: {{name: {name}}}\nspec: {{agents: [cleanup], scopes: [{scope}], \
         clusters: [prod]{more}}}\n"
    )
}

#[track_caller]
fn has(done: &Done, status: u8, words: &[&str]) {
    let both = format!("{}{}", done.out, done.err);
    assert_eq!(done.status, ExitCode::from(status), "{both}");
    for word in words {
        assert!(both.contains(word), "no {word:?} in\n{both}");
    }
}

async fn names(served: &Served, kind: &str) -> String {
    served.cli(&["get", kind, "-o", "name"]).await.out
}

#[tokio::test]
async fn a_diff_shows_manifests_and_rights_and_its_status_says_whether_there_is_one() {
    let served = serve().await;
    let files = Files::new(&served);
    let done = files.run(&served, "diff", &[]).await;
    has(&done, 1, &["+++ agent/cleanup (then)", "agent/cleanup (created)", "+ identity key SHA256:"]);
    assert_eq!(names(&served, "agents").await, "", "a diff changes nothing");
    has(&files.run(&served, "apply", &[]).await, 0, &["agent/cleanup created"]);
    let done = files.run(&served, "diff", &[]).await;
    assert_eq!((done.status, done.out.as_str(), done.err.as_str()), (ExitCode::SUCCESS, "", ""));

    files.write("scope", &scope("see", "[get]"));
    files.write("grant", &grant("see-prod", "see", ", namespaces: [ci]"));
    let done = files.run(&served, "diff", &[]).await;
    has(&done, 1, &["--- scope/see (now)", "-    - list", "~ grant see-prod"]);
    has(&done, 1, &["-   prod      (all)        see/jobs   allow    get,list   jobs.batch"]);
    has(&done, 1, &["+   prod      ci           see/jobs   allow    get        jobs.batch"]);
    let dry = files.run(&served, "apply", &["--dry-run"]).await;
    has(&dry, 0, &["scope/see configured (dry run)", "-    - list", "~ grant see-prod"]);
}

#[tokio::test]
async fn a_diff_that_cannot_be_made_has_its_own_status() {
    let served = serve().await;
    let files = Files::new(&served);
    files.write("grant", &grant("see-prod", "sea", ""));
    has(&files.run(&served, "diff", &[]).await, 3, &["did you mean \"see\"?", "1 problem"]);
    has(&served.cli(&["diff", "-f", "/nowhere.yaml"]).await, 4, &["/nowhere.yaml can't be read"]);
    let file = files.path.join("scope.yaml").display().to_string();
    has(&served.cli(&["diff", "-f", &file, "--prune"]).await, 2, &["directories only"]);
    has(&served.cli(&["apply", "-f", &file, "--prune"]).await, 2, &["directories only"]);
}

#[tokio::test]
async fn what_a_grant_gave_already_is_neither_gained_nor_lost() {
    let served = serve().await;
    let files = Files::new(&served);
    files.run(&served, "apply", &[]).await;
    files.write("second", &grant("again", "see", ""));
    let done = files.run(&served, "diff", &[]).await;
    has(&done, 1, &["+ grant again"]);
    assert!(!done.out.contains("see/jobs"), "the rule is held already:\n{}", done.out);
    // An ended grant gives nothing, and one that is suspended neither.
    files.write("second", &grant("again", "more-0", ", until: 2020-01-01T00:00:00Z"));
    assert!(!files.run(&served, "diff", &[]).await.out.contains("more-0/jobs"));
    served.cli(&["suspend", "grant", "see-prod"]).await;
    files.write("second", &grant("again", "see", ""));
    has(&files.run(&served, "diff", &[]).await, 1, &["+   prod      (all)        see/jobs"]);
}

#[tokio::test]
async fn prune_deletes_what_the_directory_no_longer_has_and_nothing_that_is_still_named() {
    let served = serve().await;
    let files = Files::new(&served);
    files.run(&served, "apply", &[]).await;
    files.remove("more-0");
    has(&files.run(&served, "apply", &[]).await, 0, &[]);
    assert!(names(&served, "scopes").await.contains("more-0"), "without --prune it stays");
    has(
        &files.run(&served, "apply", &["--prune", "--dry-run"]).await,
        0,
        &["scope/more-0 deleted (dry run)"],
    );
    assert!(names(&served, "scopes").await.contains("more-0"));
    has(&files.run(&served, "diff", &["--prune"]).await, 1, &["+++ /dev/null"]);
    has(&files.run(&served, "apply", &["--prune"]).await, 0, &["scope/more-0 deleted"]);
    assert!(!names(&served, "scopes").await.contains("more-0"));

    files.remove("scope");
    let done = files.run(&served, "apply", &["--prune"]).await;
    has(&done, 0, &["Scope \"see\" is in no file and stays, since the grant \"see-prod\" names it"]);
    assert!(names(&served, "scopes").await.contains("scope/see\n"));
    let log = served.cli(&["log", "-o", "json"]).await.out;
    assert!(log.contains("\"event\":\"delete\"") && log.contains("more-0"), "{log}");
}

#[tokio::test]
async fn what_stays_since_it_is_named_keeps_what_it_names_itself() {
    let served = serve().await;
    let files = Files::new(&served);
    let key = AgentKey::generate().unwrap().public().unwrap().to_string();
    let recognised = agent("cleanup", &key)
        .replace(&format!("{{key: {{publicKey: \"{key}\"}}}}"), "{serviceAccount: build/agents/cleanup}");
    files.write("agent", &recognised);
    files.write("build", "kind: Cluster\nmetadata: {name: build}\nspec: {kubeconfig: {path: /nowhere}}\n");
    has(&files.run(&served, "apply", &[]).await, 0, &["cluster/build created"]);
    files.remove("agent");
    files.remove("build");
    let done = files.run(&served, "apply", &["--prune", "--yes"]).await;
    has(&done, 0, &["Agent \"cleanup\" is in no file and stays, since the grant \"see-prod\" names it"]);
    has(&done, 0, &["Cluster \"build\" is in no file and stays, since the agent \"cleanup\" names it"]);
    assert_eq!(names(&served, "clusters").await, "cluster/build\ncluster/prod\n");
}

#[tokio::test]
async fn prune_stops_at_over_a_fifth_and_says_what_it_would_delete() {
    let served = serve().await;
    let files = Files::new(&served);
    files.run(&served, "apply", &[]).await;
    files.remove("more-0");
    files.remove("more-1");
    files.write("new", &scope("new", "[get]"));
    let done = files.run(&served, "apply", &["--prune"]).await;
    has(&done, 3, &["would delete scope/more-0", "would delete scope/more-1", "2 of 8", "--yes"]);
    let left = names(&served, "scopes").await;
    assert!(left.contains("more-0") && !left.contains("new"), "all or nothing: {left}");
    has(&files.run(&served, "diff", &["--prune"]).await, 1, &["2 of 8", "scope/more-1"]);
    let dry = files.run(&served, "apply", &["--prune", "--dry-run"]).await;
    has(&dry, 3, &["scope/more-0 deleted (dry run)", "error: this would delete 2 of 8", "--yes"]);
    has(&files.run(&served, "apply", &["--prune", "--dry-run", "--yes"]).await, 0, &["more-1 deleted (dry"]);
    has(&files.run(&served, "apply", &["--prune", "--yes"]).await, 0, &["scope/more-1 deleted"]);
    assert!(names(&served, "scopes").await.contains("new"));
}

#[tokio::test]
async fn pruning_by_files_without_a_manifest_is_refused_before_anything_is_deleted() {
    let served = serve().await;
    let files = Files::new(&served);
    files.run(&served, "apply", &[]).await;
    let before = names(&served, "scopes").await;
    for name in ["agent", "cluster", "scope", "grant", "more-0", "more-1", "more-2", "more-3"] {
        files.remove(name);
    }
    std::fs::write(files.path.join("later.yaml"), "# later\n").unwrap();
    for more in [&["--prune", "--yes"][..], &["--prune", "--yes", "--dry-run"][..]] {
        let done = files.run(&served, "apply", more).await;
        has(&done, 3, &["later.yaml:1:1: there is no manifest in this file", "nothing was changed"]);
        assert_eq!(names(&served, "scopes").await, before);
    }
    has(&files.run(&served, "apply", &["--prune"]).await, 3, &["8 of 8"]);
}

#[tokio::test]
async fn pruning_and_applying_again_undoes_neither_a_suspension_nor_a_revocation() {
    let served = serve().await;
    let files = Files::new(&served);
    let again = std::fs::read(files.path.join("agent.yaml")).unwrap();
    files.run(&served, "apply", &[]).await;
    served.cli(&["revoke", "agent", "cleanup"]).await;
    served.cli(&["suspend", "grant", "see-prod"]).await;
    files.remove("agent");
    files.remove("grant");
    let done = files.run(&served, "apply", &["--prune", "--yes"]).await;
    has(&done, 0, &["Agent \"cleanup\" is revoked and stays", "grant/see-prod deleted"]);
    assert!(names(&served, "agents").await.contains("cleanup"));
    std::fs::write(files.path.join("agent.yaml"), again).unwrap();
    files.write("grant", &grant("see-prod", "see", ""));
    let done = files.run(&served, "diff", &[]).await;
    has(&done, 1, &["see-prod"]);
    has(&files.run(&served, "apply", &["--prune"]).await, 0, &["is suspended, and applying it doesn't"]);
    let stands = served.cli(&["get", "agents"]).await.out + &served.cli(&["get", "grants"]).await.out;
    assert!(stands.contains("revoked") && stands.contains("suspended"), "{stands}");
}

#[tokio::test]
async fn a_key_moves_to_another_agent_in_the_call_that_prunes_its_agent() {
    let served = serve().await;
    let files = Files::new(&served);
    let key = AgentKey::generate().unwrap().public().unwrap().to_string();
    files.write("old", &agent("old", &key));
    files.run(&served, "apply", &[]).await;
    files.remove("old");
    files.write("renamed", &agent("renamed", &key));
    has(&files.run(&served, "apply", &[]).await, 3, &["this key is enrolled for the agent \"old\""]);
    has(&files.run(&served, "apply", &["--prune"]).await, 0, &["agent/old deleted", "agent/renamed created"]);
}
