//! Roles as scopes: their rules as they stand, with what reads more strictly here said beside them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use super::scopes::Where;
use super::text::{comment, scope_of};
use crate::cluster::review::Right;
use crate::commands::files;
use crate::commands::person::Person;
use crate::commands::terminal::Terminal;
use crate::manifest::is_cluster_name;

/// The group that roles are of.
const GROUP: &str = "rbac.authorization.k8s.io/";

/// Reads the roles of a file. What stands beside them is left alone: files often have bindings, too.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<Value>> {
    let texts = files::read(&[file.to_owned()])?;
    let mut roles = Vec::new();
    for text in texts {
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text.text)
            .map_err(|error| anyhow!("{} is no YAML: {error}", text.file))?;
        for document in documents {
            match document.get("items").and_then(Value::as_array) {
                Some(items) => roles.extend(items.iter().filter(|item| is_role(item)).cloned()),
                None if is_role(&document) => roles.push(document),
                None => {}
            }
        }
    }
    if roles.is_empty() {
        bail!("{} has no ClusterRole and no Role ({GROUP}v1)", file.display());
    }
    Ok(roles)
}

/// Reads a ClusterRole of a cluster.
pub(super) async fn fetch(name: &str, person: &Person) -> anyhow::Result<Value> {
    if name.is_empty() || name.contains(['/', '?', '#', '%']) || name.starts_with('.') {
        bail!("{name:?} is no ClusterRole's name");
    }
    let path = format!("/apis/{GROUP}v1/clusterroles/{name}");
    let role = person.get(&path).await?;
    role.ok_or_else(|| {
        let context = &person.context;
        anyhow!(
            "the cluster of context {context:?} has no ClusterRole {name:?}; 'kubectl get clusterroles' \
             lists them"
        )
    })
}

/// Prints each as a scope.
pub(super) fn print(roles: &[Value], terminal: &mut Terminal) -> anyhow::Result<()> {
    let mut taken = BTreeSet::new();
    let mut documents = Vec::new();
    let mut scopes = 0_usize;
    for role in roles {
        let (text, rules) = scope(role, &mut taken)?;
        documents.push(text);
        scopes += usize::from(rules > 0);
    }
    if scopes == 0 {
        let said = documents.concat();
        for line in said.lines() {
            terminal.note(line.trim_start_matches("# "))?;
        }
        bail!("there is no rule that a scope could have");
    }
    terminal.write(&documents.join("---\n"))?;
    Ok(())
}

fn is_role(value: &Value) -> bool {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    // What stands in a list of the API server's may have neither.
    let group = text("apiVersion").starts_with(GROUP) || text("apiVersion").is_empty();
    group && matches!(text("kind"), "ClusterRole" | "Role")
}

/// One role's scope, and how many rules it has.
fn scope(role: &Value, taken: &mut BTreeSet<String>) -> anyhow::Result<(String, usize)> {
    let text = |pointer: &str| role.pointer(pointer).and_then(Value::as_str);
    let name = text("/metadata/name").context("a role has no name (metadata.name)")?;
    let namespace = text("/metadata/namespace");
    let of_namespace = text("/kind") == Some("Role");
    let title = match (of_namespace, namespace) {
        (false, _) => format!("ClusterRole {name}"),
        (true, None) => format!("Role {name}"),
        (true, Some(namespace)) => format!("Role {namespace}/{name}"),
    };
    let rights = rights(role).with_context(|| format!("the rules of {title} can't be read"))?;
    let mut said = comment(&format!("The rules of {title}. Nobody has them until a grant names this scope."));
    if of_namespace {
        let held = namespace.map_or_else(String::new, |namespace| format!(": [{namespace}]"));
        said.push_str(&comment(&format!(
            "A Role holds in its own namespace: give the grant namespaces{held}."
        )));
    }
    if role.get("aggregationRule").is_some_and(|rule| !rule.is_null()) {
        said.push_str(&comment(
            "aggregationRule: there the cluster fills the rules in from all ClusterRoles with certain \
             labels, also from later ones. Here they are what stands in it now, and stay so; where a \
             file has none, import it from the cluster with --cluster-role.",
        ));
    }
    let scope = unique(&scope_name(name), taken);
    if scope != name {
        said.push_str(&comment(&format!("Its name there is no name here; the scope is called {scope}.")));
    }
    let holds = if of_namespace { Where::Namespaces } else { Where::Everywhere };
    let (rest, rules) = scope_of(&scope, &rights, holds)?;
    Ok((said + &rest, rules))
}

/// The rules, each of them readable: one that is not must not be lost in silence.
fn rights(role: &Value) -> anyhow::Result<Vec<Right>> {
    const FIELDS: [&str; 5] = ["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"];
    let rules = match role.get("rules") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(rules)) => rules,
        Some(_) => bail!("rules is no list"),
    };
    let right = |(index, rule): (usize, &Value)| {
        let place = index.saturating_add(1);
        let odd = rule.as_object().into_iter().flatten().find(|(field, _)| !FIELDS.contains(&field.as_str()));
        if let Some((field, _)) = odd {
            bail!("rule {place} has a field {field:?}, which RBAC doesn't have");
        }
        serde_json::from_value(rule.clone()).with_context(|| format!("rule {place} is no RBAC rule"))
    };
    rules.iter().enumerate().map(right).collect()
}

/// A scope's name for a role's, which may have colons and capitals.
fn scope_name(name: &str) -> String {
    if name.len() <= 253 && name.split('.').all(is_cluster_name) {
        return name.to_owned();
    }
    let good = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let plain: String = name.to_lowercase().chars().map(good).take(200).collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { "imported".to_owned() } else { plain.to_owned() }
}

fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let more = (2_usize..).map(|place| format!("{name}-{place}"));
    let free = std::iter::once(name.to_owned()).chain(more).find(|name| !taken.contains(name));
    let free = free.unwrap_or_default();
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::{Source, read as read_manifests};

    fn role(name: &str, rules: &Value) -> Value {
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": name, "uid": "x", "labels": { "a/b": "c" } }, "rules": rules })
    }

    #[test]
    fn a_role_becomes_a_scope_with_its_rules() {
        let rules = json!([
            { "verbs": ["get", "list"], "apiGroups": ["batch"], "resources": ["jobs"] },
            { "verbs": ["*"], "apiGroups": [""], "resources": ["*"] },
            { "verbs": ["get"], "nonResourceURLs": ["/metrics"] },
        ]);
        let mut taken = BTreeSet::new();
        let (text, count) = scope(&role("system:Odd_name", &rules), &mut taken).unwrap();
        let (more, _) = scope(&role("system-odd-name", &rules), &mut taken).unwrap();
        assert_eq!(count, 3);
        assert!(text.contains("rule-2: lost, since a wildcard never gives them: "), "{text}");
        let all = read_manifests(&[Source { file: "x".to_owned(), text: format!("{text}---\n{more}") }]);
        let all = all.unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
        let names: Vec<&str> = all.iter().map(|one| one.get().name()).collect();
        assert_eq!(names, ["system-odd-name", "system-odd-name-2"]);
        let spec = all[0].get().to_json();
        assert_eq!(spec["spec"]["rules"][0]["verbs"], json!(["get", "list"]));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_never_left_out_in_silence() {
        let scope = |rules: Value| scope(&role("r", &rules), &mut BTreeSet::new());
        let said = |rules: Value| format!("{:#}", scope(rules).unwrap_err());
        assert!(said(json!({})).contains("rules of ClusterRole r can't be read: rules is no list"));
        assert!(said(json!([{ "verbs": "get" }])).contains("rule 1 is no RBAC rule"));
        assert!(said(json!([{ "verbs": ["get"], "when": "x" }])).contains("rule 1 has a field \"when\""));
        let (text, count) = scope(json!(null)).unwrap();
        assert!(count == 0 && text.contains("Nothing is left of it"), "{text}");
    }

    #[test]
    fn files_have_roles_in_lists_and_beside_other_things() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("roles.yaml");
        let list = json!({ "kind": "List", "items": [role("a", &json!([])), { "kind": "ConfigMap" }] });
        let text = format!("{list}\n---\nkind: ServiceAccount\n---\n{}\n", role("b", &json!([])));
        std::fs::write(&file, text).unwrap();
        let names: Vec<Value> =
            read(&file).unwrap().iter().map(|role| role["metadata"]["name"].clone()).collect();
        assert_eq!(names, ["a", "b"]);
        std::fs::write(&file, "kind: ConfigMap\n").unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("has no ClusterRole and no Role"));
        std::fs::write(&file, "a: [\n").unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("is no YAML"));
    }
}
