//! Prints what the API server serves, one resource a line: group and version, resource, scope, verbs:
//! `cargo run -p drawbridge-localcluster --example discovery > crates/policy/tests/corpus/discovery.txt`.

use std::error::Error;
use std::process::Command;

use drawbridge_localcluster::{Binaries, LocalCluster, Options, Parts};
use serde_json::Value;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to its terminal")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut progress = |text: &str| eprintln!("{text}");
    let binaries = Binaries::find(&mut progress)?;
    let options = Options { parts: Parts::ApiServer, ..Options::default() };
    let cluster = LocalCluster::start(&binaries, options, &mut progress)?;
    let version = read(&cluster, "/version")?;
    println!(
        "# What kube-apiserver {} serves: group/version, resource, scope, verbs. Made by the example \
         `discovery` of drawbridge-localcluster.",
        text(&version, "gitVersion")
    );
    for group_version in group_versions(&cluster)? {
        let list = read(&cluster, &path(&group_version))?;
        for resource in items(&list, "resources") {
            let scope = if resource["namespaced"] == true { "namespaced" } else { "cluster" };
            let verbs: Vec<&str> = items(resource, "verbs").iter().filter_map(Value::as_str).collect();
            println!("{group_version} {} {scope} {}", text(resource, "name"), verbs.join(","));
        }
    }
    cluster.stop()?;
    Ok(())
}

/// Every group and version that is served, the core group's first.
fn group_versions(cluster: &LocalCluster) -> Result<Vec<String>, Box<dyn Error>> {
    let core = read(cluster, "/api")?;
    let groups = read(cluster, "/apis")?;
    let core = items(&core, "versions").iter().filter_map(Value::as_str).map(str::to_owned);
    let versions = items(&groups, "groups").iter().flat_map(|group| items(group, "versions"));
    Ok(core.chain(versions.map(|version| text(version, "groupVersion").to_owned())).collect())
}

fn path(group_version: &str) -> String {
    let prefix = if group_version.contains('/') { "apis" } else { "api" };
    format!("/{prefix}/{group_version}")
}

fn read(cluster: &LocalCluster, path: &str) -> Result<Value, Box<dyn Error>> {
    let mut kubectl = Command::new(cluster.kubectl());
    kubectl.arg("--kubeconfig").arg(cluster.admin_kubeconfig()).args(["get", "--raw", path]);
    let output = kubectl.output()?;
    if !output.status.success() {
        return Err(format!("{path}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
