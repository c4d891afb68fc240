//! What a caller asks about itself: the body of a self review, from JSON or protobuf, read into one shape and
//! sent as our own JSON. A field that isn't known here is refused: what it would ask could not be answered.
//!
//! Fields: `authorization/v1` and `authentication/v1` of `k8s.io/api` (generated.proto, 1.37).

use bytes::Bytes;

use crate::attributes::SelfReview;
use crate::rules::{Ask, On, is_cluster_scoped};

use super::envelope::Envelope;
use super::error::BodyError;
use super::json::{Json, Map};
use super::kind::Kind;
use super::wire;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    review: SelfReview,
    /// `spec`, with the fields that are known, without empty ones.
    spec: Map,
    about: Option<About>,
}

/// What an access review is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    /// A verb on a resource.
    Resource { verb: String, group: String, resource: String, subresource: String, place: Place },
    /// A method on a path.
    Path { verb: String, path: String },
}

/// Which objects of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A field of a message.
struct Known {
    number: u32,
    key: &'static str,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    Text,
    Texts,
    Message(&'static [Known]),
    Messages(&'static [Known]),
    /// What the cluster fills in: what a caller puts there says nothing.
    Unread,
    /// A review is not stored, so that its metadata have nothing to say.
    Blank,
}

const fn known(number: u32, key: &'static str, shape: Shape) -> Known {
    Known { number, key, shape }
}

const REQUIREMENT: &[Known] =
    &[known(1, "key", Shape::Text), known(2, "operator", Shape::Text), known(3, "values", Shape::Texts)];
const SELECTOR: &[Known] =
    &[known(1, "rawSelector", Shape::Text), known(2, "requirements", Shape::Messages(REQUIREMENT))];
const RESOURCE: &[Known] = &[
    known(1, "namespace", Shape::Text),
    known(2, "verb", Shape::Text),
    known(3, "group", Shape::Text),
    known(4, "version", Shape::Text),
    known(5, "resource", Shape::Text),
    known(6, "subresource", Shape::Text),
    known(7, "name", Shape::Text),
    known(8, "fieldSelector", Shape::Message(SELECTOR)),
    known(9, "labelSelector", Shape::Message(SELECTOR)),
];
const PATH: &[Known] = &[known(1, "path", Shape::Text), known(2, "verb", Shape::Text)];
const ACCESS_SPEC: &[Known] = &[
    known(1, "resourceAttributes", Shape::Message(RESOURCE)),
    known(2, "nonResourceAttributes", Shape::Message(PATH)),
];
const ACCESS: &[Known] = &[
    known(1, "metadata", Shape::Blank),
    known(2, "spec", Shape::Message(ACCESS_SPEC)),
    known(3, "status", Shape::Unread),
];
const RULES: &[Known] = &[
    known(1, "metadata", Shape::Blank),
    known(2, "spec", Shape::Message(&[known(1, "namespace", Shape::Text)])),
    known(3, "status", Shape::Unread),
];
const WHO: &[Known] = &[known(1, "metadata", Shape::Blank), known(2, "status", Shape::Unread)];

impl Question {
    pub(super) fn read(review: SelfReview, kind: Kind, bytes: &Bytes) -> Result<Self, BodyError> {
        let fields = match review {
            SelfReview::Access => ACCESS,
            SelfReview::Rules => RULES,
            SelfReview::Who => WHO,
        };
        let whole = if kind == Kind::Protobuf {
            let envelope = Envelope::open(bytes)?;
            is_named(review, envelope.api_version, envelope.kind)?;
            of_message(fields, envelope.raw)?
        } else {
            of_json(review, fields, bytes)?
        };
        let mut spec = map(&whole, "spec").cloned().unwrap_or_default();
        let about = match review {
            SelfReview::Access => Some(About::read(&mut spec)?),
            SelfReview::Rules | SelfReview::Who => None,
        };
        Ok(Self { review, spec, about })
    }

    pub(crate) fn review(&self) -> SelfReview {
        self.review
    }

    /// What an access review is about.
    pub(crate) fn about(&self) -> Option<&About> {
        self.about.as_ref()
    }

    /// The namespace that a rules review names.
    pub(crate) fn namespace(&self) -> &str {
        text(&self.spec, "namespace")
    }

    /// The review, as it is sent.
    pub(crate) fn body(&self) -> String {
        let mut review: Map = [
            ("kind".to_owned(), Json::text(self.review.kind())),
            ("apiVersion".to_owned(), Json::text(self.review.api_version())),
        ]
        .into_iter()
        .collect();
        if self.review != SelfReview::Who {
            review.set("spec", Json::Map(self.spec.clone()));
        }
        review.write()
    }
}

impl About {
    fn read(spec: &mut Map) -> Result<Self, BodyError> {
        let about = match (map(spec, "resourceAttributes"), map(spec, "nonResourceAttributes")) {
            (Some(resource), None) => Self::on_resource(resource)?,
            (None, Some(path)) => {
                let [verb, path] = ["verb", "path"].map(|key| text(path, key).to_owned());
                Self::Path { verb, path }
            }
            _ => {
                let what = "spec needs either resourceAttributes or nonResourceAttributes";
                return Err(BodyError::Shape(what.to_owned()));
            }
        };
        if let (Self::Resource { place, .. }, Some(Json::Map(resource))) =
            (&about, spec.get("resourceAttributes"))
        {
            let mut resource = resource.clone();
            resource.set("namespace", Json::text(&place.namespace));
            spec.set("resourceAttributes", Json::Map(resource));
        }
        Ok(about)
    }

    fn on_resource(asked: &Map) -> Result<Self, BodyError> {
        let part = |key| text(asked, key).to_owned();
        let [verb, group, resource, subresource] = ["verb", "group", "resource", "subresource"].map(part);
        if resource.contains('/') || subresource.contains('/') {
            let what = "a resource and its subresource are two fields, without a '/'";
            return Err(BodyError::Shape(what.to_owned()));
        }
        let place = Place::of(&group, &resource, part("namespace"), part("name"));
        Ok(Self::Resource { verb, group, resource, subresource, place })
    }

    /// The question that rules are asked.
    pub(crate) fn ask(&self) -> Ask<'_> {
        match self {
            Self::Path { verb, path } => Ask::Path { verb, path },
            Self::Resource { verb, group, resource, subresource, place } => {
                let Place { namespace, name } = place;
                Ask::Resource(On { verb, group, resource, subresource, namespace, name })
            }
        }
    }
}

impl Place {
    /// Where a request for it would be. kubectl sends its namespace with everything; a request for what has
    /// no namespace has none, and a namespace is in itself (`RequestInfo`).
    pub(crate) fn of(group: &str, resource: &str, namespace: String, name: String) -> Self {
        let namespace = match (group, resource) {
            ("", "namespaces") => name.clone(),
            (group, resource) if is_cluster_scoped(group, resource) => String::new(),
            _ => namespace,
        };
        Self { namespace, name }
    }
}

/// A protobuf message. Text that is empty is left out, as JSON writers leave it out; a message isn't.
fn of_message(known: &[Known], message: &[u8]) -> Result<Map, BodyError> {
    let fields = wire::fields(message)?;
    if fields.iter().any(|field| known.iter().all(|known| known.number != field.number)) {
        return Err(BodyError::Protobuf("it has a field that such a review doesn't have"));
    }
    let mut map = Map::default();
    for Known { number, key, shape } in known {
        let all = || fields.iter().filter(|field| field.number == *number);
        let value = match shape {
            Shape::Texts => list(all().map(|field| field.text().map(Json::text)))?,
            Shape::Messages(inner) => {
                list(all().map(|field| Ok(Json::Map(of_message(inner, field.bytes()?)?))))?
            }
            Shape::Text | Shape::Message(_) | Shape::Unread | Shape::Blank => {
                match wire::only(&fields, *number)? {
                    Some(field) => of_field(*shape, field)?,
                    None => None,
                }
            }
        };
        if let Some(value) = value {
            map.set(key, value);
        }
    }
    Ok(map)
}

fn of_field(shape: Shape, field: &wire::Field<'_>) -> Result<Option<Json>, BodyError> {
    match shape {
        Shape::Text => Ok(Some(field.text()?).filter(|text| !text.is_empty()).map(Json::text)),
        Shape::Message(inner) => Ok(Some(Json::Map(of_message(inner, field.bytes()?)?))),
        Shape::Blank => blank_message(field.bytes()?).map(|()| None),
        Shape::Unread | Shape::Texts | Shape::Messages(_) => field.bytes().map(|_| None),
    }
}

/// Go writes the empty texts of its metadata, and an empty time.
fn blank_message(message: &[u8]) -> Result<(), BodyError> {
    let blank = |field: &wire::Field<'_>| match field.value {
        wire::Value::Bytes(bytes) => bytes.is_empty(),
        wire::Value::Varint(number) => number == 0,
        wire::Value::Fixed => false,
    };
    if wire::fields(message)?.iter().all(blank) { Ok(()) } else { Err(not_blank()) }
}

fn not_blank() -> BodyError {
    BodyError::Shape("metadata must be empty: a review has no name and isn't stored".to_owned())
}

fn list(values: impl Iterator<Item = Result<Json, BodyError>>) -> Result<Option<Json>, BodyError> {
    let list: Vec<Json> = values.collect::<Result<_, _>>()?;
    Ok((!list.is_empty()).then_some(Json::List(list)))
}

fn of_json(review: SelfReview, known: &[Known], bytes: &Bytes) -> Result<Map, BodyError> {
    let Json::Map(mut whole) = Json::read(bytes)? else {
        return Err(BodyError::Shape("it must be one JSON object".to_owned()));
    };
    let mut meta = |key: &str| match whole.take(key) {
        None | Some(Json::Null) => Ok(String::new()),
        Some(Json::Text(text)) => Ok(text),
        Some(_) => Err(BodyError::Shape(format!("{key} must be a text"))),
    };
    is_named(review, &meta("apiVersion")?, &meta("kind")?)?;
    of_map(known, &whole)
}

/// What says nothing of itself is taken for what the path names, as the API server takes it.
fn is_named(review: SelfReview, api_version: &str, kind: &str) -> Result<(), BodyError> {
    let fits = |found: &str, wanted: &str| found.is_empty() || found == wanted;
    if fits(api_version, review.api_version()) && fits(kind, review.kind()) {
        return Ok(());
    }
    Err(BodyError::Shape(format!("here it must be a {} of {}", review.kind(), review.api_version())))
}

fn of_map(known: &[Known], found: &Map) -> Result<Map, BodyError> {
    if let Some(key) = found.keys().find(|key| known.iter().all(|known| known.key != *key)) {
        let key: String = key.chars().take(60).collect();
        return Err(BodyError::Shape(format!("such a review has no field {key:?}")));
    }
    let mut map = Map::default();
    for Known { key, shape, .. } in known {
        let value = match found.get(key) {
            None | Some(Json::Null) => None,
            Some(value) => of_value(key, *shape, value)?,
        };
        if let Some(value) = value {
            map.set(key, value);
        }
    }
    Ok(map)
}

fn of_value(key: &str, shape: Shape, value: &Json) -> Result<Option<Json>, BodyError> {
    let wrong = |what| Err(BodyError::Shape(format!("{key} must be {what}")));
    match (shape, value) {
        (Shape::Text, Json::Text(text)) => Ok((!text.is_empty()).then(|| value.clone())),
        (Shape::Message(inner), Json::Map(map)) => of_map(inner, map).map(Json::Map).map(Some),
        (Shape::Texts, Json::List(values)) => list(values.iter().map(|value| match value {
            Json::Text(_) => Ok(value.clone()),
            _ => Err(BodyError::Shape(format!("{key} must be a list of texts"))),
        })),
        (Shape::Messages(inner), Json::List(values)) => list(values.iter().map(|value| match value {
            Json::Map(map) => of_map(inner, map).map(Json::Map),
            _ => Err(BodyError::Shape(format!("{key} must be a list of objects"))),
        })),
        (Shape::Unread, _) => Ok(None),
        (Shape::Blank, value) => {
            if is_blank(value) {
                Ok(None)
            } else {
                Err(not_blank())
            }
        }
        (Shape::Text, _) => wrong("a text"),
        (Shape::Message(_), _) => wrong("an object"),
        (Shape::Texts | Shape::Messages(_), _) => wrong("a list"),
    }
}

fn is_blank(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Text(text) => text.is_empty(),
        Json::List(list) => list.is_empty(),
        Json::Map(map) => map.values().all(is_blank),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

fn map<'a>(within: &'a Map, key: &str) -> Option<&'a Map> {
    match within.get(key) {
        Some(Json::Map(map)) => Some(map),
        _ => None,
    }
}

fn text<'a>(within: &'a Map, key: &str) -> &'a str {
    match within.get(key) {
        Some(Json::Text(text)) => text,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::put;
    use super::*;

    fn json(review: SelfReview, body: &str) -> Result<String, BodyError> {
        Question::read(review, Kind::Json, &Bytes::copy_from_slice(body.as_bytes())).map(|q| q.body())
    }

    /// A message of texts and messages.
    fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, bytes) in fields {
            put(&mut message, *number, bytes);
        }
        message
    }

    fn enveloped(api_version: &[u8], kind: &[u8], raw: &[u8]) -> Bytes {
        let mut body = b"k8s\0".to_vec();
        body.extend(message(&[(1, &message(&[(1, api_version), (2, kind)])), (2, raw)]));
        body.into()
    }

    fn access(attributes: &[u8]) -> Result<String, BodyError> {
        let raw =
            message(&[(1, &message(&[(1, b""), (8, b"")])), (2, &message(&[(1, attributes)])), (3, b"")]);
        let body = enveloped(b"authorization.k8s.io/v1", b"SelfSubjectAccessReview", &raw);
        Question::read(SelfReview::Access, Kind::Protobuf, &body).map(|question| question.body())
    }

    #[test]
    fn json_and_protobuf_are_read_into_the_same() {
        let requirement = message(&[(1, b"app"), (2, b"In"), (3, b"a"), (3, b"b")]);
        let selector = message(&[(2, &requirement)]);
        let attributes =
            message(&[(1, b"n"), (2, b"list"), (3, b""), (5, b"pods"), (7, b""), (9, &selector)]);
        let text = r#"{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1",
            "metadata":{"creationTimestamp":null},"status":{"allowed":true},"spec":{"resourceAttributes":
            {"namespace":"n","verb":"list","group":"","resource":"pods","labelSelector":
            {"requirements":[{"key":"app","operator":"In","values":["a","b"]}]}}}}"#;
        let expected = r#"{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":"#
            .to_owned()
            + r#"{"resourceAttributes":{"namespace":"n","verb":"list","resource":"pods","labelSelector":"#
            + r#"{"requirements":[{"key":"app","operator":"In","values":["a","b"]}]}}}}"#;
        assert_eq!(json(SelfReview::Access, text).as_deref(), Ok(&*expected));
        assert_eq!(access(&attributes).as_deref(), Ok(&*expected));
        let who = r#"{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}"#;
        assert_eq!(json(SelfReview::Who, "{}").as_deref(), Ok(who));
        let rules = json(SelfReview::Rules, r#"{"spec":{"namespace":"n"}}"#).unwrap();
        assert!(rules.ends_with(r#""spec":{"namespace":"n"}}"#), "{rules}");
    }

    #[test]
    fn what_has_no_namespace_is_asked_about_without_one_and_a_namespace_is_in_itself() {
        let asked = |resource: &str, name: &str| {
            let text = format!(
                r#"{{"spec":{{"resourceAttributes":{{"namespace":"n","verb":"get","resource":"{resource}",
                "name":"{name}"}}}}}}"#
            );
            let question =
                Question::read(SelfReview::Access, Kind::Json, &Bytes::from(text.into_bytes())).unwrap();
            match question.about().unwrap() {
                About::Resource { place, .. } => place.namespace.clone(),
                About::Path { .. } => panic!("no path"),
            }
        };
        assert_eq!(asked("pods", "x"), "n");
        assert_eq!(asked("nodes", "x"), "");
        assert_eq!(asked("namespaces", "x"), "x");
        assert_eq!(asked("namespaces", ""), "");
    }

    #[test]
    fn what_could_be_read_in_another_way_is_refused() {
        let attributes = |more: &str| {
            format!(r#"{{"spec":{{"resourceAttributes":{{"verb":"get","resource":"pods"{more}}}}}}}"#)
        };
        assert!(json(SelfReview::Access, &attributes("")).is_ok());
        for text in [
            attributes(r#","verb":"delete""#),
            attributes(r#","Verb":"delete""#),
            attributes(r#","user":"admin""#),
            attributes(r#","name":7"#),
            attributes(r#","labelSelector":"a=b""#),
            attributes(r#","fieldSelector":{"requirements":["a"]}"#),
            attributes("").replace("pods", "pods/exec"),
            attributes("").replace("\"spec\"", r#""spec":{},"spec""#),
            attributes("").replace("{\"spec\"", r#"{"kind":"SubjectAccessReview","spec""#),
            attributes("").replace("{\"spec\"", r#"{"apiVersion":"authorization.k8s.io/v1beta1","spec""#),
            attributes("").replace("{\"spec\"", r#"{"metadata":{"name":"x"},"spec""#),
            r#"{"spec":{"user":"admin","resourceAttributes":{"verb":"get"}}}"#.to_owned(),
            r#"{"spec":{"resourceAttributes":{},"nonResourceAttributes":{}}}"#.to_owned(),
            r#"{"spec":{}}"#.to_owned(),
            "{}".to_owned(),
            "[]".to_owned(),
        ] {
            assert!(json(SelfReview::Access, &text).is_err(), "{text}");
        }
        for fields in [
            &[(2, b"get".as_slice()), (2, b"delete"), (5, b"pods")][..],
            &[(2, b"get"), (5, b"pods"), (10, b"x")],
            &[(2, b"\xff"), (5, b"pods")],
            &[(2, b"get"), (5, b"pods/exec")],
        ] {
            assert!(access(&message(fields)).is_err(), "{fields:?}");
        }
        assert!(access(&message(&[(2, b"get"), (5, b"pods")])).is_ok());
        let spec = message(&[(2, &message(&[(1, &message(&[(2, b"get")]))]))]);
        let other = enveloped(b"authorization.k8s.io/v1", b"SubjectAccessReview", &spec);
        assert!(Question::read(SelfReview::Access, Kind::Protobuf, &other).is_err());
        let twice = [spec.clone(), spec].concat();
        let twice = enveloped(b"authorization.k8s.io/v1", b"SelfSubjectAccessReview", &twice);
        assert!(Question::read(SelfReview::Access, Kind::Protobuf, &twice).is_err());
    }
}
