//! Exec of given commands in labelled pods, and logs of failed pods: nothing else of the same verbs.

use drawbridge_testkit::{Agent, run};

use super::super::streams::live::Live;
use super::super::streams::pod::Pod;
use super::super::streams::{WAYS, Way};
use super::super::wire;
use crate::suite::world;

const EXEC: &str = "
- {name: see, verbs: [get, list], apiGroups: [''], resources: [pods]}
- name: read-the-log
  verbs: [create]
  apiGroups: ['']
  resources: [pods/exec, pods/attach]
  when: >-
    object.command == ['cat', 'app.log'] && !object.tty && !object.stdin
    && object.container == 'main' && oldObject.metadata.labels.enter == 'yes'";

const LOGS: &str = "
- name: failed
  verbs: [get]
  apiGroups: ['']
  resources: [pods/log]
  when: oldObject.status.phase == 'Failed'";

const WEBSOCKET: [(&str, &str); 5] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Protocol", "v5.channel.k8s.io"),
];

const SPDY: [(&str, &str); 3] =
    [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", "v4.channel.k8s.io")];

/// A pod that may be entered, if it is labelled.
#[track_caller]
fn pod(namespace: &str, label: Option<&str>) -> Pod {
    let pod = Pod::start(namespace);
    if let Some(label) = label {
        world().admin(&["-n", namespace, "label", "pod", &pod.name, label]).ok();
    }
    for file in ["app.log", "secret.log"] {
        pod.append(file, &format!("content of {file}"));
    }
    pod
}

/// What of this agent's was opened in pods.
fn opened(agent: &Agent, subresource: &str) -> Vec<String> {
    let word = format!("/{subresource}?");
    let mut uris: Vec<String> = world()
        .audit()
        .of_agent(&agent.name)
        .iter()
        .map(|event| event.uri().to_owned())
        .filter(|uri| uri.contains(&word))
        .collect();
    uris.dedup();
    uris
}

#[test]
fn exec_runs_the_given_command_in_labelled_pods_and_nothing_else() {
    let world = world();
    let namespace = world.namespace("exec-scope");
    let (open, shut) = (pod(&namespace, Some("enter=yes")), pod(&namespace, Some("enter=no")));
    let bare = pod(&namespace, None);
    let agent = world.agent("reader", EXEC, &[&namespace]);
    for way in WAYS {
        let arguments = ["exec", &open.name, "-c", "main", "--", "cat", "app.log"];
        let done = run(&mut way.kubectl(&agent, &open, &arguments), b"");
        assert_eq!((done.code, done.stdout.as_str()), (Some(0), "content of app.log\n"), "{way:?}: {done}");
    }
    let allowed = opened(&agent, "exec").len();
    assert!(allowed >= 1, "the audit log shows what was opened");
    let name = open.name.as_str();
    let commands: [&[&str]; 9] = [
        &["exec", name, "-c", "main", "--", "cat", "secret.log"],
        &["exec", name, "-c", "main", "--", "cat", "app.log", "secret.log"],
        &["exec", name, "-c", "main", "--", "cat"],
        &["exec", name, "-c", "main", "--", "sh", "-c", "cat app.log"],
        &["exec", "-i", name, "-c", "main", "--", "cat", "app.log"],
        &["exec", name, "-c", "flood", "--", "cat", "app.log"],
        &["attach", name, "-c", "main"],
        &["exec", &shut.name, "-c", "main", "--", "cat", "app.log"],
        &["exec", &bare.name, "-c", "main", "--", "cat", "app.log"],
    ];
    for way in WAYS {
        for arguments in commands {
            let done = run(&mut way.kubectl(&agent, &open, arguments), b"");
            assert_ne!(done.code, Some(0), "{way:?} {arguments:?}: {done}");
            assert!(done.stderr.contains("read-the-log"), "{way:?} {arguments:?}: {done}");
            assert_eq!(done.stdout, "", "{way:?} {arguments:?}");
        }
    }
    assert_eq!(opened(&agent, "exec").len(), allowed);
    assert_eq!(opened(&agent, "attach"), [""; 0]);
}

#[test]
fn no_spelling_of_an_exec_s_options_gets_past_a_condition_on_them() {
    let world = world();
    let namespace = world.namespace("exec-attack");
    let pod = pod(&namespace, Some("enter=yes"));
    let agent = world.agent("attacker", EXEC, &[&namespace]);
    let good = "container=main&command=cat&command=app.log&stdout=true";
    let queries = [
        format!("{good}&tty"),
        format!("{good}&tty="),
        format!("{good}&tty=TRUE"),
        format!("{good}&tty=off"),
        format!("{good}&%74ty=1"),
        format!("{good}&stdin="),
        format!("{good}&stdin=no"),
        format!("{good}&command="),
        format!("{good}&command"),
        format!("{good}&command=secret.log"),
        format!("{good}&%63ommand=secret.log"),
        format!("command=&{good}"),
        format!("command=sh&{good}"),
        "container=main&command=app.log&command=cat&stdout=true".to_owned(),
        "container=main&command=cat%20app.log&stdout=true".to_owned(),
        "container=main&command=cat&command=app.log%0Asecret.log&stdout=true".to_owned(),
        "container=main&stdout=true".to_owned(),
        "command=cat&command=app.log&stdout=true".to_owned(),
        "container=&command=cat&command=app.log&stdout=true".to_owned(),
        "Container=main&command=cat&command=app.log&stdout=true".to_owned(),
        "container=flood&command=cat&command=app.log&stdout=true".to_owned(),
        "container=debugger&command=cat&command=app.log&stdout=true".to_owned(),
    ];
    for query in &queries {
        for (method, headers) in [("GET", &WEBSOCKET[..]), ("POST", &SPDY), ("GET", &SPDY), ("POST", &[])] {
            let path = pod.path(&format!("exec?{query}"));
            let got = wire::call(world.gateway(), &agent, method, &path, headers, b"");
            assert_eq!((got.status, got.reason().as_str()), (403, "condition"), "{method} {query}");
        }
    }
    // What a reader could take for one or the other isn't read at all.
    for query in ["container=main&container=flood", "tty=0&tty=1", "command=a;b"] {
        let path = pod.path(&format!("exec?{good}&{query}"));
        assert_eq!(wire::call(world.gateway(), &agent, "GET", &path, &WEBSOCKET, b"").status, 400, "{query}");
    }
    // attach has no command, whatever its query says.
    for query in [good, "container=main&command=cat&command=app.log&stdout=1&stdin=0"] {
        let path = pod.path(&format!("attach?{query}"));
        let got = wire::call(world.gateway(), &agent, "GET", &path, &WEBSOCKET, b"");
        assert_eq!((got.status, got.reason().as_str()), (403, "condition"), "{query}");
    }
    assert_eq!(opened(&agent, "exec"), [""; 0]);
    assert_eq!(opened(&agent, "attach"), [""; 0]);
}

#[test]
fn logs_are_read_of_failed_pods_only_and_others_are_as_if_they_were_not_there() {
    let world = world();
    let namespace = world.namespace("log-scope");
    let pod = Pod::start(&namespace);
    pod.log("the reason");
    let blind = world.agent("blind", LOGS, &[&namespace]);
    let see = "\n- {name: see, verbs: [get, list], apiGroups: [''], resources: [pods]}";
    let seeing = world.agent("seeing", &format!("{LOGS}{see}"), &[&namespace]);
    let path = pod.path("log?container=main");
    let ask = |agent: &Agent| wire::get(world.gateway(), agent, &path);
    let none = |name: &str| format!("pods {name:?} not found");
    assert_eq!((ask(&seeing).status, ask(&seeing).reason().as_str()), (403, "condition"));
    assert_eq!((ask(&blind).status, ask(&blind).message()), (404, none(&pod.name)));
    let absent = path.replace(&pod.name, "nobody");
    let got = wire::get(world.gateway(), &blind, &absent);
    assert_eq!((got.status, got.message()), (404, none("nobody")), "nobody can tell one from the other");
    let row = world.gateway().recorded(&["--agent", &blind.name], |row| {
        row["part"] == "outcome" && row["request"]["name"] == pod.name.as_str()
    });
    assert_eq!(row["outcome"]["reason"], "condition", "the record has the true reason: {row:#}");
    assert_eq!(opened(&seeing, "log"), [""; 0]);
    assert_eq!(opened(&blind, "log"), [""; 0]);

    let failed = ["-n", &namespace, "patch", "pod", &pod.name, "--subresource=status", "--type=merge", "-p"];
    world.admin(&[&failed[..], &["{\"status\":{\"phase\":\"Failed\"}}"]].concat()).ok();
    let done = seeing.kubectl(&["-n", &namespace, "logs", &pod.name, "-c", "main"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "the reason\n"), "{done}");
    assert_eq!(ask(&blind).status, 200);
    let follow = ["logs", "-f", &pod.name, "-c", "main"];
    let mut follow = Live::start(Way::WebSocket.kubectl(&seeing, &pod, &follow));
    follow.shows("the reason\n");
    pod.log("one thing more");
    follow.shows("one thing more\n");
}
