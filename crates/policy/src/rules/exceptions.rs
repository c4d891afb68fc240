//! Where a rule means less than it would in Kubernetes RBAC: one table, which documentation prints and tests
//! read.

use super::ask::On;

/// One strict exception from RBAC's meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exception {
    /// Its number in the design.
    pub number: u8,
    /// What it is called.
    pub title: &'static str,
    /// What holds instead, and why.
    pub text: &'static str,
}

/// The five strict exceptions. Everything else in a rule means what it means in RBAC.
pub const EXCEPTIONS: [Exception; 5] = [
    Exception {
        number: 1,
        title: "connections need create",
        text: "exec, attach, portforward and proxy need the verb create, whatever the method: over \
               WebSocket they are GETs, and API servers before 1.35 asked only for get. For exec, attach \
               and portforward create is enough, since a GET opens what a POST would open; proxy also \
               needs the verb of the method, as in RBAC, since what is proxied is done with it.",
    },
    Exception {
        number: 2,
        title: "namespaces through a namespaced grant",
        text: "Through a grant with namespaces, the resource namespaces allows only get of that \
               namespace itself: RBAC would let a rule with '*' delete it.",
    },
    Exception {
        number: 3,
        title: "escapes are named exactly",
        text: "What gives other credentials or other rights is matched only by a rule that names \
               its verb, its API group and its resource (with the subresource) without a wildcard. \
               A change of metadata.ownerReferences besides needs delete on the object, since the \
               garbage collector then deletes it.",
    },
    Exception {
        number: 4,
        title: "what the API server checks inside a request",
        text: "Server-side apply and PUT need create too, or the object exists and its uid is put \
               into what is sent; deleting an unreadable object needs \
               unsafe-delete-ignore-read-errors. Inside the API server the ceiling would answer \
               these, not the scope.",
    },
    Exception {
        number: 5,
        title: "built-in denies",
        text: "No grant reaches the namespaces drawbridge-system and drawbridge-agents, a list of \
               all namespaces' Secrets, or writes to cluster roles and bindings whose names begin \
               with drawbridge; nor does one make any of these, whatever name stands in the body.",
    },
];

/// What gives an agent other credentials or rights than its own (exception 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escape {
    /// The word that a rule's `acknowledge` silences its caution with.
    pub word: &'static str,
    /// The API groups.
    pub groups: &'static [&'static str],
    /// The resources, with `/subresource`; `res/*` is the resource with and without every subresource, `*`
    /// is every resource.
    pub resources: &'static [&'static str],
    /// The verbs.
    pub verbs: Verbs,
    /// What it gives, as the end of "this …".
    pub gives: &'static str,
}

/// Which verbs of a resource are an escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbs {
    /// Every one.
    Any,
    /// create, update, patch, delete and deletecollection.
    Writes,
    /// These words, and those that begin with one of them and a colon.
    Words(&'static [&'static str]),
}

/// The group of RBAC, and OpenShift's second door to the same objects.
const RBAC: &[&str] = &["rbac.authorization.k8s.io", "authorization.openshift.io"];

/// The escapes. Sources: Kubernetes, "RBAC Good Practices: privilege escalation risks", and the calls of
/// `Authorize` inside the API server's handlers (1.37).
pub const ESCAPES: [Escape; 14] = [
    Escape {
        word: "service-account-tokens",
        groups: &[""],
        resources: &["serviceaccounts/token"],
        verbs: Verbs::Any,
        gives: "issues working tokens of other service accounts; even a dry run returns one",
    },
    Escape {
        word: "secrets",
        groups: &[""],
        resources: &["secrets/*"],
        verbs: Verbs::Any,
        gives: "shows Secrets or makes service-account tokens appear in them; updates and deletes answer \
            with contents too",
    },
    Escape {
        word: "certificates",
        groups: &["certificates.k8s.io"],
        resources: &["certificatesigningrequests/*", "podcertificaterequests/*", "clustertrustbundles/*"],
        verbs: Verbs::Writes,
        gives: "issues certificates that the cluster takes for other identities, or makes it trust other \
            issuers",
    },
    Escape {
        word: "rbac",
        groups: RBAC,
        resources: &["roles/*", "rolebindings/*", "clusterroles/*", "clusterrolebindings/*"],
        verbs: Verbs::Writes,
        gives: "passes on every right of the cluster's ceiling, to any identity",
    },
    Escape {
        word: "special-verbs",
        groups: &["*"],
        resources: &["*"],
        // "impersonate:MODE", "impersonate-on:MODE:VERB", "associated-node:VERB" and "arbitrary-node:VERB"
        // are asked of the same kind of inner check.
        verbs: Verbs::Words(&[
            "impersonate",
            "impersonate-on",
            "escalate",
            "bind",
            "sign",
            "approve",
            "attest",
            "associated-node",
            "arbitrary-node",
        ]),
        gives: "is a right that other rights are made with",
    },
    Escape {
        word: "unsafe-delete",
        groups: &["*"],
        resources: &["*"],
        verbs: Verbs::Words(&["unsafe-delete-ignore-read-errors"]),
        gives: "removes objects past their finalizers and preconditions",
    },
    Escape {
        word: "admission",
        groups: &["admissionregistration.k8s.io"],
        resources: &["*"],
        verbs: Verbs::Writes,
        gives: "sees and changes what everyone writes to the cluster, Secrets included, or lets it pass \
            unchecked",
    },
    Escape {
        word: "api-services",
        groups: &["apiregistration.k8s.io"],
        resources: &["apiservices/*"],
        verbs: Verbs::Writes,
        gives: "sends other callers' requests, with their identities, to a server of its choice",
    },
    Escape {
        word: "custom-resource-definitions",
        groups: &["apiextensions.k8s.io"],
        resources: &["customresourcedefinitions/*"],
        verbs: Verbs::Writes,
        gives: "deletes every object of a kind at once, or calls a conversion webhook with all of them",
    },
    Escape {
        word: "proxy",
        groups: &[""],
        resources: &["nodes/proxy", "pods/proxy", "services/proxy"],
        verbs: Verbs::Any,
        gives: "reaches what listens inside the cluster as the API server; through a node, every container \
            on it",
    },
    Escape {
        word: "ephemeral-containers",
        groups: &[""],
        resources: &["pods/ephemeralcontainers"],
        verbs: Verbs::Writes,
        gives: "runs an image of its choice inside a running pod, with the pod's identity",
    },
    Escape {
        word: "binding",
        groups: &[""],
        resources: &["bindings/*", "pods/binding"],
        verbs: Verbs::Writes,
        gives: "places a pod on a node of its choice, past the scheduler",
    },
    Escape {
        word: "namespace-finalize",
        groups: &[""],
        resources: &["namespaces/finalize"],
        verbs: Verbs::Writes,
        gives: "ends a namespace's deletion before its contents are gone",
    },
    // AuthorizedForBinding and AuthorizedForDeviceStatus ask for the synthetic resourceclaims/binding and
    // resourceclaims/driver inside the request, where the ceiling answers.
    Escape {
        word: "device-claims",
        groups: &["resource.k8s.io"],
        resources: &["resourceclaims/status", "resourceclaims/binding", "resourceclaims/driver"],
        verbs: Verbs::Writes,
        gives: "hands devices of nodes to a pod, past the scheduler and the driver",
    },
];

/// The escape that a question is about, if it is about one.
pub(crate) fn escape(on: On<'_>) -> Option<&'static Escape> {
    ESCAPES.iter().find(|escape| escape.covers(on))
}

impl Escape {
    fn covers(&self, on: On<'_>) -> bool {
        self.verbs.cover(on)
            && self.groups.iter().any(|group| *group == "*" || *group == on.group)
            && self.resources.iter().any(|resource| covers_resource(resource, on))
    }
}

impl Verbs {
    fn cover(self, on: On<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Writes => on.is_write(),
            Self::Words(words) => words.iter().any(|word| is_word(word, on.verb)),
        }
    }
}

/// The word itself, or the word and more after a colon.
fn is_word(word: &str, verb: &str) -> bool {
    verb.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

fn covers_resource(pattern: &str, on: On<'_>) -> bool {
    match pattern.split_once('/') {
        None => pattern == "*" || (pattern == on.resource && on.subresource.is_empty()),
        Some((resource, "*")) => resource == on.resource,
        Some((resource, subresource)) => resource == on.resource && subresource == on.subresource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(verb: &str, group: &str, resource: &str, subresource: &str) -> Option<&'static str> {
        escape(On { verb, group, resource, subresource, namespace: "", name: "" }).map(|escape| escape.word)
    }

    #[test]
    fn escapes_are_found_by_verb_group_and_resource() {
        assert_eq!(word("create", "", "serviceaccounts", "token"), Some("service-account-tokens"));
        assert_eq!(word("get", "", "secrets", ""), Some("secrets"));
        assert_eq!(word("get", "example.com", "secrets", ""), None);
        assert_eq!(word("get", "certificates.k8s.io", "certificatesigningrequests", ""), None);
        assert_eq!(
            word("update", "certificates.k8s.io", "certificatesigningrequests", "approval"),
            Some("certificates")
        );
        assert_eq!(word("deletecollection", "rbac.authorization.k8s.io", "roles", ""), Some("rbac"));
        assert_eq!(word("impersonate", "", "users", ""), Some("special-verbs"));
        assert_eq!(word("impersonate-on:user-info:get", "", "pods", ""), Some("special-verbs"));
        assert_eq!(word("patch", "admissionregistration.k8s.io", "anything", ""), Some("admission"));
        assert_eq!(word("create", "", "nodes", "proxy"), Some("proxy"));
        assert_eq!(word("get", "", "pods", "ephemeralcontainers"), None);
        assert_eq!(word("create", "", "pods", "binding"), Some("binding"));
        assert_eq!(word("update", "", "namespaces", "finalize"), Some("namespace-finalize"));
        assert_eq!(word("update", "resource.k8s.io", "resourceclaims", "status"), Some("device-claims"));
        assert_eq!(word("update", "resource.k8s.io", "resourceclaims", ""), None);
        assert_eq!(word("create", "", "pods", "exec"), None);
        assert_eq!(word("delete", "", "pods", ""), None);
    }

    #[test]
    fn the_tables_are_ready_to_be_printed() {
        let mut words: Vec<_> = ESCAPES.iter().map(|escape| escape.word).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ESCAPES.len());
        assert!(EXCEPTIONS.iter().zip(1..).all(|(exception, number)| exception.number == number));
        assert!(EXCEPTIONS.iter().all(|exception| !exception.text.contains("  ")));
    }
}
