//! A manifest's name, labels and annotations.

use std::collections::BTreeMap;

use drawbridge_policy::AgentName;
use serde_json::{Map, Value};

use super::names;
use crate::yaml::{At, Report, Shape, shown};

/// Bytes of all annotations of one manifest, as Kubernetes bounds them.
const ANNOTATIONS: usize = 256 * 1024;

/// What a manifest is called, and what its owners note about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

pub(super) const SHAPE: Shape = Shape::of(&["name", "labels", "annotations"]);

impl Metadata {
    pub(super) fn read(at: &At<'_>, kind: &str, report: &mut Report) -> Option<Metadata> {
        let fields = at.fields(SHAPE, report)?;
        let labels = fields.optional("labels").map(|at| labels(&at, report)).unwrap_or_default();
        let annotations =
            fields.optional("annotations").map(|at| annotations(&at, report)).unwrap_or_default();
        let name = fields.required("name", "its name", report).and_then(|at| name(&at, kind, report))?;
        Some(Metadata { name: name.to_owned(), labels, annotations })
    }

    pub(super) fn to_json(&self) -> Value {
        let texts = |map: &BTreeMap<String, String>| {
            map.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect::<Map<_, _>>()
        };
        let mut json = Map::new();
        json.insert("name".to_owned(), Value::from(self.name.as_str()));
        for (field, map) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !map.is_empty() {
                json.insert(field.to_owned(), Value::Object(texts(map)));
            }
        }
        Value::Object(json)
    }
}

/// A name of the form that the kind has: an agent's is the name of a service account too, a cluster's will
/// be one part of a host name.
fn name<'t>(at: &At<'t>, kind: &str, report: &mut Report) -> Option<&'t str> {
    match kind {
        "Agent" => {
            let text = at.text(report)?;
            let parsed = AgentName::parse(text);
            if let Err(error) = &parsed {
                at.wrong(report, &format!("{} is not an agent's name: {error}", shown(text)));
            }
            parsed.is_ok().then_some(text)
        }
        "Cluster" | "TrustedIssuer" => names::read(at, names::is_label, names::LABEL_RULE, report),
        _ => names::read(at, names::is_subdomain, names::SUBDOMAIN_RULE, report),
    }
}

fn labels(at: &At<'_>, report: &mut Report) -> BTreeMap<String, String> {
    texts(at, report, |value, text, report| {
        if !names::is_value(text) {
            let found = shown(text);
            value.wrong(report, &format!("{found} is not a label's value; one has {}", names::VALUE_RULE));
        }
    })
}

fn annotations(at: &At<'_>, report: &mut Report) -> BTreeMap<String, String> {
    let annotations = texts(at, report, |_, _, _| {});
    let bytes: usize = annotations.iter().map(|(key, value)| key.len().saturating_add(value.len())).sum();
    if bytes > ANNOTATIONS {
        at.wrong(
            report,
            &format!("the annotations have {bytes} bytes; together they may have {ANNOTATIONS}"),
        );
    }
    annotations
}

/// A map of texts whose keys are such as labels and annotations have. `judge` looks at each value.
fn texts(
    at: &At<'_>,
    report: &mut Report,
    judge: fn(&At<'_>, &str, &mut Report),
) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for field in at.map(report).unwrap_or_default() {
        // Kubernetes takes capital letters in the prefix of an annotation, and in none of a label; we in
        // none.
        if !names::is_key(&field.key) {
            let key = shown(&field.key);
            report.add(field.place, format!("{key} is not a key; one has {}", names::KEY_RULE));
        }
        let value = at.field(field);
        if let Some(text) = value.text(report) {
            judge(&value, text, report);
            texts.insert(field.key.clone(), text.to_owned());
        }
    }
    texts
}
