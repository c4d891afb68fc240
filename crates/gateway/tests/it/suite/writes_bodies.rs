//! Bodies in protobuf, and bodies too large.

use drawbridge_testkit::Agent;
use serde_json::{Value, json};

use super::record_rows;
use super::wire::{self, Answer};
use super::world;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

const RULES: &str = "
- name: change
  verbs: [get, create, update, delete]
  apiGroups: ['']
  resources: [configmaps]";

const NO_CREATE: &str = "
- name: change
  verbs: [get, update, delete]
  apiGroups: ['']
  resources: [configmaps]";

fn call(agent: &Agent, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
    let headers = [("Content-Type", kind), ("Accept", "application/json")];
    wire::call(world().gateway(), agent, method, path, &headers, body)
}

/// One field of a protobuf message: a length and its bytes.
pub(super) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend(bytes);
    field
}

/// A ConfigMap as kubectl would send it: `k8s\0` and a runtime.Unknown.
fn configmap(namespace: &str, name: &str, value: &str) -> Vec<u8> {
    let metadata = [field(1, name.as_bytes()), field(3, namespace.as_bytes())].concat();
    let entry = [field(1, b"a"), field(2, value.as_bytes())].concat();
    let raw = [field(1, &metadata), field(2, &entry)].concat();
    let meta = [field(1, b"v1"), field(2, b"ConfigMap")].concat();
    [b"k8s\0".to_vec(), field(1, &meta), field(2, &raw)].concat()
}

fn big(data: &str) -> Value {
    let metadata = json!({ "name": "big" });
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "a": data } })
}

fn value(namespace: &str, name: &str) -> String {
    let get = ["-n", namespace, "get", "configmap", name, "-o", "jsonpath={.data.a}", "--ignore-not-found"];
    world().admin(&get).ok().stdout
}

#[test]
fn kubectl_creates_in_protobuf_and_the_record_says_so() {
    let world = world();
    let namespace = world.namespace("bodies");
    let agent = world.agent("writer", RULES, &[&namespace]);
    agent.kubectl(&["-n", &namespace, "create", "configmap", "made", "--from-literal=a=b"]).ok();
    assert_eq!(value(&namespace, "made"), "b");
    let rows = record_rows::all(world.gateway(), &format!("agent={}", agent.name));
    let create =
        rows.iter().find(|row| row["part"] == "begin" && row["request"]["verb"] == "create").unwrap();
    assert_eq!(create["body"]["contentType"], PROTOBUF, "{create:#?}");
}

#[test]
fn protobuf_bodies_create_and_update_with_and_without_create_in_the_scope() {
    let world = world();
    let namespace = world.namespace("bodies");
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let maker = world.agent("writer", RULES, &[&namespace]);
    let answer = call(&maker, "POST", &path, PROTOBUF, &configmap(&namespace, "one", "1"));
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(value(&namespace, "one"), "1");

    let changer = world.agent("writer", NO_CREATE, &[&namespace]);
    let one = format!("{path}/one");
    let answer = call(&changer, "PUT", &one, PROTOBUF, &configmap(&namespace, "one", "2"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(value(&namespace, "one"), "2");
    let event =
        world.audit().of_agent(&changer.name).into_iter().find(|event| event.verb() == "update").unwrap();
    let uid = ["-n", &namespace, "get", "configmap", "one", "-o", "jsonpath={.metadata.uid}"];
    assert_eq!(event.json()["requestObject"]["metadata"]["uid"], world.admin(&uid).ok().stdout);

    let two = format!("{path}/two");
    let answer = call(&changer, "PUT", &two, PROTOBUF, &configmap(&namespace, "two", "1"));
    assert_eq!((answer.status, answer.reason().as_str()), (403, "needs-create"), "{answer:?}");
    assert_eq!(value(&namespace, "two"), "");
}

#[test]
fn delete_options_in_protobuf_are_read() {
    let world = world();
    let namespace = world.namespace("bodies");
    let agent = world.agent("writer", RULES, &[&namespace]);
    world.admin(&["-n", &namespace, "create", "configmap", "kept", "--from-literal=a=b"]).ok();
    let meta = [field(1, b"v1"), field(2, b"DeleteOptions")].concat();
    // dryRun is field 5.
    let body = [b"k8s\0".to_vec(), field(1, &meta), field(2, &field(5, b"All"))].concat();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/kept");
    let answer = call(&agent, "DELETE", &path, PROTOBUF, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(value(&namespace, "kept"), "b");
    let event =
        world.audit().of_agent(&agent.name).into_iter().find(|event| event.verb() == "delete").unwrap();
    assert_eq!(event.json()["requestObject"]["dryRun"], json!(["All"]));
}

#[test]
fn an_object_that_is_too_large_for_kubernetes_gets_kubernetes_own_answer() {
    let world = world();
    let namespace = world.namespace("bodies");
    let agent = world.agent("writer", RULES, &[&namespace]);
    let data = "x".repeat(5 * 512 * 1024);
    let object = big(&data);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let answer = call(&agent, "POST", &path, "application/json", object.to_string().as_bytes());
    assert_eq!(
        (answer.status, answer.json()["reason"].as_str()),
        (422, Some("Invalid")),
        "{}",
        answer.message()
    );
    assert!(answer.message().contains("Too long"), "{}", answer.message());
    let events = world.audit().of_agent(&agent.name);
    assert_eq!((events.len(), events[0].code()), (1, 422));
}

#[test]
fn a_body_over_three_mebibytes_is_refused_before_the_cluster_sees_it() {
    let world = world();
    let namespace = world.namespace("bodies");
    let agent = world.agent("writer", RULES, &[&namespace]);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let body = vec![b'x'; 3 * 1024 * 1024 + 1];
    let answer = call(&agent, "POST", &path, "application/json", &body);
    assert_eq!((answer.status, answer.reason().as_str()), (413, "too-large"), "{answer:?}");
    assert!(answer.message().contains("3145728 bytes"), "{}", answer.message());
    // The same without an announced length, and by kubectl over HTTP/2.
    let head = format!(
        "POST /clusters/local{path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close",
        world.gateway().address()
    );
    let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    let answer = wire::send(world.gateway(), &agent, &head, &chunk);
    assert_eq!((answer.status, answer.reason().as_str()), (413, "too-large"), "{answer:?}");
    let data = "x".repeat(4 * 1024 * 1024);
    let object = big(&data);
    let create = ["-n", &namespace, "create", "-f", "-", "--validate=false"];
    agent.kubectl_with(&create, object.to_string().as_bytes()).fails_with("longer than 3145728 bytes");
    let events = world.audit().of_agent(&agent.name);
    assert!(events.iter().all(|event| event.verb() != "create"), "{events:#?}");
}
