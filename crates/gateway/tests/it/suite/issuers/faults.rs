//! An issuer that misbehaves gives no key, however it does so.

use std::sync::Arc;

use drawbridge::identity::issuer::{Around, Health, Issuer, LONGEST, Oidc};
use drawbridge::identity::jwt::Algorithm;
use drawbridge::telemetry::{Called, Failed, Metrics};
use drawbridge_testkit::issuer::{Fault, Part, SigningKey, TestIssuer};
use serde_json::{Value, json};

use super::{AUDIENCE, Time, around, trust, trust_at, unreachable, verify};

/// Fetches once, which must fail for a reason with `words` in it.
#[track_caller]
fn fails(health: &Health, words: &str) {
    let fault = health.fault.as_deref().unwrap_or_default();
    assert!(fault.contains(words), "no {words:?} in {fault:?}");
    assert_eq!((health.keys, health.since), (0, None), "{words}");
}

async fn fetched(issuer: &Issuer) -> Health {
    issuer.refresh().await;
    issuer.health()
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let key = SigningKey::ed25519("a");
    for part in [Part::Document, Part::Keys] {
        let (elsewhere, issuer) = (TestIssuer::start(&[&key]), TestIssuer::start(&[&key]));
        issuer.break_part(part, Fault::Redirect(format!("{}/keys", elsewhere.url())));
        let trusted = trust(&issuer, &Time::default());
        fails(&fetched(&trusted).await, "redirects are not followed");
        assert_eq!(elsewhere.requests(), [""; 0], "{part:?}");
        let token = key.token(&issuer.claims("a", AUDIENCE));
        assert_eq!(verify(&trusted, &token).await, Err(unreachable()));
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_bound_and_no_further() {
    let key = SigningKey::ed25519("a");
    for (part, most) in [(Part::Document, 64 * 1024), (Part::Keys, 512 * 1024)] {
        let issuer = TestIssuer::start(&[&key]);
        issuer.break_part(part, Fault::Huge(most));
        assert_eq!(fetched(&trust(&issuer, &Time::default())).await.keys, 1, "{part:?}");
        issuer.mend();
        issuer.break_part(part, Fault::Huge(most + 1));
        fails(&fetched(&trust(&issuer, &Time::default())).await, "more than");
    }
}

#[tokio::test]
async fn an_issuer_that_is_slow_or_silent_is_given_up() {
    let key = SigningKey::ed25519("a");
    let issuers: Vec<TestIssuer> = (0..4).map(|_| TestIssuer::start(&[&key])).collect();
    let faults = [
        (Part::Document, Fault::Slow),
        (Part::Keys, Fault::Slow),
        (Part::Document, Fault::Silent),
        (Part::Keys, Fault::Silent),
    ];
    let metrics = Arc::<Metrics>::default();
    let around = || Around { metrics: metrics.clone(), ..around(&Time::default()) };
    let trust = |issuer: &TestIssuer| {
        let trust = Oidc::new(issuer.url(), vec![Algorithm::EdDsa], Some(issuer.ca()), LONGEST).unwrap();
        Issuer::oidc("ci", trust, around())
    };
    let trusted: Vec<Issuer> = issuers.iter().map(trust).collect();
    for (issuer, (part, fault)) in issuers.iter().zip(faults) {
        issuer.break_part(part, fault);
    }
    for health in futures_util::future::join_all(trusted.iter().map(fetched)).await {
        fails(&health, "within 5 s");
    }
    // What was given up is counted as what it was.
    let of = |kind, done| Failed { kind, failed: 2, done };
    assert_eq!(metrics.failed(), [of(Called::Document, 2), of(Called::Keys, 0)]);
}

#[tokio::test]
async fn what_is_no_good_answer_is_none() {
    let key = SigningKey::ed25519("a");
    for part in [Part::Document, Part::Keys] {
        for (fault, words) in [
            (Fault::Status(500), "500"),
            (Fault::Status(404), "404"),
            (Fault::Status(204), "204"),
            (Fault::BreaksOff, "can't be reached"),
            (Fault::Body(String::new()), "no JSON object"),
            (Fault::Body("<html>".to_owned()), "no JSON object"),
            (Fault::Body(r#"{"keys":[],"keys":[]}"#.to_owned()), "no JSON object"),
        ] {
            let issuer = TestIssuer::start(&[&key]);
            issuer.break_part(part, fault);
            fails(&fetched(&trust(&issuer, &Time::default())).await, words);
        }
    }
}

#[tokio::test]
async fn a_description_counts_only_if_it_is_the_trusted_issuer_s_own() {
    let key = SigningKey::ed25519("a");
    let issuer = TestIssuer::start(&[&key]);
    let url = issuer.url().to_owned();
    let plain = format!("{}/keys", url.replacen("https", "http", 1));
    for (name, value, words) in [
        ("issuer", json!(format!("{url}/")), "not exactly the url that is trusted"),
        ("issuer", json!("https://other.example"), "https://other.example"),
        ("issuer", json!(1), "no issuer of use"),
        ("issuer", Value::Null, "no issuer of use"),
        ("jwks_uri", json!(plain), "no jwks_uri with https:// of use"),
        ("jwks_uri", json!("/keys"), "no jwks_uri"),
        ("jwks_uri", json!("https://user@127.0.0.1/keys"), "no jwks_uri"),
        ("jwks_uri", json!("file:///keys"), "no jwks_uri"),
        ("jwks_uri", Value::Null, "no jwks_uri"),
    ] {
        let issuer = TestIssuer::start(&[&key]);
        let value = match value {
            Value::String(text) => json!(text.replace(&url, issuer.url())),
            other => other,
        };
        issuer.describe(name, value.clone());
        fails(&fetched(&trust(&issuer, &Time::default())).await, words);
        assert_eq!(issuer.requests().len(), 1, "the keys are not asked for: {name} {value}");
    }
    // Trusted with a slash, it is another issuer than the one without.
    let slash = trust_at(&format!("{}/", issuer.url()), issuer.ca(), &Time::default());
    fails(&fetched(&slash).await, "not exactly the url that is trusted");
}

#[tokio::test]
async fn an_issuer_is_believed_only_with_a_certificate_of_its_authority() {
    let key = SigningKey::ed25519("a");
    let (issuer, other) = (TestIssuer::start(&[&key]), TestIssuer::start(&[&key]));
    let wrong = trust_at(issuer.url(), other.ca(), &Time::default());
    fails(&fetched(&wrong).await, "can't be reached");
    // Without a file, the machine's own authorities count, and none of them signed this one.
    let plain = Oidc::new(issuer.url(), vec![Algorithm::EdDsa], None, LONGEST).unwrap();
    let machine = Issuer::oidc("ci", plain, around(&Time::default()));
    fails(&fetched(&machine).await, "");
    assert!(machine.health().fault.is_some());
    let empty = tempfile::NamedTempFile::new().unwrap();
    let none = trust_at(issuer.url(), empty.path().to_owned(), &Time::default());
    fails(&fetched(&none).await, "the file has no certificate");
    assert_eq!(issuer.requests(), [""; 0]);
}

#[tokio::test]
async fn weak_keys_are_left_out_and_a_set_of_nothing_else_is_none() {
    let (good, other) = (SigningKey::rsa("good"), SigningKey::rsa("weak"));
    let issuer = TestIssuer::start(&[&good]);
    // Half a modulus: its length is what is wrong with it.
    let mut weak = other.jwk();
    let n = weak["n"].as_str().unwrap();
    weak["n"] = json!(n.get(n.len() - 171..).unwrap());
    issuer.publish_json(json!({ "keys": [weak, good.jwk()] }));
    let trusted = trust(&issuer, &Time::default());
    let health = fetched(&trusted).await;
    assert_eq!(health.keys, 1);
    assert!(health.left_out[0].contains("less than 2048 bits"), "{health:?}");
    issuer.publish_json(json!({ "keys": [weak] }));
    let none = trust(&issuer, &Time::default());
    fails(&fetched(&none).await, "less than 2048 bits");
    // The keys that were known stay for the time of an outage, and it shows.
    let health = fetched(&trusted).await;
    assert_eq!(health.keys, 1);
    assert!(health.fault.unwrap().contains("no key that tokens may be signed with"));
    let token = good.token(&issuer.claims("a", AUDIENCE));
    assert!(verify(&trusted, &token).await.is_ok());
}
