//! A deletecollection under a condition or a limit: each object goes on its own or stays, judged by what
//! the API server got.

use drawbridge_testkit::{Agent, Event};
use serde_json::{Value, json};

use super::super::wire::{self, Answer};
use super::super::world;
use super::completed_jobs::{CLEANER, complete, job};
use super::there;

/// An agent in a namespace of its own with some Jobs.
struct Scene {
    namespace: String,
    agent: Agent,
}

impl Scene {
    /// Jobs of these names; the ones that begin with `done` are complete.
    fn new(rules: &str, jobs: &[&str]) -> Scene {
        let namespace = world().namespace("sweep");
        let agent = world().agent("sweeper", rules, &[&namespace]);
        for name in jobs {
            there(&namespace, &job(name));
            if name.starts_with("done") {
                complete(&namespace, name);
            }
        }
        Scene { namespace, agent }
    }

    fn sweep(&self, query: &str, body: &Value) -> Answer {
        self.sweep_as(query, body, &[])
    }

    fn sweep_as(&self, query: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let path = format!("/apis/batch/v1/namespaces/{}/jobs{query}", self.namespace);
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut headers = headers.to_vec();
        if !body.is_null() {
            headers.push(("Content-Type", "application/json"));
        }
        wire::call(world().gateway(), &self.agent, "DELETE", &path, &headers, text.as_bytes())
    }

    #[track_caller]
    fn left(&self) -> Vec<String> {
        let names = ["-n", &self.namespace, "get", "jobs", "-o", "jsonpath={.items[*].metadata.name}"];
        let run = world().admin(&names).ok();
        run.stdout.split_whitespace().map(str::to_owned).collect()
    }

    /// The writes of this agent that reached the API server.
    fn writes(&self) -> Vec<Event> {
        let mut events = world().audit().of_agent(&self.agent.name);
        events.retain(|event| event.verb().starts_with("delete"));
        events
    }
}

/// Each reached the API server as a delete of one object, bound to it as it was.
#[track_caller]
fn are_pinned(writes: &[Event]) {
    for event in writes {
        assert_eq!(event.verb(), "delete", "{event:#?}");
        let bound = &event.json()["requestObject"]["preconditions"];
        assert!(bound["uid"].is_string() && bound["resourceVersion"].is_string(), "{event:#?}");
    }
}

#[test]
fn a_collection_of_jobs_loses_the_completed_ones_each_by_a_pinned_delete_with_the_caller_s_options() {
    for (query, body) in [
        ("?propagationPolicy=Foreground&gracePeriodSeconds=7", Value::Null),
        ("", json!({ "propagationPolicy": "Foreground", "gracePeriodSeconds": 7 })),
    ] {
        let scene = Scene::new(CLEANER, &["done-a", "done-b", "running"]);
        let answer = scene.sweep(query, &body);
        assert_eq!((answer.status, answer.message().as_str()), (200, "2 objects deleted"), "{answer:?}");
        assert_eq!(answer.json()["kind"], "Status");
        assert_eq!(
            answer.header("warning"),
            Some("299 - \"1 object left out: no rule allows deleting them\"")
        );
        let writes = scene.writes();
        are_pinned(&writes);
        assert_eq!(writes.len(), 2, "{writes:#?}");
        for event in &writes {
            let options = &event.json()["requestObject"];
            assert_eq!(options["propagationPolicy"], "Foreground");
            assert_eq!(options["gracePeriodSeconds"], 7);
            assert!(!event.uri().contains('?'), "{event:?}");
        }
    }
}

#[test]
fn the_running_job_stays_and_the_record_has_the_collection_and_each_of_its_objects() {
    let scene = Scene::new(CLEANER, &["done-a", "done-b", "running"]);
    let answer = scene.sweep("?propagationPolicy=Background", &Value::Null);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(scene.left(), ["running"]);
    let filter = ["--agent", &scene.agent.name];
    let gateway = world().gateway();
    let whole = gateway
        .recorded(&filter, |row| row["part"] == "outcome" && row["request"]["verb"] == "deletecollection");
    assert_eq!(whole["objects"], json!({ "found": 3, "deleted": 2, "gone": 0, "leftOut": 1 }), "{whole:#}");
    assert_eq!(whole["outcome"], json!({ "result": "answered", "status": 200 }));
    assert_eq!(answer.header("audit-id"), whole["request"]["request"].as_str());
    let rows = gateway.record(&filter);
    for (name, result) in [("done-a", "answered"), ("done-b", "answered"), ("running", "refused")] {
        let of = |part: &str| {
            let mut found = rows.iter().filter(|row| row["part"] == part && row["request"]["name"] == name);
            found.next_back().cloned()
        };
        let outcome = of("outcome").unwrap_or_else(|| panic!("{name}: {rows:#?}"));
        assert_eq!(outcome["request"]["collection"], whole["request"]["request"], "{outcome:#}");
        assert_eq!(outcome["request"]["verb"], "delete");
        assert_eq!(outcome["outcome"]["result"], result, "{outcome:#}");
        assert_eq!(of("begin").is_some_and(|row| row["pinnedVersion"].is_string()), result == "answered");
    }
}

#[test]
fn selectors_and_a_limit_choose_among_what_may_go() {
    let scene = Scene::new(CLEANER, &["done-a", "done-b", "done-c", "done-d", "running"]);
    let label = ["label", "job", "done-b", "running", "kind=this"];
    world().admin(&[&["-n", &scene.namespace][..], &label].concat()).ok();
    let after = |query: &str, left: &[&str]| {
        let answer = scene.sweep(&format!("?propagationPolicy=Background&{query}"), &Value::Null);
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        assert_eq!(scene.left(), left, "{query}");
    };
    after("labelSelector=kind%3Dnone", &["done-a", "done-b", "done-c", "done-d", "running"]);
    after("labelSelector=kind%3Dthis", &["done-a", "done-c", "done-d", "running"]);
    after("fieldSelector=metadata.name%3Drunning", &["done-a", "done-c", "done-d", "running"]);
    after("fieldSelector=metadata.name%3Ddone-c", &["done-a", "done-d", "running"]);
    after("limit=1", &["done-d", "running"]);
    // A watch it would be only for a GET.
    after("watch=true", &["running"]);
    are_pinned(&scene.writes());
    for query in ["?limit=x", "?labelSelector=%3D%3D", "?fieldSelector=spec.nothing%3Dx", "?continue=x"] {
        let answer = scene.sweep(query, &Value::Null);
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
    }
    assert_eq!(scene.left(), ["running"]);
}

#[test]
fn a_limit_of_two_deletes_two_and_says_so() {
    let rules = format!("{CLEANER}\n  limits: [{{requests: 2, per: day}}]");
    let scene = Scene::new(&rules, &["done-a", "done-b", "done-c", "done-d", "done-e"]);
    let answer = scene.sweep("?propagationPolicy=Background", &Value::Null);
    assert_eq!((answer.status, answer.reason().as_str()), (403, "limit"), "{answer:?}");
    assert!(answer.message().starts_with("2 objects were deleted before this: "), "{}", answer.message());
    // Clients would wait so long by themselves.
    assert!(answer.header("retry-after").is_none());
    assert!(answer.json()["details"]["retryAfterSeconds"].as_u64().is_some(), "{answer:?}");
    assert_eq!((scene.left().len(), scene.writes().len()), (3, 2));
    let again = scene.sweep("?propagationPolicy=Background", &Value::Null);
    assert!(again.message().starts_with("nothing was deleted before this: "), "{}", again.message());
    assert_eq!((scene.left().len(), scene.writes().len()), (3, 2));
}

#[test]
fn a_limit_without_a_condition_counts_each_object_of_a_collection() {
    let rules = "
- name: sweep
  verbs: [deletecollection]
  apiGroups: [batch]
  resources: [jobs]
  limits: [{requests: 1, per: day}]";
    let scene = Scene::new(rules, &["a", "b"]);
    let answer = scene.sweep("?propagationPolicy=Background", &Value::Null);
    assert_eq!((answer.status, answer.reason().as_str()), (403, "limit"), "{answer:?}");
    let writes = scene.writes();
    assert_eq!((scene.left().len(), writes.len(), writes[0].verb()), (1, 1, "delete"));
}

#[test]
fn a_dry_run_of_a_collection_under_a_condition_deletes_nothing() {
    let scene = Scene::new(CLEANER, &["done-a", "done-b", "running"]);
    for (query, body) in [("?dryRun=All", Value::Null), ("", json!({ "dryRun": ["All"] }))] {
        let answer = scene.sweep(query, &body);
        assert_eq!(
            (answer.status, answer.message().as_str()),
            (200, "2 objects would be deleted"),
            "{answer:?}"
        );
    }
    let writes = scene.writes();
    are_pinned(&writes);
    assert_eq!(writes.len(), 4);
    assert!(
        writes.iter().all(|event| event.json()["requestObject"]["dryRun"] == json!(["All"])),
        "{writes:#?}"
    );
    assert_eq!(scene.left(), ["done-a", "done-b", "running"]);
    for query in ["?dryRun=All", "?propagationPolicy=Orphan"] {
        assert_eq!(scene.sweep(query, &json!({})).status, 400, "options in the body and in the query");
    }
    assert_eq!(scene.left().len(), 3);
}

#[test]
fn what_its_caller_may_not_see_is_left_out_without_a_word() {
    let rules = "
- name: delete-completed-jobs
  verbs: [delete, deletecollection]
  apiGroups: [batch]
  resources: [jobs]
  when: oldObject.hasCondition('Complete')";
    let scene = Scene::new(rules, &["done", "running"]);
    let answer = scene.sweep("?propagationPolicy=Background", &Value::Null);
    assert_eq!((answer.status, answer.header("warning")), (200, None), "{answer:?}");
    assert!(!String::from_utf8_lossy(&answer.body).contains("running"));
    assert_eq!(scene.left(), ["running"]);
}

#[test]
fn who_takes_no_json_is_told_so_before_anything_is_deleted() {
    let scene = Scene::new(CLEANER, &["done"]);
    for accept in [
        "application/vnd.kubernetes.protobuf",
        "application/json;as=Table;g=meta.k8s.io;v=v1",
        "application/cbor, application/json;q=0",
    ] {
        let answer = scene.sweep_as("", &Value::Null, &[("Accept", accept)]);
        assert_eq!((answer.status, answer.reason().as_str()), (406, "only-json"), "{accept}");
    }
    assert_eq!(world().audit().of_agent(&scene.agent.name).len(), 0);
    let both = "application/vnd.kubernetes.protobuf, */*";
    assert_eq!(scene.sweep_as("", &Value::Null, &[("Accept", both)]).status, 200);
    assert_eq!(scene.writes().len(), 1);
}

#[test]
fn neither_all_namespaces_nor_another_api_version_nor_namespaces_are_a_way_around_the_condition() {
    let namespace = world().namespace("sweep");
    let rules = format!(
        "{CLEANER}
- name: delete-idle-scalers
  verbs: [deletecollection]
  apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  when: oldObject.spec.maxReplicas == 3
- name: delete-namespaces
  verbs: [delete, deletecollection]
  apiGroups: ['']
  resources: [namespaces]
  when: oldObject.metadata.name == '{namespace}'"
    );
    let agent = world().agent("sweeper", &rules, &[]);
    there(&namespace, &job("done"));
    complete(&namespace, "done");
    let scaler = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "idle" },
        "spec": { "maxReplicas": 3, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "x" } },
    });
    there(&namespace, &scaler);
    let call = |path: &str| wire::call(world().gateway(), &agent, "DELETE", path, &[], b"");
    for path in ["/apis/batch/v1/jobs", "/apis/batch/v1/jobs?fieldSelector=metadata.name%3Ddone"] {
        let answer = call(path);
        assert_eq!((answer.status, answer.reason().as_str()), (405, "no-collection"), "{path}: {answer:?}");
    }
    let namespaces = call(&format!("/api/v1/namespaces?fieldSelector=metadata.name%3D{namespace}"));
    assert_eq!((namespaces.status, namespaces.reason().as_str()), (403, "built-in"));
    let scalers = |version: &str| {
        call(&format!("/apis/autoscaling/{version}/namespaces/{namespace}/horizontalpodautoscalers"))
    };
    // The rule was written for v1, where the caller may not read them.
    let other = scalers("v2");
    assert_eq!((other.status, other.message().as_str()), (200, "0 objects deleted"), "{other:?}");
    let mut writes = world().audit().of_agent(&agent.name);
    writes.retain(|event| event.verb().starts_with("delete"));
    assert_eq!(writes.len(), 0, "{writes:#?}");
    let own = scalers("v1");
    assert_eq!((own.status, own.message().as_str()), (200, "1 object deleted"), "{own:?}");
}
