//! Which agent makes this request. Asked of every request on its own.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use drawbridge_policy::{AgentName, Millis};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::Value;

use super::account::admit::{Accounts, NotAdmitted, Presented, Secret, Vouched};
use super::account::kept::NotTheSame;
use super::account::{BadAccount, Workload};
use super::issuer::{self, verify_among};
use super::jwt::Jwt;
use super::means::{Claim, Claims, Instance, Means};
use super::proven::{Because, Proof, Proven, Stranger};
use super::token::{Expected, Token};
use crate::broker::headers::carries_token_protocol;
use crate::chain::Chain;
use crate::config::limits::Limits;
use crate::connection::peer::Peer;
use crate::manifest::TrustedIssuer;
use crate::record::writer::NotRecorded;
use crate::refusal::Refusal;
use crate::state::identities::Recognised;
use crate::state::issuers::Vouches;
use crate::state::snapshot::Snapshot;

/// Characters of a token's id that the record keeps.
const LONGEST_ID: usize = 128;

/// A recognised agent, and what was proven.
#[derive(Debug, Clone)]
pub struct Identity {
    agent: AgentName,
    proven: Proven,
    vouched: Option<Arc<Vouched>>,
}

impl Identity {
    /// The agent.
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// By what it was recognised.
    pub fn means(&self) -> &Means {
        &self.proven.means
    }

    /// Which of its copies asks.
    pub fn instance(&self) -> &Instance {
        &self.proven.instance
    }

    /// What its cluster must go on to vouch for while anything is open.
    pub fn vouched(&self) -> Option<&Arc<Vouched>> {
        self.vouched.as_ref()
    }

    /// All that was proven.
    pub fn proven(&self) -> &Proven {
        &self.proven
    }
}

/// What credentials are checked against.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// The agents as they are now.
    pub snapshot: &'a Snapshot,
    /// The gateway's url, which tokens must name.
    pub audience: &'a str,
    /// What is asked of service accounts.
    pub accounts: &'a Accounts,
    /// Skew and lifetimes.
    pub limits: &'a Limits,
    /// The time now.
    pub now: Millis,
}

/// Recognises the agent by the request's token, or by the certificate that the connection proved. Both may be
/// there; then both must name the same agent.
pub async fn authenticate(
    peer: &Peer,
    headers: &HeaderMap,
    id: &str,
    check: Check<'_>,
) -> Result<Identity, Refusal> {
    if carries_token_protocol(headers).is_some() {
        return Err(Refusal::Credential(
            "a token in Sec-WebSocket-Protocol is not accepted; put it in the Authorization header",
        ));
    }
    let by_token = match bearer(headers)? {
        Some(text) => Some(recognise(token(text, check).await?, id, check).await?),
        None => None,
    };
    let by_certificate = match certificate(peer, check)? {
        Some(proven) => Some(recognise((proven, None), id, check).await?),
        None => None,
    };
    match (by_token, by_certificate) {
        (Some(token), Some(certificate)) if token.agent != certificate.agent => Err(Refusal::Credential(
            "the client certificate and the token name different agents; present one of them",
        )),
        (Some(identity), _) | (None, Some(identity)) => Ok(identity),
        (None, None) => Err(Refusal::NoCredential),
    }
}

/// What a credential proved, and of a service account's what is asked besides.
type Believed = (Proven, Option<Presented>);

/// Whose a proven identity is.
async fn recognise(believed: Believed, id: &str, check: Check<'_>) -> Result<Identity, Refusal> {
    let (proven, presented) = believed;
    let nobody = |proven, because, agent, advice| {
        let id = id.to_owned();
        Err(Refusal::Unrecognised(Box::new(Stranger { id, proven, because, agent, advice })))
    };
    let agent = match check.snapshot.recognise(&proven.means) {
        Recognised::Agent(agent) => agent.clone(),
        Recognised::Nobody => return nobody(proven, Because::Unknown, None, None),
        Recognised::Recreated(agent) => {
            let advice = presented.map(|presented| check.made_again(&presented));
            return nobody(proven, Because::Recreated, Some(agent.clone()), advice);
        }
        Recognised::Several => return nobody(proven, Because::Several, None, None),
    };
    // Nothing is kept or asked for who may not act: the next step says so, and who it is.
    let out = check.snapshot.standing(&agent, &proven.means, proven.issuer.as_ref()).is_err();
    let Some(presented) = presented.filter(|_| !out) else {
        return Ok(Identity { agent, proven, vouched: None });
    };
    let stated = check.snapshot.stated_uid(presented.workload.account());
    match check.accounts.admit(presented, &agent, stated, check.now).await {
        Ok(vouched) => Ok(Identity { agent, proven, vouched }),
        Err(NotAdmitted::MadeAgain(why)) => {
            nobody(proven, Because::Recreated, Some(agent), Some(why.to_string()))
        }
        Err(NotAdmitted::NotKept(why)) => {
            tracing::warn!(error = %Chain(&why), "an account's uid is not kept");
            Err(Refusal::NotRecorded(NotRecorded::Failing))
        }
        Err(NotAdmitted::Gone) => Err(Refusal::Account(BadAccount::Gone)),
        Err(NotAdmitted::Unknown(cluster)) => Err(Refusal::NotReviewed(cluster)),
    }
}

impl Check<'_> {
    /// What an administrator should know of an account whose uid is another than the manifest states.
    fn made_again(&self, presented: &Presented) -> String {
        let account = presented.workload.account();
        let kept = self.snapshot.stated_uid(account).unwrap_or_default().to_owned();
        let found = presented.workload.uid().to_string();
        NotTheSame::MadeAgain { account: account.clone(), kept, found }.to_string()
    }
}

fn certificate(peer: &Peer, check: Check<'_>) -> Result<Option<Proven>, Refusal> {
    let Some(certificate) = peer.certificate() else { return Ok(None) };
    let limits = check.limits;
    let key = certificate
        .key_at(check.now, limits.skew, limits.certificate_lifetime)
        .map_err(Refusal::Certificate)?;
    Ok(Some(Proven {
        means: Means::Key(key.clone()),
        issuer: None,
        instance: Instance::of_key(key),
        credential: key.fingerprint(),
        proof: Proof::Certificate,
        ends: certificate.ends(),
    }))
}

/// The token in the `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::Credential("there is more than one Authorization header"));
    }
    let text = value.to_str().or(Err(Refusal::Credential("the Authorization header is not ASCII")))?;
    match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(rest.trim())),
        _ => Err(Refusal::Credential("only bearer tokens and client certificates are accepted")),
    }
}

async fn token(text: &str, check: Check<'_>) -> Result<Believed, Refusal> {
    let jwt = Jwt::read(text).map_err(Refusal::Token)?;
    // Agents' names are DNS labels and issuers are urls: no text is both.
    if AgentName::parse(jwt.issuer()).is_ok() {
        own(&jwt, check).map(|proven| (proven, None))
    } else {
        issued(&jwt, text, check).await
    }
}

/// A token that the agent signed with its own enrolled key.
fn own(jwt: &Jwt<'_>, check: Check<'_>) -> Result<Proven, Refusal> {
    let token = Token::of(jwt).map_err(Refusal::Token)?;
    let expected = Expected {
        audience: check.audience,
        now: check.now,
        skew: check.limits.skew,
        longest: check.limits.token_lifetime,
    };
    let (key, ends) =
        token.verify(check.snapshot.keys_of(token.agent()), expected).map_err(Refusal::Token)?;
    Ok(Proven {
        means: Means::Key(key.clone()),
        issuer: None,
        instance: Instance::of_key(key),
        credential: key.fingerprint(),
        proof: Proof::Token,
        ends,
    })
}

/// A token that a trusted issuer signed.
async fn issued(jwt: &Jwt<'_>, text: &str, check: Check<'_>) -> Result<Believed, Refusal> {
    let expected = issuer::Expected { audience: check.audience, now: check.now, skew: check.limits.skew };
    let issuers = check.snapshot.issuers();
    let (issuer, claims) = verify_among(issuers.all(), jwt, expected).await?;
    let id = claims.object().get("jti").and_then(Value::as_str).filter(|id| !id.is_empty());
    let credential = match id {
        Some(id) => format!("JTI={}", id.chars().take(LONGEST_ID).collect::<String>()),
        None => format!("SHA256:{}", digest(jwt.signed())),
    };
    let proof = Proof::Token;
    let ends = claims.expires();
    match issuers.vouches(&issuer).ok_or(Refusal::Fault)? {
        Vouches::Accounts(cluster, asked) => {
            let workload = Workload::read(cluster.name(), claims.subject(), claims.object())
                .map_err(Refusal::Account)?;
            let means = Means::Account { account: workload.account().clone(), uid: workload.uid().clone() };
            let instance = workload.instance(&credential);
            let (cluster, asked, token) = (cluster.clone(), *asked, Secret::new(text));
            let presented = Presented { workload, cluster, asked, token, ends };
            let issuer = Some(issuer);
            Ok((Proven { means, issuer, instance, credential, proof, ends }, Some(presented)))
        }
        Vouches::Subjects(declared) => {
            let instance = instance(declared, &claims);
            let object = claims.object().iter();
            let comparable = object.filter_map(|(name, value)| Some((name.clone(), Claim::of(value)?)));
            let comparable: Claims = comparable.collect();
            let name = declared.metadata.name.as_str().into();
            let means = Means::Oidc { issuer: name, claims: Arc::new(comparable) };
            Ok((Proven { means, issuer: Some(issuer), instance, credential, proof, ends }, None))
        }
    }
}

/// The running copy: what the issuer's manifest says tells one from another, or else the subject.
fn instance(declared: &TrustedIssuer, claims: &issuer::Claims) -> Instance {
    let named = declared.instance.as_deref().and_then(|name| {
        let value = match claims.claim(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        Some(Instance::named(name, &value))
    });
    named.unwrap_or_else(|| Instance::named("sub", claims.subject()))
}

/// The SHA-256 digest in base64: of a token without an id.
fn digest(signed: &[u8]) -> String {
    STANDARD_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, signed))
}
