//! What a decision reads of a body, and what is sent in its place.

use bytes::Bytes;

use crate::attributes::{Attributes, BodyUse, Resource, Verb};

use super::delete::{self, DeleteOptions};
use super::error::BodyError;
use super::eviction::Eviction;
use super::json::{Json, Map};
use super::kind::Kind;
use super::object::{Called, Object};
use super::patch::{self, Touch};
use super::pin::{Asked, Pin};
use super::review::Question;
use super::{MAX_BODY, Payload};

/// What was read of a body.
#[derive(Debug, Clone)]
pub(crate) enum Reading {
    /// Nothing: the caller's bytes are sent as they are.
    Opaque,
    /// A DELETE's options; None: there are none.
    Delete(Option<DeleteOptions>),
    /// A review of the caller itself.
    Review(Box<Question>),
    /// A pod's eviction.
    Evict(Kind, Eviction),
    /// A new object, where its name is decided on.
    Create(Kind, Object),
    /// A PUT's object.
    Update(Kind, Object),
    /// A patch that can't create.
    Patch(Kind, Touch, Json),
    /// Server-side apply.
    Apply(Touch, Object),
}

/// What is sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) path_and_query: String,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
}

impl Reading {
    pub(crate) fn read(attributes: &Attributes, payload: &Payload) -> Result<Self, BodyError> {
        let (bytes, content_type) = (payload.bytes(), payload.content_type());
        if bytes.len() > MAX_BODY {
            return Err(BodyError::TooLarge(bytes.len()));
        }
        match attributes.body_use() {
            BodyUse::Refused if !bytes.is_empty() => return Err(BodyError::Unexpected),
            BodyUse::Refused | BodyUse::Opaque => return Ok(Self::Opaque),
            BodyUse::Read => {}
        }
        match attributes.verb() {
            Verb::Delete | Verb::DeleteCollection => {
                delete::read(attributes, content_type, bytes).map(Self::Delete)
            }
            Verb::Update => {
                let kind = Kind::of_object(content_type)?;
                Ok(Self::Update(kind, Object::read(kind, some(bytes)?)?))
            }
            // Nothing is made of nothing, and nothing evicted: the API server says so.
            Verb::Create if bytes.is_empty() => Ok(Self::Opaque),
            Verb::Create if attributes.resource().is_some_and(Resource::is_eviction) => {
                let kind = Kind::of_object(content_type)?;
                Ok(Self::Evict(kind, Eviction::read(attributes, kind, bytes)?))
            }
            Verb::Create => {
                let kind = Kind::of_object(content_type)?;
                match attributes.review() {
                    Some(review) => Ok(Self::Review(Box::new(Question::read(review, kind, bytes)?))),
                    None => Ok(Self::Create(kind, Object::read(kind, bytes)?)),
                }
            }
            Verb::Patch => Self::read_patch(Kind::of_patch(content_type)?, some(bytes)?),
            Verb::Get | Verb::List | Verb::Watch | Verb::Http(_) => Ok(Self::Opaque),
        }
    }

    fn read_patch(kind: Kind, bytes: &Bytes) -> Result<Self, BodyError> {
        match kind {
            Kind::JsonPatch => {
                let patch = Json::read(bytes)?;
                Ok(Self::Patch(kind, patch::json_patch(&patch)?, patch))
            }
            Kind::Apply => {
                let patch = Json::read(bytes).map_err(|fault| match fault {
                    BodyError::Json { .. } => BodyError::Yaml(Box::new(fault)),
                    other => other,
                })?;
                refuse_merge_keys(&patch)?;
                let map = object(patch)?;
                Ok(Self::Apply(patch::merge(&map), Object::of_json(map)?))
            }
            Kind::MergePatch | Kind::StrategicPatch | Kind::Json | Kind::Protobuf => {
                let map = object(Json::read(bytes)?)?;
                Ok(Self::Patch(kind, patch::merge(&map), Json::Map(map)))
            }
        }
    }

    /// What a new object is called, where that is decided on.
    pub(crate) fn called(&self) -> Option<&Called> {
        match self {
            Self::Create(_, object) => Some(&object.called),
            Self::Opaque | Self::Review(_) | Self::Delete(_) | Self::Evict(..) => None,
            Self::Update(..) | Self::Patch(..) | Self::Apply(..) => None,
        }
    }

    /// What is asked, of a review of the caller itself.
    pub(crate) fn question(&self) -> Option<&Question> {
        match self {
            Self::Review(question) => Some(question),
            Self::Opaque | Self::Create(..) | Self::Delete(_) | Self::Evict(..) => None,
            Self::Update(..) | Self::Patch(..) | Self::Apply(..) => None,
        }
    }

    /// Whether nothing is to be done in earnest.
    pub(crate) fn is_dry_run(&self, attributes: &Attributes) -> bool {
        // Everything else ignores the option.
        let tries = matches!(attributes.verb(), Verb::Create | Verb::Update | Verb::Patch);
        let tries = tries && attributes.connect().is_none();
        let in_query = || tries && attributes.query().get("dryRun").is_some_and(|stage| !stage.is_empty());
        match self {
            Self::Delete(Some(options)) => options.is_dry_run(),
            Self::Delete(None) => false,
            Self::Evict(_, eviction) => eviction.is_dry_run() || in_query(),
            Self::Opaque
            | Self::Create(..)
            | Self::Update(..)
            | Self::Patch(..)
            | Self::Apply(..)
            | Self::Review(_) => in_query(),
        }
    }

    /// Whether it asks to delete what can't even be read.
    pub(crate) fn is_unsafe(&self) -> bool {
        matches!(self, Self::Delete(Some(options)) if options.is_unsafe())
    }

    /// What the caller bound the request to itself.
    pub(crate) fn asked(&self) -> Asked {
        match self {
            Self::Opaque | Self::Create(..) | Self::Delete(None) | Self::Review(_) => Asked::default(),
            Self::Delete(Some(options)) => options.asked(),
            Self::Evict(_, eviction) => eviction.asked(),
            Self::Update(_, object) | Self::Apply(_, object) => object.asked.clone(),
            Self::Patch(_, _, Json::Map(map)) => Asked::of_metadata(map),
            Self::Patch(_, _, patch) => Asked::of_operations(patch),
        }
    }

    /// What is sent: of bodies that a decision read our own text, bound to `pin` where one is given.
    pub(crate) fn sent(
        &self,
        attributes: &Attributes,
        payload: &Payload,
        pin: Option<&Pin>,
    ) -> Result<Sent, BodyError> {
        let whole = |kind: &Kind, body| Sent {
            path_and_query: attributes.path_and_query(),
            content_type: Some(kind.as_str().to_owned()),
            body,
        };
        Ok(match self {
            Self::Delete(options) if options.is_some() || pin.is_some() => {
                let options = options.clone().unwrap_or_default();
                let options = match pin {
                    Some(pin) => options.pinned(pin),
                    None => options,
                };
                Sent {
                    path_and_query: attributes
                        .path_and_query_without(|key| delete::is_option(attributes, key)),
                    content_type: Some(Kind::Json.as_str().to_owned()),
                    body: options.write().into(),
                }
            }
            // There is nothing to bind it by.
            Self::Opaque if pin.is_some() => return Err(BodyError::Missing),
            Self::Opaque | Self::Delete(_) => {
                let content_type = payload.content_type().filter(|_| !payload.bytes().is_empty());
                Sent {
                    path_and_query: attributes.path_and_query(),
                    content_type: content_type.map(str::to_owned),
                    body: payload.bytes().clone(),
                }
            }
            Self::Review(question) => whole(&Kind::Json, question.body().into()),
            Self::Evict(kind, eviction) => whole(kind, eviction.body(pin)?),
            Self::Create(kind, object) => whole(kind, object.body(None)?),
            Self::Update(kind, object) => whole(kind, object.body(pin)?),
            Self::Patch(kind, _, patch) => whole(kind, pinned_patch(patch, pin).into()),
            Self::Apply(_, object) => whole(&Kind::Apply, object.body(pin)?),
        })
    }
}

fn pinned_patch(patch: &Json, pin: Option<&Pin>) -> String {
    match (patch, pin) {
        (Json::Map(map), Some(pin)) => pin.put_into(map).write(),
        (Json::List(operations), Some(pin)) => {
            Json::List(operations.iter().cloned().chain(pin.operations()).collect()).write()
        }
        (Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_), _) | (_, None) => patch.write(),
    }
}

fn some(bytes: &Bytes) -> Result<&Bytes, BodyError> {
    if bytes.is_empty() { Err(BodyError::Missing) } else { Ok(bytes) }
}

fn object(json: Json) -> Result<Map, BodyError> {
    match json {
        Json::Map(map) => Ok(map),
        _ => Err(BodyError::Shape("it must be one JSON object".to_owned())),
    }
}

/// The API server reads an apply body as YAML, where `<<` merges another map into this one.
fn refuse_merge_keys(json: &Json) -> Result<(), BodyError> {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => Ok(()),
        Json::List(list) => list.iter().try_for_each(refuse_merge_keys),
        Json::Map(map) if map.get("<<").is_some() => {
            Err(BodyError::Shape("an apply body has the key \"<<\", which YAML readers merge".to_owned()))
        }
        Json::Map(map) => map.values().try_for_each(refuse_merge_keys),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Line;

    fn send(method: &str, target: &str, kind: Option<&str>, body: &str) -> Result<Sent, BodyError> {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let attributes = Attributes::parse(Line { method, path, query }).expect("readable");
        let payload = Payload::new(kind, Bytes::copy_from_slice(body.as_bytes()));
        Reading::read(&attributes, &payload)?.sent(&attributes, &payload, None)
    }

    const POD: &str = "/api/v1/namespaces/a/pods/b";

    #[test]
    fn bodies_that_no_decision_reads_are_sent_as_they_are() {
        let sent = send("POST", "/api/v1/namespaces/a/pods", Some("application/yaml"), "a: 1").expect("sent");
        assert_eq!(
            (sent.body.as_ref(), sent.content_type.as_deref()),
            (&b"a: 1"[..], Some("application/yaml"))
        );
    }

    #[test]
    fn bodies_that_a_decision_read_are_sent_as_our_own() {
        let kind = "application/merge-patch+json; charset=utf-8";
        let sent = send("PATCH", POD, Some(kind), " { \"a\" : 1.0 }").expect("sent");
        let expected = (&br#"{"a":1.0}"#[..], Some("application/merge-patch+json"));
        assert_eq!((sent.body.as_ref(), sent.content_type.as_deref()), expected);
        let sent = send("PUT", POD, None, "{ }").expect("sent");
        assert_eq!(
            (sent.body.as_ref(), sent.content_type.as_deref()),
            (&b"{}"[..], Some("application/json"))
        );
    }

    #[test]
    fn delete_options_move_from_the_query_into_the_body() {
        let target = "/api/v1/namespaces/a/pods?labelSelector=a%3Db&dryRun=All&limit=5";
        let sent = send("DELETE", target, None, "").expect("sent");
        assert_eq!(sent.path_and_query, "/api/v1/namespaces/a/pods?labelSelector=a%3Db&limit=5");
        assert_eq!(sent.body, r#"{"kind":"DeleteOptions","apiVersion":"v1","dryRun":["All"]}"#);
        assert_eq!(sent.content_type.as_deref(), Some("application/json"));
        let sent = send("DELETE", POD, Some("application/json"), "").expect("sent");
        assert_eq!((sent.body.len(), sent.content_type), (0, None));
    }

    #[test]
    fn bodies_in_the_wrong_place_or_of_the_wrong_type_are_refused() {
        let reason =
            |method, target, kind, body| send(method, target, kind, body).map_err(|e| e.reason()).err();
        assert_eq!(reason("GET", POD, None, "{}"), Some("body-unexpected"));
        assert_eq!(reason("PUT", POD, None, ""), Some("body-missing"));
        assert_eq!(reason("PUT", POD, Some("application/yaml"), "a: 1"), Some("body-type"));
        assert_eq!(reason("PATCH", POD, None, "{}"), Some("body-type"));
        assert_eq!(reason("PATCH", POD, Some("application/apply-patch+cbor"), "x"), Some("body-type"));
        let apply = Some("application/apply-patch+yaml");
        assert_eq!(reason("PATCH", POD, apply, "a: 1"), Some("body-yaml"));
        assert_eq!(reason("PATCH", POD, apply, r#"{"a":1,"a":2}"#), Some("body-duplicate-key"));
        assert_eq!(reason("PATCH", POD, apply, r#"{"a":[{"<<":{}}]}"#), Some("body-shape"));
        assert_eq!(reason("PATCH", POD, apply, r#"{"metadata":{"name":"b"}}"#), None);
        assert_eq!(reason("PUT", POD, None, r#"{"metadata":{"uid":7}}"#), Some("body-shape"));
        assert_eq!(
            reason("POST", "/api/v1/namespaces/a/pods", None, &"x".repeat(MAX_BODY + 1)),
            Some("body-too-large")
        );
    }
}
