//! What goes wrong before anything is changed: one sentence each.

use std::fs;

use drawbridge_testkit::Run;
use serde_json::json;

use super::{ground, kubeconfig_at};

#[track_caller]
fn ends(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{run}");
    for word in words {
        assert!(run.stderr.contains(word), "no {word:?} in {run}");
    }
    let errors: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{run}");
    assert!(!run.stderr.contains("panicked"), "{run}");
}

#[test]
fn contexts_that_are_not_there_or_lead_nowhere_are_told_in_one_sentence() {
    let ground = ground();
    let (kubeconfig, context) = ground.owner();
    let connect = |line: &[&str]| ground.gateway.cli(&[&["connect"], line].concat());
    ends(
        &connect(&["nope", "--kubeconfig", &kubeconfig, "--name", "x"]),
        1,
        &["no context \"nope\"", &context],
    );
    ends(
        &connect(&["x", "--kubeconfig", "/nowhere/config", "--name", "x"]),
        1,
        &["/nowhere/config", "--kubeconfig"],
    );
    let odd = ground.directory.path().join("odd");
    fs::write(&odd, "nonsense: [").unwrap();
    ends(&connect(&["x", "--kubeconfig", odd.to_str().unwrap(), "--name", "x"]), 1, &["odd can't be used"]);
    ends(&connect(&["A B", "--kubeconfig", &kubeconfig]), 2, &["no name for a cluster", "--name"]);
    let ca = ground.cluster.ca_pem();
    let away =
        kubeconfig_at(ground.directory.path(), "away", "https://127.0.0.1:1", ca, &json!({ "token": "x" }));
    let away = away.to_str().unwrap();
    ends(
        &connect(&["there", "--kubeconfig", away, "--apply"]),
        1,
        &["https://127.0.0.1:1 can't be reached", "efused"],
    );
}

#[test]
fn credentials_that_do_not_come_or_do_not_count_or_may_not_are_told_in_one_sentence() {
    let ground = ground();
    let connect = |user: &serde_json::Value, more: &[&str]| {
        let file = ground.kubeconfig("bad", user);
        let line =
            ["connect", "there", "--kubeconfig", file.to_str().unwrap(), "--patience", "2s", "--apply"];
        ground.gateway.cli(&[&line[..], more].concat())
    };
    let exec = |command: &str, arguments: &[&str]| {
        json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": command,
            "args": arguments, "interactiveMode": "Never" } })
    };
    ends(&connect(&exec("sleep", &["60"]), &[]), 1, &["was not there within 2 s", "plugin"]);
    let nonsense = connect(&exec("echo", &["nonsense-7f3k"]), &[]);
    ends(&nonsense, 1, &["ExecCredential"]);
    assert!(!nonsense.stderr.contains("7f3k"), "{nonsense}");
    ends(&connect(&exec("no-such-plugin", &[]), &[]), 1, &["can't be started"]);
    ends(&connect(&json!({ "token": "x" }), &[]), 1, &["does not take the credential of context \"there\""]);
    let reader = ground.cluster.kubeconfig_for("reader", &[]).unwrap();
    let text = fs::read_to_string(&reader).unwrap();
    let config: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let context = config["current-context"].as_str().unwrap();
    let line = ["connect", context, "--kubeconfig", reader.to_str().unwrap(), "--name", "x"];
    let apply = ground.gateway.cli(&[&line[..], &["--apply"]].concat());
    ends(&apply, 1, &["may not apply namespace/drawbridge-agents", "reader"]);
    ends(&ground.gateway.cli(&line), 1, &["may not do this", "reader"]);
    let run = ground.gateway.cli(&["get", "clusters", "x"]);
    assert_eq!(run.code, Some(1), "nothing was added: {run}");
}

#[test]
fn a_cluster_of_another_address_is_not_replaced_by_accident() {
    let ground = ground();
    let head = "apiVersion: drawbridge.dev/v1alpha1\nkind: Cluster\n";
    ground.gateway.apply(&format!("{head}metadata: {{name: taken}}\nspec: {{inCluster: {{}}}}\n")).ok();
    let run = ground.connect(&["--name", "taken", "--apply"]);
    ends(&run, 3, &["there is a cluster \"taken\" already", "--replace"]);
    ground.connect(&["--name", "taken", "--apply", "--replace"]).ok();
    let other = ground.connect(&["--name", "taken", "--apply", "--ceiling", "edit"]);
    ends(
        &other,
        1,
        &["clusterrolebinding/drawbridge-ceiling is there already and binds another role", "delete it first"],
    );
}

#[test]
fn a_credential_for_the_gateway_is_taken_only_with_a_good_name_and_leaves_no_way_out_of_its_directory() {
    let ground = ground();
    let file: serde_json::Value =
        serde_json::from_slice(&fs::read(ground.gateway.data().join("admin.json")).unwrap()).unwrap();
    let ca = ground.cluster.ca_pem();
    for (cluster, ca, token) in [
        ("../../evil", ca, "x"),
        ("a/b", ca, "x"),
        ("", ca, "x"),
        (".", ca, "x"),
        ("good", "no certificate", "x"),
        ("good", "", "x"),
        ("good", ca, ""),
        ("good", ca, "two words"),
        ("good", ca, "a\nb"),
    ] {
        let body = json!({ "cluster": cluster, "ca": ca, "token": token }).to_string();
        let (status, text) = super::send(&file, "POST", "/v1/credentials", file["token"].as_str(), &body);
        assert_eq!(status, 400, "{cluster:?}: {text}");
        assert!(!text.contains(token) || token.len() < 2, "{text}");
    }
    assert!(!ground.gateway.data().join("clusters/good").exists());
}
