//! What objects have besides their metadata, so that the API server gets as far as its inner checks.

use serde_json::{Value, json};

use super::kinds::Kind;

/// The fields of a kind's object, or of what its subresource takes.
pub(super) fn fields(kind: Kind, subresource: &str) -> Value {
    let container = json!([{ "name": "main", "image": "none" }]);
    let labels = json!({ "app": "one" });
    let template = json!({
        "metadata": { "labels": labels },
        "spec": { "containers": container, "automountServiceAccountToken": false },
    });
    let workload = json!({ "spec": { "selector": { "matchLabels": labels }, "template": template } });
    match (kind.kind, subresource) {
        (_, "scale") => json!({ "spec": { "replicas": 1 } }),
        ("ServiceAccount", "token") => {
            json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} })
        }
        ("Pod", "eviction") => json!({ "apiVersion": "policy/v1", "kind": "Eviction" }),
        ("Pod", "binding") => json!({ "kind": "Binding", "target": { "kind": "Node", "name": "one" } }),
        ("Pod", _) => json!({ "spec": { "containers": container, "automountServiceAccountToken": false } }),
        ("Binding", _) => json!({ "target": { "kind": "Node", "name": "one" } }),
        ("Service", _) => json!({ "spec": { "ports": [{ "port": 80 }] } }),
        ("LimitRange", _) => json!({ "spec": { "limits": [] } }),
        ("ReplicationController", _) => json!({ "spec": { "selector": labels, "template": template } }),
        ("Deployment" | "DaemonSet", _) => workload,
        ("StatefulSet", _) => {
            let mut workload = workload;
            workload["spec"]["serviceName"] = json!("one");
            workload
        }
        ("Job", _) => {
            let mut template = template;
            template["spec"]["restartPolicy"] = json!("Never");
            json!({ "spec": { "template": template, "suspend": true } })
        }
        ("CronJob", _) => {
            let mut template = template;
            template["spec"]["restartPolicy"] = json!("Never");
            json!({ "spec": { "schedule": "0 0 1 1 *", "jobTemplate": { "spec": { "template": template } } } })
        }
        ("PersistentVolume", _) => json!({ "spec": {
            "capacity": { "storage": "1Gi" },
            "accessModes": ["ReadWriteOnce"],
            "hostPath": { "path": "/tmp/none" },
        } }),
        ("PodDisruptionBudget", _) => json!({ "spec": { "selector": { "matchLabels": { "app": "none" } } } }),
        ("NetworkPolicy", _) => json!({ "spec": { "podSelector": {} } }),
        ("ResourceClaim", _) => json!({ "spec": { "devices": {} } }),
        ("Role" | "ClusterRole", _) => json!({ "rules": [] }),
        ("RoleBinding" | "ClusterRoleBinding", _) => json!({
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "rbac-empty" },
        }),
        ("StorageClass", _) => json!({ "provisioner": "example.com/none" }),
        ("Widget" | "Gadget", _) => json!({ "spec": { "replicas": 1 } }),
        _ => json!({}),
    }
}
