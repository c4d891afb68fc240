//! The scopes in deploy/examples: they apply as they stand, and their cases come out as they say.

use std::path::PathBuf;

use super::super::world;

/// The files of examples whose names end so.
fn files(ending: &str) -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/examples/scopes");
    let all = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = all.filter(|file| file.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    files
}

#[test]
fn every_example_of_a_scope_applies_without_a_warning_and_its_cases_come_out_as_they_say() {
    let cases = files(".cases.yaml");
    let scopes: Vec<_> = files(".yaml").into_iter().filter(|file| !cases.contains(file)).collect();
    assert_eq!((cases.len(), scopes.len()), (9, 9));
    let gateway = world().gateway();
    for (scope, cases) in scopes.iter().zip(&cases) {
        let run = gateway.cli(&["apply", "--dry-run", "-f", &scope.to_string_lossy()]).ok();
        assert!(!format!("{run}").contains("in the rule says that"), "{run}");
        let run = gateway.cli(&["test", "-f", &cases.to_string_lossy()]).ok();
        assert!(run.stdout.lines().count() >= 3 && !run.stdout.contains("FAILED"), "{run}");
    }
}

#[test]
fn a_case_that_comes_out_otherwise_fails_and_says_what_came_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.cases.yaml");
    let text = "apiVersion: drawbridge.dev/v1alpha1
kind: ScopeTest
metadata: {name: a}
spec:
  scopes: [job-cleaner]
  cases:
  - name: everything goes
    request: DELETE /apis/batch/v1/namespaces/shop/jobs/report
    oldObject: {metadata: {name: report}}
    expect: allow
";
    std::fs::write(&file, text).unwrap();
    let gateway = world().gateway();
    let run = gateway.cli(&["test", "-f", &file.to_string_lossy()]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("FAILED") && run.stdout.contains("delete-completed-jobs"), "{run}");
    std::fs::write(&file, text.replace("expect: allow", "expects: allow")).unwrap();
    gateway.cli(&["test", "-f", &file.to_string_lossy()]).fails_with("expects");
    std::fs::write(&file, text.replace("job-cleaner", "none-such")).unwrap();
    gateway.cli(&["test", "-f", &file.to_string_lossy()]).fails_with("no scope \"none-such\"");
}
