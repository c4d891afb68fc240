//! What agents find at the gateway's url: whether the name leads anywhere, and which certificate is there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_parser::extensions::GeneralName;

use super::{Notes, Severity, ends};
use crate::admin::Admin;
use crate::cluster::renew::Life;
use crate::config::PublicUrl;

/// Reaching the url may take this long.
const REACH: Duration = Duration::from_secs(5);
/// A certificate that the gateway makes lives a week and is made anew daily.
const WEEKLY: i64 = 3 * 86_400;

/// Connects to the url as an agent would, and looks at the certificate. Nothing is sent.
pub(super) async fn look(admin: &Admin, now: i64, notes: &mut Notes) {
    let text = admin.gate.audience.to_string();
    let Some(url) = PublicUrl::parse(&text) else {
        return notes.add(
            Severity::Problem,
            "url",
            format!("{text} is no address"),
            "correct url in the config",
        );
    };
    let found = timeout(REACH, shown_at(&url))
        .await
        .unwrap_or_else(|_elapsed| Err(format!("nothing answered within {} s", REACH.as_secs())));
    let certificate = match found {
        Ok(certificate) => certificate,
        Err(why) => {
            let seen = format!("{text} can't be reached from the gateway's own machine: {why}");
            let todo = "correct url in the config, or the name's address; if only agents can reach it, \
                this is no problem";
            return notes.add(Severity::Warning, "url", seen, todo);
        }
    };
    notes.ok("url", format!("{text} is reached"));
    judge(admin, &url, &certificate, now, notes);
}

fn judge(admin: &Admin, url: &PublicUrl, certificate: &CertificateDer<'_>, now: i64, notes: &mut Notes) {
    const CHECK: &str = "serving certificate";
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
        return notes.add(Severity::Problem, CHECK, "it can't be read", "give the gateway another one");
    };
    if !names(&parsed, url.host()) {
        let seen = format!("the one at {url} is not for {}", url.host());
        let todo = "agents refuse it: give the gateway one for that name, or correct url";
        return notes.add(Severity::Problem, CHECK, seen, todo);
    }
    let validity = parsed.validity();
    let life = Life { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() };
    if let Some(ca) = &admin.ca
        && let Err(why) = signed(ca, certificate, url.host(), now.clamp(life.from, life.until.max(life.from)))
    {
        let seen = format!("the one at {url} is not signed by the gateway's own authority: {why}");
        let todo = "agents trust that authority and no other: something else answers at url, or it ends TLS \
            before the gateway; correct url, or give the gateway that certificate";
        return notes.add(Severity::Problem, CHECK, seen, todo);
    }
    match admin.ca {
        Some(_) if life.until.saturating_sub(now) > WEEKLY => {
            notes.ok(CHECK, "made by the gateway, anew every day")
        }
        _ => ends::tell(CHECK, "it", life, now, notes),
    }
}

/// Whether the authority (PEM) signed a certificate, as agents check it at that moment.
fn signed(ca: &str, certificate: &CertificateDer<'_>, host: &str, at: i64) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(root.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = verifier.build().map_err(|error| error.to_string())?;
    let name = ServerName::try_from(host.trim_matches(['[', ']'])).map_err(|error| error.to_string())?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).unwrap_or(0)));
    let verified = verifier.verify_server_cert(certificate, &[], &name, &[], at);
    verified.map(drop).map_err(|error| error.to_string())
}

/// Whether a certificate is for a host: a DNS name, one with a star, or an IP address (RFC 9525 §6).
fn names(certificate: &x509_parser::certificate::X509Certificate<'_>, host: &str) -> bool {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
    let ip: Option<std::net::IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    names.value.general_names.iter().any(|name| match (name, ip) {
        (GeneralName::IPAddress(bytes), Some(std::net::IpAddr::V4(ip))) => *bytes == ip.octets(),
        (GeneralName::IPAddress(bytes), Some(std::net::IpAddr::V6(ip))) => *bytes == ip.octets(),
        (GeneralName::DNSName(name), None) => {
            let star = name
                .strip_prefix("*.")
                .zip(host.split_once('.'))
                .is_some_and(|(parent, (_, rest))| parent.eq_ignore_ascii_case(rest));
            star || name.eq_ignore_ascii_case(host)
        }
        _ => false,
    })
}

fn port(url: &PublicUrl) -> u16 {
    let uri: Option<http::Uri> = url.as_str().parse().ok();
    uri.and_then(|uri| uri.port_u16()).unwrap_or(443)
}

async fn shown_at(url: &PublicUrl) -> Result<CertificateDer<'static>, String> {
    let host = url.host().trim_matches(['[', ']']).to_owned();
    let tcp = TcpStream::connect((host.as_str(), port(url))).await.map_err(|error| error.to_string())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let looker = Arc::new(Looker { seen: Mutex::default(), provider: provider.clone() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(looker.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    drop(connected.map_err(|error| error.to_string())?);
    let seen = looker.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    seen.ok_or_else(|| "no certificate is shown there".to_owned())
}

/// Takes any certificate and keeps it: it is looked at afterwards, and nothing is ever sent.
#[derive(Debug)]
struct Looker {
    seen: Mutex<Option<CertificateDer<'static>>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(leaf.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;

    fn authority() -> (String, Issuer<'static, KeyPair>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        (params.self_signed(&key).unwrap().pem(), Issuer::new(params, key))
    }

    #[test]
    fn a_certificate_of_another_authority_with_the_same_name_is_not_the_gateways() {
        let ((own, issuer), (other, stranger)) = (authority(), authority());
        let params = CertificateParams::new(["gate.example".to_owned()]).unwrap();
        let made = |by| CertificateDer::from(params.signed_by(&KeyPair::generate().unwrap(), by).unwrap());
        let now = 1_800_000_000;
        let leaf = made(&issuer);
        signed(&own, &leaf, "gate.example", now).unwrap();
        signed(&own, &made(&stranger), "gate.example", now).unwrap_err();
        signed(&other, &leaf, "gate.example", now).unwrap_err();
        signed(&own, &leaf, "other.example", now).unwrap_err();
        signed("", &leaf, "gate.example", now).unwrap_err();
    }
}
