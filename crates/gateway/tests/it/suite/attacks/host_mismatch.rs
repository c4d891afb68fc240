//! A request that names another host than its TLS handshake did, or several.

use std::io::Write;
use std::sync::Arc;

use rustls::version::TLS13;

use super::super::wire::Answer;
use super::caller::{CONTROL, Caller, gateway, hear, request};
use super::h2::H2;
use super::tls;

/// Sends text on a connection whose handshake named `server_name`.
#[track_caller]
fn say(caller: &Caller, server_name: &'static str, text: &str) -> Option<Answer> {
    let config = Arc::new(tls::config(gateway(), None, &[&TLS13]));
    let mut tls = tls::connect(gateway(), &config, server_name);
    tls.write_all(caller.fill(text).as_bytes()).ok()?;
    tls.flush().ok()?;
    hear(&mut tls)
}

#[test]
fn the_host_must_be_the_one_of_the_handshake() {
    let caller = Caller::within("host", "");
    let with_host = |host: &str| request("GET", CONTROL, &[], "").replace("{host}", host);
    for host in [
        "elsewhere",
        "localhost.elsewhere",
        "elsewhere:8443",
        "127.0.0.1",
        "",
        "localhost@elsewhere",
        "[::1]",
    ] {
        let answer = say(&caller, "localhost", &with_host(host)).unwrap();
        assert!([400, 421].contains(&answer.status), "{host:?}: {}", answer.status);
    }
    assert_eq!(caller.controls().len(), 0);
    assert_eq!(say(&caller, "localhost", &with_host("localhost")).unwrap().status, 200);
    assert_eq!(say(&caller, "localhost", &with_host("LOCALHOST:1")).unwrap().status, 200);
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn two_hosts_are_refused_in_every_form() {
    let caller = Caller::within("host", "");
    let two = request("GET", CONTROL, &[("Host", "elsewhere")], "");
    let same = request("GET", CONTROL, &[("Host", "{host}")], "");
    let absolute =
        |host: &str| request("GET", CONTROL, &[], "").replacen("GET /", &format!("GET https://{host}/"), 1);
    let folded = request("GET", CONTROL, &[], "").replace("Host: {host}", "Host: {host}, elsewhere");
    for text in [two, same, absolute("elsewhere"), absolute("{host}@elsewhere"), folded] {
        let answer = caller.say(&text).unwrap();
        assert!([400, 421].contains(&answer.status), "{text}: {}", answer.status);
    }
    let none = request("GET", CONTROL, &[], "").replace("Host: {host}\r\n", "");
    assert!(caller.say(&none).is_none_or(|answer| [200, 400, 421].contains(&answer.status)));
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.say(&absolute("{host}")).unwrap().status, 200);
}

#[test]
fn over_http_2_authority_and_host_must_agree() {
    let caller = Caller::within("host", "");
    let (path, bearer) = (caller.fill(&format!("/clusters/local{CONTROL}")), caller.fill("Bearer {token}"));
    let address = gateway().address();
    let ask = |authority: &str, host: Option<&str>| {
        let mut fields = vec![
            (":method", "GET"),
            (":scheme", "https"),
            (":path", path.as_str()),
            (":authority", authority),
            ("authorization", bearer.as_str()),
        ];
        fields.extend(host.map(|host| ("host", host)));
        H2::open(gateway(), None).ask(&fields).is_ok()
    };
    assert!(!ask(&address, Some("elsewhere")));
    assert!(!ask("elsewhere", Some(&address)));
    assert!(!ask("a b", None));
    assert!(ask(&address, None));
    assert!(ask(&address, Some(&address)));
    assert_eq!(caller.controls().len(), 2);
}
