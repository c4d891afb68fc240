//! Naming an issuer that is nearly the trusted one.

use drawbridge_testkit::issuer::SigningKey;
use serde_json::json;

use super::forge::with;
use super::issued::Job;

#[test]
fn an_issuer_that_is_nearly_the_trusted_one_is_a_stranger() {
    let key = SigningKey::ed25519("a");
    let job = Job::new("slash", &[&key]);
    let url = job.issuer.url().to_owned();
    for iss in [
        format!("{url}/"),
        format!("{url}//"),
        format!("{url}/."),
        format!(" {url}"),
        format!("{url}?"),
        format!("{url}#"),
        url.to_uppercase(),
        url.replace("https", "http"),
        url.replace("127.0.0.1", "localhost"),
        url.replace("https://", "https://x@"),
    ] {
        job.is_refused(&key.token(&with(job.claims(), "iss", json!(iss))), "not one that is trusted here");
    }
    job.alone_comes_through(&key.token(&job.claims()));
}
