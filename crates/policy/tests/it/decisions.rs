//! Scope and request → decision: the corpus (its head explains its form), and what must hold for all rules.

use super::scene::{self, Expectation, Scene};
use drawbridge_policy::{Decision, Millis, decide};

const CORPUS: &str = include_str!("../corpus/decisions.txt");

#[test]
fn every_case_of_the_corpus_is_decided_as_it_says() {
    let scenes = Scene::read_all(CORPUS);
    let count: usize = scenes.iter().map(|scene| scene.requests.len()).sum();
    assert!(count >= 80, "{count}");
    for scene in scenes {
        let rules = scene.rules();
        for request in &scene.requests {
            let place = format!("{}: {} (line {})", scene.title, request.line, request.number);
            let decision = decide(request.case(), &rules, &request.facts(), Millis(100));
            check(&place, request, decision);
        }
    }
}

fn check(place: &str, request: &scene::Request, decision: Decision) {
    match (&request.expectation, decision) {
        (Expectation::Permit(rule), Decision::Permit(permit)) => {
            assert_eq!(permit.rule().as_str(), rule, "{place}");
            let expected = request.sends.as_ref();
            if let Some((target, body)) = expected {
                if let Some(target) = target {
                    assert_eq!(permit.path_and_query(), target, "{place}");
                }
                assert_eq!(String::from_utf8_lossy(permit.body()), *body, "{place}");
            }
            assert_eq!(permit.body().is_empty(), permit.content_type().is_none(), "{place}");
            if let Some(until) = request.until {
                assert_eq!(permit.until(), Some(Millis(until)), "{place}");
            }
            if let Some(uid) = &request.pinned {
                assert_eq!(permit.pinned().map(|pin| pin.uid()), Some(uid.as_str()), "{place}");
            }
            assert!(request.says.is_none(), "{place}");
        }
        (Expectation::Deny(reason), Decision::Deny(denial, _)) => {
            let message = denial.message();
            assert_eq!(denial.reason().as_str(), reason, "{place}: {message}");
            assert!(message.len() <= 600, "{place}: {message}");
            assert!(!message.contains('\n'), "{place}: {message}");
            if let Some(says) = &request.says {
                assert!(message.contains(says.as_str()), "{place}: {message}");
            }
        }
        (Expectation::Needs, Decision::Needs(..)) => {}
        (_, Decision::Deny(denial, _)) => panic!("{place}: denied: {}", denial.message()),
        (_, Decision::Permit(permit)) => panic!("{place}: permitted by {}", permit.rule()),
        (_, Decision::Needs(needs, _)) => panic!("{place}: {needs:?}"),
        (_, Decision::Expand(_)) => panic!("{place}: no rule has a condition"),
    }
}
