//! `lists: filtered`: lists and watches of all namespaces hold what the namespaced grants allow.

use drawbridge_testkit::Agent;

use super::super::streams::live::Live;
use super::super::world;
use super::labelled::map;
use super::there;

const READER: &str = "
- name: see
  verbs: [get, list, watch]
  apiGroups: ['']
  resources: [configmaps, namespaces, nodes]
- name: see-one
  verbs: [get, list, watch]
  apiGroups: ['']
  resources: [services]
  resourceNames: [web]";

struct Scene {
    agent: Agent,
    own: [String; 2],
    hidden: String,
}

fn scene(more: &str) -> Scene {
    let world = world();
    let [one, two, hidden] = ["filtered-a", "filtered-b", "unseen"].map(|stem| world.namespace(stem));
    for namespace in [&one, &two, &hidden] {
        there(namespace, &map(&format!("in-{namespace}"), "yes"));
        for name in ["web", "db"] {
            world.admin(&["-n", namespace, "create", "service", "clusterip", name, "--tcp=80:80"]).ok();
        }
    }
    let agent = world.agent("lists", READER, &[&one, &two]);
    world.grant(world.gateway(), &agent.name, READER, &[&one, &two], more);
    Scene { agent, own: [one, two], hidden }
}

#[test]
fn lists_of_all_namespaces_hold_what_the_grants_allow_and_nothing_else() {
    let Scene { agent, own: [one, two], hidden } = scene("  lists: filtered\n");
    let run = agent.kubectl(&["get", "configmaps", "-A", "-o", "name"]).ok();
    let mut names: Vec<_> = run.stdout.lines().filter(|line| !line.contains("kube-root-ca")).collect();
    names.sort_unstable();
    assert_eq!(names, [format!("configmap/in-{one}"), format!("configmap/in-{two}")]);
    assert!(run.stderr.contains("only what this agent may see"), "{run}");
    let table = agent.kubectl(&["get", "configmaps", "-A", "--no-headers"]).ok().stdout;
    assert!(table.contains(&one) && table.contains(&two) && !table.contains(&hidden), "{table}");
    let run = agent.kubectl(&["get", "namespaces", "-o", "name"]).ok();
    assert_eq!(run.stdout, format!("namespace/{one}\nnamespace/{two}\n"));
    let run = agent.kubectl(&["get", "services", "-A", "--no-headers"]).ok();
    assert_eq!(run.stdout.lines().count(), 2, "{run}");
    assert!(!run.stdout.contains("db"), "{run}");
    let run = agent.kubectl(&["-n", &one, "get", "services", "-o", "name"]).ok();
    assert_eq!(run.stdout, "service/web\n");
    // What has no namespace is nobody's, and another namespace is refused as ever.
    assert_eq!(agent.kubectl(&["get", "nodes", "-o", "name"]).stdout, "");
    agent.kubectl(&["-n", &hidden, "get", "configmaps"]).fails_with("forbidden");
    agent.kubectl(&["get", "namespace", &hidden]).fails_with(&hidden);
    agent.kubectl(&["get", "namespace", &one]).ok();
}

#[test]
fn watches_of_all_namespaces_show_what_the_grants_allow() {
    let Scene { agent, own: [one, _], hidden } = scene("  lists: filtered\n");
    let mut maps = Live::start(agent.command(&["get", "configmaps", "-A", "-w", "-o", "name"]));
    let mut spaces = Live::start(agent.command(&["get", "namespaces", "-w", "-o", "name"]));
    maps.shows(&format!("in-{one}"));
    spaces.shows(&one);
    there(&hidden, &map("secret-map", "yes"));
    world().admin(&["label", "namespace", &hidden, "a=b"]).ok();
    there(&one, &map("last", "yes"));
    maps.shows("configmap/last");
    world().admin(&["label", "namespace", &one, "a=b"]).ok();
    assert!(!maps.stdout().contains("secret-map") && !maps.stdout().contains(&hidden), "{}", maps.stdout());
    assert!(!spaces.stdout().contains(&hidden), "{}", spaces.stdout());
}

#[test]
fn without_it_lists_of_all_namespaces_are_refused() {
    let Scene { agent, own: [one, _], .. } = scene("");
    for what in ["configmaps", "services", "namespaces"] {
        agent.kubectl(&["get", what, "-A"]).fails_with("forbidden");
    }
    agent.kubectl(&["-n", &one, "get", "configmaps"]).ok();
    agent.kubectl(&["-n", &one, "get", "services"]).fails_with("forbidden");
}
