//! What kubectl prints, and what the record keeps.

use serde_json::{Value, json};

use super::{ACCESS, access, api, post, world};
use crate::suite::rbac::api::Body;

const RULES: &str = "
- {name: see, verbs: [get, list], apiGroups: [''], resources: [configmaps, pods, pods/log, namespaces]}
- {name: deploy, verbs: [get, list, delete], apiGroups: [apps], resources: [deployments]}
- {name: jobs, verbs: ['*'], apiGroups: [batch], resources: [jobs]}
- {name: exec, verbs: [create], apiGroups: [''], resources: [pods/exec], acknowledge: [exec]}
- {name: no-hidden, effect: deny, verbs: [get], apiGroups: [''], resources: [pods], resourceNames: [hidden]}";

const CEILING: &str = "the scope allows it; the cluster's ceiling does not";

#[test]
fn kubectl_can_i_says_yes_where_both_do_and_else_whose_no_it_is() {
    let agent = world().agent("can-i", RULES, &["can-a"]);
    let ask = |question: &[&str]| agent.kubectl(&[&["auth", "can-i"], question].concat());
    for yes in [
        &["list", "configmaps", "-n", "can-a"][..],
        &["get", "configmap/one", "-n", "can-a"],
        &["get", "pods", "--subresource=log", "-n", "can-a"],
        &["create", "pods", "--subresource=exec", "-n", "can-a"],
        &["list", "deployments.apps", "-n", "can-a"],
        &["delete", "jobs.batch", "-n", "can-a"],
        &["get", "namespace/can-a"],
        &["get", "/healthz"],
        &["get", "pod/shown", "-n", "can-a"],
    ] {
        let run = ask(yes).ok();
        assert_eq!(run.stdout.trim(), "yes", "{run}");
    }
    for (no, why) in [
        (&["list", "configmaps", "-n", "can-b"][..], "only in the namespace can-a"),
        (&["list", "configmaps", "-A"], "only in the namespace can-a"),
        (&["delete", "configmaps", "-n", "can-a"], "may only get, list"),
        (&["get", "secrets", "-n", "can-a"], "no rule allows it"),
        (&["get", "pod/hidden", "-n", "can-a"], "no-hidden denies it"),
        (&["delete", "deployments.apps", "-n", "can-a"], CEILING),
        (&["update", "jobs.batch", "-n", "can-a"], CEILING),
        (&["get", "nodes"], "no rule allows it"),
        (&["get", "/metrics"], "no rule allows it"),
        (&["get", "pods", "-n", "drawbridge-agents"], "no grant can allow it"),
        (&["*", "*", "-n", "can-a"], "no"),
    ] {
        let run = ask(no);
        assert_eq!((run.code, run.stdout.starts_with("no - ")), (Some(1), true), "{run}");
        assert!(run.stdout.contains(why), "no {why:?} in {run}");
    }
}

#[test]
fn kubectl_can_i_list_prints_what_scopes_and_ceiling_have_in_common() {
    let agent = world().agent("can-i", RULES, &["can-a"]);
    let list = |namespace: &str| agent.kubectl(&["auth", "can-i", "--list", "-n", namespace]).ok();
    let run = list("can-a");
    let row = |resource: &str| {
        let row = run.stdout.lines().find(|line| line.split_whitespace().next() == Some(resource));
        row.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(row("configmaps").as_deref(), Some("configmaps [] [] [get list]"), "{run}");
    assert_eq!(row("deployments.apps").as_deref(), Some("deployments.apps [] [] [get list]"), "{run}");
    assert_eq!(row("jobs.batch").as_deref(), Some("jobs.batch [] [] [create delete get list]"), "{run}");
    assert_eq!(row("namespaces").as_deref(), Some("namespaces [] [can-a] [get]"), "{run}");
    assert_eq!(row("pods/exec").as_deref(), Some("pods/exec [] [] [create]"), "{run}");
    assert!(row("selfsubjectaccessreviews.authorization.k8s.io").is_some(), "{run}");
    assert!(run.stdout.contains("[/healthz]"), "{run}");
    assert!(!run.stdout.contains("secrets") && !run.stdout.contains("[/metrics]"), "{run}");
    assert!(run.stderr.contains("the list may be incomplete") && run.stderr.contains("no-hidden"), "{run}");
    let run = list("can-b");
    assert!(!run.stdout.contains("configmaps") && run.stdout.contains("selfsubject"), "{run}");
}

#[test]
fn kubectl_whoami_says_whom_the_cluster_takes_the_agent_for() {
    let agent = world().agent("can-i", RULES, &["can-a"]);
    let run = agent.kubectl(&["auth", "whoami", "-o", "json"]).ok();
    let review: Value = serde_json::from_str(&run.stdout).unwrap();
    let user = &review["status"]["userInfo"];
    assert_eq!(user["username"], format!("system:serviceaccount:drawbridge-agents:{}", agent.name));
}

#[test]
fn a_refusal_by_the_ceiling_says_so_in_json_and_in_protobuf_and_another_does_not() {
    let agent = world().agent("can-i", RULES, &["can-a"]);
    agent.kubectl(&["-n", "can-a", "delete", "deployment", "x"]).fails_with(CEILING);
    let mut api = api(&agent);
    let path = "/apis/apps/v1/namespaces/can-a/deployments/x";
    for accept in ["application/json", "application/vnd.kubernetes.protobuf"] {
        let headers = format!("Accept: {accept}\r\n");
        let answer = api.ask_with("DELETE", path, Body::default(), &headers);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!((answer.status, answer.header("content-type")), (403, Some(accept)), "{text}");
        assert!(text.contains("cannot delete resource") && text.contains(CEILING), "{text}");
    }
    // A no of the scope's.
    let answer = api.ask("DELETE", "/api/v1/namespaces/can-a/configmaps/one", Body::default());
    assert_eq!(answer.status, 403);
    assert!(!answer.message().contains(CEILING), "{}", answer.message());
}

#[test]
fn a_review_is_recorded_with_its_rule_and_reaches_the_cluster_only_if_the_scopes_allow() {
    let agent = world().agent("can-i", RULES, &["can-a"]);
    let mut api = api(&agent);
    for (verb, allowed, sent) in [("list", true, "yes"), ("delete", false, "no")] {
        let asked = json!({ "verb": verb, "resource": "configmaps", "namespace": "can-a" });
        let answer = post(&mut api, ACCESS, &access(&asked).to_string());
        assert_eq!((answer.status, answer.header("content-type")), (201, Some("application/json")));
        let said = answer.json();
        assert_eq!(said["status"]["allowed"], allowed, "{said}");
        assert_eq!(said["spec"]["resourceAttributes"]["verb"], verb, "{said}");
        let id = answer.header("audit-id").unwrap().to_owned();
        let row = world().gateway().recorded(&["--agent", &agent.name], |row| {
            row["request"]["request"] == id.as_str() && row["part"] == "outcome"
        });
        assert_eq!((row["rule"].as_str(), row["sent"].as_str()), (Some("review"), Some(sent)), "{row}");
        let events = world().audit().with_id(&id);
        assert_eq!(!events.is_empty(), allowed, "{events:#?}");
        let user = format!("system:serviceaccount:drawbridge-agents:{}", agent.name);
        assert!(events.iter().all(|event| event.impersonated() == user), "{events:#?}");
    }
}
