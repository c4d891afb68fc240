//! What a TrustedIssuer says about an OpenID Connect issuer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use thiserror::Error;

use crate::identity::jwt::{Algorithm, MAX_NAME};

/// An OpenID Connect issuer that is trusted, and how far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    pub(super) url: Arc<str>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) longest: Duration,
}

/// Why an issuer can't be trusted like this.
#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
pub enum BadTrust {
    /// It isn't one that can be asked safely.
    #[error(
        "an issuer's url is https://HOST or https://HOST:PORT, perhaps with a path, exactly as its \
         tokens say in iss: no user, query or fragment"
    )]
    Url,
    /// No token would count.
    #[error("name at least one algorithm; most issuers sign with RS256")]
    NoAlgorithm,
}

impl Oidc {
    /// `url` is compared with `iss` byte for byte. `ca_file` (PEM) replaces the machine's own authorities;
    /// `longest` bounds `exp − iat`.
    ///
    /// # Errors
    /// Urls that aren't plain https, and no algorithm at all.
    pub fn new(
        url: &str,
        algorithms: Vec<Algorithm>,
        ca_file: Option<PathBuf>,
        longest: Duration,
    ) -> Result<Oidc, BadTrust> {
        if !url.starts_with("https://") || !is_address(url) {
            return Err(BadTrust::Url);
        }
        if algorithms.is_empty() {
            return Err(BadTrust::NoAlgorithm);
        }
        Ok(Oidc { url: url.into(), algorithms, ca_file, longest })
    }

    /// The issuer's url.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Whether a text is an address that names one host and nothing that would be left out or read twice.
fn is_address(url: &str) -> bool {
    let plain = url.len() <= MAX_NAME && url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let Some(address) = url.parse::<Uri>().ok().filter(|_| plain && !url.contains('#')) else { return false };
    let host = address.host().is_some_and(|host| !host.is_empty());
    let user = address.authority().is_some_and(|authority| authority.as_str().contains('@'));
    host && !user && address.query().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oidc(url: &str) -> Result<Oidc, BadTrust> {
        Oidc::new(url, vec![Algorithm::Rs256], None, Duration::from_secs(60))
    }

    #[test]
    fn only_a_plain_https_url_is_trusted() {
        for url in
            ["https://a.example", "https://a.example/", "https://a.example:8443/realms/x", "https://[::1]:1"]
        {
            assert_eq!(oidc(url).map(|oidc| oidc.url().to_owned()), Ok(url.to_owned()));
        }
        for url in [
            "http://a.example",
            "HTTPS://a.example",
            "a.example",
            "https://",
            "https:///x",
            "https://u@a.example",
            "https://u:p@a.example",
            "https://a.example?x",
            "https://a.example/#x",
            "https://a.example/\\x",
            "https://a.example/ x",
            "https://a.example/é",
            "",
        ] {
            assert_eq!(oidc(url), Err(BadTrust::Url), "{url}");
        }
        let none = Oidc::new("https://a.example", Vec::new(), None, Duration::from_secs(60));
        assert_eq!(none, Err(BadTrust::NoAlgorithm));
    }
}
