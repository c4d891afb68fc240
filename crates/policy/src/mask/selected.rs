//! What is selected by: whether an object is among the answers tells what its field is.

use super::Mask;
use super::path::{Meets, Path};
use crate::attributes::{selected_fields, selected_labels};

/// Field selectors whose name is not the field's path in every version: what is selected by, and what it
/// reads (the `SelectableFields` of `k8s.io/kubernetes/pkg/registry`).
const READS: [(&str, &str); 10] = [
    ("status.successful", "status.succeeded"),
    ("status.podIP", "status.podIPs"),
    ("spec.clusterIP", "spec.clusterIPs"),
    ("involvedObject", "regarding"),
    ("source", "deprecatedSource"),
    ("source", "reportingController"),
    ("source", "reportingComponent"),
    ("reportingComponent", "reportingController"),
    ("reportingComponent", "source"),
    ("reportingComponent", "deprecatedSource"),
];

impl Mask {
    /// The first field of a field selector that the mask hides. A selector that can't be read hides itself.
    pub(crate) fn covers_field_selector(&self, selector: &str) -> Option<String> {
        let fields = match selected_fields(selector) {
            Ok(fields) => fields,
            Err(_unreadable) => return Some(selector.to_owned()),
        };
        fields.into_iter().find(|field| self.covers_field(field)).map(str::to_owned)
    }

    /// The first key of a label selector that the mask hides. A selector that can't be read hides itself.
    pub(crate) fn covers_label_selector(&self, selector: &str) -> Option<String> {
        let keys = match selected_labels(selector) {
            Ok(keys) => keys,
            Err(_unreadable) => return Some(selector.to_owned()),
        };
        keys.into_iter().find(|key| self.covers_label(key))
    }

    /// Whether the field that is selected by is hidden, or something in it or around it.
    fn covers_field(&self, field: &str) -> bool {
        let reads = READS.iter().filter_map(|(selector, reads)| {
            let rest =
                field.strip_prefix(selector).filter(|rest| rest.is_empty() || rest.starts_with('.'))?;
            Some(format!("{reads}{rest}"))
        });
        std::iter::once(field.to_owned()).chain(reads).any(|field| {
            let keys: Vec<&str> = field.split('.').collect();
            self.meets(&keys)
        })
    }

    fn covers_label(&self, key: &str) -> bool {
        self.meets(&["metadata", "labels", key])
    }

    fn meets(&self, keys: &[&str]) -> bool {
        self.paths.iter().any(|path: &Path| path.meets(keys, Meets::Exactly))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(path: &str) -> Mask {
        Mask::parse(&[path.to_owned()]).expect("a mask")
    }

    #[test]
    fn selectors_on_masked_fields_are_found_from_every_side() {
        for (path, selector) in [
            ("spec.nodeName", "spec.nodeName=a"),
            ("spec.nodeName", "metadata.name=x,spec.nodeName!=a"),
            ("spec", "spec.nodeName==a"),
            ("spec.*", "spec.nodeName=a"),
            ("type", "type=Opaque"),
            ("status.podIPs[*].ip", "status.podIP=10.0.0.1"),
            ("status.succeeded", "status.successful=1"),
            ("regarding.name", "involvedObject.name=x"),
            ("source.component", "source=kubelet"),
            ("reportingController", "source=kubelet"),
            ("spec.a.b", "spec.a=x"),
            ("spec.a", "no operator"),
        ] {
            assert!(mask(path).covers_field_selector(selector).is_some(), "{path} {selector}");
        }
        for (path, selector) in [
            ("spec.nodeName", "metadata.name=a"),
            ("spec.containers[*].env[*].value", "status.phase=Failed,spec.nodeName=a"),
            ("data.*", "type=Opaque"),
            ("spec.nodeName", ""),
        ] {
            assert_eq!(mask(path).covers_field_selector(selector), None, "{path} {selector}");
        }
    }

    #[test]
    fn selectors_on_masked_labels_are_found_however_they_are_written() {
        for path in ["metadata.labels", "metadata.labels.*", "metadata.labels[\"x/team\"]"] {
            for selector in
                ["x/team", "!x/team", "x/team=a", "a=b,x/team!=a", "x/team in (a,b)", "x/team > 1"]
            {
                assert!(mask(path).covers_label_selector(selector).is_some(), "{path} {selector}");
            }
        }
        assert_eq!(mask("metadata.labels[\"x/team\"]").covers_label_selector("team=a,x=b"), None);
        assert_eq!(mask("data.*").covers_label_selector("team=a"), None);
        assert!(mask("data.*").covers_label_selector("a=(").is_some());
    }
}
