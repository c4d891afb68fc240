//! A pod that is replaced by another of its name between the gateway's look at it and the opening: what
//! opens then is not passed on, either way.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::super::wire::{self, Answer};
use super::fake::{Fake, Reply, answer};

const RULES: &str = "
- name: enter
  verbs: [create, get]
  apiGroups: ['']
  resources: [pods/exec, pods/attach, pods/portforward, pods/log]
  acknowledge: [exec]
  when: oldObject.metadata.labels.enter == 'yes'";

const POD: &str = "/api/v1/namespaces/ns/pods/p";

const WEBSOCKET: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

const SPDY: [(&str, &str); 2] = [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1")];

/// Said by whatever was opened.
const SAID: &str = "what the other pod says";

fn pod(uid: &str) -> Reply {
    let pod = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": { "name": "p", "uid": uid, "resourceVersion": "7", "labels": { "enter": "yes" } },
    });
    Reply::Say(answer("200 OK", "Content-Type: application/json\r\n", &pod.to_string()))
}

fn status(code: &str) -> Reply {
    Reply::Say(answer(
        code,
        "Content-Type: application/json\r\n",
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\"}",
    ))
}

/// What the pod answers at the second look.
#[derive(Clone, Copy)]
enum Then {
    Same,
    Another,
    Gone,
    Forbidden,
    Broken,
}

fn cluster(then: Then) -> Fake {
    let looks = AtomicUsize::new(0);
    Fake::start("", move |asked, _| {
        let of = |name: &str| asked.line.contains(&format!("/pods/p/{name}"));
        if of("log") {
            return Reply::Say(answer("200 OK", "Content-Type: text/plain\r\n", SAID));
        }
        if of("exec") || of("attach") || of("portforward") {
            let protocol =
                if asked.head.to_ascii_lowercase().contains("spdy") { "SPDY/3.1" } else { "websocket" };
            let head = format!("Connection: Upgrade\r\nUpgrade: {protocol}\r\n");
            return Reply::Break(format!("HTTP/1.1 101 Switching Protocols\r\n{head}\r\n{SAID}"));
        }
        let first = looks.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        match then {
            _ if first => pod("u-1"),
            Then::Same => pod("u-1"),
            Then::Another => pod("u-2"),
            Then::Gone => status("404 Not Found"),
            Then::Forbidden => status("403 Forbidden"),
            Then::Broken => status("500 Internal Server Error"),
        }
    })
}

/// A method, a path and headers.
type WayIn = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const WAYS_IN: [WayIn; 7] = [
    ("GET", "exec?command=id&stdout=1", &WEBSOCKET),
    ("POST", "exec?command=id&stdout=1", &SPDY),
    ("GET", "attach?stdout=1", &WEBSOCKET),
    ("POST", "portforward", &SPDY),
    ("GET", "portforward?ports=80", &WEBSOCKET),
    ("GET", "log", &[]),
    ("GET", "log?follow=true", &[]),
];

fn said(answer: &Answer) -> bool {
    String::from_utf8_lossy(&answer.body).contains(SAID)
}

#[test]
fn what_opens_in_another_pod_of_the_same_name_is_not_passed_on() {
    for (then, code, reason) in [
        (Then::Another, 409, "replaced"),
        (Then::Gone, 409, "replaced"),
        (Then::Forbidden, 409, "replaced"),
        (Then::Broken, 504, "cluster"),
    ] {
        let fake = cluster(then);
        let agent = fake.agent(RULES);
        for (method, path, headers) in WAYS_IN {
            let got = wire::call(&fake.gateway, &agent, method, &format!("{POD}/{path}"), headers, b"");
            assert_eq!((got.status, got.reason().as_str()), (code, reason), "{method} {path}");
            assert!(!said(&got), "{method} {path}");
            let id = got.header("audit-id").unwrap().to_owned();
            let row = fake.gateway.recorded(&["--agent", &agent.name], |row| {
                row["part"] == "outcome" && row["request"]["request"] == id.as_str()
            });
            assert_eq!(row["bytesToCaller"], 0, "{row:#}");
            assert_eq!(row["sent"], "yes", "{row:#}");
            assert_ne!(row["outcome"]["result"], Value::from("answered"), "{row:#}");
        }
    }
}

#[test]
fn what_opens_in_the_pod_that_was_looked_at_is_passed_on_after_a_second_look() {
    let fake = cluster(Then::Same);
    let agent = fake.agent(RULES);
    let got = wire::call(&fake.gateway, &agent, "GET", &format!("{POD}/log"), &[], b"");
    assert_eq!(got.status, 200);
    assert!(said(&got));
    let story: Vec<String> = fake.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(story, [format!("GET {POD}"), format!("GET {POD}/log"), format!("GET {POD}")]);
    for (method, path, headers) in WAYS_IN.into_iter().filter(|(_, _, headers)| !headers.is_empty()) {
        let got = wire::call(&fake.gateway, &agent, method, &format!("{POD}/{path}"), headers, b"");
        assert_eq!(got.status, 101, "{method} {path}");
    }
}

#[test]
fn without_a_condition_on_the_pod_nobody_looks_at_it() {
    let fake = cluster(Then::Another);
    let agent = fake.agent("\n- {name: log, verbs: [get], apiGroups: [''], resources: [pods/log]}");
    assert_eq!(wire::get(&fake.gateway, &agent, &format!("{POD}/log")).status, 200);
    assert_eq!(fake.asked().len(), 1);
}
