//! How the gateway says no: a Kubernetes Status with one sentence that is enough to act on.

use drawbridge_testkit::{Agent, Options};
use serde_json::json;

use super::wire::{self, Answer};
use super::world;

const RULES: &str = "
- name: read-jobs
  verbs: [get, list, watch]
  apiGroups: [batch]
  resources: [jobs]
- name: delete-named
  verbs: [delete]
  apiGroups: [batch]
  resources: [jobs]
  resourceNames: [nightly]
- name: never-secrets
  effect: deny
  verbs: ['*']
  apiGroups: ['']
  resources: [secrets]";

/// The closed list of what a caller can do next.
const NEXT: [&str; 5] = ["stop", "change-request", "ask-person", "wait", "re-authenticate"];

/// What every refusal has, whatever it is about.
fn whole(answer: &Answer) {
    let status = answer.json();
    assert_eq!((&status["kind"], &status["apiVersion"]), (&json!("Status"), &json!("v1")));
    assert_eq!((&status["status"], &status["code"]), (&json!("Failure"), &json!(answer.status)));
    assert!(status["metadata"].is_object() && status["reason"].is_string());
    let message = answer.message();
    assert!(!message.is_empty() && !message.contains(['\n', '\r', '\t']), "{message:?}");
    assert!(message.len() <= 700, "{} bytes: {message}", message.len());
    let cause = |field: &str| {
        let causes = status["details"]["causes"].as_array().unwrap();
        let cause = causes.iter().find(|cause| cause["field"] == field);
        cause.unwrap_or_else(|| panic!("no {field} in {causes:#?}")).clone()
    };
    assert_eq!(cause("drawbridge")["message"], json!(message));
    assert!(NEXT.contains(&cause("drawbridge.next")["message"].as_str().unwrap()), "{status}");
    assert_eq!(cause("drawbridge.entry")["message"].as_str(), answer.header("audit-id"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("set-cookie"), None);
}

fn next(answer: &Answer) -> String {
    answer.json()["details"]["causes"][1]["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_refusal_by_policy_is_one_line_that_names_agent_rule_and_what_would_help() {
    let world = world();
    let namespace = world.namespace("refusals");
    let agent = world.agent("cleanup", RULES, &[&namespace]);
    let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
    let answer = wire::call(world.gateway(), &agent, "DELETE", &format!("{jobs}/other"), &[], b"");
    assert_eq!((answer.status, answer.json()["reason"].as_str()), (403, Some("Forbidden")));
    whole(&answer);
    let message = answer.message();
    let head = format!(r#"jobs.batch "other" in namespace "{namespace}" is forbidden"#);
    for words in [head.as_str(), &format!("agent {:?}", agent.name), "Next: "] {
        assert!(message.contains(words), "no {words:?} in {message}");
    }
    assert!(message.contains("delete-named"), "the nearest rule helps: {message}");
    assert!(message.contains("policy, not a fault"), "{message}");

    let answer = wire::get(world.gateway(), &agent, &format!("/api/v1/namespaces/{namespace}/secrets/x"));
    whole(&answer);
    let rule = format!("{}/never-secrets", agent.name);
    assert!(answer.message().contains(&rule), "{}", answer.message());
    let row =
        world.gateway().recorded(&["--agent", &agent.name], |row| row["outcome"]["reason"] == "deny-rule");
    assert_eq!(row["rule"], rule.as_str());
    assert_eq!(row["outcome"]["message"], answer.message());
}

#[test]
fn kubectl_prints_the_whole_sentence() {
    let world = world();
    let namespace = world.namespace("refusals");
    let agent = world.agent("cleanup", RULES, &[&namespace]);
    let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
    let sentence =
        wire::call(world.gateway(), &agent, "DELETE", &format!("{jobs}/other"), &[], b"").message();
    let run = agent.kubectl(&["-n", &namespace, "delete", "job", "other"]).fails_with(&sentence);
    assert_eq!(run.stderr.trim().lines().count(), 1, "{run}");
    assert!(run.stderr.starts_with("Error from server (Forbidden): "), "{run}");
}

fn raw(agent: &Agent, head: &str) -> Answer {
    let gateway = world().gateway();
    wire::send(gateway, agent, &format!("{head}\r\nHost: {}\r\nConnection: close", gateway.address()), b"")
}

#[test]
fn every_refusal_has_the_same_shape_its_own_status_and_one_of_five_next_steps() {
    let world = world();
    let namespace = world.namespace("refusals");
    let agent = world.agent("cleanup", RULES, &[&namespace]);
    let gateway = world.gateway();
    let host = gateway.address();
    let pods = format!("/clusters/local/api/v1/namespaces/{namespace}/pods");
    let cases = [
        (raw(&agent, "GET / HTTP/1.1"), 404, "no-cluster", "change-request"),
        (raw(&agent, "GET /api/v1/pods HTTP/1.1"), 404, "no-cluster", "change-request"),
        (raw(&agent, "GET /clusters/nope/api/v1/pods HTTP/1.1"), 404, "unknown-cluster", "ask-person"),
        (raw(&agent, &format!("GET {pods} HTTP/1.1")), 403, "no-rule", "ask-person"),
        (raw(&agent, &format!("GET {pods}//x HTTP/1.1")), 400, "", "change-request"),
        (raw(&agent, &format!("GET {pods}?limit=1&limit=2 HTTP/1.1")), 400, "", "change-request"),
        (raw(&agent, &format!("BREW {pods} HTTP/1.1")), 400, "", "change-request"),
        (
            wire::send_bytes(gateway, format!("GET {pods} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()),
            401,
            "no-credential",
            "re-authenticate",
        ),
        (
            wire::send_bytes(
                gateway,
                format!("GET {pods} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer abc\r\n\r\n")
                    .as_bytes(),
            ),
            401,
            "bad-token",
            "re-authenticate",
        ),
    ];
    for (answer, status, reason, then) in cases {
        whole(&answer);
        assert_eq!((answer.status, next(&answer).as_str()), (status, then), "{}", answer.message());
        if !reason.is_empty() {
            assert_eq!(answer.reason(), reason, "{}", answer.message());
        }
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
    }
}

#[test]
fn a_suspended_agent_is_told_to_stop_and_a_revoked_one_too() {
    let world = world();
    let gateway = world.own_gateway(Options::default());
    let agent = world.agent_on(&gateway, "cleanup", RULES, &[]);
    for (word, told) in [("suspend", "is suspended"), ("revoke", "is revoked")] {
        gateway.cli(&[word, "agent", &agent.name, "--reason", "looks wrong"]).ok();
        let answer = wire::get(&gateway, &agent, "/apis/batch/v1/jobs");
        whole(&answer);
        assert_eq!((answer.status, next(&answer).as_str()), (403, "stop"));
        assert!(answer.message().contains(told), "{}", answer.message());
        assert!(!answer.message().contains("looks wrong"), "the reason is for people");
        agent.kubectl(&["get", "jobs", "-A"]).fails_with(told);
    }
}

#[test]
fn a_good_credential_of_nobody_gets_an_id_and_nothing_else() {
    let world = world();
    let gateway = world.own_gateway(Options::default());
    let agent = world.agent_on(&gateway, "cleanup", RULES, &[]);
    let other = world.own_gateway(Options::default());
    let certificate = agent.certificate();
    let mut tls = wire::connect(&other, Some(&certificate), &[b"http/1.1"]);
    let request =
        format!("GET /clusters/local/apis/batch/v1/jobs HTTP/1.1\r\nHost: {}\r\n\r\n", other.address());
    std::io::Write::write_all(&mut tls, request.as_bytes()).unwrap();
    let answer = wire::read(&mut tls);
    whole(&answer);
    assert_eq!(
        (answer.status, answer.reason().as_str(), next(&answer).as_str()),
        (401, "unrecognised", "ask-person")
    );
    let id = answer.header("audit-id").unwrap();
    assert!(answer.message().contains(id), "{}", answer.message());
    assert!(!answer.message().contains(&agent.name));
    other.recorded(&["--request", id], |row| row["outcome"]["reason"] == "unrecognised");
}
