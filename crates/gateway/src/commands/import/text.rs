//! The manifests, as YAML with comments.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use drawbridge_policy::RuleSpec;
use serde_json::{Map, Value, json};

use super::scopes::{Where, convert};
use super::{About, Held};
use crate::cluster::review::Right;
use crate::commands::rbac::Subject;
use crate::commands::terminal::clean;
use crate::commands::yaml;
use crate::manifest::API_VERSION;

/// The longest name of a scope or a grant that is made here.
const LONGEST: usize = 63;
/// Digits of the digest in a name: 64 bits, so that nobody finds two that are alike by accident.
const DIGITS: usize = 16;

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
    let mut grants: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for ((holds, name, of), mut role) in roles {
        role.namespaces.sort();
        role.namespaces.dedup();
        let scope = scope_name(about, &name, of.as_deref(), &role.namespaces, holds);
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
    for (namespaces, scopes) in grants {
        let agent = about.agent.as_str();
        let stem = match namespaces.as_slice() {
            [] => vec![agent, &about.cluster],
            [one] => vec![agent, &about.cluster, one],
            _ => vec![agent, &about.cluster, "namespaces"],
        };
        let mut of = vec!["Grant", agent, &about.cluster];
        of.extend(namespaces.iter().map(String::as_str));
        let name = unmistakable(&stem, &of);
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
    let all = role.held.first().map_or(&[][..], |held| held.binding.rules.as_slice());
    let (rest, count) = scope_of(name, all, holds)?;
    Ok((text + &rest, count))
}

/// The same rules as a scope, under what is to be said about them, and how many are left.
pub(super) fn scope_of(name: &str, rights: &[Right], holds: Where) -> anyhow::Result<(String, usize)> {
    let mut text = String::new();
    let mut rules = Vec::new();
    for (index, right) in rights.iter().enumerate() {
        let converted = convert(right, index.saturating_add(1), holds);
        let place = format!("rule-{}", index.saturating_add(1));
        text.extend(converted.comments.iter().map(|said| comment(&format!("{place}: {said}"))));
        rules.extend(converted.spec.as_ref().map(rule));
    }
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
pub(super) fn comment(text: &str) -> String {
    format!("# {}\n", clean(text))
}

/// A scope's name. Whatever tells one scope from another is in it: applying what is imported from another
/// cluster, or for another namespace, must not replace what an earlier grant names.
fn scope_name(about: &About, role: &str, of: Option<&str>, namespaces: &[String], holds: Where) -> String {
    let (agent, cluster) = (about.agent.as_str(), about.cluster.as_str());
    let mut stem = vec![agent, cluster];
    stem.extend(of);
    stem.push(role);
    let kind = if of.is_some() { "Role" } else { "ClusterRole" };
    let holds = match holds {
        Where::Namespaces => "namespaces",
        Where::Everywhere => "everywhere",
    };
    let mut all = vec!["Scope", agent, cluster, kind, of.unwrap_or_default(), role, holds];
    all.extend(namespaces.iter().map(String::as_str));
    unmistakable(&stem, &all)
}

/// A name of letters, digits and dashes: some words for people, and a digest of `all` words, so that neither
/// a dash between them nor a cut at the end makes two names one.
fn unmistakable(stem: &[&str], all: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for word in all {
        // Where a word ends is part of it. Lengths of names fit.
        context.update(&u64::try_from(word.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(word.as_bytes());
    }
    let digest: String = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let digits: String = digest.chars().take(DIGITS).collect();
    let good = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let stem = stem.join("-").to_ascii_lowercase();
    let plain: String = stem.chars().map(good).take(LONGEST - 1 - DIGITS).collect();
    format!("{}-{digits}", plain.trim_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::renew::Account;
    use crate::commands::enrol;
    use crate::commands::rbac::Binding;
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

    fn about(agent: &str, cluster: &str) -> About {
        About {
            account: Account::parse("batch/cleanup").unwrap(),
            cluster: cluster.to_owned(),
            agent: enrol::name(agent).unwrap(),
            owner: "me".to_owned(),
            purpose: "x".to_owned(),
        }
    }

    /// The names of what is written, with its kind.
    fn named(about: &About, binding: &Binding) -> Vec<String> {
        let account = Subject::Account("batch".to_owned(), "cleanup".to_owned());
        let text = write(about, &[Held { binding, by: &account }]).unwrap();
        let read = read(&[Source { file: "x".to_owned(), text }]).unwrap();
        let all = read.iter().map(|one| one.get().to_json());
        let all = all.filter(|one| one["kind"] != "Agent");
        all.map(|one| one["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn no_two_imports_write_the_same_scope_or_grant() {
        let long = "l".repeat(80);
        let mut seen = Vec::new();
        let role = |name: &str, namespace: &str| binding("b", Some(namespace), ("Role", name), "get");
        for (about, binding) in [
            (about("a", "b-c"), role("d", "ns")),
            (about("a-b", "c"), role("d", "ns")),
            (about("a-b", "c"), role("d", "other")),
            (about("a-b", "d"), role("d", "ns")),
            (about("a", "b"), role("c-d", "ns")),
            (about("a", "b"), role("d", "ns-c")),
            (about("a", "x"), role("Odd:name", "n")),
            (about("a", "x"), role("odd-name", "n2")),
            (about("a", "y"), binding("b", Some("n"), ("ClusterRole", "view"), "get")),
            (about("a", "y"), binding("b", Some("n2"), ("ClusterRole", "view"), "get")),
            (about("a", "y"), binding("b", None, ("ClusterRole", "view"), "get")),
            (about("a", "z"), role(&long, "n")),
            (about("a", "z"), role(&format!("{long}m"), "n2")),
        ] {
            let names = named(&about, &binding);
            assert_eq!(names.len(), 2, "{names:?}");
            assert_eq!(names, named(&about, &binding), "the same import writes the same names");
            seen.extend(names);
        }
        assert!(seen.iter().all(|name| name.len() <= LONGEST), "{seen:?}");
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count, "{seen:?}");
    }
}
