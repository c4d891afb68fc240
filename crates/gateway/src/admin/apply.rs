//! `POST /v1/apply`: manifests, all of them or none.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::Request;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::{Admin, Closed, author, body, to_the_end};
use crate::manifest::Source;
use crate::state::change::{Mode, Report, What};

/// What is to be applied.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Apply {
    /// The files.
    pub sources: Vec<Text>,
    /// Only show what would change.
    #[serde(default)]
    pub dry_run: bool,
    /// Why, in the caller's words.
    #[serde(default)]
    pub reason: String,
}

/// One file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Its name, as problems are to name it.
    pub file: String,
    /// What is in it.
    pub text: String,
}

/// What was applied.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Manifest by manifest.
    pub applied: Vec<One>,
    /// What their author should know.
    pub cautions: Vec<String>,
    /// The streams that were no longer allowed.
    pub closed: Closed,
    /// Whether nothing was changed, as asked.
    pub dry_run: bool,
}

/// What became of one manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct One {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `created`, `configured` or `unchanged`.
    pub change: String,
}

/// Applies.
pub(super) async fn apply(
    State(admin): State<Arc<Admin>>,
    request: Request<Body>,
) -> Result<Json<Applied>, Failure> {
    let headers = request.headers().clone();
    let asked: Apply = body::read(request).await?;
    let author = author(&headers, &asked.reason)?;
    let mode = if asked.dry_run { Mode::DryRun } else { Mode::Make };
    let sources: Vec<Source> =
        asked.sources.into_iter().map(|Text { file, text }| Source { file, text }).collect();
    let state = admin.gate.state.clone();
    let change = async move { state.apply(&sources, &author, mode).await };
    let report = to_the_end(&admin, change).await?;
    Ok(Json(Applied::new(report, asked.dry_run)))
}

impl Applied {
    fn new(report: Report, dry_run: bool) -> Applied {
        let one = |applied: crate::state::change::Applied| One {
            kind: applied.kind,
            name: applied.name,
            change: match applied.change {
                What::Created => "created",
                What::Configured => "configured",
                What::Unchanged => "unchanged",
            }
            .to_owned(),
        };
        Applied {
            applied: report.applied.into_iter().map(one).collect(),
            cautions: report.cautions,
            closed: report.closed.into(),
            dry_run,
        }
    }
}
