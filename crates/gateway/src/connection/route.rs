//! Which cluster a request is for: the path prefix `/clusters/NAME`.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

use crate::refusal::Refusal;

/// Checks that the request is meant for the host that the TLS handshake named, and for one host only.
pub fn meant_for(server_name: Option<&str>, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).into_iter();
    let (host, second) = (hosts.next(), hosts.next());
    let host = match host.map(|host| host.to_str().ok().and_then(|host| host.parse::<Authority>().ok())) {
        Some(None) => return Err(Refusal::Misdirected),
        Some(Some(host)) => Some(host),
        None => None,
    };
    let disagree = matches!((uri.authority(), &host), (Some(authority), Some(host)) if authority != host);
    if second.is_some() || disagree {
        return Err(Refusal::Misdirected);
    }
    let named = uri.authority().or(host.as_ref()).map(Authority::host);
    match (server_name, named) {
        (Some(asked), Some(named)) if !asked.eq_ignore_ascii_case(named) => Err(Refusal::Misdirected),
        (Some(_) | None, Some(_)) | (None, None) => Ok(()),
        (Some(_), None) => Err(Refusal::Misdirected),
    }
}

/// The longest name that a cluster can have, in bytes: a DNS label's.
const LONGEST_NAME: usize = 63;

/// A request's target, taken apart at the cluster's name. The rest is untouched: what the API server would
/// read is what is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// The cluster's name, as the caller wrote it.
    pub cluster: &'a str,
    /// The path on that cluster, from its first slash on.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: Option<&'a str>,
}

impl<'a> Route<'a> {
    /// Reads `/clusters/NAME/…`. Anything else is no cluster's business: 404.
    pub fn read(uri: &'a Uri) -> Result<Route<'a>, Refusal> {
        let rest = uri.path().strip_prefix("/clusters/").ok_or(Refusal::NoCluster)?;
        let (cluster, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        // Refusals and the record repeat it, so that what can't be a name isn't one.
        if cluster.is_empty() || cluster.len() > LONGEST_NAME || !cluster.bytes().all(is_name_byte) {
            return Err(Refusal::NoCluster);
        }
        Ok(Route { cluster, path, query: uri.query() })
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
}

/// HTTP/1.1 counts header fields while it reads them; HTTP/2 counts their bytes only.
pub fn few_enough(headers: &HeaderMap, bound: usize) -> Result<(), Refusal> {
    if headers.len() > bound { Err(Refusal::TooManyFields(bound)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(server_name: Option<&str>, uri: &str, hosts: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, http::HeaderValue::from_static(host));
        }
        meant_for(server_name, &uri.parse().unwrap(), &headers).is_ok()
    }

    #[test]
    fn a_request_is_meant_for_the_host_of_its_handshake() {
        assert!(meant(Some("gate.example"), "/api", &["gate.example:8443"]));
        assert!(meant(Some("gate.example"), "https://GATE.example/api", &[]));
        assert!(meant(None, "/api", &["127.0.0.1:8443"]));
        assert!(!meant(Some("gate.example"), "/api", &["other.example"]));
        assert!(!meant(Some("gate.example"), "/api", &[]));
        assert!(!meant(Some("gate.example"), "https://gate.example/api", &["other.example"]));
        assert!(!meant(None, "/api", &["a.example", "a.example"]));
        assert!(!meant(None, "/api", &["a b"]));
    }

    fn read(uri: &str) -> Option<(String, String)> {
        let uri: Uri = uri.parse().unwrap();
        Route::read(&uri).ok().map(|route| (route.cluster.to_owned(), route.path.to_owned()))
    }

    #[test]
    fn the_prefix_names_the_cluster_and_the_rest_is_untouched() {
        assert_eq!(read("/clusters/prod/api/v1/pods"), Some(("prod".into(), "/api/v1/pods".into())));
        assert_eq!(read("/clusters/prod"), Some(("prod".into(), "/".into())));
        assert_eq!(read("/clusters/prod//api/%2e"), Some(("prod".into(), "//api/%2e".into())));
    }

    #[test]
    fn without_a_cluster_there_is_no_route() {
        for uri in ["/", "/api", "/clusters", "/clusters/", "/clusters//api", "/clusters/%70rod/api"] {
            assert_eq!(read(uri), None, "{uri}");
        }
        assert!(read(&format!("/clusters/{}/api", "a".repeat(63))).is_some());
        assert_eq!(read(&format!("/clusters/{}/api", "a".repeat(64))), None);
    }
}
