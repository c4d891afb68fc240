//! Whether the cluster refused a pinned write because what was looked at is not there any more: then it is
//! decided again. Told by the API server's own words, since its status has nothing better.

use drawbridge_policy::Pin;
use serde_json::Value;

/// What the API server says of a precondition that names another object or another state of it, of an apply
/// where there is no object, and of a resourceVersion that isn't the present one (`Preconditions.Check` in
/// `k8s.io/apiserver/pkg/storage`; `rest.BeforeDelete` and `Store` in `pkg/registry`).
const UID: [&str; 3] = ["UID in precondition", "UID in the precondition", "uid mismatch"];
const VERSION: [&str; 3] = [
    "ResourceVersion in precondition",
    "ResourceVersion in the precondition",
    "the object has been modified",
];

/// Whether the answer to a write that was bound to `pin` says that the object is not what it was. Where there
/// is another object, an apply is told that the field metadata.uid never changes. A conflict between field
/// managers is the caller's own.
pub fn moved(answer: &[u8], pin: &Pin) -> bool {
    let Ok(status) = serde_json::from_slice::<Value>(answer) else { return false };
    let text = |value: &Value, field: &str| {
        let text = value.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let message = text(&status, "message");
    let causes = status.pointer("/details/causes").and_then(Value::as_array);
    let about = |field: &str, what: &str| {
        causes.is_some_and(|causes| causes.iter().any(|cause| text(cause, field) == what))
    };
    match text(&status, "reason").as_str() {
        "Conflict" if about("reason", "FieldManagerConflict") => false,
        "Conflict" => {
            let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
            says(&UID) || (pin.resource_version().is_some() && says(&VERSION))
        }
        "Invalid" => about("field", "metadata.uid"),
        _ => false,
    }
}
