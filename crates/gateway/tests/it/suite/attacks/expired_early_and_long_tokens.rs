//! Tokens of an issuer's that are over, not yet begun, or for too long.

use drawbridge_testkit::issuer::SigningKey;
use serde_json::{Value, json};

use super::forge::{now, with};
use super::issued::Job;

#[test]
fn a_token_of_an_issuer_s_counts_in_its_hour_only() {
    let key = SigningKey::ed25519("a");
    let job = Job::new("lifetime", &[&key]);
    let lived = |from: i64, until: i64| {
        let claims = with(with(job.claims(), "nbf", Value::Null), "iat", json!(now() + from));
        with(claims, "exp", json!(now() + until))
    };
    for (claims, words) in [
        (lived(-600, -40), "expired"),
        (lived(-3_600, -40), "expired"),
        (lived(100, 700), "not valid yet"),
        (with(job.claims(), "nbf", json!(now() + 100)), "not valid yet"),
        (lived(0, 3_700), "longer than the 3660 s"),
        (lived(-3_000, 700), "longer than the 3660 s"),
        (lived(0, 31_536_000), "longer than"),
        (lived(0, i64::MAX - now()), "longer than"),
        (with(job.claims(), "iat", json!(0)), "longer than"),
        (lived(600, 100), "before it was issued"),
        (with(job.claims(), "exp", Value::Null), "no end"),
        (with(job.claims(), "iat", Value::Null), "when it was issued"),
        (with(job.claims(), "exp", json!("tomorrow")), "whole seconds"),
        (with(job.claims(), "exp", json!(1e300)), "whole seconds"),
        (with(job.claims(), "exp", json!(u64::MAX)), "whole seconds"),
        (with(job.claims(), "sub", Value::Null), "no subject"),
    ] {
        job.is_refused(&key.token(&claims), words);
    }
    job.alone_comes_through(&key.token(&lived(-3_500, 100)));
}
