//! Patches, as far as a decision reads them: whether one touches `metadata.ownerReferences`.

use super::error::BodyError;
use super::json::{Json, Map};

const OWNERS: &str = "ownerReferences";

/// Whether a patch touches the owner references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    Nothing,
    /// It may change them.
    Owners,
}

/// A JSON patch (RFC 6902): any operation but `test` whose `path` (or, of a move, whose `from`) is at, above
/// or below `/metadata/ownerReferences`.
pub(super) fn json_patch(patch: &Json) -> Result<Touch, BodyError> {
    let Json::List(operations) = patch else { return Err(shape("a JSON patch is a list of operations")) };
    let mut touch = Touch::Nothing;
    for operation in operations {
        let Json::Map(operation) = operation else { return Err(shape("an operation is an object")) };
        let text = |key: &str| match operation.get(key) {
            Some(Json::Text(text)) => Ok(text.as_str()),
            Some(_) | None => {
                Err(shape("an operation has op and path, and move and copy have from, as texts"))
            }
        };
        let path = meets_owners(text("path")?)?;
        let met = match text("op")? {
            "test" => false,
            "add" | "remove" | "replace" => path,
            "copy" => {
                meets_owners(text("from")?)?;
                path
            }
            "move" => path || meets_owners(text("from")?)?,
            _ => return Err(shape("an op is add, remove, replace, move, copy or test")),
        };
        if met {
            touch = Touch::Owners;
        }
    }
    Ok(touch)
}

/// Whether a JSON pointer is at, above or below the owner references.
fn meets_owners(pointer: &str) -> Result<bool, BodyError> {
    Ok(steps(pointer)?.iter().zip(["metadata", OWNERS]).all(|(step, owners)| step == owners))
}

/// The steps of a JSON pointer (RFC 6901). One without its leading slash is refused: the API server's reader
/// drops what stands before the first slash.
pub(crate) fn steps(pointer: &str) -> Result<Vec<String>, BodyError> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let rest = pointer.strip_prefix('/').ok_or_else(|| shape("a path begins with '/'"))?;
    let steps = rest.split('/').map(unescape).collect::<Option<Vec<_>>>();
    steps.ok_or_else(|| shape("a path has '~' only in ~0 and ~1"))
}

fn unescape(step: &str) -> Option<String> {
    let mut pieces = step.split('~');
    let mut text = pieces.next()?.to_owned();
    for piece in pieces {
        if let Some(rest) = piece.strip_prefix('0') {
            text.push('~');
            text.push_str(rest);
        } else {
            text.push('/');
            text.push_str(piece.strip_prefix('1')?);
        }
    }
    Some(text)
}

/// A merge patch (RFC 7396), a strategic merge patch (Kubernetes, "Update API Objects in Place Using kubectl
/// patch") or an apply body: anything at `metadata.ownerReferences`, a directive about it, or one that
/// replaces what holds it.
pub(super) fn merge(patch: &Map) -> Touch {
    let whole = patch.keys().any(|key| matches!(key, "$patch" | "$retainKeys") || key.ends_with("/metadata"));
    let inside = match patch.get("metadata") {
        None => false,
        Some(Json::Map(metadata)) => metadata.keys().any(|key| {
            let directive = key.strip_prefix('$').and_then(|rest| rest.split_once('/'));
            matches!(key, OWNERS | "$patch" | "$retainKeys")
                || directive.is_some_and(|(_, field)| field == OWNERS)
        }),
        // null takes the metadata away, owner references included; nothing else is a patch of an object.
        Some(_) => true,
    };
    if whole || inside { Touch::Owners } else { Touch::Nothing }
}

fn shape(what: &str) -> BodyError {
    BodyError::Shape(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Touch {
        json_patch(&Json::read(text.as_bytes()).expect("JSON")).expect("a patch")
    }

    fn merged(text: &str) -> Touch {
        match Json::read(text.as_bytes()) {
            Ok(Json::Map(map)) => merge(&map),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn json_patches_touch_owners_from_every_side() {
        for text in [
            r#"[{"op":"add","path":"/metadata/ownerReferences","value":[]}]"#,
            r#"[{"op":"add","path":"/metadata/ownerReferences/-","value":{}}]"#,
            r#"[{"op":"replace","path":"/metadata/ownerReferences/0/uid","value":"x"}]"#,
            r#"[{"op":"remove","path":"/metadata"}]"#,
            r#"[{"op":"replace","path":"","value":{}}]"#,
            r#"[{"op":"move","from":"/metadata/ownerReferences","path":"/metadata/annotations/x"}]"#,
            r#"[{"op":"copy","from":"/spec","path":"/metadata/ownerReferences"}]"#,
            r#"[{"op":"test","path":"/a","value":1},{"op":"remove","path":"/metadata/ownerReferences/0"}]"#,
        ] {
            assert_eq!(json(text), Touch::Owners, "{text}");
        }
        for text in [
            "[]",
            r#"[{"op":"replace","path":"/spec/replicas","value":1}]"#,
            r#"[{"op":"add","path":"/metadata/annotations/a~1b","value":"x"}]"#,
            r#"[{"op":"test","path":"/metadata/ownerReferences/0/uid","value":"x"}]"#,
            r#"[{"op":"add","path":"/spec/template/metadata/ownerReferences","value":[]}]"#,
            r#"[{"op":"add","path":"/metadata/ownerReferences~1x","value":[]}]"#,
        ] {
            assert_eq!(json(text), Touch::Nothing, "{text}");
        }
    }

    #[test]
    fn json_patches_that_readers_take_apart_differently_are_refused() {
        for text in [
            "{}",
            "[1]",
            r#"[{"op":"add","value":1}]"#,
            r#"[{"op":"add","path":"x/metadata/ownerReferences","value":[]}]"#,
            r#"[{"op":"add","path":"/a~2b","value":[]}]"#,
            r#"[{"op":"Add","path":"/a","value":[]}]"#,
            r#"[{"op":"move","path":"/a"}]"#,
            r#"[{"op":"add","path":["a"],"value":[]}]"#,
        ] {
            let patch = Json::read(text.as_bytes()).expect("JSON");
            assert!(json_patch(&patch).is_err(), "{text}");
        }
    }

    #[test]
    fn merge_patches_touch_owners_by_value_and_by_directive() {
        for text in [
            r#"{"metadata":{"ownerReferences":[]}}"#,
            r#"{"metadata":{"ownerReferences":null}}"#,
            r#"{"metadata":null}"#,
            r#"{"$patch":"replace"}"#,
            r#"{"metadata":{"$patch":"replace"}}"#,
            r#"{"metadata":{"$retainKeys":["name"]}}"#,
            r#"{"metadata":{"$setElementOrder/ownerReferences":[]}}"#,
            r#"{"metadata":{"$deleteFromPrimitiveList/ownerReferences":[]}}"#,
            r#"{"$retainKeys":["spec"]}"#,
        ] {
            assert_eq!(merged(text), Touch::Owners, "{text}");
        }
        for text in [
            "{}",
            r#"{"spec":{"$patch":"replace","template":{"metadata":{"ownerReferences":[]}}}}"#,
            r#"{"metadata":{"labels":{"a":"b"},"$deleteFromPrimitiveList/finalizers":["x"]}}"#,
        ] {
            assert_eq!(merged(text), Touch::Nothing, "{text}");
        }
    }
}
