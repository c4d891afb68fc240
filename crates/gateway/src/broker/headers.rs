//! Which headers cross the gateway. Both ways it is an allow-list: what isn't named here stays behind,
//! however it is spelled and whatever `Connection` says about it.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Towards the cluster, on every request. Content-Type and the body's framing come from the permit.
const TO_CLUSTER: [HeaderName; 6] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::USER_AGENT,
];

/// Towards the cluster, when the request asks for an upgrade.
const UPGRADE_TO_CLUSTER: [HeaderName; 4] = [
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_VERSION,
];

/// Towards the caller. No cookies, no redirects, no challenge of the cluster's, nothing about its hops.
const TO_CALLER: [HeaderName; 15] = [
    header::ALLOW,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::RETRY_AFTER,
    header::VARY,
    header::WARNING,
    header::X_CONTENT_TYPE_OPTIONS,
    HeaderName::from_static("audit-id"),
    HeaderName::from_static("x-kubernetes-pf-flowschema-uid"),
];

/// Towards the caller, with a 101.
const UPGRADE_TO_CALLER: [HeaderName; 3] =
    [header::SEC_WEBSOCKET_ACCEPT, header::SEC_WEBSOCKET_EXTENSIONS, header::SEC_WEBSOCKET_PROTOCOL];

/// Names the stream protocol of SPDY exec and port-forward; offered several times, answered once.
const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");

/// Kubernetes reads a bearer token out of this subprotocol.
const TOKEN_PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

/// Kubernetes' WebSocket protocols that carry SPDY begin so (KEP-4006).
const SPDY_TUNNEL: &str = "spdy/3.1+";

/// Which protocol a connection is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 6455.
    WebSocket,
    /// SPDY/3.1, as kubectl spoke it before WebSocket.
    Spdy,
}

impl Protocol {
    fn token(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Protocol::WebSocket => "websocket",
            Protocol::Spdy => "SPDY/3.1",
        })
    }
}

/// Whether a caller takes plain JSON: no `Accept` at all takes everything (RFC 9110 §12.5.1). JSON with `as=`
/// is another form.
pub fn takes_json(headers: &HeaderMap) -> bool {
    let mut ranges = tokens(headers, &header::ACCEPT).peekable();
    ranges.peek().is_none()
        || ranges.any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let is_json = ["application/json", "application/*", "*/*"]
                .iter()
                .any(|json| kind.eq_ignore_ascii_case(json));
            let refused = |part: &str| {
                let (key, value) = part.split_once('=').unwrap_or((part, ""));
                key.eq_ignore_ascii_case("as")
                    || key.eq_ignore_ascii_case("q") && value.parse::<f32>().is_ok_and(|weight| weight == 0.0)
            };
            is_json && !parts.any(refused)
        })
}

/// What a request says about upgrading. `Err` is a sentence about what can't be meant.
pub fn upgrade(headers: &HeaderMap) -> Result<Option<Protocol>, &'static str> {
    let wanted = tokens(headers, &header::CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    let mut protocols = tokens(headers, &header::UPGRADE);
    let protocol = match (wanted, protocols.next(), protocols.next()) {
        (false, None, None) => return Ok(None),
        (true, Some(protocol), None) => protocol,
        _ => return Err("it asks for an upgrade in one header only, or for several protocols"),
    };
    if protocol.eq_ignore_ascii_case("websocket") {
        return Ok(Some(Protocol::WebSocket));
    }
    if protocol.eq_ignore_ascii_case("spdy/3.1") {
        return Ok(Some(Protocol::Spdy));
    }
    Err("it asks for an upgrade to something other than websocket or SPDY/3.1")
}

/// Whether a WebSocket client put a bearer token where Kubernetes looks for one besides `Authorization`.
pub fn carries_token_protocol(headers: &HeaderMap) -> Option<()> {
    // A value that isn't ASCII can't be looked through here, and another reader could find one in it.
    let protocols = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let opaque = protocols.into_iter().any(|value| value.to_str().is_err());
    let named = tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL)
        .any(|token| token.to_ascii_lowercase().starts_with(TOKEN_PROTOCOL));
    (opaque || named).then_some(())
}

/// Whether a request or its answer names a WebSocket protocol that carries SPDY.
pub fn tunnels_spdy(headers: &HeaderMap) -> bool {
    tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL)
        .any(|token| token.to_ascii_lowercase().starts_with(SPDY_TUNNEL))
}

/// The caller's headers that the cluster may see.
pub fn to_cluster(from: &HeaderMap, upgrade: Option<Protocol>) -> HeaderMap {
    let mut to = HeaderMap::new();
    copy(from, &mut to, &TO_CLUSTER);
    if let Some(protocol) = upgrade {
        copy(from, &mut to, &UPGRADE_TO_CLUSTER);
        copy(from, &mut to, &[STREAM_PROTOCOL]);
        to.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        to.insert(header::UPGRADE, protocol.token());
    }
    to
}

/// The cluster's headers that the caller may see.
pub fn to_caller(from: &HeaderMap, upgrade: Option<Protocol>) -> HeaderMap {
    let mut to = HeaderMap::new();
    copy(from, &mut to, &TO_CALLER);
    if let Some(protocol) = upgrade {
        copy(from, &mut to, &UPGRADE_TO_CALLER);
        copy(from, &mut to, &[STREAM_PROTOCOL]);
        to.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        to.insert(header::UPGRADE, protocol.token());
    }
    to
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        for value in from.get_all(name) {
            to.append(name.clone(), value.clone());
        }
    }
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_json_is_taken_unless_every_range_names_something_else() {
        let takes = |accept: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for one in accept {
                headers.append(header::ACCEPT, HeaderValue::from_static(one));
            }
            takes_json(&headers)
        };
        for accept in [
            &[][..],
            &["application/json"],
            &["*/*"],
            &["application/vnd.kubernetes.protobuf,application/json;q=0.1"],
            &["application/json;as=Table;v=v1;g=meta.k8s.io,application/json"],
            &["text/plain", "Application/*"],
        ] {
            assert!(takes(accept), "{accept:?}");
        }
        for accept in [
            &["application/vnd.kubernetes.protobuf"][..],
            &["application/json;as=Table;v=v1;g=meta.k8s.io"],
            &["application/json;q=0"],
            &["text/*"],
        ] {
            assert!(!takes(accept), "{accept:?}");
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_named_headers_reach_the_cluster() {
        let from = headers(&[
            ("accept", "application/json"),
            ("authorization", "Bearer x"),
            ("impersonate-user", "system:admin"),
            ("impersonate-extra-a", "b"),
            ("x-remote-user", "admin"),
            ("x-forwarded-for", "10.0.0.1"),
            ("connection", "impersonate-user"),
            ("x-http-method-override", "DELETE"),
            ("cookie", "a=b"),
            ("audit-id", "mine"),
            ("upgrade", "websocket"),
        ]);
        let to = to_cluster(&from, None);
        assert_eq!(to.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }

    #[test]
    fn no_cookie_and_no_redirect_reaches_the_caller() {
        let from = headers(&[
            ("set-cookie", "a=b"),
            ("location", "https://elsewhere"),
            ("www-authenticate", "Basic"),
            ("content-type", "application/json"),
        ]);
        let to = to_caller(&from, None);
        assert_eq!(to.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["content-type"]);
    }

    #[test]
    fn a_token_is_found_among_subprotocols_or_the_header_is_not_believed() {
        let found = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_bytes(value).unwrap());
            carries_token_protocol(&headers).is_some()
        };
        assert!(found(b"v5.channel.k8s.io, Base64url.bearer.authorization.k8s.io.eHg"));
        assert!(found(b"base64url.bearer.authorization.k8s.io.eHg, \xff"));
        assert!(!found(b"v5.channel.k8s.io, v4.channel.k8s.io"));
    }

    #[test]
    fn an_upgrade_is_asked_for_in_one_way() {
        let ask = |connection, upgrade_to| {
            upgrade(&headers(&[("connection", connection), ("upgrade", upgrade_to)]))
        };
        assert_eq!(ask("Upgrade", "websocket"), Ok(Some(Protocol::WebSocket)));
        assert_eq!(ask("keep-alive, Upgrade", "SPDY/3.1"), Ok(Some(Protocol::Spdy)));
        assert!(ask("Upgrade", "h2c").is_err());
        assert!(ask("Upgrade", "websocket, SPDY/3.1").is_err());
        assert!(ask("close", "websocket").is_err());
        assert_eq!(upgrade(&headers(&[])), Ok(None));
    }
}
