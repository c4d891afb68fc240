//! Requests that come at the very moment of a suspension: none slips through.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::closed;
use crate::suite::streams::RULES;
use crate::suite::streams::pod::Pod;
use crate::suite::streams::raw::{Ask, H2, Net, Open, Reader};
use crate::suite::world;

/// Suspensions.
const ROUNDS: usize = 12;
/// Callers that open streams as fast as they can.
const CALLERS: usize = 3;

#[test]
fn no_stream_that_is_opened_around_a_suspension_outlives_it() {
    let (world, net) = (world(), Net::new());
    let (gateway, namespace) = (world.gateway(), world.namespace("race"));
    let (pod, agent) = (Pod::start(&namespace), world.agent("racer", RULES, &[&namespace]));
    let other = world.agent("witness", RULES, &[&namespace]);
    pod.log("before");
    // Only what is written while a stream is open is shown on it.
    let path = pod.path("log?container=main&follow=true&tailLines=0");
    let ask =
        |token| Ask { gateway, cluster: "local", path: &path, token: Some(token), reader: Reader::Reads };
    let (token, witnessing) = (agent.token(&gateway.url()), other.token(&gateway.url()));
    // The other agent's streams keep the connections open, so that requests go on coming on them.
    let connections: Vec<H2> = (0..CALLERS).map(|_| net.h2(gateway, None)).collect();
    let witnesses: Vec<Open> = connections.iter().map(|one| net.get2(one, ask(&witnessing))).collect();
    let (over, opened, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let call = |connection: &H2| {
        let mut streams: Vec<Open> = Vec::new();
        while !over.load(Ordering::SeqCst) {
            // A request that was under way may be reset without an answer.
            let Some(stream) = net.get2_or_cut(connection, ask(&token)) else { continue };
            if stream.status == 200 {
                opened.fetch_add(1, Ordering::SeqCst);
                streams.push(stream);
            } else {
                assert!([403, 503].contains(&stream.status), "{}", stream.status);
                refused.fetch_add(1, Ordering::SeqCst);
            }
            thread::yield_now();
        }
        streams
    };
    let (mut ended, mut kept) = (0, Vec::new());
    for round in 0..ROUNDS {
        over.store(false, Ordering::SeqCst);
        // Of the agent, which every lease names, and of its grant, which a lease names only once it is
        // decided.
        let kind = if round % 2 == 0 { "agent" } else { "grant" };
        let before = opened.load(Ordering::SeqCst);
        let streams: Vec<Open> = thread::scope(|scope| {
            let callers: Vec<_> = connections.iter().map(|one| scope.spawn(|| call(one))).collect();
            crate::suite::streams::until("streams are opened", || {
                (opened.load(Ordering::SeqCst) > before + 10 * CALLERS).then_some(())
            });
            let run = gateway.cli(&["suspend", kind, &agent.name]).ok();
            assert_eq!(closed(&run).connections, 0, "{run}");
            ended += closed(&run).streams;
            pod.log(&format!("while-out-{round}"));
            witnesses.iter().for_each(|witness| witness.shows(&format!("while-out-{round}")));
            over.store(true, Ordering::SeqCst);
            callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
        });
        kept.extend(streams);
        gateway.cli(&["resume", kind, &agent.name]).ok();
    }
    for stream in &kept {
        stream.ends();
        assert!(!stream.contains("while-out"), "{} was shown what happened later", stream.text());
    }
    println!(
        "{ROUNDS} suspensions: {} streams were opened, {ended} ended, {} requests refused meanwhile",
        opened.into_inner(),
        refused.into_inner()
    );
}
