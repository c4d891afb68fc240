//! HTTP/2 requests whose parts would mean something else once written down as HTTP/1.1.

use super::caller::{CONTROL, Caller, gateway, look, named};
use super::h2::{End, H2};

const MAKE: &str = "
- {name: make, verbs: [create], apiGroups: [''], resources: [configmaps]}";

fn plain<'a>(method: &'a str, path: &'a str, authority: &'a str, bearer: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        (":method", method),
        (":scheme", "https"),
        (":path", path),
        (":authority", authority),
        ("authorization", bearer),
    ]
}

#[test]
fn fields_with_line_ends_and_strange_pseudo_fields_reach_nothing() {
    let caller = Caller::within("h2", "");
    let (bearer, authority) = (caller.fill("Bearer {token}"), gateway().address());
    let control = caller.fill(&format!("/clusters/local{CONTROL}"));
    let secrets = caller.fill("/clusters/local/api/v1/namespaces/{ns}/secrets");
    let smuggled = |text: &str| caller.fill(text);
    let paths = [
        smuggled("/clusters/local/api/v1/namespaces/{ns}/configmaps/x HTTP/1.1\r\nHost: x\r\n\r\nDELETE /"),
        smuggled("/clusters/local/api/v1/namespaces/{ns}/configmaps/control HTTP/1.1"),
        smuggled("/clusters/local/api/v1/namespaces/{ns}/configmaps/control\r\nx: y"),
        smuggled("/clusters/local/api/v1/namespaces/{ns}/configmaps/control\0"),
        smuggled("/clusters/local/api/v1/namespaces/{ns}/../{ns}/configmaps/control"),
        smuggled("https://elsewhere/clusters/local/api/v1/namespaces/{ns}/configmaps/control"),
        "*".to_owned(),
        String::new(),
    ];
    for path in &paths {
        let end = H2::open(gateway(), None).ask(&plain("GET", path, &authority, &bearer));
        assert!(!end.is_ok(), "{path:?}");
    }
    for method in ["GET / HTTP/1.1\r\nX: y\r\n\r\nDELETE", "get", "DELETE", "CONNECT", "", "G\0ET"] {
        let end = H2::open(gateway(), None).ask(&plain(method, &control, &authority, &bearer));
        assert!(!end.is_ok(), "{method:?}");
    }
    let good = plain("GET", &control, &authority, &bearer);
    for more in [
        (":path", secrets.as_str()),
        (":method", "DELETE"),
        (":authority", "elsewhere"),
        ("host", "elsewhere"),
        (":protocol", "websocket"),
        (":status", "200"),
        ("transfer-encoding", "chunked"),
        ("connection", "keep-alive"),
        ("upgrade", "websocket"),
        ("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA"),
        ("Accept", "x"),
        ("a b", "c"),
        ("a:b", "c"),
        ("x\r\nimpersonate-user", "system:admin"),
        ("x", "y\r\n\r\nDELETE / HTTP/1.1"),
        ("x", "y\0z"),
    ] {
        let mut fields = good.clone();
        fields.push(more);
        let end = H2::open(gateway(), None).ask(&fields);
        assert!(!end.is_ok() || more.0 == "http2-settings", "{more:?}");
    }
    assert!(H2::open(gateway(), None).ask(&good).is_ok());
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn a_content_length_that_is_not_the_body_s_reaches_nothing() {
    let caller = Caller::within("h2", MAKE);
    let (bearer, authority) = (caller.fill("Bearer {token}"), gateway().address());
    let path = caller.fill("/clusters/local/api/v1/namespaces/{ns}/configmaps");
    let body = named("made").to_string();
    let hidden = caller.fill("DELETE /api/v1/namespaces/{ns}/configmaps/control HTTP/1.1\r\nHost: x\r\n\r\n");
    let ask = |fields: &[(&str, &str)], bytes: &str| -> End {
        let mut all = plain("POST", &path, &authority, &bearer);
        all.push(("content-type", "application/json"));
        all.extend(fields);
        let mut connection = H2::open(gateway(), None);
        let stream = connection.head(&all, false);
        connection.body(stream, bytes.as_bytes(), true);
        connection.end(stream)
    };
    let long = format!("{body}{hidden}");
    let (right, short) = (body.len().to_string(), (body.len() - 1).to_string());
    let more = (body.len() + 10).to_string();
    for (length, bytes) in [(&right, &long), (&short, &body), (&more, &body)] {
        let end = ask(&[("content-length", length)], bytes);
        assert!(!end.is_ok() && end != End::Refused(Vec::new()), "{length}: {end:?}");
    }
    for length in ["0", "-1", "+1", "x", "", "1, 2"] {
        assert!(!ask(&[("content-length", length)], &body).is_ok(), "{length:?}");
    }
    ask(&[("content-length", &right), ("content-length", "0")], &body);
    ask(&[("transfer-encoding", "chunked")], &format!("0\r\n\r\n{hidden}"));
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(look(&caller.namespace, "configmap/made", ".metadata.uid"), "");
    // A 201 is a status of its own: what counts is that it is made.
    ask(&[("content-length", &right)], &body);
    assert_ne!(look(&caller.namespace, "configmap/made", ".metadata.uid"), "");
}

#[test]
fn trailers_and_late_frames_change_nothing() {
    let caller = Caller::within("h2", MAKE);
    let (bearer, authority) = (caller.fill("Bearer {token}"), gateway().address());
    let path = caller.fill("/clusters/local/api/v1/namespaces/{ns}/configmaps");
    let mut connection = H2::open(gateway(), None);
    let mut fields = plain("POST", &path, &authority, &bearer);
    fields.push(("content-type", "application/json"));
    let stream = connection.head(&fields, false);
    connection.body(stream, named("made").to_string().as_bytes(), false);
    connection.trailers(stream, &[("impersonate-user", "system:admin"), ("authorization", "Bearer x")]);
    connection.end(stream);
    assert_eq!(caller.arrived(), [caller.fill("create /api/v1/namespaces/{ns}/configmaps")]);
}
