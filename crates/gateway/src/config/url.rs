//! `url`: the public address of the gateway.

use std::fmt;
use std::net::SocketAddr;

use http::Uri;

use crate::yaml::{At, Report, shown};

/// The gateway's address as agents write it: `https://HOST[:PORT]`, without a path. Credentials name it as
/// their audience and are compared with exactly this text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Reads one. A slash at the end is left out; nothing may follow it.
    #[must_use]
    pub fn parse(text: &str) -> Option<PublicUrl> {
        let bare = text.strip_suffix('/').unwrap_or(text);
        let authority = bare.strip_prefix("https://")?;
        // The library passes over a fragment.
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return None;
        }
        let uri: Uri = bare.parse().ok()?;
        let named = uri.host().is_some_and(|host| !host.is_empty() && !host.contains(char::is_uppercase));
        (named && port_is_good(authority)).then(|| PublicUrl(bare.to_owned()))
    }

    /// The address of a server that listens there and has no other.
    #[must_use]
    pub fn of(address: SocketAddr) -> PublicUrl {
        PublicUrl(format!("https://{address}"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host: a name or an IP address, IPv6 without its brackets. The serving certificate is made for it.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.0.strip_prefix("https://").unwrap_or(&self.0);
        if let Some(rest) = authority.strip_prefix('[') {
            return rest.split(']').next().unwrap_or(rest);
        }
        authority.split(':').next().unwrap_or(authority)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the port is left out or one that can be connected to. The library passes over an empty and a too
/// large one.
fn port_is_good(authority: &str) -> bool {
    let after = authority.rsplit_once(']').map_or(authority, |(_, after)| after);
    let Some((_, port)) = after.rsplit_once(':') else { return true };
    !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok()
}

pub(super) fn read(at: &At<'_>, report: &mut Report) -> Option<PublicUrl> {
    let text = at.text(report)?;
    let url = PublicUrl::parse(text);
    if url.is_none() {
        let found = shown(text);
        at.wrong(
            report,
            &format!(
                "expected https://HOST or https://HOST:PORT in lower case and without a path, found {found}"
            ),
        );
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_https_origin_is_a_public_address() {
        for good in ["https://a.example", "https://a.example:8443", "https://[::1]:8443", "https://127.0.0.1"]
        {
            assert_eq!(PublicUrl::parse(good).map(|url| url.to_string()).as_deref(), Some(good));
        }
        assert_eq!(PublicUrl::parse("https://a.example/").unwrap().as_str(), "https://a.example");
        for bad in [
            "",
            "https://",
            "https:///",
            "http://a.example",
            "HTTPS://a.example",
            "https://A.example",
            "https://a.example//",
            "https://a.example/x",
            "https://a.example?x",
            "https://a.example#x",
            "https://me@a.example",
            "https://a.example:",
            "https://a.example:0",
            "https://a.example:99999",
            "https://a b.example",
            "a.example:8443",
        ] {
            assert_eq!(PublicUrl::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_host_is_what_a_certificate_is_made_for() {
        let host = |text: &str| PublicUrl::parse(text).unwrap().host().to_owned();
        assert_eq!(host("https://a.example:8443"), "a.example");
        assert_eq!(host("https://a.example"), "a.example");
        assert_eq!(host("https://[::1]:8443"), "::1");
        assert_eq!(PublicUrl::of("[::1]:8443".parse().unwrap()).host(), "::1");
    }
}
