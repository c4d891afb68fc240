//! Names as Kubernetes has them ("Object Names and IDs", "Labels and Selectors").

use crate::yaml::{At, Report, shown};

/// Longest DNS-1123 label.
const LABEL: usize = 63;

/// Longest DNS-1123 subdomain.
const SUBDOMAIN: usize = 253;

/// What a DNS-1123 label is.
pub(super) const LABEL_RULE: &str =
    "at most 63 lower-case letters, digits and '-', with a letter or digit at either end";

/// What a DNS-1123 subdomain is.
pub(super) const SUBDOMAIN_RULE: &str =
    "at most 253 lower-case letters, digits, '-' and '.', with a letter or digit at either end of each part";

/// What a label's value is.
pub(super) const VALUE_RULE: &str =
    "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at either end, or nothing";

/// What a label's or annotation's key is.
pub(super) const KEY_RULE: &str = "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at \
     either end, and before it a DNS name and '/' if wanted";

/// Whether it is a DNS-1123 label.
pub(super) fn is_label(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= LABEL && text.bytes().all(inside) && has_ends(text)
}

/// Whether it is a DNS-1123 subdomain. Its parts have no length of their own in Kubernetes.
pub(super) fn is_subdomain(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= SUBDOMAIN && text.split('.').all(|part| part.bytes().all(inside) && has_ends(part))
}

/// Whether it is the value of a label.
pub(super) fn is_value(text: &str) -> bool {
    text.is_empty() || is_word(text)
}

/// Whether it is the key of a label: a word, with a subdomain and a slash before it if wanted.
pub(super) fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        None => is_word(text),
        Some((prefix, word)) => is_subdomain(prefix) && is_word(word),
    }
}

/// Reads a text that must be a name of a certain form.
pub(super) fn read<'t>(
    at: &At<'t>,
    is_name: fn(&str) -> bool,
    rule: &str,
    report: &mut Report,
) -> Option<&'t str> {
    let text = at.text(report)?;
    if is_name(text) {
        return Some(text);
    }
    at.wrong(report, &format!("{} is not a name; one has {rule}", shown(text)));
    None
}

fn is_word(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= LABEL && text.bytes().all(inside) && has_ends(text)
}

fn has_ends(text: &str) -> bool {
    let (first, last) = (text.bytes().next(), text.bytes().next_back());
    first.zip(last).is_some_and(|(first, last)| first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        for good in ["a", "a-b", "0", &"a".repeat(63)] {
            assert!(is_label(good) && is_subdomain(good) && is_value(good) && is_key(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "é", &"a".repeat(64)] {
            assert!(!is_label(bad), "{bad}");
        }
        assert!(is_subdomain("a.b-c.d") && is_subdomain(&"a".repeat(253)));
        for bad in ["", ".", "a..b", "a.", ".a", "a.-b", "A.b", &"a".repeat(254)] {
            assert!(!is_subdomain(bad), "{bad}");
        }
        assert!(is_value("") && is_value("A_b.c-9"));
        assert!(!is_value("a b") && !is_value("_a") && !is_value(&"a".repeat(64)));
        assert!(is_key("app.kubernetes.io/name") && is_key("Team"));
        for bad in ["", "/a", "a/", "a/b/c", "A.io/x", "a b", "a.io/"] {
            assert!(!is_key(bad), "{bad}");
        }
    }
}
