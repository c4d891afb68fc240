//! What a plan says that it changes for agents.

use super::*;
use crate::state::compare::{self, Changed};

const ALL: &str = "
apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {name: granted}
spec: {owner: me@example.com, purpose: Tests}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {name: in-a-pod}
spec: {owner: me@example.com, purpose: Tests, identities: [{serviceAccount: prod/agents/cleanup, uid: UID}]}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {name: in-a-job}
spec:
  owner: me@example.com
  purpose: Tests
  identities: [{oidc: {issuer: github, claims: {repository: acme/ops}}}]
---
apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {name: apart}
spec:
  owner: me@example.com
  purpose: Tests
  identities: [{key: {publicKey: \"ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\"}}]
---
apiVersion: drawbridge.dev/v1alpha1
kind: Scope
metadata: {name: see}
spec: {rules: [{name: see, verbs: [list], apiGroups: [\"\"], resources: [secrets], acknowledge: [WORDS]}]}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Cluster
metadata: {name: prod}
spec: {kubeconfig: {path: /nowhere/kubeconfig}}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Grant
metadata: {name: granted}
spec: {agents: [granted], scopes: [see], clusters: [prod]}
";

const GITHUB: &str = "---
apiVersion: drawbridge.dev/v1alpha1
kind: TrustedIssuer
metadata: {name: github, labels: {a: b}}
spec: {oidc: {url: 'https://ISSUER', instance: run_id}}
";

fn all() -> String {
    ALL.replace("UID", "one").replace("[WORDS]", "[]")
}

/// What changes for agents when `then` takes the place of `now`.
async fn changes(now: &str, then: &str) -> Vec<Changed> {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path()).await;
    let asked =
        |text: &str| Asked::to_apply(vec![Source { file: "all.yaml".to_owned(), text: text.to_owned() }]);
    state.apply(asked(now), &author("")).await.unwrap();
    let plan = state.plan(asked(then)).await.unwrap();
    let (changed, more) = compare::agents(&plan, Millis(NOW));
    assert_eq!(more, 0);
    changed
}

#[tokio::test]
async fn a_cluster_that_is_reached_otherwise_changes_every_agent_that_depends_on_it() {
    let elsewhere = all().replace("/nowhere/kubeconfig", "/elsewhere/kubeconfig");
    let changed = changes(&all(), &elsewhere).await;
    let named = |name: &str| Changed {
        agent: name.to_owned(),
        clusters_changed: vec!["prod".to_owned()],
        ..Changed::default()
    };
    assert_eq!(changed, [named("granted"), named("in-a-pod")]);
    let labelled = all().replace("{name: prod}", "{name: prod, labels: {a: b}}");
    assert_eq!(changes(&all(), &labelled).await, [], "a label says nothing about how it is reached");
}

#[tokio::test]
async fn an_issuer_of_a_known_name_and_another_address_changes_every_agent_that_it_vouches_for() {
    let other = format!("{}{}", all(), GITHUB.replace("ISSUER", "evil.example"));
    let changed = changes(&all(), &other).await;
    let expected = Changed {
        agent: "in-a-job".to_owned(),
        issuers_changed: vec!["github".to_owned()],
        ..Changed::default()
    };
    assert_eq!(changed, [expected]);
    let same = format!("{}{}", all(), GITHUB.replace("ISSUER", "token.actions.githubusercontent.com"));
    assert_eq!(changes(&all(), &same).await, [], "it is what it was without a manifest");
}

#[tokio::test]
async fn another_uid_of_an_account_is_told_from_the_one_before() {
    let changed = changes(&all(), &ALL.replace("UID", "two").replace("[WORDS]", "[]")).await;
    assert_eq!(changed.len(), 1, "{changed:?}");
    let identity = |uid: &str| serde_json::json!({"serviceAccount": "prod/agents/cleanup", "uid": uid});
    assert_eq!(changed[0].identities_added, [identity("two")]);
    assert_eq!(changed[0].identities_removed, [identity("one")]);
}

#[tokio::test]
async fn a_warning_that_is_acknowledged_changes_nothing_that_an_agent_may_do() {
    let acknowledged = ALL.replace("UID", "one").replace("WORDS", "secrets");
    assert_eq!(changes(&all(), &acknowledged).await, []);
}
