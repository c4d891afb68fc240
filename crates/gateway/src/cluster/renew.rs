//! A token that renews itself: where the gateway's credential is a token of its own service account, kept
//! in a file, it asks the cluster for the next one long before this one ends.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Cluster;
use crate::chain::Chain;
use crate::clock::Clock;
use crate::commands::admin_file::private_instead;
use crate::errand::ToCluster;
use crate::manifest::ClusterAccess;
use crate::refusal::ClusterFault;
use crate::state::State;
use crate::telemetry::{Called, Metrics};

/// Tokens are looked at this often.
const LOOK: Duration = Duration::from_secs(60);
/// A token is renewed when this part of its life is over: a gateway that is down for most of its life comes
/// back by itself.
const PART: i64 = 6;
/// The shortest life that Kubernetes gives a token, in seconds (`TokenRequestSpec`).
const SHORTEST: i64 = 600;
/// No token is longer.
const LONGEST: usize = 64 * 1024;

/// A service account, `NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    namespace: String,
    name: String,
}

impl Account {
    /// Reads `NAMESPACE/NAME`. Both are names that can stand in a path as they are.
    pub fn parse(text: &str) -> Option<Account> {
        let (namespace, name) = text.split_once('/')?;
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let inside = |byte: u8| letter(byte) || byte == b'-' || byte == b'.';
        let is_name = |text: &str| {
            let ends = text.bytes().next().zip(text.bytes().next_back());
            text.len() <= 253
                && text.bytes().all(inside)
                && !text.contains("..")
                && ends.is_some_and(|(first, last)| letter(first) && letter(last))
        };
        let label = namespace.len() <= 63 && !namespace.contains('.');
        (label && is_name(namespace) && is_name(name))
            .then(|| Account { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its tokens are asked for.
    pub fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/serviceaccounts/{}/token", self.namespace, self.name)
    }

    /// What asks for one that lasts so long.
    pub fn body(seconds: i64) -> Value {
        json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": { "expirationSeconds": seconds.max(SHORTEST) } })
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// From when to when a token counts, in seconds since 1970, as it says itself. It is not checked: whoever
/// holds a token may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// `iat`
    pub from: i64,
    /// `exp`
    pub until: i64,
}

impl Life {
    /// Reads a JSON web token's own words. None for any other credential.
    pub fn of(token: &str) -> Option<Life> {
        let payload = token.trim().split('.').nth(1)?;
        let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let number = |name: &str| payload.get(name).and_then(Value::as_i64);
        Some(Life { from: number("iat")?, until: number("exp")? })
    }

    fn is_due(self, now: i64) -> bool {
        now >= self.from.saturating_add(self.until.saturating_sub(self.from) / PART)
    }
}

/// Renews every cluster's token that is due, until `shutdown`.
pub async fn run(state: Arc<State>, metrics: Arc<Metrics>, clock: Clock, shutdown: CancellationToken) {
    loop {
        let snapshot = state.snapshot();
        for cluster in snapshot.clusters() {
            if !is_due(cluster, clock.now().0 / 1_000) {
                continue;
            }
            let renewed = renew(cluster, clock.now().0 / 1_000);
            if let Err(error) = metrics.errand(Called::Renew, renewed).await {
                let error = Chain(&error);
                tracing::warn!(cluster = cluster.name(), %error, "the gateway's token was not renewed");
            }
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Why a token was not renewed.
#[derive(Debug, thiserror::Error)]
pub enum NotRenewed {
    /// No answer.
    #[error("the cluster did not answer: {0}")]
    Cluster(String),
    /// A no. Holds the status.
    #[error("the cluster answered {0}; the account may create tokens of its own only if the Role says so")]
    Status(StatusCode),
    /// An answer without one.
    #[error("the cluster's answer has no token")]
    NoToken,
    /// An answer with something else in its place.
    #[error("the cluster's answer has a token that is none, or that has ended")]
    BadToken,
    /// It can't be written.
    #[error("the token's file can't be written")]
    File(#[source] std::io::Error),
}

/// Whether a cluster's token is one that is renewed and that is due at `now`, in seconds.
fn is_due(cluster: &Cluster, now: i64) -> bool {
    let ClusterAccess::Server { token_file, renew: Some(_), .. } = cluster.access() else { return false };
    let life = std::fs::read_to_string(token_file).ok().and_then(|token| Life::of(&token));
    life.is_some_and(|life| life.is_due(now))
}

/// Renews a cluster's token, if it is one that is renewed and that is due at `now`, in seconds.
///
/// # Errors
/// When the cluster gives none, or the file can't be written; the one that is there stays.
pub async fn renew(cluster: &Cluster, now: i64) -> Result<(), NotRenewed> {
    let ClusterAccess::Server { token_file, renew: Some(account), .. } = cluster.access() else {
        return Ok(());
    };
    // Whether the file can be read is told where it is used.
    let Ok(old) = std::fs::read_to_string(token_file) else { return Ok(()) };
    let Some(life) = Life::of(&old) else { return Ok(()) };
    if !life.is_due(now) {
        return Ok(());
    }
    let seconds = life.until.saturating_sub(life.from);
    let told = cluster.run(ToCluster::Renew { account, seconds }).await;
    let told = told.map_err(|fault: ClusterFault| NotRenewed::Cluster(fault.message()))?;
    let (status, body) = told;
    if !status.is_success() {
        return Err(NotRenewed::Status(status));
    }
    let answer: Value = serde_json::from_slice(&body).or(Err(NotRenewed::NoToken))?;
    let token = answer.pointer("/status/token").and_then(Value::as_str).ok_or(NotRenewed::NoToken)?;
    if !is_good(token, now) {
        return Err(NotRenewed::BadToken);
    }
    let renewed = private_instead(token_file, old.as_bytes(), token.as_bytes()).map_err(NotRenewed::File)?;
    if renewed {
        tracing::info!(cluster = cluster.name(), "the gateway's token was renewed");
    } else {
        tracing::info!(
            cluster = cluster.name(),
            "the gateway was given another token meanwhile, which stays"
        );
    }
    Ok(())
}

/// Whether it can take the place of a token that still counts: one word, of a token's form, that ends after
/// `now`.
fn is_good(token: &str, now: i64) -> bool {
    token.len() <= LONGEST
        && token.bytes().all(|byte| byte.is_ascii_graphic())
        && token.split('.').count() == 3
        && token.split('.').all(|part| !part.is_empty())
        && Life::of(token).is_some_and(|life| life.until > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_two_names_that_no_path_reads_otherwise() {
        let account = Account::parse("drawbridge-system/drawbridge-gateway").unwrap();
        assert_eq!(
            account.path(),
            "/api/v1/namespaces/drawbridge-system/serviceaccounts/drawbridge-gateway/token"
        );
        for bad in
            ["", "a", "/", "a/", "/a", "a/b/c", "a/..", "../a", "A/b", "a/b%2f", "a/b?c", "a.b/c", "a/-b"]
        {
            assert_eq!(Account::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_says_from_when_to_when_it_counts() {
        let token = |payload: &str| format!("x.{}.y", URL_SAFE_NO_PAD.encode(payload));
        let life = Life::of(&token(r#"{"iat":100,"exp":700}"#)).unwrap();
        assert_eq!(life, Life { from: 100, until: 700 });
        assert!(!life.is_due(199) && life.is_due(200) && life.is_due(9_999));
        for other in ["", "opaque", "a.b.c", &token("{}"), &token("[]")] {
            assert_eq!(Life::of(other), None, "{other}");
        }
    }

    #[test]
    fn only_a_token_that_still_counts_replaces_another() {
        let token = |payload: &str| format!("x.{}.y", URL_SAFE_NO_PAD.encode(payload));
        let good = token(r#"{"iat":100,"exp":700}"#);
        assert!(is_good(&good, 699));
        assert!(!is_good(&good, 700), "it has ended");
        let bad = ["", " ", "opaque", "a.b.c", "..", &token("{}"), &format!("{good} {good}")];
        let spaced = [format!("{good}\n"), format!(" {good}"), format!("{good}.z"), good.replace(".y", ".")];
        let long = format!("{good}{}", "y".repeat(LONGEST));
        for other in bad.into_iter().chain(spaced.iter().map(String::as_str)).chain([long.as_str()]) {
            assert!(!is_good(other, 1), "{other}");
        }
    }
}
