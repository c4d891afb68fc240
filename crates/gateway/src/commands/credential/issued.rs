//! A token that somebody else issued, as the agent's machine has it. It is read without believing it: only
//! the gateway can tell whether it is good.

use std::fmt;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use drawbridge_policy::Millis;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{MARGIN, Made};
use crate::identity::jwt::{BadToken, Jwt, MAX_TOKEN};

/// A token, and what it says of itself.
pub struct Issued {
    text: String,
    issuer: String,
    claims: Map<String, Value>,
    /// Seconds since 1970.
    ends: i64,
}

impl Issued {
    /// Reads what a token says of itself. `whence` is told, the token never.
    pub(super) fn read(text: &str, whence: &str) -> anyhow::Result<Issued> {
        let text = text.trim();
        let jwt = match Jwt::read(text) {
            Ok(jwt) => jwt,
            Err(BadToken::Shape(why)) => bail!("{whence} has no token that a gateway takes: {why}"),
            Err(bad) => bail!("{whence} has no token that a gateway takes: {bad}"),
        };
        let claims = jwt.unproven_claims().clone();
        let ends = claims.get("exp").and_then(Value::as_i64);
        let ends = ends.with_context(|| format!("the token in {whence} does not say when it ends (exp)"))?;
        if Timestamp::from_second(ends).is_err() {
            bail!("the token in {whence} says that it ends (exp) at {ends}, which is no time in seconds");
        }
        Ok(Issued { issuer: jwt.issuer().to_owned(), text: text.to_owned(), claims, ends })
    }

    pub(super) fn in_file(path: &Path) -> anyhow::Result<Issued> {
        let unreadable = || format!("the token {} can't be read", path.display());
        let file = std::fs::File::open(path).with_context(unreadable)?;
        let mut text = String::new();
        let most = u64::try_from(MAX_TOKEN).unwrap_or(u64::MAX).saturating_add(16);
        file.take(most).read_to_string(&mut text).with_context(unreadable)?;
        Issued::read(&text, &path.display().to_string())
    }

    pub(super) fn in_variable(
        name: &str,
        audience: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Issued> {
        let audience = audience.unwrap_or("the gateway's url");
        let text = variable(name).with_context(|| {
            format!(
                "{name} is not set; GitLab sets it for a job that has in .gitlab-ci.yml \
                 'id_tokens: {{{name}: {{aud: {audience}}}}}'"
            )
        })?;
        Issued::read(&text, name)
    }

    /// Whether a gateway at `audience` could take it now.
    pub fn is_usable(&self, audience: Option<&str>, now: i64) -> anyhow::Result<()> {
        if self.ends <= now {
            bail!("the token has expired; whoever issues it must give a new one");
        }
        let for_it = |audience: &str| match self.claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(audience)),
            Some(_) | None => false,
        };
        match audience {
            Some(audience) if !for_it(audience) => bail!(
                "the token is for {}, not for {audience}, and the gateway would refuse it; ask its issuer \
                 for one with this audience",
                self.claims.get("aud").unwrap_or(&Value::Null)
            ),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn made(&self, now: i64) -> Made {
        let renew = self.ends.saturating_sub(MARGIN).max(now);
        Made { status: json!({ "token": self.text }), renew }
    }

    /// Who says that they issued it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What it claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// When it ends.
    pub fn ends(&self) -> Millis {
        Millis(self.ends.saturating_mul(1_000))
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::super::exec_credential;
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const GATE: &str = "https://gate.example";

    fn token(claims: &Value) -> String {
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2ln", part(json!({ "alg": "RS256" }).to_string()), part(claims.to_string()))
    }

    fn issued(aud: &Value, exp: i64) -> Issued {
        let claims = json!({ "iss": "https://ci.example", "sub": "a", "aud": aud, "exp": exp });
        Issued::read(&format!("{}\n", token(&claims)), "a file").unwrap()
    }

    #[test]
    fn a_token_is_passed_on_until_shortly_before_it_ends() {
        let good = issued(&json!(GATE), NOW + 600);
        good.is_usable(Some(GATE), NOW).unwrap();
        good.is_usable(None, NOW).unwrap();
        let made = exec_credential(good.made(NOW)).unwrap();
        assert_eq!(made["status"]["token"], good.text);
        let renew: jiff::Timestamp = made["status"]["expirationTimestamp"].as_str().unwrap().parse().unwrap();
        assert_eq!(renew.as_second(), NOW + 570);
        assert_eq!(issued(&json!(GATE), NOW + 10).made(NOW).renew, NOW);
        assert!(!format!("{good:?}").contains(&good.text));
    }

    #[test]
    fn a_token_that_a_gateway_would_refuse_is_told_before() {
        let said = |issued: &Issued, now: i64| issued.is_usable(Some(GATE), now).unwrap_err().to_string();
        assert!(said(&issued(&json!(GATE), NOW), NOW).contains("has expired"));
        for aud in [json!("https://gate.example/"), json!(["https://other.example"]), json!(null), json!([])]
        {
            let why = said(&issued(&aud, NOW + 600), NOW);
            assert!(why.contains(&format!("is for {aud}, not for {GATE}")), "{why}");
        }
        issued(&json!(["https://other.example", GATE]), NOW + 600).is_usable(Some(GATE), NOW).unwrap();
        let text = token(&json!({ "iss": "https://ci.example" }));
        let why = Issued::read(&text, "a file").unwrap_err().to_string();
        assert!(why.contains("does not say when it ends"), "{why}");
        for ends in [i64::MIN, i64::MAX, NOW * 1_000] {
            let text = token(&json!({ "iss": "https://ci.example", "exp": ends }));
            let why = Issued::read(&text, "a file").unwrap_err().to_string();
            assert!(why.contains(&format!("at {ends}, which is no time in seconds")), "{why}");
        }
        let why = Issued::read("no.token", "a file").unwrap_err().to_string();
        assert!(why.contains("a file has no token that a gateway takes"), "{why}");
    }

    #[test]
    fn a_job_without_its_variable_is_told_what_to_write() {
        let none = |_: &str| None;
        let why = Issued::in_variable("MY_TOKEN", Some(GATE), none).unwrap_err().to_string();
        assert!(why.contains("id_tokens: {MY_TOKEN: {aud: https://gate.example}}"), "{why}");
        let claims = json!({ "iss": "https://gitlab.com", "exp": NOW });
        let some = |name: &str| (name == "MY_TOKEN").then(|| token(&claims));
        assert_eq!(Issued::in_variable("MY_TOKEN", None, some).unwrap().issuer(), "https://gitlab.com");
    }
}
