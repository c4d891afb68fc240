//! Whether a rule is about a question.
//!
//! Allow rules match as RBAC's do (`k8s.io/kubernetes/pkg/apis/rbac/v1/evaluation_helpers.go`), less the
//! exceptions. Deny rules match whatever could include something that they name.

use super::ask::{Ask, On};
use super::exceptions::{Escape, escape};
use super::reach::Reach;
use super::spec::RuleSpec;

/// How a rule relates to a question, part by part: for a decision all must hold, for a message the ones that
/// don't are what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) verb: bool,
    /// Group and resource, or the path.
    pub(crate) kind: bool,
    pub(crate) name: bool,
    pub(crate) reach: bool,
    /// The escape that the rule doesn't name exactly.
    pub(crate) inexact: Option<&'static Escape>,
}

impl Fit {
    pub(crate) fn is_whole(self) -> bool {
        self.verb && self.kind && self.name && self.reach && self.inexact.is_none()
    }

    /// How many parts are missing.
    pub(crate) fn missing(self) -> usize {
        [self.verb, self.kind, self.name, self.reach, self.inexact.is_none()]
            .iter()
            .filter(|part| !**part)
            .count()
    }
}

/// How an allow rule, held through a reach, fits a question.
pub(crate) fn fit(rule: &RuleSpec, reach: &Reach, ask: Ask<'_>) -> Fit {
    match ask {
        Ask::Path { verb, path } => Fit {
            verb: verb_matches(rule, verb),
            kind: rule.non_resource_urls.iter().any(|url| url_matches(url, path)),
            name: true,
            reach: *reach == Reach::Everywhere,
            inexact: None,
        },
        Ask::Resource(on) => Fit {
            verb: verb_matches(rule, on.verb),
            kind: group_matches(rule, on.group) && resource_matches(rule, on),
            name: rule.resource_names.is_empty() || rule.resource_names.iter().any(|name| name == on.name),
            reach: reaches(reach, on),
            inexact: escape(on).filter(|_| !names_exactly(rule, on)),
        },
    }
}

/// Whether an allow rule, held through a reach, allows what is asked: [`fit`] is whole, found sooner.
pub(super) fn allows(rule: &RuleSpec, reach: &Reach, ask: Ask<'_>) -> bool {
    match ask {
        Ask::Path { .. } => fit(rule, reach, ask).is_whole(),
        Ask::Resource(on) => {
            verb_matches(rule, on.verb) && group_matches(rule, on.group) && fit(rule, reach, ask).is_whole()
        }
    }
}

/// Whether a deny rule, held through a reach, refuses what is asked. It must be asked each of the question's
/// [`equivalents`].
pub(crate) fn denies(rule: &RuleSpec, reach: &Reach, ask: Ask<'_>) -> bool {
    match ask {
        Ask::Path { verb, path } => {
            let same = |url: &String| url_matches(url, path) || url_matches(url, path.trim_end_matches('/'));
            *reach == Reach::Everywhere && verb_matches(rule, verb) && rule.non_resource_urls.iter().any(same)
        }
        Ask::Resource(on) => {
            let names = &rule.resource_names;
            let named = |name: &String| name == on.name || is_proxied(name, on);
            verb_matches(rule, on.verb)
                && group_matches(rule, on.group)
                && resource_matches(rule, on)
                && (names.is_empty() || on.name.is_empty() || names.iter().any(named))
                && could_reach(reach, on)
        }
    }
}

/// Whether a proxied object is this one. Its name may have a scheme before it and a port behind it
/// (`https:web:443`; Kubernetes, "Access Services Running on Clusters").
fn is_proxied(name: &str, on: On<'_>) -> bool {
    on.subresource == "proxy" && on.name.split(':').any(|part| part == name)
}

/// The question, and every other one that has the same effect.
pub(crate) fn equivalents(ask: Ask<'_>) -> impl Iterator<Item = Ask<'_>> {
    let (plain, other) = match ask {
        Ask::Path { .. } => (None, None),
        Ask::Resource(on) => (Some(on), same_effect(on)),
    };
    let twins = [plain, other].into_iter().flatten().filter_map(twin);
    std::iter::once(ask).chain(other.into_iter().chain(twins).map(Ask::Resource))
}

fn same_effect(on: On<'_>) -> Option<On<'_>> {
    match (on.verb, on.group, on.resource, on.subresource) {
        ("deletecollection", ..) => Some(on.verb("delete")),
        // An eviction deletes the pod.
        ("create", "", "pods", "eviction") => Some(on.object().verb("delete")),
        // Two names of one thing; the pod that a nameless binding is for stands in its body.
        ("create", "", "pods", "binding") => Some(On { resource: "bindings", name: "", ..on.object() }),
        ("create", "", "bindings", "") => Some(On { resource: "pods", subresource: "binding", ..on }),
        _ => None,
    }
}

/// The same objects in another group.
fn twin(on: On<'_>) -> Option<On<'_>> {
    match (on.group, on.resource) {
        ("", "events") => Some(On { group: "events.k8s.io", ..on }),
        ("events.k8s.io", "events") => Some(On { group: "", ..on }),
        _ => None,
    }
}

fn verb_matches(rule: &RuleSpec, verb: &str) -> bool {
    rule.verbs.iter().any(|v| v == "*" || v == verb)
}

fn group_matches(rule: &RuleSpec, group: &str) -> bool {
    rule.api_groups.iter().any(|g| g == "*" || g == group)
}

fn resource_matches(rule: &RuleSpec, on: On<'_>) -> bool {
    rule.resources.iter().any(|resource| {
        let any_with_subresource = resource.strip_prefix("*/").is_some_and(|sub| sub == on.subresource);
        resource == "*" || is_exactly(resource, on) || (!on.subresource.is_empty() && any_with_subresource)
    })
}

/// Whether a rule's resource is this one, spelled out.
fn is_exactly(resource: &str, on: On<'_>) -> bool {
    match resource.split_once('/') {
        None => on.subresource.is_empty() && resource == on.resource,
        Some((resource, subresource)) => {
            !on.subresource.is_empty() && resource == on.resource && subresource == on.subresource
        }
    }
}

/// Whether verb, group and resource stand in the rule without a wildcard.
fn names_exactly(rule: &RuleSpec, on: On<'_>) -> bool {
    rule.verbs.iter().any(|verb| verb == on.verb)
        && rule.api_groups.iter().any(|group| group == on.group)
        && rule.resources.iter().any(|resource| is_exactly(resource, on))
}

/// `NonResourceURLMatches`: the same, or the same beginning up to the stars at the end.
pub(crate) fn url_matches(url: &str, path: &str) -> bool {
    url == "*" || url == path || (url.ends_with('*') && path.starts_with(url.trim_end_matches('*')))
}

/// Where a grant allows. A RoleBinding gives nothing cluster-scoped; of the namespace itself it gives only
/// `get` (exception 2).
fn reaches(reach: &Reach, on: On<'_>) -> bool {
    match reach {
        Reach::Everywhere => true,
        Reach::Namespaces(patterns) => {
            let within = patterns.iter().any(|pattern| pattern.matches(on.namespace));
            let namespace_itself = on.resource == "namespaces";
            within && (!namespace_itself || (on.verb == "get" && on.subresource.is_empty()))
        }
    }
}

/// Where a grant denies: wherever the request could touch something in its namespaces.
fn could_reach(reach: &Reach, on: On<'_>) -> bool {
    match reach {
        Reach::Everywhere => true,
        Reach::Namespaces(patterns) if !on.namespace.is_empty() => {
            patterns.iter().any(|p| p.matches(on.namespace))
        }
        // No namespace: a collection may be one over all namespaces, a new namespace may be one of the
        // grant's, and every other object is cluster-scoped.
        Reach::Namespaces(patterns) => !patterns.is_empty() && on.may_be_in_a_namespace(),
    }
}

impl On<'_> {
    /// Whether a request without a namespace may touch something in one. A name on a list is its field
    /// selector's, and a collection's delete is also asked as a `delete` without a name.
    fn may_be_in_a_namespace(&self) -> bool {
        match self.verb {
            "list" | "watch" | "deletecollection" => !CLUSTER_SCOPED.contains(&(self.group, self.resource)),
            "delete" => self.name.is_empty() && !CLUSTER_SCOPED.contains(&(self.group, self.resource)),
            "create" => self.resource == "namespaces",
            _ => false,
        }
    }
}

/// Whether a kind is known to have no namespace; namespaces themselves are not among these.
pub(crate) fn is_cluster_scoped(group: &str, resource: &str) -> bool {
    CLUSTER_SCOPED.contains(&(group, resource))
}

/// Built-in kinds without a namespace (`kubectl api-resources --namespaced=false`), whose collections hold
/// nothing that a namespaced grant reaches. Left out here, a kind is only refused more often. `namespaces`
/// is left out on purpose: their list shows the namespaces of the grant.
const CLUSTER_SCOPED: [(&str, &str); 22] = [
    ("", "componentstatuses"),
    ("", "nodes"),
    ("", "persistentvolumes"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "apiservices"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("flowcontrol.apiserver.k8s.io", "flowschemas"),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
    ("networking.k8s.io", "ingressclasses"),
    ("networking.k8s.io", "ipaddresses"),
    ("networking.k8s.io", "servicecidrs"),
    ("node.k8s.io", "runtimeclasses"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("scheduling.k8s.io", "priorityclasses"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "storageclasses"),
];
