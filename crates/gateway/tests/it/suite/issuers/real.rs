//! A real OpenID Connect issuer, with a user who logs in.

use drawbridge::identity::jwt::{BadToken, Unproven};
use drawbridge_testkit::issuer::Zitadel;

use super::{AUDIENCE, Time, trust_at, unreachable, verify, verify_for};

#[tokio::test]
async fn a_token_of_a_real_issuer_is_proven_through_rotation_and_outage() {
    let mut issuer = Zitadel::start(AUDIENCE);
    let time = Time::default();
    let trusted = trust_at(issuer.url(), issuer.ca(), &time);
    let first = issuer.id_token();
    let proven = verify(&trusted, &first).await.unwrap();
    assert_eq!((proven.subject(), proven.issuer()), ("id1", "ci"));
    assert_eq!(proven.claim("azp").unwrap(), AUDIENCE);
    let elsewhere = verify_for(&trusted, &first, "https://other.example").await;
    assert_eq!(elsewhere, Err(BadToken::Audience.into()));

    // It signs with another key from now on.
    issuer.start_again();
    let second = issuer.id_token();
    time.pass(30);
    assert!(verify(&trusted, &second).await.is_ok());
    let unknown = Unproven::UnknownKey("ci".to_owned());
    assert_eq!(verify(&trusted, &first).await, Err(BadToken::from(unknown).into()));

    issuer.stop();
    time.pass(300);
    trusted.refresh().await;
    assert!(trusted.health().fault.is_some());
    assert!(verify(&trusted, &second).await.is_ok());
    assert_eq!(verify(&trusted, &first).await, Err(unreachable()));
}
