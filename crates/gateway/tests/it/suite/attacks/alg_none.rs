//! Saying that a token needs no signature (RFC 8725 §2.1).

use drawbridge_testkit::issuer::{SigningKey, unsigned};
use serde_json::json;

use super::issued::Job;

#[test]
fn a_token_that_nobody_signed_proves_nothing() {
    let key = SigningKey::rsa("a");
    let job = Job::new("alg-none", &[&key]);
    let claims = job.claims();
    for alg in ["none", "None", "NONE", "nOnE"] {
        let header = json!({ "alg": alg, "kid": "a", "typ": "JWT" });
        job.is_refused(&unsigned(&header, &claims), "not signed");
        job.is_refused(&key.token_with(&header, &claims), "not signed");
        job.is_refused(&format!("{}AA", unsigned(&header, &claims)), "not signed");
    }
    // An honest header without the signature.
    job.is_refused(&unsigned(&key.header(), &claims), "not signed");
    job.alone_comes_through(&key.token(&claims));
}
