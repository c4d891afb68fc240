//! What the record says: the documented fields, the same id as the cluster's audit log, and strangers folded.

use std::collections::BTreeSet;
use std::io::Write;

use drawbridge_testkit::{Gateway, Options};
use serde_json::{Value, json};

use super::crash::CONFIGMAPS;
use super::wire;
use super::{binary, record_rows, world};

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_write_has_an_intent_and_an_outcome_with_the_documented_fields() {
    let world = world();
    let namespace = world.namespace("record");
    let agent = world.agent("writer", CONFIGMAPS, &[&namespace]);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let object = json!({ "metadata": { "name": "one" }, "data": { "a": "b" } });
    let headers = [("Content-Type", "application/json"), ("User-Agent", "a test/1")];
    let query = format!("{path}?fieldManager=me");
    let answer = wire::call(world.gateway(), &agent, "POST", &query, &headers, object.to_string().as_bytes());
    assert_eq!(answer.status, 201);
    let id = answer.header("audit-id").unwrap();
    world.gateway().recorded(&["--request", id], |row| row["part"] == "outcome");
    let rows = record_rows::of_request(world.gateway(), id);
    let begin = record_rows::part(&rows, "begin");
    let request = &begin["request"];
    let expected = json!({
        "request": id, "source": request["source"], "agent": agent.name, "credential": request["credential"],
        "identity": "key", "subject": request["credential"],
        "instance": format!("key {}", request["credential"].as_str().unwrap()),
        "proof": "token", "session": request["session"], "userAgent": "a test/1", "cluster": "local",
        "method": "POST", "path": format!("/clusters/local{path}"), "query": "fieldManager=me",
        "verb": "create",
        "apiGroup": "", "resource": "configmaps", "namespace": namespace,
    });
    let mut expected: Value = expected;
    if request["session"].is_null() {
        expected.as_object_mut().unwrap().remove("session");
    }
    assert_eq!(request, &expected);
    assert!(request["source"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(request["credential"].as_str().unwrap().starts_with("SHA256:"), "{request}");
    assert_eq!(begin["rule"], format!("{}/configmaps", agent.name));
    assert_eq!(begin["grant"], agent.name);
    assert_eq!(keys(&begin["body"]), ["bytes", "content", "contentType", "digest"].into());
    assert_eq!(
        (&begin["body"]["content"], &begin["body"]["contentType"]),
        (&object, &json!("application/json"))
    );
    assert_eq!(begin["body"]["bytes"], object.to_string().len());
    let outcome = record_rows::part(&rows, "outcome");
    assert_eq!(outcome["outcome"], json!({ "result": "answered", "status": 201 }));
    assert_eq!(outcome["request"], *request);
    assert_eq!(outcome["bytesToCaller"], answer.body.len());
    assert!(outcome["milliseconds"].is_u64() && outcome["time"].is_u64());
    // A request that is decided again, since manifests changed meanwhile, has another intent. It ends once.
    let outcomes = rows.iter().filter(|row| row["part"] == "outcome").count();
    assert_eq!(outcomes, 1, "{rows:#?}");
    assert!(rows.iter().all(|row| row["part"] == "outcome" || row["request"] == *request), "{rows:#?}");
    assert_eq!(world.audit().with_id(id).len(), 1);
}

#[test]
fn every_field_of_the_record_is_in_its_documentation() {
    let world = world();
    let agent = world.agent("writer", CONFIGMAPS, &[]);
    wire::get(world.gateway(), &agent, "/api/v1/namespaces/default/configmaps?limit=1");
    wire::get(world.gateway(), &agent, "/api/v1/namespaces/default/pods");
    let documentation = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/record.md");
    let documentation = std::fs::read_to_string(documentation).unwrap();
    let rows = record_rows::all(world.gateway(), "");
    let mut fields = BTreeSet::new();
    for row in &rows {
        for part in [row, &row["request"], &row["outcome"]] {
            if part.is_object() {
                fields.extend(keys(part));
            }
        }
        if row["part"] == "begin" && row["body"].is_object() {
            fields.extend(keys(&row["body"]));
        }
    }
    let missing: Vec<_> = fields.iter().filter(|field| !is_in(&documentation, field)).collect();
    assert!(missing.is_empty(), "docs/reference/record.md doesn't say what these are: {missing:?}");
}

/// As `field`, or as the last part of `outcome.field`.
fn is_in(documentation: &str, field: &str) -> bool {
    [format!("`{field}`"), format!(".{field}`")].iter().any(|form| documentation.contains(form))
}

#[test]
fn refusals_of_strangers_are_one_row_and_a_count() {
    let own = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(own.path().join("data")), ..Options::default() };
    let mut gateway = Gateway::start(binary(), options());
    let head = format!("GET /clusters/local/api HTTP/1.1\r\nHost: {}\r\n", gateway.address());
    for number in 0..25 {
        let answer = wire::send_bytes(&gateway, format!("{head}X-Number: {number}\r\n\r\n").as_bytes());
        assert_eq!((answer.status, answer.reason().as_str()), (401, "no-credential"));
    }
    for _ in 0..3 {
        let answer = wire::send_bytes(&gateway, format!("{head}Authorization: Bearer x\r\n\r\n").as_bytes());
        assert_eq!(answer.status, 401);
    }
    gateway.terminate();
    let gateway = Gateway::start(binary(), options());
    let rows = record_rows::all(&gateway, "");
    let first = |reason: &str| rows.iter().filter(|row| row["outcome"]["reason"] == reason).count();
    assert_eq!((first("no-credential"), first("bad-token")), (1, 1), "{rows:#?}");
    let again = |reason: &str| {
        let row = rows.iter().find(|row| row["event"] == "refused-again" && row["reason"] == reason).unwrap();
        (row["times"].clone(), row["source"].clone())
    };
    assert_eq!(again("no-credential"), (json!(24), json!("127.0.0.1")));
    assert_eq!(again("bad-token"), (json!(2), json!("127.0.0.1")));
}

#[test]
fn refusals_of_an_agent_are_recorded_one_by_one_with_what_it_was_told() {
    let world = world();
    let agent = world.agent("writer", CONFIGMAPS, &[]);
    let answers: Vec<_> =
        (0..5).map(|_| wire::get(world.gateway(), &agent, "/api/v1/namespaces/default/pods")).collect();
    for answer in answers {
        let id = answer.header("audit-id").unwrap();
        let row = world.gateway().recorded(&["--request", id], |row| row["part"] == "outcome");
        assert_eq!(row["outcome"]["message"], answer.message());
        assert_eq!((&row["outcome"]["status"], &row["sent"]), (&json!(403), &json!("no")));
        assert_eq!(record_rows::of_request(world.gateway(), id).len(), 1, "no intent of what isn't done");
    }
}

#[test]
fn what_people_change_is_in_the_record_with_who_and_why() {
    let world = world();
    let gateway = world.own_gateway(Options::default());
    let agent = world.agent_on(&gateway, "writer", CONFIGMAPS, &[]);
    gateway.cli(&["suspend", "agent", &agent.name, "--reason", "looks wrong"]).ok();
    gateway.cli(&["resume", "agent", &agent.name, "--reason", "was right"]).ok();
    let rows = record_rows::all(&gateway, "");
    let event = |event: &str, reason: &str| {
        let found = rows.iter().find(|row| row["event"] == event && row["reason"] == reason);
        found.unwrap_or_else(|| panic!("no {event} in {rows:#?}"))
    };
    for (name, reason) in [("suspend", "looks wrong"), ("resume", "was right")] {
        let row = event(name, reason);
        assert_eq!(row["what"], json!({ "kind": "agent", "name": agent.name }));
        assert!(row["by"].as_str().unwrap().starts_with("admin"), "{row}");
    }
    let applied: Vec<&str> = rows
        .iter()
        .filter(|row| row["event"] == "apply")
        .map(|row| row["what"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(applied, ["Cluster", "Agent", "Scope", "Grant"]);
}

#[test]
fn a_request_that_was_half_sent_leaves_nothing_and_a_whole_one_leaves_something() {
    let world = world();
    let agent = world.agent("writer", CONFIGMAPS, &[]);
    let mut tls = wire::connect(world.gateway(), Some(&agent.certificate()), &[b"http/1.1"]);
    let host = world.gateway().address();
    let path = "/clusters/local/api/v1/namespaces/default/configmaps";
    let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n{{");
    tls.write_all(head.as_bytes()).unwrap();
    tls.flush().unwrap();
    drop(tls);
    let row = world.gateway().recorded(&["--agent", &agent.name], |row| row["part"] == "outcome");
    let ended = &row["outcome"];
    assert!(ended["result"] == "caller-gone" || ended["reason"] == "no-body", "{row:#?}");
    assert!(world.audit().of_agent(&agent.name).is_empty());
}
