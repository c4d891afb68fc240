//! What becomes of a directory that changes, look by look.

use std::os::unix::fs::symlink;
use std::time::Duration;

use drawbridge_policy::{AgentName, Millis};
use drawbridge_store::{Location, Store};
use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::cluster::Patience;
use crate::lease::Leases;
use crate::record::writer::Record;
use crate::state::Parts;
use crate::state::change::Verdict;
use crate::state::standing::Subject;

struct Scene {
    dir: TempDir,
    state: Arc<State>,
    directory: Arc<Directory>,
}

impl Scene {
    async fn new() -> Scene {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("manifests")).unwrap();
        let state = state(&dir).await;
        let directory = Arc::new(Directory::new(dir.path().join("manifests")));
        Scene { dir, state, directory }
    }

    /// Ends it and starts it again on the same database.
    async fn again(self) -> Scene {
        self.state.store().close().await;
        let state = state(&self.dir).await;
        let directory = Arc::new(Directory::new(self.dir.path().join("manifests")));
        Scene { dir: self.dir, state, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("manifests").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), format!("apiVersion: drawbridge.dev/v1alpha1\n{text}")).unwrap();
    }

    /// Scopes in files of their own.
    fn scopes(&self, names: &[&str]) {
        for name in names {
            self.write(&format!("{name}.yaml"), &scope(name, "get"));
        }
    }

    fn has(&self) -> Vec<String> {
        let snapshot = self.state.snapshot();
        snapshot.manifests().iter().map(|stored| stored.row.name.clone()).collect()
    }

    async fn apply(&self, text: &str) -> Report {
        let text = format!("apiVersion: drawbridge.dev/v1alpha1\n{text}");
        let sources = vec![Source { file: "by hand".to_owned(), text }];
        let author = Author { by: "me".to_owned(), reason: String::new() };
        self.state.apply(Asked::to_apply(sources), &author).await.unwrap()
    }

    async fn events(&self) -> Vec<String> {
        let rows = self.state.store().entries(&Default::default(), 0, 1_000).await.unwrap();
        rows.into_iter().map(|row| row.row.body).collect()
    }
}

async fn state(dir: &TempDir) -> Arc<State> {
    let store = Store::open(&Location::Sqlite(dir.path().join("db"))).await.unwrap();
    let clock = Clock::new(|| Millis(1_800_000_000_000));
    let (record, _writer) = Record::new(store.clone(), clock.clone(), 16, Duration::from_millis(10));
    let second = Duration::from_secs(1);
    let patience = Patience { connect: second, answer: second };
    let watched = Some(dir.path().join("manifests"));
    let (leases, tasks) = (Leases::default(), tokio_util::task::TaskTracker::new());
    let parts = Parts { store, leases, record, clock, patience, watched, tasks };
    Arc::new(State::load(parts).await.unwrap())
}

fn scope(name: &str, verb: &str) -> String {
    format!(
        "kind: Scope\nmetadata: {{name: {name}}}\nspec:\n  rules:\n  - {{verbs: [{verb}], apiGroups: [batch], \
         resources: [jobs]}}\n"
    )
}

fn agent(name: &str) -> String {
    format!("kind: Agent\nmetadata: {{name: {name}}}\nspec: {{owner: me, purpose: Tests}}\n")
}

const SIX: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[tokio::test]
async fn the_directory_is_applied_and_the_record_says_by_whom() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    scene.directory.begin(&scene.state).await;
    assert_eq!(scene.has(), SIX);
    assert_eq!((scene.directory.condition().files, scene.directory.condition().warnings().len()), (6, 0));
    let events = scene.events().await;
    assert_eq!(events.len(), 6);
    assert!(events.iter().all(|event| event.contains("\"by\":\"manifests directory\"")), "{events:?}");
}

#[tokio::test]
async fn a_change_is_applied_once_it_has_settled() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    let mut watch = scene.directory.begin(&scene.state).await;
    scene.scopes(&["g"]);
    watch.again().await;
    assert_eq!(scene.has(), SIX, "it may still be changing");
    scene.scopes(&["h"]);
    watch.again().await;
    assert_eq!(scene.has(), SIX, "it was still changing");
    watch.again().await;
    assert_eq!(scene.has().len(), 8);
}

#[tokio::test]
async fn a_state_that_is_wrong_keeps_the_last_good_one_and_says_where() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    let mut watch = scene.directory.begin(&scene.state).await;
    scene.write("a.yaml", "kind: Scope\nmetadata: {name: a}\nspec: {ruls: []}\n");
    std::fs::remove_file(scene.path("b.yaml")).unwrap();
    watch.again().await;
    watch.again().await;
    assert_eq!(scene.has(), SIX, "nothing of a wrong state is applied, no deletion either");
    let condition = scene.directory.condition();
    let place = format!("{}:4:8: ", scene.path("a.yaml").display());
    assert!(condition.problems.iter().any(|problem| problem.starts_with(&place)), "{condition:?}");
    assert!(condition.warnings()[0].contains("what was last good is in force"), "{condition:?}");
    scene.scopes(&["a"]);
    watch.again().await;
    watch.again().await;
    assert_eq!(scene.has(), ["a", "c", "d", "e", "f"]);
    assert!(scene.directory.condition().warnings().is_empty());
}

#[tokio::test]
async fn what_is_wrong_at_the_start_leaves_what_the_database_has() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    scene.directory.begin(&scene.state).await;
    std::fs::write(scene.path("a.yaml"), "{").unwrap();
    let scene = scene.again().await;
    scene.directory.begin(&scene.state).await;
    assert_eq!(scene.has(), SIX);
    assert!(!scene.directory.condition().problems.is_empty());
    std::fs::remove_dir_all(scene.dir.path().join("manifests")).unwrap();
    let scene = scene.again().await;
    scene.directory.begin(&scene.state).await;
    assert_eq!(scene.has(), SIX, "a directory that isn't there is no empty one");
    assert!(scene.directory.condition().problems[0].contains("manifests: can't be read"));
}

#[tokio::test]
async fn a_deleted_file_prunes_what_came_from_the_directory_and_nothing_else() {
    let scene = Scene::new().await;
    scene.apply(&scope("mine", "get")).await;
    scene.scopes(&SIX);
    let mut watch = scene.directory.begin(&scene.state).await;
    std::fs::remove_file(scene.path("a.yaml")).unwrap();
    watch.again().await;
    watch.again().await;
    assert_eq!(scene.has(), ["b", "c", "d", "e", "f", "mine"]);
}

#[tokio::test]
async fn a_file_that_was_emptied_is_a_problem_and_deletes_nothing() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    let mut watch = scene.directory.begin(&scene.state).await;
    for nothing in ["", "# later\n"] {
        std::fs::write(scene.path("a.yaml"), nothing).unwrap();
        watch.again().await;
        watch.again().await;
        assert_eq!(scene.has(), SIX);
        let problem = scene.directory.condition().problems.concat();
        assert!(problem.contains("a.yaml:1:1: there is no manifest in this file"), "{problem}");
    }
}

#[tokio::test]
async fn pruning_by_nothing_deletes_nothing() {
    let scene = Scene::new().await;
    scene.apply(&scope("mine", "get")).await;
    let author = Author { by: "me".to_owned(), reason: String::new() };
    for prune in [Prune::Few { lately: 0 }, Prune::Any] {
        let asked = Asked { sources: Vec::new(), prune, origin: Origin::Person };
        let refused = scene.state.apply(asked, &author).await.unwrap_err().to_string();
        assert!(refused.starts_with("there is no manifest in what was given"), "{refused}");
    }
    assert_eq!(scene.has(), ["mine"]);
}

#[tokio::test]
async fn an_emptied_directory_deletes_nothing_and_says_so_until_a_person_does() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    let mut watch = scene.directory.begin(&scene.state).await;
    for name in SIX {
        std::fs::remove_file(scene.path(&format!("{name}.yaml"))).unwrap();
    }
    scene.scopes(&["new"]);
    watch.again().await;
    watch.again().await;
    assert_eq!(scene.has(), ["a", "b", "c", "d", "e", "f", "new"], "the rest of it is applied");
    let warning = scene.directory.condition().warnings().concat();
    assert!(warning.contains("no longer has 6 of the manifests"), "{warning}");
    let author = Author { by: "me".to_owned(), reason: String::new() };
    for name in SIX {
        scene.state.delete("Scope", name, &author).await.unwrap();
    }
    watch.again().await;
    assert_eq!(scene.has(), ["new"]);
    assert!(scene.directory.condition().warnings().is_empty());
}

#[tokio::test]
async fn what_is_changed_or_deleted_by_hand_is_put_back_and_the_hand_is_told() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    let mut watch = scene.directory.begin(&scene.state).await;
    let report = scene.apply(&scope("a", "delete")).await;
    assert!(report.cautions.iter().any(|said| said.contains("which wins")), "{:?}", report.cautions);
    watch.again().await;
    let author = Author { by: "me".to_owned(), reason: String::new() };
    let (_, said) = scene.state.delete("Scope", "b", &author).await.unwrap();
    // True also of what no file has, and while the directory is wrong.
    let said = said.unwrap();
    assert!(said.contains("which wins: what a file there says is put back, as soon as all"), "{said}");
    assert_eq!(scene.has(), ["a", "c", "d", "e", "f"]);
    watch.again().await;
    assert_eq!(scene.has(), SIX);
    let snapshot = scene.state.snapshot();
    let text = snapshot.manifests()[0].manifest.to_json().to_string();
    assert!(text.contains("\"get\"") && !text.contains("delete"), "{text}");
    // What the directory adopts from a person is the directory's from then on.
    scene.apply(&scope("g", "get")).await;
    scene.scopes(&["g"]);
    watch.again().await;
    watch.again().await;
    std::fs::remove_file(scene.path("g.yaml")).unwrap();
    watch.again().await;
    watch.again().await;
    assert_eq!(scene.has(), SIX);
}

#[tokio::test]
async fn a_restored_directory_undoes_neither_a_suspension_nor_a_revocation() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    scene.write("one.yaml", &agent("one"));
    scene.write("two.yaml", &agent("two"));
    let mut watch = scene.directory.begin(&scene.state).await;
    let author = Author { by: "me".to_owned(), reason: String::new() };
    let subject = |name: &str| Subject::Agent(AgentName::parse(name).unwrap());
    scene.state.judge(&subject("one"), Verdict::Revoke, &author).await.unwrap();
    scene.state.judge(&subject("two"), Verdict::Suspend, &author).await.unwrap();
    std::fs::remove_file(scene.path("one.yaml")).unwrap();
    watch.again().await;
    watch.again().await;
    assert!(scene.has().contains(&"one".to_owned()), "who is out keeps its manifest");
    scene.write("one.yaml", &agent("one"));
    let scene = scene.again().await;
    scene.directory.begin(&scene.state).await;
    assert!(scene.has().contains(&"one".to_owned()));
    let snapshot = scene.state.snapshot();
    assert_eq!(snapshot.standings().of(&subject("one")).as_str(), "revoked");
    assert_eq!(snapshot.standings().of(&subject("two")).as_str(), "suspended");
}

#[tokio::test]
async fn a_swapped_link_as_kubernetes_mounts_have_it_is_a_change() {
    let scene = Scene::new().await;
    for (version, verb) in [("..1", "get"), ("..2", "list")] {
        std::fs::create_dir(scene.path(version)).unwrap();
        scene.write(&format!("{version}/a.yaml"), &scope("a", verb));
    }
    symlink("..1", scene.path("..data")).unwrap();
    symlink("..data/a.yaml", scene.path("a.yaml")).unwrap();
    let mut watch = scene.directory.begin(&scene.state).await;
    assert_eq!(scene.has(), ["a"]);
    symlink("..2", scene.path("..tmp")).unwrap();
    std::fs::rename(scene.path("..tmp"), scene.path("..data")).unwrap();
    watch.again().await;
    watch.again().await;
    let snapshot = scene.state.snapshot();
    assert!(snapshot.manifests()[0].row.body.contains("list"));
    // A link that leads nowhere for one look is being swapped; for two it is trouble.
    std::fs::remove_file(scene.path("..data")).unwrap();
    watch.again().await;
    assert!(scene.directory.condition().problems.is_empty());
    watch.again().await;
    assert!(scene.directory.condition().problems[0].contains("a.yaml: can't be read"));
    assert_eq!(scene.has(), ["a"]);
}

#[tokio::test]
async fn relative_paths_start_at_the_directory() {
    let scene = Scene::new().await;
    scene.write("c.yaml", "kind: Cluster\nmetadata: {name: c}\nspec: {kubeconfig: {path: sub/kubeconfig}}\n");
    scene.directory.begin(&scene.state).await;
    let body = scene.state.snapshot().manifests()[0].row.body.clone();
    assert!(body.contains(&scene.path("sub/kubeconfig").display().to_string()), "{body}");
}

#[tokio::test]
async fn what_another_change_makes_right_is_applied_without_a_new_file() {
    let scene = Scene::new().await;
    scene.write("a.yaml", &agent("a"));
    scene.write(
        "g.yaml",
        "kind: Grant\nmetadata: {name: g}\nspec: {agents: [a], scopes: [s], clusters: [c]}\n",
    );
    let mut watch = scene.directory.begin(&scene.state).await;
    assert_eq!(scene.has(), Vec::<String>::new());
    scene.apply(&scope("s", "get")).await;
    scene.apply("kind: Cluster\nmetadata: {name: c}\nspec: {inCluster: {}}\n").await;
    for _ in 0..AGAIN {
        watch.again().await;
    }
    assert_eq!(scene.has(), ["a", "c", "g", "s"]);
    assert!(scene.directory.condition().warnings().is_empty());
}

#[tokio::test]
async fn what_stays_since_a_grant_by_hand_names_it_is_said_for_as_long_as_it_stays() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    scene.write("two.yaml", &agent("two"));
    scene.write("c.yaml", "kind: Cluster\nmetadata: {name: prod}\nspec: {inCluster: {}}\n");
    let mut watch = scene.directory.begin(&scene.state).await;
    scene
        .apply("kind: Grant\nmetadata: {name: g}\nspec: {agents: [two], scopes: [a], clusters: [prod]}\n")
        .await;
    std::fs::remove_file(scene.path("two.yaml")).unwrap();
    for _ in 0..READ {
        watch.again().await;
    }
    assert!(scene.has().contains(&"two".to_owned()));
    let warnings = scene.directory.condition().warnings();
    let sentence = "Agent \"two\" is in no file and stays, since the grant \"g\" names it";
    assert!(warnings.len() == 1 && warnings[0].ends_with(sentence), "{warnings:?}");
    let author = Author { by: "me".to_owned(), reason: String::new() };
    scene.state.delete("Grant", "g", &author).await.unwrap();
    for _ in 0..READ {
        watch.again().await;
    }
    assert!(!scene.has().contains(&"two".to_owned()));
    assert!(scene.directory.condition().warnings().is_empty());
}

#[tokio::test]
async fn one_file_after_the_other_is_no_way_around_the_fifth() {
    let scene = Scene::new().await;
    let names: Vec<String> = (0..10).map(|number| format!("s{number}")).collect();
    names.iter().for_each(|name| scene.scopes(&[name]));
    let mut watch = scene.directory.begin(&scene.state).await;
    for name in &names[..6] {
        std::fs::remove_file(scene.path(&format!("{name}.yaml"))).unwrap();
        watch.again().await;
        watch.again().await;
    }
    assert_eq!(scene.has(), names[2..], "a fifth of ten is two");
    let warning = scene.directory.condition().warnings().concat();
    assert!(warning.contains("(scope/s2, scope/s3, scope/s4, scope/s5)"), "{warning}");
}

#[test]
fn what_was_deleted_counts_for_as_long_as_it_is_lately() {
    let (mut lately, start) = (Lately::default(), Instant::now());
    lately.add(start, 2);
    lately.add(start + LATELY / 2, 3);
    assert_eq!(lately.count(start + LATELY / 2), 5);
    assert_eq!(lately.count(start + LATELY), 3);
    assert_eq!(lately.count(start + LATELY * 2), 0);
}

#[tokio::test]
async fn a_change_by_hand_while_the_clusters_are_looked_at_is_put_back_at_the_next_look() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    let mut watch = scene.directory.begin(&scene.state).await;
    scene.scopes(&["g"]);
    let look = scene.directory.look().await.unwrap();
    let (look, sources) = scene.directory.read(look).await.unwrap();
    let report = watch.attempt(sources).await.unwrap();
    scene.apply(&scope("a", "delete")).await;
    watch.good(report, 7);
    (watch.memory.done, watch.memory.last) = (Some(look.clone()), Some(look));
    watch.again().await;
    let snapshot = scene.state.snapshot();
    assert!(snapshot.manifests()[0].row.body.contains("get"));
}

#[tokio::test]
async fn files_that_change_at_every_look_are_said_to() {
    let scene = Scene::new().await;
    scene.scopes(&SIX);
    let mut watch = scene.directory.begin(&scene.state).await;
    for look in 0..RESTLESS {
        scene.write("a.yaml", &scope("a", if look % 2 == 0 { "list" } else { "watch" }));
        assert!(scene.directory.condition().warnings().is_empty());
        watch.again().await;
    }
    let warning = scene.directory.condition().warnings().concat();
    assert!(warning.contains("have changed at every one of 10 looks"), "{warning}");
    watch.again().await;
    assert!(scene.directory.condition().warnings().is_empty());
}

#[tokio::test]
async fn a_disk_that_hangs_holds_one_thread_and_the_next_look_says_so_at_once() {
    let scene = Scene::new().await;
    let directory = scene.directory.clone();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let hangs = tokio_util::task::TaskTracker::new().spawn(async move {
        let hang = move || {
            started.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        };
        directory.aside(hang).await.map_err(|error| error.to_string())
    });
    has_started.await.unwrap();
    let error = scene.directory.look().await.unwrap_err().to_string();
    assert!(error.contains("its disk has not answered"), "{error}");
    release.send(()).unwrap();
    hangs.await.unwrap().unwrap();
    scene.directory.look().await.unwrap();
}

#[test]
fn what_stays_is_named_up_to_what_somebody_reads() {
    let many: Vec<String> = (0..SAID + 3).map(|number| format!("scope/s{number}")).collect();
    let condition = Condition { kept: many.clone(), stays: many, ..Condition::default() };
    let warnings = condition.warnings();
    assert!(warnings[0].contains("scope/s0, scope/s1, ") && warnings[0].contains("scope/s19 and 3 more)"));
    assert_eq!(warnings.len(), 1 + SAID + 1);
    assert!(warnings[SAID + 1].ends_with("3 more stay as well"), "{}", warnings[SAID + 1]);
}
