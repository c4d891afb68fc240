use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::error::Error;

/// The few requests that starting a cluster needs, made as an administrator.
pub(super) struct Api {
    agent: ureq::Agent,
    server: String,
}

impl Api {
    pub(super) fn new(
        server: String,
        ca: &str,
        (certificate, key): &(String, String),
    ) -> Result<Self, Error> {
        let unreadable =
            |source: ureq::Error| Error::Unreachable { request: server.clone(), source: Box::new(source) };
        let certificate = Certificate::from_pem(certificate.as_bytes()).map_err(unreadable)?;
        let key = PrivateKey::from_pem(key.as_bytes()).map_err(unreadable)?;
        let ca = Certificate::from_pem(ca.as_bytes()).map_err(unreadable)?;
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[ca]))
            .client_cert(Some(ClientCert::new_with_certs(&[certificate], key)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .proxy(None) // the server is on this machine
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .build();
        Ok(Self { agent: config.new_agent(), server })
    }

    /// Whether the server says that it is ready. One that doesn't answer isn't.
    pub(super) fn ready(&self) -> bool {
        let url = format!("{}/readyz", self.server);
        self.agent.get(url).call().is_ok_and(|response| response.status() == 200)
    }

    /// An object, or None when it isn't there.
    pub(super) fn get(&self, path: &str) -> Result<Option<Value>, Error> {
        let request = format!("GET {path}");
        let response = self.agent.get(format!("{}{path}", self.server)).call();
        let (status, body) = read(&request, response)?;
        match status {
            200 => parse(request, &body).map(Some),
            404 => Ok(None),
            status => Err(Error::Refused { request, status, body }),
        }
    }

    /// Creates an object.
    pub(super) fn create(&self, path: &str, object: &Value) -> Result<(), Error> {
        let request = format!("POST {path}");
        let response = self
            .agent
            .post(format!("{}{path}", self.server))
            .content_type("application/json")
            .send(object.to_string());
        let (status, body) = read(&request, response)?;
        if status == 201 { Ok(()) } else { Err(Error::Refused { request, status, body }) }
    }
}

fn read(
    request: &str,
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(u16, String), Error> {
    response
        .and_then(|mut response| Ok((response.status().as_u16(), response.body_mut().read_to_string()?)))
        .map_err(|source| Error::Unreachable { request: request.to_owned(), source: Box::new(source) })
}

fn parse(request: String, body: &str) -> Result<Value, Error> {
    serde_json::from_str(body).map_err(|source| Error::Unreachable { request, source: Box::new(source) })
}
