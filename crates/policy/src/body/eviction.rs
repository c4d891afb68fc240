//! An eviction: deletes a pod by creating something beside it. Its delete options stand inside its body.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/core/pod/storage/eviction.go` (1.37). The versions v1 and
//! v1beta1 of `policy` have the same fields in both forms.

use bytes::Bytes;

use crate::attributes::Attributes;

use super::delete::{self, DeleteOptions};
use super::envelope::Envelope;
use super::error::BodyError;
use super::json::{Json, Map};
use super::kind::Kind;
use super::pin::{Asked, Pin};
use super::wire::{self, Field};

const KIND: &str = "Eviction";
const VERSIONS: [&str; 2] = ["policy/v1", "policy/v1beta1"];
const OPTIONS: &str = "deleteOptions";

/// `Eviction.metadata`, its `name`, and `Eviction.deleteOptions` in protobuf.
const METADATA_FIELD: u32 = 1;
const NAME_FIELD: u32 = 1;
const OPTIONS_FIELD: u32 = 2;
/// `DeleteOptions.preconditions`, and its `uid` and `resourceVersion`.
const PRECONDITIONS_FIELD: u32 = 2;
const UID_FIELD: u32 = 1;
const VERSION_FIELD: u32 = 2;

/// An eviction that was read.
#[derive(Debug, Clone)]
pub(crate) struct Eviction {
    options: DeleteOptions,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Json(Map),
    Protobuf(Bytes),
}

impl Eviction {
    /// Reads the body of a POST to a pod's `eviction`.
    pub(super) fn read(attributes: &Attributes, kind: Kind, bytes: &Bytes) -> Result<Self, BodyError> {
        let (name, options, form) = match kind {
            Kind::Protobuf => of_protobuf(bytes)?,
            Kind::Json | Kind::JsonPatch | Kind::MergePatch | Kind::StrategicPatch | Kind::Apply => {
                of_json(bytes)?
            }
        };
        if attributes.resource().is_none_or(|pod| pod.name() != name) {
            return Err(BodyError::Shape("metadata.name must be the pod's that the path names".to_owned()));
        }
        let options = options.checked()?;
        if options.is_unsafe() {
            let what = "an eviction deletes nothing that can't be read";
            return Err(delete::refuse(what.to_owned()));
        }
        // The API server takes both where they agree; which one is meant is then anybody's guess.
        if options.is_dry_run() && attributes.query().get("dryRun").is_some() {
            return Err(delete::refuse("dryRun stands in the body and in the query; use one".to_owned()));
        }
        Ok(Self { options, form })
    }

    /// Whether its own options say that nothing is to be done in earnest.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.options.is_dry_run()
    }

    /// What the caller bound it to.
    pub(super) fn asked(&self) -> Asked {
        self.options.asked()
    }

    /// The body that is sent, bound to `pin` where one is given.
    pub(super) fn body(&self, pin: Option<&Pin>) -> Result<Bytes, BodyError> {
        match (&self.form, pin) {
            (Form::Json(map), None) => Ok(map.write().into()),
            (Form::Json(map), Some(pin)) => {
                let mut map = map.clone();
                map.set(OPTIONS, Json::Map(self.options.clone().pinned(pin).map()));
                Ok(map.write().into())
            }
            (Form::Protobuf(bytes), None) => Ok(bytes.clone()),
            (Form::Protobuf(bytes), Some(pin)) => pinned(bytes, pin),
        }
    }
}

fn of_json(bytes: &[u8]) -> Result<(String, DeleteOptions, Form), BodyError> {
    let Json::Map(map) = Json::read(bytes)? else { return Err(shape("it must be one JSON object")) };
    delete::only_known(&map, &["kind", "apiVersion", "metadata", OPTIONS])?;
    is_one(delete::text(&map, "kind")?.as_deref())?;
    if let Some(version) = delete::text(&map, "apiVersion")?
        && !version.is_empty()
        && !VERSIONS.contains(&version.as_str())
    {
        return Err(shape("its apiVersion is neither policy/v1 nor policy/v1beta1"));
    }
    let name = match map.get("metadata") {
        Some(Json::Map(metadata)) => delete::text(metadata, "name")?,
        _ => None,
    };
    let options = match map.get(OPTIONS) {
        None | Some(Json::Null) => DeleteOptions::default(),
        Some(Json::Map(options)) => delete::of_map(options)?,
        Some(_) => return Err(shape("deleteOptions must be an object")),
    };
    Ok((name.unwrap_or_default(), options, Form::Json(map)))
}

fn of_protobuf(bytes: &Bytes) -> Result<(String, DeleteOptions, Form), BodyError> {
    let envelope = Envelope::open(bytes)?;
    is_one(Some(envelope.kind))?;
    let fields = wire::fields(envelope.raw)?;
    if fields.iter().any(|field| field.number > OPTIONS_FIELD) {
        return Err(shape("a field is unknown"));
    }
    let metadata = inner(&fields, METADATA_FIELD)?.unwrap_or_default();
    let name = wire::only(&wire::fields(metadata)?, NAME_FIELD)?.map(Field::text).transpose()?;
    let options = inner(&fields, OPTIONS_FIELD)?.map(delete::of_message).transpose()?;
    Ok((name.unwrap_or_default().to_owned(), options.unwrap_or_default(), Form::Protobuf(bytes.clone())))
}

fn pinned(bytes: &[u8], pin: &Pin) -> Result<Bytes, BodyError> {
    let envelope = Envelope::open(bytes)?;
    let fields = wire::fields(envelope.raw)?;
    let options = wire::fields(inner(&fields, OPTIONS_FIELD)?.unwrap_or_default())?;
    let mut bound = inner(&options, PRECONDITIONS_FIELD)?.unwrap_or_default().to_vec();
    bound = wire::replaced(&wire::fields(&bound)?, UID_FIELD, pin.uid().as_bytes());
    if let Some(version) = pin.resource_version() {
        bound = wire::replaced(&wire::fields(&bound)?, VERSION_FIELD, version.as_bytes());
    }
    let options = wire::replaced(&options, PRECONDITIONS_FIELD, &bound);
    Ok(envelope.around(&wire::replaced(&fields, OPTIONS_FIELD, &options)).into())
}

fn inner<'a>(fields: &[Field<'a>], number: u32) -> Result<Option<&'a [u8]>, BodyError> {
    wire::only(fields, number)?.map(Field::bytes).transpose()
}

/// A body may leave its kind out: the path says it.
fn is_one(kind: Option<&str>) -> Result<(), BodyError> {
    match kind {
        None | Some("" | KIND) => Ok(()),
        Some(_) => Err(shape("its kind is not Eviction")),
    }
}

fn shape(what: &str) -> BodyError {
    BodyError::Shape(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Line;

    const PATH: &str = "/api/v1/namespaces/a/pods/b/eviction";

    fn read(query: &str, kind: Kind, body: &[u8]) -> Result<Eviction, BodyError> {
        let line = Line { method: "POST", path: PATH, query: Some(query) };
        let attributes = Attributes::parse(line).expect("readable");
        Eviction::read(&attributes, kind, &Bytes::copy_from_slice(body))
    }

    fn pin() -> Pin {
        Pin { uid: "u-1".to_owned(), resource_version: Some("7".to_owned()) }
    }

    fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, bytes) in fields {
            wire::put(&mut message, *number, bytes);
        }
        message
    }

    fn enveloped(kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = message(&[(1, b"policy/v1"), (2, kind.as_bytes())]);
        let mut body = b"k8s\0".to_vec();
        body.extend(message(&[(1, &type_meta), (2, raw)]));
        body
    }

    #[test]
    fn the_pin_is_put_into_json_and_every_option_stays() {
        let pinned = |text: &str| {
            let body = read("", Kind::Json, text.as_bytes())?.body(Some(&pin()))?;
            Ok::<_, BodyError>(String::from_utf8_lossy(&body).into_owned())
        };
        let bound = r#""preconditions":{"uid":"u-1","resourceVersion":"7"}"#;
        let options = r#""deleteOptions":{"kind":"DeleteOptions","apiVersion":"v1""#;
        assert_eq!(
            pinned(r#"{"kind":"Eviction","apiVersion":"policy/v1","metadata":{"name":"b"}}"#),
            Ok(format!(
                r#"{{"kind":"Eviction","apiVersion":"policy/v1","metadata":{{"name":"b"}},{options},{bound}}}}}"#
            ))
        );
        assert_eq!(
            pinned(
                r#"{"metadata":{"name":"b"},"deleteOptions":{"gracePeriodSeconds":0,"preconditions":{"uid":"x"},"dryRun":["All"]}}"#
            ),
            Ok(format!(
                r#"{{"metadata":{{"name":"b"}},{options},"gracePeriodSeconds":0,{bound},"dryRun":["All"]}}}}"#
            ))
        );
    }

    #[test]
    fn the_pin_is_put_into_protobuf_and_the_rest_stays_byte_for_byte() {
        let metadata = message(&[(1, b"b"), (3, b"a")]);
        let given = message(&[(1, b"x"), (2, b"1")]);
        let bound = message(&[(1, b"u-1"), (2, b"7")]);
        let raw = |options: &[(u32, &[u8])]| message(&[(1, &metadata), (2, &message(options))]);
        let body = |raw: &[u8]| read("", Kind::Protobuf, &enveloped(KIND, raw));
        for (before, after) in [
            (message(&[(1, &metadata)]), raw(&[(2, &bound)])),
            (raw(&[(4, b"Orphan")]), raw(&[(4, b"Orphan"), (2, &bound)])),
            (raw(&[(2, &given), (4, b"Orphan")]), raw(&[(2, &bound), (4, b"Orphan")])),
        ] {
            let eviction = body(&before).expect("readable");
            assert_eq!(eviction.body(None), Ok(enveloped(KIND, &before).into()));
            assert_eq!(eviction.body(Some(&pin())), Ok(enveloped(KIND, &after).into()));
            let again = body(&after).expect("readable").asked();
            assert_eq!((again.uid.as_deref(), again.resource_version.as_deref()), (Some("u-1"), Some("7")));
        }
        assert_eq!(body(&raw(&[(2, &given)])).expect("readable").asked().uid.as_deref(), Some("x"));
    }

    #[test]
    fn what_the_api_server_refuses_or_two_readers_could_misread_is_refused() {
        let name = r#""metadata":{"name":"b"}"#;
        for (query, body) in [
            ("", "{}".to_owned()),
            ("", "[]".to_owned()),
            ("", r#"{"metadata":{"name":"c"}}"#.to_owned()),
            ("", r#"{"metadata":{"generateName":"b"}}"#.to_owned()),
            ("", r#"{"metadata":{"name":"b","name":"c"}}"#.to_owned()),
            ("", format!(r#"{{"kind":"Pod",{name}}}"#)),
            ("", format!(r#"{{"apiVersion":"policy/v2",{name}}}"#)),
            ("", format!(r#"{{"deleteoptions":{{}},{name}}}"#)),
            ("", format!(r#"{{"deleteOptions":[],{name}}}"#)),
            ("", format!(r#"{{"deleteOptions":{{"dryRun":["all"]}},{name}}}"#)),
            ("", format!(r#"{{"deleteOptions":{{"unknown":1}},{name}}}"#)),
            ("", format!(r#"{{"deleteOptions":{{"preconditions":{{"name":"x"}}}},{name}}}"#)),
            (
                "",
                format!(
                    r#"{{"deleteOptions":{{"ignoreStoreReadErrorWithClusterBreakingPotential":true}},{name}}}"#
                ),
            ),
            ("dryRun=All", format!(r#"{{"deleteOptions":{{"dryRun":["All"]}},{name}}}"#)),
        ] {
            assert!(read(query, Kind::Json, body.as_bytes()).is_err(), "{query} {body}");
        }
        assert!(read("dryRun=All", Kind::Json, format!("{{{name}}}").as_bytes()).is_ok());
        let metadata = message(&[(1, b"b")]);
        for (kind, raw) in [
            ("Pod", message(&[(1, &metadata)])),
            (KIND, message(&[(1, b"")])),
            (KIND, message(&[(1, &metadata), (1, &metadata)])),
            (KIND, message(&[(1, &metadata), (2, b""), (2, b"")])),
            (KIND, message(&[(1, &metadata), (3, b"")])),
            (KIND, message(&[(1, &metadata), (2, &message(&[(2, b""), (2, b"")]))])),
            (KIND, message(&[(1, &metadata), (2, &message(&[(7, b"")]))])),
        ] {
            assert!(read("", Kind::Protobuf, &enveloped(kind, &raw)).is_err(), "{kind} {raw:02x?}");
        }
    }
}
