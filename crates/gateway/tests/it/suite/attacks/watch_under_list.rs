//! `?watch=…` under rules that only say `list`.

use super::caller::Caller;

const LIST: &str = "
- {name: list, verbs: [list, get], apiGroups: [''], resources: [configmaps]}";

#[test]
fn no_spelling_of_watch_makes_a_stream_of_a_list() {
    let caller = Caller::within("watch", LIST);
    let path = "/api/v1/namespaces/{ns}/configmaps";
    for query in [
        "watch=1",
        "watch=true",
        "watch=TRUE",
        "watch=True",
        "watch=t",
        "watch=T",
        "watch=yes",
        "watch=on",
        "watch=2",
        "watch=-1",
        "watch",
        "watch=",
        "watch=%20true",
        "watch=true%20",
        "watch=%31",
        "w%61tch=1",
        "watch=0x1",
        "watch=false%0a",
        "watch=1&fieldSelector=metadata.name%3Dcontrol",
        "watch=1&limit=1",
        "watch=1&timeoutSeconds=1",
        "limit=x&watch=1",
        "labelSelector=%3D&watch=1",
        "resourceVersion=0&watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    ] {
        let answer = caller.get(&format!("{path}?{query}"));
        assert!([400, 403].contains(&answer.status), "{query}: {}", answer.status);
        let answer = caller.get(&format!("{path}/control?{query}"));
        // On one object there is nothing to watch; other keys mean nothing there.
        assert!([400, 403].contains(&answer.status), "{query} on an object: {}", answer.status);
    }
    // Another key is another key, to Go as to us.
    for query in ["watch=0", "watch=false", "watch=FALSE", "Watch=1", "allowWatchBookmarks=true"] {
        let answer = caller.get(&format!("{path}?{query}"));
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(answer.json()["kind"], "ConfigMapList", "{query}");
    }
    let arrived = caller.arrived();
    assert_eq!(arrived.len(), 5, "{arrived:?}");
    assert!(arrived.iter().all(|line| line.starts_with("list ")), "{arrived:?}");
}
