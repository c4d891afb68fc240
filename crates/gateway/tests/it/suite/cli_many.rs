//! Ten thousand manifests: in one call, in a directory, and wrong.

use std::fmt::Write as _;
use std::fs;

use drawbridge_testkit::{Gateway, Options};

use super::binary;
use super::cli_directory::{agent, until};

const MANY: usize = 10_000;
/// The most memory that the gateway may ever have had, in KiB: far under a thousand times their text.
const MOST: u64 = 700 * 1024;

fn all() -> Vec<String> {
    (0..MANY).map(|number| agent(&format!("agent-{number:05}"))).collect()
}

/// The most memory that a process had, in KiB.
fn peak(gateway: &Gateway) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

fn count(gateway: &Gateway) -> usize {
    gateway.cli(&["get", "agents", "-o", "name"]).ok().stdout.lines().count()
}

#[test]
fn ten_thousand_manifests_are_one_apply_with_a_summary() {
    let gateway = Gateway::start(binary(), Options::default());
    let text = all().join("---\n");
    let run = gateway.apply(&text).ok();
    assert_eq!(run.stdout.lines().count(), MANY + 1);
    assert!(run.stdout.ends_with("10000 manifests: 10000 created\n"));
    assert_eq!(run.stderr.lines().count(), 101, "a hundred warnings, and how many more");
    assert!(run.stderr.ends_with("… and 19900 more warnings\n"), "{}", run.stderr);
    assert_eq!(count(&gateway), MANY);
    let again = gateway.apply(&text).ok();
    assert_eq!(again.stdout, "10000 manifests: 10000 unchanged\n");
    let run = gateway.cli_with(&["diff", "-f", "-"], &text.replace("owner: me", "owner: you"));
    assert_eq!(run.code, Some(1));
    assert!(peak(&gateway) < MOST, "{} KiB", peak(&gateway));
}

#[test]
fn ten_thousand_mistakes_are_a_thousand_lines_and_a_count() {
    let gateway = Gateway::start(binary(), Options::default());
    let mut text = String::new();
    for manifest in all() {
        writeln!(text, "{}---", manifest.replace("owner", "ownr")).unwrap();
    }
    let run = gateway.apply(&text);
    assert_eq!(run.code, Some(3));
    assert_eq!(run.stderr.lines().count(), 1_001, "{}", run.stderr.lines().last().unwrap());
    assert!(run.stderr.ends_with("1000 problems and 19000 more; nothing was changed\n"), "{run}");
    assert_eq!(count(&gateway), 0);
}

#[test]
fn ten_thousand_files_are_applied_from_the_directory_and_by_hand() {
    let directory = tempfile::tempdir().unwrap();
    let manifests = directory.path().join("manifests");
    fs::create_dir(&manifests).unwrap();
    for (number, text) in all().iter().enumerate() {
        fs::write(manifests.join(format!("{number:05}.yaml")), text).unwrap();
    }
    let config = format!("manifests: {}\n", manifests.display());
    let gateway = Gateway::start(binary(), Options { config, ..Options::default() });
    assert_eq!(count(&gateway), MANY);
    fs::write(manifests.join("more.yaml"), agent("more")).unwrap();
    until("the one that is new", || count(&gateway) == MANY + 1);
    let path = manifests.display().to_string();
    let run = gateway.cli(&["apply", "--prune", "-f", &path]).ok();
    assert_eq!(run.stdout, "10001 manifests: 10001 unchanged\n");
    assert!(run.stderr.starts_with("applying 10001 files, "), "{run}");
    assert!(peak(&gateway) < MOST, "{} KiB", peak(&gateway));
}
