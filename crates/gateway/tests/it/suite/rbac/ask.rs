//! What an authorizer is asked, and how the API server is asked it for somebody else.

use serde_json::{Value, json};

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    /// A verb on a resource.
    Resource(On),
    /// A method, in lower case, on a path.
    Path { verb: String, path: String },
}

/// A verb on a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct On {
    pub(super) verb: &'static str,
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) resource: &'static str,
    pub(super) subresource: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl On {
    pub(super) fn verb(&self, verb: &'static str) -> On {
        On { verb, ..self.clone() }
    }

    /// The object, whatever subresource is asked for.
    pub(super) fn object(&self) -> On {
        On { subresource: "", ..self.clone() }
    }

    pub(super) fn writes(&self) -> bool {
        ["create", "update", "patch", "delete", "deletecollection"].contains(&self.verb)
    }
}

impl Ask {
    /// A `SubjectAccessReview` about a user of nothing but `system:authenticated`.
    pub(super) fn review(&self, user: &str) -> Value {
        let mut spec = json!({ "user": user, "groups": ["system:authenticated"] });
        match self {
            Ask::Resource(on) => {
                spec["resourceAttributes"] = json!({
                    "verb": on.verb,
                    "group": on.group,
                    "version": on.version,
                    "resource": on.resource,
                    "subresource": on.subresource,
                    "namespace": on.namespace,
                    "name": on.name,
                });
            }
            Ask::Path { verb, path } => {
                spec["nonResourceAttributes"] = json!({ "verb": verb, "path": path });
            }
        }
        json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec })
    }
}
