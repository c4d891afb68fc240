//! `drawbridge suggest`: what is proposed applies as it is, allows what was done, and nothing beside it.

use drawbridge_testkit::{Agent, Options, Run};
use serde_json::Value;

use super::world;

const WIDE: &str = r#"- {name: wide, verbs: ["*"], apiGroups: ["*"], resources: ["*"]}"#;

fn is_done(row: &Value, verb: &str) -> bool {
    row["part"] == "outcome" && row["request"]["verb"] == verb && row["request"]["resource"] == "configmaps"
}

/// What the agent of a test does.
fn work(agent: &Agent, namespace: &str) -> Vec<Run> {
    let kubectl = |line: &[&str]| agent.kubectl(&[line, &["-n", namespace]].concat());
    vec![
        kubectl(&["get", "configmaps"]),
        kubectl(&["create", "configmap", "settings", "--from-literal=a=b"]),
        kubectl(&["get", "configmap", "settings"]),
        kubectl(&["delete", "configmap", "settings"]),
    ]
}

/// Beside what it does.
fn other(agent: &Agent, namespace: &str, elsewhere: &str) {
    for line in [
        &["get", "pods", "-n", namespace][..],
        &["get", "configmaps", "-n", elsewhere],
        &["get", "configmaps", "-A"],
        &["get", "configmap", "another", "-n", namespace],
        &["delete", "configmap", "another", "-n", namespace],
        &["delete", "configmaps", "--all", "-n", namespace],
        &["get", "secrets", "-n", namespace],
    ] {
        agent.kubectl(line).fails_with("orbidden");
    }
    let patch = ["patch", "configmap", "kube-root-ca.crt", "-n", namespace, "-p", "{}"];
    agent.kubectl(&patch).fails_with("orbidden");
}

#[test]
fn what_an_agent_did_is_what_the_proposal_allows_and_nothing_beside_it() {
    let world = world();
    let gateway = world.gateway();
    let (namespace, elsewhere) = (world.namespace("suggest"), world.namespace("suggest"));
    let agent = world.agent("suggested", WIDE, &[&namespace, &elsewhere]);
    for run in work(&agent, &namespace) {
        run.ok();
    }
    agent.kubectl(&["get", "secret", "none", "-n", &namespace]).fails_with("orbidden");
    gateway.recorded(&["--agent", &agent.name], |row| is_done(row, "delete"));
    gateway.recorded(&["--agent", &agent.name], |row| row["outcome"]["reason"] == "escape");

    let run = gateway.cli(&["suggest", &agent.name, "--since", "1h", "--cluster", "local"]).ok();
    assert!(run.stderr.contains("1 request was refused and left out; --refused"), "{run}");
    let text = run.stdout;
    assert!(!text.contains("secrets") && !text.contains('*'), "{text}");
    assert!(text.contains(&format!("drawbridge delete grant {}", agent.name)), "{text}");
    gateway.cli_with(&["apply", "-f", "-", "--dry-run"], &text).ok();
    gateway.apply(&text).ok();
    gateway.cli(&["delete", "grant", &agent.name]).ok();

    for run in work(&agent, &namespace) {
        run.ok();
    }
    other(&agent, &namespace, &elsewhere);

    let refused = gateway.cli(&["suggest", &agent.name, "--refused"]).ok().stdout;
    assert!(refused.contains("# REFUSED") && refused.contains("# ESCAPE (secrets)"), "{refused}");
    gateway.cli_with(&["apply", "-f", "-", "--dry-run"], &refused).ok();
}

const RIGHTS: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: worker, namespace: NS}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: worker, namespace: NS}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: worker, namespace: NS}]
";

#[test]
fn what_a_service_account_did_by_the_audit_log_is_what_its_agent_may_do() {
    let world = world();
    let gateway = world.gateway();
    let (namespace, elsewhere) = (world.namespace("audited"), world.namespace("audited"));
    world.admin_with(&["apply", "-f", "-"], RIGHTS.replace("NS", &namespace).as_bytes()).ok();
    let user = format!("system:serviceaccount:{namespace}:worker");
    let acting = format!("--as={user}");
    let before = |line: &[&str]| world.admin(&[line, &[&acting, "-n", &namespace]].concat());
    before(&["get", "configmaps"]).ok();
    before(&["create", "configmap", "settings", "--from-literal=a=b"]).ok();
    before(&["get", "configmap", "settings"]).ok();
    before(&["delete", "configmap", "settings"]).ok();
    before(&["get", "nodes"]).fails_with("orbidden");
    // Waits until the log has what became of all this.
    world.audit().all();
    let log = world.cluster().audit_log().display().to_string();
    let suggest = |more: &[&str]| {
        let line = ["suggest", "--from-audit", &log, "--user", &user];
        gateway.cli(&[&line[..], more].concat())
    };
    // No owner, no cluster: apply says where they are missing.
    let stub = suggest(&[]).ok().stdout;
    let refused = gateway.apply(&stub);
    assert_eq!(refused.code, Some(3), "{refused}");
    for words in ["spec.owner: is blank", "spec.clusters: is empty; name at least one cluster"] {
        assert!(refused.stderr.contains(words), "no {words:?} in {refused}");
    }
    let run = suggest(&["--cluster", "local", "--owner", "me@example.com"]).ok();
    assert!(run.stderr.contains("1 request that the cluster refused"), "{run}");
    let name = world.name("audited-worker");
    let text = run.stdout.replace("{name: worker", &format!("{{name: {name}"));
    let text = text.replace("[worker", &format!("[{name}"));
    assert!(!text.contains("nodes"), "{text}");
    assert!(text.contains(&format!("serviceAccount: local/{namespace}/worker")), "{text}");
    gateway.apply(&text).ok();
    // The same agent by a key, to see what its scopes give.
    let agent = Agent::enrol(gateway, &name, "local", world.directory(), world.cluster().kubectl());
    for run in work(&agent, &namespace) {
        run.ok();
    }
    other(&agent, &namespace, &elsewhere);
}

#[test]
fn where_there_is_nothing_to_propose_one_sentence_says_why() {
    let world = world();
    let gateway = world.own_gateway(Options::default());
    let name = world.name("idle");
    let agent = Agent::enrol(&gateway, &name, "local", world.directory(), world.cluster().kubectl());
    let ends = |run: Run, code: i32, words: &str| {
        assert_eq!(run.code, Some(code), "{run}");
        assert!(run.stderr.contains(words) && run.stdout.is_empty(), "no {words:?} in {run}");
    };
    ends(gateway.cli(&["suggest", "nobody"]), 1, "no agent \"nobody\" is known");
    ends(gateway.cli(&["suggest", "No Body"]), 2, "is no agent's name");
    ends(gateway.cli(&["suggest", &name, "--cluster", "A"]), 2, "\"A\" is no name of a cluster");
    ends(gateway.cli(&["suggest", &name]), 1, "the record has no request of agent");
    agent.kubectl(&["get", "pods"]).fails_with("orbidden");
    gateway.recorded(&["--agent", &name], |row| row["outcome"]["result"] == "refused");
    ends(gateway.cli(&["suggest", &name]), 1, "was refused all that it asked for");
    world.grant(&gateway, &name, WIDE, &[], "");
    agent.kubectl(&["version"]).ok();
    gateway.recorded(&["--agent", &name], |row| row["rule"] == "discovery");
    let only = gateway.cli(&["suggest", &name, "--since", "1h"]);
    assert_eq!(only.code, Some(1), "{only}");

    let audit = |input: &str| gateway.cli_with(&["suggest", "--from-audit", "-"], input);
    ends(audit(""), 1, "standard input is empty");
    ends(audit("no audit log\n{}\n"), 1, "standard input has no audit event");
    ends(gateway.cli(&["suggest", "--from-audit", "/nowhere/a.log"]), 1, "/nowhere/a.log can't be read");
    ends(gateway.cli(&["suggest", "--from-audit", "/"]), 1, "/ is a directory");
    let event = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"ResponseComplete","verb":"get",
        "requestURI":"/x","user":{"username":"alice"},"objectRef":{"resource":"pods","namespace":"a",
        "name":"p"},"responseStatus":{"code":200}}"#;
    let half = audit(&format!("{}\nsesame\n", event.replace('\n', " ")));
    assert_eq!(half.code, Some(0), "{half}");
    assert!(half.stderr.contains("1 line is no audit event and left out"), "{half}");
    assert!(half.stderr.contains("line 2: is not JSON") && !half.stderr.contains("sesame"), "{half}");
    assert!(half.stdout.contains("name: alice}"), "{half}");
}
