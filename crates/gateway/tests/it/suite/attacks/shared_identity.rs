//! One identity for many agents: the copies of an agent are told apart, shown, counted and bounded.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::wire;
use super::caller::{CONTROL, Caller, gateway, hear, request};
use super::forge::Key;

/// Applies the caller's agent again, with a second key and a bound on its copies.
fn bound(caller: &Caller, second: &Key, instances: &str) {
    let public = |key: &Key| STANDARD.encode(key.public());
    let own = public(&Key::of(&caller.agent));
    let manifest = format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {}}}\n\
         spec: {{owner: me, purpose: test, identities: [{{key: {{publicKey: \"ed25519:{}\"}}}}, \
         {{key: {{publicKey: \"ed25519:{}\"}}}}], instances: {instances}}}\n",
        caller.agent.name,
        own,
        public(second),
    );
    gateway().apply(&manifest).ok();
}

/// The answer to the control request with a key's certificate.
fn with(caller: &Caller, key: &Key) -> wire::Answer {
    let text =
        caller.fill(&request("GET", CONTROL, &[], "").replace("Authorization: Bearer {token}\r\n", ""));
    let mut tls = wire::connect(gateway(), Some(&key.certificate(-60, 600)), &[b"http/1.1"]);
    tls.write_all(text.as_bytes()).unwrap();
    tls.flush().unwrap();
    hear(&mut tls).unwrap()
}

fn instances(caller: &Caller) -> Vec<Value> {
    let shown = gateway().cli(&["get", "agent", &caller.agent.name, "-o", "json"]).ok().stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    shown["status"]["instances"].as_array().unwrap().clone()
}

#[test]
fn a_copy_beyond_the_bound_is_refused_where_the_owner_says_so_and_told_otherwise() {
    let caller = Caller::within("copies", "");
    let (own, second) = (Key::of(&caller.agent), Key::fresh());
    bound(&caller, &second, "{max: 1, enforce: true}");
    assert_eq!(with(&caller, &own).status, 200);
    let refused = with(&caller, &second);
    assert_eq!((refused.status, refused.reason().as_str()), (403, "too-many-instances"));
    assert!(refused.message().contains("may run in 1 copies at once"), "{}", refused.message());
    assert_eq!(with(&caller, &own).status, 200, "the copy that runs goes on");
    assert_eq!(instances(&caller).len(), 1);

    bound(&caller, &second, "{max: 1}");
    assert_eq!(with(&caller, &second).status, 200);
    let told = |row: &Value| row["event"] == "instances" && row["what"]["running"] == 2;
    gateway().recorded(&["--agent", &caller.agent.name], told);
    let shown = instances(&caller);
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|one| one["name"].as_str().unwrap().starts_with("key SHA256:")), "{shown:?}");
    let wide = gateway().cli(&["get", "agent", &caller.agent.name, "-o", "wide"]).ok().stdout;
    assert!(wide.contains("key SHA256:"), "{wide}");
    gateway().recorded(&["--agent", &caller.agent.name], |row| {
        row["outcome"]["result"] == "answered" && row["request"]["instance"] == shown[0]["name"]
    });
}
