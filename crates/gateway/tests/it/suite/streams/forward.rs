//! port-forward: both directions, half-close, several connections over one session.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use super::live::Live;
use super::pod::Pod;
use super::{RULES, WAYS};
use crate::suite::world;

/// Greets, reads to the end of what it is sent, and only then answers with it, reversed.
fn reverser() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                stream.write_all(b"hello\n").unwrap();
                let mut all = Vec::new();
                stream.read_to_end(&mut all).unwrap();
                all.reverse();
                stream.write_all(&all).unwrap();
            });
        }
    });
    port
}

#[test]
fn port_forward_carries_several_connections_both_ways_with_their_half_closes() {
    let world = world();
    let namespace = world.namespace("forward");
    let (pod, agent) = (Pod::start(&namespace), world.agent("forwarder", RULES, &[&namespace]));
    let port = reverser();
    for way in WAYS {
        let (target, ports) = (format!("pod/{}", pod.name), format!(":{port}"));
        let mut forward =
            Live::start(way.kubectl(&agent, &pod, &["port-forward", "--address=127.0.0.1", &target, &ports]));
        forward.shows("Forwarding from 127.0.0.1:");
        let shown = forward.stdout();
        let local = shown.split("127.0.0.1:").nth(1).unwrap().split(' ').next().unwrap();
        let local: u16 = local.parse().unwrap();
        let mut open: Vec<TcpStream> =
            (0..5).map(|_| TcpStream::connect(("127.0.0.1", local)).unwrap()).collect();
        for stream in &mut open {
            let mut greeting = [0; 6];
            stream.read_exact(&mut greeting).unwrap();
            assert_eq!(&greeting, b"hello\n", "{way:?}: the far side speaks first");
        }
        let sessions = open.into_iter().enumerate().map(|(number, mut stream)| {
            thread::spawn(move || {
                let mut sent: Vec<u8> =
                    (0..300_000).map(|n: usize| (n.wrapping_mul(number + 7) >> 3) as u8).collect();
                stream.write_all(&sent).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let mut back = Vec::new();
                stream.read_to_end(&mut back).unwrap();
                sent.reverse();
                assert!(back == sent, "{way:?}, connection {number}: {} bytes came back", back.len());
            })
        });
        for session in sessions.collect::<Vec<_>>() {
            session.join().unwrap();
        }
        assert!(forward.runs(), "{}", forward.stderr());
        forward.kill9();
        let row = world.gateway().recorded(&["--agent", &agent.name], |row| {
            row["part"] == "outcome"
                && row["request"]["subresource"] == "portforward"
                && row["request"]["method"] == way.method()
        });
        assert_eq!(row["outcome"]["result"], "caller-gone", "{row:#}");
        assert!(row["bytesToCaller"].as_u64().unwrap() > 1_500_000, "{row:#}");
        assert!(row["bytesToCluster"].as_u64().unwrap() > 1_500_000, "{row:#}");
        assert_eq!(row["rule"], format!("{}/enter", agent.name), "{row:#}");
    }
}
