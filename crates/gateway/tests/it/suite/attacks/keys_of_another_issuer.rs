//! Signing with a good key of another trusted issuer: each vouches for its own and nobody else's.

use drawbridge_testkit::issuer::SigningKey;
use serde_json::json;

use super::forge::with;
use super::issued::Job;

#[test]
fn an_issuer_s_key_proves_nothing_of_another_issuer() {
    // Of the same id, which says nothing about whose it is.
    let (key, other) = (SigningKey::p256("same"), SigningKey::p256("same"));
    let (job, elsewhere) = (Job::new("own-keys", &[&key]), Job::new("other-keys", &[&other]));
    job.is_refused(&other.token(&job.claims()), "signature is not by the key");
    job.is_refused(&key.token(&elsewhere.claims()), "signature is not by the key");
    // The other issuer says that it is this one's job: what it proves is its own subject.
    let theirs = elsewhere.claims();
    let answer = job.present(&other.token(&theirs));
    assert_eq!(answer.status, 403, "it is the other agent: {}", answer.message());
    let stranger = elsewhere.present(&other.token(&with(theirs, "sub", json!("repo:evil/ops"))));
    assert_eq!((stranger.status, stranger.reason().as_str()), (401, "unrecognised"));
    job.alone_comes_through(&key.token(&job.claims()));
    elsewhere.alone_comes_through(&other.token(&elsewhere.claims()));
}
