//! A watch over WebSocket: its events would pass as frames that nobody looks into.

use super::caller::Caller;

const LABELLED: &str = "
- name: see-shared
  verbs: [get, list, watch]
  apiGroups: ['']
  resources: [pods]
  when: object.metadata.labels.shared == 'yes'
- {name: free, verbs: [watch], apiGroups: [''], resources: [configmaps]}";

const WEBSOCKET: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[test]
fn a_watch_whose_objects_are_looked_at_does_not_change_its_protocol() {
    let caller = Caller::within("upgraded-watch", LABELLED);
    for protocol in ["", "base64.binary.k8s.io", "v4.channel.k8s.io"] {
        let named = [("Sec-WebSocket-Protocol", protocol)];
        let headers = [&WEBSOCKET[..], if protocol.is_empty() { &[] } else { &named }].concat();
        for query in ["watch=1", "watch=true&resourceVersion=0", "watch=1&fieldSelector=metadata.name%3Dx"] {
            let path = format!("/api/v1/namespaces/{{ns}}/pods?{query}");
            let got = caller.call("GET", &path, &headers, "");
            assert_eq!((got.status, got.reason().as_str()), (400, "ambiguous"), "{protocol} {query}");
        }
    }
    let upgraded = |event: &String| event.starts_with("watch") && event.contains("/pods");
    assert!(!caller.arrived().iter().any(upgraded), "{:?}", caller.arrived());
}
