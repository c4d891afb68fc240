//! Asking for another protocol where none belongs: a tunnel past every further decision.

use super::caller::{ANYTHING, CONTROL, Caller, gateway, request};
use super::h2::H2;

const KEY: [(&str, &str); 2] =
    [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")];

#[test]
fn only_what_is_made_for_it_may_change_the_protocol() {
    let caller = Caller::within("upgrade", ANYTHING);
    let list = "/api/v1/namespaces/{ns}/configmaps";
    let asks = [
        ("Upgrade", "websocket"),
        ("Upgrade", "SPDY/3.1"),
        ("Upgrade", "h2c"),
        ("Upgrade, HTTP2-Settings", "h2c"),
        ("Upgrade", "TLS/1.0"),
        ("Upgrade", "websocket, h2c"),
        ("upgrade", "WebSocket"),
        ("keep-alive", "websocket"),
        ("Upgrade", ""),
    ];
    for (connection, protocol) in asks {
        let headers = [&[("Connection", connection), ("Upgrade", protocol)][..], &KEY].concat();
        for (method, path) in [("GET", CONTROL), ("GET", list), ("POST", list), ("DELETE", CONTROL)] {
            let answer = caller.call(method, path, &headers, "");
            assert_eq!(answer.status, 400, "{method} {path} {connection}: {protocol}");
        }
    }
    for method in ["PUT", "DELETE", "PATCH"] {
        let headers = [&[("Connection", "Upgrade"), ("Upgrade", "websocket")][..], &KEY].concat();
        let answer = caller.call(method, "/api/v1/namespaces/{ns}/pods/none/exec?command=x", &headers, "");
        assert_eq!(answer.status, 400, "{method}");
    }
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn neither_connect_nor_prior_knowledge_makes_a_tunnel() {
    let caller = Caller::within("upgrade", ANYTHING);
    for target in
        ["{host}", "kubernetes.default.svc:443", "/clusters/local/api", "https://{host}/clusters/local"]
    {
        let text =
            format!("CONNECT {target} HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer {{token}}\r\n\r\n");
        if let Some(answer) = caller.say(&text) {
            assert!([400, 404, 405, 421].contains(&answer.status), "{target}: {}", answer.status);
        }
    }
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert!(caller.say(preface).is_none_or(|answer| answer.status >= 400));
    let (bearer, authority) = (caller.fill("Bearer {token}"), gateway().address());
    let path = caller.fill("/clusters/local/api/v1/namespaces/{ns}/pods/none/exec?command=x");
    for more in [vec![(":protocol", "websocket")], vec![]] {
        let mut fields = vec![(":method", "CONNECT"), (":authority", authority.as_str())];
        if !more.is_empty() {
            fields.extend([(":scheme", "https"), (":path", path.as_str())]);
        }
        fields.extend(more);
        fields.push(("authorization", bearer.as_str()));
        assert!(!H2::open(gateway(), None).ask(&fields).is_ok());
    }
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn a_pipelined_request_behind_an_upgrade_that_fails_is_decided_on_its_own() {
    let rules = "
- {name: enter, verbs: [create], apiGroups: [''], resources: [pods/exec], acknowledge: [exec]}";
    let caller = Caller::within("upgrade", rules);
    let exec = "/api/v1/namespaces/{ns}/pods/none/exec?command=x";
    let headers = [&[("Connection", "Upgrade"), ("Upgrade", "websocket")][..], &KEY].concat();
    let hidden = "DELETE /api/v1/namespaces/{ns}/configmaps/control HTTP/1.1\r\nHost: x\r\n\r\n";
    let text = format!("{}{hidden}", request("GET", exec, &headers, ""));
    assert_eq!(caller.say(&text).unwrap().status, 404);
    assert_eq!(caller.arrived(), [caller.fill(&format!("get {exec}"))]);
}
