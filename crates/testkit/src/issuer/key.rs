//! Keys that a test's issuer signs with, and tokens of any shape.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaPublicKeyComponents, RsaSignatureEncoding,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key pair with an id.
#[derive(Debug)]
pub struct SigningKey {
    id: String,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// An RSA key of 2048 bits: RS256, and PS256.
    pub fn rsa(id: &str) -> SigningKey {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
        SigningKey { id: id.to_owned(), pair: Pair::Rsa(Box::new(pair)) }
    }

    /// A key on P-256: ES256.
    pub fn p256(id: &str) -> SigningKey {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("an EC key");
        SigningKey { id: id.to_owned(), pair: Pair::P256(pair) }
    }

    /// An Ed25519 key: EdDSA.
    pub fn ed25519(id: &str) -> SigningKey {
        SigningKey {
            id: id.to_owned(),
            pair: Pair::Ed25519(Ed25519KeyPair::generate().expect("an Ed25519 key")),
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The algorithm that it signs with unless it is told otherwise.
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    /// The public half, as an issuer publishes it (RFC 7517).
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public: RsaPublicKeyComponents<Vec<u8>> = pair.public_key().into();
                json!({ "kty": "RSA", "n": encoded(public.n), "e": encoded(public.e) })
            }
            Pair::P256(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(&point[..32]), "y": encoded(&point[32..]) })
            }
            Pair::Ed25519(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key()) }),
        };
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The bytes of the public half, as whoever confuses it with a shared secret would take them: DER for
    /// RSA, the point for others.
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::P256(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The plain header of its tokens.
    pub fn header(&self) -> Value {
        json!({ "alg": self.algorithm(), "kid": self.id, "typ": "JWT" })
    }

    /// A token with its plain header.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    /// A token with any header. What it is really signed with is this key, with PS256 if the header says so.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = signed(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let encoding: &'static RsaSignatureEncoding =
                    if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, signed.as_bytes(), &mut signature).expect("a signature");
                signature
            }
            Pair::P256(pair) => pair.sign(&random, signed.as_bytes()).expect("a signature").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        format!("{signed}.{}", encoded(signature))
    }
}

/// A token "signed" with a shared secret: the key confusion of RFC 8725 §2.1.
pub fn hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let signed = signed(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", encoded(tag))
}

/// A token that nobody signed.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.", signed(header, claims))
}

fn signed(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()))
}

pub(super) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
