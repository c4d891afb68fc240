//! Everything that the record holds, intents included, read through the admin API page by page.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use drawbridge_testkit::Gateway;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::wire;

/// All rows that `filter` finds (`agent=x&result=answered`; empty for all), oldest first.
pub(super) fn all(gateway: &Gateway, filter: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut after = 0;
    loop {
        let answer = call(gateway, &format!("/v1/log?after={after}&{filter}"));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let page = answer.json();
        let found = page["rows"].as_array().unwrap();
        if found.is_empty() {
            return rows;
        }
        rows.extend(found.iter().cloned());
        after = page["next"].as_i64().unwrap();
    }
}

/// The rows of one request, by its id.
pub(super) fn of_request(gateway: &Gateway, id: &str) -> Vec<Value> {
    all(gateway, &format!("request={id}"))
}

/// The part of this name among rows of one request.
pub(super) fn part<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    rows.iter().find(|row| row["part"] == name).unwrap_or_else(|| panic!("no {name} in {rows:#?}"))
}

/// A GET of the admin API, with the admin credential.
fn call(gateway: &Gateway, path: &str) -> wire::Answer {
    let file = std::fs::read(gateway.data().join("admin.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let text = |name: &str| file[name].as_str().unwrap().to_owned();
    let server = text("server").trim_start_matches("https://").to_owned();
    let mut roots = RootCertStore::empty();
    for ca in CertificateDer::pem_slice_iter(text("ca").as_bytes()) {
        roots.add(ca.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut tls = StreamOwned::new(connection, TcpStream::connect(&server).unwrap());
    let token = text("token");
    let head = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {token}\r\n");
    tls.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
    wire::read(&mut tls)
}
