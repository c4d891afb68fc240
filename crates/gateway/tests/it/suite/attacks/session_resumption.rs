//! A resumed TLS session would skip the proof that the client's key is held: none is ever offered.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::{HandshakeKind, SupportedProtocolVersion, version};

use super::caller::{CONTROL, Caller, gateway, hear, request};
use super::forge::Key;
use super::tls;

fn handshakes(caller: &Caller, version: &'static SupportedProtocolVersion) -> Vec<Option<HandshakeKind>> {
    let certificate = Key::of(&caller.agent).certificate(-60, 600);
    let (chain, key) = (certificate.0.as_str(), certificate.1.as_str());
    let config = Arc::new(tls::config(gateway(), Some((chain, key)), &[version]));
    let text = request("GET", CONTROL, &[("Connection", "close")], "");
    let text = caller.fill(&text.replace("Authorization: Bearer {token}\r\n", ""));
    let mut kinds = Vec::new();
    for _ in 0..3 {
        let mut tls = tls::connect(gateway(), &config, "127.0.0.1");
        tls.write_all(text.as_bytes()).unwrap();
        tls.flush().unwrap();
        assert_eq!(hear(&mut tls).unwrap().status, 200);
        // A ticket may come as late as this.
        let mut rest = Vec::new();
        tls.read_to_end(&mut rest).unwrap_or(0);
        assert_eq!(tls.conn.tls13_tickets_received(), 0);
        kinds.push(tls.conn.handshake_kind());
    }
    kinds
}

#[test]
fn every_connection_proves_its_key_anew() {
    let caller = Caller::within("resume", "");
    for version in [&version::TLS13, &version::TLS12] {
        assert_eq!(handshakes(&caller, version), vec![Some(HandshakeKind::Full); 3]);
    }
    assert_eq!(caller.controls().len(), 6);
}
