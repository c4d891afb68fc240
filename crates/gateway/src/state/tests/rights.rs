//! What people read about rights is what decisions look at: both are made of the same manifests, by two
//! pieces of code.

use drawbridge_policy::{Case, Effect, Payload, looked_at};
use proptest::prelude::*;

use super::*;
use crate::state::rights::View;

const CLUSTERS: [&str; 2] = ["one", "two"];
const AGENTS: [&str; 2] = ["a", "b"];
/// Each with an allowing and a denying rule.
const SCOPES: [&str; 2] = ["s", "t"];

/// A grant as it is generated: its end beside now, how it stands, and what it names.
#[derive(Debug, Clone)]
struct Made {
    end: Option<i64>,
    verdict: Option<Verdict>,
    namespaces: Option<&'static str>,
    agents: Vec<&'static str>,
    scopes: Vec<&'static str>,
    clusters: Vec<&'static str>,
}

fn made() -> impl Strategy<Value = Made> {
    let some = |of: [&'static str; 2]| prop::sample::subsequence(of.to_vec(), 1..=2);
    // A grant may end at this very millisecond: then it is over.
    let end = prop::option::of(-1..=1_i64);
    let verdict = prop::sample::select(vec![None, None, Some(Verdict::Suspend), Some(Verdict::Revoke)]);
    let namespaces = prop::sample::select(vec![None, Some("ci-*"), Some("x"), Some("z")]);
    (end, verdict, namespaces, some(AGENTS), some(SCOPES), some(CLUSTERS)).prop_map(
        |(end, verdict, namespaces, agents, scopes, clusters)| Made {
            end,
            verdict,
            namespaces,
            agents,
            scopes,
            clusters,
        },
    )
}

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: drawbridge.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

fn manifests(grants: &[Made]) -> String {
    let mut text = String::new();
    for agent in AGENTS {
        text += &document("Agent", agent, "{owner: me@example.com, purpose: Tests}");
    }
    for cluster in CLUSTERS {
        text += &document("Cluster", cluster, "{kubeconfig: {path: /nowhere}}");
    }
    for scope in SCOPES {
        let rule = |name: &str, effect: &str| {
            format!("{{name: {name}, effect: {effect}, verbs: [get], apiGroups: [\"\"], resources: [pods]}}")
        };
        let rules = format!("{{rules: [{}, {}]}}", rule("may", "allow"), rule("not", "deny"));
        text += &document("Scope", scope, &rules);
    }
    for (index, grant) in grants.iter().enumerate() {
        let Made { agents, scopes, clusters, .. } = grant;
        let list = |names: &[&str]| names.join(", ");
        let mut spec = format!(
            "{{agents: [{}], scopes: [{}], clusters: [{}]",
            list(agents),
            list(scopes),
            list(clusters)
        );
        if let Some(namespace) = grant.namespaces {
            spec += &format!(", namespaces: [{namespace}]");
        }
        if let Some(end) = grant.end {
            let end = jiff::Timestamp::from_millisecond(NOW + end).unwrap();
            spec += &format!(", until: '{end}'");
        }
        text += &document("Grant", &format!("g{index}"), &(spec + "}"));
    }
    text
}

/// Grant, rule and effect of all that holds in the namespace `x`.
type Held = Vec<(String, String, bool)>;

fn decided(snapshot: &Snapshot, agent: &AgentName, cluster: &str) -> Held {
    let attributes =
        Attributes::parse(Line { method: "GET", path: "/api/v1/namespaces/x/pods/p", query: None });
    let case = Case::new(agent.clone(), attributes.unwrap(), Payload::none()).unwrap();
    let none = Rules::none();
    let looked = looked_at(&case, snapshot.rules(agent, cluster).unwrap_or(&none), Millis(NOW));
    let held = looked.into_iter().filter(|one| one.lacks.is_empty());
    let held = held.map(|one| (one.grant, one.rule.as_str().to_owned(), one.effect == Effect::Deny));
    sorted(held.collect())
}

fn read(snapshot: &Snapshot, agent: &AgentName, cluster: &str) -> Held {
    let rights = View::of(snapshot, Millis(NOW)).rights(agent);
    let here = rights.into_iter().filter(|right| {
        let there = right.namespaces.as_ref().is_none_or(|names| names.contains(&"x".to_owned()));
        right.cluster == cluster && there
    });
    let held = here.map(|right| {
        let name = format!("{}/{}", right.scope, right.rule["name"].as_str().unwrap());
        (right.grant, name, right.rule["effect"] == "deny")
    });
    sorted(held.collect())
}

fn sorted(mut held: Held) -> Held {
    held.sort();
    held
}

/// Both readings of the same grants, for each agent on each cluster.
async fn both(grants: &[Made]) -> Vec<(Held, Held)> {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path()).await;
    let source = Source { file: "all.yaml".to_owned(), text: manifests(grants) };
    state.apply(Asked::to_apply(vec![source]), &author("")).await.unwrap();
    for (index, grant) in grants.iter().enumerate() {
        if let Some(verdict) = grant.verdict {
            state.judge(&Subject::Grant(format!("g{index}")), verdict, &author("")).await.unwrap();
        }
    }
    let snapshot = state.snapshot();
    let mut both = Vec::new();
    for agent in AGENTS.map(|name| AgentName::parse(name).unwrap()) {
        for cluster in CLUSTERS {
            both.push((read(&snapshot, &agent, cluster), decided(&snapshot, &agent, cluster)));
        }
    }
    both
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn rights_as_people_read_them_are_the_rules_that_decisions_look_at(
        grants in prop::collection::vec(made(), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (read, decided) in runtime.block_on(both(&grants)) {
            prop_assert_eq!(read, decided);
        }
    }
}

#[tokio::test]
async fn a_grant_that_is_out_gives_nothing_and_still_forbids_in_both_readings() {
    let grant = Made {
        end: Some(1),
        verdict: None,
        namespaces: None,
        agents: vec!["a"],
        scopes: vec!["s"],
        clusters: vec!["one"],
    };
    let rule = |name: &str, denies| ("g0".to_owned(), format!("s/{name}"), denies);
    for (end, verdict, expected) in [
        (Some(1), None, vec![rule("may", false), rule("not", true)]),
        (Some(1), Some(Verdict::Suspend), vec![rule("not", true)]),
        (None, Some(Verdict::Revoke), vec![rule("not", true)]),
        (Some(0), None, vec![]),
        (Some(0), Some(Verdict::Suspend), vec![]),
    ] {
        let both = both(&[Made { end, verdict, ..grant.clone() }]).await;
        assert_eq!(both[0], (expected.clone(), expected));
        assert_eq!(both[1], (vec![], vec![]), "nothing on the other cluster");
    }
}
