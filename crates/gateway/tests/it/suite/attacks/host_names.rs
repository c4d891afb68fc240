//! The cluster's name as a host name, where another place names one too, or where it is none.

use std::io::Write;
use std::sync::{Arc, LazyLock};

use drawbridge_testkit::{Gateway, Options};
use rustls::version::TLS13;

use super::super::in_pod::{DOMAIN, HOST};
use super::super::wire::Answer;
use super::super::world;
use super::caller::{CONTROL, Caller, hear, namespace};
use super::h2::H2;
use super::tls;

/// A gateway with a domain, in front of the shared cluster as `local` and as `second`.
static GATEWAY: LazyLock<Gateway> = LazyLock::new(|| {
    let gateway =
        world().own_gateway(Options { config: format!("domain: {DOMAIN}\n"), ..Options::default() });
    gateway.apply(&world().cluster_manifest("second")).ok();
    gateway
});

/// An agent on that gateway, which may act on `local` only.
fn caller() -> Caller {
    let namespace = namespace("names");
    let rules = "
- {name: control, verbs: [get], apiGroups: [''], resources: [configmaps], resourceNames: [control]}";
    let agent = world().agent_on(&GATEWAY, "names", rules, &[&namespace]);
    let token = agent.token(&GATEWAY.url());
    Caller { agent, namespace, token }
}

/// A GET of `target` on a connection whose handshake names `server_name`.
#[track_caller]
fn ask(caller: &Caller, server_name: &'static str, host: &str, target: &str) -> Answer {
    let config = Arc::new(tls::config(&GATEWAY, None, &[&TLS13]));
    let mut tls = tls::connect(&GATEWAY, &config, server_name);
    let text = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {{token}}\r\nConnection: close\r\n\r\n"
    );
    tls.write_all(caller.fill(&text).as_bytes()).unwrap();
    tls.flush().unwrap();
    hear(&mut tls).unwrap()
}

#[test]
fn the_certificate_counts_for_every_cluster_s_host_name_and_either_way_leads_to_it() {
    let caller = caller();
    let prefixed = format!("/clusters/local{CONTROL}");
    for (server_name, host, target) in [
        (HOST, HOST, CONTROL),
        (HOST, "LOCAL.Clusters.gate.test:443", CONTROL),
        (HOST, HOST, &format!("https://{HOST}{CONTROL}")),
        ("127.0.0.1", HOST, CONTROL),
        ("127.0.0.1", "127.0.0.1", &prefixed),
        ("localhost", "localhost:1", &prefixed),
    ] {
        let answer = ask(&caller, server_name, host, target);
        assert_eq!(answer.status, 200, "{server_name} {host} {target}: {}", answer.message());
    }
    let (path, bearer) = (caller.fill(CONTROL), caller.fill("Bearer {token}"));
    let fields = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", path.as_str()),
        (":authority", HOST),
        ("authorization", bearer.as_str()),
    ];
    assert!(H2::open(&GATEWAY, None).ask(&fields).is_ok());
    assert_eq!(caller.controls().len(), 7);
}

#[test]
fn what_names_two_clusters_or_none_is_refused_and_reaches_neither() {
    let caller = caller();
    let second = "second.clusters.gate.test";
    for (server_name, host, target, status, reason) in [
        // The handshake and the request.
        (second, HOST, CONTROL, 421, "misdirected"),
        (HOST, second, CONTROL, 421, "misdirected"),
        (HOST, "127.0.0.1", "/clusters/local/api", 421, "misdirected"),
        (HOST, DOMAIN, "/clusters/local/api", 421, "misdirected"),
        (HOST, HOST, "https://second.clusters.gate.test/api", 421, "misdirected"),
        ("127.0.0.1", "second.clusters.gate.test@local.clusters.gate.test", CONTROL, 421, "misdirected"),
        // The host and the path.
        (HOST, HOST, "/clusters/local/api", 400, "ambiguous"),
        (HOST, HOST, "/clusters/second/api", 400, "ambiguous"),
        (HOST, HOST, "/clusters", 400, "ambiguous"),
        (HOST, "local.clusters.gate.test.", CONTROL, 400, "ambiguous"),
        // No cluster's host.
        ("127.0.0.1", "a.local.clusters.gate.test", CONTROL, 404, "no-cluster"),
        ("127.0.0.1", "a.local.clusters.gate.test", "/clusters/local/api", 404, "no-cluster"),
        ("127.0.0.1", "-.clusters.gate.test", CONTROL, 404, "no-cluster"),
        ("127.0.0.1", DOMAIN, CONTROL, 404, "no-cluster"),
        ("127.0.0.1", "127.0.0.1", CONTROL, 404, "no-cluster"),
        ("127.0.0.1", "[::1]:443", CONTROL, 404, "no-cluster"),
        ("127.0.0.1", "localclusters.gate.test", CONTROL, 404, "no-cluster"),
        ("nobody.clusters.gate.test", "nobody.clusters.gate.test", CONTROL, 404, "unknown-cluster"),
        // A cluster on which the agent has nothing.
        (second, second, CONTROL, 403, ""),
    ] {
        let answer = ask(&caller, server_name, host, target);
        assert_eq!(answer.status, status, "{server_name} {host} {target}: {}", answer.message());
        assert!(reason.is_empty() || answer.reason() == reason, "{host} {target}: {}", answer.reason());
    }
    assert_eq!(world().audit().of_agent(&caller.agent.name).len(), 0);
    assert_eq!(ask(&caller, HOST, HOST, CONTROL).status, 200);
    assert_eq!(caller.controls().len(), 1);
}
