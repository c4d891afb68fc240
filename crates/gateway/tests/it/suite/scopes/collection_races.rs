//! What changes while a collection is deleted object by object: objects, and the agent's standing. The
//! cluster is a fake one, which can wait; what a real one says of a stale precondition is asked of a real
//! one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::attacks::fake::{Asked, Fake, Reply, answer};
use super::super::wire::{self, Answer};
use super::super::world;
use super::completed_jobs::{CLEANER, complete, job};
use super::{live as live_in, there};

const SWEEPER: &str = "
- name: sweep
  verbs: [deletecollection]
  apiGroups: ['']
  resources: [configmaps]
  when: oldObject.data.done == 'yes'";

const ALL: &str = "/api/v1/namespaces/ns/configmaps";

const JSON: &str = "Content-Type: application/json\r\n";

fn say(value: &Value) -> Reply {
    Reply::Say(answer("200 OK", JSON, &value.to_string()))
}

fn status(code: u16, reason: &str, message: &str) -> Reply {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message,
    });
    Reply::Say(answer(&format!("{code} {reason}"), JSON, &body.to_string()))
}

/// A page with objects of these names.
fn page<'a>(names: impl IntoIterator<Item = &'a str>) -> Reply {
    let items: Vec<Value> =
        names.into_iter().map(|name| json!({ "metadata": { "name": name, "namespace": "ns" } })).collect();
    say(&json!({ "kind": "PartialObjectMetadataList", "metadata": {}, "items": items }))
}

fn live(name: &str, uid: &str, done: &str) -> Reply {
    let metadata = json!({ "name": name, "namespace": "ns", "uid": uid, "resourceVersion": "7" });
    say(&json!({ "kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": { "done": done } }))
}

fn is_list(asked: &Asked) -> bool {
    asked.line.starts_with("GET") && asked.line.contains("limit=")
}

fn sweep(fake: &Fake, rules: &str) -> Answer {
    let agent = fake.agent(rules);
    wire::call(&fake.gateway, &agent, "DELETE", ALL, &[], b"")
}

/// The writes that came: what they are bound to.
fn bound(fake: &Fake) -> Vec<Value> {
    let asked = fake.asked();
    let writes = asked.iter().filter(|one| !one.line.starts_with("GET"));
    writes.map(|one| serde_json::from_str::<Value>(&one.body).unwrap()["preconditions"].clone()).collect()
}

#[test]
fn an_object_that_another_one_replaced_meanwhile_is_looked_at_again_and_stays() {
    let replaced = "Operation cannot be fulfilled on ConfigMap \"x\": the UID in the precondition (u-1) does not match \
                    the UID in record (u-2). The object might have been deleted and then recreated";
    let fake = Fake::start("", move |asked, before| match (is_list(asked), asked.line.starts_with("GET")) {
        (true, _) => page(["x"]),
        (false, true) if before < 2 => live("x", "u-1", "yes"),
        (false, true) => live("x", "u-2", "no"),
        (false, false) => status(409, "Conflict", replaced),
    });
    let got = sweep(&fake, SWEEPER);
    assert_eq!((got.status, got.message().as_str()), (200, "0 objects deleted"), "{got:?}");
    assert_eq!(bound(&fake), [json!({ "uid": "u-1", "resourceVersion": "7" })]);
}

/// What the API server answers to the cluster's owner, as far as the gateway looks at it.
fn real(method: &str, path: &str, body: &str) -> Reply {
    let run = match method {
        "GET" => world().admin(&["get", "--raw", path]),
        _ => world().admin_with(&["delete", "--raw", path, "-f", "-"], body.as_bytes()),
    };
    if run.code == Some(0) {
        return Reply::Say(answer("200 OK", JSON, &run.stdout));
    }
    match run.stderr.split_once("(Conflict): ") {
        Some((_, message)) => status(409, "Conflict", message.trim()),
        None => panic!("{method} {path}: {run}"),
    }
}

#[test]
fn a_completed_job_that_a_running_one_of_its_name_replaces_before_the_delete_is_not_deleted() {
    let namespace = world().namespace("swap");
    there(&namespace, &job("x"));
    complete(&namespace, "x");
    let (inside, outside) = (String::from("/namespaces/ns/"), format!("/namespaces/{namespace}/"));
    let (ours, theirs) = ("\"namespace\":\"ns\"", format!("\"namespace\":\"{namespace}\""));
    let swapped = AtomicBool::new(false);
    let real_namespace = namespace.clone();
    let fake = Fake::start("", move |asked, _| {
        let (method, path) = asked.line.split_once(' ').unwrap();
        let reply = match real(method, &path.replace(&inside, &outside), &asked.body) {
            Reply::Say(text) => {
                let body = text.split_once("\r\n\r\n").unwrap().1.replace(&theirs, ours);
                let head = text.lines().next().unwrap().trim_start_matches("HTTP/1.1 ");
                Reply::Say(answer(head, JSON, &body))
            }
            other => other,
        };
        // Behind the gateway's look and before its delete.
        if path.ends_with("/x") && method == "GET" && !swapped.swap(true, Ordering::SeqCst) {
            let delete = ["delete", "job", "x", "--cascade=background", "--wait=true"];
            world().admin(&[&["-n", &real_namespace][..], &delete].concat()).ok();
            there(&real_namespace, &job("x"));
        }
        reply
    });
    let agent = fake.agent(CLEANER);
    let path = "/apis/batch/v1/namespaces/ns/jobs?propagationPolicy=Background";
    let got = wire::call(&fake.gateway, &agent, "DELETE", path, &[], b"");
    assert_eq!((got.status, got.message().as_str()), (200, "0 objects deleted"), "{got:?}");
    assert_eq!(bound(&fake).len(), 1, "it was tried, and the API server said no");
    assert!(live_in(&namespace, "job", "x").is_some());
}

#[test]
fn an_object_that_never_rests_is_tried_three_times_and_ends_the_collection_with_a_conflict() {
    let changed = "Operation cannot be fulfilled on ConfigMap \"x\": the ResourceVersion in the precondition (7) does \
                   not match the ResourceVersion in record (8). The object might have been modified";
    let fake = Fake::start("", move |asked, _| match (is_list(asked), asked.line.starts_with("GET")) {
        (true, _) => page(["x"]),
        (false, true) => live("x", "u-1", "yes"),
        (false, false) => status(409, "Conflict", changed),
    });
    let got = sweep(&fake, SWEEPER);
    assert_eq!((got.status, got.reason().as_str()), (409, "moved"), "{got:?}");
    assert_eq!(bound(&fake).len(), 3);
}

#[test]
fn what_a_real_api_server_says_of_a_stale_precondition_is_known_to_be_about_what_we_bound() {
    let namespace = world().namespace("stale");
    let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" } });
    there(&namespace, &object);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/x");
    for (precondition, words) in [
        (json!({ "uid": "11111111-2222-3333-4444-555555555555" }), "the UID in the precondition"),
        (json!({ "resourceVersion": "1" }), "the ResourceVersion in the precondition"),
    ] {
        let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": precondition });
        let delete = ["delete", "--raw", &path, "-f", "-"];
        world().admin_with(&delete, options.to_string().as_bytes()).fails_with(words);
    }
}

#[test]
fn what_is_gone_already_is_no_fault_and_any_other_answer_ends_it_and_is_passed_on() {
    let fake = Fake::start("", |asked, _| match (is_list(asked), asked.line.starts_with("GET")) {
        (true, _) => page(["gone", "kept"]),
        (false, true) if asked.line.ends_with("/gone") => live("gone", "u-1", "yes"),
        (false, true) => live("kept", "u-2", "yes"),
        (false, false) if asked.line.ends_with("/gone") => status(404, "NotFound", "no"),
        (false, false) => status(422, "Invalid", "a webhook said no"),
    });
    let got = sweep(&fake, SWEEPER);
    assert_eq!((got.status, got.reason().as_str()), (422, "cluster-refused"), "{got:?}");
    let told = "nothing was deleted before the cluster answered with 422: a webhook said no";
    assert_eq!(got.message(), told);
    for (code, reason) in [(403, "Forbidden"), (410, "Expired"), (404, "NotFound"), (500, "InternalError")] {
        let fake = Fake::start("", move |_, _| status(code, reason, "no list for you"));
        let got = sweep(&fake, SWEEPER);
        assert_eq!(got.status, code, "{got:?}");
        assert!(got.message().ends_with("no list for you"), "{}", got.message());
        assert_eq!(fake.asked().len(), 1);
    }
}

#[test]
fn more_than_ten_thousand_objects_are_refused_before_anything_is_deleted() {
    let full = |from: usize| {
        let items: Vec<Value> = (0..100)
            .map(|number| json!({ "metadata": { "name": format!("n{}", from + number), "namespace": "ns" } }))
            .collect();
        say(&json!({ "metadata": { "continue": format!("c+{from}") }, "items": items }))
    };
    let fake = Fake::start("", move |_, before| full(before * 100));
    let got = sweep(&fake, SWEEPER);
    assert_eq!((got.status, got.reason().as_str()), (413, "too-many-objects"), "{got:?}");
    let asked = fake.asked();
    assert_eq!((asked.len(), bound(&fake).len()), (100, 0));
    assert!(asked[1].line.ends_with("?limit=100&continue=c%2B0"), "{}", asked[1].line);
}

#[test]
fn a_mask_keeps_selectors_from_telling_what_it_hides() {
    let rules = format!(
        "{SWEEPER}
- name: see
  verbs: [get, list]
  apiGroups: ['']
  resources: [configmaps]
  mask: ['metadata.labels.secret']"
    );
    let fake = Fake::start("", |_, _| page([]));
    let agent = fake.agent(&rules);
    let call = |query: &str| {
        wire::call(&fake.gateway, &agent, "DELETE", &format!("{ALL}?labelSelector={query}"), &[], b"")
    };
    let got = call("secret%3Da");
    assert_eq!((got.status, got.reason().as_str()), (403, "mask"), "{got:?}");
    assert_eq!(fake.asked().len(), 0);
    assert_eq!(call("other%3Da").status, 200);
}

#[test]
fn a_suspension_in_the_middle_stops_it_and_the_record_says_how_far_it_came() {
    let names: Vec<String> = (0..60).map(|number| format!("x{number}")).collect();
    let listed = names.clone();
    let (reached, is_reached) = channel();
    let (release, released) = channel::<()>();
    let (reached, released) = (Mutex::new(reached), Mutex::new(released));
    let fake = Fake::start("", move |asked, _| {
        if is_list(asked) {
            return page(listed.iter().map(String::as_str));
        }
        let name = asked.line.rsplit('/').next().unwrap_or_default().to_owned();
        if asked.line.starts_with("GET") {
            return live(&name, &format!("u-{name}"), "yes");
        }
        if name.trim_start_matches('x').parse::<usize>().unwrap() >= 9 {
            reached.lock().unwrap_or_else(PoisonError::into_inner).send(()).ok();
            // Until the suspension is over, or the test is.
            released.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
        }
        status(404, "NotFound", "gone")
    });
    let agent = fake.agent(SWEEPER);
    let token = agent.token(&fake.gateway.url());
    let head = format!(
        "DELETE /clusters/local{ALL} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
        fake.gateway.address()
    );
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut tls = wire::connect(&fake.gateway, None, &[b"http/1.1"]);
            std::io::Write::write_all(&mut tls, head.as_bytes()).unwrap();
            // It is cut: there may be no answer.
            drop(std::io::Read::read(&mut tls, &mut [0; 1024]));
        });
        is_reached.recv_timeout(Duration::from_secs(30)).expect("the tenth is deleted");
        fake.gateway.cli(&["suspend", "agent", &agent.name]).ok();
        let before = bound(&fake).len();
        drop(release);
        assert!((10..14).contains(&before), "{before}");
        let whole = fake.gateway.recorded(&["--agent", &agent.name], |row| {
            row["part"] == "outcome" && row["request"]["verb"] == "deletecollection"
        });
        assert_eq!(whole["outcome"]["result"], "cut", "{whole:#}");
        assert!(whole["objects"]["gone"].as_u64().is_some_and(|gone| gone >= 6), "{whole:#}");
        assert_eq!(bound(&fake).len(), before, "nothing is sent after the suspension");
    });
}
