//! A continue token says where a list goes on. It counts for the agent and the list that it was given for.

use super::super::wire;
use super::caller::{Caller, config_map, gateway};

// A list that is masked comes in pages; one of which something is left out comes in one piece.
const MASKED: &str = "
- name: masked
  verbs: [get, list]
  apiGroups: ['']
  resources: [configmaps, services]
  mask: ['data.*']";

#[test]
fn a_continue_token_counts_for_its_own_agent_and_list_only() {
    let caller = Caller::within("continue", MASKED);
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
    let other = Caller::within("continue", MASKED);
    let path = list("configmaps", &token);
    let rules = MASKED.replace("masked", "also");
    super::super::world().grant(gateway(), &other.agent.name, &rules, &[&caller.namespace], "");
    assert_eq!(wire::get(gateway(), &other.agent, &path).status, 410);
    // One of the cluster's own, which holds a name of the attacker's choice.
    let made_up = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJoaWRkZW5cdTAwMDAifQ";
    assert_eq!(caller.get(&list("configmaps", made_up)).status, 410);
}
