//! A watch over a WebSocket, where what is shown must be looked at: a tunnel would carry everything.

use super::caller::{Caller, config_map};

const LABELLED: &str = "
- name: labelled
  verbs: [get, list, watch]
  apiGroups: ['']
  resources: [configmaps]
  when: object.metadata.labels.shared == 'yes'";

const PLAIN: &str = "
- {name: all, verbs: [get, list, watch], apiGroups: [''], resources: [configmaps]}";

const UPGRADE: [(&str, &str); 5] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Protocol", "binary.k8s.io"),
];

#[test]
fn a_websocket_carries_no_watch_past_a_condition() {
    let caller = Caller::within("websocket", LABELLED);
    config_map(&caller.namespace, "hidden");
    let path = "/api/v1/namespaces/{ns}/configmaps?watch=1";
    let answer = caller.call("GET", path, &UPGRADE, "");
    assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(caller.arrived(), [""; 0]);
    // The control: without a condition it reaches the cluster, which wants an Origin that it never gets.
    let plain = Caller::within("websocket", PLAIN);
    assert_eq!(plain.call("GET", path, &UPGRADE, "").status, 403);
    assert_eq!(plain.arrived(), [plain.fill(&format!("watch {path}"))]);
}
