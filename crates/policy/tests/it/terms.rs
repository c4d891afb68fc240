//! Ways around rules with terms that were found by looking for them, and are closed.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_policy::{
    AgentName, Attributes, Case, Decision, Effect, Fact, Facts, HeldScope, Line, Lists, Live, Look, Millis,
    Needs, Payload, Reach, RuleSpec, Rules, Scope, Terms, decide,
};
use serde_json::{Value, json};

/// A rule on one resource: `VERBS GROUP/RESOURCE`, `core` for the core group.
fn rule(effect: Effect, text: &str, terms: Terms) -> RuleSpec {
    let (verbs, on) = text.split_once(' ').expect("verbs and a resource");
    let (group, resource) = on.split_once('/').expect("a group and a resource");
    let words = |text: &str| text.split(',').map(str::to_owned).collect();
    RuleSpec {
        name: format!("r{}", text.len()),
        effect,
        verbs: words(verbs),
        api_groups: vec![if group == "core" { String::new() } else { group.to_owned() }],
        resources: words(resource),
        resource_names: Vec::new(),
        non_resource_urls: Vec::new(),
        acknowledge: Vec::new(),
        terms,
    }
}

fn rules(specs: Vec<RuleSpec>) -> Rules {
    let checked = specs.into_iter().map(|spec| spec.check().expect("a right rule")).collect();
    let scope = Arc::new(Scope::new("s", checked));
    let namespaces = Reach::everywhere();
    let lists = Lists::Refused;
    Rules::new(vec![HeldScope { grant: "g".to_owned(), until: None, namespaces, scope, lists }])
}

fn when(condition: &str) -> Terms {
    Terms { when: Some(condition.to_owned()), ..Terms::none() }
}

fn asked(line: &str, kind: &str, body: &Value) -> Case {
    let (method, target) = line.split_once(' ').expect("a method");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let attributes = Attributes::parse(Line { method, path, query }).expect("readable");
    let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let payload = if body.is_null() { Payload::none() } else { Payload::new(Some(kind), bytes) };
    Case::new(AgentName::parse("a").expect("a name"), attributes, payload).expect("readable")
}

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const NOW: Millis = Millis(0);

#[test]
fn a_deny_rule_with_a_condition_holds_for_what_happens_inside_a_request() {
    let held = rules(vec![
        rule(Effect::Allow, "create,patch core/configmaps", Terms::none()),
        rule(Effect::Deny, "create core/configmaps", when("object.metadata.name == 'x'")),
    ]);
    let body = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" } });
    let case = asked("PATCH /api/v1/namespaces/a/configmaps/x?fieldManager=f", APPLY, &body);
    // It may not create: so it must be bound to what is there.
    let decision = decide(case, &held, &Facts::none(), NOW);
    assert!(matches!(decision, Decision::Needs(Needs::Facts(wanted), _) if wanted.live));
}

#[test]
fn only_what_can_be_tried_out_is_a_dry_run() {
    let held = rules(vec![rule(Effect::Allow, "create,get core/pods,pods/exec", when("request.dryRun"))]);
    let exec = asked("GET /api/v1/namespaces/a/pods/p/exec?command=sh&dryRun=All", MERGE, &Value::Null);
    assert!(matches!(decide(exec, &held, &Facts::none(), NOW), Decision::Deny(..)));
    let get = asked("GET /api/v1/namespaces/a/pods/p?dryRun=All", MERGE, &Value::Null);
    assert!(matches!(decide(get, &held, &Facts::none(), NOW), Decision::Deny(..)));
    let create = asked("POST /api/v1/namespaces/a/pods?dryRun=All", "application/json", &json!({}));
    assert!(matches!(decide(create, &held, &Facts::none(), NOW), Decision::Permit(_)));
}

#[test]
fn what_reads_mask_is_masked_in_the_answer_of_a_write_whatever_its_name_verb_and_version() {
    let masked = || Terms { mask: vec!["data.*".to_owned()], ..Terms::none() };
    let named = RuleSpec {
        resource_names: vec!["x".to_owned()],
        ..rule(Effect::Allow, "get core/secrets", masked())
    };
    let denied = RuleSpec {
        resource_names: vec!["root".to_owned()],
        ..rule(Effect::Deny, "get core/secrets", Terms::none())
    };
    let listed = rule(Effect::Allow, "list,watch core/secrets", masked());
    let other =
        rule(Effect::Allow, "get core/secrets", Terms { versions: vec!["v1beta1".to_owned()], ..masked() });
    for reads in [vec![named.clone()], vec![named, denied], vec![listed], vec![other]] {
        let write = rule(Effect::Allow, "patch core/secrets", Terms::none());
        let held = rules(reads.into_iter().chain([write]).enumerate().map(renamed).collect());
        let case = asked("PATCH /api/v1/namespaces/a/secrets/root", MERGE, &json!({}));
        let Decision::Permit(permit) = decide(case, &held, &Facts::none(), NOW) else { panic!("refused") };
        let mut answer = json!({ "metadata": { "name": "root" }, "data": { "k": "aHVudGVyMg==" } });
        let look = permit.screen().map(|screen| screen.look(&mut answer));
        assert_eq!(look, Some(Look::Shown));
        assert!(!answer.to_string().contains("aHVudGVyMg"), "{answer}");
        let test = json!([{ "op": "test", "path": "/data/k", "value": "x" }]);
        let case = asked("PATCH /api/v1/namespaces/a/secrets/root", "application/json-patch+json", &test);
        assert!(matches!(decide(case, &held, &Facts::none(), NOW), Decision::Deny(..)));
    }
}

fn renamed((place, spec): (usize, RuleSpec)) -> RuleSpec {
    RuleSpec { name: format!("rule-{place}"), ..spec }
}

#[test]
fn revisions_that_cannot_be_read_are_not_none() {
    let held = rules(
        vec![
            rule(Effect::Allow, "patch apps/deployments", Terms::none()),
            rule(
                Effect::Deny,
                "patch apps/deployments",
                when("revisions.exists(t, t == object.spec.template)"),
            ),
        ]
        .into_iter()
        .enumerate()
        .map(renamed)
        .collect(),
    );
    let object = json!({ "metadata": { "uid": "u" }, "spec": { "template": {} } });
    let (uid, resource_version) = ("u".to_owned(), "1".to_owned());
    let facts = Facts::none()
        .and(Fact::Live(Live::Present { uid, resource_version, object: object.clone() }))
        .and(Fact::Revisions(None))
        .and(Fact::Stored(object));
    let case = asked("PATCH /apis/apps/v1/namespaces/a/deployments/d", MERGE, &json!({}));
    assert!(matches!(decide(case, &held, &facts, NOW), Decision::Deny(..)));
}

#[test]
fn whether_there_is_an_object_that_a_deny_rule_looks_at_is_not_told_to_who_cannot_read_it() {
    let held = rules(
        vec![
            rule(Effect::Allow, "delete core/pods", when("oldObject.status.phase == 'Failed'")),
            rule(Effect::Deny, "delete core/pods", when("oldObject.metadata.labels.protected == 'true'")),
        ]
        .into_iter()
        .enumerate()
        .map(renamed)
        .collect(),
    );
    let present =
        |object: Value| Live::Present { uid: "u".to_owned(), resource_version: "1".to_owned(), object };
    let protected = json!({ "metadata": { "labels": { "protected": "true" } }, "status": {} });
    let running =
        json!({ "metadata": { "labels": { "protected": "no" } }, "status": { "phase": "Running" } });
    for live in [Live::Absent, present(protected), present(running)] {
        let case = asked("DELETE /api/v1/namespaces/a/pods/p", MERGE, &Value::Null);
        let facts = Facts::none().and(Fact::Live(live));
        let Decision::Deny(denial, _) = decide(case, &held, &facts, NOW) else { panic!("allowed") };
        assert!(matches!(denial.shown(), drawbridge_policy::Shown::NotFound(_)), "{denial:?}");
    }
}
