//! What is proposed allows what was done, and no more: asked of the rules as decisions read them.

use std::collections::BTreeSet;

use drawbridge_policy::{
    AgentName, Attributes, Case, Decision, Facts, HeldScope, Line, Millis, Payload, Rules, decide,
};
use proptest::prelude::*;

use super::super::seen::{Basis, Request, Tally};
use super::super::text::{Head, write};
use super::*;
use crate::manifest::{Manifest, Source, read};

fn agent() -> AgentName {
    AgentName::parse("cleanup").unwrap()
}

/// The manifests of a proposal, as text.
fn proposed(tally: &Tally) -> String {
    let grants = BTreeSet::from(["wide".to_owned(), "cleanup.prod.suggested-1".to_owned()]);
    let head = Head {
        agent: "cleanup",
        cluster: Some("prod"),
        since: Some(0),
        source: "the record",
        grants: &grants,
    };
    write(&head, tally, &propose(tally)).unwrap().join("---\n")
}

/// What decisions make of a proposal.
fn rules(text: &str) -> Rules {
    let read = read(&[Source { file: "x".to_owned(), text: text.to_owned() }])
        .unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
    let manifests: Vec<&Manifest> = read.iter().map(|one| one.get()).collect();
    let grants = manifests.iter().filter_map(|one| match one {
        Manifest::Grant(grant) => Some(grant),
        _ => None,
    });
    let held = grants.map(|grant| HeldScope {
        grant: grant.metadata.name.clone(),
        until: None,
        namespaces: grant.namespaces.clone(),
        lists: grant.lists,
        scope: manifests
            .iter()
            .find_map(|one| match one {
                Manifest::Scope(scope) if scope.metadata.name == grant.scopes[0] => Some(scope.rules.clone()),
                _ => None,
            })
            .expect("its scope"),
    });
    Rules::new(held.collect())
}

fn allows(rules: &Rules, line: &str) -> bool {
    let (method, path) = line.split_once(' ').unwrap();
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let attributes = Attributes::parse(Line { method, path, query }).unwrap();
    let case = Case::new(agent(), attributes, Payload::none()).unwrap();
    matches!(decide(case, rules, &Facts::none(), Millis(0)), Decision::Permit(_))
}

/// What the record has of a request line.
fn add(tally: &mut Tally, line: &str, basis: Basis) {
    let (method, path) = line.split_once(' ').unwrap();
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let attributes = Attributes::parse(Line { method, path, query }).unwrap();
    let verb = attributes.verb();
    let mut request = Request { verb: verb.as_str(), path, time: 1_000, ..Request::default() };
    if let Some(resource) = attributes.resource() {
        request.group = resource.group();
        request.resource = resource.resource();
        request.subresource = resource.subresource();
        request.namespace = resource.namespace();
        request.name = resource.name();
    }
    tally.add(&request, basis).unwrap();
}

fn tally(lines: &[&str]) -> Tally {
    let mut tally = Tally::default();
    for line in lines {
        add(&mut tally, line, Basis::Done);
    }
    tally
}

#[test]
fn what_was_done_is_allowed_and_its_neighbours_are_not() {
    let done = [
        "GET /apis/batch/v1/namespaces/ci/jobs",
        "GET /apis/batch/v1/namespaces/ci/jobs?watch=true",
        "DELETE /apis/batch/v1/namespaces/ci/jobs/a",
        "GET /api/v1/namespaces/ci/pods/web-0/log",
        "GET /api/v1/namespaces/ci/pods/web-0/exec?command=ls",
        "GET /api/v1/namespaces/ci/services/web/proxy/x",
        "GET /api/v1/namespaces/ci",
        "GET /api/v1/namespaces",
        "POST /api/v1/namespaces/web/configmaps",
        "GET /api/v1/nodes/n1",
        "GET /metrics",
        "GET /version",
    ];
    let text = proposed(&tally(&done));
    let rules = rules(&text);
    for line in done {
        assert!(allows(&rules, line), "{line} in\n{text}");
    }
    for line in [
        "GET /apis/batch/v1/jobs",
        "GET /apis/batch/v1/namespaces/web/jobs",
        "DELETE /apis/batch/v1/namespaces/ci/jobs/b",
        "DELETE /apis/batch/v1/namespaces/ci/jobs",
        "GET /api/v1/namespaces/ci/pods/web-1/log",
        "GET /api/v1/namespaces/ci/pods/web-0",
        "DELETE /api/v1/namespaces/ci/services/web/proxy/x",
        "DELETE /api/v1/namespaces/ci",
        "GET /api/v1/namespaces/web",
        "POST /api/v1/namespaces/ci/configmaps",
        "GET /api/v1/nodes/n2",
        "GET /metrics/cadvisor",
        "GET /api/v1/namespaces/ci/secrets/a",
    ] {
        assert!(!allows(&rules, line), "{line} in\n{text}");
    }
}

#[test]
fn many_objects_are_not_named_and_few_are() {
    let path = |namespace: &str, name: usize| format!("DELETE /api/v1/namespaces/{namespace}/pods/p{name}");
    let mut tally = Tally::default();
    for name in 0..=FEW {
        add(&mut tally, &path("many", name), Basis::Done);
    }
    add(&mut tally, &path("few", 0), Basis::Done);
    let text = proposed(&tally);
    assert!(allows(&rules(&text), &path("many", 99)) && allows(&rules(&text), &path("few", 99)), "{text}");
    assert!(text.contains("namespaces: [few, many]"), "{text}");
    let mut tally = Tally::default();
    for name in 0..FEW {
        add(&mut tally, &path("many", name), Basis::Done);
    }
    let text = proposed(&tally);
    assert!(text.contains("resourceNames: [p0, p1, p2, p3, p4]"), "{text}");
    assert!(!allows(&rules(&text), &path("many", 99)), "{text}");
}

#[test]
fn an_escape_stands_alone_and_says_what_it_gives() {
    let text = proposed(&tally(&[
        "GET /api/v1/namespaces/a/secrets",
        "GET /api/v1/namespaces/a/configmaps",
        "POST /api/v1/namespaces/a/serviceaccounts/robot/token",
    ]));
    assert!(text.contains("# ESCAPE (secrets): this shows Secrets"), "{text}");
    assert!(text.contains("# ESCAPE (service-account-tokens): this issues"), "{text}");
    let rules = rules(&text);
    assert!(allows(&rules, "POST /api/v1/namespaces/a/serviceaccounts/robot/token"));
    assert!(!allows(&rules, "POST /api/v1/namespaces/a/serviceaccounts/other/token"));
    let secrets = text.split("- name: ").find(|rule| rule.contains("secrets]")).unwrap();
    assert!(!secrets.contains("configmaps"), "{text}");
}

#[test]
fn what_was_only_refused_is_marked_and_what_was_done_anyway_is_not() {
    let mut tally = tally(&["GET /api/v1/namespaces/a/configmaps"]);
    add(&mut tally, "GET /api/v1/namespaces/a/configmaps", Basis::Refused);
    add(&mut tally, "GET /api/v1/namespaces/a/secrets", Basis::Refused);
    let text = proposed(&tally);
    assert_eq!(text.matches("REFUSED 1 time, at").count(), 1, "{text}");
    let (_, refused) = text.split_once("REFUSED 1 time, at").unwrap();
    assert!(refused.contains("resources: [secrets]"), "{text}");
    assert!(text.contains("1 request, at 1970-01-01T00:00:01Z"), "refusals are no requests done: {text}");
}

#[test]
fn the_head_names_the_grants_that_are_wider_and_not_an_earlier_proposal_s() {
    let text = proposed(&tally(&["GET /api/v1/namespaces/a/configmaps"]));
    assert!(text.contains("drawbridge delete grant wide\n"), "{text}");
    assert!(!text.contains("delete grant cleanup.prod"), "{text}");
    assert!(text.contains("It has no conditions, masks or limits"), "{text}");
}

#[test]
fn what_rules_cannot_name_is_left_out_and_counted() {
    let mut odd = Tally::default();
    for (resource, name, group) in
        [("Pods", "a", ""), ("pods", "a*", ""), ("pods", "a\nb", ""), ("pods", "é", ""), ("pods", "a", "B_")]
    {
        let request = Request { verb: "get", resource, name, group, namespace: "x", ..Request::default() };
        odd.add(&request, Basis::Done).unwrap();
    }
    for path in ["", "metrics", "/a*", "/a b", "/a\nb"] {
        odd.add(&Request { verb: "get", path, ..Request::default() }, Basis::Done).unwrap();
    }
    assert!(odd.is_empty());
    assert_eq!(odd.odd, 10);
}

#[test]
fn what_put_or_apply_made_may_be_made_again() {
    let mut tally = Tally::default();
    let request = Request {
        verb: "patch",
        resource: "configmaps",
        namespace: "a",
        name: "c",
        created: true,
        ..Request::default()
    };
    tally.add(&request, Basis::Done).unwrap();
    let text = proposed(&tally);
    assert!(allows(&rules(&text), "POST /api/v1/namespaces/a/configmaps"), "{text}");
}

/// All requests of a small world.
fn universe() -> Vec<String> {
    let mut all = vec!["GET /metrics".to_owned(), "POST /metrics".to_owned(), "GET /logs".to_owned()];
    for resource in ["pods", "secrets", "configmaps"] {
        all.push(format!("GET /api/v1/{resource}"));
        for namespace in ["a", "b", "c"] {
            let collection = format!("/api/v1/namespaces/{namespace}/{resource}");
            all.extend(["GET", "POST", "DELETE"].map(|method| format!("{method} {collection}")));
            all.push(format!("GET {collection}?watch=true"));
            for name in ["x", "y"] {
                all.extend(["GET", "DELETE"].map(|method| format!("{method} {collection}/{name}")));
            }
        }
    }
    // No scope allows this.
    all.retain(|line| line != "GET /api/v1/secrets");
    all
}

/// What a list over all namespaces covers.
fn is_covered(line: &str, done: &BTreeSet<String>) -> bool {
    let lists = line.strip_prefix("GET /api/v1/namespaces/").filter(|rest| !rest.contains('?'));
    let parts: Vec<&str> = lists.map(|rest| rest.split('/').collect()).unwrap_or_default();
    matches!(parts.as_slice(), [_, resource] if done.contains(&format!("GET /api/v1/{resource}")))
}

proptest! {
    #[test]
    fn a_proposal_allows_exactly_what_was_done(picked in prop::collection::vec(any::<bool>(), universe().len())) {
        let all = universe();
        let done: BTreeSet<String> =
            all.iter().zip(&picked).filter(|(_, picked)| **picked).map(|(line, _)| line.clone()).collect();
        prop_assume!(!done.is_empty());
        let lines: Vec<&str> = done.iter().map(String::as_str).collect();
        let text = proposed(&tally(&lines));
        let rules = rules(&text);
        for line in &all {
            let expected = done.contains(line) || is_covered(line, &done);
            prop_assert_eq!(allows(&rules, line), expected, "{} in\n{}", line, text);
        }
    }
}
