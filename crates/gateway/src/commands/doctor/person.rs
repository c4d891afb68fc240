//! What only a person sees of a cluster: who could get around Drawbridge there.

mod usual;

use serde_json::Value;

use crate::admin::doctor::{Finding, KNOWN_AS, Notes, Severity};
use crate::cluster::AGENTS;
use crate::cluster::review::Right;
use crate::commands::person::Person;
use crate::commands::rbac::{Binding, Rbac, Subject};
use usual::{has_anything, is_usual};

const RBAC: &str = "rbac.authorization.k8s.io";
/// What opens a door in the agents' namespace: an account, token or Pod there has the ceiling without
/// Drawbridge in front of it.
const DOORS: [(&str, &str, &str, &str); 17] = [
    ("create", "", "serviceaccounts", "create service accounts"),
    ("create", "", "serviceaccounts/token", "issue their tokens"),
    ("impersonate", "", "serviceaccounts", "act as them"),
    ("create", "", "secrets", "make Secrets with their tokens"),
    ("create", "", "pods", "run Pods as them"),
    ("create", "", "replicationcontrollers", "run Pods as them"),
    ("create", "apps", "replicasets", "run Pods as them"),
    ("create", "apps", "deployments", "run Pods as them"),
    ("create", "apps", "statefulsets", "run Pods as them"),
    ("create", "apps", "daemonsets", "run Pods as them"),
    ("create", "batch", "jobs", "run Pods as them"),
    ("create", "batch", "cronjobs", "run Pods as them"),
    // Whoever gives rights there gives themselves one of those above.
    ("create", RBAC, "roles", "give rights there"),
    ("create", RBAC, "rolebindings", "give rights there"),
    ("bind", RBAC, "roles", "give rights there"),
    ("bind", RBAC, "clusterroles", "give rights there"),
    ("escalate", RBAC, "roles", "give rights there"),
];
/// Bindings of one finding that are said; the others are counted.
const SAID: usize = 8;

/// The service accounts of this cluster that agents are recognised by: `CLUSTER/NAMESPACE/NAME` in their
/// manifests.
pub(in crate::commands) fn enrolled(agents: &[Value], cluster: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for agent in agents {
        let name = agent.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let identities = agent.pointer("/spec/identities").and_then(Value::as_array);
        for identity in identities.into_iter().flatten() {
            let account = identity.get("serviceAccount").and_then(Value::as_str).unwrap_or_default();
            let parts: Vec<&str> = account.split('/').collect();
            if let [of, namespace, account] = parts.as_slice()
                && *of == cluster
            {
                found.push((name.to_owned(), (*namespace).to_owned(), (*account).to_owned()));
            }
        }
    }
    found
}

/// Who the gateway is in a cluster, however RBAC writes it.
#[derive(Debug)]
pub(in crate::commands) struct Gateway(Vec<Subject>);

impl Gateway {
    /// As the cluster told the gateway; the account that 'connect' makes where it told nothing.
    pub(in crate::commands) fn told(findings: &[Finding], cluster: &str) -> Gateway {
        let about = format!("cluster/{cluster}");
        let mut of_cluster = findings.iter().filter(|finding| finding.about == about);
        let user = of_cluster.find_map(|finding| finding.seen.strip_prefix(KNOWN_AS));
        let user = user.unwrap_or("system:serviceaccount:drawbridge-system:drawbridge-gateway");
        let account = user.strip_prefix("system:serviceaccount:").and_then(|name| name.split_once(':'));
        let mut subjects = vec![Subject::User(user.to_owned())];
        subjects.extend(account.map(|(namespace, name)| Subject::Account(namespace.into(), name.into())));
        Gateway(subjects)
    }
}

/// Looks with a person's own access.
pub(in crate::commands) async fn look(
    person: &Person,
    cluster: &str,
    gateway: &Gateway,
    enrolled: &[(String, String, String)],
) -> anyhow::Result<Vec<Finding>> {
    let mut notes = Notes::about(&format!("cluster/{cluster}"));
    inhabitants(person, &mut notes).await?;
    let rbac = Rbac::read(person).await?;
    doors(&rbac, gateway, &mut notes);
    everyone(&rbac, &mut notes);
    for (agent, namespace, name) in enrolled {
        account(&rbac, (agent, namespace, name), &mut notes);
    }
    Ok(notes.finish())
}

/// Nothing lives in the agents' namespace but what Kubernetes puts into every namespace.
async fn inhabitants(person: &Person, notes: &mut Notes) -> anyhow::Result<()> {
    const CHECK: &str = "agents' namespace";
    let before = notes.count();
    if person.get(&format!("/api/v1/namespaces/{AGENTS}")).await?.is_none() {
        let todo = "its owner applies what 'drawbridge connect' prints";
        notes.add(Severity::Problem, CHECK, format!("there is no namespace {AGENTS}"), todo);
        return Ok(());
    }
    for (resource, what) in
        [("serviceaccounts", "service accounts"), ("pods", "Pods"), ("secrets", "Secrets with tokens")]
    {
        let items = person.list(&format!("/api/v1/namespaces/{AGENTS}/{resource}")).await?;
        let text = |item: &Value, pointer: &str| {
            item.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let names: Vec<String> = items
            .iter()
            .filter(|item| {
                resource != "secrets" || text(item, "/type") == "kubernetes.io/service-account-token"
            })
            .map(|item| text(item, "/metadata/name"))
            // Kubernetes makes it in every namespace; whoever could use it is told below.
            .filter(|name| resource != "serviceaccounts" || name != "default")
            .collect();
        if !names.is_empty() {
            let seen = format!("there are {what} in {AGENTS}: {}", some(&names));
            let todo = "delete them: they have the ceiling, and nothing of Drawbridge in front of it";
            notes.add(Severity::Problem, CHECK, seen, todo);
        }
    }
    if notes.count() == before {
        notes.ok(CHECK, "nothing lives in it but the account that every namespace has");
    }
    Ok(())
}

/// Who could open a door in the agents' namespace.
fn doors(rbac: &Rbac, gateway: &Gateway, notes: &mut Notes) {
    const CHECK: &str = "other doors";
    let mut somebody: Vec<String> = Vec::new();
    let mut defaults = 0_usize;
    for binding in rbac.within(AGENTS) {
        let mut can: Vec<&str> = Vec::new();
        for (verb, group, resource, what) in DOORS {
            if binding.gives(verb, group, resource) && !can.contains(&what) {
                can.push(what);
            }
        }
        if can.is_empty() || is_gateway(binding, gateway) || binding.subjects.is_empty() {
            continue;
        }
        // Kubernetes' own parts, and the group of those who may do everything. Whatever label a binding
        // wears: anybody could be added to it.
        let others: Vec<String> =
            binding.subjects.iter().filter(|who| !is_usual(binding, who)).map(ToString::to_string).collect();
        if others.is_empty() {
            defaults = defaults.saturating_add(1);
            continue;
        }
        let who = some(&others);
        somebody.push(format!("{who} may {} ({})", can.join(", "), binding.said()));
    }
    if somebody.is_empty() {
        let seen = format!(
            "only Kubernetes' own parts and administrators ({defaults} bindings) could make an account or \
                a Pod in {AGENTS}"
        );
        return notes.ok(CHECK, seen);
    }
    let more = somebody.len().saturating_sub(SAID);
    for one in somebody.iter().take(SAID) {
        let todo = format!(
            "in {AGENTS} this is the ceiling without Drawbridge: narrow the binding unless they \
                 administer the cluster"
        );
        notes.add(Severity::Warning, CHECK, one, todo);
    }
    if more > 0 {
        notes.add(
            Severity::Warning,
            CHECK,
            format!("and {more} more bindings"),
            "narrow them, then look again",
        );
    }
}

/// The gateway's one Role, bound to the gateway alone: impersonating is what it is for.
fn is_gateway(binding: &Binding, gateway: &Gateway) -> bool {
    let only = |words: &[String], word: &str| matches!(words, [one] if one == word);
    let one_right = matches!(binding.rules.as_slice(), [rule]
        if only(&rule.verbs, "impersonate") && only(&rule.api_groups, "")
            && only(&rule.resources, "serviceaccounts")
            && rule.resource_names.is_empty() && rule.non_resource_urls.is_empty());
    one_right
        && binding.namespace.as_deref() == Some(AGENTS)
        && binding.role.0 == "Role"
        && binding.role.1 == "drawbridge-gateway"
        && binding.subjects.iter().all(|subject| gateway.0.contains(subject))
}

/// What everyone who has logged in may do besides the default: agents may, too.
fn everyone(rbac: &Rbac, notes: &mut Notes) {
    const CHECK: &str = "everyone's rights";
    let groups = ["system:authenticated", "system:unauthenticated", "system:serviceaccounts"];
    let groups: Vec<Subject> = groups.iter().map(|group| Subject::Group((*group).to_owned())).collect();
    let mut found = false;
    for (binding, by) in rbac.of(&groups).filter(|(binding, _)| has_anything(binding)) {
        found = true;
        let seen = format!("{by} may {} ({})", rights(&binding.rules), binding.said());
        let todo =
            "agents have this besides the ceiling, and their service accounts have it without Drawbridge";
        notes.add(Severity::Warning, CHECK, seen, todo);
    }
    if !found {
        notes.ok(CHECK, "what Kubernetes gives everyone who has logged in, and no more");
    }
}

/// What an enrolled service account may do past Drawbridge.
fn account(rbac: &Rbac, (agent, namespace, name): (&str, &str, &str), notes: &mut Notes) {
    const CHECK: &str = "past Drawbridge";
    let subjects = Subject::of_account(namespace, name);
    // The groups of everyone are told above.
    let own = subjects.get(..3).unwrap_or(&subjects);
    let mut found = false;
    for (binding, by) in rbac.of(own).filter(|(binding, _)| has_anything(binding)) {
        found = true;
        let through = if *by == Subject::Account(namespace.to_owned(), name.to_owned()) {
            String::new()
        } else {
            format!(" through {by}")
        };
        let seen = format!(
            "service account {namespace}/{name} of agent {agent:?} may {}{through} ({})",
            rights(&binding.rules),
            binding.said()
        );
        let todo = "delete the binding: what the agent is to do belongs into a scope ('drawbridge import' \
            writes it)";
        notes.add(Severity::Problem, CHECK, seen, todo);
    }
    if !found {
        notes.ok(
            CHECK,
            format!("service account {namespace}/{name} of agent {agent:?} has no rights of its own"),
        );
    }
}

fn rights(rules: &[Right]) -> String {
    crate::admin::doctor::listed(rules)
}

fn some(names: &[String]) -> String {
    let mut said: Vec<String> = names.iter().take(SAID).cloned().collect();
    if let Some(more) = names.len().checked_sub(SAID).filter(|more| *more > 0) {
        said.push(format!("and {more} more"));
    }
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn binding(subjects: Vec<Subject>, rules: &Value, namespace: Option<&str>) -> Binding {
        Binding {
            name: "b".to_owned(),
            namespace: namespace.map(str::to_owned),
            role: ("ClusterRole".to_owned(), "r".to_owned()),
            subjects,
            rules: serde_json::from_value(rules.clone()).unwrap(),
        }
    }

    #[test]
    fn whoever_could_make_an_account_or_a_pod_beside_the_agents_is_named() {
        let rule = |verb: &str, resource: &str| json!([{ "verbs": [verb], "apiGroups": [""], "resources": [resource] }]);
        let user = || vec![Subject::User("ann".to_owned())];
        let look = |bindings: Vec<Binding>| {
            let mut notes = Notes::about("cluster/x");
            doors(&Rbac { bindings }, &Gateway::told(&[], "x"), &mut notes);
            notes.finish()
        };
        for (verb, resource) in [
            ("create", "pods"),
            ("*", "*"),
            ("create", "serviceaccounts/token"),
            ("impersonate", "serviceaccounts"),
        ] {
            for namespace in [None, Some(AGENTS)] {
                let found = look(vec![binding(user(), &rule(verb, resource), namespace)]);
                assert_eq!(found[0].severity, Severity::Warning, "{verb} {resource}");
                assert!(found[0].seen.contains("user ann"), "{found:?}");
            }
            let elsewhere = look(vec![binding(user(), &rule(verb, resource), Some("default"))]);
            assert_eq!(elsewhere[0].severity, Severity::Ok);
        }
        assert_eq!(look(vec![binding(user(), &rule("get", "pods"), None)])[0].severity, Severity::Ok);
        let masters = vec![Subject::Group("system:masters".to_owned())];
        assert_eq!(look(vec![binding(masters, &rule("*", "*"), None)])[0].severity, Severity::Ok);
    }

    /// The severity of what is found about doors, where this binding is the only one.
    fn severity(gateway: &Gateway, bound: Binding) -> Severity {
        let mut notes = Notes::about("cluster/x");
        doors(&Rbac { bindings: vec![bound] }, gateway, &mut notes);
        notes.finish()[0].severity
    }

    #[test]
    fn whoever_may_give_rights_or_run_pods_in_any_way_is_named() {
        let gateway = Gateway::told(&[], "x");
        for (verb, group, resource) in [
            ("create", "apps", "replicasets"),
            ("create", RBAC, "roles"),
            ("create", RBAC, "rolebindings"),
            ("bind", RBAC, "roles"),
            ("bind", RBAC, "clusterroles"),
            ("escalate", RBAC, "roles"),
        ] {
            let rules = json!([{ "verbs": [verb], "apiGroups": [group], "resources": [resource] }]);
            let bound = binding(vec![Subject::User("ann".to_owned())], &rules, Some(AGENTS));
            assert_eq!(severity(&gateway, bound), Severity::Warning, "{verb} {resource}");
        }
    }

    #[test]
    fn the_gateways_role_is_nobody_elses_and_no_other_is_taken_for_it() {
        let rule =
            || json!({ "verbs": ["impersonate"], "apiGroups": [""], "resources": ["serviceaccounts"] });
        let account = |name: &str| Subject::Account("drawbridge-system".to_owned(), name.to_owned());
        let bound = |subjects: Vec<Subject>, rules: Value, kind: &str| {
            let mut bound = binding(subjects, &rules, Some(AGENTS));
            bound.role = (kind.to_owned(), "drawbridge-gateway".to_owned());
            bound
        };
        let own = || vec![account("drawbridge-gateway")];
        let unknown = Gateway::told(&[], "x");
        assert_eq!(severity(&unknown, bound(own(), json!([rule()]), "Role")), Severity::Ok);
        let ann = || Subject::User("ann".to_owned());
        let with_ann = vec![account("drawbridge-gateway"), ann()];
        let pods = json!({ "verbs": ["create"], "apiGroups": ["apps"], "resources": ["deployments"] });
        let wide = json!({ "verbs": ["*"], "apiGroups": [""], "resources": ["serviceaccounts"] });
        for bad in [
            bound(vec![ann()], json!([rule()]), "Role"),
            bound(with_ann, json!([rule()]), "Role"),
            bound(vec![account("other")], json!([rule()]), "Role"),
            bound(own(), json!([rule()]), "ClusterRole"),
            bound(own(), json!([rule(), pods]), "Role"),
            bound(own(), json!([wide]), "Role"),
        ] {
            assert_eq!(severity(&unknown, bad.clone()), Severity::Warning, "{bad:?}");
        }
        // Where the cluster said who the gateway is, it is nobody else.
        let mut notes = Notes::about("cluster/x");
        notes.ok("reachable", format!("{KNOWN_AS}ann"));
        let told = Gateway::told(&notes.finish(), "x");
        assert_eq!(severity(&told, bound(vec![ann()], json!([rule()]), "Role")), Severity::Ok);
        assert_eq!(severity(&told, bound(own(), json!([rule()]), "Role")), Severity::Warning);
    }

    #[test]
    fn the_accounts_that_agents_are_recognised_by_are_found_in_their_manifests() {
        let agents = [json!({ "metadata": { "name": "a" }, "spec": { "identities": [
            { "serviceAccount": "prod/ci/runner" }, { "serviceAccount": "other/ci/runner" },
            { "key": { "publicKey": "x" } }, { "serviceAccount": "odd" }] } })];
        let runner = ("a".to_owned(), "ci".to_owned(), "runner".to_owned());
        assert_eq!(enrolled(&agents, "prod"), [runner]);
    }

    #[test]
    fn what_an_enrolled_account_may_do_by_itself_is_a_problem() {
        let rules = json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"] }]);
        let bound = binding(vec![Subject::Account("ci".to_owned(), "runner".to_owned())], &rules, Some("ci"));
        let mut notes = Notes::about("cluster/x");
        account(&Rbac { bindings: vec![bound] }, ("a", "ci", "runner"), &mut notes);
        let found = notes.finish();
        assert_eq!(found[0].severity, Severity::Problem);
        assert!(found[0].seen.contains("may get secrets (rolebinding/b in namespace ci)"), "{found:?}");
    }
}
