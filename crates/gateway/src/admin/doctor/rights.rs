//! What rights are to be expected, and how they are said.

use crate::cluster::AGENTS;
use crate::cluster::renew::Account;
use crate::cluster::review::{Access, Right};

/// Paths that Kubernetes lets everyone read who has logged in (`system:discovery`,
/// `system:public-info-viewer`), and every service account (`system:service-account-issuer-discovery`).
const PATHS: [&str; 17] = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/livez/*",
    "/readyz",
    "/readyz/*",
    "/openapi",
    "/openapi/*",
    "/openid/v1/jwks",
    "/openid/v1/jwks/",
    "/version",
    "/version/",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/",
];

/// What everyone may ask about themselves (`system:basic-user`).
const REVIEWS: [&str; 3] = ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"];

/// What the gateway's own credential must not be able to do, whatever else a cluster says of it.
pub(super) const DANGEROUS: [(&str, Access); 14] = [
    ("do everything", on("*", "*", "*", "")),
    ("read Secrets", on("get", "", "secrets", "")),
    ("list Secrets", on("list", "", "secrets", "")),
    ("make Pods", on("create", "", "pods", "")),
    ("run commands in Pods", on("create", "", "pods", "exec")),
    ("reach nodes as the API server", on("create", "", "nodes", "proxy")),
    ("issue tokens of any service account", on("create", "", "serviceaccounts", "token")),
    ("act as any service account", on("impersonate", "", "serviceaccounts", "")),
    ("act as any user", on("impersonate", "", "users", "")),
    ("act as a member of any group", on("impersonate", "", "groups", "")),
    ("bind cluster roles", on("create", "rbac.authorization.k8s.io", "clusterrolebindings", "")),
    ("escalate roles", on("escalate", "rbac.authorization.k8s.io", "clusterroles", "")),
    ("approve certificates", on("update", "certificates.k8s.io", "certificatesigningrequests", "approval")),
    ("change admission", on("create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "")),
];

/// Whom the gateway must not be able to act as, one by one: a Role in the wrong namespace shows here only.
pub(super) const OTHERS: [(&str, Access); 4] = [
    ("service accounts of kube-system", account("kube-system")),
    ("service accounts of default", account("default")),
    ("its own service accounts' namespace", account("drawbridge-system")),
    ("user system:admin", Access { name: "system:admin", ..on("impersonate", "", "users", "") }),
];

/// What it must be able to do.
pub(super) const AGENT: Access = account(AGENTS);

const fn on(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
) -> Access {
    Access { verb, group, resource, subresource, namespace: "", name: "" }
}

const fn account(namespace: &'static str) -> Access {
    Access {
        verb: "impersonate",
        group: "",
        resource: "serviceaccounts",
        subresource: "",
        namespace,
        name: "",
    }
}

/// Whether Kubernetes gives this to everyone who has logged in.
pub(super) fn is_everyones(right: &Right) -> bool {
    let among = |words: &[String], known: &[&str]| {
        !words.is_empty() && words.iter().all(|word| known.contains(&word.as_str()))
    };
    if !right.non_resource_urls.is_empty() {
        return among(&right.verbs, &["get", "head"]) && among(&right.non_resource_urls, &PATHS);
    }
    // Public keys (`system:cluster-trust-bundle-discovery`).
    let bundles = among(&right.verbs, &["get", "list", "watch"])
        && among(&right.api_groups, &["certificates.k8s.io"])
        && among(&right.resources, &["clustertrustbundles"]);
    let reviews = among(&right.verbs, &["create"])
        && among(&right.api_groups, &["authorization.k8s.io", "authentication.k8s.io"])
        && among(&right.resources, &REVIEWS);
    bundles || reviews
}

/// Whether the gateway's credential is meant to have this in that namespace.
pub(super) fn is_meant(right: &Right, namespace: &str, own: Option<&Account>) -> bool {
    let is = |words: &[String], word: &str| words.len() == 1 && words.iter().all(|have| have == word);
    let impersonates = is(&right.verbs, "impersonate");
    let agents = namespace == AGENTS
        && impersonates
        && is(&right.api_groups, "")
        && is(&right.resources, "serviceaccounts");
    let task = impersonates
        && is(&right.api_groups, "authentication.k8s.io")
        && is(&right.resources, "userextras/drawbridge.dev/task");
    let create = is(&right.verbs, "create");
    let reviews =
        create && is(&right.api_groups, "authentication.k8s.io") && is(&right.resources, "tokenreviews");
    let renews = own.is_some_and(|own| {
        create
            && own.namespace() == namespace
            && is(&right.api_groups, "")
            && is(&right.resources, "serviceaccounts/token")
            && is(&right.resource_names, own.name())
    });
    is_everyones(right) || agents || task || reviews || renews
}

/// A right in a few words: `get,list secrets`, `get /metrics`.
pub(super) fn said(right: &Right) -> String {
    let verbs = right.verbs.join(",");
    if !right.non_resource_urls.is_empty() {
        return format!("{verbs} {}", right.non_resource_urls.join(","));
    }
    let groups: Vec<&str> =
        right.api_groups.iter().map(String::as_str).filter(|group| !group.is_empty()).collect();
    let mut text = format!("{verbs} {}", right.resources.join(","));
    if !groups.is_empty() {
        text.push_str(&format!(" ({})", groups.join(",")));
    }
    if !right.resource_names.is_empty() {
        text.push_str(&format!(" named {}", right.resource_names.join(",")));
    }
    text
}

/// Several rights in one line; the rest is counted.
pub(crate) fn listed(rights: &[Right]) -> String {
    const SAID: usize = 6;
    let mut said: Vec<String> = rights.iter().take(SAID).map(said).collect();
    if let Some(more) = rights.len().checked_sub(SAID).filter(|more| *more > 0) {
        said.push(format!("and {more} more"));
    }
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> Right {
        let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Right {
            verbs: texts(verbs),
            api_groups: texts(groups),
            resources: texts(resources),
            resource_names: texts(names),
            non_resource_urls: Vec::new(),
        }
    }

    #[test]
    fn only_the_one_role_and_what_everyone_has_is_meant() {
        let own = Account::parse("drawbridge-system/drawbridge-gateway").unwrap();
        let agents = right(&["impersonate"], &[""], &["serviceaccounts"], &[]);
        assert!(is_meant(&agents, AGENTS, None) && !is_meant(&agents, "default", None));
        let renew = right(&["create"], &[""], &["serviceaccounts/token"], &["drawbridge-gateway"]);
        assert!(is_meant(&renew, "drawbridge-system", Some(&own)));
        assert!(!is_meant(&renew, "drawbridge-system", None) && !is_meant(&renew, "default", Some(&own)));
        for bad in [
            right(&["create"], &[""], &["serviceaccounts/token"], &[]),
            right(&["impersonate"], &[""], &["serviceaccounts", "users"], &[]),
            right(&["impersonate", "get"], &[""], &["serviceaccounts"], &[]),
            right(&["*"], &["*"], &["*"], &[]),
            right(&["get"], &[""], &["secrets"], &[]),
            right(&[], &[], &[], &[]),
        ] {
            assert!(!is_meant(&bad, AGENTS, Some(&own)), "{bad:?}");
            assert!(!is_meant(&bad, "drawbridge-system", Some(&own)), "{bad:?}");
        }
    }

    #[test]
    fn a_right_is_said_in_a_few_words() {
        assert_eq!(said(&right(&["get", "list"], &[""], &["secrets"], &["a"])), "get,list secrets named a");
        assert_eq!(said(&right(&["*"], &["apps"], &["*"], &[])), "* * (apps)");
    }
}
