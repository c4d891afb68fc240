//! What an agent is told that asks what it may do: the scopes' half and the cluster's, put together.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_policy::{
    Access, AgentName, Attributes, Case, Decision, Effect, Facts, HeldScope, Limit, Line, Lists, Millis,
    NamePattern, Payload, Per, Permit, Reach, Reason, RuleSpec, Rules, Scope, Terms, decide,
};
use serde_json::{Value, json};

use super::scene::Scene;

const ACCESS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const RULES: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// Rules in the words of `corpus/decisions.txt`.
fn rules(text: &str) -> Rules {
    Scene::read_all(&format!("== x\n{text}")).remove(0).rules()
}

fn decided(path: &str, body: &Value, rules: &Rules) -> Decision {
    let attributes = Attributes::parse(Line { method: "POST", path, query: None }).expect("readable");
    let payload = Payload::new(Some("application/json"), Bytes::from(body.to_string()));
    let case = Case::new(AgentName::parse("a").expect("a name"), attributes, payload).expect("readable");
    decide(case, rules, &Facts::none(), Millis(0))
}

fn permit(path: &str, body: &Value, rules: &Rules) -> Permit {
    match decided(path, body, rules) {
        Decision::Permit(permit) => permit,
        Decision::Deny(denial, _) => panic!("{}", denial.message()),
        Decision::Needs(..) | Decision::Expand(_) => panic!("no fact is needed"),
    }
}

/// `VERB RESOURCE[/SUBRESOURCE][.GROUP] NAMESPACE NAME`, each of the last two `-` for none; or `VERB /PATH`.
fn asked(question: &str) -> Value {
    let words: Vec<&str> = question.split(' ').map(|word| if word == "-" { "" } else { word }).collect();
    let spec = match words[..] {
        [verb, path] => json!({ "nonResourceAttributes": { "verb": verb, "path": path } }),
        [verb, resource, namespace, name] => {
            let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            json!({ "resourceAttributes": { "verb": verb, "group": group, "resource": resource,
                "subresource": subresource, "namespace": namespace, "name": name } })
        }
        _ => panic!("{question}"),
    };
    json!({ "spec": spec })
}

/// What the scopes say alone: yes, or why not.
fn scopes(question: &str, rules: &Rules) -> Result<(), String> {
    match permit(ACCESS, &asked(question), rules).review().expect("a review").settled() {
        None => Ok(()),
        Some(answer) => {
            assert_eq!(answer["status"]["allowed"], false, "{answer}");
            Err(answer["status"]["reason"].as_str().expect("a reason").to_owned())
        }
    }
}

const MIXED: &str = "\
allow see get,list apps,core deployments,pods,namespaces
allow exec create core pods/exec
allow read get core secrets names=one
allow old get core pods/attach
deny no-logs get core pods names=hidden
grant narrow in=a,ci-*
allow all * batch *
deny no-cron delete batch cronjobs
allow-url metrics get /metrics
grant wide";

fn mixed() -> Rules {
    rules(MIXED)
}

#[test]
fn the_scopes_are_asked_as_they_are_for_the_request_itself() {
    let rules = mixed();
    for yes in [
        "list deployments.apps a -",
        "get pods a x",
        "get pods ci-7 x",
        "create pods/exec a x",
        // Over WebSocket.
        "get pods/exec a x",
        "get secrets a one",
        "get namespaces - a",
        // As kubectl asks, with the namespace of its context.
        "get namespaces default a",
        "delete jobs.batch b -",
        "list jobs.batch - -",
        "get /metrics",
        "get /healthz",
        "get /api/v1",
        "create selfsubjectaccessreviews.authorization.k8s.io - -",
    ] {
        assert_eq!(scopes(yes, &rules), Ok(()), "{yes}");
    }
    for (no, why) in [
        ("list deployments.apps - -", "only in the namespaces a, ci-*"),
        ("list deployments.apps b -", "only in the namespaces a, ci-*"),
        ("delete deployments.apps a -", "may only get, list"),
        ("get pods a hidden", "narrow/no-logs denies it"),
        ("get pods a -", "narrow/no-logs denies it"),
        ("get pods/attach a x", "may only get"),
        ("get secrets a two", "only named one"),
        ("list secrets - -", "no grant can allow it"),
        ("get pods drawbridge-system x", "no grant can allow it"),
        ("list namespaces a -", "no rule allows it"),
        ("delete namespaces a a", "no rule allows it"),
        ("delete cronjobs.batch a x", "wide/no-cron denies it"),
        ("delete *.batch a -", "wide/no-cron denies it"),
        ("* cronjobs.batch a -", "wide/no-cron denies it"),
        ("* jobs.batch a -", "only a rule that names it exactly"),
        ("* *.* - -", "no grant can allow it"),
        ("get * a -", "narrow/no-logs denies it"),
        ("get nodes a x", "no rule allows it"),
        ("delete /metrics", "no rule allows it"),
        ("get /logs/x", "no rule allows it"),
        ("- pods a x", "no verb"),
        ("get - a x", "no resource"),
        ("create selfsubjectaccessreviews.authentication.k8s.io - -", "no rule allows it"),
        ("create subjectaccessreviews.authorization.k8s.io - -", "no rule allows it"),
    ] {
        let said = scopes(no, &rules).expect_err(no);
        assert!(said.contains(why), "{no}: {said}");
    }
}

#[test]
fn everything_is_not_what_wildcards_give() {
    let rules = rules("allow all * * *\ngrant g");
    assert_eq!(scopes("get pods - -", &rules), Ok(()));
    assert_eq!(scopes("get *.apps - -", &rules), Ok(()));
    for no in ["* *.* - -", "get *.* - -", "* pods a -", "get * a -", "create roles.* a -"] {
        assert!(scopes(no, &rules).is_err(), "{no}");
    }
    for no in ["get secrets a x", "impersonate users - x", "get services/proxy a x"] {
        assert!(scopes(no, &rules).is_err(), "{no}");
    }
}

#[test]
fn a_yes_needs_both_sides_and_a_no_says_whose_it_is() {
    let rules = mixed();
    let permit = permit(ACCESS, &asked("list deployments.apps a -"), &rules);
    let review = permit.review().expect("a review");
    let cluster = |status: Value| json!({ "kind": "SelfSubjectAccessReview", "status": status });
    let yes = review.complete(cluster(json!({ "allowed": true, "reason": "RBAC: somebody's" }))).unwrap();
    assert_eq!(yes["status"]["allowed"], true);
    assert!(yes["status"]["reason"].as_str().unwrap().contains("narrow/see"), "{yes}");
    let no = review.complete(cluster(json!({ "allowed": false, "evaluationError": "x" }))).unwrap();
    assert_eq!((&no["status"]["allowed"], &no["status"]["evaluationError"]), (&json!(false), &json!("x")));
    let why = no["status"]["reason"].as_str().unwrap();
    assert!(why.starts_with("the scope allows it; the cluster's ceiling does not"), "{why}");
    for other in [json!({}), json!({ "status": {} }), json!({ "status": { "allowed": "yes" } }), json!([])] {
        assert_eq!(review.complete(other.clone()), None, "{other}");
    }
}

#[test]
fn every_agent_with_a_grant_may_ask_unless_a_rule_denies_it() {
    let some = rules("allow x get core pods\ngrant g");
    for path in [ACCESS, RULES, WHO] {
        let body = if path == ACCESS { asked("get pods a -") } else { json!({}) };
        let permit = permit(path, &body, &some);
        assert_eq!((permit.rule().as_str(), permit.grant()), ("review", "g"), "{path}");
        assert_eq!(permit.attributes().access(), Access::Read);
        assert_eq!(permit.review().is_some(), path != WHO);
        let denied = rules(
            "allow x get core pods\ndeny no create * \
             selfsubjectaccessreviews,selfsubjectrulesreviews,selfsubjectreviews\ngrant g",
        );
        for (rules, reason) in [(&Rules::none(), Reason::NoGrant), (&denied, Reason::DenyRule)] {
            let Decision::Deny(denial, _) = decided(path, &body, rules) else { panic!("{path} is allowed") };
            assert_eq!(denial.reason(), reason);
        }
    }
}

#[test]
fn other_reviews_and_other_versions_are_requests_like_any_other() {
    let some = rules("allow x get core pods\ngrant g");
    for path in [
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        "/apis/authorization.k8s.io/v1/namespaces/a/localsubjectaccessreviews",
        "/apis/authorization.k8s.io/v1beta1/selfsubjectaccessreviews",
        "/apis/authorization.k8s.io/v1/namespaces/a/selfsubjectaccessreviews",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x",
        "/apis/authentication.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/authentication.k8s.io/v1beta1/selfsubjectreviews",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        "/api/v1/selfsubjectaccessreviews",
    ] {
        let Decision::Deny(denial, _) = decided(path, &asked("get pods a -"), &some) else {
            panic!("{path} is allowed")
        };
        assert_eq!(denial.reason(), Reason::NoRule, "{path}");
    }
}

/// The list as lines `VERBS GROUP RESOURCES NAMES` or `VERBS PATHS`, and what it says of itself.
fn listed(rules: &Rules, namespace: &str, ceiling: &Value) -> (Vec<String>, Option<String>) {
    let permit = permit(RULES, &json!({ "spec": { "namespace": namespace } }), rules);
    let review = permit.review().expect("a review");
    assert_eq!(review.settled(), None);
    let answer = review.complete(json!({ "status": ceiling })).expect("a list");
    let status = &answer["status"];
    let words = |rule: &Value, key: &str| -> String {
        let words = rule.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(",")
    };
    let mut lines = Vec::new();
    for rule in status["resourceRules"].as_array().unwrap() {
        let parts = ["verbs", "apiGroups", "resources", "resourceNames"].map(|key| words(rule, key));
        lines.push(parts.join(" ").trim_end().to_owned());
    }
    for rule in status["nonResourceRules"].as_array().unwrap() {
        lines.push(["verbs", "nonResourceURLs"].map(|key| words(rule, key)).join(" "));
    }
    assert_eq!(status["incomplete"], status["evaluationError"].is_string());
    (lines, status["evaluationError"].as_str().map(str::to_owned))
}

fn everything() -> Value {
    json!({
        "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }],
        "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
        "incomplete": false,
    })
}

#[test]
fn a_list_has_what_the_scopes_give_under_a_ceiling_of_everything() {
    let own = ["create authentication.k8s.io selfsubjectreviews"];
    let text = "allow see get,list apps deployments\n\
                allow exec create,get core pods/exec\n\
                allow one get core configmaps names=one\n\
                allow nodes get core nodes,namespaces\n\
                allow-url m get /metrics\ngrant g in=a";
    let (lines, note) = listed(&rules(text), "a", &everything());
    assert_eq!(note, None);
    for line in [
        "get,list apps deployments",
        "create,get  pods/exec",
        "get  configmaps one",
        "get  namespaces a",
        own[0],
        "get /api/*",
    ] {
        assert!(lines.iter().any(|have| have == line), "{line}: {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains("nodes") || line.contains("/metrics")), "{lines:#?}");
    let (lines, _) = listed(&rules(text), "b", &everything());
    assert!(!lines.iter().any(|line| line.contains("deployments")), "{lines:#?}");
}

#[test]
fn a_list_has_no_more_than_the_ceiling() {
    let text = "allow all * *,core *\ngrant g";
    let ceiling = json!({ "resourceRules": [
        { "verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "secrets", "pods/log"] },
        { "verbs": ["update"], "apiGroups": ["apps"], "resources": ["*/scale"], "resourceNames": ["x"] },
        { "verbs": ["*"], "apiGroups": ["batch"], "resources": ["jobs"] },
    ], "nonResourceRules": [], "incomplete": true, "evaluationError": "a webhook" });
    let (lines, note) = listed(&rules(text), "a", &ceiling);
    assert_eq!(lines, ["get,list  pods", "get,list  pods/log", "update apps */scale x", "* batch jobs"]);
    let note = note.unwrap();
    assert!(note.contains("special-verbs") && note.contains("a webhook"), "{note}");
}

#[test]
fn a_list_leaves_out_what_is_denied_and_says_where_it_can_not() {
    let text = "allow see get,list,delete core pods,configmaps\n\
                deny some get,list core configmaps names=x\n\
                deny all delete core *\ngrant g in=a";
    let (lines, note) = listed(&rules(text), "a", &everything());
    assert!(lines.contains(&"get,list  pods".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"get  configmaps".to_owned()), "{lines:#?}");
    assert!(note.unwrap().contains("g/some"));
    let text = "allow see * apps *\ndeny no delete * deployments\n\
                grant g";
    let (lines, note) = listed(&rules(text), "a", &everything());
    assert!(lines.contains(&"* apps *".to_owned()), "{lines:#?}");
    assert!(note.unwrap().contains("g/no"));
    let (lines, _) = listed(&rules(text), "drawbridge-system", &everything());
    assert!(!lines.iter().any(|line| line.contains("apps")), "{lines:#?}");
}

#[test]
fn a_list_that_would_not_end_is_cut_and_says_so() {
    let names: Vec<String> = (0..200).map(|index| format!("n{index}")).collect();
    let names = names.join(",");
    let text = format!("allow all get {names} {names}\ngrant g");
    let (lines, note) = listed(&rules(&text), "a", &everything());
    assert!(lines.len() <= 5_100);
    assert!(note.unwrap().contains("more than fits"));
    assert_eq!(listed(&rules(&text), "a", &json!({})).0, [""; 0]);
}

/// A rule on Jobs with terms.
fn on_jobs(name: &str, effect: Effect, verbs: &[&str], terms: Terms) -> RuleSpec {
    let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    RuleSpec {
        name: name.to_owned(),
        effect,
        verbs: texts(verbs),
        api_groups: texts(&["batch"]),
        resources: texts(&["jobs"]),
        resource_names: Vec::new(),
        non_resource_urls: Vec::new(),
        acknowledge: Vec::new(),
        terms,
    }
}

/// Held in the namespace `a`, lists filtered.
fn in_a(specs: Vec<RuleSpec>) -> Rules {
    let rules = specs.into_iter().map(|spec| spec.check().expect("a rule")).collect();
    Rules::new(vec![HeldScope {
        grant: "g".to_owned(),
        until: None,
        namespaces: Reach::namespaces(vec![NamePattern::parse("a").expect("a pattern")]),
        scope: Arc::new(Scope::new("s", rules)),
        lists: Lists::Filtered,
    }])
}

#[test]
fn what_depends_on_the_object_is_a_yes_that_says_so() {
    let when = |when: &str| Terms { when: Some(when.to_owned()), ..Terms::none() };
    let mask = Terms { mask: vec!["data.*".to_owned()], ..Terms::none() };
    let limits = Terms { limits: vec![Limit::new(5, Per::Hour).expect("a limit")], ..Terms::none() };
    let condition = "oldObject.metadata.name == \"x\"";
    let rules = in_a(vec![
        on_jobs("some", Effect::Allow, &["delete"], when(condition)),
        on_jobs("masked", Effect::Allow, &["get"], mask),
        on_jobs("plain", Effect::Allow, &["list", "update"], Terms::none()),
        on_jobs("few", Effect::Allow, &["create"], limits),
        on_jobs("unless", Effect::Deny, &["update"], when(condition)),
    ]);
    let reason = |question: &str| {
        let permit = permit(ACCESS, &asked(question), &rules);
        let review = permit.review().expect("a review");
        assert_eq!(review.settled(), None, "{question}");
        let answer = review.complete(json!({ "status": { "allowed": true } })).expect("an answer");
        assert_eq!(answer["status"]["allowed"], true, "{question}");
        answer["status"]["reason"].as_str().expect("a reason").to_owned()
    };
    assert!(reason("delete jobs.batch a x").contains(condition));
    assert!(reason("get jobs.batch a x").contains("masked"));
    assert!(reason("create jobs.batch a -").contains("within its limits"));
    assert!(reason("update jobs.batch a x").contains("s/unless: unless its condition denies it"));
    assert!(reason("list jobs.batch - -").contains("left out"));
    assert!(!reason("list jobs.batch a -").contains('('));
    assert!(scopes("delete jobs.batch b x", &rules).is_err());
    assert!(scopes("get jobs.batch - x", &rules).is_err());
    let (lines, note) = listed(&rules, "a", &everything());
    assert!(lines.contains(&"create,delete,get,list,update batch jobs".to_owned()), "{lines:#?}");
    assert!(note.unwrap().contains(condition));
}

#[test]
fn a_rule_with_terms_that_covers_reviews_keeps_nobody_from_asking() {
    let mut spec =
        on_jobs("all", Effect::Allow, &["*"], Terms { when: Some("false".to_owned()), ..Terms::none() });
    spec.api_groups = vec!["*".to_owned()];
    spec.resources = vec!["*".to_owned()];
    let rules = in_a(vec![spec]);
    assert_eq!(permit(ACCESS, &asked("get pods a x"), &rules).rule().as_str(), "review");
}
