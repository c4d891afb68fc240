//! Suspension is undone by resuming, revocation by nothing.

use drawbridge_store::{Error, State};

use crate::database::{clear, delete, everything_in, on_both, put, row, set};

#[test]
fn a_suspension_is_set_replaced_and_cleared() {
    on_both(async |database| {
        let store = database.open().await;
        assert_eq!(store.set_states(&[set("a", "suspended")], &[row("r1")]).await.unwrap(), 1);
        assert_eq!(store.set_states(&[set("a", "suspended"), set("b", "suspended")], &[]).await.unwrap(), 2);
        let loaded = store.load().await.unwrap();
        assert_eq!(loaded.revision, 2);
        assert_eq!(loaded.states.iter().map(|s| s.subject.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            loaded.states[0],
            State {
                subject_kind: "agent".to_owned(),
                subject: "a".to_owned(),
                state: "suspended".to_owned(),
                since: 5,
                by: "ann".to_owned(),
                reason: "it looped".to_owned(),
            }
        );
        assert_eq!(
            store.set_states(&[clear("a"), clear("b"), clear("never-set")], &[row("r2")]).await.unwrap(),
            3
        );
        assert!(store.load().await.unwrap().states.is_empty());
        assert_eq!(everything_in(&store).await.len(), 2);
    });
}

#[test]
fn a_revocation_is_final() {
    on_both(async |database| {
        let store = database.open().await;
        store.apply(0, &[put("Agent", "a", "{}", 1)], &[]).await.unwrap();
        store.set_states(&[set("a", "suspended")], &[]).await.unwrap();
        store.set_states(&[set("a", "revoked")], &[]).await.unwrap();
        let before = store.load().await.unwrap();
        for change in [set("a", "suspended"), set("a", "revoked"), clear("a")] {
            // What comes before it in the same call doesn't happen either.
            let error = store.set_states(&[set("b", "suspended"), change], &[row("r")]).await.unwrap_err();
            assert!(matches!(&error, Error::Final { subject, .. } if subject == "a"), "{error}");
        }
        assert_eq!(store.load().await.unwrap(), before);
        assert!(everything_in(&store).await.is_empty());
        // Neither does deleting the agent and creating it again bring it back.
        store.apply(3, &[delete("Agent", "a"), put("Agent", "a", "{}", 9)], &[]).await.unwrap();
        assert_eq!(store.load().await.unwrap().states, before.states);
    });
}

#[test]
fn a_revocation_within_one_call_is_final_for_the_rest_of_the_call() {
    on_both(async |database| {
        let store = database.open().await;
        let error = store.set_states(&[set("a", "revoked"), clear("a")], &[]).await.unwrap_err();
        assert!(matches!(error, Error::Final { .. }), "{error}");
        assert!(store.load().await.unwrap().states.is_empty());
    });
}

#[test]
fn the_database_itself_refuses_to_undo_a_revocation() {
    on_both(async |database| {
        let store = database.open().await;
        store.set_states(&[set("a", "revoked"), set("b", "suspended")], &[]).await.unwrap();
        database.run("delete from states where state = 'revoked'").await.unwrap_err();
        database.run("update states set state = 'suspended' where subject = 'a'").await.unwrap_err();
        if database.is_sqlite() {
            database
                .run("insert or replace into states values ('agent', 'a', 'suspended', 1, 'x', '')")
                .await
                .unwrap_err();
        } else {
            database.run("truncate states").await.unwrap_err();
        }
        assert_eq!(store.load().await.unwrap().states.len(), 2);
    });
}

#[test]
fn a_state_that_does_not_exist_is_refused() {
    on_both(async |database| {
        let store = database.open().await;
        let error = store.set_states(&[set("a", "paused")], &[]).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        assert_eq!(store.revision().await.unwrap(), 0);
    });
}
