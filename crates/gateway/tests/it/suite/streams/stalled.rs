//! A reader that stops holds its own stream back, and not the gateway's memory.

use std::fs;
use std::thread;
use std::time::Duration;

use drawbridge_testkit::{Gateway, Options};

use super::pod::Pod;
use super::proxy::Proxy;
use super::raw::{Ask, Net, Open, Reader, Upgrade};
use super::until;
use crate::suite::world;

/// What the cluster could send on each stream.
const FLOOD: u64 = 200_000_000;
/// What a stream may leave in the gateway: far less than could come.
const GROWTH: u64 = 32 << 20;

/// Resident bytes of the gateway.
fn resident(gateway: &Gateway) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_stalled_reader_is_waited_for_and_not_buffered_for() {
    let world = world();
    let namespace = world.namespace("stalled");
    let (pod, gateway, proxy) =
        (Pod::start(&namespace), world.own_gateway(Options::default()), Proxy::start());
    let (agent, cluster) = proxy.agent(&gateway, &namespace);
    pod.zeros("logs/flood.log", FLOOD);
    let (net, certificate) = (Net::new(), agent.certificate());
    let log = pod.path("log?container=flood&follow=true");
    let exec = pod.path(&format!(
        "exec?container=main&stdout=true&command=head&command=-c&command={FLOOD}&command=%2Fdev%2Fzero"
    ));
    let ask = |path, reader| Ask { gateway: &gateway, cluster: &cluster, path, token: None, reader };
    let h1 = || net.h1(&gateway, Some(&certificate));
    let h2 = net.h2(&gateway, Some(&certificate));
    let small = pod.path("");
    let small = small.trim_end_matches('/');
    assert_eq!(net.get2(&h2, ask(small, Reader::Reads)).status, 200);

    let before = resident(&gateway);
    let open = [
        net.get1(h1(), ask(&log, Reader::Stalls)),
        net.get2(&h2, ask(&log, Reader::Stalls)),
        net.upgrade(h1(), ask(&exec, Reader::Stalls), Upgrade::WebSocket),
    ];
    assert_eq!(open.each_ref().map(|open| open.status), [200, 200, 101]);
    let mut passed = 0;
    until("nothing more comes from the cluster", || {
        thread::sleep(Duration::from_secs(1));
        std::mem::replace(&mut passed, proxy.passed()).eq(&passed).then_some(())
    });
    let grown = resident(&gateway).saturating_sub(before);
    println!("three stalled readers: {passed} bytes left the cluster; the gateway grew by {grown} bytes");
    assert!(passed < 3 * FLOOD / 2, "nothing holds the cluster back: {passed} bytes came");
    assert!(grown < GROWTH, "{grown} bytes");

    // They were held back, not broken: they go on where they stopped.
    open.iter().for_each(Open::read_on);
    for one in &open {
        until(&format!("{} goes on", one.name), || (one.total() > 40_000_000).then_some(()));
    }
    let grown = resident(&gateway).saturating_sub(before);
    assert!(grown < GROWTH, "{grown} bytes");
}
