mod compare;
mod rights;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use drawbridge_policy::{Attributes, Line};
use drawbridge_store::Location;
use tokio_util::sync::CancellationToken;

use super::change::{Author, NotChanged, Verdict};
use super::plan::{Asked, Prune};
use super::standing::{Standing, Subject};
use super::*;
use crate::identity::means::{Claim, Means};
use crate::lease::{Holder, Permitted};
use crate::manifest::Source;

const AGENT: &str = "
apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {name: cleanup}
spec: {owner: me@example.com, purpose: Tests}
";

const NOW: i64 = 1_800_000_000_000;

/// A state on a database of its own. The record's writer does not run: nothing here waits for it.
async fn state(dir: &std::path::Path) -> State {
    state_at(dir, Clock::new(|| Millis(NOW))).await
}

async fn state_at(dir: &std::path::Path, clock: Clock) -> State {
    let store = Store::open(&Location::Sqlite(dir.join("db"))).await.unwrap();
    let (record, _writer) = Record::new(store.clone(), clock.clone(), 16, Duration::from_millis(10));
    let second = Duration::from_secs(1);
    let patience = Patience { connect: second, answer: second };
    let (leases, tasks) = (Leases::default(), TaskTracker::new());
    let parts = Parts { store, leases, record, clock, patience, watched: None, tasks };
    State::load(parts).await.unwrap()
}

fn author(reason: &str) -> Author {
    Author { by: "test".to_owned(), reason: reason.to_owned() }
}

#[tokio::test]
async fn a_revocation_that_the_database_did_not_take_is_written_when_the_call_is_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Subject::Agent(AgentName::parse("cleanup").unwrap());
    for (verdict, word) in [(Verdict::Suspend, "suspended"), (Verdict::Revoke, "revoked")] {
        let state = state(dir.path()).await;
        let source = Source { file: "agent.yaml".to_owned(), text: AGENT.to_owned() };
        state.apply(Asked::to_apply(vec![source]), &author("")).await.unwrap();
        // No database takes a NUL.
        let refused = state.judge(&agent, verdict, &author("\0")).await;
        assert!(matches!(refused, Err(NotChanged::OnlyHere { .. })), "{refused:?}");
        assert_eq!(state.snapshot().standings().of(&agent).as_str(), word);
        state.judge(&agent, verdict, &author("again")).await.unwrap();
        state.store().close().await;
        let restarted = self::state(dir.path()).await;
        assert_eq!(restarted.snapshot().standings().of(&agent).as_str(), word);
        restarted.store().close().await;
    }
}

#[tokio::test]
async fn what_is_suspended_only_here_can_be_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Subject::Agent(AgentName::parse("cleanup").unwrap());
    let state = state(dir.path()).await;
    let source = Source { file: "agent.yaml".to_owned(), text: AGENT.to_owned() };
    state.apply(Asked::to_apply(vec![source]), &author("")).await.unwrap();
    state.judge(&agent, Verdict::Suspend, &author("\0")).await.unwrap_err();
    state.judge(&agent, Verdict::Resume, &author("")).await.unwrap();
    assert_eq!(state.snapshot().standings().of(&agent), Standing::Active);
}

const GRANTED: &str = "
apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {name: cleanup}
spec:
  owner: me@example.com
  purpose: Tests
  identities: [{key: {publicKey: \"ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\"}}]
---
apiVersion: drawbridge.dev/v1alpha1
kind: Scope
metadata: {name: see}
spec: {rules: [{name: see, verbs: [watch], apiGroups: [\"\"], resources: [pods]}]}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Cluster
metadata: {name: prod}
spec: {kubeconfig: {path: /nowhere/kubeconfig}}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Grant
metadata: {name: cleanup}
spec: {agents: [cleanup], scopes: [see], clusters: [prod], until: 2027-01-15T08:00:10Z}
";

/// The end of the grant above.
const END: i64 = NOW + 10_000;

/// Opens a watch, and says when it was cut.
fn watch_pods(state: &State) -> tokio::task::JoinHandle<Option<CutReason>> {
    let agent = AgentName::parse("cleanup").unwrap();
    let key = state.snapshot().keys_of(&agent).next().unwrap().clone();
    let connection = state.leases().connect(([127, 0, 0, 1], 1).into());
    let holder = Holder { means: Means::Key(key), ..Holder::for_test(agent) };
    let lease = state.leases().register(holder, &connection);
    let line = Line { method: "GET", path: "/api/v1/pods", query: Some("watch=1") };
    let attributes = Attributes::parse(line).unwrap();
    let (grant, with) = ("cleanup".to_owned(), drawbridge_policy::With::RulesAlone);
    let (until, parting) = (None, Parting::Silent);
    lease.permit(Permitted { grant, attributes, stream: Stream::Open, with, until, parting });
    tokio::spawn(async move {
        lease.stopped().await;
        lease.cut()
    })
}

#[tokio::test]
async fn a_grant_ends_again_after_the_clock_was_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(NOW));
    let told = now.clone();
    let state =
        Arc::new(state_at(dir.path(), Clock::new(move || Millis(told.load(Ordering::Acquire)))).await);
    let source = Source { file: "all.yaml".to_owned(), text: GRANTED.to_owned() };
    state.apply(Asked::to_apply(vec![source]), &author("")).await.unwrap();
    tokio::spawn(expiry::run(state.clone(), CancellationToken::new()));
    let set = async |time| {
        now.store(time, Ordering::Release);
        state.changed.send_replace(0);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    };
    for _ in 0..2 {
        set(NOW).await;
        let watch = watch_pods(&state);
        set(END - 1).await;
        assert!(!watch.is_finished(), "the grant holds until its end");
        set(END).await;
        let cut = tokio::time::timeout(Duration::from_secs(5), watch).await.unwrap().unwrap();
        assert_eq!(cut, Some(CutReason::Grant));
    }
}

#[tokio::test]
async fn what_is_applied_under_a_name_that_is_out_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path()).await;
    let source = || Source { file: "agent.yaml".to_owned(), text: AGENT.to_owned() };
    let apply = async || state.apply(Asked::to_apply(vec![source()]), &author("")).await.unwrap().cautions;
    let said = r#"Agent "cleanup" is revoked, and applying it doesn't change that"#;
    assert!(!apply().await.iter().any(|caution| caution == said));
    let agent = Subject::Agent(AgentName::parse("cleanup").unwrap());
    state.judge(&agent, Verdict::Revoke, &author("")).await.unwrap();
    assert!(apply().await.iter().any(|caution| caution == said));
    assert!(matches!(state.snapshot().standings().of(&agent), Standing::Revoked(_)));
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_counts_once_the_database_is_looked_at_again() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path()).await;
    let source = Source { file: "agent.yaml".to_owned(), text: AGENT.to_owned() };
    state.apply(Asked::to_apply(vec![source]), &author("")).await.unwrap();
    let agent = AgentName::parse("cleanup").unwrap();
    let subject = Subject::Agent(agent.clone());
    // In force here only, since no database takes a NUL.
    state.judge(&subject, Verdict::Suspend, &author("\0")).await.unwrap_err();
    // Behind the state's back, as when the database made a change and nobody heard of it.
    let gone = drawbridge_store::Change::Delete { kind: "Agent".to_owned(), name: "cleanup".to_owned() };
    let revision = state.store().apply(state.snapshot().revision(), &[gone], &[]).await.unwrap();
    assert!(state.snapshot().agent(&agent).is_some());
    state.resync().await;
    assert!(state.snapshot().agent(&agent).is_none());
    assert_eq!(state.snapshot().revision(), revision);
    assert_eq!(state.snapshot().standings().of(&subject).as_str(), "suspended", "it stays in force");
}

const ISSUER: &str = "
apiVersion: drawbridge.dev/v1alpha1
kind: TrustedIssuer
metadata: {name: ci, labels: {a: LABEL}}
spec: {oidc: {url: 'https://ci.example', algorithms: [ALGORITHM]}}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {name: cleanup}
spec: {owner: me@example.com, purpose: Tests, identities: [{oidc: {issuer: ci, claims: {sub: me}}}]}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Cluster
metadata: {name: prod}
spec: {inCluster: {}}
";

#[tokio::test]
async fn an_issuer_that_is_replaced_vouches_for_nobody_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path()).await;
    let apply = async |label: &str, algorithm: &str| {
        let text = ISSUER.replace("LABEL", label).replace("ALGORITHM", algorithm);
        let source = Source { file: "issuer.yaml".to_owned(), text };
        state.apply(Asked::to_apply(vec![source]), &author("")).await.unwrap().closed
    };
    apply("one", "RS256").await;
    let snapshot = state.snapshot();
    let ours = |issuer: &&Arc<crate::identity::issuer::Issuer>| issuer.name() == "ci";
    let issuer = snapshot.issuers().all().iter().find(ours).unwrap().clone();
    let claims = [("sub".to_owned(), Claim::Text("me".to_owned()))].into_iter().collect();
    let means = Means::Oidc { issuer: "ci".into(), claims: Arc::new(claims) };
    let agent = AgentName::parse("cleanup").unwrap();
    assert!(snapshot.standing(&agent, &means, Some(&issuer)).is_ok());
    let connection = state.leases().connect(([127, 0, 0, 1], 1).into());
    let holder = Holder { means, issuer: Some(issuer), ..Holder::for_test(agent) };
    let lease = state.leases().register(holder, &connection);
    apply("two", "RS256").await;
    assert_eq!(lease.cut(), None, "a label says nothing about its keys");
    let open = tokio::spawn(async move {
        lease.stopped().await;
        lease.cut()
    });
    assert_eq!(apply("two", "ES256").await.streams, 1);
    assert_eq!(open.await.unwrap(), Some(CutReason::Identity));
}

const OTHER_KEY: &str = "ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";

fn with_key(name: &str, key: &str) -> Source {
    let text = format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\n\
         spec: {{owner: me@example.com, purpose: Tests, identities: [{key}]}}\n"
    );
    Source { file: format!("{name}.yaml"), text }
}

#[tokio::test]
async fn nobody_becomes_what_an_agent_was_that_is_out() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path()).await;
    let key = format!("{{key: {{publicKey: '{OTHER_KEY}'}}}}");
    let apply = async |sources: Vec<Source>, prune: Prune| {
        let asked = Asked { prune, ..Asked::to_apply(sources) };
        state.apply(asked, &author("")).await.map_err(|error| error.to_string())
    };
    apply(vec![with_key("one", &key)], Prune::Nothing).await.unwrap();
    let one = Subject::Agent(AgentName::parse("one").unwrap());
    for (verdict, word) in [(Verdict::Suspend, "suspended"), (Verdict::Revoke, "revoked")] {
        state.judge(&one, verdict, &author("why")).await.unwrap();
        // Renamed in a directory, taken from it first, deleted by hand.
        let renamed = apply(vec![with_key("two", &key)], Prune::Any).await.unwrap_err();
        assert!(renamed.contains("this key is enrolled for the agent \"one\""), "{renamed}");
        let taken = apply(vec![with_key("one", "")], Prune::Nothing).await.unwrap_err();
        assert!(taken.contains(&format!("Agent \"one\" is {word} and keeps its identities")), "{taken}");
        let deleted = state.delete("Agent", "one", &author("")).await.unwrap_err().to_string();
        assert!(deleted.contains(&format!("is {word} and stays")), "{deleted}");
        let pruned = apply(vec![with_key("three", "")], Prune::Any).await.unwrap();
        assert!(pruned.cautions.iter().any(|one| one.contains("and stays")), "{:?}", pruned.cautions);
        assert!(state.snapshot().agent(&AgentName::parse("one").unwrap()).is_some());
        let more = format!("{key}, {{oidc: {{issuer: github, claims: {{repository: a/b}}}}}}");
        apply(vec![with_key("one", &more)], Prune::Nothing).await.unwrap();
        apply(vec![with_key("one", &more)], Prune::Nothing).await.unwrap();
    }
}

#[tokio::test]
async fn a_revocation_whose_answer_was_lost_is_confirmed_when_it_is_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path()).await;
    let source = Source { file: "agent.yaml".to_owned(), text: AGENT.to_owned() };
    state.apply(Asked::to_apply(vec![source]), &author("")).await.unwrap();
    let agent = Subject::Agent(AgentName::parse("cleanup").unwrap());
    // In force here only, since no database takes a NUL; then the database has it all the same.
    state.judge(&agent, Verdict::Revoke, &author("\0")).await.unwrap_err();
    let row = drawbridge_store::State {
        subject_kind: "agent".to_owned(),
        subject: "cleanup".to_owned(),
        state: "revoked".to_owned(),
        since: NOW,
        by: "test".to_owned(),
        reason: String::new(),
    };
    state.store().set_states(&[drawbridge_store::StateChange::Set(row)], &[]).await.unwrap();
    state.judge(&agent, Verdict::Revoke, &author("again")).await.unwrap();
    let again = state.judge(&agent, Verdict::Revoke, &author("once more")).await.unwrap_err();
    assert!(matches!(again, NotChanged::Final { .. }), "{again}");
}
