//! Whatever a caller says about identity besides its credential is dropped, however it is spelled and
//! carried.

use super::super::world;
use super::caller::{CONTROL, Caller, gateway, named};
use super::h2::H2;

/// Each of these, believed, would be more than the agent has.
const FORGED: [(&str, &str); 18] = [
    ("Impersonate-User", "system:admin"),
    ("impersonate-user", "system:admin"),
    ("IMPERSONATE-USER", "system:admin"),
    ("Impersonate_User", "system:admin"),
    ("Impersonate-Group", "system:masters"),
    ("Impersonate_Group", "system:masters"),
    ("Impersonate-Uid", "0"),
    ("Impersonate-Extra-scopes", "everything"),
    ("Impersonate-Extra-drawbridge.dev%2ftask", "another"),
    ("Impersonate-Extra-", "x"),
    ("X-Remote-User", "system:admin"),
    ("X-Remote-Group", "system:masters"),
    ("X-Remote-Uid", "0"),
    ("X-Remote-Extra-Scopes", "everything"),
    ("X_Remote_User", "system:admin"),
    ("Remote-User", "system:admin"),
    ("X-Webauth-User", "system:admin"),
    ("X-Client-Cert", "system:admin"),
];

#[test]
fn headers_that_name_somebody_else_are_dropped_in_every_spelling() {
    let caller = Caller::within("imp", "");
    for forged in FORGED {
        let answer = caller.call("GET", CONTROL, &[forged], "");
        assert_eq!(answer.status, 200, "{forged:?}");
    }
    let twice: Vec<_> = FORGED.into_iter().chain(FORGED).collect();
    assert_eq!(caller.call("GET", CONTROL, &twice, "").status, 200);
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.controls().len(), FORGED.len() + 2);
}

#[test]
fn they_open_nothing_that_the_agent_itself_may_not_have() {
    let caller = Caller::within("imp", "");
    let path = "/api/v1/namespaces/{ns}/secrets";
    for forged in FORGED {
        assert_eq!(caller.call("GET", path, &[forged], "").status, 403, "{forged:?}");
    }
    assert_eq!(caller.call("GET", path, &FORGED, "").status, 403);
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn naming_them_in_connection_neither_keeps_nor_removes_anything() {
    let caller = Caller::within("imp", "");
    for nominated in [
        "Impersonate-User",
        "keep-alive, Impersonate-User, Impersonate-Group",
        "Authorization",
        "Audit-Id, Accept, Host",
        "close, impersonate-user",
    ] {
        let headers = [
            ("Connection", nominated),
            ("Impersonate-User", "system:admin"),
            ("Impersonate-Group", "system:masters"),
        ];
        assert_eq!(caller.call("GET", CONTROL, &headers, "").status, 200, "{nominated}");
        let proxy = [("Proxy-Connection", nominated), ("Impersonate-User", "system:admin")];
        assert_eq!(caller.call("GET", CONTROL, &proxy, "").status, 200, "{nominated}");
    }
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.controls().len(), 11);
}

#[test]
fn malformed_header_lines_smuggle_none_of_them() {
    let caller = Caller::within("imp", "");
    let forged = [
        "Impersonate-User : system:admin",
        "Impersonate-User\t: system:admin",
        " Impersonate-User: system:admin",
        "X-A: b\r\n Impersonate-User: system:admin",
        "X-A: b\nImpersonate-User: system:admin",
        "X-A: b\rImpersonate-User: system:admin",
        "X-A: b\0Impersonate-User: system:admin",
        "Impersonate-User\0: system:admin",
        "Impersonate-Us\u{e9}r: system:admin",
        "Accept: a\u{b}Impersonate-User: system:admin",
        "User-Agent: a%0d%0aImpersonate-User: system:admin",
        "Accept: */*\\r\\nImpersonate-User: system:admin",
    ];
    for line in forged {
        let text = format!(
            "GET /clusters/local{CONTROL} HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer {{token}}\r\n{line}\r\n\r\n"
        );
        if let Some(answer) = caller.say(&text) {
            assert!([200, 400, 406].contains(&answer.status), "{line:?}: {}", answer.status);
        }
    }
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn trailers_name_nobody_and_the_caller_s_audit_id_is_dropped() {
    let rules = "
- {name: make, verbs: [create], apiGroups: [''], resources: [configmaps]}";
    let caller = Caller::within("imp", rules);
    let body = named("made").to_string();
    let text = format!(
        "POST /clusters/local/api/v1/namespaces/{{ns}}/configmaps HTTP/1.1\r\nHost: {{host}}\r\n\
         Authorization: Bearer {{token}}\r\nContent-Type: application/json\r\n\
         Trailer: Impersonate-User, Impersonate-Group\r\nAudit-ID: {{ns}}-forged\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\
         Impersonate-User: system:admin\r\nImpersonate-Group: system:masters\r\n\r\n",
        body.len()
    );
    let answer = caller.say(&text).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.message());
    assert_ne!(answer.header("audit-id"), Some(format!("{}-forged", caller.namespace).as_str()));
    assert_eq!(world().audit().with_id(&format!("{}-forged", caller.namespace)).len(), 0);
    assert_eq!(caller.arrived(), [caller.fill("create /api/v1/namespaces/{ns}/configmaps")]);
}

#[test]
fn over_http_2_they_are_dropped_as_well() {
    let caller = Caller::within("imp", "");
    let bearer = caller.fill("Bearer {token}");
    let control = caller.fill(&format!("/clusters/local{CONTROL}"));
    let address = gateway().address();
    let plain = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", control.as_str()),
        (":authority", address.as_str()),
        ("authorization", bearer.as_str()),
    ];
    let mut forged = plain.to_vec();
    let names: Vec<String> = FORGED.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    for (name, (_, value)) in names.iter().zip(FORGED) {
        forged.push((name, value));
        forged.push((name, value));
    }
    let mut connection = H2::open(gateway(), None);
    assert!(connection.ask(&forged).is_ok());
    // Fields that RFC 9113 forbids break the stream or are refused; none is passed on.
    for field in [
        ("connection", "impersonate-user"),
        ("Impersonate-User", "system:admin"),
        ("impersonate-user ", "system:admin"),
        ("x\r\nimpersonate-user", "system:admin"),
        ("x-a", "b\r\nImpersonate-User: system:admin"),
        ("x-a", "b\nImpersonate-User: system:admin"),
        (":impersonate-user", "system:admin"),
        ("te", "impersonate-user"),
    ] {
        let mut fields = plain.to_vec();
        fields.push(field);
        fields.push(("impersonate-user", "system:admin"));
        let end = H2::open(gateway(), None).ask(&fields);
        assert!(!end.is_ok() || field.0 == "te", "{field:?}");
    }
    assert!(H2::open(gateway(), None).ask(&plain).is_ok());
    assert_eq!(caller.arrived(), [""; 0]);
}
