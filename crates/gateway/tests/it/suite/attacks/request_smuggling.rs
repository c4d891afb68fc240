//! A second request hidden in the first one's framing. Whatever the gateway makes of it, the API server never
//! sees a request that the gateway did not decide.

use std::io::{ErrorKind, Read, Write};

use super::super::wire;
use super::caller::{ANYTHING, Caller, gateway, look};

const MAKE: &str = "
- {name: make, verbs: [create], apiGroups: [''], resources: [configmaps]}";

/// What is hidden: the agent's scope forbids it.
const HIDDEN: &str = "DELETE /api/v1/namespaces/{ns}/configmaps/control HTTP/1.1\r\nHost: x\r\n\
                      Impersonate-User: system:admin\r\nImpersonate-Group: system:masters\r\n\r\n";

/// The same for a gateway that reads on: it is decided as any other.
const HIDDEN_WITH_TOKEN: &str = "DELETE /clusters/local/api/v1/namespaces/{ns}/configmaps/control HTTP/1.1\r\n\
                                 Host: {host}\r\nAuthorization: Bearer {token}\r\n\r\n";

fn post(framing: &str, body: &str) -> String {
    format!(
        "POST /clusters/local/api/v1/namespaces/{{ns}}/configmaps HTTP/1.1\r\nHost: {{host}}\r\n\
         Authorization: Bearer {{token}}\r\nContent-Type: application/json\r\n{framing}\r\n\r\n{body}"
    )
}

/// Whether a caller says that it has sent all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It does, so that a gateway that waits for more ends.
    Close,
    /// It waits for the gateway to end the connection.
    Wait,
}

/// Sends text on a connection of its own, and reads whatever answers come.
#[track_caller]
fn push(caller: &Caller, text: &str, then: Then) -> Vec<u16> {
    let mut tls = wire::connect(gateway(), None, &[b"http/1.1"]);
    tls.write_all(caller.fill(text).as_bytes()).unwrap();
    if then == Then::Close {
        tls.conn.send_close_notify();
    }
    tls.flush().unwrap();
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match tls.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend(&buffer[..count]),
            // The gateway must end the connection before our patience does.
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("still open: {text}"),
            Err(_) => break,
        }
    }
    codes(&bytes)
}

/// The status codes of all answers in this.
fn codes(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes);
    let after = |(at, found): (usize, &str)| text.get(at + found.len()..at + found.len() + 3)?.parse().ok();
    text.match_indices("HTTP/1.1 ").filter_map(after).collect()
}

#[test]
fn two_framings_of_one_body_carry_no_second_request() {
    let caller = Caller::within("smuggle", MAKE);
    for hidden in [HIDDEN, HIDDEN_WITH_TOKEN].map(|text| caller.fill(text)) {
        let chunked = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
        let length = |bytes: usize| format!("Content-Length: {bytes}");
        let both = format!("0\r\n\r\n{hidden}");
        for framing in [
            format!("{}\r\nTransfer-Encoding: chunked", length(both.len())),
            format!("Transfer-Encoding: chunked\r\n{}", length(both.len())),
            format!("Transfer-Encoding: chunked\r\n{}", length(4)),
            "Transfer-Encoding: chunked\r\nContent-Length: 0".to_owned(),
        ] {
            // One answer to the first request, and then nothing more is read from that connection.
            for body in [&both, &chunked] {
                let statuses = push(&caller, &post(&framing, body), Then::Wait);
                assert_eq!(statuses, [400], "{framing:?}");
            }
        }
        for framing in [
            format!("{}\r\n{}", length(0), length(hidden.len())),
            format!("{}\r\n{}", length(hidden.len()), length(0)),
            format!("Content-Length: 0, {}", hidden.len()),
            format!("Content-Length: +{}", hidden.len()),
            "Content-Length: -1".to_owned(),
            "Content-Length: 0x10".to_owned(),
            "Content-Length: 1 0".to_owned(),
            "Content-Length: 99999999999999999999999".to_owned(),
            "Content-Length:".to_owned(),
        ] {
            let statuses = push(&caller, &post(&framing, &hidden), Then::Close);
            assert!(statuses.is_empty() || statuses == [400], "{framing:?}: {statuses:?}");
        }
    }
    // What was one body by its chunks came through as that: a create of nothing, or of no JSON.
    let arrived = caller.arrived();
    assert_eq!(arrived, vec![caller.fill("create /api/v1/namespaces/{ns}/configmaps"); arrived.len()]);
    assert_ne!(look(&caller.namespace, "configmap/control", ".metadata.uid"), "");
}

#[test]
fn obscured_transfer_encodings_carry_no_second_request() {
    let caller = Caller::within("smuggle", MAKE);
    let hidden = caller.fill(HIDDEN);
    for encoding in [
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
        "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\u{b}chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "Transfer_Encoding: chunked",
        "TE: chunked",
        "transfer-encoding: CHUNKED",
        "Transfer-Encoding: chun\0ked",
    ] {
        let both = format!("0\r\n\r\n{hidden}");
        for framing in [format!("{encoding}\r\nContent-Length: {}", both.len()), encoding.to_owned()] {
            push(&caller, &post(&framing, &both), Then::Close);
        }
    }
    for chunk in [
        "0;x=y\r\n\r\n",
        "00000000000000000\r\n\r\n",
        "0 \r\n\r\n",
        "0\n\n",
        "-1\r\n\r\n",
        "0x0\r\n\r\n",
        "10000000000000000\r\n",
        "ffffffffffffffff\r\n",
        "1\r\naa\r\n0\r\n\r\n",
        "1;\r\na\n0\r\n\r\n",
        "\r\n0\r\n\r\n",
    ] {
        push(&caller, &post("Transfer-Encoding: chunked", &format!("{chunk}{hidden}")), Then::Close);
    }
    // An empty or broken object may have come through as what it is: a create that fails.
    let arrived = caller.arrived();
    assert!(arrived.iter().all(|line| line.starts_with("create ")), "{arrived:?}");
    assert_ne!(look(&caller.namespace, "configmap/control", ".metadata.uid"), "");
}

#[test]
fn a_request_inside_a_body_stays_a_body() {
    let caller = Caller::within("smuggle", ANYTHING);
    let hidden = caller.fill(HIDDEN);
    let whole = post(&format!("Content-Length: {}", hidden.len()), &hidden);
    assert_eq!(caller.say(&whole).unwrap().status, 400);
    let chunked = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
    let answer = caller.say(&post("Transfer-Encoding: chunked", &chunked)).unwrap();
    assert_eq!(answer.status, 400);
    let arrived = caller.arrived();
    assert_eq!(arrived, vec![caller.fill("create /api/v1/namespaces/{ns}/configmaps"); arrived.len()]);
    assert_ne!(look(&caller.namespace, "configmap/control", ".metadata.uid"), "");
}

#[test]
fn a_read_with_a_body_is_refused() {
    let caller = Caller::within("smuggle", ANYTHING);
    let hidden = caller.fill(HIDDEN);
    let path = super::caller::CONTROL;
    for method in ["GET", "HEAD"] {
        let close = [("Connection", "close")];
        let answer = caller.say(&super::caller::request(method, path, &close, &hidden)).unwrap();
        assert_eq!(answer.status, 400, "{method}");
    }
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.controls().len(), 1);
}

#[test]
fn each_pipelined_request_is_decided_on_its_own() {
    let caller = Caller::within("smuggle", "");
    let control = super::caller::request("GET", super::caller::CONTROL, &[], "");
    let anonymous =
        HIDDEN.replace("DELETE /api", "DELETE /clusters/local/api").replace("Host: x", "Host: {host}");
    let text = caller.fill(&format!("{control}{HIDDEN_WITH_TOKEN}{anonymous}{control}"));
    let mut tls = wire::connect(gateway(), None, &[b"http/1.1"]);
    tls.write_all(text.as_bytes()).unwrap();
    tls.flush().unwrap();
    let statuses = statuses(&mut tls, 4);
    assert_eq!(statuses, [200, 403, 401, 200]);
    assert_eq!(caller.arrived(), [""; 0]);
    assert_eq!(caller.controls().len(), 3);
}

/// The status codes of this many answers that come one after the other.
fn statuses(from: &mut impl Read, count: usize) -> Vec<u16> {
    let mut bytes = Vec::new();
    while codes(&bytes).len() < count {
        let mut buffer = [0; 4096];
        let read = from.read(&mut buffer).unwrap_or(0);
        assert_ne!(read, 0, "the connection ended after {:?}", codes(&bytes));
        bytes.extend(&buffer[..read]);
    }
    codes(&bytes)
}
