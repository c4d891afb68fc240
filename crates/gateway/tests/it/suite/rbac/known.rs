//! Holders that each run has, so that no class of exceptions depends on luck.

use super::holder::{Held, Holder};
use super::rule::Rule;

/// They are called after `stem`.
pub(super) fn known(stem: &str) -> Vec<Holder> {
    let held = |rules: Vec<Rule>, patterns: &[&'static str]| Held { rules, patterns: patterns.to_vec() };
    let everything = || vec![Rule::everything()];
    let reads = || rule(&["get", "list", "watch"], &["*"], &["*"]);
    let changes = || rule(&["get", "list", "watch", "update", "patch"], &["*"], &["*"]);
    let all = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
    let rights =
        ["secrets", "serviceaccounts/token", "roles", "rolebindings", "pods/exec", "configmaps", "pods"];
    let named = rule(&all, &["", "rbac.authorization.k8s.io"], &rights);
    // Enough for RBAC, where a GET is a GET.
    let connections = ["pods/exec", "pods/attach", "pods/portforward", "services/proxy", "pods/proxy"];
    let connects = || rule(&["get"], &[""], &connections);
    let owned = ["namespaces", "clusterroles", "clusterrolebindings"];
    let makes = rule(&["get", "create", "patch"], &["", "rbac.authorization.k8s.io"], &owned);
    let urls = ["/metrics*", "/logs/*", "/healthz/*", "/openid/v1/jwks"].map(str::to_owned).to_vec();
    let paths = Rule { verbs: vec!["get".to_owned(), "post".to_owned()], urls, ..Rule::default() };
    let all_of_them = [
        vec![held(everything(), &[])],
        vec![held(everything(), &["rbac-a"])],
        vec![held(vec![changes()], &[])],
        vec![held(vec![reads()], &[]), held(vec![changes()], &["rbac-x-*"])],
        vec![held(vec![named, connects()], &["rbac-a", "rbac-b"])],
        vec![held(vec![connects()], &["rbac-a", "rbac-b"])],
        vec![held(vec![rule(&["create"], &[""], &connections)], &["rbac-a"])],
        vec![held(vec![makes], &[])],
        vec![held(vec![paths], &[])],
    ];
    let numbered = all_of_them.into_iter().enumerate();
    numbered.map(|(index, held)| Holder { name: format!("{stem}-{index}"), held }).collect()
}

fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Rule {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Rule { verbs: words(verbs), groups: words(groups), resources: words(resources), ..Rule::default() }
}
