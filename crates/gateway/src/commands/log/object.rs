//! `--object`: which object, as people type it.

/// What narrows a search to one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) namespace: Option<String>,
    pub(super) resource: Option<String>,
    pub(super) name: Option<String>,
}

/// Reads NAMESPACE/KIND/NAME or KIND/NAME.
pub(super) fn read(text: &str) -> Result<Object, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let (namespace, kind, name) = match parts.as_slice() {
        [namespace, kind, name] => (Some(*namespace), *kind, *name),
        [kind, name] => (None, *kind, *name),
        _ => return Err(format!("{text:?} is no object; write NAMESPACE/KIND/NAME or KIND/NAME")),
    };
    if kind.is_empty() || name.is_empty() || namespace == Some("") {
        return Err(format!("a part of {text:?} is empty; write NAMESPACE/KIND/NAME or KIND/NAME"));
    }
    Ok(Object {
        namespace: namespace.map(str::to_owned),
        resource: Some(resource(kind)),
        name: Some(name.to_owned()),
    })
}

/// The resource that the record has for a kind: lower case, plural, without its group. Kubernetes makes
/// plurals by the same three rules (apimachinery's `UnsafeGuessKindToResource`).
fn resource(kind: &str) -> String {
    let kind = kind.split('.').next().unwrap_or(kind).to_ascii_lowercase();
    if kind.ends_with("ss") {
        return format!("{kind}es");
    }
    if kind.ends_with('s') {
        return kind;
    }
    match kind.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        Some(_) | None => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> [String; 3] {
        let object = read(text).unwrap();
        [object.namespace, object.resource, object.name].map(Option::unwrap_or_default)
    }

    #[test]
    fn an_object_has_a_kind_a_name_and_maybe_a_namespace() {
        assert_eq!(parts("batch/jobs/nightly-1"), ["batch", "jobs", "nightly-1"]);
        assert_eq!(parts("ci/Job/x"), ["ci", "jobs", "x"]);
        assert_eq!(parts("web/deployments.apps/x"), ["web", "deployments", "x"]);
        assert_eq!(parts("web/ingress/x"), ["web", "ingresses", "x"]);
        assert_eq!(parts("web/networkpolicy/x"), ["web", "networkpolicies", "x"]);
        assert_eq!(parts("node/n1"), ["", "nodes", "n1"]);
        for bad in ["", "x", "a//b", "/jobs/x", "a/b/c/d", "jobs/"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
