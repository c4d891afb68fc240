//! Headers of the proxies in front of something: none of them is believed, and none is passed on.

use super::super::world;
use super::caller::{CONTROL, Caller};

const FORGED: [(&str, &str); 18] = [
    ("X-Forwarded-For", "203.0.113.7"),
    ("X_Forwarded_For", "203.0.113.7"),
    ("x-forwarded-for", "203.0.113.8, 203.0.113.7"),
    ("X-Real-Ip", "203.0.113.7"),
    ("True-Client-Ip", "203.0.113.7"),
    ("Cf-Connecting-Ip", "203.0.113.7"),
    ("Forwarded", "for=203.0.113.7;host=elsewhere;proto=http"),
    ("X-Forwarded-Host", "elsewhere"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Prefix", "/clusters/other"),
    ("X-Forwarded-Uri", "/api/v1/secrets"),
    ("X-Original-Url", "/clusters/local/api/v1/secrets"),
    ("X-Rewrite-Url", "/clusters/local/api/v1/secrets"),
    ("X-Forwarded-Client-Cert", "Subject=\"CN=system:admin\""),
    ("X-Ssl-Client-S-Dn", "CN=system:admin"),
    ("Via", "1.1 203.0.113.7"),
    ("X-Request-Id", "203.0.113.7"),
    ("Max-Forwards", "0"),
];

#[test]
fn the_cluster_sees_the_gateway_and_nothing_of_what_the_caller_says_about_its_way() {
    let caller = Caller::within("fwd", "");
    for forged in FORGED {
        assert_eq!(caller.call("GET", CONTROL, &[forged], "").status, 200, "{forged:?}");
    }
    assert_eq!(caller.call("GET", CONTROL, &FORGED, "").status, 200);
    assert_eq!(caller.arrived(), [""; 0]);
    let events = caller.controls();
    assert_eq!(events.len(), FORGED.len() + 2);
    for event in events {
        // The API server adds what such headers say to the addresses that it writes down.
        assert!(!event.json().to_string().contains("203.0.113."), "{event:#?}");
    }
}

#[test]
fn the_record_has_the_connection_s_address_and_not_the_caller_s_word_for_it() {
    let caller = Caller::within("fwd", "");
    assert_eq!(caller.call("GET", CONTROL, &FORGED, "").status, 200);
    let rows = world().gateway().record(&["--agent", &caller.agent.name]);
    assert!(!rows.is_empty());
    for row in rows {
        assert!(!row.to_string().contains("203.0.113."), "{row}");
    }
}
