//! The query, parsed into pairs as Go's `url.ParseQuery` does, and refused where that would drop something.

use std::collections::BTreeSet;

use super::percent;
use super::unreadable::{QueryFault, Unreadable};

/// The query's pairs, decoded, in the order they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

/// Keys that the API server reads as lists: exec's arguments and port-forward's ports.
const REPEATABLE: [&str; 2] = ["command", "ports"];

impl Query {
    /// `repeatable_ports`: whether the request is a port-forward.
    pub(super) fn read(raw: &str, ports: Ports) -> Result<Self, Unreadable> {
        if raw.len() > super::MAX_QUERY {
            return Err(Unreadable::QueryTooLong(raw.len()));
        }
        if raw.is_empty() {
            return Ok(Self::default());
        }
        // kube-rs begins every query with an empty pair (`?&limit=1`), which all readers leave out.
        // Elsewhere one is a mistake.
        let (raw, mut at) = match raw.strip_prefix('&') {
            Some(rest) => (rest, 1),
            None => (raw, 0),
        };
        let mut pairs = Vec::new();
        for piece in raw.split('&') {
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            if key.is_empty() {
                return Err(Unreadable::Query { fault: QueryFault::EmptyPair, at });
            }
            pairs.push((decode(key, at)?, decode(value, at + key.len() + 1)?));
            at += piece.len() + 1;
        }
        let query = Self { pairs };
        query.refuse_repeated(ports)?;
        Ok(query)
    }

    fn refuse_repeated(&self, ports: Ports) -> Result<(), Unreadable> {
        let mut seen = BTreeSet::new();
        for (key, _) in &self.pairs {
            let repeatable = match ports {
                Ports::Many => REPEATABLE.contains(&key.as_str()),
                Ports::One => key == "command",
            };
            if !seen.insert(key) && !repeatable {
                return Err(Unreadable::Repeated(key.clone()));
            }
        }
        Ok(())
    }

    /// The first value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The pairs, decoded, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The canonical text that is sent, without `?`: everything but RFC 3986's unreserved characters
    /// encoded.
    #[must_use]
    pub fn encoded(&self) -> String {
        self.encoded_without(|_| false)
    }

    /// The same, less some keys.
    pub(crate) fn encoded_without(&self, left_out: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        for (key, value) in self.pairs.iter().filter(|(key, _)| !left_out(key)) {
            if !text.is_empty() {
                text.push('&');
            }
            percent::component(key, &mut text);
            text.push('=');
            percent::component(value, &mut text);
        }
        text
    }

    /// The field selector, as text.
    #[must_use]
    pub fn field_selector(&self) -> Option<&str> {
        self.get("fieldSelector")
    }

    /// The label selector, as text.
    #[must_use]
    pub fn label_selector(&self) -> Option<&str> {
        self.get("labelSelector")
    }
}

/// How often `ports` may come: port-forward over WebSocket names each of its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ports {
    One,
    Many,
}

fn decode(piece: &str, offset: usize) -> Result<String, Unreadable> {
    let refuse = |fault, at| Unreadable::Query { fault, at };
    let mut decoded = Vec::with_capacity(piece.len());
    let mut bytes = piece.bytes();
    while let Some(byte) = bytes.next() {
        let at = offset + piece.len() - bytes.len() - 1;
        let fault = match byte {
            b'%' => match percent::digits(&mut bytes) {
                // No argument of a program has a NUL, and C readers stop at one.
                Some(0) => QueryFault::Control,
                Some(value) => {
                    decoded.push(value);
                    continue;
                }
                None => QueryFault::BadEscape,
            },
            b'+' => {
                decoded.push(b' ');
                continue;
            }
            b';' => QueryFault::Semicolon,
            b'#' => QueryFault::Fragment,
            0..=0x1f | 0x7f => QueryFault::Control,
            0x80.. => QueryFault::NonAscii,
            byte if percent::is_query(byte) => {
                decoded.push(byte);
                continue;
            }
            _ => QueryFault::Character,
        };
        return Err(refuse(fault, at));
    }
    String::from_utf8(decoded).or(Err(refuse(QueryFault::NotUtf8, offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<Query, Unreadable> {
        Query::read(raw, Ports::One)
    }

    #[test]
    fn pairs_are_read_as_go_reads_them_and_written_one_way() {
        let query = read("a=1&b=x+y%26&c&d=%C3%A9%0A&e=p=q").expect("readable");
        let pairs: Vec<_> = query.pairs().collect();
        assert_eq!(pairs, [("a", "1"), ("b", "x y&"), ("c", ""), ("d", "é\n"), ("e", "p=q")]);
        assert_eq!(query.encoded(), "a=1&b=x%20y%26&c=&d=%C3%A9%0A&e=p%3Dq");
        assert_eq!(query.encoded_without(|key| key != "c"), "c=");
        assert_eq!(read(""), Ok(Query::default()));
        assert_eq!(read("&a=1").expect("readable").encoded(), "a=1", "kube-rs writes it so");
    }

    #[test]
    fn only_command_and_the_ports_of_a_port_forward_may_repeat() {
        assert!(read("command=ls&command=-l").is_ok());
        assert_eq!(read("a=1&%61=2"), Err(Unreadable::Repeated("a".into())));
        assert_eq!(read("ports=1&ports=2"), Err(Unreadable::Repeated("ports".into())));
        assert!(Query::read("ports=1&ports=2", Ports::Many).is_ok());
    }

    #[test]
    fn what_readers_drop_or_split_differently_is_refused() {
        let fault = |raw: &str| match read(raw) {
            Err(Unreadable::Query { fault, at }) => (fault, at),
            other => panic!("{raw}: {other:?}"),
        };
        assert_eq!(fault("a=1;b=2"), (QueryFault::Semicolon, 3));
        assert_eq!(fault("a=1&&b=2"), (QueryFault::EmptyPair, 4));
        assert_eq!(fault("&&b=2"), (QueryFault::EmptyPair, 1));
        assert_eq!(fault("&"), (QueryFault::EmptyPair, 1));
        assert_eq!(fault("a=1&"), (QueryFault::EmptyPair, 4));
        assert_eq!(fault("=1"), (QueryFault::EmptyPair, 0));
        assert_eq!(fault("a=%zz"), (QueryFault::BadEscape, 2));
        assert_eq!(fault("a=%"), (QueryFault::BadEscape, 2));
        assert_eq!(fault("a=%00"), (QueryFault::Control, 2));
        assert_eq!(fault("a=%ff"), (QueryFault::NotUtf8, 2));
        assert_eq!(fault("a=é"), (QueryFault::NonAscii, 2));
        assert_eq!(fault("a=#"), (QueryFault::Fragment, 2));
        assert_eq!(fault("a=x y"), (QueryFault::Character, 3));
    }
}
