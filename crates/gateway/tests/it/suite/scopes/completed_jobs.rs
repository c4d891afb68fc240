//! Deletes completed Jobs and nothing else.

use serde_json::{Value, json};

use super::super::world;
use super::{live, there};

pub(super) const CLEANER: &str = "
- name: see-jobs
  verbs: [get, list, watch]
  apiGroups: [batch]
  resources: [jobs]
- name: delete-completed-jobs
  verbs: [delete, deletecollection]
  apiGroups: [batch]
  resources: [jobs]
  when: oldObject.hasCondition('Complete')";

/// A Job that never gets a pod: nothing but this test says what became of it.
pub(in crate::suite) fn job(name: &str) -> Value {
    let container = json!({ "name": "c", "image": "registry.example/none" });
    let spec = json!({ "restartPolicy": "Never", "containers": [container] });
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": name },
        "spec": { "suspend": true, "template": { "spec": spec } },
    })
}

/// Says that a Job is complete, as its controller would.
#[track_caller]
pub(in crate::suite) fn complete(namespace: &str, name: &str) {
    let at = "2026-01-01T00:00:00Z";
    let condition = |kind: &str| json!({ "type": kind, "status": "True", "lastTransitionTime": at });
    let status = json!({ "status": {
        "startTime": at,
        "completionTime": at,
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
    }});
    let patch = ["patch", "job", name, "--subresource=status", "--type=merge", "-p", &status.to_string()];
    world().admin(&[&["-n", namespace][..], &patch].concat()).ok();
}

#[test]
fn a_completed_job_can_be_deleted_and_a_running_one_cannot() {
    let namespace = world().namespace("jobs");
    let agent = world().agent("cleaner", CLEANER, &[&namespace]);
    for name in ["done", "running"] {
        there(&namespace, &job(name));
    }
    complete(&namespace, "done");
    agent.kubectl(&["-n", &namespace, "delete", "job", "done", "--wait=false"]).ok();
    assert_eq!(live(&namespace, "job", "done"), None);
    let run = agent.kubectl(&["-n", &namespace, "delete", "job", "running"]);
    run.fails_with("delete-completed-jobs asks that oldObject.hasCondition('Complete')");
    assert!(live(&namespace, "job", "running").is_some());
    let run = agent.kubectl(&["-n", &namespace, "delete", "job", "missing"]);
    run.fails_with("jobs.batch \"missing\" not found");
}

#[test]
fn delete_all_takes_the_completed_jobs_and_leaves_the_running_one() {
    let namespace = world().namespace("jobs");
    let agent = world().agent("cleaner", CLEANER, &[&namespace]);
    for name in ["a", "b", "running"] {
        there(&namespace, &job(name));
    }
    complete(&namespace, "a");
    complete(&namespace, "b");
    let run = agent.kubectl(&["-n", &namespace, "delete", "jobs", "--all", "--wait=false"]);
    assert_eq!(run.code, Some(1), "{run}");
    let left = world().admin(&["-n", &namespace, "get", "jobs", "-o", "name"]).ok().stdout;
    assert_eq!(left, "job.batch/running\n");
}
