//! Port-forwards to given ports: each stream names its own, in every protocol there is.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use drawbridge_testkit::Agent;
use serde_json::Value;

use super::super::streams::live::Live;
use super::super::streams::pod::Pod;
use super::super::streams::raw::{Ask, Net, Open, Reader, Upgrade};
use super::super::streams::{WAYS, until};
use crate::suite::world;

/// What listens in the pod.
struct Service {
    port: u16,
    reached: Arc<AtomicUsize>,
}

/// Greets whoever comes, and counts them.
fn service() -> Service {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let reached = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reached);
    thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                // The other end may have gone.
                drop(stream.write_all(b"hello\n"));
                drop(std::io::copy(&mut stream.try_clone().unwrap(), &mut stream));
            });
        }
    });
    Service { port, reached }
}

struct Scene {
    pod: Pod,
    agent: Agent,
    open: Service,
    shut: Service,
}

fn scene(more: &str) -> Scene {
    let (world, open, shut) = (world(), service(), service());
    let namespace = world.namespace("forward-scope");
    let pod = Pod::start(&namespace);
    world.admin(&["-n", &namespace, "label", "pod", &pod.name, "forward=yes"]).ok();
    let rules = format!(
        "
- {{name: see, verbs: [get, list], apiGroups: [''], resources: [pods]}}
- name: web
  verbs: [create]
  apiGroups: ['']
  resources: [pods/portforward]
  when: object.ports == [{}]{more}",
        open.port
    );
    let agent = world.agent("forwarder", &rules, &[&namespace]);
    Scene { pod, agent, open, shut }
}

impl Scene {
    fn reached_shut(&self) -> usize {
        self.shut.reached.load(Ordering::SeqCst)
    }

    /// The outcomes of this agent's port-forwards, newest first.
    fn outcomes(&self) -> Vec<Value> {
        let rows = world().gateway().record(&["--agent", &self.agent.name]);
        rows.into_iter()
            .filter(|row| row["part"] == "outcome" && row["request"]["subresource"] == "portforward")
            .collect()
    }

    /// Waits for an outcome.
    #[track_caller]
    fn outcome(&self, reason: &str, method: &str) -> Value {
        world().gateway().recorded(&["--agent", &self.agent.name], |row| {
            row["part"] == "outcome"
                && row["request"]["subresource"] == "portforward"
                && row["request"]["method"] == method
                && row["outcome"]["reason"] == reason
        })
    }
}

/// The local ports of a kubectl that forwards, in their order.
fn locals(forward: &Live, count: usize) -> Vec<u16> {
    until("all ports are forwarded", || {
        let shown = forward.stdout();
        let ports: Vec<u16> = shown
            .split("127.0.0.1:")
            .skip(1)
            .filter_map(|rest| rest.split(' ').next()?.parse().ok())
            .collect();
        (ports.len() == count).then_some(ports)
    })
}

/// A connection that is not waited for forever.
fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

#[test]
fn a_port_forward_reaches_the_given_port_and_ends_when_it_asks_for_another() {
    let scene = scene(" && oldObject.metadata.labels.forward == 'yes'");
    let target = format!("pod/{}", scene.pod.name);
    let (open, shut) = (format!(":{}", scene.open.port), format!(":{}", scene.shut.port));
    for way in WAYS {
        let arguments = ["port-forward", "--address=127.0.0.1", &target, &open, &shut];
        let mut forward = Live::start(way.kubectl(&scene.agent, &scene.pod, &arguments));
        let [good, bad] = locals(&forward, 2)[..] else { panic!("{}", forward.stdout()) };
        for _ in 0..3 {
            let mut stream = connect(good);
            let mut greeting = [0; 6];
            stream.read_exact(&mut greeting).unwrap();
            assert_eq!(&greeting, b"hello\n", "{way:?}");
            let sent: Vec<u8> = (0..300_000_u32).map(|number| (number >> 3) as u8).collect();
            let (mut writes, bytes) = (stream.try_clone().unwrap(), sent.clone());
            let writer = thread::spawn(move || writes.write_all(&bytes).unwrap());
            let mut back = vec![0; sent.len()];
            stream.read_exact(&mut back).unwrap();
            writer.join().unwrap();
            assert!(back == sent, "{way:?}: what went through is what came back");
        }
        let mut stream = connect(bad);
        let mut said = Vec::new();
        // However its end looks like here.
        drop(stream.read_to_end(&mut said));
        assert_eq!(said, b"", "{way:?}");
        forward.ends();
        let row = scene.outcome("condition", way.method());
        assert_eq!(row["sent"], "yes", "{row:#}");
        let said = row["outcome"]["message"].as_str().unwrap();
        assert!(said.contains(&format!("the port was {}", scene.shut.port)), "{said}");
    }
    assert_eq!(scene.reached_shut(), 0);
    assert!(scene.open.reached.load(Ordering::SeqCst) >= 6);
}

#[test]
fn a_pod_without_the_label_is_not_forwarded_to_at_all() {
    let scene = scene(" && oldObject.metadata.labels.forward == 'no'");
    let target = format!("pod/{}", scene.pod.name);
    let open = format!(":{}", scene.open.port);
    for way in WAYS {
        let arguments = ["port-forward", "--address=127.0.0.1", &target, &open];
        let mut forward = Live::start(way.kubectl(&scene.agent, &scene.pod, &arguments));
        assert_ne!(forward.ends(), Some(0));
        assert!(forward.stderr().contains("web asks that"), "{}", forward.stderr());
    }
    assert_eq!(scene.open.reached.load(Ordering::SeqCst), 0);
    let arrived = world().audit().of_agent(&scene.agent.name);
    assert!(!arrived.iter().any(|event| event.uri().contains("/portforward")), "nothing was sent");
}

/// Opens a port-forward without any client's help.
fn upgrade(net: &Net, scene: &Scene, query: &str, to: Upgrade) -> Open {
    let gateway = world().gateway();
    let (path, token) = (scene.pod.path(&format!("portforward{query}")), scene.agent.token(&gateway.url()));
    let ask = Ask { gateway, cluster: "local", path: &path, token: Some(&token), reader: Reader::Reads };
    net.upgrade(net.h1(gateway, None), ask, to)
}

#[test]
fn over_plain_web_socket_the_query_names_the_ports_and_all_of_them_are_looked_at() {
    let (net, scene) = (Net::new(), scene(""));
    let (open, shut) = (scene.open.port, scene.shut.port);
    for query in
        [format!("?ports={open}"), format!("?ports={open}&ports={open}"), format!("?ports={open},{open}")]
    {
        let stream = upgrade(&net, &scene, &query, Upgrade::WebSocket);
        assert_eq!(stream.status, 101, "{query}");
        stream.shows("hello");
    }
    for query in [
        format!("?ports={shut}"),
        format!("?ports={open}&ports={shut}"),
        format!("?ports={shut}&ports={open}"),
        format!("?ports={open},{shut}"),
        format!("?ports={shut},{open}"),
        format!("?ports=0{open}"),
        format!("?ports={open},"),
        format!("?ports=%20{open}"),
        format!("?Ports={open}&ports={shut}"),
    ] {
        assert_eq!(upgrade(&net, &scene, &query, Upgrade::WebSocket).status, 403, "{query}");
    }
    // Without any port the node refuses it, and if it didn't, the gateway would.
    for query in ["", "?Ports=1", "?port=1"] {
        assert_ne!(upgrade(&net, &scene, query, Upgrade::WebSocket).status, 101, "{query}");
    }
    assert_eq!(scene.reached_shut(), 0);
}

#[test]
fn over_spdy_the_streams_name_the_ports_whatever_the_query_says() {
    let (net, scene) = (Net::new(), scene(""));
    let (open, shut) = (scene.open.port, scene.shut.port);
    for query in [String::new(), format!("?ports={open}")] {
        upgrade(&net, &scene, &query, Upgrade::SpdyForward(open)).shows("hello");
        let before = scene.outcomes().len();
        let refused = upgrade(&net, &scene, &query, Upgrade::SpdyForward(shut));
        assert_eq!(refused.status, 101, "{query}");
        refused.ends();
        assert_eq!(refused.total(), 0, "{query}: {}", refused.text());
        until("its outcome", || (scene.outcomes().len() > before).then_some(()));
        scene.outcome("condition", "POST");
    }
    assert_eq!(upgrade(&net, &scene, &format!("?ports={shut}"), Upgrade::SpdyForward(open)).status, 403);
    assert_eq!(scene.reached_shut(), 0);
}

#[test]
fn a_stream_whose_port_could_be_read_in_two_ways_ends_the_connection() {
    let (net, scene) = (Net::new(), scene(""));
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let (open, shut) = (leak(scene.open.port.to_string()), leak(scene.shut.port.to_string()));
    let both = [leak(format!("{open}\0{shut}")), leak(format!("{shut}\0{open}"))];
    let zero = leak(format!("0{shut}"));
    let streams: Vec<Vec<(&str, &str)>> = vec![
        vec![("streamtype", "data")],
        vec![("streamtype", "data"), ("port", both[0])],
        vec![("streamtype", "data"), ("port", both[1])],
        vec![("streamtype", "data"), ("port", zero)],
        vec![("streamtype", "data"), ("port", open), ("port", shut)],
        vec![("streamtype", "data"), ("Port", shut), ("port", open)],
        vec![("streamtype", "data"), ("port", "")],
    ];
    for stream in streams {
        let headers: &'static [(&'static str, &'static str)] = Box::leak(stream.into_boxed_slice());
        let before = scene.outcomes().len();
        let refused = upgrade(&net, &scene, "", Upgrade::SpdyStream(headers));
        assert_eq!(refused.status, 101, "{headers:?}");
        refused.ends();
        assert_eq!(refused.total(), 0, "{headers:?}");
        until("its outcome", || (scene.outcomes().len() > before).then_some(()));
        let reasons: Vec<String> = scene.outcomes().iter().map(|row| row["outcome"].to_string()).collect();
        assert!(
            reasons.iter().all(|text| text.contains("\"reason\":\"stream\"")),
            "{headers:?}: {reasons:?}"
        );
    }
    assert_eq!(scene.reached_shut() + scene.open.reached.load(Ordering::SeqCst), 0);
}
