//! Content types, as the API server reads them.

use super::error::BodyError;

/// What a body that a decision reads is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Json,
    Protobuf,
    JsonPatch,
    MergePatch,
    StrategicPatch,
    Apply,
}

impl Kind {
    /// For PUT and DELETE: `NegotiateInputSerializer` takes a missing type for JSON.
    pub(super) fn of_object(content_type: Option<&str>) -> Result<Self, BodyError> {
        match essence(content_type) {
            "" | "application/json" => Ok(Self::Json),
            "application/vnd.kubernetes.protobuf" => Ok(Self::Protobuf),
            found => Err(refuse(found, "application/json or application/vnd.kubernetes.protobuf")),
        }
    }

    /// For PATCH: the type is what kind of patch it is, so there must be one.
    pub(super) fn of_patch(content_type: Option<&str>) -> Result<Self, BodyError> {
        match essence(content_type) {
            "application/json-patch+json" => Ok(Self::JsonPatch),
            "application/merge-patch+json" => Ok(Self::MergePatch),
            "application/strategic-merge-patch+json" => Ok(Self::StrategicPatch),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            found => Err(refuse(found, "a JSON, merge, strategic merge or apply patch with its own type")),
        }
    }

    /// The type that is sent with our own body.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/vnd.kubernetes.protobuf",
            Self::JsonPatch => "application/json-patch+json",
            Self::MergePatch => "application/merge-patch+json",
            Self::StrategicPatch => "application/strategic-merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

/// The type without its parameters.
fn essence(content_type: Option<&str>) -> &str {
    let content_type = content_type.unwrap_or_default();
    content_type.split_once(';').map_or(content_type, |(essence, _)| essence).trim()
}

fn refuse(found: &str, wanted: &'static str) -> BodyError {
    BodyError::Type { found: found.chars().take(80).collect(), wanted }
}
