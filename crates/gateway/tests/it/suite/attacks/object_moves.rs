//! An object that is deleted and made anew between the gateway's look at it and the write: the write is bound
//! to the one that was looked at, and what then happens is decided again.

use serde_json::{Value, json};

use super::super::wire::{self, Answer};
use super::fake::{Fake, Reply, answer};

const WRITE: &str = "
- {name: write, verbs: [update, patch], apiGroups: [''], resources: [configmaps]}";

const PATH: &str = "/api/v1/namespaces/ns/configmaps/x";

const JSON: &str = "Content-Type: application/json\r\n";

fn live(uid: &str) -> Reply {
    let object = json!({
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": { "name": "x", "uid": uid, "resourceVersion": "7" },
    });
    Reply::Say(answer("200 OK", JSON, &object.to_string()))
}

fn status(code: u16, reason: &str, message: &str) -> Reply {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message,
    });
    Reply::Say(answer(&format!("{code} {reason}"), JSON, &body.to_string()))
}

fn moved() -> Reply {
    let message = "Operation cannot be fulfilled on configmaps \"x\": Precondition failed: UID in precondition: u-1, \
                   UID in object meta: u-2";
    status(409, "Conflict", message)
}

/// What an API server answers to an apply with another object's uid.
fn moved_under_an_apply() -> Reply {
    let uid =
        json!({ "reason": "FieldValueInvalid", "field": "metadata.uid", "message": "field is immutable" });
    let body = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": 422,
        "reason": "Invalid",
        "message": "ConfigMap \"x\" is invalid: metadata.uid: Invalid value: \"u-1\": field is immutable",
        "details": { "name": "x", "kind": "ConfigMap", "causes": [uid] },
    });
    Reply::Say(answer("422 Unprocessable Entity", JSON, &body.to_string()))
}

fn write(fake: &Fake, method: &str, content_type: &str, uid: Option<&str>) -> Answer {
    let agent = fake.agent(WRITE);
    let mut object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" } });
    if let Some(uid) = uid {
        object["metadata"]["uid"] = json!(uid);
    }
    let headers = [("Content-Type", content_type)];
    let manager = if method == "PATCH" { "?fieldManager=x&force=true" } else { "" };
    let path = format!("{PATH}{manager}");
    wire::call(&fake.gateway, &agent, method, &path, &headers, object.to_string().as_bytes())
}

fn put(fake: &Fake, uid: Option<&str>) -> Answer {
    write(fake, "PUT", "application/json", uid)
}

fn apply(fake: &Fake, uid: Option<&str>) -> Answer {
    write(fake, "PATCH", "application/apply-patch+yaml", uid)
}

/// Each write that came, as the uid that it was bound to; each read as "look".
fn story(fake: &Fake) -> Vec<String> {
    let step = |body: &str| {
        let object: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        object["metadata"]["uid"].as_str().unwrap_or("unbound").to_owned()
    };
    let asked = fake.asked();
    asked
        .iter()
        .map(|one| if one.line.starts_with("GET") { "look".to_owned() } else { step(&one.body) })
        .collect()
}

#[test]
fn what_was_deleted_meanwhile_is_not_created_again() {
    let fake = Fake::start("", |asked, before| match (asked.line.starts_with("GET"), before) {
        (true, 0) => live("u-1"),
        (true, _) => status(404, "NotFound", "configmaps \"x\" not found"),
        (false, _) => moved(),
    });
    let got = put(&fake, None);
    assert_eq!((got.status, got.reason().as_str()), (403, "needs-create"), "{}", got.message());
    assert_eq!(story(&fake), ["look", "u-1", "look"]);
}

#[test]
fn what_was_made_anew_is_looked_at_again_and_written_as_what_it_is() {
    let fake = Fake::start("", |asked, before| match (asked.line.starts_with("GET"), before) {
        (true, 0) => live("u-1"),
        (true, _) => live("u-2"),
        (false, 1) => moved(),
        (false, _) => live("u-2"),
    });
    assert_eq!(put(&fake, None).status, 200);
    assert_eq!(story(&fake), ["look", "u-1", "look", "u-2"]);
}

#[test]
fn an_apply_to_what_was_made_anew_is_decided_again_too() {
    let fake = Fake::start("", |asked, before| match (asked.line.starts_with("GET"), before) {
        (true, 0) => live("u-1"),
        (true, _) => live("u-2"),
        (false, 1) => moved_under_an_apply(),
        (false, _) => live("u-2"),
    });
    assert_eq!(apply(&fake, None).status, 200);
    assert_eq!(story(&fake), ["look", "u-1", "look", "u-2"]);

    let gone = "uid mismatch: the provided object specified uid u-1, and no existing object was found";
    let fake = Fake::start("", move |asked, before| match (asked.line.starts_with("GET"), before) {
        (true, 0) => live("u-1"),
        (true, _) => status(404, "NotFound", "configmaps \"x\" not found"),
        (false, _) => status(409, "Conflict", gone),
    });
    let got = apply(&fake, None);
    assert_eq!((got.status, got.reason().as_str()), (403, "needs-create"), "{}", got.message());
    assert_eq!(story(&fake), ["look", "u-1", "look"]);

    // With a uid of the caller's own it is the caller's trouble.
    let fake =
        Fake::start(
            "",
            |asked, _| {
                if asked.line.starts_with("GET") { live("u-1") } else { moved_under_an_apply() }
            },
        );
    assert_eq!(apply(&fake, Some("mine")).status, 422);
    assert_eq!(story(&fake), ["mine"]);
}

#[test]
fn what_never_rests_ends_in_a_conflict_after_three_attempts() {
    let fake =
        Fake::start(
            "",
            |asked, before| {
                if asked.line.starts_with("GET") { live(&format!("u-{before}")) } else { moved() }
            },
        );
    let got = put(&fake, None);
    assert_eq!((got.status, got.reason().as_str()), (409, "moved"));
    assert_eq!(story(&fake), ["look", "u-0", "look", "u-2", "look", "u-4"]);
}

#[test]
fn a_conflict_of_the_caller_s_own_is_the_caller_s() {
    let other = "Operation cannot be fulfilled on configmaps \"x\": the object has been modified";
    for (uid, message) in
        [(Some("mine"), "UID in precondition: mine, UID in object meta: u-1"), (None, other)]
    {
        let fake = Fake::start("", move |asked, _| {
            if asked.line.starts_with("GET") { live("u-1") } else { status(409, "Conflict", message) }
        });
        let got = put(&fake, uid);
        assert_eq!((got.status, got.message().as_str()), (409, message));
        let writes: Vec<String> = story(&fake).into_iter().filter(|step| step != "look").collect();
        assert_eq!(writes, [uid.unwrap_or("u-1")]);
    }
}

#[test]
fn an_object_that_cannot_be_read_is_not_written() {
    for (code, reason) in
        [(403, "Forbidden"), (500, "InternalError"), (429, "TooManyRequests"), (410, "Gone")]
    {
        let fake = Fake::start("", move |asked, _| {
            if asked.line.starts_with("GET") { status(code, reason, "no") } else { live("u-1") }
        });
        let got = put(&fake, None);
        assert!([403, 503, 504].contains(&got.status), "{code}: {}", got.status);
        assert_eq!(story(&fake), ["look"], "{code}");
    }
    for body in [
        "{}",
        "[]",
        "",
        "{\"metadata\":{\"name\":\"x\"}}",
        "{\"metadata\":{\"uid\":\"\",\"resourceVersion\":\"\"}}",
    ] {
        let fake = Fake::start("", move |asked, _| {
            if asked.line.starts_with("GET") { Reply::Say(answer("200 OK", JSON, body)) } else { live("u-1") }
        });
        let got = put(&fake, None);
        assert!([403, 503, 504].contains(&got.status), "{body}: {}", got.status);
        assert_eq!(story(&fake), ["look"], "{body}");
    }
}
