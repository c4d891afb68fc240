//! Headers that change what is signed, or bring the key to check it with (RFC 7515 §4.1, RFC 8725 §3.10).

use drawbridge_testkit::issuer::SigningKey;
use serde_json::{Value, json};

use super::issued::Job;

#[test]
fn a_token_s_header_extends_nothing_and_brings_no_key() {
    let (key, own) = (SigningKey::rsa("a"), SigningKey::rsa("own"));
    let job = Job::new("crit", &[&key]);
    let header = |name: &str, value: Value| {
        let mut header = key.header();
        header[name] = value;
        header
    };
    let claims = job.claims();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!(["urn:example:unknown"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        job.is_refused(&key.token_with(&header(name, value), &claims), name);
    }
    // Signed with a key of the attacker's, which the header brings or says where to get.
    for (name, value) in [
        ("jwk", own.jwk()),
        ("jku", json!(format!("{}/keys", job.issuer.url()))),
        ("x5u", json!(format!("{}/keys", job.issuer.url()))),
        ("x5c", json!(["MIIB"])),
    ] {
        job.is_refused(&own.token_with(&header(name, value), &claims), name);
    }
    let logout = header("typ", json!("logout+jwt"));
    job.is_refused(&key.token_with(&logout, &claims), "typ");
    job.alone_comes_through(&key.token(&claims));
}
