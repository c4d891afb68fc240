//! What a caller wants to read, what the cluster is asked for instead, and what is written back. Screened
//! answers are JSON both ways: whole objects are what a look needs, and the forms that hold less are made
//! from them.
//!
//! `Accept` is read as the API server reads it (`NegotiateMediaTypeOptions` in `k8s.io/apiserver`): the
//! clauses in the order of their weight, the first one that can be served.

use drawbridge_policy::Query;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

use super::{Fault, query};

/// How many clauses of an `Accept` are looked at. kubectl sends three.
const MAX_CLAUSES: usize = 32;

/// The caller's headers that a screened request doesn't carry on: compressed bytes can't be looked at, and
/// an answer that depends on what the caller has seen would tell of objects that it has not.
const LEFT_BEHIND: [HeaderName; 3] =
    [header::ACCEPT_ENCODING, header::IF_MODIFIED_SINCE, header::IF_NONE_MATCH];

/// The cluster's headers that say something of an answer which isn't the one that is written.
const NOT_OURS: [HeaderName; 3] = [header::CONTENT_LENGTH, header::ETAG, header::LAST_MODIFIED];

/// What a request reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// One object.
    One,
    /// A list.
    List,
    /// A watch.
    Watch,
}

/// Whether what is shown may be less than the whole object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masked {
    /// The look hides values. Tables repeat values in their cells, so none is asked for: the objects are
    /// written as plain JSON, which kubectl prints as well.
    Yes,
    /// It shows or hides whole objects only.
    No,
}

/// The version of `meta.k8s.io`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V1Beta1,
}

impl Version {
    pub(super) fn api_version(self) -> &'static str {
        match self {
            Version::V1 => "meta.k8s.io/v1",
            Version::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// What the rows of a table carry (`includeObject`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Include {
    Nothing,
    Metadata,
    Object,
}

/// The shape of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Objects as they are.
    Plain,
    /// `PartialObjectMetadata`, or a list of them.
    Metadata(Version),
    /// A `Table`.
    Table(Version, Include),
}

/// Why a request can't be answered in any form that its caller takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unfit {
    /// A 406.
    #[error(
        "objects are looked at before they are shown here, which is done in JSON: the request's Accept must \
         take application/json (plain, or as=Table or as=PartialObjectMetadata of meta.k8s.io)"
    )]
    NotAcceptable,
    /// A 400.
    #[error("includeObject must be None, Metadata or Object")]
    IncludeObject,
}

/// The form of a screened answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    shape: Shape,
    /// Whether the caller takes plain JSON where an API has no tables.
    plain_too: bool,
    reads: Reads,
}

impl Form {
    /// The form that the caller's `Accept` and query ask for.
    pub fn read(accept: &HeaderMap, query: &Query, reads: Reads, masked: Masked) -> Result<Form, Unfit> {
        let include = include(query)?;
        let clauses = clauses(accept)?;
        let shapes = || clauses.iter().filter_map(|clause| clause.shape(reads, include));
        let plain_too = shapes().any(|shape| shape == Shape::Plain);
        match (shapes().next().ok_or(Unfit::NotAcceptable)?, masked) {
            (Shape::Table(..), Masked::Yes) => Ok(Form { shape: Shape::Plain, plain_too, reads }),
            (shape, _) => Ok(Form { shape, plain_too, reads }),
        }
    }

    pub(super) fn shape(self) -> Shape {
        self.shape
    }

    /// The request's headers, changed into those that ask the cluster for what a look needs.
    pub fn ask(self, headers: &mut HeaderMap) {
        for name in &LEFT_BEHIND {
            headers.remove(name);
        }
        let accept = match (self.shape, self.plain_too) {
            (Shape::Table(Version::V1, _), true) => {
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
            }
            (Shape::Table(Version::V1, _), false) => "application/json;as=Table;v=v1;g=meta.k8s.io",
            (Shape::Table(Version::V1Beta1, _), true) => {
                "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
            }
            (Shape::Table(Version::V1Beta1, _), false) => "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
            (Shape::Plain | Shape::Metadata(_), _) => "application/json",
        };
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
    }

    /// The path and query that are sent instead of the permitted ones: tables are asked for with whole
    /// objects, watches with bookmarks.
    #[must_use]
    pub fn path_and_query(self, permitted: &str) -> String {
        let mut asked = permitted.to_owned();
        if let Shape::Table(..) = self.shape {
            asked = query::with(&asked, "includeObject", "Object");
        }
        if self.reads == Reads::Watch {
            asked = query::with(&asked, "allowWatchBookmarks", "true");
        }
        asked
    }

    /// Whether the answer that came can be looked at, and its headers changed into those of what is written.
    pub fn answered(self, headers: &mut HeaderMap) -> Result<(), Fault> {
        let encoding = headers.get(header::CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err(Fault::Form("it is compressed, which was not asked for"));
        }
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|value| value.split(';').next()).unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("application/json") {
            return Err(Fault::Form("it is no JSON, which was asked for"));
        }
        for name in &NOT_OURS {
            headers.remove(name);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(())
    }
}

fn include(query: &Query) -> Result<Include, Unfit> {
    match query.get("includeObject") {
        None | Some("" | "Metadata") => Ok(Include::Metadata),
        Some("None") => Ok(Include::Nothing),
        Some("Object") => Ok(Include::Object),
        Some(_) => Err(Unfit::IncludeObject),
    }
}

/// One clause of an `Accept`.
struct Clause<'a> {
    weight: f32,
    kind: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

/// All clauses, the one that is wanted most first. Without any, everything is taken.
fn clauses(headers: &HeaderMap) -> Result<Vec<Clause<'_>>, Unfit> {
    let mut clauses = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        let value = value.to_str().or(Err(Unfit::NotAcceptable))?;
        clauses.extend(value.split(',').take(MAX_CLAUSES).filter_map(Clause::read));
    }
    if !headers.contains_key(header::ACCEPT) {
        clauses.extend(Clause::read("*/*"));
    }
    // The sort is stable: among equals, the first one.
    clauses.sort_by(|a, b| {
        b.weight.total_cmp(&a.weight).then_with(|| a.kind.contains('*').cmp(&b.kind.contains('*')))
    });
    Ok(clauses)
}

impl<'a> Clause<'a> {
    fn read(text: &'a str) -> Option<Clause<'a>> {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().filter(|kind| !kind.is_empty())?;
        let mut clause = Clause { weight: 1.0, kind, parameters: Vec::new() };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            match name {
                "q" => clause.weight = value.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?,
                _ => clause.parameters.push((name, value)),
            }
        }
        (clause.weight > 0.0).then_some(clause)
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// What it asks for, if it can be served.
    fn shape(&self, reads: Reads, include: Include) -> Option<Shape> {
        let json = ["application/json", "application/*", "*/*"];
        if !json.iter().any(|kind| self.kind.eq_ignore_ascii_case(kind)) {
            return None;
        }
        match self.parameter("stream") {
            None | Some("") => {}
            Some("watch") if reads == Reads::Watch => {}
            Some(_) => return None,
        }
        let version = match (self.parameter("g"), self.parameter("v")) {
            (Some("meta.k8s.io"), Some("v1")) => Some(Version::V1),
            (Some("meta.k8s.io"), Some("v1beta1")) => Some(Version::V1Beta1),
            _ => None,
        };
        match (self.parameter("as"), reads) {
            (None, _) => Some(Shape::Plain),
            (Some("Table"), _) => Some(Shape::Table(version?, include)),
            (Some("PartialObjectMetadata"), Reads::One | Reads::Watch)
            | (Some("PartialObjectMetadataList"), Reads::List) => Some(Shape::Metadata(version?)),
            (Some(_), _) => None,
        }
    }
}

#[cfg(test)]
mod tests;
