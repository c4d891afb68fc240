//! Manifests change all or nothing, and only from the revision that was read.

use drawbridge_store::{Error, Everything};

use crate::database::{delete, everything_in, on_both, put, put_from, row, set};

#[test]
fn an_empty_database_has_revision_0_and_nothing_else() {
    on_both(async |database| {
        let store = database.open().await;
        assert_eq!(store.load().await.unwrap(), Everything::default());
        assert_eq!(store.revision().await.unwrap(), 0);
    });
}

#[test]
fn a_put_keeps_uid_and_creation_and_counts_changes_of_the_body_only() {
    on_both(async |database| {
        let store = database.open().await;
        assert_eq!(store.apply(0, &[put("Agent", "a", "{}", 10)], &[]).await.unwrap(), 1);
        assert_eq!(store.apply(1, &[put("Agent", "a", r#"{"x":"é☃𝄞\u0000"}"#, 20)], &[]).await.unwrap(), 2);
        assert_eq!(store.apply(2, &[put("Agent", "a", r#"{"x":"é☃𝄞\u0000"}"#, 30)], &[]).await.unwrap(), 3);
        let loaded = store.load().await.unwrap();
        assert_eq!(loaded.revision, 3);
        let [manifest] = &loaded.manifests[..] else { panic!("one manifest") };
        assert_eq!((manifest.uid.as_str(), manifest.created), ("uid-10", 10));
        assert_eq!((manifest.generation, manifest.revision, manifest.updated), (2, 2, 20));
        assert_eq!(manifest.body, r#"{"x":"é☃𝄞\u0000"}"#);
    });
}

#[test]
fn another_origin_is_kept_and_counts_as_no_change_of_the_body() {
    on_both(async |database| {
        let store = database.open().await;
        let at = |change| vec![change];
        store.apply(0, &at(put("Agent", "a", "{}", 10)), &[]).await.unwrap();
        store.apply(1, &at(put_from("Agent", "a", "{}", "directory")), &[]).await.unwrap();
        store.apply(2, &at(put_from("Agent", "a", "{}", "directory")), &[]).await.unwrap();
        let loaded = store.load().await.unwrap();
        let [manifest] = &loaded.manifests[..] else { panic!("one manifest") };
        assert_eq!(manifest.origin, "directory");
        assert_eq!((manifest.generation, manifest.revision, manifest.updated), (1, 2, 10));
    });
}

#[test]
fn a_deleted_name_can_be_used_again_under_another_uid() {
    on_both(async |database| {
        let store = database.open().await;
        store.apply(0, &[put("Agent", "a", "{}", 10), put("Agent", "b", "{}", 10)], &[]).await.unwrap();
        store.apply(1, &[delete("Agent", "a"), delete("Scope", "never-there")], &[]).await.unwrap();
        let names: Vec<_> = store.load().await.unwrap().manifests.into_iter().map(|m| m.name).collect();
        assert_eq!(names, ["b"]);
        store.apply(2, &[put("Agent", "a", "{}", 20)], &[]).await.unwrap();
        let again = store.load().await.unwrap().manifests.into_iter().find(|m| m.name == "a").unwrap();
        assert_eq!((again.uid.as_str(), again.created, again.generation), ("uid-20", 20, 1));
    });
}

#[test]
fn manifests_are_loaded_in_the_same_order_everywhere() {
    on_both(async |database| {
        let store = database.open().await;
        let changes = ["b", "A", "a-1", "a", "Ä"].map(|name| put("Agent", name, "{}", 1));
        store.apply(0, &changes, &[]).await.unwrap();
        let names: Vec<_> = store.load().await.unwrap().manifests.into_iter().map(|m| m.name).collect();
        assert_eq!(names, ["A", "a", "a-1", "b", "Ä"]);
    });
}

#[test]
fn a_change_from_an_old_revision_is_a_conflict_and_changes_nothing() {
    on_both(async |database| {
        let store = database.open().await;
        store.apply(0, &[put("Agent", "a", "{}", 10)], &[row("r1")]).await.unwrap();
        let before = store.load().await.unwrap();
        let error = store.apply(0, &[delete("Agent", "a")], &[row("r2")]).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { expected: 0, found: 1 }), "{error}");
        // A suspension is a change too.
        store.set_states(&[set("a", "suspended")], &[]).await.unwrap();
        let error = store.apply(1, &[delete("Agent", "a")], &[row("r3")]).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { expected: 1, found: 2 }), "{error}");
        assert_eq!(store.load().await.unwrap().manifests, before.manifests);
        assert_eq!(everything_in(&store).await.len(), 1);
    });
}

#[test]
fn of_many_changes_from_one_revision_exactly_one_succeeds() {
    on_both(async |database| {
        let store = database.open().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8 {
            let store = store.clone();
            tasks.spawn(
                async move { store.apply(0, &[put("Agent", &format!("a{number}"), "{}", 1)], &[]).await },
            );
        }
        let results = tasks.join_all().await;
        assert_eq!(results.iter().filter(|result| matches!(result, Ok(1))).count(), 1, "{results:?}");
        let conflicts =
            results.iter().filter(|result| matches!(result, Err(Error::Conflict { expected: 0, found: 1 })));
        assert_eq!(conflicts.count(), 7, "{results:?}");
        assert_eq!(store.load().await.unwrap().manifests.len(), 1);
    });
}

#[test]
fn what_is_loaded_is_of_one_moment() {
    on_both(async |database| {
        let store = database.open().await;
        let writer = store.clone();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            for revision in 0..200 {
                let body = (revision + 1).to_string();
                let changes = [put("Agent", "a", &body, 1), put("Scope", "s", &body, 1)];
                writer.apply(revision, &changes, &[]).await.unwrap();
            }
        });
        while tasks.try_join_next().is_none() {
            let loaded = store.load().await.unwrap();
            let expected = loaded.revision.to_string();
            assert!(loaded.manifests.iter().all(|manifest| manifest.body == expected), "{loaded:?}");
        }
        assert_eq!(store.revision().await.unwrap(), 200);
    });
}

#[test]
fn a_change_that_fails_at_its_last_part_changes_nothing() {
    on_both(async |database| {
        let store = database.open().await;
        let changes = [put("Agent", "a", "{}", 10), put("Agent", "b\0", "{}", 10)];
        assert!(matches!(store.apply(0, &changes, &[row("r")]).await, Err(Error::Invalid(_))));
        let long = put("Agent", &"x".repeat(513), "{}", 10);
        assert!(matches!(
            store.apply(0, &[put("Agent", "a", "{}", 10), long], &[]).await,
            Err(Error::Invalid(_))
        ));
        let mut bad = row("r");
        bad.body = "\0".to_owned();
        assert!(matches!(store.apply(0, &changes[..1], &[row("r"), bad]).await, Err(Error::Invalid(_))));
        assert_eq!(store.load().await.unwrap(), Everything::default());
        assert!(everything_in(&store).await.is_empty());
    });
}

#[test]
fn a_change_and_its_rows_are_there_together() {
    on_both(async |database| {
        let store = database.open().await;
        store.apply(0, &[put("Agent", "a", "{}", 10)], &[row("r1"), row("r2")]).await.unwrap();
        let rows = everything_in(&store).await;
        assert_eq!(
            rows.iter().map(|row| (row.seq, row.row.request.as_str())).collect::<Vec<_>>(),
            [(1, "r1"), (2, "r2")]
        );
    });
}
