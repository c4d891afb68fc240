use serde_json::json;

use super::*;

fn encoded(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn token(header: &str, claims: &str) -> String {
    format!("{}.{}.{}", encoded(header), encoded(claims), encoded("signature"))
}

fn with(mut header: Value) -> String {
    token(&header.take().to_string(), r#"{"iss":"https://issuer.example"}"#)
}

#[track_caller]
fn shape(text: &str) -> &'static str {
    match Jwt::read(text) {
        Err(BadToken::Shape(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plain_token_is_read_and_its_signed_part_is_the_text_itself() {
    let text = with(json!({ "alg": "RS256", "kid": "a/../b", "typ": "JWT", "x5t": "abc" }));
    let jwt = Jwt::read(&text).unwrap();
    assert_eq!(jwt.issuer(), "https://issuer.example");
    assert_eq!((jwt.algorithm(), jwt.key_id()), (Algorithm::Rs256, Some("a/../b")));
    assert_eq!(jwt.signature(), b"signature");
    let (signed, _) = text.rsplit_once('.').unwrap();
    assert_eq!(jwt.signed(), signed.as_bytes());
    for typ in ["jwt", "at+jwt", "application/JWT"] {
        assert!(Jwt::read(&with(json!({ "alg": "ES256", "typ": typ }))).is_ok(), "{typ}");
    }
}

#[test]
fn no_token_is_read_that_is_unsigned_or_signed_with_a_secret() {
    for alg in
        ["none", "None", "nOnE", "HS256", "HS384", "HS512", "hs256", "rs256", "RS1", "RSA1_5", "", "ES256K"]
    {
        shape(&with(json!({ "alg": alg })));
    }
    assert!(shape(&with(json!({ "alg": "none" }))).contains("not signed"));
    assert!(shape(&with(json!({ "alg": "HS256" }))).contains("HMAC"));
    shape(&with(json!({ "alg": ["RS256"] })));
    shape(&with(json!({})));
    let whole = with(json!({ "alg": "RS256" }));
    let (signed, _) = whole.rsplit_once('.').unwrap();
    assert_eq!(shape(&format!("{signed}.")), "it is not signed");
}

#[test]
fn no_token_chooses_its_own_key_or_processing() {
    for (name, _) in REFUSED {
        for value in [json!(null), json!("x"), json!(["exp"]), json!({}), json!(false)] {
            let why = shape(&with(json!({ "alg": "RS256", name: value })));
            assert!(why.contains(name), "{why}");
        }
    }
    for typ in [json!("logout+jwt"), json!("dpop+jwt"), json!(1), json!(null), json!("")] {
        shape(&with(json!({ "alg": "RS256", "typ": typ })));
    }
    for kid in [json!(""), json!(1), json!(null), json!("a\nb"), json!("k".repeat(1_025))] {
        shape(&with(json!({ "alg": "RS256", "kid": kid })));
    }
}

#[test]
fn a_name_twice_is_refused_in_header_and_claims() {
    let twice = r#"{"alg":"RS256","alg":"RS256"}"#;
    shape(&token(twice, r#"{"iss":"a"}"#));
    shape(&token(r#"{"alg":"RS256"}"#, r#"{"iss":"a","iss":"b"}"#));
    shape(&token(r#"{"alg":"RS256"}"#, r#"{"iss":"a","x":{"y":1,"y":1}}"#));
}

#[test]
fn what_is_no_compact_jws_is_refused() {
    let good = with(json!({ "alg": "RS256" }));
    assert!(Jwt::read(&good).is_ok());
    for text in [
        String::new(),
        "a.b".to_owned(),
        format!("{good}.{good}"),
        format!("{good}."),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        good.replacen('.', "=.", 1),
        good.replacen('.', "+.", 1),
        token("[]", r#"{"iss":"a"}"#),
        token(r#"{"alg":"RS256"}"#, r#"["iss"]"#),
        token(r#"{"alg":"RS256"}"#, "{}"),
        token(r#"{"alg":"RS256"}"#, r#"{"iss":1}"#),
        token(r#"{"alg":"RS256"}"#, r#"{"iss":""}"#),
        token(r#"{"alg":"RS256"}"#, r#"{"iss":"a\u0000"}"#),
        token(r#"{"alg":"RS256"}"#, &format!(r#"{{"iss":"{}"}}"#, "a".repeat(16_384))),
    ] {
        shape(&text);
    }
    // Two ways to write the same signature: only the one without bits left over counts.
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert!(Jwt::read(&format!("{signed}.AA")).is_ok());
    shape(&format!("{signed}.AB"));
}

#[test]
fn a_token_s_text_is_not_in_its_debug_form() {
    let text = with(json!({ "alg": "RS256" }));
    let shown = format!("{:?}", Jwt::read(&text).unwrap());
    assert!(text.split('.').all(|part| !shown.contains(part)), "{shown}");
}
