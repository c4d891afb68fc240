//! Two agents in one request, and two agents on one connection: identity belongs to the request.

use std::io::Write;

use super::super::wire;
use super::caller::{CONTROL, Caller, gateway, hear, request};
use super::forge::Key;
use super::h2::H2;

fn certificate(caller: &Caller) -> (String, String) {
    Key::of(&caller.agent).certificate(-60, 600)
}

/// Sends one request over an open connection and reads its answer's status.
#[track_caller]
fn over(tls: &mut wire::Tls, text: &str) -> u16 {
    tls.write_all(text.as_bytes()).unwrap();
    tls.flush().unwrap();
    hear(tls).unwrap().status
}

#[test]
fn a_certificate_and_a_token_of_different_agents_are_refused_together() {
    let (one, other) = (Caller::within("one", ""), Caller::within("other", ""));
    let of = |caller: &Caller, token: &str| {
        caller.fill(&request("GET", CONTROL, &[], "").replace("{token}", token))
    };
    for (shown, token, target) in [(&one, &other, &one), (&one, &other, &other), (&other, &one, &one)] {
        let mut tls = wire::connect(gateway(), Some(&certificate(shown)), &[b"http/1.1"]);
        assert_eq!(over(&mut tls, &of(target, &token.token)), 401);
    }
    // A bad one beside a good one is not overlooked, whichever is which.
    let mut tls = wire::connect(gateway(), Some(&certificate(&one)), &[b"http/1.1"]);
    assert_eq!(over(&mut tls, &of(&one, "x.y.z")), 401);
    let mut tls = wire::connect(gateway(), Some(&Key::fresh().certificate(-60, 600)), &[b"http/1.1"]);
    assert_eq!(over(&mut tls, &of(&one, &one.token)), 401);
    let mut tls = wire::connect(gateway(), Some(&Key::of(&one.agent).certificate(-600, -60)), &[b"http/1.1"]);
    assert_eq!(over(&mut tls, &of(&one, &one.token)), 401);
    assert_eq!((one.controls().len(), other.controls().len()), (0, 0));
    let mut tls = wire::connect(gateway(), Some(&certificate(&one)), &[b"http/1.1"]);
    assert_eq!(over(&mut tls, &of(&one, &one.token)), 200);
    assert_eq!((one.controls().len(), other.controls().len()), (1, 0));
}

#[test]
fn agents_that_take_turns_on_one_connection_stay_apart() {
    let (one, other) = (Caller::within("one", ""), Caller::within("other", ""));
    let text = |caller: &Caller, target: &Caller| {
        caller.fill(&request("GET", CONTROL, &[], "").replace("{ns}", &target.namespace))
    };
    let nobody = |target: &Caller| {
        target.fill(&request("GET", CONTROL, &[], "").replace("Authorization: Bearer {token}\r\n", ""))
    };
    let mut tls = wire::connect(gateway(), None, &[b"http/1.1"]);
    for _ in 0..3 {
        assert_eq!(over(&mut tls, &text(&one, &one)), 200);
        assert_eq!(over(&mut tls, &nobody(&one)), 401);
        assert_eq!(over(&mut tls, &text(&other, &one)), 403);
        assert_eq!(over(&mut tls, &text(&other, &other)), 200);
        assert_eq!(over(&mut tls, &nobody(&other)), 401);
        assert_eq!(over(&mut tls, &text(&one, &other)), 403);
    }
    assert_eq!((one.controls().len(), other.controls().len()), (3, 3));
    assert_eq!((one.arrived(), other.arrived()), (vec![], vec![]));
}

#[test]
fn agents_that_share_an_http_2_connection_stay_apart() {
    let (one, other) = (Caller::within("one", ""), Caller::within("other", ""));
    let authority = gateway().address();
    let mut connection = H2::open(gateway(), None);
    let mut ask = |bearer: Option<&Caller>, target: &Caller| {
        let path = target.fill(&format!("/clusters/local{CONTROL}"));
        let token = bearer.map(|caller| caller.fill("Bearer {token}"));
        let mut fields =
            vec![(":method", "GET"), (":scheme", "https"), (":path", &path), (":authority", &authority)];
        if let Some(token) = &token {
            fields.push(("authorization", token));
        }
        let end = connection.ask(&fields);
        if end.is_ok() { 200 } else { end.code() }
    };
    for _ in 0..3 {
        assert_eq!(ask(Some(&one), &one), 200);
        assert_eq!(ask(None, &one), 401);
        assert_eq!(ask(Some(&other), &one), 403);
        assert_eq!(ask(Some(&other), &other), 200);
        assert_eq!(ask(Some(&one), &other), 403);
    }
    assert_eq!((one.controls().len(), other.controls().len()), (3, 3));
}

#[test]
fn a_connection_s_certificate_stands_for_its_own_agent_only() {
    let (one, other) = (Caller::within("one", ""), Caller::within("other", ""));
    let text = |caller: &Caller| {
        caller.fill(&request("GET", CONTROL, &[], "").replace("Authorization: Bearer {token}\r\n", ""))
    };
    let mut tls = wire::connect(gateway(), Some(&certificate(&one)), &[b"http/1.1"]);
    assert_eq!(over(&mut tls, &text(&one)), 200);
    assert_eq!(over(&mut tls, &text(&other)), 403);
    assert_eq!(over(&mut tls, &other.fill(&request("GET", CONTROL, &[], ""))), 401);
    assert_eq!(over(&mut tls, &text(&one)), 200);
    assert_eq!((one.controls().len(), other.controls().len()), (2, 0));
}
