//! The classes of lines that are refused: why each is, and which lines are in it. The predicates are
//! written apart from the parser, on the raw bytes, so that a parser that refuses more than it should
//! doesn't pass.

use super::oracle::Answer;

/// A class: `Unreadable::reason`, what a line of it has, why it is refused, and which lines are in it.
pub(crate) struct Class {
    pub(crate) reason: &'static str,
    pub(crate) has: &'static str,
    pub(crate) why: &'static str,
    /// Whether a line is in the class. Other classes may have it too: the parser names the first that it
    /// meets.
    pub(crate) describes: fn(&Raw<'_>) -> bool,
}

/// A line as it came, and what the API server makes of it.
pub(crate) struct Raw<'a> {
    method: &'a [u8],
    path: &'a [u8],
    query: &'a [u8],
    undecoded: bool,
}

impl<'a> Raw<'a> {
    pub(crate) fn new(line: &'a [u8], answer: &Answer) -> Raw<'a> {
        let (method, target) = cut(line, b' ');
        let (path, query) = cut(target, b'?');
        Raw { method, path, query, undecoded: answer.undecoded }
    }

    /// What follows `/api/VERSION` or `/apis/GROUP/VERSION`, decoded, without empty segments.
    fn below_version(&self) -> Vec<Vec<u8>> {
        let segments = self.path.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty());
        let mut segments: Vec<Vec<u8>> = segments.map(decoded).collect();
        let above = match segments.first().map(Vec::as_slice) {
            Some(b"api") => 2,
            Some(b"apis") => 3,
            Some(_) | None => return Vec::new(),
        };
        segments.drain(..above.min(segments.len()));
        segments
    }

    /// Resource, name, subresource, …
    fn parts(&self) -> Vec<Vec<u8>> {
        let mut parts = self.below_version();
        let namespaced = parts.len() > 2
            && parts[0] == b"namespaces"
            && ![&b"status"[..], b"finalize"].contains(&&parts[2][..]);
        if namespaced {
            parts.drain(..2);
        }
        parts
    }

    fn reads(&self) -> bool {
        [&b"GET"[..], b"HEAD"].contains(&self.method)
    }

    fn pairs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let pieces = self.query.split(|&byte| byte == b'&').filter(|piece| !piece.is_empty());
        pieces
            .map(|piece| {
                let (key, value) = cut(piece, b'=');
                (decoded(&spaced(key)), decoded(&spaced(value)))
            })
            .collect()
    }

    fn watch(&self) -> Option<Vec<u8>> {
        self.pairs().into_iter().find(|(key, _)| key == b"watch").map(|(_, value)| value)
    }

    fn watch_is(&self, words: [&str; 2]) -> bool {
        let is = |value: &Vec<u8>| words.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
        self.watch().as_ref().is_some_and(is)
    }
}

fn cut(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|&byte| byte == at) {
        Some(index) => (&text[..index], &text[index + 1..]),
        None => (text, b""),
    }
}

fn spaced(text: &[u8]) -> Vec<u8> {
    text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect()
}

/// Percent-decoded, where that is possible.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let value = (text[at] == b'%').then(|| escaped(&text[at..])).flatten();
        bytes.push(value.unwrap_or(text[at]));
        at += if value.is_some() { 3 } else { 1 };
    }
    bytes
}

/// The value of an escape that the text begins with.
fn escaped(text: &[u8]) -> Option<u8> {
    let digits = text.get(1..3)?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The values of a text's escapes; None for one that is none.
fn escapes(text: &[u8]) -> impl Iterator<Item = Option<u8>> {
    (0..text.len()).filter(|&at| text[at] == b'%').map(|at| escaped(&text[at..]))
}

fn has_escape(text: &[u8], wanted: impl Fn(u8) -> bool) -> bool {
    escapes(text).flatten().any(wanted)
}

fn has_any(text: &[u8], bytes: &[u8]) -> bool {
    text.iter().any(|byte| bytes.contains(byte))
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f
}

/// Every class, in the order in which a line is read.
pub(crate) const CLASSES: [Class; 30] = [
    Class {
        reason: "method",
        has: "a method that is not GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, in capital letters",
        why: "The API server gives any other method no verb on a resource, and its own name as the verb elsewhere. \
              CONNECT and TRACE have meanings of their own in proxies.",
        describes: |line| {
            let methods: [&[u8]; 7] = [b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"];
            !methods.contains(&line.method)
        },
    },
    Class {
        reason: "path-too-long",
        has: "a path of more than 4096 bytes",
        why: "No path of Kubernetes' own comes near it; a bound stands before every buffer.",
        describes: |line| line.path.len() > 4096,
    },
    Class {
        reason: "path-no-slash",
        has: "a target that doesn't begin with a slash",
        why: "The absolute and the authority form name a host in a second place.",
        describes: |line| !line.path.starts_with(b"/"),
    },
    Class {
        reason: "path-empty-segment",
        has: "two slashes in a row in the path",
        why: "RequestInfo sees an empty name; readers that clean paths see another path.",
        describes: |line| line.path.windows(2).any(|pair| pair == b"//"),
    },
    Class {
        reason: "path-dot-segment",
        has: "`.` or `..` as a segment of the path",
        why: "RequestInfo takes it for a name; readers that clean paths go up with it.",
        describes: |line| line.path.split(|&byte| byte == b'/').any(|piece| piece == b"." || piece == b".."),
    },
    Class {
        reason: "path-encoded-slash",
        has: "an encoded slash in the path",
        why: "Readers that decode before they split see more segments than those that split first.",
        describes: |line| has_escape(line.path, |byte| byte == b'/'),
    },
    Class {
        reason: "path-encoded-backslash",
        has: "an encoded backslash in the path",
        why: "Some readers take a backslash for a slash.",
        describes: |line| has_escape(line.path, |byte| byte == b'\\'),
    },
    Class {
        reason: "path-encoded-dot",
        has: "an encoded dot in the path",
        why: "It hides a dot segment, and no client encodes a dot.",
        describes: |line| has_escape(line.path, |byte| byte == b'.'),
    },
    Class {
        reason: "path-encoded-percent",
        has: "an encoded percent sign in the path",
        why: "A reader that decodes twice sees another path. No name in Kubernetes may have a percent sign.",
        describes: |line| has_escape(line.path, |byte| byte == b'%'),
    },
    Class {
        reason: "path-backslash",
        has: "a backslash in the path",
        why: "Some readers take it for a slash, and RFC 3986 allows it in no path.",
        describes: |line| line.path.contains(&b'\\'),
    },
    Class {
        reason: "path-control",
        has: "a control character in the path, raw or encoded",
        why: "No name has one; in logs, in headers and for readers that stop at NUL it means something else.",
        describes: |line| line.path.iter().copied().any(is_control) || has_escape(line.path, is_control),
    },
    Class {
        reason: "path-non-ascii",
        has: "a character outside ASCII in the path, raw or encoded",
        why: "One name has several spellings there, and what a name may have in Kubernetes is ASCII for all but a few \
              kinds (RBAC's objects).",
        describes: |line| !line.path.is_ascii() || has_escape(line.path, |byte| byte > 0x7f),
    },
    Class {
        reason: "path-bad-escape",
        has: "`%` without two hexadecimal digits in the path",
        why: "The API server doesn't read it either.",
        describes: |line| escapes(line.path).any(|escape| escape.is_none()),
    },
    Class {
        reason: "path-fragment",
        has: "`#` in the path",
        why: "RequestInfo takes it for a part of the name, other readers for the path's end.",
        describes: |line| line.path.contains(&b'#'),
    },
    Class {
        reason: "path-character",
        has: "a space, a bar, a backtick or one of `\" < > ^ { } [ ]` in the path, raw",
        why: "RFC 3986 has them in no path unless they are encoded; readers differ in what they make of them.",
        describes: |line| has_any(line.path, b" \"<>^`{|}[]"),
    },
    Class {
        reason: "query-too-long",
        has: "a query of more than 8192 bytes",
        why: "A bound stands before every buffer; what is longer belongs into a body.",
        describes: |line| line.query.len() > 8192,
    },
    Class {
        reason: "query-empty-pair",
        has: "nothing between two `&` of the query or behind the last, or a pair without a key",
        why: "Readers differ in whether there is a pair, and no client sends it. What kube-rs sends is read: one `&` \
                  before the first pair.",
        describes: |line| {
            let query = line.query.strip_prefix(b"&").unwrap_or(line.query);
            let mut pieces = query.split(|&byte| byte == b'&');
            !line.query.is_empty() && pieces.any(|piece| piece.is_empty() || piece.starts_with(b"="))
        },
    },
    Class {
        reason: "query-semicolon",
        has: "`;` in the query, raw",
        why: "Go drops the whole pair in silence; older readers take it for `&`.",
        describes: |line| line.query.contains(&b';'),
    },
    Class {
        reason: "query-control",
        has: "a raw control character or an encoded NUL in the query",
        why: "The API server doesn't read the first; C programs stop at the second.",
        describes: |line| {
            line.query.iter().copied().any(is_control) || has_escape(line.query, |byte| byte == 0)
        },
    },
    Class {
        reason: "query-non-ascii",
        has: "a raw character outside ASCII in the query",
        why: "RFC 3986 has none; readers differ in how they take the bytes.",
        describes: |line| !line.query.is_ascii(),
    },
    Class {
        reason: "query-not-utf8",
        has: "encoded bytes in the query that are no UTF-8",
        why: "Each reader replaces them in its own way.",
        describes: |line| {
            let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
            line.pairs().iter().any(|(key, value)| !is_text(key) || !is_text(value))
        },
    },
    Class {
        reason: "query-bad-escape",
        has: "`%` without two hexadecimal digits in the query",
        why: "Go drops the whole pair in silence.",
        describes: |line| escapes(line.query).any(|escape| escape.is_none()),
    },
    Class {
        reason: "query-fragment",
        has: "`#` in the query",
        why: "RequestInfo takes it for a part of the value, other readers for the query's end.",
        describes: |line| line.query.contains(&b'#'),
    },
    Class {
        reason: "query-character",
        has: "a space, a bar, a backtick, a backslash or one of `\" < > ^ { }` in the query, raw",
        why: "RFC 3986 has them in no query unless they are encoded.",
        describes: |line| has_any(line.query, b" \"<>\\^`{|}"),
    },
    Class {
        reason: "query-repeated",
        has: "a key twice in the query, other than `command`, and `ports` of a port-forward",
        why: "RequestInfo reads the first value; whoever reads the last decides on something else.",
        describes: |line| {
            let mut keys: Vec<Vec<u8>> = line.pairs().into_iter().map(|(key, _)| key).collect();
            let forward = line.parts().get(2).is_some_and(|subresource| subresource == b"portforward");
            keys.retain(|key| key != b"command" && !(forward && key == b"ports"));
            let all = keys.len();
            keys.sort();
            keys.dedup();
            keys.len() < all
        },
    },
    Class {
        reason: "legacy-path",
        has: "`/watch/` or `/proxy/` right behind the version",
        why: "An old form whose verb stands in the path and whose selectors aren't authorized. Clients use the \
              `watch` parameter and the `proxy` subresource instead.",
        describes: |line| {
            line.below_version().first().is_some_and(|first| [&b"watch"[..], b"proxy"].contains(&&first[..]))
        },
    },
    Class {
        reason: "path-trailing-slash",
        has: "a slash at the end of a resource's path",
        why: "RequestInfo ignores it; other readers see an empty name behind it.",
        describes: |line| line.path.ends_with(b"/") && !line.below_version().is_empty(),
    },
    Class {
        reason: "verbless",
        has: "OPTIONS on a resource",
        why: "RequestInfo gives it an empty verb, which only a rule for every verb would allow.",
        describes: |line| line.method == b"OPTIONS" && !line.below_version().is_empty(),
    },
    Class {
        reason: "query-option",
        has: "on a list or a watch, list options that don't decode (`limit`, `timeoutSeconds`, a selector), or a \
              `watch` other than true, false, 1 and 0, which a get of one object may not have either",
        why: "Where the options don't decode, RequestInfo guesses: it drops the name that a field selector asks for. \
              It takes every odd value of `watch` for true.",
        describes: |line| {
            let parts = line.parts().len();
            let odd =
                line.watch().is_some() && !line.watch_is(["true", "1"]) && !line.watch_is(["false", "0"]);
            line.reads() && ((parts == 1 && (line.undecoded || odd)) || (parts == 2 && odd))
        },
    },
    Class {
        reason: "named-watch",
        has: "`watch=true` on a get of one object",
        why: "RequestInfo says get and the object is answered once, though the query asks for a stream.",
        describes: |line| line.reads() && line.parts().len() == 2 && line.watch_is(["true", "1"]),
    },
];

/// The class that a reason names.
pub(crate) fn class(reason: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.reason == reason)
}
