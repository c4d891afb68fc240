//! `POST /v1/apply`: manifests, all of them or none.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::Request;
use serde::{Deserialize, Serialize};

use super::diff::{Changes, compare};
use super::failure::Failure;
use super::{Admin, Closed, author, body, to_the_end};
use crate::manifest::Source;
use crate::state::change::Report;
use crate::state::plan::{Asked, Origin, Prune};

/// What is to be applied.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Apply {
    /// The files.
    pub sources: Vec<Text>,
    /// Only show what would change.
    #[serde(default)]
    pub dry_run: bool,
    /// Delete what the files don't have, unless a grant that stays names it, or it comes from the watched
    /// directory.
    #[serde(default)]
    pub prune: bool,
    /// Prune also if that is over a fifth of all.
    #[serde(default)]
    pub yes: bool,
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
    /// Of a dry run: what would change.
    #[serde(default)]
    pub changes: Option<Changes>,
    /// Of a dry run: what applying the same would be refused for, though it can be compared.
    #[serde(default)]
    pub refused: Option<String>,
}

/// What became of one manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct One {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `created`, `configured`, `unchanged` or `deleted`.
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
    let sources: Vec<Source> =
        asked.sources.into_iter().map(|Text { file, text }| Source { file, text }).collect();
    if asked.dry_run {
        return dry_run(&admin, sources, asked.prune, asked.yes).await.map(Json);
    }
    let prune = match (asked.prune, asked.yes) {
        (false, _) => Prune::Nothing,
        (true, false) => Prune::Few { lately: 0 },
        (true, true) => Prune::Any,
    };
    let asked = Asked { sources, prune, origin: Origin::Person };
    let state = admin.gate.state.clone();
    let change = async move { state.apply(asked, &author).await };
    let report = to_the_end(&admin, change).await?;
    Ok(Json(Applied::new(report)))
}

/// What would be done, or what it would be refused for.
async fn dry_run(admin: &Admin, sources: Vec<Source>, prune: bool, yes: bool) -> Result<Applied, Failure> {
    let compared = compare(admin, sources, prune).await?;
    Ok(Applied {
        applied: compared.applied,
        cautions: compared.cautions,
        closed: Closed::default(),
        dry_run: true,
        changes: Some(compared.changes),
        refused: compared.refused.filter(|_| !yes),
    })
}

impl From<crate::state::change::Applied> for One {
    fn from(applied: crate::state::change::Applied) -> One {
        One { kind: applied.kind, name: applied.name, change: applied.change.as_str().to_owned() }
    }
}

impl Applied {
    fn new(report: Report) -> Applied {
        Applied {
            applied: report.applied.into_iter().map(One::from).collect(),
            cautions: report.cautions,
            closed: report.closed.into(),
            dry_run: false,
            changes: None,
            refused: None,
        }
    }
}
