//! What a name meant when it was seen first is what it means.

use drawbridge_store::{Error, Kept};

use crate::database::{everything_in, on_both, row};

fn kept(subject: &str, uid: &str) -> Kept {
    Kept { kind: "serviceAccount".to_owned(), subject: subject.to_owned(), uid: uid.to_owned(), since: 7 }
}

#[test]
fn the_first_uid_of_a_name_stays_and_later_ones_learn_it() {
    on_both(async |database| {
        let store = database.open().await;
        let first = kept("prod/agents/cleanup", "uid-1");
        assert_eq!(store.keep(&first, &row("r1")).await.unwrap(), "uid-1");
        assert_eq!(store.keep(&first, &row("r2")).await.unwrap(), "uid-1");
        assert_eq!(store.keep(&kept("prod/agents/cleanup", "uid-2"), &row("r3")).await.unwrap(), "uid-1");
        assert_eq!(store.keep(&kept("test/agents/cleanup", "uid-2"), &row("r4")).await.unwrap(), "uid-2");
        let mut all = store.kept().await.unwrap();
        all.sort_by(|a, b| a.subject.cmp(&b.subject));
        assert_eq!(all, [first, kept("test/agents/cleanup", "uid-2")]);
        let rows = everything_in(&store).await;
        let told: Vec<_> = rows.iter().map(|stored| stored.row.request.as_str()).collect();
        assert_eq!(told, ["r1", "r4"], "only what was kept is in the record");
        store.close().await;
        assert_eq!(database.open().await.kept().await.unwrap().len(), 2);
    });
}

#[test]
fn of_many_that_see_a_name_at_once_one_is_kept_and_all_learn_it() {
    on_both(async |database| {
        let store = database.open().await;
        let keep = async |uid| store.keep(&kept("a/b/c", uid), &row("r")).await.unwrap();
        let answers = tokio::join!(keep("uid-1"), keep("uid-2"), keep("uid-3"), keep("uid-4"));
        let answers = <[String; 4]>::from(answers);
        let all = store.kept().await.unwrap();
        assert_eq!(all.len(), 1);
        assert!(answers.iter().all(|uid| *uid == all[0].uid), "{answers:?}");
        assert_eq!(everything_in(&store).await.len(), 1);
    });
}

#[test]
fn the_database_itself_refuses_to_change_what_is_kept() {
    on_both(async |database| {
        let store = database.open().await;
        store.keep(&kept("a/b/c", "uid-1"), &row("r")).await.unwrap();
        database.run("update kept set uid = 'uid-2'").await.unwrap_err();
        database.run("delete from kept").await.unwrap_err();
        if database.is_sqlite() {
            let replace = "insert or replace into kept values ('serviceAccount', 'a/b/c', 'uid-2', 1)";
            database.run(replace).await.unwrap_err();
        }
        assert_eq!(store.kept().await.unwrap(), [kept("a/b/c", "uid-1")]);
    });
}

#[test]
fn a_name_that_is_too_long_is_refused() {
    on_both(async |database| {
        let store = database.open().await;
        let error = store.keep(&kept(&"a".repeat(5_000), "u"), &row("r")).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        assert!(store.kept().await.unwrap().is_empty());
    });
}
