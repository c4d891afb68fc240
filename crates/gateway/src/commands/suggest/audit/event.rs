//! One event of an audit log: the few fields that matter here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::super::seen::Request;

/// An event. What isn't needed is not kept, bodies least of all.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Event {
    kind: String,
    api_version: String,
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    user: User,
    impersonated_user: Option<User>,
    object_ref: Option<ObjectRef>,
    response_status: Option<Status>,
    request_received_timestamp: Option<String>,
    stage_timestamp: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    api_group: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

/// What an event says of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// It goes on.
    NotYet,
    /// The cluster did not let it through.
    Refused,
    /// It was let through.
    Done,
}

/// Reads a line. The sentence never repeats what stands there: it may be a secret.
pub(super) fn read(line: &[u8]) -> Result<Event, String> {
    let event: Event = serde_json::from_slice(line).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "is no audit event".to_owned(),
        serde_json::error::Category::Eof => "ends too soon: is no whole JSON object".to_owned(),
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => {
            format!("is not JSON (column {})", error.column())
        }
    })?;
    if event.kind != "Event" || !event.api_version.starts_with("audit.k8s.io/") {
        return Err("is no Event of audit.k8s.io".to_owned());
    }
    Ok(event)
}

impl Event {
    /// How it ended. An authorizer's own word counts most: a quota answers 403, too.
    pub(super) fn ending(&self) -> Read {
        if self.stage != "ResponseComplete" {
            return Read::NotYet;
        }
        let decision = self.annotations.as_ref().and_then(|all| all.get("authorization.k8s.io/decision"));
        let code = self.response_status.as_ref().map_or(0, |status| status.code);
        match (decision.map(String::as_str), code) {
            (Some("forbid"), _) | (_, 401 | 403) => Read::Refused,
            // Too many requests at once are turned away before they are authorized.
            (None, 429) => Read::Refused,
            (Some(_) | None, _) => Read::Done,
        }
    }

    /// As whom it was done.
    pub(super) fn user(&self) -> &str {
        &self.impersonated_user.as_ref().unwrap_or(&self.user).username
    }

    /// When it came.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let text = self.request_received_timestamp.as_ref().or(self.stage_timestamp.as_ref())?;
        text.parse().ok()
    }

    /// The request, at its time in milliseconds since 1970.
    pub(super) fn request(&self, time: i64) -> Request<'_> {
        let of = |read: fn(&ObjectRef) -> &str| self.object_ref.as_ref().map(read).unwrap_or_default();
        Request {
            verb: &self.verb,
            group: of(|object| &object.api_group),
            resource: of(|object| &object.resource),
            subresource: of(|object| &object.subresource),
            namespace: of(|object| &object.namespace),
            name: of(|object| &object.name),
            path: self.request_uri.split('?').next().unwrap_or_default(),
            created: self.response_status.as_ref().is_some_and(|status| status.code == 201),
            time,
        }
    }
}
