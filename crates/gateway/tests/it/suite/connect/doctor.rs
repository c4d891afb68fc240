//! What doctor finds, and that it finds it: every hole is made and looked for.

use std::fs;

use serde_json::{Value, json};

use super::super::attacks::fake::{Fake, Reply};
use super::{Ground, ground, kubeconfig_at, of};

/// The worst of what was found about one thing.
fn severity(findings: &[Value], check: &str) -> String {
    let found = of(findings, check);
    let order = ["problem", "warning", "note", "ok"];
    let worst = order.into_iter().find(|word| found.iter().any(|finding| finding["severity"] == *word));
    worst.unwrap_or("nothing").to_owned()
}

fn said(findings: &[Value], check: &str) -> String {
    of(findings, check).iter().map(|finding| finding["seen"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn connected(ground: &Ground, cluster: &str) {
    ground.connect(&["--name", cluster, "--apply"]).ok();
}

#[test]
fn every_other_door_into_the_agents_namespace_is_found() {
    let ground = ground();
    connected(&ground, "doors");
    assert_eq!(severity(&ground.findings("doors"), "agents' namespace"), "ok");
    ground.admin(&["-n", "drawbridge-agents", "create", "serviceaccount", "door"], "").ok();
    let run = ground.doctor("doors", &[]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("there are service accounts in drawbridge-agents: door"), "{run}");
    ground.admin(&["-n", "drawbridge-agents", "delete", "serviceaccount", "door"], "").ok();

    let role = ["create", "clusterrole", "runner", "--verb=create", "--resource=pods"];
    ground.admin(&role, "").ok();
    let bind = ["create", "clusterrolebinding", "runner", "--clusterrole=runner", "--user=ann"];
    ground.admin(&bind, "").ok();
    let findings = ground.findings("doors");
    assert_eq!(severity(&findings, "other doors"), "warning");
    assert!(
        said(&findings, "other doors").contains("user ann may run Pods as them (clusterrolebinding/runner)"),
        "{findings:#?}"
    );
    ground.admin(&["delete", "clusterrolebinding", "runner"], "").ok();
    ground.admin(&["delete", "clusterrole", "runner"], "").ok();
    assert_eq!(severity(&ground.findings("doors"), "other doors"), "ok");
}

#[test]
fn rights_of_the_gateways_credential_beyond_its_own_are_found() {
    let ground = ground();
    connected(&ground, "wide");
    let subject = "--serviceaccount=drawbridge-system:drawbridge-gateway";
    let bind = ["create", "clusterrolebinding", "too-wide", "--clusterrole=drawbridge-ceiling", subject];
    ground.admin(&bind, "").ok();
    let findings = ground.findings("wide");
    assert_eq!(severity(&findings, "own rights"), "problem", "{findings:#?}");
    assert!(said(&findings, "own rights").contains("configmaps"), "{findings:#?}");
    ground.admin(&["delete", "clusterrolebinding", "too-wide"], "").ok();

    // Acting as others, in another namespace than is looked at by rules.
    let text = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: anyone}\n\
        rules: [{apiGroups: [''], resources: [users, serviceaccounts], verbs: [impersonate]}]\n";
    ground.admin(&["apply", "-f", "-"], text).ok();
    ground.admin(&["create", "clusterrolebinding", "anyone", "--clusterrole=anyone", subject], "").ok();
    let findings = ground.findings("wide");
    assert_eq!(severity(&findings, "acting as others"), "problem", "{findings:#?}");
    assert!(said(&findings, "dangerous rights").contains("act as any user"), "{findings:#?}");
    ground.admin(&["delete", "clusterrolebinding", "anyone"], "").ok();
    assert_eq!(severity(&ground.findings("wide"), "acting as others"), "ok");
}

#[test]
fn what_everyone_and_an_enrolled_account_may_do_past_drawbridge_is_found() {
    let ground = ground();
    connected(&ground, "past");
    assert_eq!(severity(&ground.findings("past"), "everyone's rights"), "ok");
    let bind = [
        "create",
        "clusterrolebinding",
        "all",
        "--clusterrole=drawbridge-ceiling",
        "--group=system:authenticated",
    ];
    ground.admin(&bind, "").ok();
    let findings = ground.findings("past");
    assert_eq!(severity(&findings, "everyone's rights"), "warning", "{findings:#?}");
    ground.admin(&["delete", "clusterrolebinding", "all"], "").ok();

    let agent = "apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {name: past-agent}\n\
        spec: {owner: x, purpose: x, identities: [{serviceAccount: past/default/past-worker}]}\n";
    ground.gateway.apply(agent).ok();
    ground.admin(&["-n", "default", "create", "serviceaccount", "past-worker"], "").ok();
    assert_eq!(severity(&ground.findings("past"), "past Drawbridge"), "ok");
    let bind = ["-n", "default", "create", "rolebinding", "past-worker", "--clusterrole=drawbridge-ceiling"];
    ground.admin(&[&bind[..], &["--serviceaccount=default:past-worker"]].concat(), "").ok();
    let findings = ground.findings("past");
    assert_eq!(severity(&findings, "past Drawbridge"), "problem", "{findings:#?}");
    assert!(said(&findings, "past Drawbridge").contains("may get,list,watch configmaps"), "{findings:#?}");
    ground.admin(&["-n", "default", "delete", "rolebinding", "past-worker"], "").ok();
}

#[test]
fn a_missing_ceiling_and_a_missing_role_are_told_apart() {
    let ground = ground();
    connected(&ground, "bare");
    ground.admin(&["delete", "clusterrolebinding", "drawbridge-ceiling"], "").ok();
    let findings = ground.findings("bare");
    assert_eq!(
        (severity(&findings, "ceiling"), severity(&findings, "acting as agents")),
        ("warning".into(), "ok".into())
    );
    ground.admin(&["-n", "drawbridge-agents", "delete", "rolebinding", "drawbridge-gateway"], "").ok();
    let findings = ground.findings("bare");
    assert_eq!(severity(&findings, "acting as agents"), "problem", "{findings:#?}");
    connected(&ground, "bare");
    assert_eq!(severity(&ground.findings("bare"), "acting as agents"), "ok");
}

/// A Cluster by a kubeconfig whose user is this one.
fn known(ground: &Ground, name: &str, server: &str, user: &Value) {
    let file = kubeconfig_at(ground.directory.path(), name, server, ground.cluster.ca_pem(), user);
    let head = "apiVersion: drawbridge.dev/v1alpha1\nkind: Cluster\n";
    let spec = format!("{{kubeconfig: {{path: {}}}}}", file.display());
    ground.gateway.apply(&format!("{head}metadata: {{name: {name}}}\nspec: {spec}\n")).ok();
}

#[test]
fn clusters_that_cannot_be_used_say_why_and_the_others_go_on() {
    let ground = ground();
    connected(&ground, "good");
    let server = ground.cluster.server().to_owned();
    let exec = |command: &str, arguments: &[&str]| {
        json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": command,
            "args": arguments, "interactiveMode": "Never" } })
    };
    known(&ground, "hangs", &server, &exec("sleep", &["600"]));
    known(&ground, "nonsense", &server, &exec("echo", &["nonsense-7f3k"]));
    known(&ground, "away", "https://127.0.0.1:1", &json!({ "token": "x" }));
    known(&ground, "unknown", &server, &json!({ "token": "not-a-token-7f3k" }));
    let run = ground.gateway.cli(&["doctor", "-o", "json"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(!run.stdout.contains("7f3k") && !run.stderr.contains("7f3k"), "{run}");
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap();
    let about = |name: &str| -> Vec<Value> {
        let about = format!("cluster/{name}");
        findings.iter().filter(|finding| finding["about"] == about.as_str()).cloned().collect()
    };
    for (name, check, words) in [
        ("hangs", "credential", "was not read within"),
        ("nonsense", "credential", "ExecCredential"),
        ("away", "reachable", "can't be reached"),
        ("unknown", "credential", "does not take the gateway's own credential"),
    ] {
        let of_cluster = about(name);
        assert_eq!(severity(&of_cluster, check), "problem", "{of_cluster:#?}");
        assert!(said(&of_cluster, check).contains(words), "{of_cluster:#?}");
    }
    assert_eq!(severity(&about("good"), "reachable"), "ok");
    assert_eq!(severity(findings, "disk"), "ok");
    assert_eq!(severity(findings, "record"), "ok");
    assert_eq!(severity(findings, "url"), "ok");
    for name in ["hangs", "nonsense", "away", "unknown"] {
        ground.gateway.cli(&["delete", "cluster", name]).ok();
    }
    ground
        .gateway
        .cli(&["doctor", "--cluster", "nowhere"])
        .fails_with("no cluster \"nowhere\" is known; known:");
}

#[test]
fn a_client_certificate_that_ends_tonight_is_a_problem_before_it_ends() {
    use base64::Engine as _;
    let ground = ground();
    let ends_in = |hours: i64| {
        let mut parameters = rcgen::CertificateParams::default();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_secs()).unwrap();
        let time = |seconds: i64| x509_parser::time::ASN1Time::from_timestamp(seconds).unwrap().to_datetime();
        parameters.not_before = time(now - 300 * 86_400);
        parameters.not_after = time(now + hours * 3_600);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
        json!({ "client-certificate-data": encode(pem), "client-key-data": encode(key.serialize_pem()) })
    };
    for (hours, expected) in [(8, "problem"), (10 * 24, "warning"), (100 * 24, "ok")] {
        known(&ground, "ends", "https://127.0.0.1:1", &ends_in(hours));
        let run = ground.gateway.cli(&["doctor", "--cluster", "ends", "-o", "json"]);
        let found: Value = serde_json::from_str(&run.stdout).unwrap();
        let found = found["findings"].as_array().unwrap();
        assert_eq!(severity(found, "credential ends"), expected, "{found:#?}");
    }
    ground.gateway.cli(&["delete", "cluster", "ends"]).ok();
}

#[test]
fn a_cluster_whose_clock_is_off_is_told_with_how_much() {
    let fake = Fake::start("", |asked, _| {
        let body = if asked.line.contains("selfsubjectreviews") {
            json!({ "status": { "userInfo": { "username": "gate" } } })
        } else {
            json!({ "status": { "allowed": false, "resourceRules": [], "nonResourceRules": [] } })
        }
        .to_string();
        Reply::Say(format!(
            "HTTP/1.1 201 Created\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: \
                application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    });
    let run = fake.gateway.cli(&["doctor", "--cluster", "local", "-o", "json"]);
    assert_eq!(run.code, Some(1), "{run}");
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let found = found["findings"].as_array().unwrap();
    assert_eq!(severity(found, "clock"), "problem", "{found:#?}");
    assert!(said(found, "clock").contains("behind the gateway's"), "{found:#?}");
}

#[test]
fn readiness_names_the_parts_that_cannot_be_used_to_those_who_hold_a_credential_and_goes_on_serving() {
    let ground = ground();
    connected(&ground, "ready");
    known(&ground, "gone", "https://127.0.0.1:1", &json!({ "token": "x" }));
    let file: Value =
        serde_json::from_slice(&fs::read(ground.gateway.data().join("admin.json")).unwrap()).unwrap();
    let ask = |path: &str, token: Option<&str>| super::ask(&file, path, token);
    let admin = file["token"].as_str();
    let (status, text) = ask("/readyz?verbose", admin);
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("[+] gateway ok") && text.contains("[+] cluster/ready ok"), "{text}");
    assert!(text.contains("[-] cluster/gone: ") && text.contains("can't be reached"), "{text}");
    assert_eq!(ask("/readyz?verbose", None).0, 401, "names of clusters are not for strangers");
    assert_eq!(ask("/readyz", None), (200, "ok\n".to_owned()));

    let metrics = fs::read_to_string(ground.gateway.data().join("metrics.token")).unwrap();
    let (status, text) = ask("/metrics", Some(&metrics));
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("drawbridge_errands_total{kind=\"review\",result=\"failed\"}"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_eq!(ask("/metrics", admin).0, 200);
    for (path, token) in
        [("/metrics", None), ("/v1/status", Some(metrics.as_str())), ("/v1/log", Some(&metrics))]
    {
        assert_eq!(ask(path, token).0, 401, "{path}");
    }
    ground.gateway.cli(&["delete", "cluster", "gone"]).ok();
}
