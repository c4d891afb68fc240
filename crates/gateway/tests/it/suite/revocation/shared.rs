//! One HTTP/2 connection, two agents: what the one leaves half done doesn't cost the other its streams.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::StreamExt;
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use super::{Closed, closed, leases};
use crate::suite::streams::pod::configmap;
use crate::suite::streams::raw::{Ask, Net, Reader};
use crate::suite::streams::{RULES, until};
use crate::suite::world;

const WRITES: &str = "
- name: write
  verbs: [create, get, list, watch]
  apiGroups: ['']
  resources: [configmaps]";

#[test]
fn a_request_whose_body_never_ends_is_cut_without_ending_the_connection_it_shares() {
    let (world, net) = (world(), Net::new());
    let (gateway, namespace) = (world.gateway(), world.namespace("shared"));
    let one = world.agent("slow", WRITES, &[&namespace]);
    let other = world.agent("kept", RULES, &[&namespace]);
    let shared = net.h2(gateway, None);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let watch = format!("{path}?watch=true");
    let token = other.token(&gateway.url());
    let ask = Ask { gateway, cluster: "local", path: &watch, token: Some(&token), reader: Reader::Reads };
    let goes_on = net.get2(&shared, ask);
    goes_on.shows("kube-root-ca.crt");

    let begun = futures_util::stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"{")))]);
    let never = StreamBody::new(begun.chain(futures_util::stream::pending())).boxed_unsync();
    let request = Request::post(format!("{}/clusters/local{path}", gateway.url()))
        .header("authorization", format!("Bearer {}", one.token(&gateway.url())))
        .header("content-type", "application/json")
        .body(never)
        .unwrap();
    let mut sender = shared.clone();
    let answer = net.runtime().spawn(async move { sender.send_request(request).await });
    until("the request is open", || (leases(gateway, &one.name) == 1).then_some(()));
    let run = gateway.cli(&["suspend", "agent", &one.name]).ok();
    assert_eq!(closed(&run), Closed { streams: 1, connections: 0 }, "{run}");
    assert_eq!(leases(gateway, &one.name), 0);
    configmap(&namespace, "afterwards");
    goes_on.shows("afterwards");
    let answer = net.runtime().block_on(answer).unwrap();
    assert!(answer.is_err() || answer.as_ref().is_ok_and(|answer| answer.status() == 503), "{answer:?}");
}
