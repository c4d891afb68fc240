//! Values that an agent may not see are hidden in every answer that carries them, and can't be found out.

use drawbridge_testkit::{Agent, Run};
use serde_json::{Value, json};

use super::super::{wire, world};
use super::{live, there};

/// What no answer may hold: as it is, and as a Secret's data has it.
const SECRET: &str = "hunter2-open-sesame";
const ENCODED: &str = "aHVudGVyMi1vcGVuLXNlc2FtZQ==";
const MARKER: &str = "DrawbridgeMasked";

const MASKED: &str = "
- name: see-secrets
  verbs: [get, list, watch, create, update, patch, delete]
  apiGroups: ['']
  resources: [secrets]
  acknowledge: [secrets]
  mask: ['data.*', 'stringData.*']
- name: see-pods
  verbs: [get, list, watch, patch]
  apiGroups: ['']
  resources: [pods]
  acknowledge: [workloads]
  mask: ['spec.containers[*].env[*].value']";

fn scene() -> (String, Agent) {
    let namespace = world().namespace("masks");
    let agent = world().agent("masked", MASKED, &[&namespace]);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "login", "annotations": { "note": "one" } },
        "stringData": { "password": SECRET },
    });
    let text = secret.to_string();
    world().admin_with(&["-n", &namespace, "apply", "-f", "-"], text.as_bytes()).ok();
    let container = json!({
        "name": "c", "image": "registry.example/none", "env": [{ "name": "KEY", "value": SECRET }],
    });
    there(
        &namespace,
        &json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": "app" },
            "spec": { "containers": [container] },
        }),
    );
    (namespace, agent)
}

#[track_caller]
fn tells_nothing(run: &Run) {
    for secret in [SECRET, ENCODED] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run}");
    }
}

#[test]
fn every_form_of_a_read_hides_the_values_and_says_so() {
    let (namespace, agent) = scene();
    for what in [&["secret", "login"][..], &["secrets"], &["pod", "app"], &["pods"]] {
        for form in ["yaml", "json", "wide", "name", "jsonpath={.data}{.items[*].data}{.spec}"] {
            let all = [&["-n", &namespace, "get"], what, &["-o", form, "--show-managed-fields"]].concat();
            let run = agent.kubectl(&all).ok();
            tells_nothing(&run);
            assert!(run.stderr.contains("values that this agent may not see are hidden"), "{run}");
        }
        tells_nothing(&agent.kubectl(&[&["-n", &namespace, "get"], what].concat()).ok());
        tells_nothing(&agent.kubectl(&[&["-n", &namespace, "describe"], what].concat()));
    }
    let run = agent.kubectl(&["-n", &namespace, "get", "secret", "login", "-o", "json"]).ok();
    let seen: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(seen["data"]["password"], MARKER);
    assert_eq!(seen["metadata"]["annotations"]["note"], "one");
}

#[test]
fn every_representation_that_a_caller_can_ask_for_hides_them() {
    let (namespace, agent) = scene();
    let base = format!("/api/v1/namespaces/{namespace}");
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
    for accept in [
        "application/json",
        "application/yaml, application/json",
        "application/vnd.kubernetes.protobuf, application/json",
        "application/vnd.kubernetes.protobuf, */*",
        table,
        partial,
        "*/*",
    ] {
        for path in ["secrets", "secrets/login", "pods", "pods/app", "secrets/login?watch=1"] {
            for query in ["", "includeObject=Object", "resourceVersion=0"] {
                let sign = if path.contains('?') { '&' } else { '?' };
                let path = format!("{base}/{path}{sign}{query}");
                let got = wire::call(world().gateway(), &agent, "GET", &path, &[("Accept", accept)], b"");
                let text = String::from_utf8_lossy(&got.body).into_owned();
                assert!(!text.contains(SECRET) && !text.contains(ENCODED), "{accept} {path}: {text}");
                assert!([200, 400, 403, 406].contains(&got.status), "{accept} {path}: {}", got.status);
            }
        }
    }
    let only = [("Accept", "application/vnd.kubernetes.protobuf")];
    let got = wire::call(world().gateway(), &agent, "GET", &format!("{base}/secrets"), &only, b"");
    assert_eq!(got.status, 406);
    let head = format!("{base}/secrets/login");
    assert_ne!(wire::call(world().gateway(), &agent, "HEAD", &head, &[], b"").status, 200);
}

#[test]
fn answers_of_writes_hide_them_too() {
    let (namespace, agent) = scene();
    let in_namespace = |arguments: &[&str]| agent.kubectl(&[&["-n", &namespace][..], arguments].concat());
    let json = ["-o", "json"];
    let note = r#"{"metadata":{"annotations":{"note":"two"}}}"#;
    for dry in [&["--dry-run=server"][..], &[]] {
        for kind in ["merge", "strategic"] {
            let kind = format!("--type={kind}");
            let patch = ["patch", "secret", "login", &kind, "-p", note];
            let run = in_namespace(&[&patch, &json[..], dry].concat()).ok();
            tells_nothing(&run);
            assert!(run.stdout.contains(MARKER), "{run}");
        }
        let label = ["label", "--overwrite", "pod", "app", "a=b"];
        tells_nothing(&in_namespace(&[&label, &json[..], dry].concat()).ok());
    }
    assert_eq!(live(&namespace, "secret", "login").unwrap()["data"]["password"], ENCODED);
    let path = format!("/api/v1/namespaces/{namespace}/secrets/login");
    let got = wire::call(world().gateway(), &agent, "DELETE", &path, &[], b"");
    assert!(!String::from_utf8_lossy(&got.body).contains(ENCODED));
    assert_eq!(live(&namespace, "secret", "login"), None);
}

#[test]
fn what_is_masked_can_neither_be_tested_copied_selected_nor_written_back() {
    let (namespace, agent) = scene();
    let path = format!("/api/v1/namespaces/{namespace}/secrets/login");
    let send = |content_type: &str, query: &str, body: &Value| {
        let headers = [("Content-Type", content_type)];
        let path = format!("{path}{query}");
        wire::call(world().gateway(), &agent, "PATCH", &path, &headers, body.to_string().as_bytes())
    };
    let password = "/data/password";
    for query in ["", "?dryRun=All"] {
        for patch in [
            json!([{ "op": "test", "path": password, "value": ENCODED }]),
            json!([{ "op": "test", "path": "/data", "value": { "password": ENCODED } }]),
            json!([{ "op": "copy", "from": password, "path": "/metadata/annotations/x" }]),
            json!([{ "op": "move", "from": password, "path": "/metadata/annotations/x" }]),
            json!([{ "op": "copy", "from": "/data", "path": "/metadata/labels" }]),
        ] {
            let got = send("application/json-patch+json", query, &patch);
            assert_eq!(got.status, 403, "{patch}: {}", String::from_utf8_lossy(&got.body));
        }
        for value in [MARKER, ENCODED, "Z3Vlc3M="] {
            let got = send("application/merge-patch+json", query, &json!({ "data": { "password": value } }));
            assert_eq!(got.status, 403, "{value}");
        }
    }
    let list = format!("/api/v1/namespaces/{namespace}/pods?fieldSelector=spec.nodeName%3D");
    assert_eq!(wire::get(world().gateway(), &agent, &list).status, 200, "the control: it isn't masked");
    let run = agent.kubectl(&["-n", &namespace, "get", "secret", "login", "-o", "yaml"]).ok();
    let back = agent.kubectl_with(&["-n", &namespace, "replace", "-f", "-"], run.stdout.as_bytes());
    assert_ne!(back.code, Some(0), "{back}");
    assert_eq!(live(&namespace, "secret", "login").unwrap()["data"]["password"], ENCODED);
}

#[test]
fn errors_quote_no_value() {
    let (namespace, agent) = scene();
    // Beside the value, so that the API server's sentence shows it around the change.
    let patch = r#"[{"op":"replace","path":"/spec/containers/0/env/0/name","value":"OTHER"}]"#;
    let arguments = ["-n", &namespace, "patch", "pod", "app", "--type=json", "-p", patch];
    let run = agent.kubectl(&arguments);
    assert_ne!(run.code, Some(0), "{run}");
    tells_nothing(&run);
    // The control: past the gateway it does.
    let past = world().admin(&arguments);
    assert!(past.stderr.contains(SECRET), "{past}");
}

#[test]
fn kubectl_apply_sets_what_is_not_masked() {
    let (namespace, agent) = scene();
    let secret = |note: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "login", "annotations": { "note": note } },
        })
    };
    let apply = |more: &[&str]| {
        let text = secret("two").to_string();
        agent.kubectl_with(&[&["-n", &namespace, "apply", "-f", "-"], more].concat(), text.as_bytes())
    };
    for more in [&["--server-side", "--force-conflicts"][..], &[]] {
        let run = apply(more);
        tells_nothing(&run);
        println!("{more:?} {run}");
    }
    let now = live(&namespace, "secret", "login").unwrap();
    assert_eq!(now["data"]["password"], ENCODED, "{now}");
    assert_eq!(now["metadata"]["annotations"]["note"], "two", "{now}");
}

#[test]
fn a_write_shows_no_value_of_an_object_that_no_read_shows() {
    let rules = "
- name: see-shared
  verbs: [get, list]
  apiGroups: ['']
  resources: [secrets]
  acknowledge: [secrets]
  when: object.metadata.labels.shared == 'yes'
  mask: ['data.*']
- name: annotate
  verbs: [patch]
  apiGroups: ['']
  resources: [secrets]
  acknowledge: [secrets]";
    let (namespace, _) = scene();
    let agent = world().agent("masked", rules, &[&namespace]);
    agent.kubectl(&["-n", &namespace, "get", "secret", "login"]).fails_with("not found");
    let path = format!("/api/v1/namespaces/{namespace}/secrets/login");
    let headers = [("Content-Type", "application/merge-patch+json")];
    let patch = br#"{"metadata":{"annotations":{"a":"b"}}}"#;
    let got = wire::call(world().gateway(), &agent, "PATCH", &path, &headers, patch);
    assert_eq!((got.status, &got.json()["data"]["password"]), (200, &json!(MARKER)));
}
