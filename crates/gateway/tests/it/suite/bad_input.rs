//! Wrong configs and manifests: every mistake is reported at once with its place and what would be right,
//! and nothing changes.

use std::fs;
use std::process::Command;

use drawbridge_testkit::{Gateway, Options, Run, run};

use super::record_rows;
use super::{binary, world};

/// Runs `serve` with a config that must not do.
fn serve(config: &str, directory: &std::path::Path) -> Run {
    let file = directory.join("drawbridge.yaml");
    fs::write(&file, config).unwrap();
    run(Command::new(binary()).current_dir(directory).args(["serve", "--config", "drawbridge.yaml"]), b"")
}

#[test]
fn a_config_with_five_mistakes_reports_all_five_with_their_places_and_nothing_is_begun() {
    let directory = tempfile::tempdir().unwrap();
    let config = "\
lisen: 127.0.0.1:8443
admin: localhost:8444
url: http://gate.example/x
data: state
tls:
  certFile: a.crt
limits:
  head: 10
";
    let run = serve(config, directory.path());
    assert_eq!(run.code, Some(1), "{run}");
    let said = run.stderr.replace("error: ", "");
    let places = ["1:1", "2:8", "3:6", "6:3", "8:9"];
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines.len(), lines[5]), (6, "the config has 5 problems; nothing was started"), "{run}");
    for (line, place) in lines.iter().zip(places) {
        assert!(line.starts_with(&format!("drawbridge.yaml:{place}: ")), "{line} is not at {place}");
    }
    for (line, right) in lines.iter().zip([
        "did you mean \"listen\"",
        "expected an IP address and a port such as",
        "expected https://HOST",
        "it holds the path of the certificate's private key",
        "expected a time with its unit",
    ]) {
        assert!(line.contains(right), "{line} doesn't say {right}");
    }
    assert!(!directory.path().join("state").exists(), "nothing is begun with a wrong config");
}

#[test]
fn a_config_that_is_no_yaml_or_not_there_is_told_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let run = serve("listen: [127.0.0.1:1\n", directory.path());
    assert_eq!((run.code, run.stderr.lines().count()), (Some(1), 2), "{run}");
    assert!(run.stderr.starts_with("drawbridge.yaml:1:9: "), "{run}");
    let mut missing = Command::new(binary());
    let run = drawbridge_testkit::run(missing.args(["serve", "--config", "/nowhere/x.yaml"]), b"");
    assert_eq!((run.code, run.stderr.lines().count()), (Some(1), 1), "{run}");
    assert!(run.stderr.contains("/nowhere/x.yaml") && run.stderr.contains("No such file"), "{run}");
}

/// Five mistakes in two documents.
const FIVE: &str = "\
apiVersion: drawbridge.dev/v1alpha1
kind: Scope
metadata: {name: Wrong_Name}
spec:
  rules:
  - name: a
    verbs: [get]
    apiGroups: ['']
    resources: [pods]
    require: approval
  - name: b
    verb: [get]
    verbs: [get]
    apiGroups: ['']
    resources: [pods]
---
apiVersion: drawbridge.dev/v1alpha1
kind: Grant
metadata: {name: g}
spec:
  agents: [nobody]
  scopes: [wrong]
  clusters: [local, nowhere]
";

/// The manifests that a gateway has.
fn manifests(gateway: &Gateway) -> String {
    let kinds = ["agents", "scopes", "grants", "clusters"];
    kinds.map(|kind| gateway.cli(&["get", kind, "-o", "yaml"]).ok().stdout).concat()
}

#[test]
fn a_manifest_with_five_mistakes_reports_all_five_with_their_places_and_changes_nothing() {
    let world = world();
    let gateway = world.own_gateway(Options::default());
    let directory = tempfile::tempdir().unwrap();
    let good =
        "apiVersion: drawbridge.dev/v1alpha1\nkind: Scope\nmetadata: {name: good}\nspec: {rules: []}\n";
    fs::write(directory.path().join("a-good.yaml"), good).unwrap();
    fs::write(directory.path().join("b-wrong.yaml"), FIVE).unwrap();
    let before = (manifests(&gateway), record_rows::all(&gateway, ""));
    for arguments in [vec![], vec!["--dry-run"]] {
        let name = directory.path().display().to_string();
        let run = gateway.cli(&[&["apply", "-f", &name][..], &arguments[..]].concat());
        assert_eq!(run.code, Some(3), "{run}");
        let problems: Vec<&str> = run
            .stderr
            .lines()
            .filter_map(|line| line.split_once("b-wrong.yaml:").map(|(_, rest)| rest))
            .collect();
        for (place, right) in [
            ("3:18", "lower-case"),
            ("10:5", "not built yet"),
            ("12:5", "verbs"),
            ("21:12", "nobody"),
            ("23:21", "nowhere"),
        ] {
            let told = problems.iter().any(|problem| problem.starts_with(place) && problem.contains(right));
            assert!(told, "nothing at {place} says {right}: {run}");
        }
        assert!(!run.stderr.contains("a-good.yaml"), "{run}");
    }
    assert_eq!((manifests(&gateway), record_rows::all(&gateway, "")), before);
}

#[test]
fn input_that_is_no_manifest_is_told_where_and_changes_nothing() {
    let world = world();
    let gateway = world.own_gateway(Options::default());
    let before = manifests(&gateway);
    let head = "apiVersion: drawbridge.dev/v1alpha1\n";
    for (text, words) in [
        ("{", "1:"),
        ("just words", "expected a map"),
        ("kind: Agent\n", "apiVersion"),
        (&format!("{head}kind: Robot\nmetadata: {{name: a}}\nspec: {{}}\n"), "Agent, Scope, Grant"),
        (
            &format!("{head}kind: Scope\nkind: Scope\nmetadata: {{name: a}}\nspec: {{rules: []}}\n"),
            "duplicate key",
        ),
        (&format!("{head}kind: Scope\nmetadata: {{name: a}}\nspec: {{rules: []}}\n---\n").repeat(2), "a"),
        ("a: &x [1]\nb: *x\n", "alias"),
        (&"[".repeat(10_000), "1:"),
        ("a\0b: c\n", "1:"),
        ("", "no manifest"),
    ] {
        let run = gateway.apply(text);
        assert!(matches!(run.code, Some(1 | 3)), "{text:.60}: {run}");
        assert!(run.stderr.contains(words), "{text:.60}: no {words:?} in {run}");
        assert!(!run.stderr.contains("panicked"), "{run}");
    }
    assert_eq!(manifests(&gateway), before);
}

#[test]
fn two_agents_with_the_same_key_are_refused_and_say_who_has_it() {
    let world = world();
    let gateway = world.own_gateway(Options::default());
    let agent =
        world.agent_on(&gateway, "first", "- {verbs: [get], apiGroups: [''], resources: [pods]}", &[]);
    let manifest = gateway.cli(&["get", "agent", &agent.name, "-o", "yaml"]).ok().stdout;
    let run = gateway.apply(&manifest.replace(&agent.name, "second"));
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.stderr.contains(&agent.name), "{run}");
    assert!(!gateway.cli(&["get", "agents", "-o", "name"]).ok().stdout.contains("second"));
}

#[test]
fn a_fifo_a_directory_without_manifests_and_bytes_that_are_no_text_are_told_in_one_line() {
    let world = world();
    let directory = tempfile::tempdir().unwrap();
    let bytes = directory.path().join("bytes.yaml");
    fs::write(&bytes, [0xff, 0xfe, 0]).unwrap();
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for (file, words) in [
        (bytes, "not UTF-8"),
        (empty, "has no .yaml"),
        (directory.path().join("nowhere.yaml"), "No such file"),
    ] {
        let file = file.display().to_string();
        let run = world.gateway().cli(&["apply", "-f", &file]);
        assert_eq!((run.code, run.stderr.lines().count()), (Some(1), 1), "{run}");
        assert!(run.stderr.contains(&file) && run.stderr.contains(words), "{run}");
    }
}
