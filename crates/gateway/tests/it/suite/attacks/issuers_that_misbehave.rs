//! An issuer that redirects, floods, stalls or publishes a weak key: nobody can tell whether a token is good,
//! and so it isn't.

use drawbridge_testkit::issuer::{Fault, Part, SigningKey, TestIssuer};
use serde_json::json;

use super::issued::Job;

#[test]
fn a_redirect_to_keys_of_the_attacker_s_is_not_followed() {
    let (key, own) = (SigningKey::rsa("a"), SigningKey::rsa("a"));
    let (elsewhere, issuer) = (TestIssuer::start(&[&own]), TestIssuer::start(&[&key]));
    issuer.break_part(Part::Keys, Fault::Redirect(format!("{}/keys", elsewhere.url())));
    let job = Job::of("redirect", issuer);
    job.is_undecided(&own.token(&job.claims()));
    job.is_undecided(&key.token(&job.claims()));
    assert_eq!(elsewhere.requests(), [""; 0]);
    assert_eq!(job.controls().len(), 0);
}

#[test]
fn keys_that_flood_or_stall_are_given_up_and_others_are_served_meanwhile() {
    let key = SigningKey::ed25519("a");
    let other = Job::new("well", &[&key]);
    for fault in [Fault::Huge(64 * 1024 * 1024), Fault::Slow, Fault::Silent] {
        let issuer = TestIssuer::start(&[&key]);
        issuer.break_part(Part::Keys, fault);
        let job = Job::of("stalls", issuer);
        std::thread::scope(|scope| {
            scope.spawn(|| job.is_undecided(&key.token(&job.claims())));
            assert_eq!(other.present(&key.token(&other.claims())).status, 200);
        });
        assert_eq!(job.controls().len(), 0);
    }
}

#[test]
fn a_weak_key_proves_nothing_even_if_the_issuer_publishes_it() {
    let (weak, key) = (SigningKey::rsa("weak"), SigningKey::rsa("good"));
    let issuer = TestIssuer::start(&[&key]);
    // Everything is a signature of itself under the exponent 1.
    let mut published = weak.jwk();
    published["e"] = json!("AQ");
    issuer.publish_json(json!({ "keys": [published, key.jwk()] }));
    let job = Job::of("weak-key", issuer);
    job.is_refused(&weak.token(&job.claims()), "no key of the bearer token's kid");
    job.alone_comes_through(&key.token(&job.claims()));
}
