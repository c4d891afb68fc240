//! Presenting a token that was meant for somebody else: whoever was handed it could act as the agent.

use drawbridge_testkit::issuer::SigningKey;
use serde_json::json;

use super::caller::gateway;
use super::forge::with;
use super::issued::Job;

#[test]
fn a_token_counts_only_for_this_gateway_exactly() {
    let key = SigningKey::p256("a");
    let job = Job::new("audience", &[&key]);
    let url = gateway().url();
    for aud in [
        json!("https://other.example"),
        json!(format!("{url}/")),
        json!(format!("{url}/clusters/local")),
        json!(url.to_uppercase()),
        json!(url.replace("https", "http")),
        json!(url.replace("127.0.0.1", "localhost")),
        json!([]),
        json!(""),
        json!([format!("{url} https://other.example")]),
        json!([[url]]),
        json!({ "aud": url }),
        json!([url, 1]),
        json!(null),
    ] {
        job.is_refused(&key.token(&with(job.claims(), "aud", aud)), "another audience");
    }
    job.alone_comes_through(&key.token(&with(job.claims(), "aud", json!(["https://other.example", url]))));
}
