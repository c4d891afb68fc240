//! client-go, kube-rs and the Python client do their work with in-cluster configuration as it is.

use std::collections::HashSet;
use std::io::BufRead;
use std::process::Command;

use drawbridge_testkit::{InPod, run};
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::{Client, Stage};

/// Tells this test binary that it is the program in the pod, what to do there, and with which name.
const WHAT: &str = "IN_POD_WHAT";
const NAME: &str = "IN_POD_NAME";

/// This test binary as a program that uses kube-rs: the test below is in both roles.
pub(super) fn kube_rs(pod: &InPod, what: &str, name: &str) -> Command {
    let test = "suite::in_pod::clients::a_kube_rs_program_works_in_a_pod_as_it_is";
    let program = std::env::current_exe().unwrap();
    let line = [program.to_str().unwrap(), test, "--exact", "--nocapture"];
    let mut command = pod.command(line);
    command.env(WHAT, what).env(NAME, name);
    command
}

/// Every line that a client writes is a step that it has done.
#[track_caller]
fn works(client: Client) {
    let stage = Stage::new();
    stage.pod.token(&stage.agent.token(&stage.gateway.url()));
    let name = stage.world.name("made");
    let done = run(&mut client.command(&stage.pod, "round", &name), b"").ok();
    let steps: Vec<_> = ["listed", "created", "watched", "deleted"].into();
    let said: Vec<_> = done.stdout.lines().filter(|line| steps.contains(line)).collect();
    assert_eq!(said, steps, "{done}");
    let verbs: HashSet<_> =
        stage.reached().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(verbs, ["list", "create", "watch", "delete"].map(str::to_owned).into());
    let paths = stage.gateway.record(&["--agent", &stage.agent.name]);
    let paths = paths.iter().filter_map(|row| row["request"]["path"].as_str());
    let at = format!("/api/v1/namespaces/{}/configmaps", stage.namespace);
    assert!(paths.clone().count() > 0);
    for path in paths {
        assert!(path.starts_with(&at), "{path}: the client knows nothing of a prefix");
    }
}

/// A config map that the rule below lets go if `done` is yes.
#[track_caller]
fn there(stage: &Stage, name: &str, label: &str, done: &str) {
    let metadata = json!({ "name": name, "labels": { "sweep": label } });
    let object =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "done": done } });
    let create = ["-n", &stage.namespace, "create", "-f", "-"];
    stage.world.admin_with(&create, object.to_string().as_bytes()).ok();
}

#[test]
fn what_each_client_deletes_as_a_collection_goes_as_far_as_the_condition_holds() {
    let rules = "
- name: sweep
  verbs: [deletecollection]
  apiGroups: ['']
  resources: [configmaps]
  when: oldObject.data.done == 'yes'";
    let stage = Stage::new();
    stage.world.grant(&stage.gateway, &stage.agent.name, rules, &[&stage.namespace], "");
    stage.pod.token(&stage.agent.token(&stage.gateway.url()));
    for client in Client::ALL {
        let name = |what: &str| format!("{what}-{client:?}").to_lowercase();
        let label = name("label");
        for (what, label, done) in
            [("done", &*label, "yes"), ("kept", &label, "no"), ("other", "other", "yes")]
        {
            there(&stage, &name(what), label, done);
        }
        let swept = run(&mut client.command(&stage.pod, "sweep", &label), b"").ok();
        assert!(swept.stdout.lines().any(|line| line == "swept"), "{swept}");
        let left = ["-n", &stage.namespace, "get", "configmaps", "-o", "name"];
        let left = stage.world.admin(&left).ok().stdout;
        for (what, stays) in [("done", false), ("kept", true), ("other", true)] {
            assert_eq!(left.contains(&format!("configmap/{}\n", name(what))), stays, "{what} of {left}");
        }
    }
    let reached = stage.reached();
    assert!(reached.iter().all(|line| !line.starts_with("deletecollection ")), "{reached:#?}");
    assert_eq!(reached.iter().filter(|line| line.starts_with("delete ")).count(), Client::ALL.len());
}

#[test]
fn a_client_go_program_works_in_a_pod_as_it_is() {
    works(Client::Go);
}

#[test]
fn a_python_program_works_in_a_pod_as_it_is() {
    works(Client::Python);
}

#[test]
fn a_kube_rs_program_works_in_a_pod_as_it_is() {
    let Ok(what) = std::env::var(WHAT) else {
        works(Client::KubeRs);
        return;
    };
    let name = std::env::var(NAME).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let config = kube::Config::incluster().unwrap();
        let namespace = config.default_namespace.clone();
        let maps: Api<ConfigMap> = Api::namespaced(kube::Client::try_from(config).unwrap(), &namespace);
        match what.as_str() {
            "round" => round(&maps, &name).await,
            "hold" => hold(&maps).await,
            "poll" => poll(&maps).await,
            "sweep" => sweep(&maps, &name).await,
            _ => panic!("no such thing to do: {what}"),
        }
    });
    done.unwrap();
}

async fn round(maps: &Api<ConfigMap>, name: &str) -> kube::Result<()> {
    let version = maps.list(&ListParams::default()).await?.metadata.resource_version.unwrap();
    println!("\nlisted");
    let mut made = ConfigMap::default();
    made.metadata.name = Some(name.to_owned());
    maps.create(&PostParams::default(), &made).await?;
    println!("created");
    let mut events = std::pin::pin!(maps.watch(&WatchParams::default(), &version).await?);
    while let Some(event) = events.next().await {
        if matches!(event?, WatchEvent::Added(seen) if seen.name_any() == name) {
            println!("watched");
            break;
        }
    }
    maps.delete(name, &DeleteParams::default()).await?;
    println!("deleted");
    Ok(())
}

async fn sweep(maps: &Api<ConfigMap>, label: &str) -> kube::Result<()> {
    let chosen = ListParams::default().labels(&format!("sweep={label}"));
    let told = maps.delete_collection(&DeleteParams::default(), &chosen).await?;
    if told.right().is_some_and(|status| status.is_success()) {
        println!("\nswept");
    }
    Ok(())
}

async fn hold(maps: &Api<ConfigMap>) -> kube::Result<()> {
    let mut events = std::pin::pin!(maps.watch(&WatchParams::default(), "0").await?);
    println!("\nwatching");
    while let Some(Ok(_)) = events.next().await {}
    println!("ended");
    Ok(())
}

async fn poll(maps: &Api<ConfigMap>) -> kube::Result<()> {
    for line in std::io::stdin().lock().lines() {
        drop(line.unwrap());
        match maps.list(&ListParams::default()).await {
            Ok(_) => println!("\nlisted"),
            Err(error) => println!("\nrefused: {error}"),
        }
    }
    Ok(())
}
