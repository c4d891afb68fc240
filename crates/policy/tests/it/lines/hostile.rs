//! Lines that were tampered with.

use super::{encoding, selectors};
use crate::random::Random;

const SEGMENTS: [&str; 26] = [
    "..",
    ".",
    "",
    "%2e%2e",
    "%2E",
    ".%2e",
    "%2f",
    "a%2Fb",
    "%5c",
    "..%5c",
    "%252e",
    "%25",
    "%00",
    "%0a",
    "%7f",
    "%c3%a9",
    "%ef%bc%8f",
    "%",
    "%zz",
    "%u002f",
    "watch",
    "proxy",
    "namespaces",
    "status",
    "%77atch",
    "a;b",
];
const BYTES: &[u8] = b"%/\\.;?&=#+ \0\x01\t\r\x1b\x7f\x80\xe9\xff\"<>[]^`{|}~:@!$'()*,-_aZ09";
const METHODS: [&str; 14] = [
    "get", "Get", "CONNECT", "TRACE", "LIST", "WATCH", "PROPFIND", "", "OPTIONS", "HEAD", "GET\t",
    "G\u{e9}T", "DELETE", "POST",
];
const PAIRS: [&str; 40] = [
    "watch=true",
    "watch=false",
    "watch=",
    "watch",
    "watch=yes",
    "watch=0",
    "watch=fal%C5%BFe",
    "Watch=true",
    "%77atch=1",
    "limit=",
    "limit=ten",
    "limit=%2B5",
    "limit=+5",
    "limit=-1",
    "limit=1_000",
    "limit=0x10",
    "limit=9223372036854775808",
    "timeoutSeconds=5m",
    "timeoutSeconds=5",
    "labelSelector=",
    "labelSelector=a%3Db",
    "labelSelector=%3D%3D",
    "fieldSelector=",
    "fieldSelector=metadata.name%3Da",
    "fieldSelector=metadata.name",
    "fieldSelector=metadata.name%3D..",
    "fieldSelector=metadata.name%3Da%2Fb",
    "fieldSelector=metadata.name%3D%25",
    "dryRun=All",
    "command=ls",
    "ports=80",
    "a=%ff",
    "a=%00",
    "a=%",
    "=",
    "",
    ";",
    "a;b=c",
    "x=%ed%a0%80",
    "sendInitialEvents=maybe",
];

/// One to three changes.
pub(crate) fn tamper(random: &mut Random, mut line: Vec<u8>) -> Vec<u8> {
    for _ in 0..random.below(3) + 1 {
        line = change(random, line);
    }
    line
}

fn change(random: &mut Random, line: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&line).into_owned();
    let (method, target) = text.split_once(' ').unwrap_or((&text, ""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match random.below(12) {
        0 => format!("{} {target}", random.pick(&METHODS)).into_bytes(),
        1 | 2 => {
            let mut segments: Vec<&str> = path.split('/').collect();
            segments.insert(random.below(segments.len() + 1), random.pick(&SEGMENTS));
            put(method, &segments.join("/"), query)
        }
        3 => {
            let mut segments: Vec<&str> = path.split('/').collect();
            let at = random.below(segments.len());
            segments[at] = random.pick(&SEGMENTS);
            put(method, &segments.join("/"), query)
        }
        4 => put(method, &format!("{path}/"), query),
        5 => {
            // A legacy line: right behind the version, or somewhere else.
            let behind = if path.starts_with("/apis/") { 4 } else { 3 };
            let mut segments: Vec<&str> = path.split('/').collect();
            let at = if random.one_in(4) { random.below(segments.len() + 1) } else { behind };
            segments.insert(at.min(segments.len()), random.pick(&["watch", "proxy"]));
            put(method, &segments.join("/"), query)
        }
        6 | 7 => {
            let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
            pairs.insert(random.below(pairs.len() + 1), random.pick(&PAIRS));
            put(method, path, &pairs.join("&"))
        }
        8 => {
            let pairs: Vec<&str> = query.split('&').collect();
            let twice = pairs[random.below(pairs.len())];
            put(method, path, &format!("{query}&{twice}"))
        }
        9 => {
            let mut line = line;
            line.insert(random.below(line.len() + 1), BYTES[random.below(BYTES.len())]);
            line
        }
        10 => {
            let mut line = line;
            if !line.is_empty() {
                let at = random.below(line.len());
                if random.one_in(2) { line.truncate(at) } else { line[at] = BYTES[random.below(BYTES.len())] }
            }
            line
        }
        _ => encode_some(random, &line),
    }
}

fn put(method: &str, path: &str, query: &str) -> Vec<u8> {
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{method} {path}{mark}{query}").into_bytes()
}

/// Percent-encodes a few bytes that nobody has to.
fn encode_some(random: &mut Random, line: &[u8]) -> Vec<u8> {
    let often = random.below(6) + 1;
    let mut encoded = Vec::new();
    for &byte in line {
        if byte != b' ' && !b"/?&=%".contains(&byte) && random.one_in(often * 3) {
            encoded.extend(format!("%{byte:02x}").bytes());
        } else {
            encoded.push(byte);
        }
    }
    encoded
}

/// A list, a watch or a deletion of a collection with selectors of any kind.
pub(crate) fn selecting(random: &mut Random) -> Vec<u8> {
    let method = random.pick(&["GET", "GET", "GET", "GET", "HEAD", "DELETE", "POST"]);
    let path = random.pick(&[
        "/api/v1/pods",
        "/api/v1/namespaces/a/pods",
        "/apis/example.com/v1/widgets",
        "/api/v1/namespaces",
        "/api/v1/namespaces/a",
        "/api/v1/namespaces/a/pods/b",
        "/api/v1/namespaces/a/pods/b/log",
    ]);
    let mut pairs = Vec::new();
    if !random.one_in(3) {
        let right = random.one_in(3);
        pairs.push(("labelSelector", if right { selectors::label(random) } else { selectors::soup(random) }));
    }
    if !random.one_in(3) {
        let right = random.one_in(3);
        pairs.push(("fieldSelector", if right { selectors::field(random) } else { selectors::soup(random) }));
    }
    let pairs = pairs.iter().map(|(key, value)| format!("{key}={}", encoding::component(random, value)));
    let mut pairs: Vec<String> = pairs.collect();
    if random.one_in(4) {
        pairs.push(random.pick(&PAIRS).to_owned());
    }
    put(method, path, &pairs.join("&"))
}

const PIECES: [&str; 50] = [
    "/",
    "/api",
    "/apis",
    "/v1",
    "/namespaces",
    "/a",
    "/pods",
    "/b",
    "/exec",
    "/status",
    "/finalize",
    "/proxy",
    "/watch",
    "/portforward",
    "apps",
    "x",
    "%3A",
    "%2f",
    "%2e",
    "%41",
    "%20",
    "%5C",
    "%25",
    "..",
    ".",
    "%",
    "//",
    "\\",
    "?",
    "&",
    "=",
    "watch",
    "true",
    "1",
    "fieldSelector",
    "metadata.name",
    "%3D",
    "labelSelector",
    "command",
    "ports",
    "limit",
    ";",
    "+",
    "%c3%a9",
    "é",
    "\0",
    "#",
    "-",
    "*",
    " ",
];

/// Pieces of lines in any order.
pub(crate) fn soup(random: &mut Random) -> Vec<u8> {
    let method =
        if random.one_in(8) { random.pick(&METHODS) } else { random.pick(&["GET", "HEAD", "DELETE"]) };
    let start = random.pick(&["/api/v1", "/apis/apps/v1", "/api/v1/namespaces", "/", ""]);
    let count = random.below(12);
    let rest: String = (0..count).map(|_| random.pick(&PIECES)).collect();
    format!("{method} {start}{rest}").into_bytes()
}
