//! Taking the issuer's public key for a shared secret (RFC 8725 §2.1): whoever can read it could sign.

use drawbridge_testkit::issuer::{SigningKey, hs256};
use serde_json::json;

use super::issued::Job;

#[test]
fn a_public_key_is_never_a_shared_secret() {
    let keys = [SigningKey::rsa("r"), SigningKey::p256("e"), SigningKey::ed25519("o")];
    let job = Job::new("hs256", &keys.iter().collect::<Vec<_>>());
    let claims = job.claims();
    for key in &keys {
        let jwk = key.jwk().to_string();
        for secret in [key.public(), jwk.into_bytes(), Vec::new()] {
            for alg in ["HS256", "HS384", "HS512"] {
                let header = json!({ "alg": alg, "kid": key.id(), "typ": "JWT" });
                job.is_refused(&hs256(&secret, &header, &claims), "HMAC");
            }
            // The same tag, called a signature of the key's own kind.
            job.is_refused(&hs256(&secret, &key.header(), &claims), "signature is not by the key");
        }
    }
    job.alone_comes_through(&keys[0].token(&claims));
}
