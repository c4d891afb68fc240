//! Attacks on the order that revocation rests on: a request registers, then loads; a cut swaps, then walks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::{JoinSet, yield_now};

use super::*;

const REQUESTS: usize = 64;

fn holder(agent: &str) -> Holder {
    Holder::for_test(AgentName::parse(agent).unwrap())
}

fn connect(leases: &Leases) -> Arc<Connection> {
    leases.connect(([127, 0, 0, 1], 1).into())
}

/// What the requests of a test share: whether the snapshot says that the agent is out, and how many requests
/// were let through by one that said it isn't.
#[derive(Debug, Default)]
struct Scene {
    out: AtomicBool,
    let_through: AtomicUsize,
    going_on: AtomicUsize,
}

/// One request, in the order of the pipeline.
async fn request(leases: Leases, connection: Arc<Connection>, scene: Arc<Scene>, waits: usize) {
    for _ in 0..waits {
        yield_now().await;
    }
    let lease = leases.register(holder("cleanup"), &connection);
    if scene.out.load(Ordering::SeqCst) {
        return;
    }
    scene.going_on.fetch_add(1, Ordering::SeqCst);
    scene.let_through.fetch_add(1, Ordering::SeqCst);
    yield_now().await;
    lease.stopped().await;
    scene.going_on.fetch_sub(1, Ordering::SeqCst);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_that_was_let_through_before_a_revocation_outlives_it() {
    for round in 0..300 {
        let (leases, scene) = (Leases::default(), Arc::new(Scene::default()));
        let connection = connect(&leases);
        let mut requests = JoinSet::new();
        for number in 0..REQUESTS {
            let waits = (number + round) % 7;
            requests.spawn(request(leases.clone(), connection.clone(), scene.clone(), waits));
        }
        for _ in 0..round % 11 {
            yield_now().await;
        }
        scene.out.store(true, Ordering::SeqCst);
        let closed = leases.cut(|_| Some(CutReason::Agent), &[]).await;
        assert_eq!(scene.going_on.load(Ordering::SeqCst), 0, "round {round}: {closed:?}");
        assert_eq!(closed.left, 0);
        // Some were seen by the cut and would have found themselves out.
        let let_through = scene.let_through.load(Ordering::SeqCst);
        assert!(
            (let_through..=REQUESTS).contains(&closed.streams),
            "round {round}: {let_through}, {closed:?}"
        );
        while let Some(ended) = requests.join_next().await {
            ended.unwrap();
        }
        assert_eq!(scene.let_through.load(Ordering::SeqCst), let_through, "round {round}: one came late");
        assert!(leases.count().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_cuts_at_once_both_return_and_count_every_request_and_connection_once() {
    for round in 0..300 {
        let (leases, scene) = (Leases::default(), Arc::new(Scene::default()));
        let mut requests = JoinSet::new();
        for number in 0..REQUESTS {
            let connection = connect(&leases);
            requests.spawn(request(leases.clone(), connection, scene.clone(), number % 3));
        }
        while scene.going_on.load(Ordering::SeqCst) < REQUESTS {
            yield_now().await;
        }
        let mut cuts = JoinSet::new();
        for reason in [CutReason::Agent, CutReason::Shutdown] {
            let leases = leases.clone();
            cuts.spawn(async move { leases.cut(|_| Some(reason), &[]).await });
        }
        let mut sum = Closed::default();
        while let Some(closed) = cuts.join_next().await {
            let closed = closed.unwrap();
            assert_eq!(scene.going_on.load(Ordering::SeqCst), 0, "a cut returned before all had ended");
            sum.streams += closed.streams;
            sum.connections += closed.connections;
            sum.left += closed.left;
        }
        assert_eq!(sum, Closed { streams: REQUESTS, connections: REQUESTS, left: 0 }, "round {round}");
        assert!(leases.count().is_empty());
    }
}

#[tokio::test]
async fn only_what_the_verdict_names_ends() {
    let leases = Leases::default();
    let (own, shared) = (connect(&leases), connect(&leases));
    let cleanup = AgentName::parse("cleanup").unwrap();
    let cut = [leases.register(holder("cleanup"), &own), leases.register(holder("cleanup"), &shared)];
    let kept = leases.register(holder("dashboard"), &shared);
    let mut ends = JoinSet::new();
    for lease in cut {
        ends.spawn(async move { lease.stopped().await });
    }
    let of = |held: &Held| (*held.agent() == cleanup).then_some(CutReason::Agent);
    let closed = leases.cut(of, std::slice::from_ref(&cleanup)).await;
    assert_eq!(closed, Closed { streams: 2, connections: 1, left: 0 });
    assert!(own.end().is_cancelled());
    assert!(!shared.end().is_cancelled());
    assert_eq!(kept.cut(), None);
    // Now that the other agent has nothing open on it, the shared connection is the first one's alone.
    drop(kept);
    assert_eq!(
        leases.cut(of, std::slice::from_ref(&cleanup)).await,
        Closed { streams: 0, connections: 1, left: 0 }
    );
    assert!(shared.end().is_cancelled());
}

#[tokio::test]
async fn a_request_that_does_not_notice_its_end_ends_with_its_connection() {
    let leases = Leases::default();
    let shared = connect(&leases);
    let deaf = leases.register(holder("cleanup"), &shared);
    let other = leases.register(holder("dashboard"), &shared);
    let mut ends = JoinSet::new();
    let end = shared.clone();
    ends.spawn(async move {
        end.end().cancelled().await;
        drop((deaf, other));
    });
    let of = |held: &Held| (held.agent().as_str() == "cleanup").then_some(CutReason::Key);
    assert_eq!(leases.cut(of, &[]).await, Closed { streams: 1, connections: 1, left: 0 });
}

#[tokio::test]
async fn a_stream_that_does_not_notice_its_end_is_reset_and_its_connection_goes_on() {
    let leases = Leases::default();
    let shared = connect(&leases);
    let stream = CancellationToken::new();
    let deaf = leases.register(Holder { stream: Some(stream.clone()), ..holder("cleanup") }, &shared);
    let other = leases.register(holder("dashboard"), &shared);
    let mut ends = JoinSet::new();
    ends.spawn(async move {
        stream.cancelled().await;
        drop(deaf);
    });
    let of = |held: &Held| (held.agent().as_str() == "cleanup").then_some(CutReason::Agent);
    assert_eq!(leases.cut(of, &[]).await, Closed { streams: 1, connections: 0, left: 0 });
    assert!(!shared.end().is_cancelled());
    assert_eq!(other.cut(), None);
}

#[tokio::test]
async fn work_is_given_up_when_its_request_is_cut() {
    let leases = Leases::default();
    let lease = leases.register(holder("cleanup"), &connect(&leases));
    let mut work = JoinSet::new();
    work.spawn(async move { lease.unless_cut(std::future::pending::<Result<(), Refusal>>()).await.is_err() });
    yield_now().await;
    assert_eq!(leases.cut(|_| Some(CutReason::Grant), &[]).await.left, 0);
    assert!(work.join_next().await.unwrap().unwrap());
}
