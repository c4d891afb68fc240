//! Delete options, read as the API server reads them and written as one complete body.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/delete.go`: from the body if it isn't empty, else from
//! the query. A body makes the API server ignore every option in the query, so whoever adds a body must
//! carry them over.

use crate::attributes::{Attributes, Query, Verb};

use super::envelope::Envelope;
use super::error::BodyError;
use super::json::{Json, Map};
use super::kind::Kind;
use super::pin::{Asked, Pin};
use super::wire::{self, Field};

/// The verb that rules are asked for beside `delete` when [`DeleteOptions::is_unsafe`].
pub(crate) const UNSAFE_VERB: &str = "unsafe-delete-ignore-read-errors";

/// The longest message about what is wrong with options, in bytes.
const LONGEST_FAULT: usize = 200;

const GRACE: &str = "gracePeriodSeconds";
const PRECONDITIONS: &str = "preconditions";
const ORPHAN: &str = "orphanDependents";
const PROPAGATION: &str = "propagationPolicy";
const DRY_RUN: &str = "dryRun";
const UNSAFE: &str = "ignoreStoreReadErrorWithClusterBreakingPotential";
const UID: &str = "uid";
const RESOURCE_VERSION: &str = "resourceVersion";

/// `meta/v1.DeleteOptions`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DeleteOptions {
    grace_period_seconds: Option<i64>,
    preconditions: Option<Preconditions>,
    orphan_dependents: Option<bool>,
    propagation_policy: Option<String>,
    dry_run: Vec<String>,
    ignore_read_errors: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

/// What a DELETE says of how to delete. None: nothing at all, and so nothing is sent.
pub(super) fn read(
    attributes: &Attributes,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Option<DeleteOptions>, BodyError> {
    let mut keys = attributes.query().pairs().map(|(key, _)| key).filter(|key| is_option(attributes, key));
    match (body.is_empty(), keys.next()) {
        (true, _) => of_query(attributes.query()),
        (false, Some(key)) => {
            Err(refuse(format!("they stand in the body and, as {key}, in the query; use one")))
        }
        (false, None) => {
            let options = match Kind::of_object(content_type)? {
                Kind::Protobuf => of_protobuf(body)?,
                Kind::Json | Kind::JsonPatch | Kind::MergePatch | Kind::StrategicPatch | Kind::Apply => {
                    of_json(body)?
                }
            };
            options.checked().map(Some)
        }
    }
}

/// Whether a key of the query is an option, and left out of what is sent since the body has it.
pub(super) fn is_option(attributes: &Attributes, key: &str) -> bool {
    match key {
        GRACE | ORPHAN | PROPAGATION | DRY_RUN | UNSAFE | UID => true,
        // Of a collection it is (also) the list's own option.
        RESOURCE_VERSION => attributes.verb() != Verb::DeleteCollection,
        _ => false,
    }
}

impl DeleteOptions {
    /// Whether it asks to delete what can't even be read.
    pub(crate) fn is_unsafe(&self) -> bool {
        self.ignore_read_errors == Some(true)
    }

    /// Whether nothing is to be done in earnest.
    pub(crate) fn is_dry_run(&self) -> bool {
        !self.dry_run.is_empty()
    }

    /// What the caller bound it to.
    pub(super) fn asked(&self) -> Asked {
        let given = self.preconditions.clone().unwrap_or_default();
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        Asked { uid: some(given.uid), resource_version: some(given.resource_version) }
    }

    /// The same, bound to what was looked at.
    pub(super) fn pinned(mut self, pin: &Pin) -> Self {
        let given = self.preconditions.take().unwrap_or_default();
        let resource_version = pin.resource_version().map(str::to_owned).or(given.resource_version);
        self.preconditions = Some(Preconditions { uid: Some(pin.uid().to_owned()), resource_version });
        self
    }

    /// The one complete body that is sent.
    pub(super) fn write(&self) -> String {
        Json::Map(self.map()).write()
    }

    /// All of them, as JSON.
    pub(super) fn map(&self) -> Map {
        let mut map = Map::from_iter([
            ("kind".to_owned(), Json::text("DeleteOptions")),
            ("apiVersion".to_owned(), Json::text("v1")),
        ]);
        if let Some(seconds) = self.grace_period_seconds {
            map.set(GRACE, Json::Number(seconds.to_string()));
        }
        if let Some(preconditions) = &self.preconditions {
            let mut inner = Map::default();
            for (key, value) in
                [(UID, &preconditions.uid), (RESOURCE_VERSION, &preconditions.resource_version)]
            {
                if let Some(value) = value {
                    inner.set(key, Json::text(value));
                }
            }
            map.set(PRECONDITIONS, Json::Map(inner));
        }
        if let Some(orphan) = self.orphan_dependents {
            map.set(ORPHAN, Json::Bool(orphan));
        }
        if let Some(policy) = &self.propagation_policy {
            map.set(PROPAGATION, Json::text(policy));
        }
        if !self.dry_run.is_empty() {
            map.set(DRY_RUN, Json::List(self.dry_run.iter().map(|stage| Json::text(stage)).collect()));
        }
        if let Some(ignore) = self.ignore_read_errors {
            map.set(UNSAFE, Json::Bool(ignore));
        }
        map
    }

    /// The API server takes `All` alone; refused here in clear words instead of being passed on.
    pub(super) fn checked(self) -> Result<Self, BodyError> {
        match self.dry_run.iter().find(|stage| *stage != "All") {
            Some(stage) => Err(refuse(format!("dryRun {stage:?} is unknown; the only one is All"))),
            None => Ok(self),
        }
    }
}

fn of_query(query: &Query) -> Result<Option<DeleteOptions>, BodyError> {
    let text = |key: &'static str| match query.get(key) {
        Some("") => Err(refuse(format!("{key} has no value"))),
        value => Ok(value.map(str::to_owned)),
    };
    let flag = |key: &'static str| match query.get(key) {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(refuse(format!("{key} must be true or false"))),
    };
    let grace = text(GRACE)?.map(|seconds| seconds.parse::<i64>()).transpose();
    let preconditions = Preconditions { uid: text(UID)?, resource_version: text(RESOURCE_VERSION)? };
    let options = DeleteOptions {
        grace_period_seconds: grace.or(Err(refuse(format!("{GRACE} must be a whole number"))))?,
        preconditions: Some(preconditions).filter(|preconditions| *preconditions != Preconditions::default()),
        orphan_dependents: flag(ORPHAN)?,
        propagation_policy: text(PROPAGATION)?,
        dry_run: text(DRY_RUN)?.into_iter().collect(),
        ignore_read_errors: flag(UNSAFE)?,
    };
    let options = options.checked()?;
    Ok(Some(options).filter(|options| *options != DeleteOptions::default()))
}

fn of_json(body: &[u8]) -> Result<DeleteOptions, BodyError> {
    match Json::read(body)? {
        Json::Map(map) => of_map(&map),
        _ => Err(refuse("they must be one JSON object".to_owned())),
    }
}

/// Reads them out of JSON that was read already.
pub(super) fn of_map(map: &Map) -> Result<DeleteOptions, BodyError> {
    match text(map, "kind")?.as_deref() {
        None | Some("" | "DeleteOptions") => {}
        Some(kind) => return Err(refuse(format!("the body is a {kind:?}"))),
    }
    text(map, "apiVersion")?;
    let known = ["kind", "apiVersion", GRACE, PRECONDITIONS, ORPHAN, PROPAGATION, DRY_RUN, UNSAFE];
    only_known(map, &known)?;
    Ok(DeleteOptions {
        grace_period_seconds: match map.get(GRACE) {
            None | Some(Json::Null) => None,
            Some(Json::Number(digits)) => Some(digits.parse().or(Err(wrong(GRACE)))?),
            Some(_) => return Err(wrong(GRACE)),
        },
        preconditions: match map.get(PRECONDITIONS) {
            None | Some(Json::Null) => None,
            Some(Json::Map(inner)) => {
                only_known(inner, &[UID, RESOURCE_VERSION])?;
                Some(Preconditions {
                    uid: text(inner, UID)?,
                    resource_version: text(inner, RESOURCE_VERSION)?,
                })
            }
            Some(_) => return Err(wrong(PRECONDITIONS)),
        },
        orphan_dependents: flag(map, ORPHAN)?,
        propagation_policy: text(map, PROPAGATION)?,
        dry_run: match map.get(DRY_RUN) {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::List(stages)) => stages.iter().map(stage).collect::<Result<_, _>>()?,
            Some(_) => return Err(wrong(DRY_RUN)),
        },
        ignore_read_errors: flag(map, UNSAFE)?,
    })
}

fn stage(stage: &Json) -> Result<String, BodyError> {
    match stage {
        Json::Text(stage) => Ok(stage.clone()),
        _ => Err(wrong(DRY_RUN)),
    }
}

pub(super) fn text(map: &Map, key: &str) -> Result<Option<String>, BodyError> {
    match map.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(key)),
    }
}

fn flag(map: &Map, key: &str) -> Result<Option<bool>, BodyError> {
    match map.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(wrong(key)),
    }
}

pub(super) fn only_known(map: &Map, known: &[&str]) -> Result<(), BodyError> {
    match map.keys().find(|key| !known.contains(key)) {
        Some(key) => Err(refuse(format!("{:?} is no option", key.chars().take(60).collect::<String>()))),
        None => Ok(()),
    }
}

/// `meta/v1.DeleteOptions`' message: gracePeriodSeconds = 1, preconditions = 2 {uid = 1, resourceVersion =
/// 2}, orphanDependents = 3, propagationPolicy = 4, dryRun = 5, ignoreStoreRead… = 6.
fn of_protobuf(body: &[u8]) -> Result<DeleteOptions, BodyError> {
    let envelope = Envelope::open(body)?;
    if !matches!(envelope.kind, "" | "DeleteOptions") {
        return Err(refuse(format!("the body is a {:?}", envelope.kind)));
    }
    of_message(envelope.raw)
}

/// Reads them out of their message.
pub(super) fn of_message(message: &[u8]) -> Result<DeleteOptions, BodyError> {
    let fields = wire::fields(message)?;
    if fields.iter().any(|field| field.number > 6) {
        return Err(refuse("a field is unknown".to_owned()));
    }
    let number = |number| wire::only(&fields, number)?.map(Field::varint).transpose();
    let stages = fields.iter().filter(|field| field.number == 5);
    Ok(DeleteOptions {
        // The wire has negative numbers in two's complement.
        grace_period_seconds: number(1)?.map(u64::cast_signed),
        preconditions: wire::only(&fields, 2)?.map(preconditions).transpose()?,
        orphan_dependents: number(3)?.map(|flag| flag != 0),
        propagation_policy: wire::only(&fields, 4)?.map(Field::text).transpose()?.map(str::to_owned),
        dry_run: stages.map(|stage| stage.text().map(str::to_owned)).collect::<Result<_, _>>()?,
        ignore_read_errors: number(6)?.map(|flag| flag != 0),
    })
}

fn preconditions(field: &Field<'_>) -> Result<Preconditions, BodyError> {
    let fields = wire::fields(field.bytes()?)?;
    if fields.iter().any(|field| field.number > 2) {
        return Err(refuse("a field is unknown".to_owned()));
    }
    let text = |number| {
        Ok::<_, BodyError>(wire::only(&fields, number)?.map(Field::text).transpose()?.map(str::to_owned))
    };
    Ok(Preconditions { uid: text(1)?, resource_version: text(2)? })
}

fn wrong(key: &str) -> BodyError {
    refuse(format!("{key} has the wrong type"))
}

/// What is quoted may be the caller's whole body, and the message goes into the answer and the record.
pub(super) fn refuse(mut what: String) -> BodyError {
    what.truncate(what.floor_char_boundary(LONGEST_FAULT));
    BodyError::Options(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Line;

    const PATH: &str = "/api/v1/namespaces/a/pods/b";

    fn read_with(path: &str, query: &str, kind: &str, body: &[u8]) -> Result<Option<String>, BodyError> {
        let line = Line { method: "DELETE", path, query: Some(query) };
        let attributes = Attributes::parse(line).expect("readable");
        Ok(read(&attributes, Some(kind), body)?.map(|options| options.write()))
    }

    fn sent(query: &str, body: &str) -> Result<Option<String>, BodyError> {
        read_with(PATH, query, "application/json", body.as_bytes())
    }

    fn with(rest: &str) -> Result<Option<String>, BodyError> {
        Ok(Some(format!(r#"{{"kind":"DeleteOptions","apiVersion":"v1"{rest}}}"#)))
    }

    #[test]
    fn every_option_survives_from_the_query() {
        assert_eq!(sent("dryRun=All", ""), with(r#","dryRun":["All"]"#));
        assert_eq!(sent("propagationPolicy=Foreground", ""), with(r#","propagationPolicy":"Foreground""#));
        assert_eq!(sent("gracePeriodSeconds=0", ""), with(r#","gracePeriodSeconds":0"#));
        assert_eq!(sent("orphanDependents=true", ""), with(r#","orphanDependents":true"#));
        assert_eq!(
            sent("uid=u&resourceVersion=7", ""),
            with(r#","preconditions":{"uid":"u","resourceVersion":"7"}"#)
        );
        assert_eq!(sent(&format!("{UNSAFE}=true"), ""), with(&format!(r#","{UNSAFE}":true"#)));
        assert_eq!(sent("pretty=true", ""), Ok(None));
        assert_eq!(sent("", ""), Ok(None));
    }

    #[test]
    fn every_option_survives_from_a_json_body() {
        for rest in [
            r#","gracePeriodSeconds":30"#,
            r#","preconditions":{"uid":"u"}"#,
            r#","preconditions":{}"#,
            r#","orphanDependents":false"#,
            r#","propagationPolicy":"Orphan""#,
            r#","dryRun":["All"]"#,
            "",
        ] {
            let body = with(rest).ok().flatten().unwrap_or_default();
            assert_eq!(sent("", &body), with(rest));
        }
        assert_eq!(sent("", "{}"), with(""));
        assert_eq!(sent("pretty=true", r#"{"dryRun":null,"apiVersion":"apps/v1"}"#), with(""));
    }

    #[test]
    fn every_option_survives_from_a_protobuf_body() {
        let mut raw = vec![0x08, 0x00];
        let mut inner = Vec::new();
        wire::put(&mut inner, 1, b"u");
        wire::put(&mut raw, 2, &inner);
        raw.extend([0x18, 0x01]);
        wire::put(&mut raw, 4, b"Background");
        wire::put(&mut raw, 5, b"All");
        raw.extend([0x30, 0x00]);
        let mut body = b"k8s\0".to_vec();
        wire::put(&mut body, 2, &raw);
        let read = read_with(PATH, "", "application/vnd.kubernetes.protobuf", &body);
        let first = r#","gracePeriodSeconds":0,"preconditions":{"uid":"u"},"orphanDependents":true"#;
        let last = r#","propagationPolicy":"Background","dryRun":["All"]"#;
        assert_eq!(read, with(&format!(r#"{first}{last},"{UNSAFE}":false"#)));
    }

    #[test]
    fn what_stands_in_two_places_or_cannot_be_read_is_refused() {
        for (query, body) in [
            ("dryRun=All", "{}"),
            ("resourceVersion=1", "{}"),
            ("dryRun=Some", ""),
            ("dryRun=", ""),
            ("gracePeriodSeconds=x", ""),
            ("orphanDependents=yes", ""),
            ("", r#"{"dryRun":["all"]}"#),
            ("", r#"{"dryRun":"All"}"#),
            ("", r#"{"dryRun":["All"],"dryRun":[]}"#),
            ("", r#"{"dryrun":["All"]}"#),
            ("", r#"{"kind":"Pod"}"#),
            ("", r#"{"gracePeriodSeconds":1.0}"#),
            ("", r#"{"preconditions":{"name":"x"}}"#),
            ("", "null"),
            ("", "dryRun: [All]"),
            ("", " "),
        ] {
            assert!(sent(query, body).is_err(), "{query} {body}");
        }
        for kind in ["application/yaml", "application/cbor", "text/plain"] {
            assert!(read_with(PATH, "", kind, b"{}").is_err(), "{kind}");
        }
    }

    #[test]
    fn a_refusal_quotes_no_more_than_a_line() {
        let long = "x".repeat(1_000_000);
        for body in [format!(r#"{{"kind":"{long}"}}"#), format!(r#"{{"dryRun":["{long}"]}}"#)] {
            let message = sent("", &body).expect_err("refused").to_string();
            assert!(message.len() < 300, "{} bytes", message.len());
        }
    }

    #[test]
    fn the_resource_version_of_a_collection_is_the_lists_own() {
        let collection = "/api/v1/namespaces/a/pods";
        let kept = read_with(collection, "resourceVersion=7", "application/json", b"{}");
        assert_eq!(kept, with(""));
        let both = read_with(collection, "resourceVersion=7", "", b"");
        assert_eq!(both, with(r#","preconditions":{"resourceVersion":"7"}"#));
    }
}
