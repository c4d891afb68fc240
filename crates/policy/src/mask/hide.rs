//! Walking an object to where the paths lead.

use serde_json::{Map, Value};

use super::path::{Path, Step};
use super::shown::{Place, cover};

/// Where kubectl keeps the whole manifest that it applied last, values included.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What is shown of it: a manifest, so that `kubectl apply` can still work out its patch, of one annotation
/// that the object does not have. It has the marker in it, so that it can't be written back.
const APPLIED: &str = r#"{"metadata":{"annotations":{"drawbridge.dev/masked":"DrawbridgeMasked"}}}"#;

pub(super) fn hide(paths: &[Path], object: &mut Value) {
    for path in paths {
        walk(object, path.steps(), Place::default());
    }
    hide_copies(object, "");
}

/// A value that isn't what the path says (a list where it says object, a text where it goes on) is hidden as
/// a whole.
fn walk(value: &mut Value, steps: &[Step], place: Place<'_>) {
    let Some((step, rest)) = steps.split_first() else { return cover(value, place) };
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => {
            if let Some(value) = map.get_mut(key) {
                walk(value, rest, place.under(key));
            }
        }
        (Step::EveryKey, Value::Object(map)) => {
            map.iter_mut().for_each(|(key, value)| walk(value, rest, place.under(key)));
        }
        (Step::EveryElement, Value::Array(list)) => {
            list.iter_mut().for_each(|value| walk(value, rest, place));
        }
        (_, value) => cover(value, place),
    }
}

/// Hides what repeats values of the object, wherever it is: pod templates have annotations too.
///
/// `managedFields` go as a whole: their keys hold values of sets (`v:"…"`), and a PUT with the fields emptied
/// would make the API server forget who owns what; without them it keeps what it has.
fn hide_copies(value: &mut Value, key: &str) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(list) => list.iter_mut().for_each(|value| hide_copies(value, key)),
        Value::Object(map) => hide_in(map, key),
    }
}

fn hide_in(map: &mut Map<String, Value>, key: &str) {
    if key == "metadata" {
        map.remove("managedFields");
    }
    for (key, value) in map {
        if key == LAST_APPLIED {
            *value = Value::String(APPLIED.to_owned());
        } else {
            hide_copies(value, key);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{MARKER, Mask};
    use super::*;

    fn hidden(paths: &[&str], mut object: Value) -> Value {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        Mask::parse(&paths).expect("a mask").hide(&mut object);
        object
    }

    #[test]
    fn values_at_the_paths_are_hidden_and_all_others_stay() {
        assert_eq!(
            hidden(
                &["spec.containers[*].env[*].value", "metadata.annotations[\"a.b/c\"]"],
                json!({
                    "kind": "Pod",
                    "metadata": {"name": "p", "annotations": {"a.b/c": "s", "a.b/d": "shown"}},
                    "spec": {"containers": [
                        {"name": "a", "env": [{"name": "X", "value": "s"}, {"name": "Y", "valueFrom": {"a": "b"}}]},
                        {"name": "b"},
                    ]},
                })
            ),
            json!({
                "kind": "Pod",
                "metadata": {"name": "p", "annotations": {"a.b/c": MARKER, "a.b/d": "shown"}},
                "spec": {"containers": [
                    {"name": "a", "env": [{"name": "X", "value": MARKER}, {"name": "Y", "valueFrom": {"a": "b"}}]},
                    {"name": "b"},
                ]},
            })
        );
    }

    #[test]
    fn all_below_a_path_is_hidden() {
        let object = json!({"data": {"a": "s", "b": {"c": ["s", {"d": 7}]}}, "type": "Opaque"});
        let masked = json!({"data": {"a": MARKER, "b": {"c": [MARKER, {"d": 0}]}}, "type": "Opaque"});
        assert_eq!(hidden(&["data.*"], object.clone()), masked);
        assert_eq!(hidden(&["data"], object), masked);
    }

    #[test]
    fn a_value_of_another_shape_than_the_path_says_is_hidden_whole() {
        assert_eq!(hidden(&["a.b"], json!({"a": ["s", {"c": "s"}]})), json!({"a": [MARKER, {"c": MARKER}]}));
        assert_eq!(hidden(&["a.b"], json!({"a": "s"})), json!({"a": MARKER}));
        assert_eq!(hidden(&["a.*"], json!({"a": ["s"]})), json!({"a": [MARKER]}));
        assert_eq!(hidden(&["a[*]"], json!({"a": {"b": "s"}})), json!({"a": {"b": MARKER}}));
        assert_eq!(
            hidden(&["a[*].b"], json!({"a": ["s", {"b": 1, "c": 1}]})),
            json!({"a": [MARKER, {"b": 0, "c": 1}]})
        );
        assert_eq!(hidden(&["a.b"], json!({"a": null})), json!({"a": null}));
        assert_eq!(hidden(&["a.b"], json!("s")), json!(MARKER));
    }

    #[test]
    fn copies_of_the_values_are_hidden_whatever_the_paths_say() {
        let object = json!({
            "metadata": {
                "annotations": {LAST_APPLIED: "{\"data\":{\"a\":\"s\"}}"},
                "managedFields": [{"manager": "m", "fieldsV1": {"f:x": {"v:\"s\"": {}}}}],
            },
            "spec": {"template": {"metadata": {"annotations": {LAST_APPLIED: "s"}, "managedFields": "s"}}},
            "data": {"managedFields": "mine"},
        });
        assert_eq!(
            hidden(&["x"], object),
            json!({
                "metadata": {"annotations": {LAST_APPLIED: APPLIED}},
                "spec": {"template": {"metadata": {"annotations": {LAST_APPLIED: APPLIED}}}},
                "data": {"managedFields": "mine"},
            })
        );
    }

    #[test]
    fn what_is_shown_of_the_last_applied_manifest_is_a_manifest_with_the_marker() {
        let shown: Value = serde_json::from_str(APPLIED).expect("JSON");
        assert_eq!(shown["metadata"]["annotations"]["drawbridge.dev/masked"], MARKER);
    }
}
