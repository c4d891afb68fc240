//! Objects to send real requests to: `one` and `two` of each kind, where the API server takes them.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::api::{Api, Body};
use super::generate::{self, Wish};
use super::holder::NAMESPACES;
use super::kinds::{KINDS, Kind, Place};
use super::request::{Owners, There};
use super::scene::{owner, world};

/// What is there, by kind, namespace and name. Nothing that is sent to it changes it: writes are dry runs.
static OBJECTS: LazyLock<HashSet<(&'static str, String, String)>> = LazyLock::new(make);

/// The longest that a new kind may take to be served.
const SERVED: Duration = Duration::from_secs(30);

/// Whether what a wish is about is there.
pub(super) fn there(wish: &Wish) -> There {
    let Wish { kind, namespace, name, .. } = wish;
    if kind.kind == "Namespace" {
        let made = NAMESPACES.contains(&namespace.as_str()) || namespace == "drawbridge-agents";
        return if made { There::Yes } else { There::No };
    }
    let namespace = if kind.place == Place::Namespace { namespace.clone() } else { String::new() };
    if OBJECTS.contains(&(kind.kind, namespace, name.clone())) { There::Yes } else { There::No }
}

fn make() -> HashSet<(&'static str, String, String)> {
    let mut owner = owner(world());
    serve(&mut owner);
    let empty = json!({ "metadata": { "name": "rbac-empty" }, "rules": [] });
    owner.json("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", &empty);
    let mut made = HashSet::new();
    // Definitions and API services are named after what they define, and bindings are nothing that stays.
    let skipped = ["Namespace", "CustomResourceDefinition", "APIService", "Binding"];
    for kind in KINDS.into_iter().filter(|kind| !skipped.contains(&kind.kind)) {
        let namespaces: &[&str] = if kind.place == Place::Namespace { &NAMESPACES } else { &[""] };
        for namespace in namespaces {
            for name in ["one", "two"] {
                if create(&mut owner, kind, namespace, name) {
                    made.insert((kind.kind, (*namespace).to_owned(), name.to_owned()));
                }
            }
        }
    }
    for kind in ["Pod", "ConfigMap", "Lease", "Role", "RoleBinding", "Deployment", "Widget", "Secret"] {
        assert!(made.contains(&(kind, "rbac-a".to_owned(), "one".to_owned())), "no {kind}");
    }
    made
}

fn create(owner: &mut Api, kind: Kind, namespace: &str, name: &str) -> bool {
    let wish = Wish {
        kind,
        subresource: "",
        verb: "create",
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let group = if kind.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", kind.group) };
    let within = if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
    let path = format!("{group}/{}{within}/{}", kind.version, kind.resource);
    let text = generate::object(&wish, name, Owners::Untouched, false).to_string();
    let answer = owner.ask("POST", &path, Body { kind: "application/json", text: &text });
    answer.status == 201
}

/// Adds the tests' own kinds, and waits until they are served.
fn serve(owner: &mut Api) {
    for kind in KINDS.into_iter().filter(|kind| kind.group == "example.com") {
        let scope = if kind.place == Place::Namespace { "Namespaced" } else { "Cluster" };
        let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let mut version = json!({
            "name": kind.version, "served": true, "storage": true, "schema": { "openAPIV3Schema": schema },
        });
        if kind.subresources.contains(&"scale") {
            version["subresources"] = json!({
                "status": {},
                "scale": { "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas" },
            });
        }
        let definition: Value = json!({
            "metadata": { "name": format!("{}.example.com", kind.resource) },
            "spec": {
                "group": "example.com",
                "scope": scope,
                "names": { "plural": kind.resource, "kind": kind.kind },
                "versions": [version],
            },
        });
        owner.json("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition);
        let path = format!("/apis/example.com/v1/{}", kind.resource);
        let started = Instant::now();
        while owner.ask("GET", &path, Body::default()).status != 200 {
            assert!(started.elapsed() < SERVED, "{} is not served", kind.resource);
            std::thread::yield_now();
        }
    }
}
