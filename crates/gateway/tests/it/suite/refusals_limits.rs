//! What is too much, too large or too slow is ended within its bound, and everyone else goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::time::Duration;

use drawbridge_testkit::{Agent, Gateway, Options};

use super::crash::{CONFIGMAPS, Line};
use super::wire;
use super::world;

fn limited(limits: &str) -> (Gateway, Agent) {
    let world = world();
    let options = Options { config: format!("limits: {{{limits}}}\n"), ..Options::default() };
    let gateway = world.own_gateway(options);
    let agent = world.agent_on(&gateway, "limited", CONFIGMAPS, &[]);
    (gateway, agent)
}

fn goes_on(gateway: &Gateway, agent: &Agent) {
    assert_eq!(wire::get(gateway, agent, "/api/v1/namespaces/default/configmaps").status, 200);
}

/// Reads until the other end closes, which it must before our own patience ends.
fn is_closed(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return bytes,
            Ok(count) => bytes.extend(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it stays open"),
            // A reset, or an end without close_notify.
            Err(_) => return bytes,
        }
    }
}

#[test]
fn a_head_that_is_too_large_or_has_too_many_fields_is_refused_over_http_1() {
    let (gateway, agent) = limited("headBytes: 8Ki, headers: 16");
    let start = format!("GET /clusters/local/api HTTP/1.1\r\nHost: {}\r\n", gateway.address());
    let large = format!("{start}X-Large: {}\r\n\r\n", "x".repeat(9 * 1024));
    assert_eq!(wire::send_bytes(&gateway, large.as_bytes()).status, 431);
    let many: String = (0..20).map(|n| format!("X-{n}: y\r\n")).collect();
    assert_eq!(wire::send_bytes(&gateway, format!("{start}{many}\r\n").as_bytes()).status, 431);
    goes_on(&gateway, &agent);
}

#[test]
fn a_head_that_is_too_large_or_has_too_many_fields_is_refused_over_http_2() {
    let (gateway, agent) = limited("headBytes: 8Ki, headers: 16");
    let large = vec![("x-large".to_owned(), "x".repeat(9 * 1024))];
    let many = (0..20).map(|n| (format!("x-{n}"), "y".to_owned())).collect();
    for headers in [large, many] {
        let status = over_http_2(&gateway, &agent, headers);
        assert_eq!(status, Some(431));
    }
    assert_eq!(over_http_2(&gateway, &agent, Vec::new()), Some(200));
}

/// The status of a GET with these headers; None where the connection ended instead.
fn over_http_2(gateway: &Gateway, agent: &Agent, headers: Vec<(String, String)>) -> Option<u16> {
    on_http_2(gateway, agent, headers, async |answer, connection| {
        tokio::select! {
            answer = answer => answer.ok().map(|answer| answer.status().as_u16()),
            _ = connection => None,
        }
    })
}

type Asked = hyper::Result<http::Response<hyper::body::Incoming>>;

/// Asks with these headers over HTTP/2, and hands the answer and the end of the connection to `then`.
fn on_http_2<T>(
    gateway: &Gateway,
    agent: &Agent,
    headers: Vec<(String, String)>,
    then: impl AsyncFnOnce(Pin<Box<dyn Future<Output = Asked>>>, Pin<Box<dyn Future<Output = bool>>>) -> T,
) -> T {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let config = wire::config(gateway, Some(&agent.certificate()), &[b"h2"]);
    let uri = format!("{}/clusters/local/api/v1/namespaces/default/configmaps", gateway.url());
    let address = gateway.address();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
        let tls =
            tokio_rustls::TlsConnector::from(std::sync::Arc::new(config)).connect(name, tcp).await.unwrap();
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls));
        let (mut sender, connection) = handshake.await.unwrap();
        let mut request = http::Request::get(uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
        let answer = sender.send_request(request);
        // The sender is kept: without one the caller itself would close.
        let answer = Box::pin(answer);
        let ended = Box::pin(async move {
            let ended = connection.await.is_ok();
            drop(sender);
            ended
        });
        then(answer, ended).await
    })
}

#[test]
fn an_http_2_connection_on_which_nothing_is_open_is_closed_in_order() {
    let (gateway, agent) = limited("head: 1s");
    let ended = on_http_2(&gateway, &agent, Vec::new(), async |answer, mut connection| {
        let answer = tokio::select! {
            answer = answer => answer.unwrap(),
            _ = &mut connection => panic!("the connection ended before its answer"),
        };
        assert_eq!(answer.status(), 200);
        let whole = http_body_util::BodyExt::collect(answer.into_body());
        tokio::select! {
            whole = whole => drop(whole.unwrap()),
            _ = &mut connection => panic!("the connection ended within its answer"),
        }
        tokio::time::timeout(Duration::from_secs(30), connection).await
    });
    assert_eq!(ended, Ok(true), "with a goodbye, and without an error");
}

#[test]
fn a_handshake_a_silent_connection_and_a_slow_head_are_ended() {
    let (gateway, agent) = limited("handshake: 1s, head: 1s");
    let connect = || {
        let tcp = TcpStream::connect(gateway.address()).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        tcp
    };
    is_closed(connect());
    let mut half = connect();
    half.write_all(&[22, 3, 1, 0]).unwrap();
    is_closed(half);
    // The handshake is over, and nothing is asked.
    let mut silent = wire::connect(&gateway, Some(&agent.certificate()), &[b"http/1.1"]);
    silent.flush().unwrap();
    is_closed(silent);
    let mut silent = wire::connect(&gateway, Some(&agent.certificate()), &[b"h2"]);
    silent.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    is_closed(silent);
    // Half a head, at first and after a whole request.
    let mut slow = wire::connect(&gateway, Some(&agent.certificate()), &[b"http/1.1"]);
    slow.write_all(b"GET /clusters/local/api HTTP/1.1\r\nHost:").unwrap();
    is_closed(slow);
    let mut second = wire::connect(&gateway, Some(&agent.certificate()), &[b"http/1.1"]);
    let host = gateway.address();
    second.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\nGET / HT").as_bytes()).unwrap();
    let answered = is_closed(second);
    assert!(answered.starts_with(b"HTTP/1.1 404"), "{}", String::from_utf8_lossy(&answered));
    goes_on(&gateway, &agent);
}

#[test]
fn an_idle_connection_that_has_asked_something_stays_open() {
    let (gateway, agent) = limited("handshake: 1s");
    let mut line = Line::open(&gateway, &agent.certificate());
    let ask = |line: &mut Line| {
        line.ask("GET", "/api/v1/namespaces/default/configmaps", "").map(|heard| heard.status)
    };
    assert_eq!(ask(&mut line), Some(200));
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(ask(&mut line), Some(200), "client-go keeps its connections for a minute and more");
}

#[test]
fn a_body_that_does_not_come_is_refused_in_words() {
    let (gateway, agent) = limited("body: 1s");
    let head = format!(
        "POST /clusters/local/api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100",
        gateway.address()
    );
    let answer = wire::send(&gateway, &agent, &head, b"{");
    assert_eq!((answer.status, answer.reason().as_str()), (408, "no-body"), "{answer:?}");
    assert!(answer.message().contains("it took too long"), "{}", answer.message());
    assert!(world().audit().of_agent(&agent.name).is_empty());
    goes_on(&gateway, &agent);
}

#[test]
fn past_the_bound_a_connection_waits_until_another_ends() {
    let (gateway, agent) = limited("connections: 16, handshake: 2m, head: 2m");
    let mut open: Vec<_> = (0..16)
        .map(|_| {
            let mut tls = wire::connect(&gateway, None, &[b"http/1.1"]);
            tls.flush().unwrap();
            assert!(!tls.conn.is_handshaking());
            tls
        })
        .collect();
    let mut next = wire::connect(&gateway, Some(&agent.certificate()), &[b"http/1.1"]);
    next.sock.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(next.flush().is_err() && next.conn.is_handshaking(), "the seventeenth was served");
    next.sock.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    open.pop();
    let host = gateway.address();
    let path = "/clusters/local/api/v1/namespaces/default/configmaps";
    next.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(wire::read(&mut next).status, 200);
}

#[test]
fn past_its_half_of_the_open_requests_an_agent_is_refused_in_words_and_the_others_go_on() {
    let (gateway, agent) = limited("requests: 16, intent: 200ms");
    let other = world().agent_on(&gateway, "other", CONFIGMAPS, &[]);
    let path = "/clusters/local/api/v1/namespaces/default/configmaps";
    let mut watches = Vec::new();
    let refused = loop {
        let mut tls = wire::connect(&gateway, Some(&agent.certificate()), &[b"http/1.1"]);
        let host = gateway.address();
        tls.write_all(format!("GET {path}?watch=1 HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
        let mut head = [0; 12];
        tls.read_exact(&mut head).unwrap();
        if head.ends_with(b"200") {
            watches.push(tls);
            assert!(watches.len() < 200, "there is no bound");
            continue;
        }
        let mut rest = (&head[..]).chain(tls);
        break wire::read(&mut rest);
    };
    assert_eq!(watches.len(), 8);
    assert_eq!((refused.status, refused.reason().as_str()), (503, "busy"), "{refused:?}");
    assert!(refused.message().contains("open requests of one agent"), "{}", refused.message());
    goes_on(&gateway, &other);
    gateway.cli(&["suspend", "agent", &agent.name]).ok();
    gateway.cli(&["resume", "agent", &agent.name]).ok();
    goes_on(&gateway, &agent);
}
