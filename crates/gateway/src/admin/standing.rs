//! `POST /v1/standing`: suspends, resumes and revokes. When the answer comes, what had to end has ended.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use drawbridge_policy::AgentName;
use http::Request;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::{Admin, Closed, author, body, to_the_end};
use crate::identity::key::PublicKey;
use crate::state::change::Verdict;
use crate::state::standing::Subject;

/// What is to be changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// Whose standing.
    pub subject: Named,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why, in the caller's words.
    #[serde(default)]
    pub reason: String,
}

/// A subject by kind and name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its kind.
    pub kind: Kind,
    /// Its name; of a key its fingerprint or its text, `ed25519:…`.
    pub name: String,
}

/// What has a standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An agent.
    Agent,
    /// A grant.
    Grant,
    /// An enrolled key.
    Key,
}

/// What was changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judged {
    /// What it closed.
    pub closed: Closed,
    /// Whether the standing was another one before.
    pub changed: bool,
    /// The standing now.
    pub standing: String,
    /// From the call until everything had ended.
    pub milliseconds: i64,
}

/// Changes a standing.
pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    request: Request<Body>,
) -> Result<Json<Judged>, Failure> {
    let began = admin.gate.clock.now();
    let headers = request.headers().clone();
    let asked: Judge = body::read(request).await?;
    let author = author(&headers, &asked.reason)?;
    let subject = subject(&asked.subject)?;
    let state = admin.gate.state.clone();
    let change = async move {
        let word = || state.snapshot().standings().of(&subject).as_str();
        let before = word();
        let closed = state.judge(&subject, asked.verdict, &author).await?;
        Ok((closed, before, word()))
    };
    let (closed, before, now) = to_the_end(&admin, change).await?;
    let milliseconds = admin.gate.clock.now().0.saturating_sub(began.0);
    if asked.verdict != Verdict::Resume && before != now {
        admin.gate.record.metrics().revoked(milliseconds);
    }
    Ok(Json(Judged { closed: closed.into(), changed: before != now, standing: now.to_owned(), milliseconds }))
}

fn subject(named: &Named) -> Result<Subject, Failure> {
    let name = named.name.clone();
    match named.kind {
        Kind::Agent => AgentName::parse(&name)
            .map(Subject::Agent)
            .map_err(|error| Failure::Malformed(format!("{name:?} is no agent's name: {error}"))),
        Kind::Grant => Ok(Subject::Grant(name)),
        Kind::Key if name.starts_with("SHA256:") => Ok(Subject::Key(name)),
        Kind::Key => PublicKey::parse(&name).map(|key| Subject::Key(key.fingerprint())).map_err(|error| {
            Failure::Malformed(format!("neither a fingerprint, SHA256:…, nor a key: {error}"))
        }),
    }
}
