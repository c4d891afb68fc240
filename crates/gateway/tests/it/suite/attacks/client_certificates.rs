//! Client certificates that are stale, early, long-lived, not self-signed, signed by a CA, or of another
//! kind.

use std::io::Write;

use rcgen::{Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::super::wire::{self, Answer};
use super::super::world;
use super::caller::{CONTROL, Caller, gateway, hear, request};
use super::forge::{Key, parameters};

/// None: the handshake failed.
#[track_caller]
fn present(caller: &Caller, certificate: &(String, String)) -> Option<Answer> {
    let text = request("GET", CONTROL, &[], "").replace("Authorization: Bearer {token}\r\n", "");
    let mut tls = wire::connect(gateway(), Some(certificate), &[b"http/1.1"]);
    tls.write_all(caller.fill(&text).as_bytes()).ok()?;
    tls.flush().ok()?;
    hear(&mut tls)
}

#[test]
fn a_certificate_counts_for_its_hour_only() {
    let caller = Caller::within("cert", "");
    let key = Key::of(&caller.agent);
    for (from, until) in [
        (-4_000, -400),
        (-3_600, -31),
        (100, 3_000),
        (-60, 3_700),
        (0, 86_400),
        (-31_536_000, 31_536_000),
        (-60, 100_000_000_000),
    ] {
        let answer = present(&caller, &key.certificate(from, until)).unwrap();
        assert_eq!((answer.status, answer.reason().as_str()), (401, "bad-certificate"), "{from} to {until}");
    }
    // Ends before it begins.
    assert_eq!(present(&caller, &key.certificate(600, -600)).unwrap().status, 401);
    assert_eq!(caller.controls().len(), 0);
    assert_eq!(present(&caller, &key.certificate(-60, 3_500)).unwrap().status, 200);
    assert_eq!(caller.arrived(), [""; 0]);
}

#[test]
fn a_certificate_that_somebody_else_signed_is_refused() {
    let caller = Caller::within("cert", "");
    let key = Key::of(&caller.agent);
    let mut authority = parameters("ca", -60, 3_000);
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    for other in [Key::fresh().pair, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()] {
        let root = authority.self_signed(&other).unwrap();
        let issuer = Issuer::new(authority.clone(), &other);
        let leaf = parameters("x", -60, 600).signed_by(&key.pair, &issuer).unwrap().pem();
        let private = key.pair.serialize_pem();
        assert!(present(&caller, &(leaf.clone(), private.clone())).is_none());
        assert!(present(&caller, &(format!("{leaf}{}", root.pem()), private)).is_none());
    }
    // A good one with a companion is no chain either.
    let (own, private) = key.certificate(-60, 600);
    let stranger = Key::fresh().certificate(-60, 600).0;
    assert!(present(&caller, &(format!("{own}{stranger}"), private.clone())).is_none());
    assert_eq!(caller.controls().len(), 0);
    assert_eq!(present(&caller, &(own, private)).unwrap().status, 200);
}

#[test]
fn keys_of_another_kind_and_the_cluster_s_own_certificates_open_nothing() {
    let caller = Caller::within("cert", "");
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = parameters(&caller.agent.name, -60, 600).self_signed(&pair).unwrap().pem();
    assert!(is_nobody(&caller, &(certificate, pair.serialize_pem())));
    for (user, groups) in [("system:admin", vec!["system:masters"]), ("drawbridge-gateway", vec![])] {
        let certificate = world().cluster().client_certificate(user, &groups).unwrap();
        assert!(is_nobody(&caller, &certificate), "{user}");
    }
    assert_eq!(caller.controls().len(), 0);
    assert_eq!(present(&caller, &Key::of(&caller.agent).certificate(-60, 600)).unwrap().status, 200);
}

/// The handshake fails, or our TLS library shows no certificate because the gateway doesn't ask for that
/// kind.
#[track_caller]
fn is_nobody(caller: &Caller, certificate: &(String, String)) -> bool {
    present(caller, certificate).is_none_or(|answer| answer.status == 401)
}
