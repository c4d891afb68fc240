//! Pairs of a query that stand differently in what is sent. A permit's query is written canonically: only
//! unreserved characters are not encoded, and no key comes twice, so that pairs are told apart as text.

use std::fmt::Write as _;

/// `path_and_query` with the pair `key=value`, in the place of what `key` had, or at the end. The key is one
/// of ours, of unreserved characters.
pub(crate) fn with(path_and_query: &str, key: &str, value: &str) -> String {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let is_key = |pair: &&str| pair.split('=').next() == Some(key);
    let others = query.split('&').filter(|pair| !pair.is_empty() && !is_key(pair));
    let mut text = format!("{path}?");
    for pair in others {
        text.push_str(pair);
        text.push('&');
    }
    text.push_str(key);
    text.push('=');
    encode(value, &mut text);
    text
}

fn encode(value: &str, into: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                into.push(char::from(byte))
            }
            // Writing to a String can't fail.
            _ => write!(into, "%{byte:02X}").unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::with;

    #[test]
    fn a_pair_stands_once_with_its_new_value() {
        for (from, to) in [
            ("/api/v1/pods", "/api/v1/pods?continue=a%2Fb%3D"),
            ("/api/v1/pods?limit=5", "/api/v1/pods?limit=5&continue=a%2Fb%3D"),
            ("/api/v1/pods?continue=x&limit=5", "/api/v1/pods?limit=5&continue=a%2Fb%3D"),
            ("/api/v1/pods?continued=x&continue", "/api/v1/pods?continued=x&continue=a%2Fb%3D"),
        ] {
            assert_eq!(with(from, "continue", "a/b="), to);
        }
    }
}
