//! A continue token says where a list goes on. It counts for the agent and the list that it was given for.

use super::super::wire;
use super::caller::{Caller, config_map, gateway};

const LABELLED: &str = "
- name: labelled
  verbs: [get, list]
  apiGroups: ['']
  resources: [configmaps, services]
  when: object.metadata.name != 'hidden'";

#[test]
fn a_continue_token_counts_for_its_own_agent_and_list_only() {
    let caller = Caller::within("continue", LABELLED);
    for name in ["a", "b", "hidden"] {
        config_map(&caller.namespace, name);
    }
    let list = |what: &str, token: &str| {
        caller.fill(&format!("/api/v1/namespaces/{{ns}}/{what}?limit=1&continue={token}"))
    };
    let first = caller.get("/api/v1/namespaces/{ns}/configmaps?limit=1");
    let token = first.json()["metadata"]["continue"].as_str().unwrap().to_owned();
    assert_eq!(caller.get(&list("configmaps", &token)).status, 200, "the control");
    assert_eq!(caller.get(&list("services", &token)).status, 410);
    let other = Caller::within("continue", LABELLED);
    let path = list("configmaps", &token);
    let rules = LABELLED.replace("labelled", "also");
    super::super::world().grant(gateway(), &other.agent.name, &rules, &[&caller.namespace], "");
    assert_eq!(wire::get(gateway(), &other.agent, &path).status, 410);
    // One of the cluster's own, which holds a name of the attacker's choice.
    let made_up = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJoaWRkZW5cdTAwMDAifQ";
    assert_eq!(caller.get(&list("configmaps", made_up)).status, 410);
}
