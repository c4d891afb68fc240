//! A service account that was deleted and made again, by whoever may do that in its namespace.

use std::sync::LazyLock;

use drawbridge_testkit::Gateway;

use super::super::in_pod::account::{self, Account};

/// A gateway that no other test's strangers visit: the record folds them by source, reason and minute.
static GATEWAY: LazyLock<Gateway> = LazyLock::new(|| account::gateway("{}"));

#[test]
fn an_account_that_was_made_again_is_nobody_until_a_person_accepts_its_uid() {
    let account = Account::new(&GATEWAY, "again");
    let first = account.token_of(&account.pod());
    assert_eq!(account.ask(&first).status, 200);
    let before = account.reached().len();
    account.owner(&["delete", "serviceaccount", &account.name]).ok();
    account.made();
    let second = account.token_of(&account.pod());
    let answer = account.ask(&second);
    assert_eq!((answer.status, answer.reason().as_str()), (401, "unrecognised"));
    for name in [&account.name, &account.namespace] {
        assert!(!answer.message().contains(name), "the caller is told nothing: {}", answer.message());
    }
    let row = account.stranger(&answer);
    assert_eq!(row["because"], "recreated");
    let uid = account.owner(&["get", "serviceaccount", &account.name, "-o", "jsonpath={.metadata.uid}"]);
    let uid = uid.ok().stdout;
    let advice = row["advice"].as_str().unwrap();
    assert!(advice.contains(&format!("local/{}/{}", account.namespace, account.name)), "{advice}");
    assert!(advice.contains(&format!("uid: {uid}")), "{advice}");
    assert_eq!(account.reached().len(), before, "nothing of it reached the cluster");

    // A person accepts it, by the words of the advice.
    account.identity(&format!(", uid: {uid}"));
    assert_eq!(account.ask(&second).status, 200);
    let answer = account.ask(&first);
    assert_eq!((answer.status, answer.reason().as_str()), (401, "unrecognised"), "the first one is out");
    assert_eq!(account.reached().len(), before + 1);
}
