//! Ways from a wildcard to other rights: RBAC, certificates, webhooks, API services, CRDs, bindings and the
//! like.

use serde_json::{Value, json};

use super::caller::{ANYTHING, Caller, named};

/// Where writing is an escape. Each is tried with every method that writes.
const ESCAPES: [&str; 25] = [
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/admin",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/cluster-admin",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles/x",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings/x",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests/x/status",
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/x",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/x",
    "/apis/apiregistration.k8s.io/v1/apiservices",
    "/apis/apiregistration.k8s.io/v1/apiservices/v1.apps",
    "/apis/apiregistration.k8s.io/v1/apiservices/v1.apps/status",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x.example.com",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x.example.com/status",
    "/api/v1/namespaces/{ns}/pods/none/ephemeralcontainers",
    "/api/v1/namespaces/{ns}/pods/none/binding",
    "/api/v1/namespaces/{ns}/bindings",
    "/api/v1/namespaces/{ns}/finalize",
];

/// Wildcards in all places but one.
const WILDCARDS: &str = "
- {name: subresources, verbs: ['*'], apiGroups: ['*'], resources: ['*/approval', '*/status', '*/binding', '*/finalize', '*/ephemeralcontainers']}
- {name: rbac, verbs: ['*'], apiGroups: [rbac.authorization.k8s.io], resources: [roles, rolebindings, clusterroles, clusterrolebindings]}
- {name: any-group, verbs: [create, update, patch, delete, bind, escalate], apiGroups: ['*'], resources: [roles, rolebindings, clusterroles, clusterrolebindings, customresourcedefinitions, apiservices, certificatesigningrequests]}
- {name: any-resource, verbs: [create, update, patch, delete], apiGroups: [rbac.authorization.k8s.io, admissionregistration.k8s.io, apiextensions.k8s.io], resources: ['*']}";

#[test]
fn no_wildcard_writes_what_other_rights_are_made_with() {
    let caller = Caller::everywhere("escape", &format!("{ANYTHING}{WILDCARDS}"));
    let body = json!({ "metadata": { "name": "x" } });
    for path in ESCAPES {
        for (method, content_type) in [
            ("POST", "application/json"),
            ("PUT", "application/json"),
            ("PATCH", "application/merge-patch+json"),
            ("PATCH", "application/apply-patch+yaml"),
            ("DELETE", "application/json"),
        ] {
            let body = if method == "DELETE" { &Value::Null } else { &body };
            let answer = if body.is_null() {
                caller.call(method, path, &[], "")
            } else {
                let manager = if content_type.contains("apply") { "?fieldManager=x" } else { "" };
                caller.send(method, &format!("{path}{manager}"), content_type, body)
            };
            assert_eq!(answer.status, 403, "{method} {path}: {}", answer.message());
        }
        assert_eq!(caller.call("POST", &format!("{path}?dryRun=All"), &[], "{}").status, 403, "{path}");
    }
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn the_same_wildcards_read_them_and_write_what_is_harmless() {
    let caller = Caller::everywhere("escape", ANYTHING);
    for path in [
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/admin",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    ] {
        assert_eq!(caller.get(path).status, 200, "{path}");
    }
    let made = caller.send("POST", "/api/v1/namespaces/{ns}/configmaps", "application/json", &named("made"));
    assert_eq!(made.status, 201);
    assert_eq!(caller.arrived().len(), 4);
}

#[test]
fn the_special_verbs_of_a_namespace_s_grant_reach_nothing_of_the_cluster() {
    let caller = Caller::within("escape", ANYTHING);
    for (method, path) in [
        ("DELETE", "/api/v1/namespaces/{ns}"),
        ("PUT", "/api/v1/namespaces/{ns}"),
        ("PATCH", "/api/v1/namespaces/{ns}"),
        ("PUT", "/api/v1/namespaces/{ns}/status"),
        ("PUT", "/api/v1/namespaces/{ns}/finalize"),
        ("POST", "/api/v1/namespaces"),
        ("GET", "/api/v1/namespaces"),
        ("GET", "/api/v1/configmaps"),
        ("GET", "/api/v1/nodes"),
        ("GET", "/api/v1/persistentvolumes"),
        ("DELETE", "/api/v1/persistentvolumes/x"),
        ("GET", "/metrics"),
        ("GET", "/logs/"),
        ("GET", "/debug/pprof/"),
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/"),
    ] {
        let headers: &[(&str, &str)] =
            if method == "PATCH" { &[("Content-Type", "application/merge-patch+json")] } else { &[] };
        let body = if ["PUT", "PATCH", "POST"].contains(&method) { "{}" } else { "" };
        assert_eq!(caller.call(method, path, headers, body).status, 403, "{method} {path}");
    }
    assert_eq!(caller.get("/api/v1/namespaces/{ns}").status, 200);
    assert_eq!(caller.arrived(), [caller.fill("get /api/v1/namespaces/{ns}")]);
}
