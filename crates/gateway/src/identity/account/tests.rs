//! Which claims are a service account's.

use serde_json::{Value, json};

use super::*;

/// What an API server 1.37 signs for a pod.
fn claims() -> Value {
    json!({
        "aud": ["https://gate.example"],
        "exp": 1_800_003_607,
        "iat": 1_800_000_000,
        "nbf": 1_800_000_000,
        "iss": "https://kubernetes.default.svc",
        "jti": "7c2e6c25-0a6c-4b6e-8f8e-5cf4d3a2f0aa",
        "sub": "system:serviceaccount:agents:cleanup",
        "kubernetes.io": {
            "namespace": "agents",
            "node": { "name": "node-1", "uid": "d1e4" },
            "pod": { "name": "cleanup-5f6d-x2", "uid": "0c8a" },
            "serviceaccount": { "name": "cleanup", "uid": "f3b1" },
            "warnafter": 1_800_003_600,
        },
    })
}

fn read(claims: &Value) -> Result<Workload, BadAccount> {
    Workload::read("prod", claims["sub"].as_str().unwrap(), claims.as_object().unwrap())
}

/// The claims with one of them changed, or left out.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut claims = claims();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    let parent = claims.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => drop(parent.insert(key, value)),
        None => drop(parent.remove(&key)),
    }
    claims
}

#[test]
fn a_pod_s_token_says_which_account_and_which_pod() {
    let workload = read(&claims()).unwrap();
    assert_eq!(workload.account().to_string(), "prod/agents/cleanup");
    assert_eq!(&**workload.uid(), "f3b1");
    assert_eq!(workload.instance("JTI=x").as_str(), "pod cleanup-5f6d-x2 0c8a");
    let pod = workload.pod().unwrap();
    assert_eq!((pod.name(), pod.uid(), workload.node()), ("cleanup-5f6d-x2", "0c8a", Some("node-1")));
    let bare = read(&with("/kubernetes.io/pod", None)).unwrap();
    assert_eq!(bare.pod(), None, "a token that was asked for by hand is bound to no pod");
    assert_eq!(bare.instance("JTI=x").as_str(), "token JTI=x");
    assert!(read(&with("/kubernetes.io/later", Some(json!({"a": 1})))).is_ok());
}

#[test]
fn the_subject_and_the_private_claims_must_agree() {
    for subject in [
        "system:serviceaccount:agents:other",
        "system:serviceaccount:other:cleanup",
        "system:serviceaccount:agents:cleanup:x",
        "System:serviceaccount:agents:cleanup",
        "system:serviceaccounts:agents:cleanup",
        "system:serviceaccount:agents/cleanup",
        " system:serviceaccount:agents:cleanup",
        "cleanup",
        "",
    ] {
        assert_eq!(read(&with("/sub", Some(json!(subject)))), Err(BadAccount::Disagree), "{subject}");
    }
    for (pointer, other) in
        [("/kubernetes.io/namespace", "other"), ("/kubernetes.io/serviceaccount/name", "other")]
    {
        assert_eq!(read(&with(pointer, Some(json!(other)))), Err(BadAccount::Disagree), "{pointer}");
    }
}

#[test]
fn what_is_read_must_be_there_whole() {
    for pointer in [
        "/kubernetes.io",
        "/kubernetes.io/namespace",
        "/kubernetes.io/serviceaccount",
        "/kubernetes.io/serviceaccount/name",
        "/kubernetes.io/serviceaccount/uid",
        "/kubernetes.io/pod/name",
        "/kubernetes.io/pod/uid",
        "/kubernetes.io/node/name",
    ] {
        assert!(matches!(read(&with(pointer, None)), Err(BadAccount::Shape(_))), "without {pointer}");
        for wrong in [json!(null), json!(1), json!(""), json!([]), json!("A b"), json!("a/b"), json!("..")] {
            let read = read(&with(pointer, Some(wrong.clone())));
            assert!(matches!(read, Err(BadAccount::Shape(_))), "{pointer}: {wrong}");
        }
    }
    for (pointer, wrong) in [
        ("/kubernetes.io/pod", json!("cleanup-5f6d-x2")),
        ("/kubernetes.io/pod", json!(null)),
        ("/kubernetes.io/serviceaccount", json!("cleanup")),
        ("/kubernetes.io/serviceaccount/uid", json!("a".repeat(129))),
        ("/kubernetes.io/namespace", json!("a.b")),
        ("/kubernetes.io/namespace", json!("a".repeat(64))),
    ] {
        assert!(matches!(read(&with(pointer, Some(wrong))), Err(BadAccount::Shape(_))), "{pointer}");
    }
}

#[test]
fn tokens_that_are_kept_in_secrets_are_refused_whatever_else_they_say() {
    let legacy = json!({
        "iss": "kubernetes/serviceaccount",
        "kubernetes.io/serviceaccount/namespace": "agents",
        "kubernetes.io/serviceaccount/secret.name": "cleanup-token-abcde",
        "kubernetes.io/serviceaccount/service-account.name": "cleanup",
        "kubernetes.io/serviceaccount/service-account.uid": "f3b1",
        "sub": "system:serviceaccount:agents:cleanup",
    });
    assert_eq!(read(&legacy), Err(BadAccount::Legacy));
    let both = with("/kubernetes.io~1serviceaccount~1secret.name", Some(json!("x")));
    assert_eq!(read(&both), Err(BadAccount::Legacy));
}
