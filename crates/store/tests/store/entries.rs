//! The record is only added to, has no gaps, and is found again.

use drawbridge_store::{Filter, Part, Row, StoredRow};

use crate::database::{everything_in, on_both, row};

#[test]
fn a_row_comes_back_as_it_was_appended() {
    on_both(async |database| {
        let store = database.open().await;
        let text = |text: &str| Some(text.to_owned());
        let full = Row {
            request: "r1".to_owned(),
            part: Part::Outcome,
            time: i64::from(u32::MAX) * 1_000,
            agent: text("a"),
            task: text("t"),
            session: text("s"),
            cluster: text("c"),
            verb: text("v"),
            api_group: text(""),
            resource: text("r"),
            subresource: text("sub"),
            namespace: text("ns"),
            name: text("é\"\\\n☃𝄞%_'"),
            result: text("123"),
            body: "{\"b\": 1.0,\"a\":\"\\u0000\\ud834\\udd1e\\n\u{7f}☃\",  \"n\":12345678901234567890}"
                .to_owned(),
        };
        let rows =
            [full, Row { part: Part::Attempt, ..row("r2") }, Row { part: Part::Event, ..row("r3") }, row("")];
        assert_eq!(store.append(&rows).await.unwrap(), 4);
        let expected: Vec<_> =
            rows.iter().zip(1..).map(|(row, seq)| StoredRow { seq, row: row.clone() }).collect();
        assert_eq!(everything_in(&store).await, expected);
    });
}

#[test]
fn long_groups_and_large_bodies_keep_their_order() {
    on_both(async |database| {
        let store = database.open().await;
        let mut rows: Vec<Row> = (0..700).map(|number| row(&number.to_string())).collect();
        for large in [3, 4, 5] {
            rows[large].body = format!("\"{}\"", "é".repeat(2_000_000));
        }
        assert_eq!(store.append(&rows).await.unwrap(), 700);
        assert_eq!(store.append(&[]).await.unwrap(), 700);
        assert_eq!(store.append(&[row("last")]).await.unwrap(), 701);
        let found = everything_in(&store).await;
        assert!(found.iter().map(|row| row.seq).eq(1..=701));
        assert!(found.iter().zip(&rows).all(|(found, row)| found.row == *row));
    });
}

#[test]
fn one_answer_has_at_most_ten_thousand_rows() {
    on_both(async |database| {
        let store = database.open().await;
        store.append(&vec![row("r"); 10_001]).await.unwrap();
        assert_eq!(store.entries(&Filter::default(), 0, u32::MAX).await.unwrap().len(), 10_000);
        assert_eq!(store.newest(&Filter::default(), None, 0).await.unwrap(), []);
        assert_eq!(everything_in(&store).await.len(), 10_001);
    });
}

#[test]
fn overlong_and_strange_columns_are_cut_and_still_found() {
    on_both(async |database| {
        let store = database.open().await;
        let long = "é".repeat(4_000);
        let all = Some(long.clone());
        let widest = Row {
            agent: all.clone(),
            task: all.clone(),
            cluster: all.clone(),
            resource: all.clone(),
            namespace: all.clone(),
            name: all.clone(),
            result: Some("a\0b".to_owned()),
            body: format!("\"{long}\""),
            ..row("r")
        };
        store.append(&[widest, row("other")]).await.unwrap();
        let filter = Filter { name: all.clone(), namespace: all, ..Filter::default() };
        let [found] = &store.entries(&filter, 0, 10).await.unwrap()[..] else { panic!("one row") };
        assert_eq!(found.row.name.as_deref(), Some("é".repeat(256).as_str()));
        assert_eq!(found.row.result.as_deref(), Some("a"));
        assert_eq!(found.row.body.len(), 8_002);
    });
}

#[test]
fn concurrent_appends_leave_no_gap_and_keep_each_group_together() {
    on_both(async |database| {
        let first = database.open().await;
        // PostgreSQL serves several replicas; SQLite one process.
        let second = if database.is_sqlite() { first.clone() } else { database.open().await };
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..6 {
            let store = if task % 2 == 0 { first.clone() } else { second.clone() };
            tasks.spawn(async move {
                for group in 0..20 {
                    let rows: Vec<Row> =
                        (0..3).map(|number| row(&format!("{task} {group} {number}"))).collect();
                    store.append(&rows).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        let rows = everything_in(&first).await;
        assert!(rows.iter().map(|row| row.seq).eq(1..=360), "no gap, no duplicate");
        for group in rows.chunks(3) {
            let stems: Vec<_> = group.iter().map(|row| row.row.request.rsplit_once(' ').unwrap()).collect();
            assert!(stems.iter().zip(["0", "1", "2"]).all(|(stem, number)| *stem == (stems[0].0, number)));
        }
        for task in 0..6 {
            let prefix = format!("{task} ");
            let own = rows
                .iter()
                .filter(|row| row.row.request.starts_with(&prefix) && row.row.request.ends_with(" 0"));
            let order: Vec<_> = own.map(|row| row.row.request.clone()).collect();
            assert_eq!(order, (0..20).map(|group| format!("{task} {group} 0")).collect::<Vec<_>>());
        }
    });
}

#[test]
fn the_database_itself_refuses_to_change_or_delete_rows() {
    on_both(async |database| {
        let store = database.open().await;
        store.append(&[row("r1"), row("r2")]).await.unwrap();
        let before = everything_in(&store).await;
        for sql in [
            "update entries set body = '{}' where seq = 1",
            "delete from entries",
            "delete from entries where seq = 2",
        ] {
            let error = database.run(sql).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{sql}: {error}");
        }
        let another = if database.is_sqlite() {
            "insert or replace into entries select * from entries where seq = 1"
        } else {
            "truncate entries"
        };
        let error = database.run(another).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{another}: {error}");
        assert_eq!(everything_in(&store).await, before);
    });
}

#[test]
fn every_filter_finds_exactly_its_rows_in_both_orders() {
    on_both(async |database| {
        let store = database.open().await;
        let rows: Vec<Row> = (0..64_i64).map(varied).collect();
        store.append(&rows[..40]).await.unwrap();
        store.append(&rows[40..]).await.unwrap();
        let text = |text: &str| Some(text.to_owned());
        let base = Filter::default;
        let filters = [
            base(),
            Filter { agent: text("1"), ..base() },
            Filter { task: text("1"), ..base() },
            Filter { cluster: text("1"), ..base() },
            Filter { namespace: text("1"), ..base() },
            Filter { resource: text("1"), ..base() },
            Filter { name: text("1"), ..base() },
            Filter { request: text("3"), ..base() },
            Filter { result: text("1"), ..base() },
            Filter { since: Some(40), ..base() },
            Filter { until: Some(40), ..base() },
            Filter { since: Some(20), until: Some(41), agent: text("1"), ..base() },
            Filter { since: Some(1_000), ..base() },
            Filter { agent: text("nobody"), ..base() },
            Filter {
                name: text("1"),
                namespace: text("0"),
                resource: text("1"),
                cluster: text("0"),
                ..base()
            },
            Filter { request: text("3"), agent: text("0"), ..base() },
        ];
        for filter in filters {
            let expected: Vec<i64> =
                rows.iter().zip(1..).filter(|(row, _)| fits(&filter, row)).map(|(_, seq)| seq).collect();
            let seqs = |rows: Vec<StoredRow>| rows.into_iter().map(|row| row.seq).collect::<Vec<_>>();
            assert_eq!(seqs(store.entries(&filter, 0, 100).await.unwrap()), expected, "{filter:?}");
            let reversed: Vec<i64> = expected.iter().rev().copied().collect();
            assert_eq!(seqs(store.newest(&filter, None, 100).await.unwrap()), reversed, "{filter:?}");
            let page: Vec<i64> = expected.iter().copied().filter(|seq| *seq > 20).take(3).collect();
            assert_eq!(seqs(store.entries(&filter, 20, 3).await.unwrap()), page, "{filter:?}");
            let page: Vec<i64> = reversed.iter().copied().filter(|seq| *seq < 50).take(3).collect();
            assert_eq!(seqs(store.newest(&filter, Some(50), 3).await.unwrap()), page, "{filter:?}");
        }
    });
}

/// Columns take each of two values, in every combination; times wander.
fn varied(number: i64) -> Row {
    let bit = |place: i64| Some((number >> place & 1).to_string());
    Row {
        time: number ^ 5,
        agent: bit(0),
        task: bit(1),
        cluster: bit(2),
        namespace: bit(3),
        resource: bit(4),
        name: bit(5),
        result: (number % 3 == 0).then(|| "1".to_owned()),
        ..row(&(number / 4).to_string())
    }
}

fn fits(filter: &Filter, row: &Row) -> bool {
    let same = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
    same(&filter.agent, &row.agent)
        && same(&filter.task, &row.task)
        && same(&filter.cluster, &row.cluster)
        && same(&filter.namespace, &row.namespace)
        && same(&filter.resource, &row.resource)
        && same(&filter.name, &row.name)
        && same(&filter.request, &Some(row.request.clone()))
        && same(&filter.result, &row.result)
        && filter.since.is_none_or(|since| row.time >= since)
        && filter.until.is_none_or(|until| row.time <= until)
}
