//! The manifests, as YAML with comments.

use std::collections::BTreeMap;

use drawbridge_policy::RuleSpec;
use serde_json::{Map, Value, json};

use super::scopes::{Where, convert};
use super::{About, Held};
use crate::commands::rbac::Subject;
use crate::commands::terminal::clean;
use crate::commands::yaml;
use crate::manifest::API_VERSION;

/// The longest name of a scope or a grant that is made here.
const LONGEST: usize = 63;

/// A role as it is held: its scope's name, and where.
#[derive(Debug, Default)]
struct Role<'r> {
    held: Vec<&'r Held<'r>>,
    namespaces: Vec<String>,
}

/// Writes all manifests.
pub(super) fn write(about: &About, held: &[Held<'_>]) -> anyhow::Result<String> {
    let mut documents = vec![agent(about)?];
    // A role in several namespaces is one scope; a Role of a namespace is another than that of the next.
    let mut roles: BTreeMap<(Where, String, Option<String>), Role<'_>> = BTreeMap::new();
    for one in held {
        let binding = one.binding;
        let holds = if binding.namespace.is_some() { Where::Namespaces } else { Where::Everywhere };
        let (kind, name) = &binding.role;
        let of = if kind == "Role" { binding.namespace.clone() } else { None };
        let role = roles.entry((holds, name.clone(), of)).or_default();
        role.held.push(one);
        role.namespaces.extend(binding.namespace.clone());
    }
    let mut names = Vec::new();
    let mut grants: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for ((holds, name, of), mut role) in roles {
        role.namespaces.sort();
        role.namespaces.dedup();
        let scope = unique(&format!("{}-{name}", about.agent), &mut names);
        let title = match &of {
            Some(namespace) => format!("Role {namespace}/{name}"),
            None => format!("ClusterRole {name}"),
        };
        let (text, rules) = scope_text(&scope, &title, &role, holds)?;
        documents.push(text);
        if rules > 0 {
            grants.entry(role.namespaces).or_default().push(scope);
        }
    }
    let mut granted = Vec::new();
    for (namespaces, scopes) in grants {
        let stem = match namespaces.as_slice() {
            [] => format!("{}-{}", about.agent, about.cluster),
            [one] => format!("{}-{}-{one}", about.agent, about.cluster),
            _ => format!("{}-{}-namespaces", about.agent, about.cluster),
        };
        let name = unique(&stem, &mut granted);
        let mut spec =
            json!({ "agents": [about.agent.as_str()], "scopes": scopes, "clusters": [about.cluster] });
        if let (false, Value::Object(spec)) = (namespaces.is_empty(), &mut spec) {
            spec.insert("namespaces".to_owned(), json!(namespaces));
        }
        documents.push(yaml::document(&manifest("Grant", &name, &spec))?);
    }
    Ok(documents.join("---\n"))
}

fn agent(about: &About) -> anyhow::Result<String> {
    let account = format!("{}/{}/{}", about.cluster, about.account.namespace(), about.account.name());
    let spec = json!({ "owner": about.owner, "purpose": about.purpose,
        "identities": [{ "serviceAccount": account }] });
    let head = comment(&format!(
        "Made from the RBAC of the service account {}. Once the agent goes through Drawbridge, delete the \
         bindings that are named below: as long as they are there, the account has these rights without it.",
        about.account
    ));
    Ok(head + &yaml::document(&manifest("Agent", about.agent.as_str(), &spec))?)
}

/// A scope, and how many rules it has. One without rules is only comments.
fn scope_text(name: &str, title: &str, role: &Role<'_>, holds: Where) -> anyhow::Result<(String, usize)> {
    let mut text = comment(&format!("{title}, bound by:"));
    for Held { binding, by } in &role.held {
        let through = match by {
            Subject::Account(..) => String::new(),
            by => format!(", through {by}: others have it, too"),
        };
        text.push_str(&comment(&format!("- {}{through}", binding.said())));
    }
    let mut rules = Vec::new();
    let mut listed = Vec::new();
    let all = role.held.first().map_or(&[][..], |held| held.binding.rules.as_slice());
    for (index, right) in all.iter().enumerate() {
        let converted = convert(right, index.saturating_add(1), holds);
        let name = format!("rule-{}", index.saturating_add(1));
        listed.extend(converted.comments.iter().map(|said| comment(&format!("{name}: {said}"))));
        rules.extend(converted.spec.as_ref().map(rule));
    }
    text.extend(listed);
    if rules.is_empty() {
        return Ok((text + &comment("Nothing is left of it, so that there is no scope."), 0));
    }
    let count = rules.len();
    text.push_str(&yaml::document(&manifest("Scope", name, &json!({ "rules": rules })))?);
    Ok((text, count))
}

fn rule(spec: &RuleSpec) -> Value {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), json!(spec.name));
    for (field, texts) in [
        ("verbs", &spec.verbs),
        ("apiGroups", &spec.api_groups),
        ("resources", &spec.resources),
        ("resourceNames", &spec.resource_names),
        ("nonResourceURLs", &spec.non_resource_urls),
    ] {
        if !texts.is_empty() {
            fields.insert(field.to_owned(), json!(texts));
        }
    }
    Value::Object(fields)
}

fn manifest(kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// A line of comment; what it quotes can't end it.
fn comment(text: &str) -> String {
    format!("# {}\n", clean(text))
}

/// A name of letters, digits and dashes that no other has.
fn unique(stem: &str, taken: &mut Vec<String>) -> String {
    let good = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let plain: String = stem.to_ascii_lowercase().chars().map(good).take(LONGEST - 4).collect();
    let plain = plain.trim_matches('-').to_owned();
    let mut name = plain.clone();
    let mut number = 2_u32;
    while taken.contains(&name) {
        name = format!("{plain}-{number}");
        number = number.saturating_add(1);
    }
    taken.push(name.clone());
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::renew::Account;
    use crate::cluster::review::Right;
    use crate::commands::enrol;
    use crate::commands::rbac::{Binding, Origin};
    use crate::manifest::{Source, read};

    fn binding(name: &str, namespace: Option<&str>, role: (&str, &str), verb: &str) -> Binding {
        Binding {
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            role: (role.0.to_owned(), role.1.to_owned()),
            subjects: Vec::new(),
            rules: vec![Right {
                verbs: vec![verb.to_owned()],
                api_groups: vec![String::new()],
                resources: vec!["pods".to_owned()],
                ..Right::default()
            }],
            origin: Origin::Somebody,
        }
    }

    #[test]
    fn what_is_written_is_what_apply_takes_one_grant_for_each_set_of_namespaces() {
        let about = About {
            account: Account::parse("batch/cleanup").unwrap(),
            cluster: "prod".to_owned(),
            agent: enrol::name("cleanup").unwrap(),
            owner: "me: \"you\" # them".to_owned(),
            purpose: "- x\n".trim().to_owned(),
        };
        let bindings = [
            binding("a", Some("batch"), ("Role", "Odd:Name_1"), "get"),
            binding("b", Some("ci"), ("ClusterRole", "view"), "get"),
            binding("c", Some("batch"), ("ClusterRole", "view"), "get"),
            binding("d\n# x", None, ("ClusterRole", "view"), "list"),
            binding("e", Some("ci"), ("Role", "Odd:Name_1"), "get"),
        ];
        let account = Subject::Account("batch".to_owned(), "cleanup".to_owned());
        let held: Vec<Held<'_>> = bindings.iter().map(|binding| Held { binding, by: &account }).collect();
        let text = write(&about, &held).unwrap();
        let read = read(&[Source { file: "x".to_owned(), text: text.clone() }])
            .unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
        let kinds: Vec<String> =
            read.iter().map(|one| one.get().to_json()["kind"].as_str().unwrap().to_owned()).collect();
        assert_eq!(
            kinds,
            ["Agent", "Scope", "Scope", "Scope", "Scope", "Grant", "Grant", "Grant", "Grant"],
            "{text}"
        );
        let grants: Vec<Value> =
            read.iter().map(|one| one.get().to_json()).filter(|one| one["kind"] == "Grant").collect();
        assert!(grants.iter().any(|grant| grant["spec"]["namespaces"] == json!(["batch", "ci"])), "{text}");
        assert!(grants.iter().any(|grant| grant["spec"].get("namespaces").is_none()), "{text}");
    }
}
