//! Which cluster a request is for: the path prefix `/clusters/NAME`, or the host name `NAME.DOMAIN`.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

use crate::config::{Domain, Under};
use crate::refusal::Refusal;

/// The host that a request is meant for, in lower case and without its port: one only, and the handshake's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(Option<String>);

/// Checks that the request is meant for the host that the TLS handshake named, and for one host only.
pub fn meant_for(server_name: Option<&str>, uri: &Uri, headers: &HeaderMap) -> Result<Host, Refusal> {
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
    let Some(named) = uri.authority().or(host.as_ref()) else {
        return if server_name.is_some() { Err(Refusal::Misdirected) } else { Ok(Host(None)) };
    };
    // What stands before an @ is a user's name to one reader and a part of the host to another.
    if named.as_str().contains('@') {
        return Err(Refusal::Misdirected);
    }
    // The same host to DNS, another one to whoever compares text.
    if named.host().ends_with('.') {
        return Err(Refusal::Ambiguous("the host ends with a dot; write it without"));
    }
    match server_name {
        Some(asked) if !asked.eq_ignore_ascii_case(named.host()) => Err(Refusal::Misdirected),
        Some(_) | None => Ok(Host(Some(named.host().to_ascii_lowercase()))),
    }
}

/// The longest name that a cluster can have, in bytes: a DNS label's.
const LONGEST_NAME: usize = 63;

/// What a path begins with that names its cluster.
const PREFIX: &str = "/clusters/";

/// A request's target, taken apart at the cluster's name. The rest is untouched: what the API server would
/// read is what is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route<'a> {
    /// The cluster's name.
    pub cluster: String,
    /// The path on that cluster, from its first slash on.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: Option<&'a str>,
}

impl<'a> Route<'a> {
    /// Reads the host name `NAME.DOMAIN`, under which the whole path is the cluster's, or else
    /// `/clusters/NAME/…`. Anything else is no cluster's business: 404.
    pub fn read(uri: &'a Uri, host: &Host, domain: Option<&Domain>) -> Result<Route<'a>, Refusal> {
        let under = match (domain, &host.0) {
            (Some(domain), Some(host)) => domain.under(host),
            (Some(_) | None, None) | (None, Some(_)) => Under::Not,
        };
        match under {
            Under::Not => Route::of_path(uri),
            Under::Label(cluster) => Route::of_host(uri, cluster),
            Under::Nothing => Err(Refusal::NoClusterHost),
        }
    }

    fn of_path(uri: &'a Uri) -> Result<Route<'a>, Refusal> {
        let rest = uri.path().strip_prefix(PREFIX).ok_or(Refusal::NoCluster)?;
        let (cluster, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        // Refusals and the record repeat it, so that what can't be a name isn't one.
        if cluster.is_empty() || cluster.len() > LONGEST_NAME || !cluster.bytes().all(is_name_byte) {
            return Err(Refusal::NoCluster);
        }
        Ok(Route { cluster: cluster.to_owned(), path, query: uri.query() })
    }

    /// The host has named the cluster. A path that names one too could mean either.
    fn of_host(uri: &'a Uri, cluster: &str) -> Result<Route<'a>, Refusal> {
        let path = uri.path();
        if path.starts_with(PREFIX) || format!("{path}/") == PREFIX {
            return Err(Refusal::Ambiguous(
                "the host name says which cluster is meant, so that the path must not begin with /clusters; \
                 leave /clusters/NAME out, or use the gateway's url",
            ));
        }
        Ok(Route { cluster: cluster.to_owned(), path, query: uri.query() })
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
        for at in ["other.example@gate.example", "gate.example@other.example", "@gate.example"] {
            assert!(!meant(Some("gate.example"), "/api", &[at]), "{at}");
            assert!(!meant(None, "/api", &[at]), "{at}");
        }
        for dotted in ["gate.example.", "gate.example.:8443"] {
            assert!(!meant(Some("gate.example"), "/api", &[dotted]), "{dotted}");
            assert!(!meant(None, "/api", &[dotted]), "{dotted}");
        }
    }

    fn read(uri: &str) -> Option<(String, String)> {
        let uri: Uri = uri.parse().unwrap();
        let route = Route::read(&uri, &Host(Some("gate.example".to_owned())), None);
        route.ok().map(|route| (route.cluster, route.path.to_owned()))
    }

    /// The cluster and the path on it, for a gateway whose domain is `in.gate.example`; or the refusal's
    /// reason.
    fn at_host(host: &'static str, uri: &str) -> Result<(String, String), &'static str> {
        let mut headers = HeaderMap::new();
        headers.append(HOST, http::HeaderValue::from_static(host));
        let (uri, domain) = (uri.parse().unwrap(), Domain::parse("in.gate.example").unwrap());
        let host = meant_for(None, &uri, &headers).map_err(|refusal| refusal.reason())?;
        let route = Route::read(&uri, &host, Some(&domain)).map_err(|refusal| refusal.reason())?;
        Ok((route.cluster, route.path.to_owned()))
    }

    #[test]
    fn a_host_under_the_domain_names_the_cluster_and_the_whole_path_is_its() {
        for host in ["prod.in.gate.example", "PROD.In.gate.example", "prod.in.gate.example:8443"] {
            let api = at_host(host, "/api/v1/pods?limit=1");
            assert_eq!(api, Ok(("prod".into(), "/api/v1/pods".into())), "{host}");
        }
        let absolute = "https://prod.in.gate.example/api";
        assert_eq!(at_host("prod.in.gate.example", absolute), Ok(("prod".into(), "/api".into())));
        assert_eq!(at_host("prod.in.gate.example", "/"), Ok(("prod".into(), "/".into())));
        assert_eq!(
            at_host("prod.in.gate.example", "//api/%2e"),
            Ok(("prod".into(), "//api/%2e".into())),
            "the rest is untouched"
        );
    }

    #[test]
    fn every_other_host_keeps_the_prefix() {
        for host in ["gate.example", "in.gate.example", "127.0.0.1:8443", "[::1]:8443", "localhost"] {
            assert_eq!(at_host(host, "/clusters/prod/api"), Ok(("prod".into(), "/api".into())), "{host}");
            assert_eq!(at_host(host, "/api"), Err("no-cluster"), "{host}");
        }
    }

    #[test]
    fn a_cluster_named_twice_or_by_no_label_is_refused() {
        for path in ["/clusters", "/clusters/", "/clusters/prod/api", "/clusters/other/api", "/clusters?x"] {
            assert_eq!(at_host("prod.in.gate.example", path), Err("ambiguous"), "{path}");
        }
        assert!(at_host("prod.in.gate.example", "/clustersx").is_ok());
        for host in ["a.prod.in.gate.example", "-a.in.gate.example", "a_b.in.gate.example"] {
            assert_eq!(at_host(host, "/api"), Err("no-cluster"), "{host}");
            assert_eq!(at_host(host, "/clusters/prod/api"), Err("no-cluster"), "{host}");
        }
        assert_eq!(at_host("prod.in.gate.example.", "/api"), Err("ambiguous"));
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
