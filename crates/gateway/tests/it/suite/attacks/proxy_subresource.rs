//! `nodes/proxy`, `pods/proxy` and `services/proxy`: no wildcard reaches them, since they lead past every
//! check.

use super::caller::{ANYTHING, Caller};

const PATHS: [&str; 12] = [
    "/api/v1/nodes/local/proxy",
    "/api/v1/nodes/local/proxy/pods",
    "/api/v1/nodes/local/proxy/exec/kube-system/x/y?command=id",
    "/api/v1/nodes/local:10250/proxy/run/kube-system/x/y",
    "/api/v1/nodes/https:local:10250/proxy/logs/",
    "/api/v1/namespaces/{ns}/pods/none/proxy",
    "/api/v1/namespaces/{ns}/pods/none:8080/proxy/secret",
    "/api/v1/namespaces/{ns}/pods/https:none:443/proxy/a/b/c",
    "/api/v1/namespaces/{ns}/services/none/proxy",
    "/api/v1/namespaces/{ns}/services/http:none:80/proxy/x?y=z",
    "/api/v1/namespaces/default/services/https:kubernetes:https/proxy/api/v1/secrets",
    "/api/v1/namespaces/default/services/kubernetes:443/proxy/",
];

const WILDCARDS: &str = "
- {name: all-proxies, verbs: ['*'], apiGroups: ['*'], resources: ['*/proxy']}
- {name: any-verb, verbs: ['*'], apiGroups: [''], resources: [nodes/proxy, pods/proxy, services/proxy]}
- {name: any-group, verbs: [create, get], apiGroups: ['*'], resources: [nodes/proxy, pods/proxy, services/proxy]}
- {name: get-only, verbs: [get], apiGroups: [''], resources: [nodes/proxy, pods/proxy, services/proxy]}";

#[test]
fn no_wildcard_reaches_what_listens_inside_the_cluster() {
    let caller = Caller::everywhere("proxy", &format!("{ANYTHING}{WILDCARDS}"));
    for path in PATHS {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = caller.call(method, path, &[], "");
            assert!([400, 403].contains(&answer.status), "{method} {path}: {}", answer.status);
        }
    }
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn a_rule_that_names_one_exactly_reaches_it_and_no_other() {
    let rules = "
- {name: exactly, verbs: [get, create], apiGroups: [''], resources: [pods/proxy], acknowledge: [proxy]}";
    let caller = Caller::within("proxy", rules);
    let path = "/api/v1/namespaces/{ns}/pods/none/proxy/x";
    assert_eq!(caller.get(path).reason(), "");
    assert_eq!(caller.get("/api/v1/namespaces/{ns}/services/none/proxy/x").status, 403);
    assert_eq!(caller.get("/api/v1/nodes/local/proxy/pods").status, 403);
    for method in ["DELETE", "PUT", "PATCH"] {
        assert_eq!(caller.call(method, path, &[], "").reason(), "escape", "{method}");
    }
    assert_eq!(caller.arrived(), [caller.fill(&format!("get {path}"))]);
}

#[test]
fn create_alone_opens_a_post_and_no_other_method() {
    let rules = "
- {name: exactly, verbs: [create], apiGroups: [''], resources: [pods/proxy], acknowledge: [proxy]}";
    let caller = Caller::within("proxy", rules);
    let path = "/api/v1/namespaces/{ns}/pods/none/proxy/x";
    for method in ["GET", "DELETE", "PUT", "PATCH"] {
        assert_eq!(caller.call(method, path, &[], "").reason(), "escape", "{method}");
    }
    assert_eq!(caller.call("POST", path, &[], "").reason(), "");
    assert_eq!(caller.arrived(), [caller.fill(&format!("create {path}"))]);
}
