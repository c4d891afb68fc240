//! What must hold for all rules and requests.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_policy::{
    AgentName, Attributes, Case, Decision, Effect, Fact, Facts, HeldScope, Line, Lists, Live, Millis,
    NamePattern, Payload, Reach, RuleId, RuleSpec, Rules, Scope, Terms, Verb, decide,
};
use proptest::prelude::*;

const NOW: Millis = Millis(100);

fn case(line: &str) -> Case {
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let attributes = Attributes::parse(Line { method, path, query }).expect("readable");
    let payload = match method {
        _ if attributes.connect().is_some() => Payload::none(),
        "PUT" => Payload::new(None, Bytes::from_static(b"{}")),
        "PATCH" => Payload::new(Some("application/merge-patch+json"), Bytes::from_static(b"{}")),
        _ => Payload::none(),
    };
    Case::new(AgentName::parse("a").expect("a name"), attributes, payload).expect("readable")
}

/// Whether it would be sent, if the object that it names is there.
fn permits(rules: &Rules, line: &str) -> bool {
    let live = Live::Present {
        uid: "u".to_owned(),
        resource_version: "1".to_owned(),
        object: serde_json::Value::Null,
    };
    match decide(case(line), rules, &Facts::none().and(Fact::Live(live)), NOW) {
        Decision::Permit(permit) => {
            assert!(!permit.rule().as_str().is_empty());
            true
        }
        Decision::Deny(denial, _) => {
            assert!(denial.message().len() <= 600 && !denial.message().contains('\n'));
            false
        }
        Decision::Needs(..) | Decision::Expand(_) => panic!("{line}: all facts were there"),
    }
}

fn some(words: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(words), 1..4)
        .prop_map(|words| words.into_iter().map(str::to_owned).collect())
}

prop_compose! {
    fn rule(effect: Effect)(
        verbs in some(&["*", "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]),
        api_groups in some(&["*", "", "apps", "rbac.authorization.k8s.io", "events.k8s.io"]),
        resources in some(&[
            "*", "pods", "pods/exec", "*/exec", "*/token", "secrets", "serviceaccounts/token", "namespaces", "roles",
            "deployments", "events", "pods/eviction", "nodes",
        ]),
        resource_names in prop::collection::vec(prop::sample::select(vec!["x", "a"]), 0..2),
    ) -> RuleSpec {
        let resource_names = resource_names.into_iter().map(str::to_owned).collect();
        RuleSpec {
            name: "r".to_owned(), effect, verbs, api_groups, resources, resource_names,
            non_resource_urls: Vec::new(), acknowledge: Vec::new(), terms: Terms::none(),
        }
    }
}

fn reach() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![None, Some("a"), Some("b"), Some("a*"), Some("*")])
}

fn line() -> impl Strategy<Value = String> {
    let method = prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]);
    let path = prop::sample::select(vec![
        "/api/v1/pods",
        "/api/v1/pods?watch=1",
        "/api/v1/namespaces/a/pods",
        "/api/v1/namespaces/a/pods/x",
        "/api/v1/namespaces/ab/pods/x/exec",
        "/api/v1/namespaces/a/pods/x/eviction",
        "/api/v1/namespaces/a",
        "/api/v1/namespaces",
        "/api/v1/namespaces/a/secrets/x",
        "/api/v1/namespaces/a/secrets",
        "/api/v1/secrets",
        "/api/v1/namespaces/a/serviceaccounts/x/token",
        "/apis/apps/v1/namespaces/b/deployments/x",
        "/api/v1/nodes/x",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles",
        "/api/v1/namespaces/a/events",
        "/metrics",
        "/api",
        "/apis/events.k8s.io/v1/events?fieldSelector=metadata.name%3Dx",
        "/api/v1/namespaces/drawbridge-system/pods",
    ]);
    (method, path).prop_map(|(method, path)| format!("{method} {path}"))
}

fn held(spec: RuleSpec, namespaces: Option<&str>) -> HeldScope {
    let reach = match namespaces {
        None => Reach::everywhere(),
        Some(pattern) => Reach::namespaces(vec![NamePattern::parse(pattern).expect("a pattern")]),
    };
    let scope = Scope::new("s", vec![spec.check().expect("a right rule")]);
    HeldScope {
        grant: "g".to_owned(),
        until: None,
        namespaces: reach,
        scope: Arc::new(scope),
        lists: Lists::Refused,
    }
}

/// RBAC itself, as its documentation puts it: a binding's rules allow what one of them matches in verb,
/// group, resource and name; a RoleBinding within its namespace.
fn rbac_allows(spec: &RuleSpec, namespaces: Option<&str>, attributes: &Attributes) -> bool {
    let Some(resource) = attributes.resource() else { return false };
    let has = |words: &[String], word: &str| words.iter().any(|w| w == "*" || w == word);
    let full = match resource.subresource() {
        "" => resource.resource().to_owned(),
        subresource => format!("{}/{subresource}", resource.resource()),
    };
    let any = format!("*/{}", resource.subresource());
    let kind =
        has(&spec.resources, &full) || (!resource.subresource().is_empty() && spec.resources.contains(&any));
    let named =
        spec.resource_names.is_empty() || spec.resource_names.iter().any(|name| name == resource.name());
    let within = namespaces.is_none_or(|pattern| {
        let namespace = resource.namespace();
        !namespace.is_empty()
            && pattern.strip_suffix('*').map_or(namespace == pattern, |stem| namespace.starts_with(stem))
    });
    has(&spec.verbs, attributes.decided_verb().as_str())
        && has(&spec.api_groups, resource.group())
        && kind
        && named
        && within
}

/// The strict exceptions that a line of this test can meet.
fn is_excepted(attributes: &Attributes, namespaces: Option<&str>) -> bool {
    let Some(resource) = attributes.resource() else { return true };
    let escape = matches!(resource.resource(), "secrets" | "roles") || resource.subresource() == "token";
    let namespace = resource.resource() == "namespaces" && namespaces.is_some();
    let built_in = resource.namespace() == "drawbridge-system"
        || (resource.resource() == "namespaces" && attributes.verb() == Verb::DeleteCollection);
    // A PUT without a name is refused where its object would have to be looked at.
    let nameless = attributes.verb() == Verb::Update && resource.name().is_empty();
    escape || namespace || built_in || nameless
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_rule_allows_what_rbac_would_and_less_only_by_an_exception(
        spec in rule(Effect::Allow), namespaces in reach(), line in line(),
    ) {
        let case = case(&line);
        let rbac = rbac_allows(&spec, namespaces, case.attributes());
        let ours = permits(&Rules::new(vec![held(spec, namespaces)]), &line);
        let discovery = line == "GET /api";
        prop_assert!(!ours || rbac || discovery, "{} is allowed beyond RBAC", line);
        prop_assert!(ours || !rbac || is_excepted(case.attributes(), namespaces), "{} is refused", line);
    }

    #[test]
    fn a_deny_rule_never_allows_what_was_refused(
        allow in prop::collection::vec((rule(Effect::Allow), reach()), 1..4),
        deny in rule(Effect::Deny), denied in reach(), line in line(),
    ) {
        let mut grants: Vec<HeldScope> = allow.into_iter().map(|(spec, namespaces)| held(spec, namespaces)).collect();
        let before = permits(&Rules::new(grants.clone()), &line);
        grants.insert(0, held(deny, denied));
        let after = permits(&Rules::new(grants), &line);
        prop_assert!(before || !after, "{}", line);
    }

    #[test]
    fn bodies_are_read_without_a_panic(
        line in line(),
        kind in prop::sample::select(vec![
            "application/json", "application/vnd.kubernetes.protobuf", "application/json-patch+json",
            "application/merge-patch+json", "application/apply-patch+yaml",
        ]),
        start in prop::sample::select(vec!["", "k8s\0", "k8s\0\x12\x08\x0a\x06", "{\"metadata\":", "[{\"op\":"]),
        rest in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (method, target) = line.split_once(' ').expect("a method and a target");
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let attributes = Attributes::parse(Line { method, path, query }).expect("readable");
        let payload = Payload::new(Some(kind), [start.as_bytes(), &rest].concat().into());
        if let Err(fault) = Case::new(AgentName::parse("a").expect("a name"), attributes, payload) {
            prop_assert!(!fault.reason().is_empty() && fault.to_string().len() < 400);
        }
    }

    #[test]
    fn no_rules_allow_nothing(line in line(), deny in rule(Effect::Deny), namespaces in reach()) {
        prop_assert!(!permits(&Rules::none(), &line));
        prop_assert!(!permits(&Rules::new(vec![held(deny, namespaces)]), &line) || line == "GET /api");
    }

    #[test]
    fn a_rule_with_a_wildcard_allows_no_escape(
        mut spec in rule(Effect::Allow), wild in 0..3usize,
        line in prop::sample::select(vec![
            "POST /api/v1/namespaces/a/serviceaccounts/x/token", "GET /api/v1/namespaces/a/secrets/x",
            "DELETE /api/v1/namespaces/a/secrets", "POST /apis/rbac.authorization.k8s.io/v1/namespaces/a/roles",
            "DELETE /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/x", "GET /api/v1/nodes/x/proxy",
            "POST /api/v1/namespaces/a/bindings", "PATCH /api/v1/namespaces/a/pods/x/ephemeralcontainers",
            "PUT /api/v1/namespaces/a/finalize", "POST /apis/apiregistration.k8s.io/v1/apiservices",
            "PATCH /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/x",
            "DELETE /apis/apiextensions.k8s.io/v1/customresourcedefinitions/x",
            "PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval",
        ]),
    ) {
        // One of the three is nothing but a wildcard, whatever the others name.
        spec.verbs.push("create".to_owned());
        match wild {
            0 => spec.verbs = vec!["*".to_owned()],
            1 => spec.api_groups = vec!["*".to_owned()],
            _ => spec.resources = vec!["*".to_owned(), "*/token".to_owned(), "*/proxy".to_owned()],
        }
        prop_assert!(!permits(&Rules::new(vec![held(spec, None)]), line), "{}", line);
    }
}

#[test]
fn rules_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Rules>();
    shared::<RuleId>();
}
