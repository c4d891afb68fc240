//! Rules as people read them, in tables.

use serde_json::Value;

use crate::state::rights::Right;

/// The fields of a rule that have a place of their own in a table.
const SHOWN: &[&str] =
    &["name", "effect", "verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs", "acknowledge"];

/// The headings of [`cells`].
pub(super) const HEADINGS: [&str; 6] = ["CLUSTER", "NAMESPACES", "RULE", "EFFECT", "VERBS", "ON"];

/// What an agent holds on a cluster, as a row.
pub(super) fn cells(right: &Right) -> Vec<String> {
    let namespaces = right.namespaces.as_ref().map_or_else(|| "(all)".to_owned(), |names| names.join(","));
    let rule = &right.rule;
    let name = format!("{}/{}", right.scope, text(rule.get("name")));
    let mut cells = vec![right.cluster.clone(), namespaces, name];
    cells.extend(what(rule));
    cells
}

/// Effect, verbs and what they are on.
pub(super) fn what(rule: &Value) -> [String; 3] {
    let effect = rule.get("effect").and_then(Value::as_str).unwrap_or("allow").to_owned();
    [effect, list(rule, "verbs").join(","), on(rule)]
}

/// What a rule is about: `pods/log`, `jobs.batch`, a path; then what narrows it.
fn on(rule: &Value) -> String {
    let groups = list(rule, "apiGroups");
    let mut about: Vec<String> = list(rule, "resources")
        .iter()
        .flat_map(|resource| groups.iter().map(move |group| in_group(resource, group)))
        .collect();
    about.extend(list(rule, "nonResourceURLs"));
    let mut on = about.join(",");
    let names = list(rule, "resourceNames");
    if !names.is_empty() {
        on.push_str(&format!(" named {}", names.join(",")));
    }
    for (field, value) in rule.as_object().into_iter().flatten() {
        if !SHOWN.contains(&field.as_str()) {
            on.push_str(&format!("; {field}: {}", text(Some(value))));
        }
    }
    on
}

/// A resource with its group behind it, as kubectl writes it: `deployments.apps/scale`.
fn in_group(resource: &str, group: &str) -> String {
    match (group, resource.split_once('/')) {
        ("", _) => resource.to_owned(),
        (group, None) => format!("{resource}.{group}"),
        (group, Some((resource, subresource))) => format!("{resource}.{group}/{subresource}"),
    }
}

fn list(rule: &Value, field: &str) -> Vec<String> {
    let items = rule.get(field).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    items.iter().map(|item| text(Some(item))).collect()
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_says_what_it_is_on_and_what_narrows_it() {
        let rule = json!({"name": "a", "verbs": ["get", "list"], "apiGroups": ["", "apps"],
            "resources": ["pods/log", "deployments"], "resourceNames": ["x"], "when": "object.a"});
        assert_eq!(
            what(&rule),
            [
                "allow",
                "get,list",
                "pods/log,pods.apps/log,deployments,deployments.apps named x; when: object.a"
            ]
        );
        let rule = json!({"name": "a", "effect": "deny", "verbs": ["get"], "nonResourceURLs": ["/metrics"]});
        assert_eq!(what(&rule), ["deny", "get", "/metrics"]);
    }

    #[test]
    fn a_rule_s_row_names_cluster_namespaces_and_scope() {
        let right = Right {
            cluster: "prod".to_owned(),
            namespaces: None,
            scope: "s".to_owned(),
            rule: json!({"name": "r", "verbs": ["get"], "apiGroups": ["batch"], "resources": ["jobs"]}),
            grant: "g".to_owned(),
            until: None,
        };
        assert_eq!(cells(&right), ["prod", "(all)", "s/r", "allow", "get", "jobs.batch"]);
    }
}
