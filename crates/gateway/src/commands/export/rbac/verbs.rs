//! Which verbs RBAC must be told for what a rule gives here, on one resource of one group.

use drawbridge_policy::RuleSpec;
use drawbridge_policy::rules::{escape_of, weigh};

/// The verbs of requests: what `*` stands for here.
const ALL: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// What a rule gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) verbs: Vec<String>,
    /// What is not the same there.
    pub(super) said: Vec<String>,
}

/// Looks at one resource of one group.
pub(super) fn given(spec: &RuleSpec, group: &str, resource: &str) -> Given {
    let mut given = Given::default();
    let wild = group == "*" || resource.contains('*');
    let any = spec.verbs.iter().any(|verb| verb == "*");
    let is_spelled = |verb: &str| spec.verbs.iter().any(|have| have == verb);
    // A star stands for the verbs of requests. There it would also stand for those that only checks inside
    // the API server have: impersonate, escalate, ….
    let of_star = ALL.iter().filter(|verb| any && !is_spelled(verb)).map(|&verb| verb.to_owned());
    let all = spec.verbs.iter().filter(|verb| *verb != "*").cloned().chain(of_star);
    let mut beyond = Vec::new();
    for verb in all {
        if !wild {
            if is_spelled(&verb) || escape_of(&verb, group, resource).is_none() {
                given.verbs.push(verb);
            }
            continue;
        }
        let lost = lost(spec, &verb, group, resource);
        if !lost.is_empty() && !ALL.contains(&verb.as_str()) {
            given.said.push(format!("LEFT OUT: {verb} on {}, which gives nothing here", on(group, resource)));
            continue;
        }
        for word in lost {
            if !beyond.contains(&word) {
                beyond.push(word);
            }
        }
        given.verbs.push(verb);
    }
    if !beyond.is_empty() {
        given.said.push(format!(
            "WIDER THERE: {} also reaches {}, which here only a rule gives that names them; list the \
             resources that are meant",
            on(group, resource),
            beyond.join(", ")
        ));
    }
    connections(group, resource, &mut given);
    given.verbs.sort_by_key(|verb| ALL.iter().position(|known| known == verb).unwrap_or(ALL.len()));
    given
}

/// What opens a connection needs `create` here, whatever the method; there also `get`, since kubectl opens it
/// over WebSocket, and before 1.35 nothing but that.
fn connections(group: &str, resource: &str, given: &mut Given) {
    let has = |verb: &str, given: &Given| given.verbs.iter().any(|have| have == verb);
    let create = has("create", given);
    match resource.split_once('/').map(|(_, sub)| sub) {
        Some("exec" | "attach" | "portforward") if create => {
            if !has("get", given) {
                given.verbs.push("get".to_owned());
            }
        }
        Some("exec" | "attach" | "portforward" | "proxy") if !create && !given.verbs.is_empty() => {
            given.verbs.clear();
            given.said.push(format!("LEFT OUT: {resource}, which needs the verb create here"));
        }
        None if resource == "*" && has("get", given) && !create && ["", "*"].contains(&group) => {
            given.said.push(format!(
                "WIDER THERE before Kubernetes 1.35: get on {} opens exec, attach and port-forward",
                on(group, resource)
            ));
        }
        Some(_) | None => {}
    }
}

/// The escapes that one verb on a wildcard reaches there and not here.
fn lost(spec: &RuleSpec, verb: &str, group: &str, resource: &str) -> Vec<&'static str> {
    let one = RuleSpec {
        verbs: vec![verb.to_owned()],
        api_groups: vec![group.to_owned()],
        resources: vec![resource.to_owned()],
        ..spec.clone()
    };
    weigh(&one).lost.iter().map(|escape| escape.word).collect()
}

fn on(group: &str, resource: &str) -> String {
    match group {
        "" => format!("{resource} of the core group"),
        "*" => format!("{resource} of all groups"),
        group => format!("{resource} of {group}"),
    }
}
