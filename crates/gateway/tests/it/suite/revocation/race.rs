//! Requests that come at the very moment of a suspension: none slips through.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::closed;
use crate::suite::streams::RULES;
use crate::suite::streams::pod::Pod;
use crate::suite::streams::raw::{Ask, Net, Open, Reader};
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
    let witness = net.get2(&net.h2(gateway, None), ask(&witnessing));
    let (over, opened, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let call = || {
        let connection = net.h2(gateway, None);
        let mut streams: Vec<Open> = Vec::new();
        while !over.load(Ordering::SeqCst) {
            let stream = net.get2_or_cut(&connection, ask(&token));
            // A connection that only this agent uses ends with its streams.
            let Some(stream) = stream else { return streams };
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
        let before = opened.load(Ordering::SeqCst);
        let streams: Vec<Open> = thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(call)).collect();
            crate::suite::streams::until("streams are opened", || {
                (opened.load(Ordering::SeqCst) > before + 10 * CALLERS).then_some(())
            });
            ended += closed(&gateway.cli(&["suspend", "agent", &agent.name]).ok()).streams;
            pod.log(&format!("while-out-{round}"));
            witness.shows(&format!("while-out-{round}"));
            over.store(true, Ordering::SeqCst);
            callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
        });
        kept.extend(streams);
        gateway.cli(&["resume", "agent", &agent.name]).ok();
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
