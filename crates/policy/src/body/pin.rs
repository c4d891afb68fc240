//! What ties a request to one state of one object: the caller's own, and ours.

use super::json::{Json, Map};

/// What a write is bound to, so that it changes what was looked at or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub(crate) uid: String,
    pub(crate) resource_version: Option<String>,
}

impl Pin {
    /// To the object, in whatever state.
    pub(crate) fn object(uid: &str) -> Self {
        Self { uid: uid.to_owned(), resource_version: None }
    }

    /// The `metadata.uid` that was put into what is sent.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The `metadata.resourceVersion`, where the object was looked into.
    #[must_use]
    pub fn resource_version(&self) -> Option<&str> {
        self.resource_version.as_deref()
    }

    /// The fields of metadata, or of preconditions, that it sets.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let version = self.resource_version.as_deref().map(|version| ("resourceVersion", version));
        std::iter::once(("uid", self.uid.as_str())).chain(version)
    }

    /// The same object with the pin in its metadata, which is made where there is none.
    pub(super) fn put_into(&self, object: &Map) -> Map {
        let mut object = object.clone();
        let mut metadata = match object.get("metadata") {
            Some(Json::Map(metadata)) => metadata.clone(),
            Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_)) | None => {
                Map::default()
            }
        };
        for (field, text) in self.fields() {
            metadata.set(field, Json::text(text));
        }
        object.set("metadata", Json::Map(metadata));
        object
    }

    /// The operations of a JSON patch that set it: after the caller's, so that none of theirs can take it
    /// away again. A `test` would be answered with 422 instead of 409.
    pub(super) fn operations(&self) -> impl Iterator<Item = Json> {
        self.fields().map(|(field, text)| {
            Json::Map(Map::from_iter([
                ("op".to_owned(), Json::text("add")),
                ("path".to_owned(), Json::Text(format!("/metadata/{field}"))),
                ("value".to_owned(), Json::text(text)),
            ]))
        })
    }
}

/// What the caller bound its request to itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
}

impl Asked {
    /// In an object's metadata.
    pub(super) fn of_metadata(object: &Map) -> Self {
        let Some(Json::Map(metadata)) = object.get("metadata") else { return Self::default() };
        let text = |key: &str| match metadata.get(key) {
            Some(Json::Text(text)) if !text.is_empty() => Some(text.clone()),
            Some(_) | None => None,
        };
        Self { uid: text("uid"), resource_version: text("resourceVersion") }
    }

    /// In the operations of a JSON patch: the last one counts.
    pub(super) fn of_operations(patch: &Json) -> Self {
        let mut asked = Self::default();
        let Json::List(operations) = patch else { return asked };
        for operation in operations {
            let Json::Map(operation) = operation else { continue };
            let text = |key: &str| match operation.get(key) {
                Some(Json::Text(text)) => Some(text.as_str()),
                Some(_) | None => None,
            };
            let sets = matches!(text("op"), Some("add" | "replace" | "test"));
            let value = text("value").filter(|value| sets && !value.is_empty()).map(str::to_owned);
            match text("path") {
                Some("/metadata/uid") => asked.uid = value,
                Some("/metadata/resourceVersion") => asked.resource_version = value,
                Some(_) | None => {}
            }
        }
        asked
    }
}
