//! Tricks on reviews: what asks about somebody else, says two things at once, or asks elsewhere.

use drawbridge_testkit::Agent;
use serde_json::{Value, json};

use super::{ACCESS, access, api, post, world};
use crate::suite::rbac::api::Body;
use crate::suite::wire::Answer;

const RULES: &str = "- {name: see, verbs: [get], apiGroups: [''], resources: [configmaps]}";

fn agent() -> Agent {
    world().agent("can-i-attack", RULES, &["can-a"])
}

/// A protobuf field of bytes, short enough for a length of one byte.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn fields(fields: &[(u8, &[u8])]) -> Vec<u8> {
    fields.iter().flat_map(|(number, bytes)| field(*number, bytes)).collect()
}

/// A review in Kubernetes' protobuf envelope; its spec is all that differs.
fn protobuf(kind: &str, spec: &[u8]) -> String {
    let meta = fields(&[(1, b"authorization.k8s.io/v1"), (2, kind.as_bytes())]);
    let body = [b"k8s\0".to_vec(), field(1, &meta), field(2, &field(2, spec))].concat();
    String::from_utf8(body).unwrap()
}

fn asked_in_protobuf(spec: &[u8], headers: &str) -> Answer {
    let text = protobuf("SelfSubjectAccessReview", spec);
    let body = Body { kind: "application/vnd.kubernetes.protobuf", text: &text };
    api(&agent()).ask_with("POST", ACCESS, body, headers)
}

const GET: &[(u8, &[u8])] = &[(1, b"can-a"), (2, b"get"), (5, b"configmaps")];

#[test]
fn a_review_in_protobuf_is_answered_in_json_and_said_so_to_who_reads_none() {
    let spec = field(1, &fields(GET));
    let answer = asked_in_protobuf(&spec, "Accept: application/vnd.kubernetes.protobuf,application/json\r\n");
    assert_eq!((answer.status, answer.header("content-type")), (201, Some("application/json")));
    assert_eq!(answer.json()["status"]["allowed"], true, "{:?}", answer.json());
    let answer = asked_in_protobuf(&spec, "Accept: application/vnd.kubernetes.protobuf\r\n");
    assert_eq!((answer.status, &*answer.reason()), (406, "not-acceptable"));
    // It is nobody's business how a compressed answer would be put together.
    let answer = asked_in_protobuf(&spec, "Accept: application/json\r\nAccept-Encoding: gzip\r\n");
    assert_eq!(answer.json()["status"]["allowed"], true);
}

#[test]
fn a_protobuf_review_that_says_two_things_or_something_unknown_is_refused() {
    let get = fields(GET);
    let twice = [get.clone(), field(2, b"delete")].concat();
    let unknown = [get.clone(), field(12, b"x")].concat();
    for spec in [
        field(1, &twice),
        field(1, &unknown),
        [field(1, &get), field(1, &get)].concat(),
        [field(1, &get), field(2, &fields(&[(1, b"/"), (2, b"get")]))].concat(),
        // A SubjectAccessReview's user.
        [field(1, &get), field(3, b"admin")].concat(),
        Vec::new(),
    ] {
        let answer = asked_in_protobuf(&spec, "");
        assert_eq!(answer.status, 400, "{spec:?}");
    }
    let text = protobuf("SubjectAccessReview", &field(1, &get));
    let body = Body { kind: "application/vnd.kubernetes.protobuf", text: &text };
    assert_eq!(api(&agent()).ask("POST", ACCESS, body).status, 400);
}

#[test]
fn a_review_asks_about_its_caller_alone_and_is_read_in_one_way() {
    let agent = agent();
    let mut api = api(&agent);
    let good = access(&json!({ "verb": "get", "resource": "configmaps", "namespace": "can-a" }));
    let with = |pointer: &str, key: &str, value: Value| {
        let mut review = good.clone();
        review.pointer_mut(pointer).unwrap()[key] = value;
        review.to_string()
    };
    assert_eq!(post(&mut api, ACCESS, &good.to_string()).json()["status"]["allowed"], true);
    for body in [
        with("/spec", "user", json!("system:admin")),
        with("/spec", "groups", json!(["system:masters"])),
        with("/spec", "uid", json!("x")),
        with("/spec", "nonResourceAttributes", json!({ "verb": "get", "path": "/" })),
        with("/spec/resourceAttributes", "verbs", json!(["*"])),
        with("/spec/resourceAttributes", "resource", json!("configmaps/status")),
        with("", "kind", json!("SubjectAccessReview")),
        with("", "apiVersion", json!("authorization.k8s.io/v1beta1")),
        with("", "metadata", json!({ "name": "x" })),
        with("", "more", json!({})),
        good.to_string().replacen("\"verb\"", "\"verb\":\"delete\",\"verb\"", 1),
        format!("{good}{good}"),
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
    ] {
        let answer = post(&mut api, ACCESS, &body);
        assert_eq!(answer.status, 400, "{body}");
    }
    let yaml = Body { kind: "application/yaml", text: "spec: {}" };
    assert_eq!(api.ask("POST", ACCESS, yaml).status, 415);
    // What the caller says that the answer is, it isn't.
    let told = with("", "status", json!({ "allowed": true })).replace("\"get\"", "\"delete\"");
    assert_eq!(post(&mut api, ACCESS, &told).json()["status"]["allowed"], false);
    // Without anything the API server has nothing to answer.
    assert!(post(&mut api, ACCESS, "").status >= 400);
    let events = world().audit().of_agent(&agent.name);
    assert!(events.iter().all(|event| event.uri() == ACCESS), "{events:#?}");
    // The good one and the empty one.
    assert_eq!(events.len(), 2, "{events:#?}");
}

#[test]
fn an_oversized_review_is_refused() {
    let mut api = api(&agent());
    let long = "x".repeat(4 * 1024 * 1024);
    let body = access(&json!({ "verb": "get", "resource": long }));
    assert_eq!(post(&mut api, ACCESS, &body.to_string()).status, 413);
    let deep = format!("{{\"spec\":{}{}}}", "[".repeat(200), "]".repeat(200));
    assert_eq!(post(&mut api, ACCESS, &deep).status, 400);
}

#[test]
fn query_parameters_change_no_answer() {
    let mut api = api(&agent());
    for (verb, allowed) in [("get", true), ("delete", false)] {
        let body = access(&json!({ "verb": verb, "resource": "configmaps", "namespace": "can-a" }));
        for query in ["dryRun=All", "fieldManager=x", "fieldValidation=Strict", "pretty=true", "watch=true"] {
            let answer = post(&mut api, &format!("{ACCESS}?{query}"), &body.to_string());
            assert_eq!(answer.status, 201, "{query}: {}", String::from_utf8_lossy(&answer.body));
            assert_eq!(answer.json()["status"]["allowed"], allowed, "{query}");
        }
        assert_eq!(post(&mut api, &format!("{ACCESS}?dryRun=All&dryRun="), &body.to_string()).status, 400);
    }
}

#[test]
fn other_reviews_and_other_paths_need_rules_as_any_request() {
    let agent = agent();
    let mut api = api(&agent);
    let about = json!({ "verb": "get", "resource": "configmaps" });
    let body = json!({ "spec": { "user": "system:admin", "resourceAttributes": about } }).to_string();
    for path in [
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        "/apis/authorization.k8s.io/v1/namespaces/can-a/localsubjectaccessreviews",
        "/apis/authorization.k8s.io/v1/namespaces/can-a/selfsubjectaccessreviews",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x/status",
        "/apis/authorization.k8s.io/v1beta1/selfsubjectaccessreviews",
        "/apis/authorization.k8s.io/v2/selfsubjectrulesreviews",
        "/apis/authentication.k8s.io/v1beta1/selfsubjectreviews",
        "/apis/authentication.k8s.io/v1/tokenreviews",
    ] {
        let answer = post(&mut api, path, &body);
        assert_eq!((answer.status, &*answer.reason()), (403, "no-rule"), "{path}");
    }
    for method in ["PUT", "PATCH", "DELETE"] {
        let body = Body { kind: "application/merge-patch+json", text: "{}" };
        let body = if method == "PATCH" { body } else { Body { kind: "application/json", text: "{}" } };
        let answer = api.ask(method, &format!("{ACCESS}/x"), body);
        assert_eq!((answer.status, &*answer.reason()), (403, "no-rule"), "{method}");
    }
    assert_eq!(world().audit().of_agent(&agent.name).len(), 0);
}

#[test]
fn a_rule_that_denies_reviews_denies_them_and_one_that_allows_them_changes_no_answer() {
    let deny = "
- {name: see, verbs: [get], apiGroups: [''], resources: [configmaps]}
- name: silent
  effect: deny
  verbs: [create]
  apiGroups: [authorization.k8s.io]
  resources: [selfsubjectaccessreviews, selfsubjectrulesreviews]";
    let silent = world().agent("can-i-silent", deny, &[]);
    silent.kubectl(&["auth", "can-i", "get", "configmaps"]).fails_with("silent denies it");
    silent.kubectl(&["auth", "whoami"]).ok();
    let all = "
- {name: reviews, verbs: ['*'], apiGroups: [authorization.k8s.io], resources: ['*']}";
    let agent = world().agent("can-i-allowed", all, &[]);
    // The ceiling alone would say yes.
    let run = agent.kubectl(&["auth", "can-i", "get", "configmaps", "-n", "can-a"]);
    assert!(run.stdout.starts_with("no - "), "{run}");
}
