//! A limit is exact: over tasks, over replicas, over restarts, and whatever the clock does.

use std::sync::Arc;

use drawbridge_store::{Error, Limited, Store, Taken};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::database::{everything_in, on_both, row};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The beginning of a bucket of every length.
const START: i64 = 20_000 * DAY;

fn limit(rule: &str, requests: i64, per_ms: i64) -> Limited {
    Limited { agent: "cleanup".to_owned(), rule: format!("job-cleaner/{rule}"), per_ms, requests }
}

fn over(index: usize, free_at: i64) -> Taken {
    Taken::Over { index, free_at }
}

async fn take(store: &Store, limited: &Limited, now: i64) -> Taken {
    store.take(std::slice::from_ref(limited), now).await.unwrap()
}

/// Has 50 tasks take twice each, all at once, and counts the takes that passed.
async fn at_once(stores: [Store; 2], wanted: Arc<[Limited]>, now: i64) -> usize {
    let ready = Arc::new(Barrier::new(50));
    let mut tasks = JoinSet::new();
    for task in 0..50 {
        let (store, wanted, ready) = (stores[task % 2].clone(), wanted.clone(), ready.clone());
        tasks.spawn(async move {
            ready.wait().await;
            let mut passed = 0;
            for _ in 0..2 {
                passed += usize::from(store.take(&wanted, now).await.unwrap() == Taken::Yes);
            }
            passed
        });
    }
    tasks.join_all().await.into_iter().sum()
}

#[test]
fn of_fifty_tasks_that_take_at_once_exactly_so_many_pass_as_the_limit_says() {
    on_both(async |database| {
        let store = database.open().await;
        let wanted: Arc<[Limited]> = [limit("delete", 37, HOUR)].into();
        assert_eq!(at_once([store.clone(), store.clone()], wanted.clone(), START).await, 37);
        assert_eq!(take(&store, &wanted[0], START).await, over(0, START + 61 * MINUTE));
    });
}

#[test]
fn two_replicas_that_take_at_once_share_one_limit() {
    on_both(async |database| {
        let first = database.open().await;
        // PostgreSQL serves several replicas; SQLite one process.
        let second = if database.is_sqlite() { first.clone() } else { database.open().await };
        let wanted: Arc<[Limited]> = [limit("delete", 41, HOUR), limit("delete", 60, DAY)].into();
        assert_eq!(at_once([first.clone(), second.clone()], wanted.clone(), START).await, 41);
        for store in [first, second] {
            assert_eq!(store.take(&wanted, START).await.unwrap(), over(0, START + 61 * MINUTE));
        }
    });
}

#[test]
fn requests_with_the_same_limits_in_another_order_never_wait_for_each_other() {
    on_both(async |database| {
        let store = database.open().await;
        let one: Arc<[Limited]> = [limit("a", 1_000, HOUR), limit("b", 1_000, HOUR)].into();
        let other: Arc<[Limited]> = one.iter().rev().cloned().collect();
        let (left, right) = tokio::join!(
            at_once([store.clone(), store.clone()], one.clone(), START),
            at_once([store.clone(), store.clone()], other, START)
        );
        assert_eq!(left + right, 200);
        let [a, b] = &*one else { panic!("two") };
        for limited in [a, b] {
            let used = Limited { requests: 200, ..limited.clone() };
            assert_eq!(take(&store, &used, START).await, over(0, START + 61 * MINUTE));
            assert_eq!(take(&store, &Limited { requests: 201, ..used }, START).await, Taken::Yes);
        }
    });
}

#[test]
fn what_was_taken_counts_after_the_database_was_opened_again() {
    on_both(async |database| {
        let delete = limit("delete", 3, HOUR);
        for minute in 0..3 {
            let store = database.open().await;
            assert_eq!(take(&store, &delete, START + minute * MINUTE).await, Taken::Yes);
            store.close().await;
        }
        let store = database.open().await;
        assert_eq!(take(&store, &delete, START + 3 * MINUTE).await, over(0, START + 61 * MINUTE));
    });
}

#[test]
fn a_place_is_free_again_exactly_when_it_was_said_to_be() {
    on_both(async |database| {
        let store = database.open().await;
        for per in [MINUTE, HOUR, DAY] {
            let (delete, bucket) = (limit("delete", 2, per), per / 60);
            assert_eq!(take(&store, &delete, START + bucket - 1).await, Taken::Yes);
            assert_eq!(take(&store, &delete, START + bucket).await, Taken::Yes);
            let (first, second) = (START + per + bucket, START + per + 2 * bucket);
            assert_eq!(take(&store, &delete, START + bucket).await, over(0, first));
            assert_eq!(take(&store, &delete, first - 1).await, over(0, first));
            assert_eq!(take(&store, &delete, first).await, Taken::Yes);
            assert_eq!(take(&store, &delete, first).await, over(0, second));
            assert_eq!(take(&store, &delete, second).await, Taken::Yes);
        }
    });
}

#[test]
fn a_request_is_counted_under_all_its_limits_or_under_none() {
    on_both(async |database| {
        let store = database.open().await;
        let both = [limit("delete", 2, MINUTE), limit("delete", 3, HOUR)];
        for _ in 0..2 {
            assert_eq!(store.take(&both, START).await.unwrap(), Taken::Yes);
        }
        // Refused by the minute: the hour must not have counted it.
        for _ in 0..5 {
            assert_eq!(store.take(&both, START).await.unwrap(), over(0, START + 61_000));
        }
        assert_eq!(store.take(&both, START + 61_000).await.unwrap(), Taken::Yes);
        // Refused by the hour: the minute must not have counted it.
        let next = over(1, START + 61 * MINUTE);
        assert_eq!(store.take(&both, START + 62_000).await.unwrap(), next);
        assert_eq!(take(&store, &both[0], START + 62_000).await, Taken::Yes);
        // At both, the one that is free last is told, in either order.
        assert_eq!(store.take(&both, START + 63_000).await.unwrap(), next);
        let [minute, hour] = both;
        let turned = [hour, minute];
        assert_eq!(store.take(&turned, START + 63_000).await.unwrap(), over(0, START + 61 * MINUTE));
    });
}

#[test]
fn agents_rules_and_windows_are_counted_each_for_itself_and_the_same_one_once() {
    on_both(async |database| {
        let store = database.open().await;
        let delete = limit("delete", 1, HOUR);
        assert_eq!(take(&store, &delete, START).await, Taken::Yes);
        for other in [
            Limited { agent: "Cleanup".to_owned(), ..delete.clone() },
            Limited { rule: "job-cleaner/Delete".to_owned(), ..delete.clone() },
            Limited { rule: "é\"\\☃'%".to_owned(), ..delete.clone() },
            Limited { per_ms: 2 * HOUR, ..delete.clone() },
        ] {
            assert_eq!(take(&store, &other, START).await, Taken::Yes);
            assert_eq!(take(&store, &other, START).await, over(0, START + other.per_ms / 60 * 61));
        }
        let twice = [limit("twice", 2, HOUR), limit("twice", 3, HOUR)];
        for _ in 0..2 {
            assert_eq!(store.take(&twice, START).await.unwrap(), Taken::Yes);
        }
        assert_eq!(store.take(&twice, START).await.unwrap(), over(0, START + 61 * MINUTE));
        assert_eq!(store.take(&[], START).await.unwrap(), Taken::Yes);
    });
}

#[test]
fn a_clock_that_is_set_back_gives_no_more_than_the_limit() {
    on_both(async |database| {
        let store = database.open().await;
        let delete = limit("delete", 4, HOUR);
        let mut passed = 0;
        for now in [START, START - HOUR, START - 2 * HOUR, START + 30 * MINUTE, START - 3 * DAY] {
            for _ in 0..3 {
                passed += usize::from(take(&store, &delete, now).await == Taken::Yes);
            }
        }
        assert_eq!(passed, 4);
        // The same, in a process that has never seen the later time.
        store.close().await;
        let store = database.open().await;
        assert!(matches!(take(&store, &delete, START - HOUR).await, Taken::Over { .. }));
    });
}

#[test]
fn requests_in_one_group_are_answered_one_by_one_in_their_order() {
    on_both(async |database| {
        let store = database.open().await;
        let (delete, scale) = ([limit("delete", 2, HOUR)], [limit("scale", 1, HOUR)]);
        let both = [delete[0].clone(), scale[0].clone()];
        let group: [&[Limited]; 7] = [&delete, &both, &both, &delete, &[], &scale, &delete];
        let full = over(0, START + 61 * MINUTE);
        let answers = store.take_many(&group, START).await.unwrap();
        assert_eq!(answers, [Taken::Yes, Taken::Yes, full, full, Taken::Yes, full, full]);
        assert_eq!(store.take_many(&group, START).await.unwrap()[..4], [full; 4]);
        assert_eq!(store.take_many(&[], START).await.unwrap(), []);
        let many: Vec<Limited> = (0..1_000).map(|number| limit(&number.to_string(), 1, HOUR)).collect();
        let each: Vec<&[Limited]> = many.iter().map(std::slice::from_ref).collect();
        assert_eq!(store.take_many(&each, START).await.unwrap(), [Taken::Yes; 1_000]);
        assert_eq!(store.take_many(&each, START).await.unwrap(), [full; 1_000]);
    });
}

#[test]
fn buckets_that_no_longer_count_are_not_kept() {
    on_both(async |database| {
        let store = database.open().await;
        let delete = limit("delete", 100_000, MINUTE);
        for second in 0..200 {
            assert_eq!(take(&store, &delete, START + second * 1_000).await, Taken::Yes);
        }
        // Each is "[1728000000,1],": were there one more, this would break the row and the next take would
        // say so.
        let longer = "update taken set buckets = '' where length(buckets) > 61 * 15 + 1";
        database.run(longer).await.unwrap();
        assert_eq!(take(&store, &delete, START + 200_000).await, Taken::Yes);
    });
}

#[test]
fn limits_that_mean_nothing_and_counts_that_nobody_wrote_are_errors() {
    on_both(async |database| {
        let store = database.open().await;
        let good = limit("delete", 1, HOUR);
        for bad in [
            Limited { requests: 0, ..good.clone() },
            Limited { requests: -1, ..good.clone() },
            Limited { per_ms: 0, ..good.clone() },
            Limited { per_ms: -HOUR, ..good.clone() },
            Limited { per_ms: HOUR + 1, ..good.clone() },
            Limited { per_ms: 367 * DAY, ..good.clone() },
            Limited { agent: "a\0b".to_owned(), ..good.clone() },
            Limited { rule: "r".repeat(513), ..good.clone() },
        ] {
            let error = store.take(&[good.clone(), bad], START).await.unwrap_err();
            assert!(matches!(error, Error::Invalid(_)), "{error:?}");
        }
        assert_eq!(take(&store, &good, START).await, Taken::Yes, "nothing of these was counted");
        database.run("update taken set buckets = '[[5,-1]]'").await.unwrap();
        let error = store.take(&[good], START).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        store.append(&[row("r")]).await.expect("the record goes on");
    });
}

#[test]
fn a_closed_store_counts_nothing_and_says_so() {
    on_both(async |database| {
        let store = database.open().await;
        store.close().await;
        let error = store.take(&[limit("delete", 1, HOUR)], START).await.unwrap_err();
        assert!(matches!(error, Error::Gone { .. }), "{error:?}");
    });
}

#[test]
fn a_database_of_the_release_before_limits_keeps_what_it_has_and_counts_from_now_on() {
    on_both(async |database| {
        let store = database.open().await;
        store.append(&[row("r")]).await.unwrap();
        store.close().await;
        database.run("drop table taken; update drawbridge_schema set version = 3").await.unwrap();
        let store = database.open().await;
        assert_eq!(everything_in(&store).await.len(), 1);
        let delete = limit("delete", 1, HOUR);
        assert_eq!(take(&store, &delete, START).await, Taken::Yes);
        assert_eq!(take(&store, &delete, START).await, over(0, START + 61 * MINUTE));
    });
}
