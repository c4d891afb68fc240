use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaPublicKeyComponents,
    RsaSignatureEncoding,
};
use serde_json::json;

use super::*;

const MESSAGE: &[u8] = b"header.claims";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn set(mut keys: Value) -> Result<KeySet, BadKeySet> {
    let keys = keys.take();
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk.as_object_mut().unwrap().insert(name.to_owned(), value);
    jwk
}

/// A key pair of some kind, and how it signs.
enum Pair {
    Rsa(RsaKeyPair),
    Ec(&'static str, EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Pair {
    fn rsa() -> Pair {
        Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn ec(curve: &'static str, algorithm: &'static EcdsaSigningAlgorithm) -> Pair {
        Pair::Ec(curve, EcdsaKeyPair::generate(algorithm).unwrap())
    }

    fn ed() -> Pair {
        Pair::Ed(Ed25519KeyPair::generate().unwrap())
    }

    fn every() -> [Pair; 5] {
        [
            Pair::rsa(),
            Pair::ec("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
            Pair::ec("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
            Pair::ec("P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
            Pair::ed(),
        ]
    }

    fn jwk(&self, id: &str) -> Value {
        let jwk = match self {
            Pair::Rsa(pair) => {
                let public: RsaPublicKeyComponents<Vec<u8>> = pair.public_key().into();
                json!({ "kty": "RSA", "n": b64(public.n), "e": b64(public.e) })
            }
            Pair::Ec(curve, pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
                json!({ "kty": "EC", "crv": curve, "x": b64(x), "y": b64(y) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key()) }),
        };
        with(jwk, "kid", json!(id))
    }

    /// The algorithms it can be for, with a signature by each.
    fn signatures(&self) -> Vec<(Algorithm, Vec<u8>)> {
        let random = SystemRandom::new();
        match self {
            Pair::Rsa(pair) => {
                let by = |encoding: &'static RsaSignatureEncoding| {
                    let mut signature = vec![0; pair.public_modulus_len()];
                    pair.sign(encoding, &random, MESSAGE, &mut signature).unwrap();
                    signature
                };
                vec![
                    (Algorithm::Rs256, by(&RSA_PKCS1_SHA256)),
                    (Algorithm::Rs384, by(&RSA_PKCS1_SHA384)),
                    (Algorithm::Rs512, by(&RSA_PKCS1_SHA512)),
                    (Algorithm::Ps256, by(&RSA_PSS_SHA256)),
                    (Algorithm::Ps384, by(&RSA_PSS_SHA384)),
                    (Algorithm::Ps512, by(&RSA_PSS_SHA512)),
                ]
            }
            Pair::Ec(curve, pair) => {
                let algorithm = match *curve {
                    "P-256" => Algorithm::Es256,
                    "P-384" => Algorithm::Es384,
                    _ => Algorithm::Es512,
                };
                vec![(algorithm, pair.sign(&random, MESSAGE).unwrap().as_ref().to_vec())]
            }
            Pair::Ed(pair) => vec![(Algorithm::EdDsa, pair.sign(MESSAGE).as_ref().to_vec())],
        }
    }
}

#[test]
fn each_kind_of_key_verifies_its_own_algorithms_and_no_other() {
    let pairs = Pair::every();
    let jwks: Vec<Value> =
        pairs.iter().enumerate().map(|(index, pair)| pair.jwk(&index.to_string())).collect();
    let set = set(json!(jwks)).unwrap();
    assert_eq!((set.len(), set.left_out()), (5, vec![]));
    let signatures: Vec<_> = pairs.iter().map(Pair::signatures).collect();
    assert_eq!(signatures.iter().map(Vec::len).sum::<usize>(), Algorithm::ALL.len());
    for (index, own) in signatures.iter().enumerate() {
        let id = index.to_string();
        for algorithm in Algorithm::ALL {
            let fits = own.iter().any(|(fitting, _)| *fitting == algorithm);
            let key = set.key(Some(&id), algorithm);
            assert_eq!(key.err(), (!fits).then_some(NoKey::Other), "{algorithm} with key {id}");
            let key = &set.keys[index];
            for (signed_with, signature) in signatures.iter().flatten() {
                let good = fits && *signed_with == algorithm;
                assert_eq!(
                    key.verifies(algorithm, MESSAGE, signature),
                    good,
                    "{signed_with} as {algorithm}, {id}"
                );
                assert!(!key.verifies(algorithm, b"header.claimz", signature));
            }
            assert!(!key.verifies(algorithm, MESSAGE, b""));
        }
    }
}

#[test]
fn an_rsa_key_of_less_than_2048_bits_is_left_out_and_reported() {
    // Half of a good modulus: its length is all that is wrong with it.
    let whole = URL_SAFE_NO_PAD.decode(Pair::rsa().jwk("good")["n"].as_str().unwrap()).unwrap();
    let n = &whole[128..];
    let weak = json!({ "kty": "RSA", "kid": "weak", "n": b64(n), "e": "AQAB" });
    let why = "key \"weak\": it is an RSA key of less than 2048 bits, which is too weak";
    assert_eq!(set(json!([weak])), Err(BadKeySet::Empty(why.to_owned())));
    // Zeros in front make it no stronger.
    let padded = with(weak.clone(), "n", json!(b64([&[0; 200], n].concat())));
    assert_eq!(set(json!([padded])), Err(BadKeySet::Empty(why.to_owned())));
    // One bit less than enough is too little, too.
    let (mut least, mut short) = (whole.clone(), whole);
    (least[0], short[0]) = (0x80, 0x7f);
    let key = |n: &[u8]| json!({ "kty": "RSA", "kid": "weak", "n": b64(n), "e": "AQAB" });
    assert!(set(json!([key(&least)])).is_ok());
    assert_eq!(set(json!([key(&short)])), Err(BadKeySet::Empty(why.to_owned())));
    let both = set(json!([weak, Pair::ed().jwk("good")])).unwrap();
    assert_eq!((both.len(), both.left_out()), (1, vec![why.to_owned()]));
    assert_eq!(both.key(Some("weak"), Algorithm::Rs256).err(), Some(NoKey::Unknown));
}

#[test]
fn a_key_that_signs_nothing_or_anything_is_left_out() {
    let (rsa, ec, ed) = (Pair::rsa().jwk("a"), Pair::every()[1].jwk("a"), Pair::ed().jwk("a"));
    let mut point = URL_SAFE_NO_PAD.decode(ec["x"].as_str().unwrap()).unwrap();
    point[0] ^= 1;
    for (jwk, why) in [
        (with(rsa.clone(), "e", json!("AQ")), "the exponent 1"),
        (with(rsa.clone(), "e", json!("Aw")), "the exponent 3"),
        (with(rsa.clone(), "e", json!("AQAC")), "an even exponent"),
        (with(rsa.clone(), "e", json!("")), "no exponent"),
        (with(rsa.clone(), "e", json!("AAAAAAAAAAAB")), "the exponent 1 behind zeros"),
        (with(rsa.clone(), "e", json!("AQAAAAE")), "a long exponent"),
        (with(rsa.clone(), "n", json!(b64([0xff; 1_025]))), "a huge modulus"),
        (with(rsa.clone(), "n", json!("a+b/")), "another alphabet"),
        (with(rsa.clone(), "use", json!("enc")), "for encryption"),
        (with(rsa.clone(), "use", json!(null)), "for nothing"),
        (with(rsa.clone(), "key_ops", json!(["encrypt"])), "for encryption, too"),
        (with(rsa.clone(), "key_ops", json!("verify")), "operations as a text"),
        (with(rsa.clone(), "alg", json!("RSA-OAEP")), "an algorithm for encryption"),
        (with(rsa.clone(), "alg", json!("HS256")), "a symmetric algorithm"),
        (with(rsa.clone(), "alg", json!("ES256")), "an algorithm of other keys"),
        (with(rsa.clone(), "alg", json!(null)), "no algorithm"),
        (with(rsa.clone(), "kid", json!("")), "an empty id"),
        (with(rsa.clone(), "kid", json!(1)), "an id that is a number"),
        (with(rsa.clone(), "d", json!("AQAB")), "a private half"),
        (with(rsa.clone(), "kty", json!("oct")), "a shared secret"),
        (json!({ "kty": "oct", "kid": "a", "k": b64("secret"), "alg": "HS256" }), "a shared secret, whole"),
        (with(rsa.clone(), "kty", json!("rsa")), "a kind in other letters"),
        (with(ec.clone(), "crv", json!("P-384")), "another curve"),
        (with(ec.clone(), "crv", json!("secp256k1")), "a curve that is not read"),
        (with(ec.clone(), "x", json!(b64(point))), "no point of the curve"),
        (with(ec.clone(), "x", json!(b64([0; 32]))), "no point at zero"),
        (with(ec.clone(), "y", json!(b64([1; 31]))), "a short coordinate"),
        (with(ed.clone(), "crv", json!("Ed448")), "another curve of Edwards'"),
        (with(ed.clone(), "crv", json!("X25519")), "a key for key exchange"),
        (with(ed.clone(), "x", json!(b64([0; 32]))), "a point of small order"),
        (with(ed.clone(), "x", json!(b64([1; 31]))), "a short key"),
        (json!("key"), "no object"),
    ] {
        assert!(matches!(set(json!([jwk])), Err(BadKeySet::Empty(_))), "{why}");
    }
    assert!(set(json!([with(with(rsa, "use", json!("sig")), "key_ops", json!(["sign", "verify"]))])).is_ok());
}

#[test]
fn an_id_of_two_different_keys_is_refused_and_the_same_key_twice_is_one() {
    let (one, other) = (Pair::rsa(), Pair::ed());
    let both = set(json!([one.jwk("same"), other.jwk("same"), other.jwk("own")])).unwrap();
    for algorithm in [Algorithm::Rs256, Algorithm::EdDsa] {
        assert_eq!(both.key(Some("same"), algorithm).err(), Some(NoKey::Ambiguous));
    }
    assert!(both.key(Some("own"), Algorithm::EdDsa).is_ok());
    assert_eq!(both.left_out(), ["key \"same\": the set has different keys of this id"]);
    let twice = set(json!([one.jwk("same"), one.jwk("same")])).unwrap();
    assert_eq!(twice.len(), 1);
    let for_two = set(json!([
        with(one.jwk("same"), "alg", json!("RS256")),
        with(one.jwk("same"), "alg", json!("PS256")),
    ]));
    let for_two = for_two.unwrap();
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        assert!(for_two.key(Some("same"), algorithm).is_ok());
    }
    assert_eq!(for_two.key(Some("same"), Algorithm::Rs512).err(), Some(NoKey::Other));
}

#[test]
fn a_token_without_a_key_id_may_be_where_exactly_one_key_fits() {
    let (rsa, ed) = (Pair::rsa(), Pair::ed());
    let one_each = set(json!([rsa.jwk("a"), ed.jwk("b")])).unwrap();
    assert!(one_each.key(None, Algorithm::Rs256).is_ok());
    assert_eq!(one_each.key(None, Algorithm::Es256).err(), Some(NoKey::Unnamed));
    let two = set(json!([rsa.jwk("a"), Pair::rsa().jwk("b")])).unwrap();
    assert_eq!(two.key(None, Algorithm::Rs256).err(), Some(NoKey::Unnamed));
    let mut nameless = rsa.jwk("a");
    nameless.as_object_mut().unwrap().remove("kid");
    let nameless = set(json!([nameless])).unwrap();
    assert!(nameless.key(None, Algorithm::Rs256).is_ok());
    assert_eq!(nameless.key(Some("a"), Algorithm::Rs256).err(), Some(NoKey::Unknown));
}

#[test]
fn a_set_of_another_shape_or_of_too_many_keys_is_refused() {
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, "<html>"] {
        assert_eq!(KeySet::read(text.as_bytes()), Err(BadKeySet::Shape), "{text}");
    }
    assert!(matches!(set(json!([])), Err(BadKeySet::Empty(_))));
    let key = Pair::ed().jwk("a");
    let many: Vec<Value> = (0..101).map(|_| key.clone()).collect();
    assert_eq!(set(json!(many)), Err(BadKeySet::TooMany(101)));
    assert!(set(json!(many[1..])).is_ok());
}
