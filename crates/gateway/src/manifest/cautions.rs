//! What is right and may still not be meant: printed when manifests are applied.

use std::collections::HashSet;

use drawbridge_policy::{AgentName, Millis};

use super::{Agent, Grant, Located, Manifest, Scope};

/// What the author of the applied manifests should know, one sentence each. `known` are the manifests that
/// exist already.
#[must_use]
pub fn cautions(read: &[Located<Manifest>], known: &[Manifest], now: Millis) -> Vec<String> {
    let applied = || read.iter().map(Located::get);
    let replaced: HashSet<(&str, &str)> =
        applied().map(|manifest| (manifest.kind(), manifest.name())).collect();
    let kept = known.iter().filter(|manifest| !replaced.contains(&(manifest.kind(), manifest.name())));
    let granted: HashSet<&AgentName> = applied().chain(kept).flat_map(agents_of).collect();
    applied()
        .flat_map(|manifest| match manifest {
            Manifest::Agent(agent) => of_agent(agent, &granted),
            Manifest::Scope(scope) => of_scope(scope),
            Manifest::Grant(grant) => of_grant(grant, now),
            Manifest::Cluster(_) | Manifest::TrustedIssuer(_) => Vec::new(),
        })
        .collect()
}

fn agents_of(manifest: &Manifest) -> &[AgentName] {
    match manifest {
        Manifest::Grant(grant) => &grant.agents,
        Manifest::Agent(_) | Manifest::Scope(_) | Manifest::Cluster(_) | Manifest::TrustedIssuer(_) => &[],
    }
}

fn of_agent(agent: &Agent, granted: &HashSet<&AgentName>) -> Vec<String> {
    let name = agent.name.as_str();
    let mut cautions = Vec::new();
    if agent.identities.is_empty() {
        cautions.push(format!(
            "Agent {name:?} has no identity, so it can't be recognised; 'drawbridge enrol' makes a key for it"
        ));
    }
    if !granted.contains(&agent.name) {
        cautions.push(format!("Agent {name:?} has no grant, so it may do nothing"));
    }
    cautions
}

fn of_scope(scope: &Scope) -> Vec<String> {
    let name = &scope.metadata.name;
    let sentence = |caution: drawbridge_policy::Caution| {
        let (rule, word) = (caution.rule, caution.acknowledge);
        let what = caution.what.trim_end_matches('.');
        format!(
            "Scope {name:?}, rule {rule:?}: {what} (acknowledge: [{word}] in the rule says that this \
             is meant)"
        )
    };
    scope.rules.cautions().into_iter().map(sentence).collect()
}

fn of_grant(grant: &Grant, now: Millis) -> Vec<String> {
    let name = &grant.metadata.name;
    let over = grant.until.filter(|until| until.as_millisecond() <= now.0);
    over.map(|until| format!("Grant {name:?} ended at {until}, so it gives nothing")).into_iter().collect()
}
