//! A good token in a place where only some readers look, or twice.

use drawbridge_testkit::Gateway;

use super::super::in_pod::HOST;
use super::super::in_pod::account::{Account, TRUSTING};
use super::super::wire::{self, Answer};
use super::caller::{CONTROL, Caller, request};

fn without_token(text: &str) -> String {
    text.replacen("\r\nAuthorization: Bearer {token}\r\n", "\r\n", 1)
}

#[test]
fn a_token_counts_in_the_authorization_header_only() {
    let caller = Caller::within("place", "");
    for (name, value) in [
        ("Cookie", "token={token}"),
        ("Proxy-Authorization", "Bearer {token}"),
        ("X-Authorization", "Bearer {token}"),
        ("Authorization_", "Bearer {token}"),
        ("X-Auth-Token", "{token}"),
        ("X-Forwarded-Access-Token", "{token}"),
        ("Access-Token", "{token}"),
        ("WWW-Authenticate", "Bearer {token}"),
    ] {
        let answer = caller.say(&without_token(&request("GET", CONTROL, &[(name, value)], ""))).unwrap();
        assert_eq!(answer.status, 401, "{name}");
        assert_eq!(answer.reason(), "no-credential", "{name}");
    }
    for query in
        ["access_token={token}", "token={token}", "authorization=Bearer%20{token}", "id_token={token}"]
    {
        let path = format!("{CONTROL}?{query}");
        assert_eq!(
            caller.say(&without_token(&request("GET", &path, &[], ""))).unwrap().status,
            401,
            "{query}"
        );
    }
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.controls().len(), 1);
}

#[test]
fn a_token_as_a_websocket_protocol_is_refused_even_beside_a_good_one() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let rules = "
- {name: enter, verbs: [create], apiGroups: [''], resources: [pods/exec], acknowledge: [exec]}";
    let caller = Caller::within("place", rules);
    let path = "/api/v1/namespaces/{ns}/pods/none/exec?command=id";
    let token = URL_SAFE_NO_PAD.encode(&caller.token);
    let upgrade = |protocols: &str| {
        let headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Protocol", protocols),
        ];
        request("GET", path, &headers, "")
    };
    for prefix in ["base64url.bearer.authorization.k8s.io.", "BASE64URL.Bearer.authorization.k8s.io."] {
        for protocols in [
            format!("{prefix}{token}"),
            format!("v5.channel.k8s.io, {prefix}{token}"),
            format!("{prefix}{token},v5.channel.k8s.io"),
            format!("{prefix}x"),
        ] {
            assert_eq!(caller.say(&without_token(&upgrade(&protocols))).unwrap().status, 401, "{protocols}");
            let answer = caller.say(&upgrade(&protocols)).unwrap();
            assert_eq!((answer.status, answer.reason().as_str()), (401, "bad-credential"), "{protocols}");
        }
    }
    let spread = upgrade("v5.channel.k8s.io").replace(
        "v5.channel.k8s.io",
        &format!(
            "v5.channel.k8s.io\r\nSec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.{token}"
        ),
    );
    assert_eq!(caller.say(&spread).unwrap().status, 401);
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.say(&upgrade("v5.channel.k8s.io")).unwrap().status, 404);
    assert_eq!(caller.arrived(), [caller.fill(&format!("get {path}"))]);
}

#[test]
fn a_service_account_s_token_counts_neither_as_a_websocket_protocol_nor_in_the_query() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let gateway: &Gateway = &TRUSTING;
    let account = Account::new(&TRUSTING, "place");
    let token = account.token_of(&account.pod());
    let path = format!("/api/v1/namespaces/{}/configmaps", account.namespace);
    let send = |path: &str, more: &str| -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{more}\r\n");
        wire::send_bytes(gateway, head.as_bytes())
    };
    for name in ["access_token", "token", "bearer", "id_token", "authorization"] {
        let answer = send(&format!("{path}?{name}={token}"), "");
        assert_eq!((answer.status, answer.reason().as_str()), (401, "no-credential"), "{name}");
    }
    // A watch, which may be a WebSocket, is where the API server itself takes tokens so.
    let encoded = URL_SAFE_NO_PAD.encode(&token);
    let upgrade = |protocols: &str, more: &str| {
        let text = format!(
            "GET {path}?watch=1 HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {protocols}\r\n{more}\r\n"
        );
        wire::send_bytes(gateway, text.as_bytes())
    };
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let protocol = format!("base64url.bearer.authorization.k8s.io.{encoded}");
    for protocols in [protocol.clone(), format!("{protocol}, v5.channel.k8s.io"), format!("v4, {protocol}")] {
        for more in ["", &bearer] {
            let answer = upgrade(&protocols, more);
            assert_eq!((answer.status, answer.reason().as_str()), (401, "bad-credential"), "{protocols}");
            assert!(!answer.message().contains(&encoded));
        }
    }
    assert_eq!(account.reached(), [""; 0], "nothing of it reached the cluster");
    assert_eq!(account.ask(&token).status, 200);
    assert_eq!(account.reached().len(), 1);
    assert!(!gateway.log().contains(&token) && !gateway.log().contains(&encoded));
}

#[test]
fn other_schemes_and_two_headers_are_refused() {
    let caller = Caller::within("place", "");
    for value in [
        "Basic {token}",
        "Basic c3lzdGVtOmFkbWlu",
        "{token}",
        "Bearer",
        "Bearer ",
        "Bearer Bearer {token}",
        "Bearer {token}, Bearer {token}",
        "Bearer {token},",
        "Bearer {token} x",
        "Bearer\t{token}",
        "Negotiate {token}",
        "Token {token}",
        "bearer:{token}",
    ] {
        let text = without_token(&request("GET", CONTROL, &[("Authorization", value)], ""));
        assert_eq!(caller.say(&text).unwrap().status, 401, "{value}");
    }
    for second in ["Bearer {token}", "Bearer x", "Basic x", ""] {
        let answer = caller.say(&request("GET", CONTROL, &[("Authorization", second)], "")).unwrap();
        assert_eq!(answer.status, 401, "{second}");
    }
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.controls().len(), 1);
}
