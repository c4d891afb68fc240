//! The watched directory of manifests, with the real gateway.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use drawbridge_testkit::{Gateway, Options};

use super::binary;

/// A directory and a data directory beside it.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(place.manifests()).unwrap();
        place
    }

    fn manifests(&self) -> PathBuf {
        self.directory.path().join("manifests")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.manifests().join(format!("{name}.yaml")), text).unwrap();
    }

    fn start(&self) -> Gateway {
        let config = format!("manifests: {}\n", self.manifests().display());
        let data = Some(self.directory.path().join("data"));
        Gateway::start(binary(), Options { data, config, ..Options::default() })
    }
}

pub(super) fn agent(name: &str) -> String {
    format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\n\
         spec: {{owner: me, purpose: Tests}}\n"
    )
}

fn agents(gateway: &Gateway) -> Vec<String> {
    let names = gateway.cli(&["get", "agents", "-o", "name"]).ok().stdout;
    names.lines().map(str::to_owned).collect()
}

#[track_caller]
pub(super) fn until(what: &str, passes: impl Fn() -> bool) {
    let started = Instant::now();
    while !passes() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what} did not come");
        thread::sleep(Duration::from_millis(50));
    }
}

/// What the probe says, which anybody may ask.
fn ready(gateway: &Gateway) -> (String, String) {
    let admin = fs::read_to_string(gateway.data().join("admin.json")).unwrap();
    let admin: serde_json::Value = serde_json::from_str(&admin).unwrap();
    let server = admin["server"].as_str().unwrap();
    let mut ask = Command::new("curl");
    ask.args(["-sS", "-w", "\n%{http_code}", "--cacert"]).arg(gateway.ca()).arg(format!("{server}/readyz"));
    let said = drawbridge_testkit::run(&mut ask, b"").ok().stdout;
    let (body, status) = said.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn the_directory_is_applied_at_start_and_when_it_changes_and_survives_its_own_mistakes() {
    let place = Place::new();
    for number in 0..6 {
        place.write(&format!("a{number}"), &agent(&format!("a{number}")));
    }
    let mut gateway = place.start();
    assert_eq!(agents(&gateway).len(), 6, "before anybody is served");
    assert_eq!(ready(&gateway), ("200".to_owned(), "ok\n".to_owned()));
    let by = gateway.record(&[]).iter().filter(|row| row["by"] == "manifests directory").count();
    assert_eq!(by, 6);

    place.write("new", &agent("new"));
    until("the new agent", || agents(&gateway).len() == 7);
    fs::remove_file(place.manifests().join("a0.yaml")).unwrap();
    until("the deletion", || agents(&gateway).len() == 6);

    place.write("a1", "apiVersion: drawbridge.dev/v1alpha1\nkind: Agnt\n");
    until("the warning", || gateway.cli(&["get", "agents"]).ok().stderr.contains("warning"));
    let said = gateway.cli(&["get", "agents"]).ok();
    assert!(said.stderr.contains("a1.yaml:2:7: ") && said.stderr.contains("did you mean Agent"), "{said}");
    assert_eq!(said.stdout.lines().count(), 7, "the last good state: {said}");
    let (status, body) = ready(&gateway);
    assert_eq!(status, "200", "a mistake in a manifest stops no agent");
    assert!(body.contains("last good") && !body.contains("Agnt"), "{body}");
    assert!(gateway.log().contains("a1.yaml:2:7: "), "{}", gateway.log());

    // Started with the mistake, it serves what the database has.
    gateway.cli(&["suspend", "agent", "a2"]).ok();
    gateway.cli(&["revoke", "agent", "a3"]).ok();
    gateway.terminate();
    let gateway = place.start();
    assert_eq!(agents(&gateway).len(), 6);
    assert!(ready(&gateway).1.contains("last good"));
    place.write("a1", &agent("a1"));
    until("the end of the warning", || ready(&gateway).1 == "ok\n");
    let stands = gateway.cli(&["get", "agents"]).ok().stdout;
    assert!(stands.contains("suspended") && stands.contains("revoked"), "{stands}");
}

#[test]
fn what_a_person_changes_in_what_the_directory_has_is_said_to_lose_and_loses() {
    let place = Place::new();
    place.write("a", &agent("a"));
    let gateway = place.start();
    let run = gateway.apply(&agent("a").replace("owner: me", "owner: you")).ok();
    assert!(run.stderr.contains("comes from the manifests directory"), "{run}");
    until("the directory's word", || !gateway.cli(&["get", "agents"]).ok().stdout.contains("you"));
    // What a person made is theirs, and pruning by hand leaves what is the directory's.
    gateway.apply(&agent("mine")).ok();
    let other = place.directory.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("x.yaml"), agent("x")).unwrap();
    gateway.cli(&["apply", "--prune", "--yes", "-f", &other.display().to_string()]).ok();
    assert_eq!(agents(&gateway), ["agent/a", "agent/x"]);
}

#[test]
fn a_swap_of_a_mounted_config_map_is_applied_whole() {
    let place = Place::new();
    let (path, one, two) = (place.manifests(), "..2026_01", "..2026_02");
    for number in 0..5 {
        place.write(&format!("a{number}"), &agent(&format!("a{number}")));
    }
    let files: Vec<String> = (0..5).map(|number| format!("a{number}.yaml")).collect();
    copy(&path, &place.directory.path().join("one"));
    fs::rename(place.directory.path().join("one"), path.join(one)).unwrap();
    std::os::unix::fs::symlink(one, path.join("..data")).unwrap();
    for file in &files {
        fs::remove_file(path.join(file)).unwrap();
        std::os::unix::fs::symlink(format!("..data/{file}"), path.join(file)).unwrap();
    }
    let gateway = place.start();
    assert_eq!(agents(&gateway).len(), 5);
    copy(&path.join(one), &path.join(two));
    for file in &files {
        let text = fs::read_to_string(path.join(two).join(file)).unwrap();
        fs::write(path.join(two).join(file), text.replace("owner: me", "owner: you")).unwrap();
    }
    std::os::unix::fs::symlink(two, path.join("..tmp")).unwrap();
    fs::rename(path.join("..tmp"), path.join("..data")).unwrap();
    fs::remove_dir_all(path.join(one)).unwrap();
    until("the swap", || gateway.cli(&["get", "agents"]).ok().stdout.matches("you").count() == 5);
    let of = |change: &str| gateway.record(&[]).iter().filter(|row| row["what"]["change"] == change).count();
    assert_eq!((of("created"), of("configured")), (5, 5));
    // Two halves would be two lines, of fewer than five.
    let whole = || {
        let log = gateway.log();
        log.lines().filter(|line| line.contains("is applied") && line.contains("\"changed\":5,")).count()
    };
    until("the line of a swap that was applied whole", || whole() == 2);
}
