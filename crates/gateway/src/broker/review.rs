//! Answers to agents that ask what they may do (`kubectl auth can-i`): the scopes' half, which the permit
//! holds, put together with the cluster's. They are written in JSON alone.

use bytes::Bytes;
use drawbridge_policy::{CEILING, Permit, Review, retold};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use serde_json::Value;

use super::answer::Answer;
use crate::cluster::AGENTS;
use crate::record::draft::{Entry, Outcome};
use crate::refusal::Refusal;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What can be said before anything is sent.
#[derive(Debug)]
pub enum Before {
    /// Nothing: it is sent.
    Send,
    /// The caller could not read the answer.
    Refused(Refusal),
    /// The answer, where the scopes alone give it.
    Settled(Value),
}

/// Looks whether a permitted request is to be sent at all.
pub fn before(permit: &Permit, from: &HeaderMap) -> Before {
    match permit.review() {
        None => Before::Send,
        Some(_) if !takes_json(from) => Before::Refused(Refusal::JsonAlone),
        Some(review) => review.settled().map_or(Before::Send, Before::Settled),
    }
}

/// The answer of the scopes alone.
pub fn settled(entry: Entry, settled: &Value) -> Response<Answer> {
    let mut answer = Response::new(Answer::whole(settled.to_string()));
    *answer.status_mut() = StatusCode::CREATED;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    if let Ok(id) = HeaderValue::from_str(entry.id()) {
        headers.insert("audit-id", id);
    }
    entry.finish(&Outcome::Answered { status: StatusCode::CREATED.as_u16() });
    answer
}

/// The cluster is asked for what is read here, whatever the caller accepts.
pub fn in_plain_json(headers: &mut HeaderMap) {
    headers.remove(header::ACCEPT_ENCODING);
    headers.insert(header::ACCEPT, JSON);
}

/// The cluster's answer with the scopes' half put in. None: it is no answer to such a review.
pub fn completed(review: &Review, cluster: &[u8]) -> Option<Bytes> {
    let cluster: Value = serde_json::from_slice(cluster).ok()?;
    review.complete(cluster).map(|answer| answer.to_string().into())
}

/// Whether the caller reads JSON, as far as its `Accept` says (RFC 9110 §12.5.1).
fn takes_json(headers: &HeaderMap) -> bool {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    ranges.peek().is_none() || ranges.any(is_json)
}

fn is_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let refused = parts.any(|part| {
        let quality = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
        quality.is_some_and(|quality| quality.trim_matches(['0', '.']).is_empty())
    });
    !refused && ["application/json", "application/*", "*/*"].contains(&kind.as_str())
}

/// A refusal by the cluster's authorizer, with the words that say whose it is: nothing else comes through
/// here as the ceiling's, neither quotas nor admission. None: it is another refusal.
pub fn marked(permit: &Permit, bytes: &[u8]) -> Option<Bytes> {
    let asker = format!("User \"system:serviceaccount:{AGENTS}:{}\" cannot ", permit.agent());
    let mark = |message: &str| {
        let ceiling = message.contains(&asker) && !message.contains(CEILING);
        ceiling.then(|| format!("{message}: {CEILING}"))
    };
    retold(bytes, mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_json_is_told_by_its_accept() {
        let takes = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::ACCEPT, HeaderValue::from_static(value));
            }
            takes_json(&headers)
        };
        assert!(takes(&[]) && takes(&[""]) && takes(&["*/*"]));
        assert!(takes(&["application/vnd.kubernetes.protobuf,application/json"]));
        assert!(takes(&["application/vnd.kubernetes.protobuf", "application/*;q=0.5"]));
        assert!(takes(&["Application/JSON; charset=utf-8"]));
        assert!(!takes(&["application/vnd.kubernetes.protobuf"]));
        assert!(!takes(&["application/yaml, text/*"]));
        assert!(!takes(&["application/json;q=0.0, application/yaml"]));
    }
}
