//! `kubectl auth can-i`: what an agent is told that asks what it may do, beside what it then may.

mod answers;
mod attacks;
mod same;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use drawbridge_localcluster::{Options, Parts};
use drawbridge_testkit::{Agent, World};
use serde_json::{Value, json};

use super::rbac::api::{Api, Body};
use super::wire::Answer;

/// A control plane whose ceiling is not everything, which that of the shared one is.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let options = Options { parts: Parts::ApiServer, ..Options::default() };
    let world = World::start_with(super::binary(), options);
    world.admin(&["delete", "clusterrolebinding", "drawbridge-ceiling"]).ok();
    world.admin_with(&["apply", "-f", "-"], GROUND.as_bytes()).ok();
    let started = Instant::now();
    while !heard(&world) {
        assert!(started.elapsed() < HEARD, "the authorizer has not heard of the ceiling");
        std::thread::yield_now();
    }
    world
});

/// The longest that the authorizer may take to hear of new rules.
const HEARD: Duration = Duration::from_secs(30);

/// The ceiling, and something to ask about.
const GROUND: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: can-i}
rules:
- {apiGroups: [''], resources: [configmaps], verbs: ['*']}
- {apiGroups: [''], resources: [pods, pods/log, namespaces, nodes], verbs: [get, list, watch]}
- {apiGroups: [''], resources: [pods/exec], verbs: [create, get]}
- {apiGroups: [''], resources: [secrets], verbs: [get], resourceNames: [one]}
- {apiGroups: [apps], resources: ['*'], verbs: [get, list, patch]}
- {nonResourceURLs: [/metrics], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: can-i}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: can-i}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:serviceaccounts:drawbridge-agents'}
---
{apiVersion: v1, kind: Namespace, metadata: {name: can-a}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: can-b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: one, namespace: can-a}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: one, namespace: can-b}}
---
{apiVersion: v1, kind: Secret, metadata: {name: one, namespace: can-a}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: can-i, namespace: can-a}
rules:
- {apiGroups: [batch], resources: [jobs], verbs: [get, list, create, delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: can-i, namespace: can-a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: can-i}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:serviceaccounts:drawbridge-agents'}
";

const ACCESS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

fn world() -> &'static World {
    &WORLD
}

/// Whether the old ceiling is gone and both halves of the new one are there.
fn heard(world: &World) -> bool {
    let may = |question: &[&str]| {
        let who = [
            "auth",
            "can-i",
            "--as=system:serviceaccount:drawbridge-agents:nobody",
            "--as-group=system:serviceaccounts:drawbridge-agents",
            "--as-group=system:authenticated",
        ];
        world.admin(&[&who, question].concat()).code == Some(0)
    };
    !may(&["delete", "nodes"])
        && may(&["get", "configmaps", "-n", "can-b"])
        && may(&["create", "jobs.batch", "-n", "can-a"])
}

/// An agent's own connection to the gateway.
fn api(agent: &Agent) -> Api {
    let gateway = world().gateway();
    let ca = std::fs::read_to_string(gateway.ca()).unwrap();
    Api::new(&format!("{}/clusters/local", gateway.url()), &ca, &agent.certificate())
}

/// The body of an access review.
fn access(attributes: &Value) -> Value {
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": attributes },
    })
}

/// Sends a body of JSON.
fn post(api: &mut Api, path: &str, body: &str) -> Answer {
    api.ask("POST", path, Body { kind: "application/json", text: body })
}
