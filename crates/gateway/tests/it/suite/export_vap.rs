//! `drawbridge export vap`: what the real API server's admission makes of an exported scope.

use std::time::{Duration, Instant};

use drawbridge_testkit::Run;
use serde_json::json;

use super::scopes::completed_jobs::{complete, job};
use super::world;
use super::writes::until_created;

const RULES: &str = r#"
- {name: see, verbs: [get, list], apiGroups: ["", batch], resources: [configmaps, jobs]}
- {name: make, verbs: [create], apiGroups: [""], resources: [configmaps],
   when: "object.metadata.name.startsWith('ok') && object.data.a != 'bad'"}
- {name: change, verbs: [update, patch], apiGroups: [""], resources: [configmaps],
   when: "object.data.a == oldObject.data.a"}
- {name: end, verbs: [delete], apiGroups: [batch], resources: [jobs],
   when: oldObject.hasCondition("Complete"), limits: [{requests: 500, per: hour}]}
- {name: clean, verbs: [delete], apiGroups: [""], resources: [configmaps]}
- {name: keep, effect: deny, verbs: [delete], apiGroups: [""], resources: [configmaps], resourceNames: [keep]}
- {name: grow, verbs: [patch], apiGroups: [apps], resources: [deployments],
   when: "changed.all(p, p == '/spec/replicas')"}
"#;

/// Writes, each with the word that says what it is about. Nothing is done in earnest.
const ASKED: [&[&str]; 12] = [
    &["create", "configmap", "ok-new", "--from-literal=a=b"],
    &["create", "configmap", "ok-new", "--from-literal=a=bad"],
    &["create", "configmap", "ok-new"],
    &["create", "configmap", "new", "--from-literal=a=b"],
    &["create", "serviceaccount", "ok-new"],
    &["patch", "configmap", "one", "-p", r#"{"data":{"b":"c"}}"#],
    &["patch", "configmap", "one", "-p", r#"{"data":{"a":"c"}}"#],
    &["patch", "job", "done", "-p", r#"{"metadata":{"labels":{"a":"b"}}}"#],
    &["delete", "configmap", "one"],
    &["delete", "configmap", "keep"],
    &["delete", "job", "done"],
    &["delete", "job", "running"],
];

/// Whether a write was let through; whatever else goes wrong is no answer.
#[track_caller]
fn allowed(run: &Run) -> bool {
    let refused = ["forbidden", "denied request"].iter().any(|words| run.stderr.contains(words));
    assert!(run.code == Some(0) || refused, "{run}");
    run.code == Some(0)
}

#[test]
fn the_api_server_s_own_admission_answers_an_exported_scope_as_the_gateway_answers_the_scope() {
    let world = world();
    let gateway = world.gateway();
    let namespace = world.namespace("vap");
    let agent = world.agent("vap", RULES, &[&namespace]);
    for name in ["one", "keep"] {
        let metadata = json!({ "name": name });
        let map =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"} });
        until_created(&namespace, &map);
    }
    for name in ["done", "running"] {
        until_created(&namespace, &job(name));
    }
    complete(&namespace, "done");
    let dry = |asked: &[&'static str]| -> Vec<String> {
        let ends = ["--dry-run=server", "-n", &namespace].map(str::to_owned);
        asked.iter().map(|&word| word.to_owned()).chain(ends).collect()
    };
    let here = |asked: &[&'static str]| {
        let line = dry(asked);
        allowed(&agent.kubectl(&line.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    // The agent's writes go through admission, too: it is asked before the policy is there.
    let answers: Vec<bool> = ASKED.iter().map(|asked| here(asked)).collect();

    let run = gateway.cli(&["export", "vap", &agent.name]).ok();
    for words in ["end: WIDER THERE: its limits", "grow: LEFT OUT, since admission has no changed"] {
        assert!(run.stderr.contains(words) && run.stdout.contains(words), "no {words:?} in {run}");
    }
    world.admin_with(&["apply", "-f", "-"], run.stdout.as_bytes()).ok();
    let user = format!("--as=system:serviceaccount:drawbridge-agents:{}", agent.name);
    let there = |asked: &[&'static str]| {
        let mut line = dry(asked);
        line.push(user.clone());
        line.push("--as-group=system:serviceaccounts:drawbridge-agents".to_owned());
        world.admin(&line.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let began = Instant::now();
    while there(ASKED[4]).code == Some(0) {
        assert!(began.elapsed() < Duration::from_secs(60), "the policy never came into force");
    }
    for (asked, here) in ASKED.iter().zip(&answers) {
        let run = there(asked);
        assert_eq!(allowed(&run), *here, "{asked:?}: {run}\nexported as\n{}", world_text(&agent.name));
        if !here {
            let admission = ["does not allow this agent to do it", "resulted in error"];
            assert!(admission.iter().any(|words| run.stderr.contains(words)), "{run}");
        }
    }
    let yes = answers.iter().filter(|yes| **yes).count();
    assert!((3..ASKED.len() - 3).contains(&yes), "{yes} of them are allowed");
    let name = format!("drawbridge-scope-{}", agent.name);
    world.admin(&["delete", "validatingadmissionpolicybinding", &name]).ok();
    world.admin(&["delete", "validatingadmissionpolicy", &name]).ok();
}

fn world_text(scope: &str) -> String {
    world().gateway().cli(&["export", "vap", scope]).stdout
}

#[test]
fn a_policy_without_anybody_to_hold_it_against_is_not_exported() {
    let run = world().gateway().cli(&["export", "vap", "scaler", "-o", "json"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("no grant names the scope \"scaler\"") && run.stdout.is_empty(), "{run}");
    let run = world().gateway().cli(&["export", "vap", "job-cleaner", "--agent", "cleanup"]).ok();
    assert!(run.stdout.contains("system:serviceaccount:drawbridge-agents:cleanup"), "{run}");
}

#[test]
fn built_in_scopes_are_shown_as_such_and_exported() {
    let gateway = world().gateway();
    let listed = gateway.cli(&["get", "scopes"]).ok().stdout;
    let view = listed.lines().find(|line| line.starts_with("view ")).unwrap_or_else(|| panic!("{listed}"));
    assert!(view.contains("built in"), "{listed}");
    let yaml = gateway.cli(&["get", "scope", "view", "-o", "yaml"]).ok().stdout;
    assert!(yaml.contains("name: view") && !yaml.contains("builtIn"), "{yaml}");
    let all = gateway.cli(&["get", "scopes", "-o", "yaml"]).ok().stdout;
    assert!(!all.contains("name: view\n"), "applied again they would become manifests");
    let page = gateway.cli(&["describe", "scope", "job-cleaner"]).ok().stdout;
    assert!(page.contains("it is built in") && page.contains("delete-completed-jobs"), "{page}");
    let role = gateway.cli(&["export", "rbac", "view"]).ok().stdout;
    assert!(role.contains("kind: ClusterRole"), "{role}");
    let gone = gateway.cli(&["delete", "scope", "view"]);
    assert_eq!(gone.code, Some(1), "{gone}");
}
