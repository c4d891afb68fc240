//! The declarative side of the command line, with the real program: exit statuses, completion, names.

use std::fs;
use std::process::{Command, Stdio};

use drawbridge_testkit::{Gateway, Options, run};

use super::binary;

fn scope(name: &str) -> String {
    format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: Scope\nmetadata: {{name: {name}}}\nspec:\n  rules:\n  \
         - {{verbs: [get], apiGroups: [batch], resources: [jobs]}}\n"
    )
}

#[test]
fn the_status_of_a_diff_tells_a_difference_from_trouble() {
    let mut gateway = Gateway::start(binary(), Options::default());
    let status = |gateway: &Gateway, input: &str| gateway.cli_with(&["diff", "-f", "-"], input).code;
    assert_eq!(status(&gateway, &scope("a")), Some(1), "it would be created");
    gateway.apply(&scope("a")).ok();
    assert_eq!(status(&gateway, &scope("a")), Some(0), "it is so already");
    assert_eq!(status(&gateway, &scope("A")), Some(3), "it is refused");
    assert_eq!(gateway.cli(&["diff", "-f", "-", "--prune"]).code, Some(2), "no directory to prune by");
    gateway.terminate();
    assert_eq!(status(&gateway, &scope("a")), Some(4), "nobody answers");
}

/// The status of a command whose output nobody reads: the other end of its pipe is closed before it starts.
fn unread(gateway: &Gateway, arguments: &[&str]) -> Option<i32> {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(binary());
    command.args(arguments).arg("--admin").arg(gateway.data().join("admin.json"));
    command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null()).status().unwrap().code()
}

#[test]
fn who_stops_reading_is_told_the_same_status() {
    let gateway = Gateway::start(binary(), Options::default());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("scope.yaml");
    fs::write(&file, scope("a")).unwrap();
    let file = file.display().to_string();
    assert_eq!(unread(&gateway, &["diff", "-f", &file]), Some(1), "it would be created");
    gateway.cli(&["apply", "-f", &file]).ok();
    assert_eq!(unread(&gateway, &["diff", "-f", &file]), Some(0), "it is so already");
    let missing = directory.path().join("missing.yaml").display().to_string();
    assert_eq!(unread(&gateway, &["diff", "-f", &missing]), Some(4), "it can't be read");
    let bad = ["explain", "--request", "GET /api?a b", "-o", "json"];
    assert_eq!(unread(&gateway, &bad), Some(3), "the request is refused");
    assert_eq!(unread(&gateway, &["get", "scopes"]), Some(0), "what only lists has nothing else to say");
    gateway.apply(AGENT).ok();
    for output in ["text", "json"] {
        let denied = ["explain", "idle", "get", "jobs", "-n", "x", "--cluster", "prod", "-o", output];
        assert_eq!(gateway.cli(&denied).code, Some(3), "it holds nothing");
        assert_eq!(unread(&gateway, &denied), Some(3), "and still so when nobody reads it");
    }
}

const AGENT: &str = "
apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {name: idle}
spec: {owner: me@example.com, purpose: Tests}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Cluster
metadata: {name: prod}
spec: {kubeconfig: {path: /nowhere/kubeconfig}}
";

#[test]
fn sourced_in_bash_the_completion_completes_subcommands_and_kinds() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("completion.bash");
    let mut print = Command::new(binary());
    let printed = run(print.args(["completion", "bash"]), b"").ok().stdout;
    fs::write(&script, printed).unwrap();
    let complete = |words: &str, typed: &str| {
        let asked = format!(
            "set -eu; source {}; COMP_WORDS=({words} '{typed}'); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             handler=$(complete -p drawbridge | sed 's/.*-F \\([^ ]*\\).*/\\1/'); COMPREPLY=(); \
             $handler drawbridge '{typed}' '' || true; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        run(Command::new("bash").args(["--norc", "-c", &asked]), b"").ok().stdout
    };
    let commands = complete("drawbridge", "de");
    assert!(commands.lines().any(|word| word == "describe"), "{commands}");
    assert!(commands.lines().any(|word| word == "delete"), "{commands}");
    let kinds = complete("drawbridge describe", "");
    assert!(kinds.lines().any(|word| word == "agents"), "{kinds}");
    let options = complete("drawbridge apply", "--pr");
    assert_eq!(options.trim(), "--prune");
    for shell in ["zsh", "fish"] {
        let mut print = Command::new(binary());
        assert!(run(print.args(["completion", shell]), b"").ok().stdout.contains("describe"));
    }
}

#[test]
fn a_name_that_is_none_is_one_sentence_each() {
    let gateway = Gateway::start(binary(), Options::default());
    let long = "a".repeat(254);
    let names = ["A", "a_b", "-a", "a-", "a..b", "\"\"", "\"a b\"", "\"a/b\"", "\"é\"", &long];
    let manifests: Vec<String> = names.iter().map(|name| scope(name)).collect();
    let run = gateway.apply(&manifests.join("---\n"));
    assert_eq!(run.code, Some(3), "{run}");
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(lines.len(), names.len() + 1, "{run}");
    for line in &lines[..names.len()] {
        assert!(line.contains("metadata.name: ") && line.contains("is not a name; one has "), "{line}");
    }
    assert!(lines[names.len()].contains("10 problems; nothing was changed"), "{run}");
}
