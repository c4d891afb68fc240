//! Standings change: suspend, resume, revoke.

use drawbridge_store::{State as StateRow, StateChange};
use serde_json::json;

use super::State;
use super::change::{Author, NotChanged, Verdict};
use super::standing::{Standing, Subject};
use crate::lease::Closed;
use crate::manifest::Manifest;

impl State {
    /// Suspends, resumes or revokes. When this returns, what had to end has ended.
    pub async fn judge(
        &self,
        subject: &Subject,
        verdict: Verdict,
        author: &Author,
    ) -> Result<Closed, NotChanged> {
        let mut unwritten = self.changing.lock().await;
        let snapshot = self.snapshot();
        if !self.is_known(subject) {
            let (kind, name) = (subject.kind().to_owned(), subject.name().to_owned());
            return Err(NotChanged::Unknown { kind, name });
        }
        let standing = snapshot.standings().of(subject);
        // What the database did not take last time must be written now, though nothing changes here.
        let again = unwritten.contains(subject);
        let change = match (verdict, standing) {
            (Verdict::Revoke, Standing::Revoked(_)) if again => self.set(subject, "revoked", author),
            (Verdict::Suspend, Standing::Suspended(_)) if again => self.set(subject, "suspended", author),
            (_, Standing::Revoked(_)) => {
                return Err(NotChanged::Final { kind: subject.kind(), name: subject.name().to_owned() });
            }
            (Verdict::Suspend, Standing::Suspended(_)) | (Verdict::Resume, Standing::Active) => {
                return Ok(Closed::default());
            }
            (Verdict::Resume, Standing::Suspended(_)) => StateChange::Clear {
                subject_kind: subject.kind().to_owned(),
                subject: subject.name().to_owned(),
            },
            (Verdict::Suspend, Standing::Active) => self.set(subject, "suspended", author),
            (Verdict::Revoke, Standing::Active | Standing::Suspended(_)) => {
                self.set(subject, "revoked", author)
            }
        };
        let agent = match subject {
            Subject::Agent(name) => Some(name.clone()),
            Subject::Grant(_) | Subject::Key(_) => None,
        };
        let what = json!({ "kind": subject.kind(), "name": subject.name() });
        let row = self.event(verdict.event(), agent, author, &what);
        let next = snapshot.judged(&change, &self.fittings);
        // Who is to be stopped is stopped first, whatever the database does, and however long it takes.
        let stopped = match verdict {
            Verdict::Suspend | Verdict::Revoke => Some(self.swap(next.clone()).await),
            Verdict::Resume => None,
        };
        let revision = match (self.store.set_states(&[change], &[row]).await, stopped) {
            (Ok(revision), _) => revision,
            // Its answer was lost the last time: the database has it, and nothing can undo it.
            (Err(drawbridge_store::Error::Final { .. }), Some(_)) if again => snapshot.revision(),
            (Err(error), None) => return Err(error.into()),
            (Err(error), Some(closed)) => {
                unwritten.insert(subject.clone());
                return Err(NotChanged::OnlyHere { closed, error });
            }
        };
        unwritten.remove(subject);
        let mut closed = self.swap(next.at(revision)).await;
        closed.add(stopped.unwrap_or_default());
        self.closed(verdict.event(), closed).await;
        Ok(closed)
    }

    fn is_known(&self, subject: &Subject) -> bool {
        let snapshot = self.snapshot();
        let state = snapshot.standings().of(subject);
        if !matches!(state, Standing::Active) {
            return true;
        }
        snapshot.manifests().iter().any(|stored| match (&stored.manifest, subject) {
            (Manifest::Agent(agent), Subject::Agent(name)) => agent.name == *name,
            (Manifest::Grant(grant), Subject::Grant(name)) => grant.metadata.name == *name,
            (Manifest::Agent(agent), Subject::Key(fingerprint)) => {
                snapshot.keys_of(&agent.name).any(|key| key.fingerprint() == *fingerprint)
            }
            _ => false,
        })
    }

    fn set(&self, subject: &Subject, state: &str, author: &Author) -> StateChange {
        StateChange::Set(StateRow {
            subject_kind: subject.kind().to_owned(),
            subject: subject.name().to_owned(),
            state: state.to_owned(),
            since: self.clock.now().0,
            by: author.by.clone(),
            reason: author.reason.clone(),
        })
    }
}
