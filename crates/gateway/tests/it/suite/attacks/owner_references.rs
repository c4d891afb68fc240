//! `metadata.ownerReferences`: whoever changes them deletes through the garbage collector.

use serde_json::{Value, json};

use super::caller::{Caller, look};

const WRITE: &str = "
- {name: write, verbs: [get, update, patch], apiGroups: [''], resources: [configmaps]}";

const PATH: &str = "/api/v1/namespaces/{ns}/configmaps/control";

/// An owner that isn't there: its dependents are deleted.
fn owners() -> Value {
    json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "11111111-2222-3333-4444-555555555555" }])
}

#[test]
fn no_patch_and_no_put_changes_an_owner_without_delete() {
    let caller = Caller::within("owner", WRITE);
    let merge = json!({ "metadata": { "ownerReferences": owners() } });
    let patches = [
        ("application/merge-patch+json", merge.clone()),
        ("application/strategic-merge-patch+json", merge.clone()),
        (
            "application/strategic-merge-patch+json",
            json!({ "metadata": { "$patch": "replace", "ownerReferences": owners() } }),
        ),
        (
            "application/strategic-merge-patch+json",
            json!({ "$patch": "replace", "metadata": { "name": "control", "ownerReferences": owners() } }),
        ),
        ("application/merge-patch+json", json!({ "metadata": { "ownerReferences": null } })),
        (
            "application/json-patch+json",
            json!([{ "op": "add", "path": "/metadata/ownerReferences", "value": owners() }]),
        ),
        (
            "application/json-patch+json",
            json!([{ "op": "add", "path": "/metadata", "value": { "name": "control", "ownerReferences": owners() } }]),
        ),
        ("application/json-patch+json", json!([{ "op": "replace", "path": "", "value": merge }])),
        (
            "application/json-patch+json",
            json!([
                { "op": "add", "path": "/data/x", "value": "y" },
                { "op": "copy", "from": "/data", "path": "/metadata/ownerReferences" },
            ]),
        ),
        (
            "application/json-patch+json",
            json!([{ "op": "add", "path": "/metadata/owner~0References", "value": [] },
            { "op": "move", "from": "/metadata/owner~0References", "path": "/metadata/ownerReferences" }]),
        ),
    ];
    for (content_type, patch) in patches {
        for query in ["", "?dryRun=All"] {
            let answer = caller.send("PATCH", &format!("{PATH}{query}"), content_type, &patch);
            assert_eq!((answer.status, answer.reason().as_str()), (403, "owner-references"), "{patch}");
        }
    }
    let mut object = super::caller::named("control");
    object["metadata"]["ownerReferences"] = owners();
    let apply = format!("{PATH}?fieldManager=x&force=true");
    for (method, path, content_type) in
        [("PUT", PATH, "application/json"), ("PATCH", &apply, "application/apply-patch+yaml")]
    {
        let answer = caller.send(method, path, content_type, &object);
        assert_eq!((answer.status, answer.reason().as_str()), (403, "owner-references"), "{method}");
    }
    for text in [
        "{\"metadata\":{\"labels\":{}},\"metadata\":{\"ownerReferences\":[]}}",
        "{\"metadata\":{\"ownerReferences\":[],\"ownerReferences\":[]}}",
        "{\"meta\\u0064ata\":{\"owner\\u0052eferences\":[]}}",
    ] {
        let headers = [("Content-Type", "application/merge-patch+json")];
        assert!([400, 403].contains(&caller.call("PATCH", PATH, &headers, text).status), "{text}");
    }
    let yaml = "metadata:\n  ownerReferences: []\n";
    let headers = [("Content-Type", "application/apply-patch+yaml")];
    assert!(caller.call("PATCH", &apply, &headers, yaml).status >= 400);
    let arrived = caller.arrived();
    assert!(arrived.iter().all(|line| line.starts_with("get ")), "{arrived:?}");
    assert_eq!(look(&caller.namespace, "configmap/control", ".metadata.ownerReferences"), "");
}

#[test]
fn everything_else_of_the_object_is_changed_and_with_delete_its_owners_are_too() {
    let caller = Caller::within("owner", WRITE);
    let merge = "application/merge-patch+json";
    let labels = json!({ "metadata": { "labels": { "a": "b" } } });
    assert_eq!(caller.send("PATCH", PATH, merge, &labels).status, 200);
    assert_eq!(caller.send("PUT", PATH, "application/json", &super::caller::named("control")).status, 200);
    let rules = "
- {name: write, verbs: [get, update, patch, delete], apiGroups: [''], resources: [configmaps]}";
    let other = Caller::within("owner", rules);
    let dry = format!("{PATH}?dryRun=All");
    let answer = other.send("PATCH", &dry, merge, &json!({ "metadata": { "ownerReferences": owners() } }));
    assert_eq!(answer.status, 200, "{}", answer.message());
    assert_eq!(other.arrived(), [other.fill(&format!("patch {dry}"))]);
}
