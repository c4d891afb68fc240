//! Dot segments, encoded slashes, dots, backslashes and percent signs, doubled slashes, NUL, overlong paths.

use super::caller::{ANYTHING, CONTROL, Caller, namespace};

/// After the cluster's prefix. `{victim}` is a namespace out of reach. A reader that repairs, decodes twice
/// or cuts off would find something there.
const SPELLINGS: [&str; 36] = [
    "/api/v1/namespaces/{ns}/../{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}/configmaps/../../{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}/configmaps/../secrets",
    "/api/v1/namespaces/./{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}/./configmaps/control",
    "/api/v1/namespaces/{ns}/configmaps/control/.",
    "/api/v1/namespaces/{ns}/configmaps/control/..",
    "/api/v1/namespaces/{ns}/%2e%2e/{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}/%2E%2E/{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}/.%2e/{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}/%2e/configmaps/control",
    "/api/v1/namespaces/{ns}/configmaps/con%2etrol",
    "/api/v1/namespaces/{ns}%2f..%2f{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}/configmaps/..%2f..%2f{victim}%2fconfigmaps%2fcontrol",
    "/api/v1/namespaces/{victim}%2Fconfigmaps/{ns}/control",
    "/api/v1/namespaces/{ns}/configmaps%2fcontrol",
    "/api/v1/namespaces/{ns}/..\\{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}\\..\\{victim}\\configmaps\\control",
    "/api/v1/namespaces/{ns}/..%5c{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}%5C..%5C{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}/%252e%252e/{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}%252f..%252f{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}/configmaps/%25",
    "/api/v1/namespaces/{ns}//configmaps/control",
    "//api/v1/namespaces/{victim}/configmaps/control",
    "/api//v1/namespaces/{victim}/configmaps/control",
    "/api/v1/namespaces//{victim}/configmaps/control",
    "/api/v1/namespaces/{ns}/configmaps//",
    "/api/v1/namespaces/{ns}/configmaps/",
    "/api/v1/namespaces/{ns}/configmaps/control/",
    "/api/v1/namespaces/{ns}/configmaps/control%00",
    "/api/v1/namespaces/{victim}%00{ns}/configmaps/control",
    "/api/v1/namespaces/{ns}/configmaps/control%0d%0a",
    "/api/v1/namespaces/{ns}/configmaps/control%",
    "/api/v1/namespaces/{ns}/configmaps/c%f0%9f%8c%89",
    "/api/v1/namespaces/{ns}/configmaps/%c0%ae%c0%ae",
];

#[test]
fn a_path_that_two_readers_could_read_in_two_ways_is_refused() {
    let caller = Caller::within("spell", ANYTHING);
    let victim = namespace("victim");
    for spelling in SPELLINGS {
        let path = spelling.replace("{victim}", &victim);
        for method in ["GET", "DELETE"] {
            let answer = caller.call(method, &path, &[], "");
            assert_eq!(answer.status, 400, "{method} {spelling}: {}", answer.message());
            assert!(answer.reason().starts_with("path-"), "{spelling}: {}", answer.reason());
        }
    }
    // The same namespace, plainly named, is out of reach as well; its own is not.
    let plain = format!("/api/v1/namespaces/{victim}/configmaps/control");
    assert_eq!(caller.call("DELETE", &plain, &[], "").status, 403);
    assert_eq!(caller.get("/%61pi/v1/namespaces/{ns}/%63onfigmaps/control").status, 200);
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.controls().len(), 2);
}

#[test]
fn the_prefix_leads_to_its_cluster_in_one_spelling_only() {
    let caller = Caller::within("spell", ANYTHING);
    for prefix in [
        "",
        "/clusters",
        "/clusters/",
        "/clusters//local",
        "//clusters/local",
        "/./clusters/local",
        "/x/../clusters/local",
        "/clusters/./local",
        "/clusters/other/../local",
        "/clusters/%6cocal",
        "/clusters/local%2fapi/..",
        "/clusters/LOCAL",
        "/Clusters/local",
        "/clusters/local%00",
        "/clusters/local/../local",
        "/clusters/local;x=y",
        "/clusters/other",
        "/clusters/local/clusters/local",
        "/clusters/local/tasks/one",
    ] {
        let text = format!(
            "GET {prefix}{CONTROL} HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer {{token}}\r\n\r\n"
        );
        let answer = caller.say(&text).unwrap();
        assert!([400, 403, 404].contains(&answer.status), "{prefix}: {}", answer.status);
    }
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.controls().len(), 1);
}

#[test]
fn raw_bytes_that_no_request_line_has_are_refused() {
    let caller = Caller::within("spell", ANYTHING);
    for middle in [&b"\0"[..], b"\x01", b"\t", b"\x7f", b"\xff", b"\xc3\xa9", b" ", b"\r", b"\n", b"\r\n"] {
        let text = caller.fill(
            "GET /clusters/local/api/v1/namespaces/{ns}/configmaps/contr@ol HTTP/1.1\r\nHost: {host}\r\n\
             Authorization: Bearer {token}\r\n\r\n",
        );
        let (before, after) = text.split_once('@').unwrap();
        let bytes = [before.as_bytes(), middle, after.as_bytes()].concat();
        if let Some(answer) = super::caller::say(&bytes) {
            assert_eq!(answer.status, 400, "{middle:?}");
        }
    }
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn overlong_paths_queries_and_heads_are_refused() {
    let caller = Caller::within("spell", ANYTHING);
    let long = |count: usize| "a".repeat(count);
    let statuses = [
        (format!("/api/v1/namespaces/{{ns}}/configmaps/{}", long(4_096)), 400),
        (format!("/api/v1/namespaces/{{ns}}{}/configmaps/control", "/a".repeat(2_100)), 400),
        (format!("/api/v1/namespaces/{{ns}}/configmaps?labelSelector={}", long(8_192)), 400),
        (format!("/api/v1/namespaces/{{ns}}/configmaps/{}", long(60_000)), 400),
    ];
    for (path, status) in statuses {
        assert_eq!(caller.get(&path).status, status, "{} bytes", path.len());
    }
    for path in [long(200_000), long(300_000)] {
        let text = super::caller::request("GET", &format!("{CONTROL}?x={path}"), &[], "");
        if let Some(answer) = caller.say(&text) {
            assert!([400, 414, 431].contains(&answer.status), "{}", answer.status);
        }
        let text = super::caller::request("GET", CONTROL, &[("X-A", &path)], "");
        if let Some(answer) = caller.say(&text) {
            assert!([400, 431].contains(&answer.status), "{}", answer.status);
        }
    }
    let many: Vec<(&str, &str)> = vec![("X-A", "b"); 500];
    let answer = caller.say(&super::caller::request("GET", CONTROL, &many, ""));
    assert!(answer.is_none_or(|answer| [400, 431].contains(&answer.status)));
    assert_eq!(caller.arrived(), [""; 0]);
}
