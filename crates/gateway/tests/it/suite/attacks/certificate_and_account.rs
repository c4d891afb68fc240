//! A client certificate of one agent beside the service account's token of another, on one connection.

use std::io::Write;

use super::super::in_pod::account::{Account, TRUSTING};
use super::super::{wire, world};
use super::caller::hear;

#[test]
fn a_certificate_and_a_token_that_name_different_agents_are_refused_together() {
    let account = Account::new(&TRUSTING, "both");
    let rules = "
- {name: configmaps, verbs: [list], apiGroups: [''], resources: [configmaps]}";
    let other = world().agent_on(&TRUSTING, "both-key", rules, &[&account.namespace]);
    let certificate = other.certificate();
    let token = account.token_of(&account.pod());
    let ask = |certificate: Option<&(String, String)>, token: Option<&str>| {
        let mut tls = wire::connect(&TRUSTING, certificate, &[b"http/1.1"]);
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let (path, host) =
            (format!("/api/v1/namespaces/{}/configmaps", account.namespace), TRUSTING.address());
        let text = format!("GET /clusters/local{path} HTTP/1.1\r\nHost: {host}\r\n{bearer}\r\n");
        tls.write_all(text.as_bytes()).unwrap();
        tls.flush().unwrap();
        hear(&mut tls).unwrap()
    };
    let answer = ask(Some(&certificate), Some(&token));
    assert_eq!((answer.status, answer.reason().as_str()), (401, "bad-credential"), "{}", answer.message());
    assert_eq!(account.reached(), [""; 0]);
    assert!(world().audit().of_agent(&other.name).is_empty());
    assert_eq!(ask(Some(&certificate), None).status, 200);
    assert_eq!(ask(None, Some(&token)).status, 200);
    assert_eq!((account.reached().len(), world().audit().of_agent(&other.name).len()), (1, 1));
}
