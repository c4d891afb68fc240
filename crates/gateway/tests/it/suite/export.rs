//! `drawbridge export rbac`: what the real API server makes of an exported scope, by its own reviews.

use drawbridge_testkit::{Gateway, World};
use serde_json::Value;

use super::world;

const RULES: &str = r#"
- {name: see, verbs: [get, list], apiGroups: ["", apps], resources: [pods, configmaps, deployments]}
- {name: jobs, verbs: ["*"], apiGroups: [batch], resources: [jobs, jobs/status]}
- {name: star, verbs: ["*"], apiGroups: [""], resources: [secrets, serviceaccounts/token]}
- {name: exact, verbs: [get], apiGroups: [""], resources: [secrets], resourceNames: [known]}
- {name: roles, verbs: ["*"], apiGroups: [rbac.authorization.k8s.io], resources: [roles]}
- {name: all-of-apps, verbs: [delete], apiGroups: [apps], resources: ["*"]}
- {name: enter, verbs: [create], apiGroups: [""], resources: [pods/exec]}
- {name: look-in, verbs: [get], apiGroups: [""], resources: [services/proxy]}
- {name: never, effect: deny, verbs: [delete], apiGroups: [events.k8s.io], resources: [events]}
"#;

/// Verb, resource, subresource, name.
const ASKED: [(&str, &str, &str, &str); 22] = [
    ("get", "pods", "", ""),
    ("watch", "pods", "", ""),
    ("list", "deployments.apps", "", ""),
    ("get", "deployments.apps", "scale", "x"),
    ("delete", "deployments.apps", "", "x"),
    ("delete", "statefulsets.apps", "", "x"),
    ("delete", "pods", "", "x"),
    ("deletecollection", "jobs.batch", "", ""),
    ("create", "jobs.batch", "", ""),
    ("get", "jobs.batch", "status", "x"),
    ("get", "secrets", "", "known"),
    ("get", "secrets", "", "other"),
    ("list", "secrets", "", ""),
    ("delete", "secrets", "", "x"),
    ("create", "serviceaccounts", "token", "x"),
    ("get", "roles.rbac.authorization.k8s.io", "", "x"),
    ("create", "roles.rbac.authorization.k8s.io", "", ""),
    ("delete", "roles.rbac.authorization.k8s.io", "", "x"),
    ("create", "pods", "exec", "x"),
    ("create", "pods", "attach", "x"),
    ("get", "services", "proxy", "x"),
    ("list", "nodes", "", ""),
];

/// Whether the API server's own authorizer lets a user do it.
pub(super) fn there(world: &World, user: &str, namespace: &str, asked: (&str, &str, &str, &str)) -> bool {
    let (verb, resource, subresource, name) = asked;
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let review = serde_json::json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": { "user": user, "resourceAttributes": { "verb": verb, "group": group, "resource": resource,
            "subresource": subresource, "name": name, "namespace": namespace } } });
    let answer = world.admin_with(&["create", "-f", "-", "-o", "json"], review.to_string().as_bytes()).ok();
    let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
    answer["status"]["allowed"] == true
}

/// Whether the gateway lets an agent do it.
pub(super) fn here(gateway: &Gateway, agent: &str, namespace: &str, asked: (&str, &str, &str, &str)) -> bool {
    let (verb, resource, subresource, name) = asked;
    let resource =
        if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
    let mut line = vec!["explain", agent, verb, &resource];
    if !name.is_empty() {
        line.push(name);
    }
    line.extend(["-n", namespace, "--cluster", "local", "-o", "json"]);
    let run = gateway.cli(&line);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    answer["decision"] == "allowed"
}

/// Binds a ClusterRole in a namespace to a user of its name.
pub(super) fn bind(world: &World, role: &str, namespace: &str) {
    let (role, user) = (format!("--clusterrole={role}"), format!("--user={role}"));
    let name = format!("{namespace}-{}", world.name("exported"));
    world.admin(&["create", "rolebinding", &name, &role, &user, "-n", namespace]).ok();
}

#[test]
fn the_real_api_server_answers_an_exported_scope_as_the_gateway_answers_the_scope() {
    let world = world();
    let gateway = world.gateway();
    let namespace = world.namespace("exported");
    let agent = world.agent("exported", RULES, &[&namespace]).name;
    let run = gateway.cli(&["export", "rbac", &agent]).ok();
    for words in [
        "never: LEFT OUT, since RBAC has no deny rules",
        "look-in: LEFT OUT: services/proxy, which needs the verb create here",
        "no grant of Drawbridge's reaches the namespaces",
    ] {
        assert!(
            run.stderr.contains(words) && run.stdout.contains(words.rsplit(": ").next().unwrap()),
            "{run}"
        );
    }
    world.admin_with(&["apply", "-f", "-"], run.stdout.as_bytes()).ok();
    bind(world, &agent, &namespace);
    let mut allowed = 0;
    for asked in ASKED {
        let (here, there) =
            (here(gateway, &agent, &namespace, asked), there(world, &agent, &namespace, asked));
        assert_eq!(here, there, "{asked:?}, exported as\n{}", run.stdout);
        allowed += usize::from(here);
    }
    assert!((5..ASKED.len() - 5).contains(&allowed), "{allowed} of them are allowed");
    // The same as JSON, which the API server takes as well and finds nothing new in.
    let json = gateway.cli(&["export", "rbac", &agent, "-o", "json"]).ok().stdout;
    let again = world.admin_with(&["apply", "-f", "-"], json.as_bytes()).ok();
    assert!(again.stdout.contains("unchanged"), "{again}");
}

#[test]
fn a_scope_that_is_not_there_cannot_be_exported() {
    let run = world().gateway().cli(&["export", "rbac", "nothing"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("there is no scope \"nothing\"") && run.stdout.is_empty(), "{run}");
}
