//! Tokens that are stale, early, long-lived, meant for somebody else, signed otherwise or not at all.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::super::wire::Answer;
use super::caller::{CONTROL, Caller, gateway, request, say};
use super::forge::{Key, claims, header, now, with};

#[track_caller]
fn present(caller: &Caller, token: &str) -> Option<Answer> {
    let text = request("GET", CONTROL, &[], "").replace("{token}", token);
    say(caller.fill(&text).as_bytes())
}

#[track_caller]
fn is_refused(caller: &Caller, token: &str, why: &str) {
    let answer = present(caller, token).unwrap();
    assert_eq!(answer.status, 401, "{why}: {}", answer.message());
    assert_eq!(answer.reason(), "bad-token", "{why}: {}", answer.message());
}

fn mine(caller: &Caller) -> Value {
    claims(&caller.agent.name, &gateway().url())
}

#[test]
fn a_token_counts_for_its_short_time_only() {
    let caller = Caller::within("token", "");
    let key = Key::of(&caller.agent);
    let lived = |from: i64, until: i64| {
        let claims = with(mine(&caller), "iat", json!(now() + from));
        with(claims, "exp", json!(now() + until))
    };
    for (claims, why) in [
        (lived(-400, -100), "expired"),
        (lived(-340, -40), "expired by more than the skew"),
        (lived(100, 300), "early"),
        (with(mine(&caller), "nbf", json!(now() + 100)), "not before a later time"),
        (lived(0, 301), "longer than five minutes"),
        (lived(-3_000, 200), "old and long"),
        (lived(0, 31_536_000), "a year"),
        (lived(0, i64::MAX - now()), "for ever"),
        (with(lived(0, 200), "iat", json!(i64::MIN)), "since for ever"),
        (with(mine(&caller), "exp", Value::Null), "no end"),
        (with(mine(&caller), "iat", Value::Null), "no beginning"),
        (with(mine(&caller), "jti", Value::Null), "no id"),
        (with(mine(&caller), "jti", json!("")), "an empty id"),
        (with(mine(&caller), "exp", json!((now() + 200).to_string())), "an end as a text"),
        (with(mine(&caller), "exp", json!(1e300)), "an end out of range"),
        (with(mine(&caller), "exp", json!(u64::MAX)), "an end that wraps"),
    ] {
        is_refused(&caller, &key.token(&header(), &claims), why);
    }
    assert_eq!(caller.controls().len(), 0);
    assert_eq!(present(&caller, &key.token(&header(), &lived(-10, 250))).unwrap().status, 200);
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn a_token_counts_for_its_audience_only() {
    let caller = Caller::within("token", "");
    let key = Key::of(&caller.agent);
    let url = gateway().url();
    for audience in [
        json!("https://kubernetes.default.svc"),
        json!("https://elsewhere:8443"),
        json!(format!("{url}/")),
        json!(url.to_uppercase()),
        json!(url.replace("https", "http")),
        json!(url.replace("127.0.0.1", "localhost")),
        json!(format!("{url}.elsewhere")),
        json!(format!(" {url}")),
        json!(""),
        json!([url]),
        json!([url, "https://elsewhere"]),
        json!("*"),
        json!(true),
        Value::Null,
    ] {
        is_refused(
            &caller,
            &key.token(&header(), &with(mine(&caller), "aud", audience.clone())),
            &audience.to_string(),
        );
    }
    assert_eq!(caller.controls().len(), 0);
    assert_eq!(present(&caller, &key.token(&header(), &mine(&caller))).unwrap().status, 200);
}

#[test]
fn only_the_enrolled_key_s_own_algorithm_signs() {
    let caller = Caller::within("token", "");
    let key = Key::of(&caller.agent);
    let claims = mine(&caller);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let unsigned = format!("{}.{}.", part(&json!({ "alg": none, "typ": "JWT" })), part(&claims));
        is_refused(&caller, &unsigned, none);
        is_refused(&caller, unsigned.trim_end_matches('.'), none);
    }
    // The public key as a shared secret: what an enrolled key's verifier must never be.
    let public = key.public();
    let written = format!("ed25519:{}", STANDARD.encode(&public));
    for secret in [public.clone(), key.pair.public_key_pem().into_bytes(), written.into_bytes(), Vec::new()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let made = jsonwebtoken::encode(
                &jsonwebtoken::Header::new(algorithm),
                &claims,
                &EncodingKey::from_secret(&secret),
            );
            is_refused(&caller, &made.unwrap(), "a shared secret");
        }
    }
    for algorithm in ["ES256", "RS256", "PS256", "HS256", "Ed25519", "ed25519", "eddsa", "EDDSA"] {
        let token = key.token(&json!({ "alg": algorithm, "typ": "JWT" }), &claims);
        is_refused(&caller, &token, algorithm);
    }
    assert_eq!(caller.controls().len(), 0);
    assert_eq!(present(&caller, &key.token(&header(), &claims)).unwrap().status, 200);
}

#[test]
fn a_header_that_brings_its_own_key_or_demands_more_is_refused() {
    let caller = Caller::within("token", "");
    let key = Key::fresh();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.public()) });
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://elsewhere/keys")),
        ("x5c", json!([key.certificate(-60, 600).0])),
        ("x5u", json!("https://elsewhere/chain")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("typ", json!("at+jwt")),
        ("cty", json!("JWT")),
    ] {
        let header = with(header(), name, value.clone());
        is_refused(&caller, &key.token(&header, &mine(&caller)), &format!("{name}: {value}"));
        if name != "kid" || value == json!("") {
            // With the right key as well: what nobody checks must not be asked for.
            let own = Key::of(&caller.agent).token(&header, &mine(&caller));
            is_refused(&caller, &own, &format!("{name}: {value}, with the right key"));
        }
    }
    let more = with(mine(&caller), "scope", json!("everything"));
    is_refused(&caller, &Key::of(&caller.agent).token(&header(), &more), "a claim that nobody checks");
    assert_eq!(caller.controls().len(), 0);
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn a_token_that_was_changed_or_written_in_two_ways_is_refused() {
    let caller = Caller::within("token", "");
    let key = Key::of(&caller.agent);
    let good = key.token(&header(), &mine(&caller));
    let parts: Vec<&str> = good.split('.').collect();
    let [head, body, signature] = parts[..] else { panic!("{good}") };
    let twice = |name: &str| {
        let text = mine(&caller).to_string();
        key.token_of(&header().to_string(), &text.replacen('{', &format!("{{\"{name}\":\"x\","), 1))
    };
    let late = URL_SAFE_NO_PAD.encode(with(mine(&caller), "jti", json!("another")).to_string());
    let mut bits = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bits[10] ^= 1;
    let flipped = URL_SAFE_NO_PAD.encode(&bits);
    // RFC 8032 §5.1.7: S must be below the group's order; S + L would verify in a careless implementation.
    let other = URL_SAFE_NO_PAD.encode(plus_order(&URL_SAFE_NO_PAD.decode(signature).unwrap()));
    for (token, why) in [
        (format!("{head}.{late}.{signature}"), "other claims"),
        (format!("{head}.{body}.{flipped}"), "one bit"),
        (format!("{head}.{body}.{other}"), "a second form of the signature"),
        (format!("{head}.{body}."), "no signature"),
        (format!("{head}.{body}"), "two parts"),
        (format!("{good}.{signature}"), "four parts"),
        (format!("{good}."), "an empty part"),
        (format!("{good}="), "padding"),
        (format!("{head}=.{body}.{signature}"), "padding inside"),
        (good.replace('.', ".."), "empty parts"),
        (format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 64])), "a signature of zeros"),
        (twice("sub"), "the subject twice"),
        (twice("aud"), "the audience twice"),
        (twice("exp"), "the end twice"),
        (key.token_of("{\"alg\":\"none\",\"alg\":\"EdDSA\"}", &mine(&caller).to_string()), "two algorithms"),
        (key.token_of(&header().to_string(), &format!("{} x", mine(&caller))), "something after the claims"),
        (key.token_of(&header().to_string(), "[]"), "claims that are a list"),
        ("x".repeat(5_000), "far too long"),
        ("..".to_owned(), "nothing at all"),
    ] {
        is_refused(&caller, &token, why);
    }
    assert_eq!(caller.controls().len(), 0);
    assert_eq!(present(&caller, &good).unwrap().status, 200);
}

/// The signature with the order of the group (2^252 + 27742317777372353535851937790883648493) added to S.
fn plus_order(signature: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut changed = signature.to_vec();
    let mut carry = 0;
    for (byte, order) in changed[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    changed
}
