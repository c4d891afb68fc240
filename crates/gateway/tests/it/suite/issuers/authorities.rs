//! The authority that an issuer's certificate is by changes.

use std::fs;

use drawbridge_testkit::issuer::{SigningKey, TestIssuer};

use super::{AUDIENCE, Time, trust_at, unreachable, verify};

#[tokio::test]
async fn an_authority_that_is_replaced_in_its_file_counts_from_the_next_fetch_on() {
    let (key, new) = (SigningKey::ed25519("a"), SigningKey::ed25519("b"));
    let issuer = TestIssuer::start(&[&key]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    fs::copy(issuer.ca(), &file).unwrap();
    let time = Time::default();
    let trusted = trust_at(issuer.url(), file.clone(), &time);
    let token = |key: &SigningKey| key.token(&issuer.claims("a", AUDIENCE));
    assert!(verify(&trusted, &token(&key)).await.is_ok());
    let before = trusted.health();

    // The issuer's certificate is by another authority now, and the file still has the one before.
    issuer.change_authority();
    issuer.publish(&[&key, &new]);
    let asked = issuer.requests().len();
    time.pass(300);
    trusted.refresh().await;
    let health = trusted.health();
    let fault = health.fault.as_deref().unwrap();
    assert!(fault.contains("can't be reached") && fault.contains("certificate"), "{fault}");
    assert_eq!((health.keys, health.since), (1, before.since));
    assert!(verify(&trusted, &token(&key)).await.is_ok(), "known keys go on");
    assert_eq!(verify(&trusted, &token(&new)).await, Err(unreachable()), "nobody can tell");
    assert_eq!(issuer.requests().len(), asked, "nothing is asked of whom nobody vouches for");

    fs::copy(issuer.ca(), &file).unwrap();
    time.pass(30);
    assert!(verify(&trusted, &token(&new)).await.is_ok());
    let health = trusted.health();
    assert_eq!((health.keys, health.fault), (2, None));
}

#[tokio::test]
async fn an_authority_s_file_that_is_wrong_or_gone_leaves_known_keys_in_use_and_health_says_why() {
    let key = SigningKey::ed25519("a");
    let (issuer, other) = (TestIssuer::start(&[&key]), TestIssuer::start(&[&key]));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    fs::copy(issuer.ca(), &file).unwrap();
    let time = Time::default();
    let trusted = trust_at(issuer.url(), file.clone(), &time);
    let token = || key.token(&issuer.claims("a", AUDIENCE));
    assert!(verify(&trusted, &token()).await.is_ok());
    let asked = issuer.requests().len();
    for (content, words) in [
        (fs::read(other.ca()).unwrap(), "can't be reached"),
        (b"not a certificate".to_vec(), "the file has no certificate"),
        (Vec::new(), "the file has no certificate"),
    ] {
        fs::write(&file, content).unwrap();
        trusted.refresh().await;
        let fault = trusted.health().fault.unwrap();
        assert!(fault.contains(words), "no {words:?} in {fault}");
        assert!(verify(&trusted, &token()).await.is_ok(), "{words}");
    }
    fs::remove_file(&file).unwrap();
    trusted.refresh().await;
    let fault = trusted.health().fault.unwrap();
    assert!(fault.contains("ca.pem can't be read"), "{fault}");
    assert!(verify(&trusted, &token()).await.is_ok());
    assert_eq!(issuer.requests().len(), asked, "it is never asked without its authority");
    assert_eq!(other.requests(), [""; 0]);

    fs::copy(issuer.ca(), &file).unwrap();
    trusted.refresh().await;
    assert_eq!(trusted.health().fault, None);
}
