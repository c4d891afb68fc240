use std::time::Duration;

use drawbridge_store::Location;

use super::change::{Author, Mode, NotChanged, Verdict};
use super::standing::{Standing, Subject};
use super::*;
use crate::manifest::Source;

const AGENT: &str = "
apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {name: cleanup}
spec: {owner: me@example.com, purpose: Tests}
";

/// A state on a database of its own. The record's writer does not run: nothing here waits for it.
async fn state(dir: &std::path::Path) -> State {
    let store = Store::open(&Location::Sqlite(dir.join("db"))).await.unwrap();
    let clock = Clock::new(|| Millis(1_800_000_000_000));
    let (record, _writer) = Record::new(store.clone(), clock.clone(), 16, Duration::from_millis(10));
    let second = Duration::from_secs(1);
    let patience = Patience { connect: second, answer: second };
    State::load(Parts { store, leases: Leases::default(), record, clock, patience }).await.unwrap()
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
        state.apply(&[source], &author(""), Mode::Make).await.unwrap();
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
    state.apply(&[source], &author(""), Mode::Make).await.unwrap();
    state.judge(&agent, Verdict::Suspend, &author("\0")).await.unwrap_err();
    state.judge(&agent, Verdict::Resume, &author("")).await.unwrap();
    assert_eq!(state.snapshot().standings().of(&agent), Standing::Active);
}
