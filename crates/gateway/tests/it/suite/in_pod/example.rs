//! The Kustomize component of docs/guides/pods.md, applied as a user would, and a pod that was made of it.

use std::fs;
use std::path::{Path, PathBuf};

use drawbridge_testkit::{InPod, run};
use serde_json::Value;

use super::super::streams::until;
use super::super::world;
use super::account::{Account, TRUSTING};
use super::{Client, HOST};

/// A copy of the example with its four values filled in: nothing else is changed.
fn filled_in(account: &Account) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples/pod");
    let to = world().directory().join(world().name("example"));
    fs::create_dir_all(to.join("component")).unwrap();
    let gateway = account.gateway;
    let port = gateway.address().rsplit(':').next().unwrap().to_owned();
    for file in ["kustomization.yaml", "agent.yaml", "component/kustomization.yaml", "component/pod.yaml"] {
        let text = fs::read_to_string(from.join(file)).unwrap();
        let text = text.replace("https://drawbridge.example.com:8443", &gateway.url());
        let text =
            text.replace("prod.clusters.example.com", HOST).replace("\"8443\"", &format!("\"{port}\""));
        let text = text.replace("namespace: agents", &format!("namespace: {}", account.namespace));
        fs::write(to.join(file), text.replace("cleanup", &account.name)).unwrap();
    }
    fs::copy(gateway.ca(), to.join("component/ca.crt")).unwrap();
    to
}

/// The pod's process, from what the API server says of the pod, as the kubelet would set it up.
fn inside(account: &Account, pod: &Value) -> InPod {
    let container = &pod["spec"]["containers"][0];
    let variable = |name: &str| {
        let all = container["env"].as_array().unwrap();
        let one = all.iter().find(|one| one["name"] == format!("KUBERNETES_SERVICE_{name}")).unwrap();
        one["value"].as_str().unwrap().to_owned()
    };
    let mounts = container["volumeMounts"].as_array().unwrap();
    assert_eq!(mounts.len(), 1, "the cluster's own token is not mounted: {mounts:?}");
    assert_eq!(mounts[0]["mountPath"], "/var/run/secrets/kubernetes.io/serviceaccount");
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let volume = volumes.iter().find(|volume| volume["name"] == mounts[0]["name"]).unwrap();
    let sources = volume["projected"]["sources"].as_array().unwrap();
    let source = |kind: &str| sources.iter().find_map(|source| source.get(kind)).unwrap();
    let map = source("configMap");
    assert_eq!(map["items"][0]["path"], "ca.crt");
    let map = account.owner(&["get", "configmap", map["name"].as_str().unwrap(), "-o", "json"]).ok().stdout;
    let map: Value = serde_json::from_str(&map).unwrap();
    assert_eq!(source("downwardAPI")["items"][0]["fieldRef"]["fieldPath"], "metadata.namespace");
    let directory = world().directory().join(world().name("pod-files"));
    let ca = map["data"]["ca.crt"].as_str().unwrap();
    let port = variable("PORT").parse().unwrap();
    let namespace = pod["metadata"]["namespace"].as_str().unwrap();
    let inside = InPod::new(&directory, &variable("HOST"), port, ca, namespace);
    let token = source("serviceAccountToken");
    assert_eq!(token["path"], "token");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (audience, name) = (text(&token["audience"]), text(&pod["metadata"]["name"]));
    let (uid, seconds) = (text(&pod["metadata"]["uid"]), format!("{}s", token["expirationSeconds"]));
    let bound = ["--bound-object-kind", "Pod", "--bound-object-name", &name, "--bound-object-uid", &uid];
    inside.token(&account.token(&[&["--audience", &audience, "--duration", &seconds][..], &bound].concat()));
    inside
}

#[test]
fn the_example_makes_pods_whose_unmodified_programs_go_through_the_gateway() {
    let rules = "
- {name: configmaps, verbs: [get, list, watch, create, delete], apiGroups: [''], resources: [configmaps]}";
    let account = Account::with(&TRUSTING, "example", rules);
    let folder = filled_in(&account);
    let folder = folder.to_str().unwrap();
    account.owner(&["apply", "--dry-run=server", "-k", folder]).ok();
    account.owner(&["apply", "-k", folder]).ok();
    let pod = until("a pod of the deployment", || {
        let pods = account.owner(&["get", "pods", "-o", "json"]).ok().stdout;
        serde_json::from_str::<Value>(&pods).unwrap()["items"].get(0).cloned()
    });
    let inside = inside(&account, &pod);
    let made = world().name("made");
    let done = run(&mut Client::Go.command(&inside, "round", &made), b"").ok();
    assert!(done.stdout.contains("deleted"), "{done}");
    let create = format!("create /api/v1/namespaces/{}/configmaps", account.namespace);
    assert!(account.reached().iter().any(|line| line.starts_with(&create)), "{:?}", account.reached());
}
