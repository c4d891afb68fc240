//! What the rest of the program asks of a request; the reading itself is tested by `tests/corpus`.

use super::*;

fn read(line: &str) -> Attributes {
    let (method, target) = line.split_once(' ').expect("method and target");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Attributes::parse(Line { method, path, query }).expect("readable")
}

#[test]
fn connections_are_creates_and_streams_whatever_the_method() {
    for (subresource, kind) in [
        ("exec", Connect::Exec),
        ("attach", Connect::Attach),
        ("portforward", Connect::PortForward),
        ("proxy", Connect::Proxy),
    ] {
        for method in ["GET", "POST"] {
            let attributes = read(&format!("{method} /api/v1/namespaces/a/pods/b/{subresource}"));
            assert_eq!(attributes.connect(), Some(kind));
            assert_eq!(attributes.decided_verb(), Verb::Create);
            assert_eq!(attributes.access(), Access::Write);
            assert!(attributes.is_stream());
        }
    }
    assert_eq!(read("GET /api/v1/namespaces/a/pods/b/exec").verb(), Verb::Get);
}

#[test]
fn streams_are_watches_and_followed_logs() {
    assert!(read("GET /api/v1/pods?watch=1").is_stream());
    assert!(read("GET /api/v1/namespaces/a/pods/b/log?follow=true").is_stream());
    assert!(read("GET /api/v1/namespaces/a/pods/b/log?follow=").is_stream());
    assert!(!read("GET /api/v1/namespaces/a/pods/b/log?follow=False").is_stream());
    assert!(!read("GET /api/v1/pods").is_stream());
}

#[test]
fn reads_of_core_secrets_are_told_apart() {
    assert!(read("GET /api/v1/namespaces/a/secrets/b").reads_secrets());
    assert!(read("GET /api/v1/secrets?watch=true").reads_secrets());
    assert!(!read("PUT /api/v1/namespaces/a/secrets/b").reads_secrets());
    assert!(!read("GET /apis/example.com/v1/namespaces/a/secrets/b").reads_secrets());
}

#[test]
fn dry_runs_and_odd_methods_are_writes() {
    assert_eq!(read("POST /api/v1/namespaces/a/pods?dryRun=All").access(), Access::Write);
    assert_eq!(read("OPTIONS /version").access(), Access::Write);
    assert_eq!(read("HEAD /version").access(), Access::Read);
}

#[test]
fn bodies_have_the_use_that_the_verb_gives_them() {
    assert_eq!(read("GET /api/v1/pods").body_use(), BodyUse::Refused);
    assert_eq!(read("POST /api/v1/namespaces/a/pods").body_use(), BodyUse::Opaque);
    assert_eq!(read("PUT /api/v1/namespaces/a/pods/b").body_use(), BodyUse::Read);
    assert_eq!(read("DELETE /api/v1/namespaces/a/pods").body_use(), BodyUse::Read);
    assert_eq!(read("PUT /api/v1/namespaces/a/pods/b/proxy").body_use(), BodyUse::Opaque);
    assert_eq!(read("POST /api/v1/namespaces/a/pods/b/exec").body_use(), BodyUse::Refused);
}

#[test]
fn requests_are_described_as_kubectl_describes_them() {
    let described = |line: &str| read(line).to_string();
    assert_eq!(described("GET /apis/batch/v1/namespaces/a/jobs/x"), r#"jobs.batch "x" in namespace "a""#);
    assert_eq!(described("GET /api/v1/namespaces/a/pods/x/log"), r#"pods/log "x" in namespace "a""#);
    assert_eq!(described("GET /api/v1/namespaces/a"), r#"namespaces "a""#);
    assert_eq!(described("GET /api/v1/nodes"), "nodes");
    assert_eq!(described("GET /metrics"), r#"path "/metrics""#);
}

#[test]
fn the_pages_of_a_collection_are_lists_with_the_same_selectors_and_without_what_only_a_delete_has() {
    let line = |query| Line { method: "DELETE", path: "/api/v1/namespaces/a/pods", query: Some(query) };
    let read = |query| Attributes::parse(line(query)).expect("readable");
    let query = "labelSelector=a%3Db&fieldSelector=metadata.name%3Dx&resourceVersion=7&dryRun=All&watch=1&limit=3\
                 &propagationPolicy=Orphan&shardSelector=s&continue=c";
    let kept = "/api/v1/namespaces/a/pods?labelSelector=a%3Db&fieldSelector=metadata.name%3Dx";
    let attributes = read(query);
    assert_eq!(attributes.limit(), Ok(Some(3)));
    let first = format!("{kept}&resourceVersion=7&shardSelector=s&continue=c&limit=9");
    assert_eq!(attributes.page(9, None), first);
    assert_eq!(attributes.page(9, Some("x=&y")), format!("{kept}&shardSelector=s&limit=9&continue=x%3D%26y"));
    assert_eq!(read("").page(2, None), "/api/v1/namespaces/a/pods?limit=2");
    for (query, limit) in [("", None), ("limit=0", None), ("limit=-1", None), ("limit=1", Some(1))] {
        assert_eq!(read(query).limit(), Ok(limit), "{query}");
    }
    assert!(read("limit=x").limit().is_err());
}
