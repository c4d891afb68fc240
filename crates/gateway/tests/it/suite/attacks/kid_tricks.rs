//! Key ids that are paths, statements or somebody else's (RFC 8725 §3.10), and thousands of them.

use drawbridge_testkit::issuer::SigningKey;
use serde_json::{Value, json};

use super::issued::Job;

#[test]
fn a_key_id_is_compared_and_nothing_else() {
    let (key, second, stranger) = (SigningKey::rsa("a"), SigningKey::rsa("b"), SigningKey::rsa("a"));
    let job = Job::new("kid", &[&key, &second]);
    let claims = job.claims();
    let header = |kid: Value| json!({ "alg": "RS256", "kid": kid, "typ": "JWT" });
    for kid in ["../../../../dev/null", "' or 1=1 --", "https://evil.example/keys", "A", "a ", "a%00", "*"] {
        job.is_refused(
            &stranger.token_with(&header(json!(kid)), &claims),
            "no key of the bearer token's kid",
        );
        job.is_refused(&key.token_with(&header(json!(kid)), &claims), "no key of the bearer token's kid");
    }
    for kid in [json!(""), json!(null), json!(1), json!(["a"]), json!("a\n"), json!("a".repeat(2_000))] {
        job.is_refused(&key.token_with(&header(kid), &claims), "its kid is");
    }
    job.is_refused(&stranger.token(&claims), "signature is not by the key");
    job.is_refused(&key.token_with(&header(json!("b")), &claims), "signature is not by the key");
    job.is_refused(&key.token_with(&json!({ "alg": "RS256" }), &claims), "has no kid");
    let es256 = json!({ "alg": "ES256", "kid": "a" });
    job.is_refused(&key.token_with(&es256, &claims), "is not one for ES256");
    job.alone_comes_through(&key.token(&claims));
}

#[test]
fn many_made_up_key_ids_ask_the_issuer_a_few_times_only() {
    let (key, stranger) = (SigningKey::ed25519("a"), SigningKey::ed25519("x"));
    let job = Job::new("kids", &[&key]);
    job.alone_comes_through(&key.token(&job.claims()));
    for one in 0..100 {
        let header = json!({ "alg": "EdDSA", "kid": format!("made-up-{one}") });
        job.is_refused(&stranger.token_with(&header, &job.claims()), "no key of the bearer token's kid");
    }
    let asked = job.issuer.requests().len();
    assert!(asked < 50, "{asked} requests, of which two are a fetch; a fetch is allowed every 30 s");
    assert_eq!(job.present(&key.token(&job.claims())).status, 200);
}
