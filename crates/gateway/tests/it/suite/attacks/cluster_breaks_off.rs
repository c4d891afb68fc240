//! A cluster that hangs, talks nonsense, or breaks off in the middle: the caller gets a clear status, or an
//! answer that visibly has no end.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::super::wire;
use super::fake::{Fake, Reply, answer};

const RULES: &str = "
- {name: all, verbs: [get, list, create], apiGroups: [''], resources: [configmaps, pods/log]}";

const LIMITS: &str = "limits: {clusterAnswer: 1s, clusterConnect: 1s}\n";

fn path(name: &str) -> String {
    format!("/api/v1/namespaces/ns/configmaps/{name}")
}

#[test]
fn no_answer_and_nonsense_become_clear_statuses() {
    let fake = Fake::start(LIMITS, |asked, _| {
        let last = asked.line.rsplit('/').next().unwrap_or_default();
        match last {
            "hang" => Reply::Hang,
            "close" => Reply::Break(String::new()),
            "half" => Reply::Break("HTTP/1.1 200 OK\r\nContent-Ty".to_owned()),
            "nonsense" => Reply::Break("HELLO\r\n\r\n".to_owned()),
            "version" => Reply::Break("HTTP/9.9 200 OK\r\n\r\n".to_owned()),
            "status" => Reply::Break("HTTP/1.1 99999 OK\r\n\r\n".to_owned()),
            "lengths" => {
                Reply::Break("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_owned())
            }
            "endless" => Reply::Break(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(2_000_000))),
            _ => Reply::Say(answer("200 OK", "Content-Type: application/json\r\n", "{}")),
        }
    });
    let agent = fake.agent(RULES);
    for name in ["hang", "close", "half", "nonsense", "version", "status", "lengths", "endless"] {
        let got = wire::get(&fake.gateway, &agent, &path(name));
        assert!([502, 503, 504].contains(&got.status), "{name}: {}", got.status);
        assert_eq!(got.reason(), "cluster", "{name}");
        assert!(got.message().contains("local"), "{name}: {}", got.message());
    }
    assert_eq!(wire::get(&fake.gateway, &agent, &path("hang")).status, 504);
    assert_eq!(wire::get(&fake.gateway, &agent, &path("good")).status, 200);
    fake.gateway.recorded(&["--agent", &agent.name], |row| row["outcome"]["result"] == "cluster-gone");
    fake.keeps_its_credential();
}

#[test]
fn a_write_that_got_no_answer_is_sent_once() {
    let fake = Fake::start(LIMITS, |asked, _| {
        if asked.line.starts_with("POST") {
            Reply::Break(String::new())
        } else {
            Reply::Say(answer("200 OK", "", "{}"))
        }
    });
    let agent = fake.agent(RULES);
    // A connection that is kept, and then broken off under the write.
    assert_eq!(wire::get(&fake.gateway, &agent, &path("good")).status, 200);
    let headers = [("Content-Type", "application/json")];
    let got = wire::call(&fake.gateway, &agent, "POST", "/api/v1/namespaces/ns/configmaps", &headers, b"{}");
    assert_eq!((got.status, got.reason().as_str()), (504, "cluster"));
    assert_eq!(fake.asked().iter().filter(|asked| asked.line.starts_with("POST")).count(), 1);
}

#[test]
fn an_answer_that_breaks_off_never_looks_whole() {
    let fake = Fake::start(LIMITS, |asked, _| {
        let last = asked.line.rsplit('/').next().unwrap_or_default();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        match last {
            "length" => Reply::Break(format!("{head}Content-Length: 1000\r\n\r\n{{\"half\":")),
            "chunks" => Reply::Break(format!("{head}Transfer-Encoding: chunked\r\n\r\n8\r\n{{\"half\":\r\n")),
            "chunk" => Reply::Break(format!("{head}Transfer-Encoding: chunked\r\n\r\nff\r\n{{\"half\":")),
            "size" => Reply::Break(format!(
                "{head}Transfer-Encoding: chunked\r\n\r\n8\r\n{{\"half\":\r\nzz\r\n\r\n"
            )),
            _ => Reply::Say(format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n")),
        }
    });
    let agent = fake.agent(RULES);
    let raw = |name: &str| {
        let token = agent.token(&fake.gateway.url());
        let mut tls = wire::connect(&fake.gateway, None, &[b"http/1.1"]);
        let text = format!(
            "GET /clusters/local{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n",
            path(name),
            fake.gateway.address()
        );
        tls.write_all(text.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        // It may end without a goodbye: that is the point.
        let ended = tls.read_to_end(&mut bytes).is_ok();
        (String::from_utf8_lossy(&bytes).into_owned(), ended)
    };
    for name in ["length", "chunks", "chunk", "size"] {
        let (text, _) = raw(name);
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let whole = if name == "length" { body.len() >= 1000 } else { text.ends_with("0\r\n\r\n") };
        let refused = text.starts_with("HTTP/1.1 50");
        assert!(refused || !whole, "{name}: {text}");
        fake.gateway.recorded(&["--agent", &agent.name], |row| {
            row["request"]["name"] == name
                && row["part"] == "outcome"
                && row["outcome"]["result"] != "answered"
        });
    }
    let (text, ended) = raw("good");
    assert!(ended && text.ends_with("0\r\n\r\n"), "{text}");
}

#[test]
fn a_cluster_that_is_not_there_or_is_somebody_else_gets_nothing() {
    let fake = Fake::start(LIMITS, |_, _| Reply::Say(answer("200 OK", "", "{}")));
    let agent = fake.agent(RULES);
    // A second fake's certificate is another one's.
    let other = Fake::start(LIMITS, |_, _| Reply::Say(answer("200 OK", "", "{}")));
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    for port in [other.port(), silent.local_addr().unwrap().port(), closed] {
        fake.know_cluster_at(port);
        let got = wire::get(&fake.gateway, &agent, &path("x"));
        assert_eq!((got.status, got.reason().as_str()), (503, "cluster"), "{}", got.message());
    }
    assert_eq!(other.asked().len(), 0);
    fake.know_cluster_at(fake.port());
    assert_eq!(wire::get(&fake.gateway, &agent, &path("x")).status, 200);
}
