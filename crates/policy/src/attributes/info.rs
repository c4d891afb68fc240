//! The attributes in `RequestInfo`'s own words, for whoever compares them with the API server's.

use serde_json::{Value, json};

use super::{Attributes, Resource};

impl Attributes {
    /// The fields of `RequestInfo` (`k8s.io/apiserver/pkg/endpoints/request`, 1.37) as a JSON object. Strings
    /// are "" and `parts` is `[]` where there is nothing; in Go that is a nil slice.
    #[must_use]
    pub fn request_info(&self) -> Value {
        let resource = self.resource();
        let text = |read: fn(&Resource) -> &str| resource.map(read).unwrap_or_default();
        json!({
            "isResourceRequest": resource.is_some(),
            "path": self.plain_path(),
            "verb": self.verb().as_str(),
            "apiPrefix": self.api_prefix(),
            "apiGroup": text(Resource::group),
            "apiVersion": text(Resource::version),
            "namespace": text(Resource::namespace),
            "resource": text(Resource::resource),
            "subresource": text(Resource::subresource),
            "name": text(Resource::name),
            "parts": resource.map(Resource::parts).unwrap_or_default(),
            "fieldSelector": self.field_selector(),
            "labelSelector": self.label_selector(),
        })
    }
}
