//! Agents that are recognised by the service account of their pod.

use drawbridge_testkit::run;
use serde_json::Value;

use super::Client;
use super::account::{ASKING, Account, TRUSTING};

#[test]
fn unmodified_programs_in_pods_are_recognised_by_their_service_account() {
    for gateway in [&*TRUSTING, &*ASKING] {
        let account = Account::new(gateway, "workload");
        for client in Client::ALL {
            let pod = account.pod();
            let inside = account.inside(&account.token_of(&pod));
            let made = super::world().name("made");
            let done = run(&mut client.command(&inside, "round", &made), b"").ok();
            assert!(done.stdout.contains("watched") && done.stdout.contains("deleted"), "{done}");
            let rows = account.record();
            let row = rows.iter().rev().find(|row| row["request"]["verb"] == "create").unwrap();
            let request = &row["request"];
            let instance = request["instance"].as_str().unwrap();
            assert!(instance.starts_with(&format!("pod {pod} ")), "{instance}");
            assert_eq!(request["identity"], "service-account");
            assert_eq!(request["subject"], format!("local/{}/{}", account.namespace, account.name));
        }
        let reached = account.reached();
        assert_eq!(reached.iter().filter(|line| line.starts_with("create ")).count(), 3, "{reached:?}");
    }
}

#[test]
fn the_uid_of_an_account_is_in_the_record_before_its_first_request() {
    let account = Account::new(&TRUSTING, "first");
    let token = account.token_of(&account.pod());
    assert_eq!(account.ask(&token).status, 200);
    assert_eq!(account.ask(&token).status, 200);
    let rows = account.record();
    let kept: Vec<_> = rows.iter().filter(|row| row["event"] == "account-kept").collect();
    assert_eq!(kept.len(), 1, "{rows:#?}");
    let uid = account.owner(&["get", "serviceaccount", &account.name, "-o", "jsonpath={.metadata.uid}"]);
    assert_eq!(kept[0]["what"]["uid"], uid.ok().stdout);
    let place = |of: &dyn Fn(&Value) -> bool| rows.iter().position(of).unwrap();
    assert!(place(&|row| row["event"] == "account-kept") < place(&|row| row["part"] == "begin"));
}
