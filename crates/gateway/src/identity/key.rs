//! An agent's public key. The gateway keeps nothing else of an agent's credential (invariant 6).

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use thiserror::Error;

/// How a key is written: this, then the 32 bytes of RFC 8032 in base64 (RFC 4648 §4, with padding).
const PREFIX: &str = "ed25519:";

/// What stands before the 32 bytes in a SubjectPublicKeyInfo (RFC 8410 §4): two sequences, the object
/// identifier 1.3.101.112 without parameters, and a bit string of whole bytes. DER leaves no other way to
/// write it.
const SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The y coordinates of the points of small order, little-endian with the sign bit clear. A signature under
/// such a key can be made for any message without a private key, so that anybody could be that agent.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    ONE,
    P_MINUS_ONE,
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// 2^255 − 20, the largest y coordinate there is, little-endian.
const P_MINUS_ONE: [u8; 32] = [
    0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
];

/// The y coordinate 1, of the neutral point.
const ONE: [u8; 32] =
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// An enrolled Ed25519 public key (RFC 8032). Two keys are equal exactly if one private key signs for both:
/// encodings that stand for the same point as another one are refused.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey {
    bytes: [u8; 32],
}

/// Why a public key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadKey {
    /// The kind of key is missing or another one.
    #[error("a public key is written \"ed25519:BASE64\"; this one does not begin with \"ed25519:\"")]
    Prefix,
    /// The rest is no base64.
    #[error("what follows \"ed25519:\" must be the key in standard base64, 44 characters with its \"=\"")]
    Base64,
    /// It isn't an Ed25519 key's length.
    #[error("an Ed25519 public key has 32 bytes; this one has {0}")]
    Length(usize),
    /// It isn't an Ed25519 SubjectPublicKeyInfo.
    #[error("the key is not an Ed25519 key (RFC 8410)")]
    NotEd25519,
    /// Anybody can sign for it.
    #[error("the key is a weak one (a point of small order), under which anybody could sign; make a new key")]
    Weak,
    /// A second way to write another key.
    #[error("the key is not in its one canonical form (RFC 8032 §5.1.3); make a new key")]
    NotCanonical,
}

impl PublicKey {
    /// Reads `ed25519:BASE64`.
    ///
    /// # Errors
    /// Another prefix, no base64, another length, and keys that are weak or not canonical.
    pub fn parse(text: &str) -> Result<PublicKey, BadKey> {
        let encoded = text.strip_prefix(PREFIX).ok_or(BadKey::Prefix)?;
        let Ok(bytes) = STANDARD.decode(encoded) else { return Err(BadKey::Base64) };
        PublicKey::from_bytes(&bytes)
    }

    /// Reads the 32 bytes of RFC 8032.
    ///
    /// # Errors
    /// Another length, and keys that are weak or not canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<PublicKey, BadKey> {
        let Ok(bytes) = <[u8; 32]>::try_from(bytes) else { return Err(BadKey::Length(bytes.len())) };
        let mut y = bytes;
        if let Some(last) = y.last_mut() {
            *last &= 0x7f;
        }
        if y.iter().rev().gt(P_MINUS_ONE.iter().rev()) {
            return Err(BadKey::NotCanonical);
        }
        if SMALL_ORDER.contains(&y) {
            return Err(BadKey::Weak);
        }
        Ok(PublicKey { bytes })
    }

    /// Reads a DER SubjectPublicKeyInfo, as certificates carry it.
    ///
    /// # Errors
    /// Keys of another kind or with anything after them, and keys that are weak or not canonical.
    pub fn from_spki_der(der: &[u8]) -> Result<PublicKey, BadKey> {
        der.strip_prefix(SPKI_HEAD.as_slice())
            .filter(|bytes| bytes.len() == 32)
            .ok_or(BadKey::NotEd25519)
            .and_then(PublicKey::from_bytes)
    }

    /// The 32 bytes of RFC 8032.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Whether `signature` is this key's over `message`.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature).is_ok()
    }

    /// The short name of the key in records, lists and messages: `SHA256:` and the digest of the 32 bytes in
    /// base64url without padding.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.bytes)))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.bytes))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn pair() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
    }

    #[test]
    fn a_key_is_the_same_as_text_as_bytes_and_from_a_certificate() {
        let pair = pair();
        let key = PublicKey::from_bytes(pair.public_key().as_ref()).unwrap();
        let der = pair.public_key().as_der().unwrap();
        assert_eq!(PublicKey::from_spki_der(der.as_ref()), Ok(key.clone()));
        assert_eq!(PublicKey::parse(&key.to_string()), Ok(key.clone()));
        assert_eq!(key.to_string(), "ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=");
        assert_eq!(format!("{key:?}"), key.to_string());
    }

    #[test]
    fn a_fingerprint_is_the_digest_of_the_32_bytes() {
        let key = PublicKey::from_bytes(pair().public_key().as_ref()).unwrap();
        assert_eq!(key.fingerprint().len(), "SHA256:".len() + 43);
        assert!(key.fingerprint().starts_with("SHA256:"));
    }

    #[test]
    fn only_the_key_s_own_signature_counts() {
        let pair = pair();
        let key = PublicKey::from_bytes(pair.public_key().as_ref()).unwrap();
        let signature = pair.sign(b"message");
        assert!(key.verify(b"message", signature.as_ref()));
        assert!(!key.verify(b"another", signature.as_ref()));
        assert!(!key.verify(b"message", &[0; 64]));
        assert!(!key.verify(b"message", &[]));
    }

    #[test]
    fn what_is_not_such_a_key_is_refused_by_its_reason() {
        let written = |bytes: &[u8]| format!("{PREFIX}{}", STANDARD.encode(bytes));
        assert_eq!(PublicKey::parse("rsa:AAAA"), Err(BadKey::Prefix));
        assert_eq!(PublicKey::parse("ed25519:not base64"), Err(BadKey::Base64));
        assert_eq!(PublicKey::parse(&written(&[1; 32]).replace('=', "")), Err(BadKey::Base64));
        assert_eq!(PublicKey::parse(&written(&[1; 31])), Err(BadKey::Length(31)));
        assert_eq!(PublicKey::parse("ed25519:"), Err(BadKey::Length(0)));
        assert_eq!(PublicKey::from_spki_der(&[0x30; 44]), Err(BadKey::NotEd25519));
        let mut long = SPKI_HEAD.to_vec();
        long.extend([9; 33]);
        assert_eq!(PublicKey::from_spki_der(&long), Err(BadKey::NotEd25519));
    }

    #[test]
    fn weak_keys_and_second_spellings_are_refused() {
        for mut y in SMALL_ORDER {
            assert_eq!(PublicKey::from_bytes(&y), Err(BadKey::Weak));
            y[31] |= 0x80;
            assert_eq!(PublicKey::from_bytes(&y), Err(BadKey::Weak));
        }
        let mut p = P_MINUS_ONE;
        p[0] = 0xed;
        assert_eq!(PublicKey::from_bytes(&p), Err(BadKey::NotCanonical));
        assert_eq!(PublicKey::from_bytes(&[0xff; 32]), Err(BadKey::NotCanonical));
    }
}
