//! Secret values never enter the record, the log or any other file of the gateway.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drawbridge_testkit::{Agent, Gateway, Options};
use serde_json::{Value, json};

use super::wire;
use super::world;

const RULES: &str = "
- name: secrets
  verbs: [get, list, watch, create, update, patch, delete]
  apiGroups: ['']
  resources: [secrets, configmaps]
- name: reviews
  verbs: [create]
  apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]";

/// A value, the same in base64, and a piece of each that any other encoding of the whole would keep.
fn traces(value: &str) -> Vec<String> {
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let bytes: Vec<String> = value.bytes().map(|byte| byte.to_string()).collect();
    vec![value.to_owned(), STANDARD.encode(value), hex, bytes.join(",")]
}

/// Every file of the gateway's, its log included.
fn files(gateway: &Gateway) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    collect(gateway.data(), &mut found);
    assert!(found.iter().any(|(name, _)| name.ends_with("drawbridge.db")), "no database");
    found.push(("log".to_owned(), gateway.log().into_bytes()));
    found
}

fn collect(directory: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

fn holds(bytes: &[u8], what: &str) -> bool {
    bytes.windows(what.len()).any(|window| window == what.as_bytes())
}

struct Raw<'a> {
    gateway: &'a Gateway,
    agent: &'a Agent,
    path: String,
}

impl Raw<'_> {
    fn call(&self, method: &str, rest: &str, kind: &str, body: &[u8]) -> u16 {
        let path = format!("{}{rest}", self.path);
        wire::call(self.gateway, self.agent, method, &path, &[("Content-Type", kind)], body).status
    }

    fn json(&self, method: &str, rest: &str, kind: &str, body: &Value) -> u16 {
        self.call(method, rest, kind, body.to_string().as_bytes())
    }
}

fn secret(name: &str, data: &Value, string_data: &Value) -> Value {
    let mut secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name } });
    secret["data"] = data.clone();
    secret["stringData"] = string_data.clone();
    secret
}

#[test]
fn no_value_of_a_secret_is_in_any_file_of_the_gateway() {
    let world = world();
    let namespace = world.namespace("secrets");
    let environment = vec![("DRAWBRIDGE_LOG".to_owned(), "trace".to_owned())];
    let mut gateway = world.own_gateway(Options { environment, ..Options::default() });
    let agent = world.agent_on(&gateway, "keeper", RULES, &[]);
    let values: Vec<String> = (10..30).map(|n| format!("hush-{n}-Zq7x-{}", world.name("v"))).collect();
    let value = |n: usize| values[n].as_str();
    let base64 = |n: usize| STANDARD.encode(value(n));

    // kubectl: protobuf and JSON, with and without the copy in last-applied.
    let literal = format!("--from-literal=a={}", value(0));
    agent.kubectl(&["-n", &namespace, "create", "secret", "generic", "one", &literal]).ok();
    let two = secret("two", &json!({ "a": base64(1) }), &json!({ "b": value(2) })).to_string();
    agent.kubectl_with(&["-n", &namespace, "apply", "-f", "-"], two.as_bytes()).ok();
    let two = secret("two", &json!({ "a": base64(3) }), &json!({ "b": value(4) })).to_string();
    agent.kubectl_with(&["-n", &namespace, "apply", "-f", "-"], two.as_bytes()).ok();
    let three = secret("three", &json!({}), &json!({ "a": value(5) })).to_string();
    agent.kubectl_with(&["-n", &namespace, "apply", "--server-side", "-f", "-"], three.as_bytes()).ok();
    let patch = format!(r#"{{"stringData":{{"c":"{}"}}}}"#, value(6));
    agent.kubectl(&["-n", &namespace, "patch", "secret", "one", "-p", &patch]).ok();
    let replaced = secret("one", &json!({}), &json!({ "a": value(7) })).to_string();
    agent.kubectl_with(&["-n", &namespace, "replace", "-f", "-"], replaced.as_bytes()).ok();
    agent.kubectl(&["-n", &namespace, "get", "secrets", "-o", "yaml"]).ok();

    // Raw: every kind of write, right ones and wrong ones.
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    let raw = Raw { gateway: &gateway, agent: &agent, path };
    let json_type = "application/json";
    let four = secret("four", &json!({ "a": base64(8) }), &Value::Null);
    assert_eq!(raw.json("POST", "", json_type, &four), 201);
    let four = secret("four", &json!({ "a": base64(9) }), &Value::Null);
    assert_eq!(raw.json("PUT", "/four", json_type, &four), 200);
    let patch = json!([{ "op": "add", "path": "/data/b", "value": base64(10) }]);
    assert_eq!(raw.json("PATCH", "/four", "application/json-patch+json", &patch), 200);
    let patch = json!({ "stringData": { "c": value(11) } });
    assert_eq!(raw.json("PATCH", "/four", "application/merge-patch+json", &patch), 200);
    let yaml =
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: five}}\nstringData: {{a: {}}}\n", value(12));
    assert_eq!(raw.call("POST", "", "application/yaml", yaml.as_bytes()), 201);
    let mut typo = secret("six", &Value::Null, &Value::Null);
    typo["stringdata"] = json!({ "a": value(13) });
    assert_eq!(raw.json("POST", "", json_type, &typo), 201);
    let note = json!({ "metadata": { "annotations": { "note": value(14) }, "labels": { "l": "x" } } });
    assert_eq!(raw.json("PATCH", "/four", "application/merge-patch+json", &note), 200);
    let broken = format!(r#"{{"stringData":{{"a":"{}""#, value(15));
    assert_eq!(raw.call("PUT", "/four", json_type, broken.as_bytes()), 400);
    let invalid = secret("NOT A NAME", &Value::Null, &json!({ "a": value(16) }));
    assert_eq!(raw.json("POST", "", json_type, &invalid), 422);
    let items = [secret("x", &Value::Null, &json!({ "a": value(17) }))];
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    raw.json("POST", "", json_type, &list);
    let spec = json!({ "token": value(18) });
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec });
    let reviews = Raw {
        gateway: &gateway,
        agent: &agent,
        path: "/apis/authentication.k8s.io/v1/tokenreviews".to_owned(),
    };
    assert_eq!(reviews.json("POST", "", json_type, &review), 201);
    let misplaced = secret("seven", &Value::Null, &json!({ "a": value(19) }));
    let configmaps =
        Raw { gateway: &gateway, agent: &agent, path: format!("/api/v1/namespaces/{namespace}/configmaps") };
    assert_eq!(configmaps.json("POST", "", json_type, &misplaced), 400);

    let rows = super::record_rows::all(&gateway, &format!("agent={}", agent.name));
    let writes = rows.iter().filter(|row| row["part"] == "begin" && row["body"].is_object());
    assert!(writes.count() >= 15, "the bodies are in the record");
    let check = |gateway: &Gateway, when: &str| {
        for (file, bytes) in files(gateway) {
            for (n, value) in values.iter().enumerate() {
                for trace in traces(value) {
                    assert!(!holds(&bytes, &trace), "{when}, {file} has value {n} as {trace:?}");
                }
            }
        }
    };
    check(&gateway, "while it runs");
    gateway.terminate();
    check(&gateway, "after its end");
}

#[test]
fn what_is_no_secret_is_kept_whole() {
    let world = world();
    let namespace = world.namespace("secrets");
    let agent = world.agent("keeper", RULES, &[&namespace]);
    let path = format!("/api/v1/namespaces/{namespace}");
    let raw = Raw { gateway: world.gateway(), agent: &agent, path };
    let map =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" }, "data": { "a": "b" } });
    assert_eq!(raw.json("POST", "/configmaps", "application/json", &map), 201);
    let metadata = json!({ "name": "s", "labels": { "a": "b" } });
    let labels = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque" });
    assert_eq!(raw.json("POST", "/secrets", "application/json", &labels), 201);
    assert_eq!(
        raw.json("DELETE", "/secrets/s", "application/json", &json!({ "gracePeriodSeconds": 3 })),
        200
    );
    let rows = super::record_rows::all(world.gateway(), &format!("agent={}", agent.name));
    let kept: Vec<&Value> =
        rows.iter().map(|row| &row["body"]["content"]).filter(|body| !body.is_null()).collect();
    assert_eq!(kept, [&map, &labels, &json!({ "gracePeriodSeconds": 3 })]);
}
