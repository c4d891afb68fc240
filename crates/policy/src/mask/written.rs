//! What a caller sends under a mask.
//!
//! Three things are refused: operations that would carry a hidden value elsewhere or compare it; what a mask
//! shows, sent back in the place of what it hides; and values for hidden fields of an object that is there.
//! The last since the answer tells whether the value was the one that is there already: apply conflicts, an
//! immutable field is refused, a dry run counts the generation up, only if it differs. Each can be asked
//! again and again without changing anything. What takes a hidden value away may pass.

use super::Mask;
use super::breach::MaskBreach;
use super::hide::LAST_APPLIED;
use super::path::{Meets, Path, Step};
use super::shown::{DECODED, MARKER};
use crate::body::{BodyError, Json, Kind, Map, Payload, Reading, pointer_steps};

impl Mask {
    /// Refuses a body that must not be sent under this mask. `reading` is what was read of `payload`;
    /// [`MaskBreach::Sets`] comes only if nothing else is wrong.
    pub(super) fn check_body(&self, reading: &Reading, payload: &Payload) -> Result<(), MaskBreach> {
        if holds_marker(payload.bytes()) {
            return Err(MaskBreach::Marker);
        }
        match reading {
            // Of a new object there is nothing yet that a value could be compared with.
            Reading::Opaque
            | Reading::Delete(_)
            | Reading::Create(..)
            | Reading::Review(_)
            | Reading::Evict(..) => Ok(()),
            Reading::Patch(Kind::JsonPatch, _, Json::List(operations)) => self.check_operations(operations),
            Reading::Patch(kind, _, Json::Map(map)) => {
                self.check_object(map, Directives::of(*kind == Kind::StrategicPatch))
            }
            Reading::Patch(..) => Err(BodyError::Shape("it is no patch".to_owned()).into()),
            Reading::Update(_, object) => match object.json() {
                Some(map) => self.check_object(map, Directives::None),
                None => Err(MaskBreach::Protobuf),
            },
            Reading::Apply(_, object) => match object.json() {
                Some(map) if sets_last_applied(map) => {
                    Err(MaskBreach::Sets { path: format!("metadata.annotations[\"{LAST_APPLIED}\"]") })
                }
                Some(map) => self.check_object(map, Directives::None),
                None => Err(MaskBreach::Protobuf),
            },
        }
    }

    fn check_object(&self, map: &Map, directives: Directives) -> Result<(), MaskBreach> {
        match self.paths.iter().find(|path| map_sets(map, path.steps(), directives)) {
            Some(path) => Err(MaskBreach::Sets { path: path.to_string() }),
            None => Ok(()),
        }
    }

    fn check_operations(&self, operations: &[Json]) -> Result<(), MaskBreach> {
        let operations = operations.iter().map(Operation::read).collect::<Result<Vec<_>, _>>()?;
        for (index, operation) in operations.iter().enumerate() {
            let op = match operation.op {
                "test" => "test",
                "copy" => "copy",
                "move" => "move",
                _ => continue,
            };
            let mut ends = std::iter::once(&operation.path).chain(&operation.from);
            if let Some(path) = ends.find_map(|end| self.hidden_at(end)) {
                return Err(MaskBreach::Reads { op, index, path });
            }
        }
        let sets = |path: &&Path| operations.iter().any(|operation| operation.sets(path));
        match self.paths.iter().find(sets) {
            Some(path) => Err(MaskBreach::Sets { path: path.to_string() }),
            None => Ok(()),
        }
    }

    /// What is hidden at, above or below a place; copies that are always hidden count.
    fn hidden_at(&self, place: &[String]) -> Option<String> {
        let copies = [&["metadata", "managedFields"], &["metadata", "annotations"]];
        let below_copy = |copy: &&[&str; 2]| place.iter().zip(copy.iter()).all(|(step, key)| step == key);
        if place.iter().any(|step| step == LAST_APPLIED || step == "managedFields") {
            return Some("metadata".to_owned());
        }
        if let Some(copy) = copies.iter().find(|copy| place.len() <= copy.len() && below_copy(copy)) {
            return Some(copy.join("."));
        }
        let path = self.paths.iter().find(|path| path.meets(place, Meets::OrElement))?;
        Some(path.to_string())
    }
}

struct Operation<'a> {
    op: &'a str,
    path: Vec<String>,
    /// Of a copy and a move.
    from: Option<Vec<String>>,
    value: Option<&'a Json>,
}

impl<'a> Operation<'a> {
    fn read(operation: &'a Json) -> Result<Self, BodyError> {
        let refuse =
            || BodyError::Shape("an operation has op and path, and move and copy have from".to_owned());
        let Json::Map(map) = operation else { return Err(refuse()) };
        let text = |key| match map.get(key) {
            Some(Json::Text(text)) => Ok(text.as_str()),
            Some(_) | None => Err(refuse()),
        };
        let (op, path) = (text("op")?, pointer_steps(text("path")?)?);
        let from = matches!(op, "copy" | "move").then(|| pointer_steps(text("from")?)).transpose()?;
        Ok(Self { op, path, from, value: map.get("value") })
    }

    fn sets(&self, path: &Path) -> bool {
        let Some(value) = self.value.filter(|_| matches!(self.op, "add" | "replace")) else { return false };
        path.below(&self.path, Meets::OrElement).is_some_and(|steps| sets(value, steps, Directives::None))
    }
}

/// Whether keys that begin with `$` say something about others, as in a strategic merge patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directives {
    None,
    Strategic,
}

impl Directives {
    const fn of(strategic: bool) -> Self {
        if strategic { Self::Strategic } else { Self::None }
    }

    /// The field that a key is about: of `$deleteFromPrimitiveList/a`, which takes away what it guesses
    /// right, `a`; None for what is about the object that it is in.
    fn field(self, key: &str) -> Option<&str> {
        match key.strip_prefix('$') {
            Some(directive) if self == Self::Strategic => directive.split_once('/').map(|(_, field)| field),
            Some(_) | None => Some(key),
        }
    }
}

/// Whether something is said about a value at the path. Where the shape isn't what the path says, all of it
/// counts, since all of it would be hidden.
fn sets(value: &Json, steps: &[Step], directives: Directives) -> bool {
    match (steps.split_first(), value) {
        (None | Some(_), Json::Null) => false,
        (Some(_), Json::Map(map)) => map_sets(map, steps, directives),
        (Some((Step::EveryElement, rest)), Json::List(list)) => {
            list.iter().any(|value| sets(value, rest, directives))
        }
        (Some(_), Json::List(list)) => list.iter().any(says_something),
        (None, value) => says_something(value),
        (Some(_), Json::Bool(_) | Json::Number(_) | Json::Text(_)) => true,
    }
}

fn map_sets(map: &Map, steps: &[Step], directives: Directives) -> bool {
    let Some((step, rest)) = steps.split_first() else { return map.values().any(says_something) };
    map.pairs().any(|(key, value)| match (step, directives.field(key)) {
        (_, None) => false,
        (Step::Key(name), Some(field)) => name == field && sets(value, rest, directives),
        (Step::EveryKey, Some(_)) => sets(value, rest, directives),
        (Step::EveryElement, Some(_)) => says_something(value),
    })
}

/// Whether there is a value in it: null takes values away, and empty lists and objects have none.
fn says_something(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(_) | Json::Number(_) | Json::Text(_) => true,
        Json::List(list) => list.iter().any(says_something),
        Json::Map(map) => map.values().any(says_something),
    }
}

/// Whether an apply body has the annotation that holds a whole manifest: apply conflicts unless it is the
/// same.
fn sets_last_applied(map: &Map) -> bool {
    let step = |key: &str| Step::Key(key.to_owned());
    map_sets(map, &[step("metadata"), step("annotations"), step(LAST_APPLIED)], Directives::None)
}

/// Whether what a mask shows is in a body of any type: as it is, as base64 decodes it, or escaped in JSON.
fn holds_marker(bytes: &[u8]) -> bool {
    let has = |needle: &[u8]| {
        let first = needle.first();
        bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| Some(*byte) == first)
            .any(|(at, _)| bytes.get(at..).is_some_and(|rest| rest.starts_with(needle)))
    };
    has(MARKER.as_bytes())
        || has(&DECODED)
        || has(b"\\u") && Json::read(bytes).is_ok_and(|json| says_marker(&json))
}

fn says_marker(json: &Json) -> bool {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
        Json::Text(text) => text.contains(MARKER),
        Json::List(list) => list.iter().any(says_marker),
        Json::Map(map) => map.pairs().any(|(key, value)| key.contains(MARKER) || says_marker(value)),
    }
}

#[cfg(test)]
mod tests;
