//! A whole object, as PUT sends it and as server-side apply does: its uid, its owners, and how a uid is put
//! into it.

use bytes::Bytes;

use super::envelope::Envelope;
use super::error::BodyError;
use super::json::{Json, Map};
use super::kind::Kind;
use super::owners::Owners;
use super::pin::{Asked, Pin};
use super::wire::{self, Field};

/// In every top-level kind of Kubernetes, `metadata` is field 1.
const METADATA: u32 = 1;
/// `ObjectMeta.name`, `.generateName`, `.uid`, `.resourceVersion` and `.ownerReferences`.
const NAME: u32 = 1;
const GENERATE_NAME: u32 = 2;
const UID: u32 = 5;
const RESOURCE_VERSION: u32 = 6;
const OWNER_REFERENCES: u32 = 13;

/// An object that a request would store.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// What the caller pinned the request to itself.
    pub(crate) asked: Asked,
    /// `metadata.ownerReferences`.
    pub(crate) owners: Owners,
    /// What a new object is called.
    pub(crate) called: Called,
    form: Form,
}

/// What a new object is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Called {
    /// `metadata.name`; "" where neither is there, which the API server refuses.
    Name(String),
    /// `metadata.generateName`, to which the API server adds letters. It counts only without a name.
    Beginning(String),
}

#[derive(Debug, Clone)]
enum Form {
    Json(Map),
    Protobuf(Bytes),
}

impl Object {
    /// Reads the body of a PUT.
    pub(super) fn read(kind: Kind, bytes: &Bytes) -> Result<Self, BodyError> {
        match kind {
            Kind::Protobuf => Self::read_protobuf(bytes),
            Kind::Json | Kind::JsonPatch | Kind::MergePatch | Kind::StrategicPatch | Kind::Apply => {
                match Json::read(bytes)? {
                    Json::Map(map) => Self::of_json(map),
                    _ => Err(BodyError::Shape("it must be one JSON object".to_owned())),
                }
            }
        }
    }

    pub(super) fn of_json(map: Map) -> Result<Self, BodyError> {
        let metadata = match map.get("metadata") {
            None | Some(Json::Null) => None,
            Some(Json::Map(metadata)) => Some(metadata),
            Some(_) => return Err(BodyError::Shape("metadata must be an object".to_owned())),
        };
        let text = |key: &str| match metadata.and_then(|metadata| metadata.get(key)) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(_) => Err(BodyError::Shape(format!("metadata.{key} must be a text"))),
        };
        let called = Called::of(text("name")?, text("generateName")?);
        let asked = Asked { uid: text("uid")?, resource_version: text("resourceVersion")? };
        let owners = Owners::of_json(metadata)?;
        Ok(Self { asked, owners, called, form: Form::Json(map) })
    }

    fn read_protobuf(bytes: &Bytes) -> Result<Self, BodyError> {
        let envelope = Envelope::open(bytes)?;
        let fields = wire::fields(envelope.raw)?;
        let metadata = wire::only(&fields, METADATA)?.map(Field::bytes).transpose()?.unwrap_or_default();
        let metadata = wire::fields(metadata)?;
        let text = |number| -> Result<Option<String>, BodyError> {
            let text = wire::only(&metadata, number)?.map(Field::text).transpose()?;
            Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
        };
        let called = Called::of(text(NAME)?, text(GENERATE_NAME)?);
        let asked = Asked { uid: text(UID)?, resource_version: text(RESOURCE_VERSION)? };
        let owners = Owners::of_messages(metadata.iter().filter(|field| field.number == OWNER_REFERENCES))?;
        Ok(Self { asked, owners, called, form: Form::Protobuf(bytes.clone()) })
    }

    /// What is in it, where it was sent as JSON.
    pub(crate) fn json(&self) -> Option<&Map> {
        match &self.form {
            Form::Json(map) => Some(map),
            Form::Protobuf(_) => None,
        }
    }

    /// The body that is sent: for JSON our own, for protobuf the caller's. With a pin, bound to that object
    /// and otherwise the same: a `resourceVersion` that neither side gives means "whatever is there now", and
    /// stays out.
    pub(super) fn body(&self, pin: Option<&Pin>) -> Result<Bytes, BodyError> {
        match (&self.form, pin) {
            (Form::Json(map), None) => Ok(map.write().into()),
            (Form::Json(map), Some(pin)) => Ok(pin.put_into(map).write().into()),
            (Form::Protobuf(bytes), None) => Ok(bytes.clone()),
            (Form::Protobuf(bytes), Some(pin)) => pinned(bytes, pin),
        }
    }
}

fn pinned(bytes: &[u8], pin: &Pin) -> Result<Bytes, BodyError> {
    let envelope = Envelope::open(bytes)?;
    let fields = wire::fields(envelope.raw)?;
    let metadata = wire::only(&fields, METADATA)?.map(Field::bytes).transpose()?.unwrap_or_default();
    let mut metadata = wire::replaced(&wire::fields(metadata)?, UID, pin.uid().as_bytes());
    if let Some(version) = pin.resource_version() {
        metadata = wire::replaced(&wire::fields(&metadata)?, RESOURCE_VERSION, version.as_bytes());
    }
    Ok(envelope.around(&wire::replaced(&fields, METADATA, &metadata)).into())
}

impl Called {
    fn of(name: Option<String>, beginning: Option<String>) -> Self {
        match (name, beginning) {
            (None, Some(beginning)) => Self::Beginning(beginning),
            (name, _) => Self::Name(name.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, bytes) in fields {
            wire::put(&mut message, *number, bytes);
        }
        message
    }

    fn enveloped(raw: &[u8]) -> Bytes {
        let type_meta = message(&[(1, b"coordination.k8s.io/v1"), (2, b"Lease")]);
        let mut body = b"k8s\0".to_vec();
        body.extend(message(&[(1, &type_meta), (2, raw), (3, b""), (4, b"")]));
        body.into()
    }

    #[test]
    fn a_uid_is_put_into_protobuf_and_the_rest_stays_byte_for_byte() {
        let owner = message(&[(1, b"Pod"), (3, b"p"), (4, b"u-1"), (5, b"v1")]);
        let metadata = message(&[(1, b"lease"), (5, b""), (6, b"7"), (13, &owner), (99, b"unknown")]);
        let mut raw = message(&[(1, &metadata), (2, b"spec")]);
        raw.extend([0x18, 0x05]);
        let object = Object::read(Kind::Protobuf, &enveloped(&raw)).expect("readable");
        assert_eq!(object.asked.uid, None);
        assert!(!object.owners.is_empty());
        assert_eq!(object.body(None), Ok(enveloped(&raw)));

        let metadata = message(&[(1, b"lease"), (5, b"u-9"), (6, b"7"), (13, &owner), (99, b"unknown")]);
        let mut raw = message(&[(1, &metadata), (2, b"spec")]);
        raw.extend([0x18, 0x05]);
        assert_eq!(object.body(Some(&Pin::object("u-9"))), Ok(enveloped(&raw)));
        let pinned = Object::read(Kind::Protobuf, &enveloped(&raw)).expect("readable");
        assert_eq!(pinned.asked.uid.as_deref(), Some("u-9"));
    }

    #[test]
    fn what_a_new_object_is_called_is_read_in_both_forms() {
        let protobuf = |metadata: &[(u32, &[u8])]| {
            let body = enveloped(&message(&[(1, &message(metadata))]));
            Object::read(Kind::Protobuf, &body).map(|object| object.called)
        };
        let json = |text: &'static str| {
            Object::read(Kind::Json, &Bytes::from_static(text.as_bytes())).map(|object| object.called)
        };
        let name = |name: &str| Ok(Called::Name(name.to_owned()));
        let beginning = |text: &str| Ok(Called::Beginning(text.to_owned()));
        assert_eq!(protobuf(&[(1, b"a"), (2, b"b-")]), name("a"));
        assert_eq!(protobuf(&[(1, b""), (2, b"b-")]), beginning("b-"));
        assert_eq!(protobuf(&[]), name(""));
        assert!(protobuf(&[(1, b"a"), (1, b"b")]).is_err());
        assert_eq!(json(r#"{"metadata":{"name":"a","generateName":"b-"}}"#), name("a"));
        assert_eq!(json(r#"{"metadata":{"name":"","generateName":"b-"}}"#), beginning("b-"));
        assert_eq!(json(r#"{"metadata":{"name":null}}"#), name(""));
        assert!(json(r#"{"metadata":{"name":7}}"#).is_err());
    }

    #[test]
    fn protobuf_that_readers_merge_or_misread_is_refused() {
        let metadata = message(&[(1, b"a")]);
        for raw in [
            message(&[(1, &metadata), (1, &metadata)]),
            message(&[(1, &message(&[(5, b"a"), (5, b"b")]))]),
            message(&[(1, &[0x28, 0x01])]),
            vec![0x0a, 0x7f],
            vec![0x0b, 0x0c],
            vec![0x8a, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00],
            vec![0x00],
        ] {
            assert!(Object::read(Kind::Protobuf, &enveloped(&raw)).is_err(), "{raw:02x?}");
        }
        for body in [&b"{}"[..], b"k8s", b""] {
            assert!(Object::read(Kind::Protobuf, &Bytes::copy_from_slice(body)).is_err());
        }
        let mut compressed = b"k8s\0".to_vec();
        compressed.extend(message(&[(2, &metadata), (3, b"gzip")]));
        assert!(Object::read(Kind::Protobuf, &compressed.into()).is_err());
    }

    #[test]
    fn a_uid_is_put_into_json_and_the_rest_stays() {
        let read = |text: &'static str| {
            Object::read(Kind::Json, &Bytes::from_static(text.as_bytes())).expect("readable")
        };
        let sent = |text| {
            read(text).body(Some(&Pin::object("u"))).map(|body| String::from_utf8_lossy(&body).into_owned())
        };
        let expected = r#"{"kind":"A","metadata":{"name":"x","uid":"u"},"n":1.50}"#;
        assert_eq!(sent(r#"{"kind":"A","metadata":{"name":"x"},"n":1.50}"#).as_deref(), Ok(expected));
        assert_eq!(sent(r#"{"metadata":null}"#).as_deref(), Ok(r#"{"metadata":{"uid":"u"}}"#));
        assert_eq!(sent(r#"{"a":1}"#).as_deref(), Ok(r#"{"a":1,"metadata":{"uid":"u"}}"#));
        assert_eq!(sent(r#"{"metadata":{"uid":""}}"#).as_deref(), Ok(r#"{"metadata":{"uid":"u"}}"#));
    }
}
