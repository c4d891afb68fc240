//! Methods said otherwise than in the request line, and methods that only some readers know.

use super::caller::{CONTROL, Caller, look, request};

const READ: &str = "
- {name: read, verbs: [get, list, create], apiGroups: [''], resources: [configmaps]}";

#[test]
fn the_request_line_alone_says_the_method() {
    let caller = Caller::within("method", READ);
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X_HTTP_Method_Override",
        "X-Original-Method",
        "X-Http-Method-Overwrite",
        ":method",
    ] {
        for method in ["DELETE", "delete", "PUT"] {
            let answer = caller.say(&request("GET", CONTROL, &[(name, method)], ""));
            assert!(answer.is_none_or(|answer| [200, 400].contains(&answer.status)), "{name}: {method}");
        }
    }
    for query in ["_method=DELETE", "method=DELETE", "X-HTTP-Method-Override=DELETE", "httpMethod=DELETE"] {
        assert_eq!(caller.get(&format!("{CONTROL}?{query}")).status, 200, "{query}");
    }
    let form = [("Content-Type", "application/x-www-form-urlencoded"), ("X-HTTP-Method-Override", "DELETE")];
    let collection = "/api/v1/namespaces/{ns}/configmaps";
    let answer = caller.call("POST", collection, &form, "_method=DELETE");
    assert!(answer.status >= 400, "{}", answer.status);
    let arrived = caller.arrived();
    let reads = |line: &String| line.starts_with("get ") || line.starts_with("create ");
    assert!(arrived.iter().all(reads), "{arrived:?}");
    assert_ne!(look(&caller.namespace, "configmap/control", ".metadata.uid"), "");
}

#[test]
fn other_methods_are_refused_and_so_is_another_case() {
    let caller = Caller::within("method", super::caller::ANYTHING);
    for method in [
        "delete",
        "Delete",
        "get",
        "Get",
        "TRACE",
        "CONNECT",
        "PROPFIND",
        "LINK",
        "PURGE",
        "QUERY",
        "WATCH",
        "LIST",
        "DELETECOLLECTION",
        "OPTIONS",
        "DELETE\t",
        "\tDELETE",
        "D%45LETE",
        "PATCH,DELETE",
        "G",
        "*",
    ] {
        if let Some(answer) = caller.say(&request(method, CONTROL, &[], "")) {
            assert!([400, 403, 404, 405].contains(&answer.status), "{method}: {}", answer.status);
        }
    }
    assert_eq!(caller.arrived(), [""; 0]);
    assert_ne!(look(&caller.namespace, "configmap/control", ".metadata.uid"), "");
}
