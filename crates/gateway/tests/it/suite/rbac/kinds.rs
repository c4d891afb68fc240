//! The resources that rules and requests are about: enough of each escape, of what is harmless, and of kinds
//! that the API server knows nothing of.

/// A resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) resource: &'static str,
    pub(super) kind: &'static str,
    pub(super) place: Place,
    pub(super) subresources: &'static [&'static str],
}

/// Where its objects are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Namespace,
    Cluster,
}

const fn namespaced(
    (group, version): (&'static str, &'static str),
    resource: &'static str,
    kind: &'static str,
    subresources: &'static [&'static str],
) -> Kind {
    Kind { group, version, resource, kind, place: Place::Namespace, subresources }
}

const fn clustered(
    (group, version): (&'static str, &'static str),
    resource: &'static str,
    kind: &'static str,
    subresources: &'static [&'static str],
) -> Kind {
    Kind { group, version, resource, kind, place: Place::Cluster, subresources }
}

const CORE: (&str, &str) = ("", "v1");
const APPS: (&str, &str) = ("apps", "v1");
const BATCH: (&str, &str) = ("batch", "v1");
const RBAC: (&str, &str) = ("rbac.authorization.k8s.io", "v1");
const ADMISSION: (&str, &str) = ("admissionregistration.k8s.io", "v1");
const CERTIFICATES: (&str, &str) = ("certificates.k8s.io", "v1");
/// The tests' own group.
const EXAMPLE: (&str, &str) = ("example.com", "v1");

const POD: &[&str] = &[
    "log",
    "status",
    "exec",
    "attach",
    "portforward",
    "proxy",
    "eviction",
    "binding",
    "ephemeralcontainers",
    "resize",
];

/// Everything that the API server has.
pub(super) const KINDS: [Kind; 38] = [
    namespaced(CORE, "pods", "Pod", POD),
    namespaced(CORE, "configmaps", "ConfigMap", &[]),
    namespaced(CORE, "secrets", "Secret", &[]),
    namespaced(CORE, "serviceaccounts", "ServiceAccount", &["token"]),
    namespaced(CORE, "services", "Service", &["proxy", "status"]),
    namespaced(CORE, "endpoints", "Endpoints", &[]),
    namespaced(CORE, "limitranges", "LimitRange", &[]),
    namespaced(CORE, "resourcequotas", "ResourceQuota", &["status"]),
    namespaced(CORE, "events", "Event", &[]),
    namespaced(CORE, "bindings", "Binding", &[]),
    namespaced(CORE, "replicationcontrollers", "ReplicationController", &["scale", "status"]),
    clustered(CORE, "nodes", "Node", &["proxy", "status"]),
    clustered(CORE, "namespaces", "Namespace", &["status", "finalize"]),
    clustered(CORE, "persistentvolumes", "PersistentVolume", &["status"]),
    namespaced(APPS, "deployments", "Deployment", &["scale", "status"]),
    namespaced(APPS, "statefulsets", "StatefulSet", &["scale", "status"]),
    namespaced(APPS, "daemonsets", "DaemonSet", &["status"]),
    namespaced(BATCH, "jobs", "Job", &["status"]),
    namespaced(BATCH, "cronjobs", "CronJob", &["status"]),
    namespaced(("coordination.k8s.io", "v1"), "leases", "Lease", &[]),
    namespaced(("events.k8s.io", "v1"), "events", "Event", &[]),
    namespaced(("policy", "v1"), "poddisruptionbudgets", "PodDisruptionBudget", &["status"]),
    namespaced(("networking.k8s.io", "v1"), "networkpolicies", "NetworkPolicy", &[]),
    namespaced(("resource.k8s.io", "v1"), "resourceclaims", "ResourceClaim", &["status"]),
    namespaced(RBAC, "roles", "Role", &[]),
    namespaced(RBAC, "rolebindings", "RoleBinding", &[]),
    clustered(RBAC, "clusterroles", "ClusterRole", &[]),
    clustered(RBAC, "clusterrolebindings", "ClusterRoleBinding", &[]),
    clustered(
        CERTIFICATES,
        "certificatesigningrequests",
        "CertificateSigningRequest",
        &["approval", "status"],
    ),
    clustered(("certificates.k8s.io", "v1beta1"), "clustertrustbundles", "ClusterTrustBundle", &[]),
    clustered(ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", &[]),
    clustered(ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", &[]),
    clustered(ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy", &["status"]),
    clustered(("apiregistration.k8s.io", "v1"), "apiservices", "APIService", &["status"]),
    clustered(
        ("apiextensions.k8s.io", "v1"),
        "customresourcedefinitions",
        "CustomResourceDefinition",
        &["status"],
    ),
    clustered(("storage.k8s.io", "v1"), "storageclasses", "StorageClass", &[]),
    namespaced(EXAMPLE, "widgets", "Widget", &["status", "scale"]),
    clustered(EXAMPLE, "gadgets", "Gadget", &[]),
];

/// Kinds that only a review can be about: the API server has none of them.
pub(super) const ELSEWHERE: [Kind; 5] = [
    clustered(("project.openshift.io", "v1"), "projects", "Project", &[]),
    clustered(("authorization.openshift.io", "v1"), "clusterroles", "ClusterRole", &[]),
    namespaced(("example.org", "v1"), "secrets", "Secret", &["exec", "token"]),
    namespaced(("example.org", "v1"), "machines", "Machine", &["proxy", "scale"]),
    namespaced(CORE, "nothings", "Nothing", &["status"]),
];

/// Paths that are no resources, discovery's among them.
pub(super) const PATHS: [&str; 20] = [
    "/",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/apps",
    "/apis/batch/v1",
    "/version",
    "/version/",
    "/openapi/v3",
    "/healthz",
    "/healthz/etcd",
    "/livez",
    "/readyz",
    "/metrics",
    "/metrics/slis",
    "/logs/a/b",
    "/a/logs/b",
    "/a/metrics",
    "/metricsmore",
    "/openid/v1/jwks",
];

/// What rules say of paths.
pub(super) const URLS: [&str; 9] =
    ["*", "/*", "/metrics", "/metrics*", "/metrics/*", "/healthz/*", "/logs/*", "/version", "/open*"];

/// The verbs of requests on resources.
pub(super) const VERBS: [&str; 8] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// Verbs that no request line has, and that the API server asks for inside.
pub(super) const INNER_VERBS: [&str; 4] =
    ["unsafe-delete-ignore-read-errors", "impersonate", "bind", "escalate"];

/// The methods of paths, as verbs.
pub(super) const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// The names of objects: `one` and `two` are there, `new` is not.
pub(super) const NAMES: [&str; 4] = ["one", "two", "new", "drawbridge-one"];
