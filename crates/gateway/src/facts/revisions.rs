//! The pod templates that a workload really had: those of the ReplicaSets or ControllerRevisions whose
//! controller is this very object.

use serde_json::Value;

use super::{Asking, present};
use crate::broker::screen::query;
use crate::errand::Wish;
use crate::refusal::Refusal;
use crate::telemetry::Called;

/// The most revisions that are looked at: a workload keeps ten unless it says otherwise, and those of others
/// count only where they have its labels.
const MOST: usize = 500;

/// Where a ReplicaSet says which revision it is.
const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

impl Asking<'_> {
    /// The templates, newest first. None: there are none, or they can't be read.
    pub(super) async fn revisions(self, live: Option<&Value>) -> Result<Option<Vec<Value>>, Refusal> {
        let (Some(live), Some(resource)) = (live, self.case.attributes().resource()) else { return Ok(None) };
        let kept = match (resource.group(), resource.resource()) {
            ("apps", "deployments") => "replicasets",
            ("apps", "statefulsets" | "daemonsets") => "controllerrevisions",
            _ => return Ok(None),
        };
        let Some(selector) = live.pointer("/spec/selector").and_then(selector) else { return Ok(None) };
        let namespace = resource.namespace();
        let path = format!("/apis/apps/v1/namespaces/{namespace}/{kept}?limit={MOST}");
        let path = query::with(&path, "labelSelector", &selector);
        let read = self.one(Called::Revisions, Wish::Revisions(&path)).await?;
        Ok(present(read).and_then(|list| templates(&list, live)))
    }
}

/// A workload's selector as a query has it. Controllers keep only revisions that it selects.
fn selector(selector: &Value) -> Option<String> {
    let mut terms = Vec::new();
    if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
        for (key, value) in labels {
            terms.push(format!("{key}={}", value.as_str()?));
        }
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression.get("key")?.as_str()?;
        let values = expression.get("values").and_then(Value::as_array);
        let values = || -> Option<String> {
            let words: Option<Vec<_>> = values?.iter().map(Value::as_str).collect();
            Some(words?.join(","))
        };
        terms.push(match expression.get("operator")?.as_str()? {
            "In" => format!("{key} in ({})", values()?),
            "NotIn" => format!("{key} notin ({})", values()?),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!terms.is_empty()).then(|| terms.join(","))
}

/// Of the revisions in a list those that are the workload's. None: the list isn't whole.
fn templates(list: &Value, live: &Value) -> Option<Vec<Value>> {
    let cut = list.pointer("/metadata/continue").and_then(Value::as_str).is_some_and(|more| !more.is_empty());
    let items = list.get("items")?.as_array().filter(|_| !cut)?;
    let uid = live.pointer("/metadata/uid")?.as_str()?;
    let mut own: Vec<(i64, Value)> = items
        .iter()
        .filter(|item| is_controlled_by(item, uid))
        .filter_map(|item| Some((number(item)?, template(item)?)))
        .collect();
    own.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    Some(own.into_iter().map(|(_, template)| template).collect())
}

fn is_controlled_by(item: &Value, uid: &str) -> bool {
    let owners = item.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.is_some_and(|owners| {
        owners.iter().any(|owner| {
            owner.get("controller").and_then(Value::as_bool) == Some(true)
                && owner.get("uid").and_then(Value::as_str) == Some(uid)
        })
    })
}

fn number(item: &Value) -> Option<i64> {
    let of_revision = item.get("revision").and_then(Value::as_i64);
    of_revision.or_else(|| item.pointer(REVISION)?.as_str()?.parse().ok())
}

/// The template as the workload had it: the controllers add a label to a ReplicaSet's, and a directive to a
/// ControllerRevision's.
fn template(item: &Value) -> Option<Value> {
    let mut template =
        item.pointer("/data/spec/template").or_else(|| item.pointer("/spec/template"))?.clone();
    if let Some(template) = template.as_object_mut() {
        template.remove("$patch");
    }
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        if metadata.get("creationTimestamp").is_some_and(Value::is_null) {
            metadata.remove("creationTimestamp");
        }
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            labels.remove("pod-template-hash");
        }
    }
    Some(template)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn replica_set(revision: &str, image: &str, uid: &str, controller: bool) -> Value {
        json!({
            "metadata": {
                "annotations": {"deployment.kubernetes.io/revision": revision},
                "ownerReferences": [{"uid": uid, "controller": controller}],
            },
            "spec": {"template": {
                "metadata": {"labels": {"app": "a", "pod-template-hash": "x"}, "creationTimestamp": null},
                "spec": {"image": image},
            }},
        })
    }

    #[test]
    fn only_what_the_workload_itself_controls_counts_and_the_newest_comes_first() {
        let list = json!({"metadata": {}, "items": [
            replica_set("2", "b", "u", true),
            replica_set("10", "c", "u", true),
            replica_set("11", "evil", "u", false),
            replica_set("12", "evil", "v", true),
        ]});
        let template = |image: &str| json!({"metadata": {"labels": {"app": "a"}}, "spec": {"image": image}});
        let live = json!({"metadata": {"uid": "u"}});
        assert_eq!(templates(&list, &live), Some(vec![template("c"), template("b")]));
    }

    #[test]
    fn a_selector_is_written_as_a_query_has_it_and_one_that_cannot_be_is_none() {
        let of = |value: Value| selector(&value);
        let expression = |operator: &str| json!({"key": "b", "operator": operator, "values": ["x", "y"]});
        let all = ["In", "NotIn", "Exists", "DoesNotExist"].map(expression);
        let whole = json!({"matchLabels": {"a": "1"}, "matchExpressions": all});
        assert_eq!(of(whole).as_deref(), Some("a=1,b in (x,y),b notin (x,y),b,!b"));
        assert_eq!(of(json!({"matchExpressions": [expression("Near")]})), None);
        assert_eq!(of(json!({"matchLabels": {"a": 1}})), None);
        assert_eq!(of(json!({})), None);
    }

    #[test]
    fn a_controller_revision_is_read_and_a_list_that_is_cut_is_none() {
        let revision = json!({
            "metadata": {"ownerReferences": [{"uid": "u", "controller": true}]},
            "revision": 3,
            "data": {"spec": {"template": {"$patch": "replace", "spec": {"image": "a"}}}},
        });
        let live = json!({"metadata": {"uid": "u"}});
        let list = json!({"metadata": {}, "items": [revision]});
        assert_eq!(templates(&list, &live), Some(vec![json!({"spec": {"image": "a"}})]));
        let cut = json!({"metadata": {"continue": "x"}, "items": []});
        assert_eq!(templates(&cut, &live), None);
    }
}
