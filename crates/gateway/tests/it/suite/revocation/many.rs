//! Ten open streams of each kind, of two agents: suspending the one ends all of its streams and none of the
//! other's.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use drawbridge_testkit::{Agent, Gateway};

use super::{Closed, closed, leases, refused};
use crate::suite::streams::pod::{Pod, configmap};
use crate::suite::streams::raw::{Ask, H2, Net, Open, Pem, Reader, Upgrade};
use crate::suite::streams::{RULES, until};
use crate::suite::world;

/// Of each kind.
const EACH: usize = 10;
/// Of the watches over HTTP/2, those on the connection that both agents use.
const SHARED: usize = 5;
/// Readers that stop: a log over HTTP/1.1, one over HTTP/2 on a connection of the agent's own and one on the
/// connection that both agents use, an exec.
const STALLED: usize = 4;
/// What could come to a reader that has stopped.
const FLOOD: u64 = 200_000_000;

/// Sends every line to whoever is connected.
#[derive(Debug)]
struct Broadcast {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Broadcast {
    fn start() -> Broadcast {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Arc::new(Mutex::new(Vec::new()));
        let accepted: Arc<Mutex<Vec<TcpStream>>> = Arc::clone(&open);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.write_all(b"hello\n").unwrap();
                accepted.lock().unwrap().push(stream);
            }
        });
        Broadcast { port, open }
    }

    fn say(&self, line: &str) {
        let line = format!("{line}\n");
        // Those of a cut stream have ended.
        self.open.lock().unwrap().retain_mut(|stream| stream.write_all(line.as_bytes()).is_ok());
    }
}

/// Everything that the streams of this test show.
struct Stage {
    net: Net,
    pod: Pod,
    broadcast: Broadcast,
}

impl Stage {
    /// Makes something happen that every stream shows.
    fn say(&self, line: &str) {
        configmap(&self.pod.namespace, line);
        self.pod.log(line);
        self.pod.append("said", line);
        self.broadcast.say(line);
    }
}

/// One agent's streams.
struct Streams {
    reading: Vec<Open>,
    stalled: Vec<Open>,
}

impl Streams {
    fn all(&self) -> impl Iterator<Item = &Open> {
        self.reading.iter().chain(&self.stalled)
    }
}

/// Opens all of an agent's streams: ten of each kind, and those that are not read.
fn open(stage: &Stage, gateway: &Gateway, shared: &H2, certificate: &Pem, token: &str) -> Streams {
    let (net, pod) = (&stage.net, &stage.pod);
    let ask = |path, reader| Ask { gateway, cluster: "local", path, token: None, reader };
    let h1 = || net.h1(gateway, Some(certificate));
    let own = net.h2(gateway, Some(certificate));
    let watch = format!("/api/v1/namespaces/{}/configmaps?watch=true", pod.namespace);
    let log = pod.path("log?container=main&follow=true");
    let flood = pod.path("log?container=flood&follow=true");
    let exec = pod.path("exec?container=main&stdout=true&command=tail&command=-f&command=said");
    let zeros = pod.path("exec?container=main&stdout=true&command=cat&command=%2Fdev%2Fzero");
    let forward = pod.path("portforward");
    let port = stage.broadcast.port;
    let read = Reader::Reads;
    let mut reading = Vec::new();
    for number in 0..EACH {
        reading.push(net.get1(h1(), ask(&watch, read)));
        reading.push(if number < SHARED {
            net.get2(shared, Ask { token: Some(token), ..ask(&watch, read) })
        } else {
            net.get2(&own, ask(&watch, read))
        });
        reading.push(net.get1(h1(), ask(&log, read)));
        reading.push(net.upgrade(h1(), ask(&exec, read), Upgrade::WebSocket));
        reading.push(net.upgrade(h1(), ask(&exec, read), Upgrade::SpdyExec));
        reading.push(net.upgrade(h1(), ask(&forward, read), Upgrade::SpdyForward(port)));
    }
    let stalled = vec![
        net.get1(h1(), ask(&flood, Reader::Stalls)),
        net.get2(&own, ask(&flood, Reader::Stalls)),
        net.get2(shared, Ask { token: Some(token), ..ask(&flood, Reader::Stalls) }),
        net.upgrade(h1(), ask(&zeros, Reader::Stalls), Upgrade::WebSocket),
    ];
    let streams = Streams { reading, stalled };
    assert!(streams.all().all(|open| open.status == 200 || open.status == 101));
    streams
}

fn prepare() -> (Stage, Agent, Agent) {
    let world = world();
    let namespace = world.namespace("many");
    let pod = Pod::start(&namespace);
    let (one, other) = (world.agent("cut", RULES, &[&namespace]), world.agent("kept", RULES, &[&namespace]));
    pod.zeros("logs/flood.log", FLOOD);
    let stage = Stage { net: Net::new(), pod, broadcast: Broadcast::start() };
    stage.say("before");
    (stage, one, other)
}

#[test]
fn suspending_one_agent_ends_all_of_its_streams_and_none_of_anothers() {
    let (stage, one, other) = prepare();
    let gateway = world().gateway();
    let shared = stage.net.h2(gateway, None);
    let tokens = [one.token(&gateway.url()), other.token(&gateway.url())];
    let cut = open(&stage, gateway, &shared, &one.certificate(), &tokens[0]);
    let kept = open(&stage, gateway, &shared, &other.certificate(), &tokens[1]);
    stage.say("while-open");
    cut.reading.iter().chain(&kept.reading).for_each(|open| open.shows("while-open"));
    let streams = 6 * EACH + STALLED;
    assert_eq!(leases(gateway, &one.name), streams as u64);
    assert_eq!(leases(gateway, &other.name), streams as u64);

    let called = Instant::now();
    let run = gateway.cli(&["suspend", "agent", &one.name, "--reason", "a test"]).ok();
    let returned = Instant::now();
    assert_eq!(leases(gateway, &one.name), 0, "{run}");
    // All streams over HTTP/2 are on one connection of the agent's own, or on the one that goes on.
    assert_eq!(closed(&run), Closed { streams, connections: 5 * EACH + 1 + 2 }, "{run}");
    assert!(run.stdout.contains(&format!("agent/{} is suspended", one.name)), "{run}");

    // What happens from here on is the other agent's to see, and not the suspended one's.
    stage.say("afterwards");
    kept.reading.iter().for_each(|open| open.shows("afterwards"));
    let totals: Vec<u64> = kept.stalled.iter().map(Open::total).collect();
    kept.stalled.iter().chain(&cut.stalled).for_each(Open::read_on);
    for (open, before) in kept.stalled.iter().zip(totals) {
        until(&format!("{} goes on", open.name), || (open.total() > before + 20_000_000).then_some(()));
    }
    let mut last = called;
    for open in cut.all() {
        let (_, how) = open.ends();
        assert!(!open.contains("afterwards"), "{} was shown what happened later", open.name);
        assert!(how != "complete" || open.status == 101, "{} looks complete", open.name);
        if !cut.stalled.iter().any(|stalled| std::ptr::eq(stalled, open)) {
            last = last.max(open.ended().unwrap().0);
        }
    }
    for open in kept.all() {
        assert_eq!(open.ended(), None, "{} of the other agent ended", open.name);
    }
    println!(
        "{streams} streams: the last read one ended {:?} after the call, which took {:?}: {}",
        last - called,
        returned - called,
        run.stdout.trim()
    );
    judge_the_rest(&stage, gateway, [&one, &other], &tokens[0], &shared);
}

/// The record, the next requests, and the way back.
fn judge_the_rest(stage: &Stage, gateway: &Gateway, agents: [&Agent; 2], token: &str, shared: &H2) {
    let [one, other] = agents;
    let namespace = &stage.pod.namespace;
    let rows = until("every cut stream has its outcome", || {
        let rows = gateway.record(&["--agent", &one.name]);
        let rows: Vec<_> = rows.into_iter().filter(|row| row["outcome"]["result"] == "cut").collect();
        (rows.len() == 6 * EACH + STALLED).then_some(rows)
    });
    assert!(rows.iter().all(|row| row["outcome"]["reason"] == "agent"), "{rows:#?}");
    assert!(rows.iter().all(|row| row["rule"].as_str().is_some_and(|rule| rule.starts_with(&one.name))));
    refused(gateway, one, namespace, "is suspended");
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let ask = Ask { gateway, cluster: "local", path: &path, token: Some(token), reader: Reader::Reads };
    let answer = stage.net.get2(shared, ask);
    answer.ends();
    assert_eq!(answer.status, 403, "on the connection that goes on: {}", answer.text());
    assert!(answer.text().contains("is suspended"), "{}", answer.text());
    assert_eq!(super::list(gateway, other, namespace).status, 200);
    gateway.cli(&["resume", "agent", &one.name]).ok();
    assert_eq!(super::list(gateway, one, namespace).status, 200);
    assert_eq!(stage.net.get2(shared, ask).status, 200);
}
