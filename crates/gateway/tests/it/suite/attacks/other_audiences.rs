//! Good tokens of an enrolled service account that are meant for somebody else, or for too long.

use super::super::in_pod::account::{ASKING, Account, TRUSTING};

#[test]
fn a_token_that_is_not_for_this_gateway_or_for_too_long_is_refused() {
    let account = Account::new(&TRUSTING, "audience");
    let url = account.gateway.url();
    let hour = ["--duration", "1h"];
    let slash = format!("{url}/");
    let upper = url.to_uppercase();
    let host = url.trim_start_matches("https://").to_owned();
    for audience in ["https://kubernetes.default.svc", "api", slash.as_str(), &upper, &host, &ASKING.url()] {
        let token = account.token(&[&["--audience", audience][..], &hour].concat());
        let answer = account.ask(&token);
        assert_eq!((answer.status, answer.reason().as_str()), (401, "bad-token"), "{audience}");
    }
    // What every pod has by default.
    let answer = account.ask(&account.token(&[]));
    assert_eq!(answer.status, 401);
    assert!(answer.message().contains("audience"), "{}", answer.message());
    let long = account.token(&["--audience", &url, "--duration", "2h"]);
    let answer = account.ask(&long);
    assert_eq!(answer.status, 401);
    assert!(answer.message().contains("3660"), "{}", answer.message());
    assert_eq!(account.reached(), [""; 0]);
    assert_eq!(account.ask(&account.token(&["--audience", &url, "--duration", "1h"])).status, 200);
    assert_eq!(account.reached().len(), 1);
}

#[test]
fn a_token_of_a_service_account_that_no_agent_has_is_a_stranger_s() {
    let account = Account::new(&TRUSTING, "stranger");
    account.owner(&["create", "serviceaccount", "other"]).ok();
    let url = account.gateway.url();
    let create = ["create", "token", "other", "--audience", &url, "--duration", "1h"];
    let other = account.owner(&create).ok().stdout.trim().to_owned();
    let answer = account.ask(&other);
    assert_eq!((answer.status, answer.reason().as_str()), (401, "unrecognised"));
    let row = account.stranger(&answer);
    assert_eq!(row["because"], "unknown");
    assert_eq!(row["request"]["subject"], format!("local/{}/other", account.namespace));
    assert_eq!(account.reached(), [""; 0]);
}
