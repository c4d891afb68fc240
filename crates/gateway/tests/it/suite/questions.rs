//! What people ask the gateway: who came unrecognised, which rule decides.

use std::process::Command;

use drawbridge_testkit::{Agent, run};
use serde_json::Value;

use super::{binary, wire, world};

#[test]
fn who_is_not_enrolled_is_shown_with_the_manifest_that_enrols_it() {
    let world = world();
    let gateway = world.own_gateway(drawbridge_testkit::Options::default());
    gateway.cli(&["get", "unrecognised"]).ok();
    // A key that is made and not enrolled.
    let name = world.name("stranger");
    let key = world.directory().join(format!("{name}.key"));
    let mut enrol = Command::new(binary());
    enrol.args(["enrol", &name, "--owner", "x@example.com", "--purpose", "x", "--key"]).arg(&key);
    run(&mut enrol, b"").ok();
    let mut credential = Command::new(binary());
    credential.args(["credential", "--from", "key", "--key"]).arg(&key);
    let made: Value = serde_json::from_str(&run(&mut credential, b"").ok().stdout).unwrap();
    let part = |field: &str| made["status"][field].as_str().unwrap().to_owned();
    let pair = (part("clientCertificateData"), part("clientKeyData"));
    let ask = || {
        let mut tls = wire::connect(&gateway, Some(&pair), &[b"http/1.1"]);
        wire::get_over(&mut tls, &gateway, "/clusters/local/api/v1/namespaces/default/configmaps")
    };
    let refused = ask();
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(ask().status, 401);
    let listed = gateway.cli(&["get", "unrecognised", "-o", "json"]).ok().stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let one = &listed["items"][0];
    assert_eq!((listed["items"].as_array().unwrap().len(), one["count"].as_u64()), (1, Some(2)), "{listed}");
    assert_eq!((one["kind"].as_str(), one["source"].as_str()), (Some("key"), Some("127.0.0.1")));
    assert!(one["first"].as_str() <= one["last"].as_str());
    // The last refusal's entry; what the first caller was told is in the record.
    let table = gateway.cli(&["get", "unrecognised"]).ok().stdout;
    assert!(table.contains(one["subject"].as_str().unwrap()), "{table}");
    gateway.recorded(&[], |row| row["request"]["credential"] == one["subject"]);
    let manifest = gateway.cli(&["get", "unrecognised", "-o", "yaml"]).ok().stdout;
    gateway.cli_with(&["apply", "--dry-run", "-f", "-"], &manifest).ok();
    gateway.apply(&manifest).ok();
    assert_eq!(ask().status, 403, "it is somebody now, and may do nothing");
    let usage = gateway.cli(&["get", "unrecognised", "x"]);
    assert_eq!(usage.code, Some(2), "{usage}");
}

#[test]
fn explain_names_the_rule_that_decides_and_agrees_with_what_happens() {
    let world = world();
    let namespace = world.namespace("explain");
    let rules = "
- name: see-jobs
  verbs: [get, list]
  apiGroups: [batch]
  resources: [jobs]
- name: everything
  verbs: ['*']
  apiGroups: ['']
  resources: ['*']
- name: no-events
  effect: deny
  verbs: ['*']
  apiGroups: ['']
  resources: [events]
- name: change
  verbs: [update]
  apiGroups: [apps]
  resources: [deployments]";
    let agent = world.agent("explained", rules, &[&namespace]);
    let gateway = world.gateway();
    let explain = |question: &[&str]| {
        let line =
            [&["explain", &agent.name], question, &["-n", &namespace, "--cluster", "local", "-o", "json"]];
        let run = gateway.cli(&line.concat());
        (
            run.code,
            serde_json::from_str::<Value>(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}")),
        )
    };
    let rule = |name: &str| format!("{}/{name}", agent.name);
    let (code, allowed) = explain(&["list", "jobs"]);
    assert_eq!((code, allowed["decision"].as_str()), (Some(0), Some("allowed")), "{allowed}");
    assert_eq!(
        (allowed["rule"].as_str(), allowed["grant"].as_str()),
        (Some(&*rule("see-jobs")), Some(&*agent.name))
    );
    let (code, denied) = explain(&["delete", "jobs.batch", "x"]);
    assert_eq!((code, denied["decision"].as_str()), (Some(3), Some("denied")), "{denied}");
    let near = &denied["looked"][0];
    assert_eq!((near["rule"].as_str(), near["lacks"][0].as_str()), (Some(&*rule("see-jobs")), Some("verb")));
    let (_, escape) = explain(&["get", "secrets", "x"]);
    let everything =
        escape["looked"].as_array().unwrap().iter().find(|one| one["rule"] == rule("everything").as_str());
    assert_eq!(everything.unwrap()["lacks"], serde_json::json!(["exact"]), "{escape}");
    let (_, deny) = explain(&["list", "events"]);
    assert_eq!(deny["rule"], rule("no-events").as_str(), "{deny}");
    let (code, depends) = explain(&["update", "deployments", "web"]);
    assert_eq!((code, depends["decision"].as_str()), (Some(0), Some("depends")), "{depends}");
    assert_eq!(depends["calls"].as_array().unwrap().len(), 1);

    // What it says is what happens.
    for (question, arguments) in [
        (&["list", "jobs"][..], &["get", "jobs"][..]),
        (&["delete", "jobs", "x"], &["delete", "job", "x"]),
        (&["list", "configmaps"], &["get", "configmaps"]),
        (&["list", "secrets"], &["get", "secrets"]),
        (&["list", "deployments"], &["get", "deployments"]),
    ] {
        let said = explain(question).1["decision"] == "allowed";
        let run = agent.kubectl(&[arguments, &["-n", &namespace]].concat());
        let done = !run.stderr.contains("is forbidden: agent");
        assert_eq!(said, done, "{question:?}: {run}");
    }
    let text =
        gateway.cli(&["explain", &agent.name, "delete", "jobs", "-n", &namespace, "--cluster", "local"]);
    assert!(text.stdout.contains("no: other verbs") && text.stdout.contains("denied on local"), "{text}");

    gateway.cli(&["suspend", "agent", &agent.name]).ok();
    assert!(explain(&["list", "jobs"]).1["why"].as_str().unwrap().contains("is suspended"));
}

#[test]
fn explain_says_what_each_rule_asks_for_and_which_calls_that_costs() {
    let world = world();
    let namespace = world.namespace("explain");
    let rules = "
- {name: done, verbs: [delete, deletecollection], apiGroups: [batch], resources: [jobs], \
        when: oldObject.hasCondition('Complete'), limits: [{requests: 5, per: hour}]}
- {name: grow, verbs: [patch], apiGroups: [apps], resources: [deployments], \
        when: \"changed.all(p, p == '/spec/replicas')\"}
- {name: own, verbs: [watch], apiGroups: [''], resources: [configmaps], \
        when: object.metadata.labels.shared == 'yes'}
- {name: hours, verbs: [list], apiGroups: [''], resources: [configmaps], \
        when: request.time.getHours() > 24}";
    let agent = world.agent("explained", rules, &[&namespace]);
    let explain = |question: &[&str]| -> Value {
        let line =
            [&["explain", &agent.name], question, &["-n", &namespace, "--cluster", "local", "-o", "json"]];
        let run = world.gateway().cli(&line.concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
    };
    let calls = |explained: &Value| -> Vec<String> {
        let calls = explained["calls"].as_array().unwrap().iter();
        calls.map(|call| call.as_str().unwrap().split(',').next().unwrap().to_owned()).collect()
    };
    let one = explain(&["delete", "jobs", "x"]);
    assert_eq!(
        (one["decision"].as_str(), calls(&one)),
        (Some("depends"), vec!["the live object".to_owned()])
    );
    let near = &one["looked"][0];
    assert_eq!(near["stands"], "depends", "{near}");
    let terms = serde_json::json!(["when oldObject.hasCondition('Complete')", "limit 5 requests per hour"]);
    assert_eq!(near["terms"], terms);
    let all = explain(&["deletecollection", "jobs"]);
    assert_eq!(all["looked"][0]["stands"], "object-by-object", "{all}");
    assert_eq!(
        calls(&all).last().map(String::as_str),
        Some("one delete for each object of the collection"),
        "{all}"
    );
    let patch = explain(&["patch", "deployments", "web"]);
    assert_eq!(calls(&patch), ["the live object", "a dry run of the request"], "{patch}");
    let beta = explain(&["patch", "deployments", "web", "--api-version", "v1beta1"]);
    assert_eq!(beta["decision"], "denied", "{beta}");
    assert_eq!(beta["looked"][0]["lacks"], serde_json::json!(["version"]), "{beta}");
    let watch = explain(&["watch", "configmaps"]);
    assert_eq!(watch["decision"], "allowed", "{watch}");
    assert_eq!(calls(&watch), ["the list that the watch begins with"], "{watch}");
    let never = explain(&["list", "configmaps"]);
    assert_eq!((&never["decision"], &never["looked"][0]["stands"]), (&"denied".into(), &"fails".into()));
    let line = ["explain", &agent.name, "delete", "jobs", "-n", &namespace, "--cluster", "local"];
    let text = world.gateway().cli(&line).ok().stdout;
    for words in
        ["the gateway asks for: the live object", "depends on the cluster", "limit 5 requests per hour"]
    {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
}

#[test]
fn questions_that_make_no_sense_are_told_in_one_sentence() {
    let world = world();
    let gateway = world.gateway();
    let agent = world.agent("asked", "- {name: a, verbs: [get], apiGroups: [''], resources: [pods]}", &[]);
    for (question, code, words) in [
        (&["nobody-here", "get", "pods", "--cluster", "local"][..], 1, "no agent \"nobody-here\" is known"),
        (&[&agent.name, "get", "pods", "--cluster", "nowhere"], 1, "no cluster \"nowhere\" is known"),
        (&[&agent.name, "eat", "pods", "--cluster", "local"], 1, "no request has the verb \"eat\""),
        (&[&agent.name, "get", "widgets", "--cluster", "local"], 2, "write RESOURCE.GROUP"),
        (&[&agent.name, "list", "pods", "x", "--cluster", "local"], 1, "a list names no object"),
        (&[&agent.name, "get", "pods", "../x", "--cluster", "local"], 1, "no request is like that"),
        (&[&agent.name, "get"], 2, "Usage"),
    ] {
        let run = gateway.cli(&[&["explain"], question].concat());
        assert_eq!(run.code, Some(code), "{run}");
        assert!(run.stderr.contains(words), "no {words:?} in {run}");
        assert!(!run.stderr.contains("panicked"), "{run}");
    }
}

/// An account with rights of every kind: its own, through groups, aggregated, by wildcards, dangerous ones.
const ACCOUNT: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: worker, namespace: NS}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: worker, namespace: NS}
rules:
- {apiGroups: [batch], resources: [jobs], verbs: [get, list, delete]}
- {apiGroups: [""], resources: [secrets], verbs: [get]}
- {apiGroups: [""], resources: ["*"], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: worker, namespace: NS}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: worker}
subjects: [{kind: ServiceAccount, name: worker, namespace: NS}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NS-part, labels: {for: NS-whole}}
rules: [{apiGroups: [apps], resources: [deployments], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NS-whole}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {for: NS-whole}}]}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: NS-whole}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: NS-whole}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:serviceaccounts:NS"}]
"#;

#[test]
fn an_imported_service_account_becomes_manifests_that_apply_takes_and_that_give_the_same() {
    let world = world();
    let namespace = world.namespace("import");
    world.admin_with(&["apply", "-f", "-"], ACCOUNT.replace("NS", &namespace).as_bytes()).ok();
    let role = format!("{namespace}-whole");
    let aggregated = ["get", "clusterrole", &role, "-o", "jsonpath={.rules}"];
    let began = std::time::Instant::now();
    while !world.admin(&aggregated).ok().stdout.contains("deployments") {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "the role is not aggregated");
    }
    let kubeconfig = world.cluster().admin_kubeconfig().display().to_string();
    let account = format!("{namespace}/worker");
    let name = world.name("imported");
    let import = |more: &[&str]| {
        let line = ["import", "--kubeconfig", &kubeconfig, "--cluster", "local"];
        world.gateway().cli(&[&line[..], more].concat())
    };
    let text =
        import(&["--service-account", &account, "--agent", &name, "--owner", "me@example.com"]).ok().stdout;
    for words in [
        &format!("serviceAccount: local/{account}"),
        "KEPT, named exactly (secrets)",
        "lost, since a wildcard never gives them: service-account-tokens, secrets",
        &format!("through group system:serviceaccounts:{namespace}: others have it, too"),
        "deployments",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let gateway = world.gateway();
    gateway.cli_with(&["apply", "--dry-run", "-f", "-"], &text).ok();
    gateway.apply(&text).ok();
    // The same agent by a key, to see what its scopes give.
    let agent = Agent::enrol(gateway, &name, "local", world.directory(), world.cluster().kubectl());
    let as_account = format!("--as=system:serviceaccount:{namespace}:worker");
    let same: [&[&str]; 5] = [
        &["get", "jobs", "-n", &namespace],
        &["get", "configmaps", "-n", &namespace],
        &["get", "deployments", "-A"],
        &["get", "pods", "-n", "kube-system"],
        &["get", "nodes"],
    ];
    for line in same {
        let through = agent.kubectl(line).code == Some(0);
        let before = world.admin(&[line, &[&as_account]].concat()).code == Some(0);
        assert_eq!(through, before, "{line:?}");
    }
    agent.kubectl(&["get", "secret", "none", "-n", &namespace]).fails_with("NotFound");
    agent.kubectl(&["get", "secrets", "-n", &namespace]).fails_with("orbidden");

    import(&["--service-account", "nobody"]).fails_with("NAMESPACE/NAME");
    let missing = import(&["--service-account", &format!("{namespace}/nobody")]);
    assert_eq!(missing.code, Some(1), "{missing}");
    assert!(missing.stderr.contains("has no service account"), "{missing}");
    let odd = import(&["--service-account", &account, "--agent", "Odd Name"]);
    assert_eq!(odd.code, Some(2), "{odd}");
}
