//! ClusterRoles that become scopes: imported, or pasted in by hand.

use std::fs;

use super::export::{bind, here, there};
use super::world;

const ROLE: &str = r#"apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: NAME
rules:
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [settings]
  verbs: [get, delete]
- apiGroups: [""]
  resources: [secrets]
  verbs: [list]
- nonResourceURLs: [/metrics]
  verbs: [get]
"#;

/// Verb, resource, subresource, name.
const ASKED: [(&str, &str, &str, &str); 9] = [
    ("get", "jobs.batch", "", "x"),
    ("watch", "cronjobs.batch", "", ""),
    ("delete", "jobs.batch", "", "x"),
    ("get", "configmaps", "", "settings"),
    ("delete", "configmaps", "", "settings"),
    ("get", "configmaps", "", "other"),
    ("list", "configmaps", "", ""),
    ("list", "secrets", "", ""),
    ("get", "secrets", "", "x"),
];

#[test]
fn an_imported_cluster_role_means_here_what_it_means_there_and_comes_back_the_same() {
    let world = world();
    let gateway = world.gateway();
    let namespace = world.namespace("pasted");
    let name =
        world.agent("pasted", "- {verbs: [get], apiGroups: [x.io], resources: [none]}", &[&namespace]).name;
    let role = ROLE.replace("NAME", &name);
    world.admin_with(&["apply", "-f", "-"], role.as_bytes()).ok();
    bind(world, &name, &namespace);
    let kubeconfig = world.cluster().admin_kubeconfig().display().to_string();
    let fetched = gateway.cli(&["import", "--cluster-role", &name, "--kubeconfig", &kubeconfig]).ok().stdout;
    let read = gateway.cli_with(&["import", "--cluster-role-file", "-"], &role).ok().stdout;
    assert_eq!(fetched, read, "from the cluster it is what stands in the file");
    assert!(read.contains("rule-3: KEPT, named exactly (secrets)"), "{read}");
    // The agent's grant names a scope of this name.
    gateway.apply(&read).ok();
    for asked in ASKED {
        let (here, there) = (here(gateway, &name, &namespace, asked), there(world, &name, &namespace, asked));
        assert_eq!(here, there, "{asked:?} of\n{read}");
    }
    let back = gateway.cli(&["export", "rbac", &name]).ok().stdout;
    let again = world.admin_with(&["apply", "-f", "-"], back.as_bytes()).ok();
    assert!(again.stdout.contains("unchanged"), "{again}\n{back}");
}

#[test]
fn a_cluster_role_given_to_apply_says_which_three_lines_make_it_a_scope() {
    let world = world();
    let gateway = world.gateway();
    let role = ROLE.replace("NAME", &world.name("by-hand"));
    let run = gateway.apply(&role);
    assert_eq!(run.code, Some(3), "{run}");
    assert_eq!(run.stderr.lines().count(), 2, "one problem and the sum: {run}");
    for words in ["apiVersion: drawbridge.dev/v1alpha1", "kind: Scope", "spec:", "--cluster-role-file"] {
        assert!(run.stderr.contains(words), "no {words:?} in {run}");
    }
    // What it says, done.
    let (head, rules) = role.split_once("rules:").unwrap();
    let head = head.replace("rbac.authorization.k8s.io/v1", "drawbridge.dev/v1alpha1");
    let head = head.replace("kind: ClusterRole", "kind: Scope");
    let rules: String = format!("rules:{rules}").lines().map(|line| format!("  {line}\n")).collect();
    gateway.apply(&format!("{head}spec:\n{rules}")).ok();
}

#[test]
fn roles_that_are_not_there_or_not_readable_are_named() {
    let world = world();
    let gateway = world.gateway();
    let kubeconfig = world.cluster().admin_kubeconfig().display().to_string();
    let ends = |arguments: &[&str], words: &str| {
        let run = gateway.cli(arguments);
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains(words) && run.stdout.is_empty(), "no {words:?} in {run}");
    };
    ends(
        &["import", "--cluster-role", "nothing", "--kubeconfig", &kubeconfig],
        "has no ClusterRole \"nothing\"",
    );
    ends(
        &["import", "--cluster-role", "a/b", "--kubeconfig", &kubeconfig],
        "\"a/b\" is no ClusterRole's name",
    );
    ends(&["import", "--cluster-role-file", "/nowhere/r.yaml"], "/nowhere/r.yaml can't be read");
    let file = world.directory().join(world.name("role"));
    let path = file.display().to_string();
    fs::write(&file, "kind: ConfigMap\n").unwrap();
    ends(&["import", "--cluster-role-file", &path], "has no ClusterRole and no Role");
    let aggregated = "kind: ClusterRole\nmetadata: {name: a}\naggregationRule: {clusterRoleSelectors: []}\n";
    fs::write(&file, aggregated).unwrap();
    ends(&["import", "--cluster-role-file", &path], "import it from the cluster with --cluster-role");
    assert_eq!(gateway.cli(&["import"]).code, Some(2));
}
