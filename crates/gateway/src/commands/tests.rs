//! What is typed, and what is refused before anything is done.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::Cli;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("drawbridge").chain(line.split_whitespace()))
}

#[test]
fn the_command_line_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn the_readme_names_every_command_and_no_other() {
    let readme = include_str!("../../../../README.md");
    let (_, table) = readme.split_once("\n| command | does |\n").unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let commands = rows.filter_map(|row| row.split('|').nth(1));
    let mut named: Vec<&str> = commands.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    named.sort_unstable();
    let cli = Cli::command();
    let mut there: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    there.sort_unstable();
    assert_eq!(named, there);
}

#[test]
fn what_the_help_shows_can_be_typed() {
    for line in [
        "serve",
        "serve --config drawbridge.yaml",
        "apply -f a.yaml -f dir --dry-run",
        "apply -f -",
        "get agents",
        "get grant cleanup-prod -o yaml",
        "get Cluster -o name",
        "delete grant cleanup-prod",
        "apply -f dir --prune --yes",
        "diff -f dir --prune",
        "describe agent cleanup",
        "completion bash",
        "log --last 0",
        "delete -f manifests",
        "grant cleanup --scope a --scope b --cluster prod --namespace ci-* --for 8h",
        "grant cleanup --scope a --cluster prod --until 2027-06-30T00:00:00Z --name g",
        "suspend agent cleanup --reason odd",
        "resume grant g",
        "revoke key SHA256:abc",
        "log",
        "log -f --agent a --object ci/jobs/x --result denied --since 1h --last 5 -o json",
        "enrol cleanup --owner me --purpose clean --key k --force",
        "credential --from key --key k",
        "credential --from key --key k --token --agent a --audience https://here",
        "kubeconfig cleanup --cluster prod --key k --server https://here:8443 --ca ca.pem --out f",
        "import --service-account a/b --cluster prod --agent x --owner me",
        "import --cluster-role view --context prod",
        "import --cluster-role-file -",
        "export rbac job-cleaner -o json",
        "export rbac job-cleaner --with-conditional",
        "suggest cleanup --since 7d --cluster prod --refused",
        "suggest --from-audit audit.log --user alice --owner me --cluster prod --since 1d",
        "suggest --from-audit -",
        "explain --request GET",
        "explain --request - -o json",
        "get agents --admin admin.json",
        "--admin admin.json get agents",
    ] {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
    }
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    for line in [
        "",
        "frobnicate",
        "serve --port 1",
        "apply",
        "get",
        "get pods",
        "get agents -o xml",
        "delete",
        "delete grant",
        "delete grant g -f x",
        "apply -f dir --yes",
        "diff",
        "describe agent",
        "describe pods x",
        "completion",
        "completion tcsh",
        "grant cleanup --scope a",
        "grant cleanup --cluster a",
        "grant cleanup --scope a --cluster b --until tomorrow",
        "grant cleanup --scope a --cluster b --for 2",
        "grant cleanup --scope a --cluster b --for 2h --until 2027-06-30T00:00:00Z",
        "suspend cleanup",
        "suspend cluster prod",
        "suspend agent",
        "log --object x",
        "log --since yesterday",
        "log --last many",
        "enrol Cleanup --owner me --purpose clean",
        "enrol cleanup --owner me",
        "credential --key k",
        "credential --from github --key k",
        "credential --from key",
        "credential --from key --key k --token",
        "credential --from key --key k --agent a",
        "kubeconfig cleanup --key k",
        "import",
        "import --cluster-role view --service-account a/b",
        "import --cluster-role view --agent x",
        "import --cluster-role-file f --context prod",
        "export",
        "export rbac",
        "export rbac a -o name",
        "suggest",
        "suggest cleanup --from-audit audit.log",
        "suggest cleanup --user alice",
        "suggest --from-audit audit.log --refused",
        "suggest cleanup --since yesterday",
        "explain",
        "explain --request",
        "explain --request a --request b",
        "explain --request - -o yaml",
        "explain cleanup --request -",
    ] {
        let error = parse(line).map(|_| ()).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for (line, kind) in [("--help", ErrorKind::DisplayHelp), ("--version", ErrorKind::DisplayVersion)] {
        assert_eq!(parse(line).map(|_| ()).unwrap_err().kind(), kind);
    }
    assert_eq!(parse("revoke --help").map(|_| ()).unwrap_err().exit_code(), 0);
}
