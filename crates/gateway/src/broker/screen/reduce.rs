//! What is left of an object, or of a list's head, where not all of it is written.

use serde_json::{Map, Value};

use super::Fault;
use super::form::Version;

/// What of a list's own metadata is written on. `continue` goes through `seal`. How many objects are left
/// (`remainingItemCount`) would tell of those that are hidden.
const LIST_METADATA: [&str; 3] = ["resourceVersion", "selfLink", "shardInfo"];

/// What of an object's metadata names it.
const NAMES: [&str; 4] = ["name", "namespace", "uid", "resourceVersion"];

/// Makes a `continue` token one that tells nothing.
pub(super) type Seal = Box<dyn FnMut(&str) -> Result<String, Fault> + Send>;

/// The object as `PartialObjectMetadata`.
pub(super) fn partial(mut whole: Value, version: Version) -> Value {
    let none = || Value::Object(Map::new());
    let metadata = whole.get_mut("metadata").map_or_else(none, Value::take);
    object([
        ("kind", "PartialObjectMetadata".into()),
        ("apiVersion", version.api_version().into()),
        ("metadata", metadata),
    ])
}

/// Of an object that the caller may not see any longer, what it needs to forget it.
pub(super) fn stripped(object: &Value) -> Value {
    let mut left = picked(Some(object), &["kind", "apiVersion"]);
    left.insert("metadata".to_owned(), Value::Object(picked(object.get("metadata"), &NAMES)));
    Value::Object(left)
}

/// A list's own metadata.
pub(super) fn list_metadata(metadata: &Value, seal: &mut Seal) -> Result<Value, Fault> {
    let mut left = picked(Some(metadata), &LIST_METADATA);
    match metadata.get("continue") {
        None | Some(Value::Null) => {}
        Some(Value::String(token)) if token.is_empty() => {}
        Some(Value::String(token)) => {
            left.insert("continue".to_owned(), Value::String(seal(token)?));
        }
        Some(_) => return Err(Fault::Form("its continue token is no text")),
    }
    Ok(Value::Object(left))
}

/// Some members of an object.
pub(super) fn picked(from: Option<&Value>, names: &[&str]) -> Map<String, Value> {
    let value = |name: &&str| Some(((*name).to_owned(), from?.get(*name)?.clone()));
    names.iter().filter_map(value).collect()
}

/// An object of these members.
pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
