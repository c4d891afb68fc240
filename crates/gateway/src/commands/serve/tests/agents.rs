//! An agent's call, from the credential that the command makes to the line that the log shows.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

use super::{Served, serve};
use crate::clock::Clock;
use crate::commands::credential::certificate;
use crate::commands::key::AgentKey;

/// Calls as an agent does, with a certificate made from its key.
async fn call(served: &Served, key: &AgentKey, path: &str) -> (u16, Value) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(served.running.ca().unwrap().as_bytes()).unwrap()).unwrap();
    let pem = certificate(key, Clock::system().now().0 / 1_000).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let private = PrivateKeyDer::from_pem_slice(key.pem().unwrap().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, private)
        .unwrap();
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build(https);
    let request =
        Request::get(format!("{}{path}", served.running.url())).body(Full::<Bytes>::default()).unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_refusal_is_recorded_with_what_the_agent_was_told() {
    let served = serve().await;
    let key = served.enrol("cleanup").await;
    let (status, said) = call(&served, &key, "/clusters/prod/api/v1/namespaces/ci/secrets/s").await;
    assert_eq!(status, 403, "{said}");
    served.running.gate.record.flush(std::time::Duration::from_secs(5)).await.unwrap();
    let log = served.cli(&["log", "--agent", "cleanup", "--object", "ci/secret/s"]).await.out;
    let line = log.lines().next().unwrap();
    assert!(line.contains("cleanup         get         secrets ci/s"), "{log}");
    assert!(line.contains("refused") && line.contains("403"), "{log}");
    assert!(line.contains(said["message"].as_str().unwrap()), "{log}\n{said}");
    assert_eq!(served.cli(&["log", "--result", "nothing-of-this-kind"]).await.out, "");
}

#[tokio::test]
async fn a_suspended_agent_and_an_unknown_key_are_refused() {
    let served = serve().await;
    let key = served.enrol("cleanup").await;
    served.cli(&["suspend", "agent", "cleanup"]).await;
    let path = "/clusters/prod/apis/batch/v1/namespaces/ci/jobs";
    let (status, said) = call(&served, &key, path).await;
    assert_eq!(status, 403, "{said}");
    assert!(said["message"].as_str().unwrap().contains("is suspended"), "{said}");
    let (status, said) = call(&served, &AgentKey::generate().unwrap(), path).await;
    assert_eq!(status, 401, "{said}");
}
