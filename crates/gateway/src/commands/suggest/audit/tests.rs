//! Audit logs, good and bad.

use serde_json::{Value, json};

use super::*;
use crate::manifest::{Source, read};

fn event(user: &str, verb: &str, object: &Value, code: u16) -> Value {
    json!({ "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "x",
        "stage": "ResponseComplete", "requestURI": "/api/v1/x?watch=true", "verb": verb,
        "user": { "username": user, "groups": ["g"] }, "sourceIPs": ["10.0.0.1"], "objectRef": object,
        "responseStatus": { "metadata": {}, "code": code },
        "requestReceivedTimestamp": "2027-01-02T03:04:05.123456Z",
        "stageTimestamp": "2027-01-02T03:04:06.123456Z" })
}

fn wanted(user: Option<&str>) -> Wanted {
    Wanted {
        file: PathBuf::from("a.log"),
        user: user.map(str::to_owned),
        since: None,
        cluster: Some("prod".to_owned()),
        owner: Some("me@example.com".to_owned()),
    }
}

const ACCOUNT: &str = "system:serviceaccount:batch:cleanup";

fn jobs() -> Value {
    json!({ "resource": "jobs", "apiGroup": "batch", "apiVersion": "v1", "namespace": "ci", "name": "a" })
}

fn found(wanted: &Wanted, lines: &[String]) -> Found {
    let mut found = Found::default();
    wanted.read(lines.join("\n").as_bytes(), &mut found).unwrap();
    found
}

fn lines(events: &[Value]) -> Vec<String> {
    events.iter().map(Value::to_string).collect()
}

fn written(wanted: &Wanted, events: &[Value]) -> String {
    wanted.write(&found(wanted, &lines(events))).unwrap()
}

fn kinds(text: &str) -> Vec<&'static str> {
    let read = read(&[Source { file: "x".to_owned(), text: text.to_owned() }]);
    read.unwrap_or_else(|wrong| panic!("{wrong}\n{text}")).iter().map(|one| one.get().kind()).collect()
}

#[test]
fn a_user_becomes_an_agent_with_a_scope_and_a_grant() {
    let text = written(&wanted(None), &[event(ACCOUNT, "delete", &jobs(), 200)]);
    assert_eq!(kinds(&text), ["Agent", "Scope", "Grant"]);
    assert!(text.contains("serviceAccount: prod/batch/cleanup"), "{text}");
    assert!(text.contains("resourceNames: [a]") && text.contains("namespaces: [ci]"), "{text}");
    assert!(text.contains("# 1 request, at 2027-01-02T03:04:05Z"), "{text}");
}

#[test]
fn what_is_not_known_is_left_empty_and_apply_says_where() {
    let open = Wanted { owner: None, cluster: None, ..wanted(None) };
    let text = written(&open, &[event(ACCOUNT, "delete", &jobs(), 200)]);
    let wrong = read(&[Source { file: "x".to_owned(), text: text.clone() }]).unwrap_err().to_string();
    let said: Vec<&str> = wrong.lines().collect();
    assert_eq!(said.len(), 2, "{wrong}\n{text}");
    assert!(said[0].contains("spec.owner: is blank"), "{wrong}");
    assert!(said[1].contains("spec.clusters: is empty; name at least one cluster"), "{wrong}");
}

#[test]
fn only_what_ended_and_was_let_through_counts_and_for_whom_it_was_done() {
    let mut acting = event("admin", "get", &jobs(), 200);
    acting["impersonatedUser"] = json!({ "username": ACCOUNT });
    let mut begun = event(ACCOUNT, "list", &jobs(), 200);
    begun["stage"] = json!("ResponseStarted");
    let mut quota = event(ACCOUNT, "create", &jobs(), 403);
    quota["annotations"] = json!({ "authorization.k8s.io/decision": "allow" });
    let mut forbidden = event(ACCOUNT, "deletecollection", &jobs(), 200);
    forbidden["annotations"] = json!({ "authorization.k8s.io/decision": "forbid" });
    let events = [
        acting,
        begun,
        quota,
        forbidden,
        event(ACCOUNT, "update", &jobs(), 403),
        event(ACCOUNT, "patch", &jobs(), 409),
        event("alice", "delete", &jobs(), 200),
    ];
    let mine = wanted(Some(ACCOUNT));
    let found = found(&mine, &lines(&events));
    assert_eq!((found.ended, found.refused), (6, 3));
    let text = mine.write(&found).unwrap();
    assert!(text.contains("verbs: [get, patch]"), "{text}");
    assert!(!text.contains("alice") && !text.contains("admin"), "{text}");
}

#[test]
fn the_clusters_own_users_and_discovery_are_left_out() {
    let none = json!(null);
    let mut version = event("alice", "get", &none, 200);
    version["requestURI"] = json!("/version?timeout=32s");
    let mut metrics = event("alice", "get", &none, 200);
    metrics["requestURI"] = json!("/metrics?x=y");
    let events = [
        event("system:kube-scheduler", "get", &jobs(), 200),
        event("system:serviceaccount:kube-system:job-controller", "get", &jobs(), 200),
        event("system:serviceaccount:drawbridge-agents:x", "get", &jobs(), 200),
        version,
        metrics,
    ];
    let found = found(&wanted(None), &lines(&events));
    assert_eq!(found.own, 3);
    let text = wanted(None).write(&found).unwrap();
    assert_eq!(kinds(&text), ["Agent", "Scope", "Grant"]);
    assert!(text.contains("nonResourceURLs: [/metrics]") && !text.contains("/version"), "{text}");
}

#[test]
fn bad_lines_are_counted_and_named_without_what_stands_in_them() {
    let good = event(ACCOUNT, "get", &jobs(), 200).to_string();
    let half = good.split_at(40).0.to_owned();
    let all = [
        good.clone(),
        String::new(),
        "sesame".to_owned(),
        half,
        r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":{"sesame":1}}"#.to_owned(),
        r#"{"kind":"EventList"}"#.to_owned(),
        "[]".to_owned(),
        "\"sesame\"".to_owned(),
        good,
    ];
    let found = found(&wanted(None), &all);
    assert_eq!((found.lines, found.ended, found.bad.count), (9, 2, 6));
    assert_eq!(
        found.bad.named,
        [
            "line 3: is not JSON (column 1)",
            "line 4: ends too soon: is no whole JSON object",
            "line 5: is no audit event",
            "line 6: is no Event of audit.k8s.io",
            "line 7: is no Event of audit.k8s.io",
        ]
    );
    assert!(!found.bad.named.concat().contains("sesame"));
}

#[test]
fn what_a_user_is_called_never_becomes_something_else() {
    let odd = "x\n---\nkind: Agent: \"#";
    let account = "system:serviceaccount:a\nb: c:d\n#e";
    let more = "system:serviceaccount:other:cleanup";
    let events = [odd, account, ACCOUNT, more, "Alice@Example.com", "é", "É"]
        .map(|user| event(user, "get", &jobs(), 200));
    for cluster in [Some("prod".to_owned()), None] {
        let wanted = Wanted { cluster: cluster.clone(), ..wanted(None) };
        let text = written(&wanted, &events);
        let read = crate::yaml::parse(&text, &mut crate::yaml::Report::new("x"));
        assert_eq!(read.len(), events.len() * 3, "{text}");
        if cluster.is_some() {
            assert_eq!(kinds(&text).len(), events.len() * 3);
        }
        assert!(text.contains("name: cleanup}") && text.contains("name: other-cleanup}"), "{text}");
        assert!(text.contains("name: alice-example-com}"), "{text}");
        assert!(text.contains("name: agent}") && text.contains("name: agent-2}"), "{text}");
    }
}

#[test]
fn why_there_is_nothing_is_one_sentence() {
    let said = |wanted: &Wanted, lines: &[String]| {
        let mut found = found(wanted, lines);
        found.tallies.retain(|_, tally| !tally.is_empty());
        wanted.nothing(&found).to_string()
    };
    let mut begun = event("alice", "watch", &jobs(), 200);
    begun["stage"] = json!("ResponseStarted");
    assert_eq!(said(&wanted(None), &[]), "a.log is empty");
    assert!(said(&wanted(None), &["x".to_owned()]).contains("has no audit event: give JSON lines"));
    assert!(said(&wanted(None), &lines(&[begun])).contains("no request in a.log has ended"));
    let others = said(&wanted(Some("bob")), &lines(&[event("alice", "get", &jobs(), 200)]));
    assert!(others.contains("no request of user \"bob\"") && others.contains("\"alice\""), "{others}");
}
