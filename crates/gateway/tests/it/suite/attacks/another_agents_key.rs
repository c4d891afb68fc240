//! Being somebody else with one's own key: names in certificates and tokens are not believed, only keys are.

use std::io::Write;
use std::sync::Arc;

use rcgen::CertificateParams;
use rustls::version::TLS13;
use serde_json::json;

use super::super::wire::{self, Answer};
use super::caller::{ANYTHING, CONTROL, Caller, gateway, hear, request, say};
use super::forge::{Key, claims, header, parameters, with};
use super::tls;

/// Sends the control of `caller` with a token.
#[track_caller]
fn with_token(caller: &Caller, token: &str) -> Answer {
    let text = request("GET", CONTROL, &[], "").replace("{token}", token);
    say(caller.fill(&text).as_bytes()).unwrap()
}

/// Sends the control of `caller` over a connection with a client certificate. None: no connection came about.
#[track_caller]
fn with_certificate(caller: &Caller, certificate: &(String, String)) -> Option<Answer> {
    let text = request("GET", CONTROL, &[], "").replace("Authorization: Bearer {token}\r\n", "");
    let mut tls = wire::connect(gateway(), Some(certificate), &[b"http/1.1"]);
    tls.write_all(caller.fill(&text).as_bytes()).ok()?;
    tls.flush().ok()?;
    hear(&mut tls)
}

#[test]
fn a_token_in_another_agent_s_name_counts_only_with_that_agent_s_key() {
    let mighty = Caller::everywhere("mighty", ANYTHING);
    let weak = Caller::within("weak", "");
    let (own, others) = (Key::of(&weak.agent), Key::of(&mighty.agent));
    let url = gateway().url();
    let claims = |agent: &str| claims(agent, &url);
    let (me, them) = (weak.agent.name.as_str(), mighty.agent.name.as_str());
    for token in [
        own.token(&header(), &claims(them)),
        own.token(&header(), &with(claims(them), "iss", json!(me))),
        own.token(&header(), &with(claims(me), "iss", json!(them))),
        own.token(&header(), &with(claims(me), "sub", json!(them))),
        own.token(&header(), &claims(&format!("system:serviceaccount:drawbridge-agents:{them}"))),
        own.token(&header(), &claims("system:admin")),
        own.token(&header(), &claims("")),
        own.token(&header(), &claims(&format!("{me}\0"))),
        own.token(&header(), &claims(&me.to_uppercase())),
        own.token(&header(), &claims("../admin")),
        own.token(&header(), &with(claims(me), "act", json!({ "sub": them }))),
        others.token(&header(), &claims(me)),
        Key::fresh().token(&header(), &claims(me)),
        Key::fresh().token(&header(), &claims(them)),
    ] {
        let answer = with_token(&mighty, &token);
        assert_eq!(answer.status, 401, "{}: {token}", answer.message());
    }
    assert_eq!(mighty.controls().len(), 0);
    // Each in its own name is let in, as what it is.
    assert_eq!(with_token(&mighty, &others.token(&header(), &claims(them))).status, 200);
    assert_eq!(with_token(&mighty, &own.token(&header(), &claims(me))).status, 403);
    assert_eq!(with_token(&weak, &own.token(&header(), &claims(me))).status, 200);
    assert_eq!((mighty.controls().len(), weak.controls().len()), (1, 1));
}

#[test]
fn a_name_in_a_certificate_means_nothing() {
    let mighty = Caller::everywhere("mighty", ANYTHING);
    let weak = Caller::within("weak", "");
    let own = Key::of(&weak.agent);
    let self_signed = |parameters: CertificateParams| {
        (parameters.self_signed(&own.pair).unwrap().pem(), own.pair.serialize_pem())
    };
    for name in [mighty.agent.name.as_str(), "system:admin", "drawbridge-gateway"] {
        let mut parameters = parameters(name, -60, 600);
        parameters.distinguished_name.push(rcgen::DnType::OrganizationName, "system:masters");
        parameters
            .subject_alt_names
            .push(rcgen::SanType::DnsName(name.replace(':', "-").try_into().unwrap()));
        let certificate = self_signed(parameters);
        // It is whose key it is: this agent may not see the other one's namespace, but its own.
        assert_eq!(with_certificate(&mighty, &certificate).unwrap().status, 403, "{name}");
        assert_eq!(with_certificate(&weak, &certificate).unwrap().status, 200, "{name}");
    }
    assert_eq!((mighty.controls().len(), weak.controls().len()), (0, 3));
    let stranger = Key::fresh().certificate(-60, 600);
    let answer = with_certificate(&mighty, &stranger).unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (401, "unrecognised"));
    assert_eq!(mighty.arrived(), [""; 0]);
}

#[test]
fn another_agent_s_certificate_is_of_no_use_without_its_key() {
    let mighty = Caller::everywhere("mighty", ANYTHING);
    let weak = Caller::within("weak", "");
    let (own, others) = (Key::of(&weak.agent), Key::of(&mighty.agent));
    let stolen = others.certificate(-60, 600).0;
    let mine = own.certificate(-60, 600).0;
    let key = own.pair.serialize_pem();
    for chain in [stolen.clone(), format!("{stolen}{mine}"), format!("{mine}{stolen}")] {
        let answer = signed_anyway(&mighty, &chain, &key);
        assert!(answer.is_none(), "{answer:?}");
    }
    // The other agent's certificate with our key inside, signed by the other agent's key, is not self-signed.
    let issuer = rcgen::Issuer::new(parameters("ca", -60, 600), &others.pair);
    let mixed = parameters("x", -60, 600).signed_by(&own.pair, &issuer).unwrap().pem();
    assert!(with_certificate(&mighty, &(mixed, key.clone())).is_none());
    assert_eq!(mighty.controls().len(), 0);
    assert_eq!(with_certificate(&weak, &(mine, key)).unwrap().status, 200);
    assert_eq!(mighty.arrived(), [""; 0]);
}

/// Presents a chain whose leaf has another key than the one that signs the handshake.
#[track_caller]
fn signed_anyway(caller: &Caller, chain: &str, key: &str) -> Option<Answer> {
    let text = request("GET", CONTROL, &[], "").replace("Authorization: Bearer {token}\r\n", "");
    let config = Arc::new(tls::config(gateway(), Some((chain, key)), &[&TLS13]));
    let mut tls = tls::connect(gateway(), &config, "127.0.0.1");
    tls.write_all(caller.fill(&text).as_bytes()).ok()?;
    tls.flush().ok()?;
    hear(&mut tls)
}
