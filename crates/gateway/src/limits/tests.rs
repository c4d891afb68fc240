use std::sync::atomic::{AtomicI64, Ordering};

use drawbridge_store::Location;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use super::*;
use crate::manifest::Manifest;
use crate::refusal::Reader;

const PATIENCE: Duration = Duration::from_secs(20);
const HOUR: i64 = 3_600_000;
/// The beginning of a bucket of every length.
const START: i64 = 480_000 * HOUR;

/// Limits over a database of their own, and a clock that stands still until it is set.
struct Scene {
    limits: RuleLimits,
    store: Store,
    now: Arc<AtomicI64>,
    tasks: TaskTracker,
    directory: TempDir,
}

impl Scene {
    async fn new() -> Scene {
        let directory = tempfile::tempdir().unwrap();
        Scene::over(directory, Arc::new(AtomicI64::new(START))).await
    }

    async fn over(directory: TempDir, now: Arc<AtomicI64>) -> Scene {
        let store = Store::open(&Location::Sqlite(directory.path().join("l.db"))).await.unwrap();
        let told = now.clone();
        let clock = Clock::new(move || Millis(told.load(Ordering::SeqCst)));
        let (limits, counter) = RuleLimits::new(store.clone(), clock, PATIENCE);
        let tasks = TaskTracker::new();
        tasks.spawn(counter.run());
        Scene { limits, store, now, tasks, directory }
    }

    /// As if the gateway ended and began again.
    async fn again(self) -> Scene {
        let Scene { limits, store, now, tasks, directory } = self;
        drop(limits);
        tasks.close();
        tasks.wait().await;
        store.close().await;
        Scene::over(directory, now).await
    }

    fn set(&self, now: i64) {
        self.now.store(now, Ordering::SeqCst);
    }

    async fn take(&self, agent: &str, rule: &RuleId, limits: &[Limit]) -> Result<(), Refusal> {
        self.limits.take(&named(agent), rule, limits, &mut Counted::default()).await
    }
}

fn named(agent: &str) -> AgentName {
    AgentName::parse(agent).unwrap()
}

fn limit(requests: i64, per: Per) -> Limit {
    Limit::new(requests, per).unwrap()
}

/// The rules `job-cleaner/delete` and `job-cleaner/see`.
fn rules() -> [RuleId; 2] {
    let rule =
        |name: &str| json!({"name": name, "verbs": ["get"], "apiGroups": ["batch"], "resources": ["jobs"]});
    let manifest = json!({
        "apiVersion": "drawbridge.dev/v1alpha1",
        "kind": "Scope",
        "metadata": {"name": "job-cleaner"},
        "spec": {"rules": [rule("delete"), rule("see")]},
    });
    let Manifest::Scope(scope) = Manifest::from_json(&manifest).unwrap() else { panic!("a scope") };
    let ids: Vec<RuleId> = scope.rules.rules().map(|(id, _)| id.clone()).collect();
    ids.try_into().unwrap()
}

fn exceeded(result: Result<(), Refusal>) -> Exceeded {
    match result {
        Err(Refusal::Limit(exceeded)) => *exceeded,
        other => panic!("expected a limit that is used up, found {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_requests_at_once_exactly_so_many_pass_as_the_rule_says() {
    let scene = Scene::new().await;
    let [delete, _] = rules();
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        let (limits, delete) = (scene.limits.clone(), delete.clone());
        tasks.spawn(async move {
            let bounds = [limit(77, Per::Hour), limit(1_000, Per::Day)];
            limits.take(&named("cleanup"), &delete, &bounds, &mut Counted::default()).await.is_ok()
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|passed| *passed).count(), 77);
}

#[tokio::test]
async fn what_was_admitted_counts_after_a_restart_and_is_free_again_when_it_was_said() {
    let scene = Scene::new().await;
    let [delete, _] = rules();
    let bound = [limit(2, Per::Hour)];
    scene.take("cleanup", &delete, &bound).await.unwrap();
    let scene = scene.again().await;
    scene.take("cleanup", &delete, &bound).await.unwrap();
    let scene = scene.again().await;
    let full = exceeded(scene.take("cleanup", &delete, &bound).await);
    assert_eq!(full.free_at, Millis(START + HOUR / 60 * 61));
    assert_eq!(full.retry_after(), 3_660);
    scene.set(full.free_at.0 - 1);
    let again = exceeded(scene.take("cleanup", &delete, &bound).await);
    assert_eq!((again.free_at, again.retry_after()), (full.free_at, 1));
    scene.set(full.free_at.0);
    scene.take("cleanup", &delete, &bound).await.unwrap();
}

#[tokio::test]
async fn what_we_try_again_counts_once_and_what_another_rule_then_allows_counts_there() {
    let scene = Scene::new().await;
    let [delete, see] = rules();
    let (agent, bound) = (named("cleanup"), [limit(1, Per::Hour)]);
    let mut counted = Counted::default();
    for rule in [&delete, &delete, &see, &delete, &see] {
        scene.limits.take(&agent, rule, &bound, &mut counted).await.unwrap();
    }
    // A window that the manifest has only now got counts too.
    let more = [limit(1, Per::Hour), limit(1, Per::Minute)];
    scene.limits.take(&agent, &delete, &more, &mut counted).await.unwrap();
    for (rule, bound) in [(&delete, bound[0]), (&see, bound[0]), (&delete, more[1])] {
        let full = exceeded(scene.take("cleanup", rule, &[bound]).await);
        assert_eq!((&full.rule, full.limit), (rule, bound));
    }
    // A refused one was not counted, so that it is asked again.
    let mut refused = Counted::default();
    for _ in 0..2 {
        exceeded(scene.limits.take(&agent, &delete, &bound, &mut refused).await);
    }
}

#[tokio::test]
async fn agents_and_rules_are_counted_apart_and_a_rule_without_limits_asks_nobody() {
    let scene = Scene::new().await;
    let [delete, see] = rules();
    let bound = [limit(1, Per::Day)];
    for (agent, rule) in [("cleanup", &delete), ("cleanup", &see), ("other", &delete)] {
        scene.take(agent, rule, &bound).await.unwrap();
        exceeded(scene.take(agent, rule, &bound).await);
    }
    scene.store.close().await;
    scene.take("cleanup", &delete, &[]).await.unwrap();
}

#[tokio::test]
async fn without_the_database_nothing_under_a_limit_passes_and_what_is_used_up_stays_so() {
    let scene = Scene::new().await;
    let [delete, see] = rules();
    let bound = [limit(1, Per::Hour)];
    scene.take("cleanup", &delete, &bound).await.unwrap();
    let full = exceeded(scene.take("cleanup", &delete, &bound).await);
    scene.store.close().await;
    let refusal = scene.take("cleanup", &see, &bound).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotCounted(NotCounted::Failing)), "{refusal:?}");
    let told = refusal.respond(&Reader::default());
    assert_eq!((told.status().as_u16(), refusal.reason()), (503, "not-counted"));
    // Known without the database, and no longer than it holds.
    assert_eq!(exceeded(scene.take("cleanup", &delete, &bound).await), full);
    scene.set(full.free_at.0);
    let refusal = scene.take("cleanup", &delete, &bound).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotCounted(NotCounted::Failing)), "{refusal:?}");
}

#[tokio::test]
async fn a_limit_that_is_raised_gives_more_at_once_and_one_that_is_lowered_less() {
    let scene = Scene::new().await;
    let [delete, _] = rules();
    scene.take("cleanup", &delete, &[limit(1, Per::Hour)]).await.unwrap();
    exceeded(scene.take("cleanup", &delete, &[limit(1, Per::Hour)]).await);
    scene.take("cleanup", &delete, &[limit(2, Per::Hour)]).await.unwrap();
    exceeded(scene.take("cleanup", &delete, &[limit(2, Per::Hour)]).await);
    exceeded(scene.take("cleanup", &delete, &[limit(1, Per::Hour)]).await);
    scene.take("cleanup", &delete, &[limit(3, Per::Hour)]).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_for_a_moment_does_not_refuse_for_years() {
    let scene = Scene::new().await;
    let [delete, _] = rules();
    let bound = [limit(1, Per::Hour)];
    scene.set(START + 100_000 * HOUR);
    scene.take("cleanup", &delete, &bound).await.unwrap();
    let far = exceeded(scene.take("cleanup", &delete, &bound).await).free_at;
    scene.set(START);
    let near = exceeded(scene.take("cleanup", &delete, &bound).await).free_at;
    assert_eq!((far.0 - near.0, near.0), (100_000 * HOUR, START + HOUR / 60 * 61));
}

#[tokio::test]
async fn a_counter_that_does_not_answer_or_is_gone_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::Sqlite(directory.path().join("l.db"))).await.unwrap();
    let clock = Clock::new(|| Millis(START));
    let (limits, counter) = RuleLimits::new(store, clock, Duration::from_millis(10));
    let [delete, _] = rules();
    let bound = [limit(1, Per::Hour)];
    let ask = async || limits.take(&named("cleanup"), &delete, &bound, &mut Counted::default()).await;
    let refusal = ask().await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotCounted(NotCounted::Slow)), "{refusal:?}");
    drop(counter);
    let refusal = ask().await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotCounted(NotCounted::Closed)), "{refusal:?}");
}

#[tokio::test]
async fn a_caller_that_is_gone_before_its_turn_takes_no_place() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::Sqlite(directory.path().join("l.db"))).await.unwrap();
    let (limits, counter) = RuleLimits::new(store, Clock::new(|| Millis(START)), PATIENCE);
    let ([delete, _], agent, bound) = (rules(), named("cleanup"), [limit(1, Per::Hour)]);
    {
        let mut gone = Counted::default();
        let mut left = std::pin::pin!(limits.take(&agent, &delete, &bound, &mut gone));
        assert!(futures_util::poll!(left.as_mut()).is_pending());
        assert_eq!(limits.asks.capacity(), GROUP - 1, "it waits for the counter");
    }
    TaskTracker::new().spawn(counter.run());
    limits.take(&agent, &delete, &bound, &mut Counted::default()).await.unwrap();
}

#[tokio::test]
async fn the_refusal_says_which_limit_of_whom_and_for_how_long_and_no_client_waits_by_itself() {
    let scene = Scene::new().await;
    let [delete, _] = rules();
    let bound = [limit(1, Per::Minute)];
    scene.set(START + 999);
    scene.take("cleanup", &delete, &bound).await.unwrap();
    scene.set(START + 1_500);
    let refusal = scene.take("cleanup", &delete, &bound).await.unwrap_err();
    let answer = refusal.respond(&Reader::default());
    // client-go waits through a 429 and a Retry-After, an hour if need be.
    assert_eq!(answer.status().as_u16(), 403);
    assert!(!answer.headers().contains_key("retry-after"));
    assert_eq!((refusal.reason(), refusal.next().as_str()), ("limit", "wait"));
    assert_eq!(
        refusal.message(),
        "rule \"job-cleaner/delete\" allows agent \"cleanup\" at most 1 request per minute, and that is used up; \
         nothing was sent. This is policy, not a fault: another tool won't help. Next: wait 60 s (2024-10-04T00:01:01Z)"
    );
    let kept = json!({"requests": 1, "per": "minute", "freeAt": START + 61_000});
    assert_eq!(refusal.decided(), json!({"rule": "job-cleaner/delete", "limit": kept}));
}

#[test]
fn what_is_remembered_as_used_up_is_bounded_and_makes_room_for_what_is() {
    let full = Full::default();
    let ([delete, _], bound) = (rules(), limit(1, Per::Minute));
    let remember = |number: usize, until: i64, now: i64| {
        let agent = named(&format!("a{number}"));
        full.remember((agent, delete.clone(), bound), Millis(until), Millis(now));
    };
    for number in 0..REMEMBERED + 5 {
        remember(number, START + 61_000, START);
    }
    assert_eq!(full.0.lock().unwrap().len(), REMEMBERED);
    remember(REMEMBERED + 7, START + 122_000, START + 61_000);
    assert_eq!(full.0.lock().unwrap().len(), 1);
    let found =
        full.find(&named(&format!("a{}", REMEMBERED + 7)), &delete, &[bound], Millis(START + 121_999));
    assert_eq!(found, Some((bound, Millis(START + 122_000))));
}
