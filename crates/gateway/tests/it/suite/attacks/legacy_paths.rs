//! `/api/v1/watch/…` and `/api/v1/proxy/…`, which API servers read in a way of their own.

use super::caller::{ANYTHING, Caller};

#[test]
fn legacy_watch_and_proxy_paths_are_refused() {
    let caller = Caller::everywhere("legacy", ANYTHING);
    for path in [
        "/api/v1/watch/configmaps",
        "/api/v1/watch/secrets",
        "/api/v1/watch/namespaces/{ns}/configmaps",
        "/api/v1/watch/namespaces/{ns}/configmaps/control",
        "/apis/apps/v1/watch/deployments",
        "/apis/apps/v1/watch/namespaces/{ns}/deployments/x",
        "/api/v1/proxy/nodes/local/pods",
        "/api/v1/proxy/namespaces/{ns}/pods/none",
        "/api/v1/proxy/namespaces/{ns}/services/none:80/x",
        "/apis/batch/v1/proxy/x",
        "/api/v1/%77atch/configmaps",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = caller.call(method, path, &[], "");
            assert_eq!((answer.status, answer.reason().as_str()), (400, "legacy-path"), "{method} {path}");
        }
    }
    // A namespace or an object of that name is nothing special.
    assert_eq!(caller.get("/api/v1/namespaces/watch/configmaps").status, 200);
    let arrived = caller.arrived();
    assert_eq!(arrived, ["list /api/v1/namespaces/watch/configmaps"]);
}
