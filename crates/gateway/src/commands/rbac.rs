//! A cluster's RBAC, as a person reads it: who holds which rule, through which binding.

use serde_json::Value;

use super::person::Person;
use crate::cluster::review::Right;

/// Who is bound.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A user.
    User(String),
    /// A group.
    Group(String),
    /// A service account, by namespace and name.
    Account(String, String),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::User(name) => write!(f, "user {name}"),
            Subject::Group(name) => write!(f, "group {name}"),
            Subject::Account(namespace, name) => write!(f, "service account {namespace}/{name}"),
        }
    }
}

impl Subject {
    /// Every subject by which a service account is bound: itself, and the groups that it is always in.
    pub fn of_account(namespace: &str, name: &str) -> Vec<Subject> {
        vec![
            Subject::Account(namespace.to_owned(), name.to_owned()),
            Subject::User(format!("system:serviceaccount:{namespace}:{name}")),
            Subject::Group(format!("system:serviceaccounts:{namespace}")),
            Subject::Group("system:serviceaccounts".to_owned()),
            Subject::Group("system:authenticated".to_owned()),
        ]
    }

    fn read(value: &Value, namespace: Option<&str>) -> Option<Subject> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let name = text("name")?;
        match text("kind")?.as_str() {
            "User" => Some(Subject::User(name)),
            "Group" => Some(Subject::Group(name)),
            "ServiceAccount" => {
                Some(Subject::Account(text("namespace").or(namespace.map(str::to_owned))?, name))
            }
            _ => None,
        }
    }
}

/// One binding, with the rules of its role.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The binding's name.
    pub name: String,
    /// Its namespace; none of a ClusterRoleBinding.
    pub namespace: Option<String>,
    /// The role's kind and name.
    pub role: (String, String),
    /// Who is bound.
    pub subjects: Vec<Subject>,
    /// What the role gives; empty where the role is not there.
    pub rules: Vec<Right>,
}

/// All bindings of a cluster.
#[derive(Debug)]
pub struct Rbac {
    /// One by one.
    pub bindings: Vec<Binding>,
}

impl Rbac {
    /// Reads roles and bindings.
    pub async fn read(person: &Person) -> anyhow::Result<Rbac> {
        const GROUP: &str = "/apis/rbac.authorization.k8s.io/v1";
        let path = |resource: &str| format!("{GROUP}/{resource}");
        let (cluster_roles, roles) = (path("clusterroles"), path("roles"));
        let (cluster_bindings, bindings) = (path("clusterrolebindings"), path("rolebindings"));
        let (mut cluster_roles, roles, mut all, more) = tokio::try_join!(
            person.list(&cluster_roles),
            person.list(&roles),
            person.list(&cluster_bindings),
            person.list(&bindings),
        )?;
        cluster_roles.extend(roles);
        all.extend(more);
        let bindings = all.iter().filter_map(|binding| read(binding, &cluster_roles));
        Ok(Rbac { bindings: bindings.collect() })
    }

    /// What counts in a namespace (all bindings of the cluster too), or in the cluster alone.
    pub fn within<'r>(&'r self, namespace: &'r str) -> impl Iterator<Item = &'r Binding> {
        self.bindings.iter().filter(move |binding| {
            binding.namespace.as_deref().is_none_or(|of_binding| of_binding == namespace)
        })
    }

    /// The bindings of one of these subjects, with the subject.
    pub fn of<'r>(&'r self, subjects: &'r [Subject]) -> impl Iterator<Item = (&'r Binding, &'r Subject)> {
        self.bindings.iter().filter_map(move |binding| {
            let by = subjects.iter().find(|subject| binding.subjects.contains(subject))?;
            Some((binding, by))
        })
    }
}

fn read(binding: &Value, roles: &[Value]) -> Option<Binding> {
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let namespace = text(binding, "/metadata/namespace");
    let kind = text(binding, "/roleRef/kind")?;
    let name = text(binding, "/roleRef/name")?;
    let of_role = if kind == "Role" { namespace.clone() } else { None };
    let role = roles.iter().find(|role| {
        text(role, "/metadata/name").as_deref() == Some(&name) && text(role, "/metadata/namespace") == of_role
    });
    let array = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let rules = array(role.and_then(|role| role.get("rules")));
    let subjects = array(binding.get("subjects"));
    Some(Binding {
        name: text(binding, "/metadata/name")?,
        subjects: subjects.iter().filter_map(|one| Subject::read(one, namespace.as_deref())).collect(),
        rules: rules.into_iter().filter_map(|rule| serde_json::from_value(rule).ok()).collect(),
        role: (kind, name),
        namespace,
    })
}

impl Binding {
    /// Whether it gives this, as RBAC reads rules.
    pub fn gives(&self, verb: &str, group: &str, resource: &str) -> bool {
        self.rules.iter().any(|rule| gives(rule, verb, group, resource))
    }

    /// `clusterrolebinding/x` or `rolebinding/x in namespace y`.
    pub fn said(&self) -> String {
        match &self.namespace {
            None => format!("clusterrolebinding/{}", self.name),
            Some(namespace) => format!("rolebinding/{} in namespace {namespace}", self.name),
        }
    }
}

/// Whether a rule without names gives a verb on a resource (with its subresource), as RBAC reads it.
fn gives(rule: &Right, verb: &str, group: &str, resource: &str) -> bool {
    let has = |words: &[String], word: &str| words.iter().any(|have| have == "*" || have == word);
    let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    has(&rule.verbs, verb)
        && has(&rule.api_groups, group)
        && (has(&rule.resources, resource) || sub.is_some_and(|sub| rule.resources.contains(&sub)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_binding_is_joined_with_its_own_role_and_no_other_of_that_name() {
        let role = |kind: &str, namespace: Option<&str>, verb: &str| {
            json!({ "kind": kind, "metadata": { "name": "r", "namespace": namespace },
                "rules": [{ "verbs": [verb], "apiGroups": [""], "resources": ["pods"] }] })
        };
        let roles = [
            role("ClusterRole", None, "get"),
            role("Role", Some("a"), "list"),
            role("Role", Some("b"), "watch"),
        ];
        let binding = json!({ "metadata": { "name": "x", "namespace": "b" },
            "roleRef": { "kind": "Role", "name": "r" },
            "subjects": [{ "kind": "ServiceAccount", "name": "s" }, { "kind": "Group", "name": "g" }] });
        let read = read(&binding, &roles).unwrap();
        assert!(
            read.gives("watch", "", "pods")
                && !read.gives("get", "", "pods")
                && !read.gives("list", "", "pods")
        );
        assert_eq!(read.subjects[0], Subject::Account("b".to_owned(), "s".to_owned()));
        let rbac = Rbac { bindings: vec![read] };
        assert_eq!(rbac.within("b").count(), 1);
        assert_eq!(rbac.within("a").count(), 0);
        assert_eq!(rbac.of(&Subject::of_account("b", "s")).count(), 1);
        assert_eq!(rbac.of(&Subject::of_account("a", "s")).count(), 0);
    }

    #[test]
    fn rules_give_what_rbac_says_they_give() {
        let rule = |verbs: &[&str], resources: &[&str]| Right {
            verbs: verbs.iter().map(|&verb| verb.to_owned()).collect(),
            api_groups: vec![String::new()],
            resources: resources.iter().map(|&resource| resource.to_owned()).collect(),
            ..Right::default()
        };
        assert!(gives(&rule(&["*"], &["*"]), "create", "", "serviceaccounts/token"));
        assert!(gives(&rule(&["create"], &["*/token"]), "create", "", "serviceaccounts/token"));
        assert!(!gives(&rule(&["create"], &["serviceaccounts"]), "create", "", "serviceaccounts/token"));
        assert!(!gives(&rule(&["get"], &["*"]), "create", "", "pods"));
        assert!(!gives(&rule(&["*"], &["*"]), "create", "apps", "deployments"));
    }
}
