//! Exec, attach and port-forward by GET (as WebSocket clients do) and by POST: both need `create`.

use super::caller::Caller;

/// Before Kubernetes 1.35 this was enough to run a command in every pod.
const READ_EVERYTHING: &str = "
- {name: read, verbs: [get, list, watch], apiGroups: ['*'], resources: ['*']}
- name: read-exactly
  verbs: [get, list, watch]
  apiGroups: ['']
  resources: [pods, pods/log, pods/exec, pods/attach, pods/portforward]";

const CONNECT: &str = "
- name: enter
  verbs: [create]
  apiGroups: ['']
  resources: [pods/exec, pods/attach, pods/portforward]
  acknowledge: [exec]";

const PATHS: [&str; 5] = [
    "/api/v1/namespaces/{ns}/pods/none/exec?command=sh&stdin=true&stdout=true&tty=true",
    "/api/v1/namespaces/{ns}/pods/none/attach?stdin=true",
    "/api/v1/namespaces/{ns}/pods/none/portforward?ports=80",
    "/api/v1/namespaces/{ns}/pods/none/exec/?command=sh",
    "/api/v1/namespaces/{ns}/pods/none/exec/more?command=sh",
];

const WEBSOCKET: [(&str, &str); 5] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Protocol", "v5.channel.k8s.io"),
];

const SPDY: [(&str, &str); 3] =
    [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", "v4.channel.k8s.io")];

#[test]
fn rules_that_only_say_get_open_no_connection_into_a_pod() {
    let caller = Caller::within("enter", READ_EVERYTHING);
    for path in PATHS {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            for headers in [&[][..], &WEBSOCKET, &SPDY] {
                let answer = caller.call(method, path, headers, "");
                assert!([400, 403].contains(&answer.status), "{method} {path}: {}", answer.status);
            }
        }
        // Its answer has no body to wait for.
        let answer = caller.call("HEAD", path, &[("Connection", "close")], "");
        assert!([400, 403].contains(&answer.status), "HEAD {path}: {}", answer.status);
    }
    for socket in ["true", "false"] {
        for arguments in
            [&["exec", "none", "--", "id"][..], &["attach", "none", "-i"], &["port-forward", "none", ":80"]]
        {
            let mut command = caller.agent.command(&["-n", &caller.namespace]);
            command.args(arguments).env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", socket);
            command.env("KUBECTL_PORT_FORWARD_WEBSOCKETS", socket);
            assert_ne!(drawbridge_testkit::run(&mut command, b"").code, Some(0), "{arguments:?}");
        }
    }
    let arrived = caller.arrived();
    let entered = ["/exec", "/attach", "/portforward"];
    assert!(!arrived.iter().any(|line| entered.iter().any(|word| line.contains(word))), "{arrived:?}");
    assert_eq!(caller.get("/api/v1/namespaces/{ns}/pods").status, 200);
}

#[test]
fn a_rule_that_says_create_opens_them_by_either_method() {
    let caller = Caller::within("enter", CONNECT);
    let path = "/api/v1/namespaces/{ns}/pods/none/exec?command=true&stdout=true";
    for (method, headers) in [("GET", &WEBSOCKET[..]), ("POST", &SPDY)] {
        let answer = caller.call(method, path, headers, "");
        // There is no such pod: the API server says so, not the gateway.
        assert_eq!(answer.status, 404, "{method}: {}", answer.message());
        assert_eq!(answer.reason(), "", "{method}");
    }
    let uri = caller.fill(path);
    assert_eq!(caller.arrived(), [format!("get {uri}"), format!("create {uri}")]);
    assert_eq!(caller.get("/api/v1/namespaces/{ns}/pods").status, 403);
}
