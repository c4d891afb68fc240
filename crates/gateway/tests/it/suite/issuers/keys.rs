//! Keys come, change and go.

use std::future::Future;
use std::task::{Context, Waker};

use drawbridge::identity::jwt::{BadToken, Unproven};
use drawbridge_testkit::issuer::{SigningKey, TestIssuer};
use futures_util::future::join_all;
use serde_json::json;

use super::{AUDIENCE, Time, trust, unreachable, verify};

const ONE_FETCH: [&str; 2] = ["/.well-known/openid-configuration", "/keys"];

#[tokio::test]
async fn a_token_is_proven_by_the_published_key_of_its_algorithm() {
    let keys = [SigningKey::rsa("r"), SigningKey::p256("e"), SigningKey::ed25519("o")];
    let issuer = TestIssuer::start(&keys.iter().collect::<Vec<_>>());
    let trusted = trust(&issuer, &Time::default());
    for key in &keys {
        let claims = issuer.claims("repo:acme/ops", AUDIENCE);
        let proven = verify(&trusted, &key.token(&claims)).await.unwrap();
        assert_eq!(proven.subject(), "repo:acme/ops");
        assert_eq!(proven.object(), claims.as_object().unwrap());
    }
    assert_eq!(issuer.requests(), ONE_FETCH, "keys are fetched once and kept");
    let ps256 = keys[0].token_with(&json!({ "alg": "PS256", "kid": "r" }), &issuer.claims("a", AUDIENCE));
    assert!(verify(&trusted, &ps256).await.unwrap_err().to_string().contains("PS256, which is not accepted"));
}

#[tokio::test]
async fn a_new_key_is_found_by_a_token_that_names_it_and_a_withdrawn_one_stops_counting() {
    let (old, new) = (SigningKey::p256("old"), SigningKey::p256("new"));
    let issuer = TestIssuer::start(&[&old]);
    let time = Time::default();
    let trusted = trust(&issuer, &time);
    let token = |key: &SigningKey| key.token(&issuer.claims("a", AUDIENCE));
    assert!(verify(&trusted, &token(&old)).await.is_ok());
    issuer.publish(&[&new]);
    // Asked a moment ago: not again, and the token is refused at once.
    let unknown = Unproven::UnknownKey("ci".to_owned());
    assert_eq!(verify(&trusted, &token(&new)).await, Err(BadToken::from(unknown.clone()).into()));
    assert!(verify(&trusted, &token(&old)).await.is_ok(), "nobody has said yet that it is gone");
    time.pass(30);
    assert!(verify(&trusted, &token(&new)).await.is_ok());
    assert_eq!(verify(&trusted, &token(&old)).await, Err(BadToken::from(unknown).into()));
    assert_eq!(issuer.requests().len(), 4);
}

#[tokio::test]
async fn a_thousand_tokens_with_made_up_keys_ask_the_issuer_once_in_30_seconds() {
    let (key, stranger) = (SigningKey::ed25519("known"), SigningKey::ed25519("stranger"));
    let issuer = TestIssuer::start(&[&key]);
    let time = Time::default();
    let trusted = trust(&issuer, &time);
    trusted.refresh().await;
    time.pass(31);
    let storm = |round: u32| {
        let tokens = (0..1_000).map(move |one| json!({ "alg": "EdDSA", "kid": format!("{round}-{one}") }));
        tokens.map(|header| stranger.token_with(&header, &issuer.claims("a", AUDIENCE))).collect::<Vec<_>>()
    };
    let tokens = storm(1);
    let verified = join_all(tokens.iter().map(|token| verify(&trusted, token))).await;
    let unknown = Err(BadToken::from(Unproven::UnknownKey("ci".to_owned())).into());
    // So many wait for the answer. Those for whom there is no place are told to come again.
    let (waited, others): (Vec<_>, Vec<_>) = verified.iter().partition(|one| **one == unknown);
    assert_eq!(waited.len(), 256);
    let come_again = Err(unreachable());
    assert!(others.iter().all(|one| **one == come_again), "{:?}", others.first());
    for token in storm(2) {
        assert_eq!(verify(&trusted, &token).await, unknown);
    }
    assert_eq!(issuer.requests().len(), 4, "one fetch at the start and one for 2,000 tokens");
    assert!(verify(&trusted, &key.token(&issuer.claims("a", AUDIENCE))).await.is_ok());
}

#[tokio::test]
async fn all_who_wait_for_keys_share_one_fetch_and_no_more_than_256_wait() {
    let key = SigningKey::ed25519("a");
    let issuer = TestIssuer::start(&[&key]);
    let trusted = trust(&issuer, &Time::default());
    let token = key.token(&issuer.claims("a", AUDIENCE));
    let verified = join_all((0..300).map(|_| verify(&trusted, &token))).await;
    let (waited, told) = verified.split_at(256);
    assert!(waited.iter().all(Result::is_ok), "{verified:?}");
    assert!(told.iter().all(|one| *one == Err(unreachable())), "{verified:?}");
    assert_eq!(issuer.requests(), ONE_FETCH);
    assert!(verify(&trusted, &token).await.is_ok());
}

#[tokio::test]
async fn a_caller_who_goes_away_ends_no_fetch() {
    let key = SigningKey::ed25519("a");
    let issuer = TestIssuer::start(&[&key]);
    let trusted = trust(&issuer, &Time::default());
    let token = key.token(&issuer.claims("a", AUDIENCE));
    {
        let mut first = Box::pin(verify(&trusted, &token));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    // Joins the fetch that the first one began; had that ended with it, none would be allowed now.
    assert!(verify(&trusted, &token).await.is_ok());
    assert_eq!(issuer.requests(), ONE_FETCH);
}

#[tokio::test]
async fn an_outage_leaves_known_keys_in_use_and_shows() {
    let (key, new) = (SigningKey::ed25519("a"), SigningKey::ed25519("b"));
    let issuer = TestIssuer::start(&[&key]);
    let time = Time::default();
    let trusted = trust(&issuer, &time);
    trusted.refresh().await;
    let before = trusted.health();
    assert_eq!((before.keys, &before.fault), (1, &None));
    issuer.go_down();
    time.pass(300);
    trusted.refresh().await;
    let health = trusted.health();
    assert!(health.fault.as_ref().unwrap().contains("can't be reached"), "{health:?}");
    assert_eq!((health.keys, health.since, health.until), (1, before.since, before.until));
    let token = |key: &SigningKey| key.token(&issuer.claims("a", AUDIENCE));
    assert!(verify(&trusted, &token(&key)).await.is_ok());
    assert_eq!(verify(&trusted, &token(&new)).await, Err(unreachable()));
    issuer.mend();
    issuer.publish(&[&new]);
    time.pass(30);
    assert!(verify(&trusted, &token(&new)).await.is_ok());
    assert_eq!(trusted.health().fault, None);
}

#[tokio::test]
async fn what_is_asked_at_a_start_in_an_outage_is_asked_again_in_the_background() {
    let key = SigningKey::ed25519("a");
    let issuer = TestIssuer::start(&[&key]);
    issuer.go_down();
    let trusted = trust(&issuer, &Time::default());
    let token = key.token(&issuer.claims("a", AUDIENCE));
    assert_eq!(verify(&trusted, &token).await, Err(unreachable()));
    issuer.mend();
    // The first thing that it does is to fetch; the pause after that is long.
    let fresh = async {
        while trusted.health().keys == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = trusted.keep_fresh() => panic!("it keeps on"),
        () = fresh => {}
    }
    assert!(verify(&trusted, &token).await.is_ok());
}
