//! `domain`: clusters as host names.

use std::fmt;
use std::net::IpAddr;

use crate::yaml::{At, Report, shown};

/// Longest DNS label, in bytes.
const LABEL: usize = 63;

/// Longest domain, in bytes: a cluster's label and a dot before it still make a host name, which has 253.
const LONGEST: usize = 253 - LABEL - 1;

/// The domain under which every cluster has a host name, `NAME.DOMAIN`: at least two labels in lower case,
/// since no wildcard certificate counts for fewer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Domain(String);

/// What a host name is to the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under<'h> {
    /// Another host, or the domain itself.
    Not,
    /// This label and the domain.
    Label(&'h str),
    /// Something that no cluster's host name can be.
    Nothing,
}

/// Why a text is no domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDomain {
    /// It has a scheme, a port, a path or a wildcard.
    #[error(
        "expected a name alone such as clusters.example.com, without scheme, port, path, '*' or last dot"
    )]
    NotAlone,
    /// An IP address has no names under it.
    #[error("expected a name such as clusters.example.com; nothing can have a name under an IP address")]
    Address,
    /// One label.
    #[error(
        "expected at least two labels, such as clusters.example.com; certificates don't count for *.NAME"
    )]
    OneLabel,
    /// Too long.
    #[error("expected at most 189 characters, so that a cluster's name fits before it")]
    Long,
    /// Characters that DNS names don't have here.
    #[error("expected labels of at most 63 lower-case letters, digits and inner '-', joined with dots")]
    Labels,
}

impl Domain {
    /// Reads one.
    ///
    /// # Errors
    /// What is no plain lower-case DNS name of at least two labels.
    pub fn parse(text: &str) -> Result<Domain, BadDomain> {
        if text.ends_with('.') || text.contains(['/', '*', '?', '#', '@']) {
            return Err(BadDomain::NotAlone);
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let last = text.rsplit('.').next().unwrap_or(text);
        // Readers of URLs take a host whose last label is a number for an IPv4 address.
        let number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
        if bare.parse::<IpAddr>().is_ok() || number {
            return Err(BadDomain::Address);
        }
        if text.contains(':') {
            return Err(BadDomain::NotAlone);
        }
        if text.len() > LONGEST {
            return Err(BadDomain::Long);
        }
        if !text.split('.').all(is_label) {
            return Err(BadDomain::Labels);
        }
        if text.contains('.') { Ok(Domain(text.to_owned())) } else { Err(BadDomain::OneLabel) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a serving certificate is made for, so that it counts for every cluster's host name.
    #[must_use]
    pub fn wildcard(&self) -> String {
        format!("*.{}", self.0)
    }

    /// What `host` is to this domain. `host` is in lower case and has no port.
    #[must_use]
    pub fn under<'h>(&self, host: &'h str) -> Under<'h> {
        let Some(rest) = host.strip_suffix(self.as_str()) else { return Under::Not };
        match rest.strip_suffix('.') {
            Some(label) if is_label(label) => Under::Label(label),
            Some(_) => Under::Nothing,
            // The domain itself, or another name that ends like it.
            None => Under::Not,
        }
    }
}

/// Whether it is a DNS label in lower case (RFC 1123 §2.1).
fn is_label(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.len() <= LABEL
        && text.bytes().all(inside)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn read(at: &At<'_>, report: &mut Report) -> Option<Domain> {
    let text = at.text(report)?;
    Domain::parse(text).map_err(|bad| at.wrong(report, &format!("{bad}; found {}", shown(text)))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_of_two_labels_or_more_is_a_domain() {
        for good in ["gate.example", "clusters.gate-1.example.com", "1.a", &format!("{}.a", "b".repeat(63))] {
            assert_eq!(Domain::parse(good).map(|domain| domain.to_string()).as_deref(), Ok(good));
        }
        for (bad, why) in [
            ("", BadDomain::Labels),
            ("localhost", BadDomain::OneLabel),
            ("Gate.example", BadDomain::Labels),
            ("gate..example", BadDomain::Labels),
            (".gate.example", BadDomain::Labels),
            ("-gate.example", BadDomain::Labels),
            ("gate-.example", BadDomain::Labels),
            ("gate_1.example", BadDomain::Labels),
            ("gaté.example", BadDomain::Labels),
            ("gate.example.", BadDomain::NotAlone),
            ("*.gate.example", BadDomain::NotAlone),
            ("https://gate.example", BadDomain::NotAlone),
            ("gate.example:8443", BadDomain::NotAlone),
            ("gate.example/x", BadDomain::NotAlone),
            ("127.0.0.1", BadDomain::Address),
            ("::1", BadDomain::Address),
            ("[::1]", BadDomain::Address),
            ("gate.1", BadDomain::Address),
            (&format!("{}.a", "b".repeat(64)), BadDomain::Labels),
            (&["a"; 96].join("."), BadDomain::Long),
        ] {
            assert_eq!(Domain::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn one_label_before_the_domain_is_a_cluster_and_more_is_nothing() {
        let domain = Domain::parse("gate.example").unwrap();
        assert_eq!(domain.under("prod.gate.example"), Under::Label("prod"));
        assert_eq!(domain.under("a-1.gate.example"), Under::Label("a-1"));
        for other in ["gate.example", "agate.example", "gate.example.org", "example", "127.0.0.1", ""] {
            assert_eq!(domain.under(other), Under::Not, "{other}");
        }
        let long = format!("{}.gate.example", "a".repeat(64));
        for nothing in ["a.b.gate.example", ".gate.example", "-a.gate.example", "a_b.gate.example", &long] {
            assert_eq!(domain.under(nothing), Under::Nothing, "{nothing}");
        }
        assert_eq!(domain.wildcard(), "*.gate.example");
    }
}
