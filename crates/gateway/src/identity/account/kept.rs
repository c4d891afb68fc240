//! The uid that an account had when it was seen first. An account that was deleted and made again is another
//! one, whoever made it: it has to be accepted by a person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use drawbridge_policy::{AgentName, Millis};
use drawbridge_store::{Kept, Part, Row, Store};
use serde_json::json;
use thiserror::Error;

use super::Workload;
use crate::identity::means::Account;

/// The kind of name in the store.
const KIND: &str = "serviceAccount";

/// Which uid stands for each account that was seen. Few: accounts of enrolled agents only.
#[derive(Debug)]
pub struct KeptUids {
    store: Store,
    known: Mutex<HashMap<Account, String>>,
    /// Held while a new one is written, so that many first requests write once.
    writing: tokio::sync::Mutex<()>,
}

/// Why an account does not count.
#[derive(Debug, Error)]
pub enum NotTheSame {
    /// It was made again. The caller is told nothing of it; the record is.
    #[error(
        "the account {account} was made again: its uid is {found}, and {kept} was enrolled; if that is \
         meant, write uid: {found} beside serviceAccount in the agent's manifest"
    )]
    MadeAgain {
        /// The account.
        account: Arc<Account>,
        /// The uid that counts.
        kept: String,
        /// The one that the token names.
        found: String,
    },
    /// What can't be kept isn't let through.
    #[error("the account's uid can't be kept")]
    NotKept(#[source] drawbridge_store::Error),
}

impl KeptUids {
    /// Reads what was kept so far.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn load(store: Store) -> Result<KeptUids, drawbridge_store::Error> {
        let kept = store.kept().await?.into_iter().filter(|kept| kept.kind == KIND);
        let known = kept.filter_map(|kept| Some((named(&kept.subject)?, kept.uid))).collect();
        Ok(KeptUids { store, known: Mutex::new(known), writing: tokio::sync::Mutex::default() })
    }

    /// Whether this is the account that was enrolled. `stated` is the uid that the manifest says, where it
    /// says one: then that one alone counts. Else the first that is seen is kept, durably, before this
    /// returns.
    ///
    /// # Errors
    /// It is another one, or the first could not be written down.
    pub async fn check(
        &self,
        workload: &Workload,
        stated: Option<&str>,
        agent: &AgentName,
        now: Millis,
    ) -> Result<(), NotTheSame> {
        let known = match stated {
            Some(stated) => Some(stated.to_owned()),
            None => self.known(workload.account()),
        };
        let kept = match known {
            Some(kept) => kept,
            None => self.keep(workload, agent, now).await.map_err(NotTheSame::NotKept)?,
        };
        if *kept == **workload.uid() {
            return Ok(());
        }
        Err(NotTheSame::MadeAgain {
            account: workload.account().clone(),
            kept,
            found: workload.uid().to_string(),
        })
    }

    async fn keep(
        &self,
        workload: &Workload,
        agent: &AgentName,
        now: Millis,
    ) -> Result<String, drawbridge_store::Error> {
        let account = workload.account();
        let _alone = self.writing.lock().await;
        if let Some(kept) = self.known(account) {
            return Ok(kept);
        }
        let (subject, uid) = (account.to_string(), workload.uid().to_string());
        let body = json!({
            "time": now.0,
            "part": Part::Event.as_str(),
            "event": "account-kept",
            "by": "gateway",
            "reason": "seen for the first time",
            "what": { "kind": KIND, "name": subject, "uid": uid, "agent": agent.as_str() },
        });
        let row = Row {
            agent: Some(agent.as_str().to_owned()),
            cluster: Some(account.cluster.clone()),
            result: Some("account-kept".to_owned()),
            ..Row::new(uuid::Uuid::now_v7().to_string(), Part::Event, now.0, body.to_string())
        };
        let kept = Kept { kind: KIND.to_owned(), subject, uid, since: now.0 };
        let uid = self.store.keep(&kept, &row).await?;
        self.lock().insert(Account::clone(account), uid.clone());
        Ok(uid)
    }

    fn known(&self, account: &Account) -> Option<String> {
        self.lock().get(account).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Account, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what [`Account`] writes.
fn named(subject: &str) -> Option<Account> {
    let mut parts = subject.split('/').map(str::to_owned);
    let (cluster, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(Account { cluster, namespace, name })
}

#[cfg(test)]
mod tests {
    use drawbridge_store::{Filter, Location};

    use super::*;

    fn workload(uid: &str) -> Workload {
        let claims = json!({ "kubernetes.io": {
            "namespace": "agents", "serviceaccount": { "name": "cleanup", "uid": uid },
        } });
        let subject = "system:serviceaccount:agents:cleanup";
        Workload::read("prod", subject, claims.as_object().unwrap()).unwrap()
    }

    #[test]
    fn the_first_uid_counts_also_after_a_restart_until_a_manifest_states_another() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let location = Location::Sqlite(directory.path().join("a.db"));
            let agent = AgentName::parse("cleanup").unwrap();
            let store = Store::open(&location).await.unwrap();
            let kept = KeptUids::load(store.clone()).await.unwrap();
            for _ in 0..3 {
                kept.check(&workload("uid-1"), None, &agent, Millis(5)).await.unwrap();
            }
            let again = kept.check(&workload("uid-2"), None, &agent, Millis(6)).await.unwrap_err();
            let said = again.to_string();
            assert!(said.contains("prod/agents/cleanup") && said.contains("uid: uid-2"), "{said}");
            let rows = store.entries(&Filter::default(), 0, 100).await.unwrap();
            assert_eq!(rows.len(), 1, "one row, at the first sight");
            assert!(rows[0].row.body.contains("\"account-kept\"") && rows[0].row.body.contains("uid-1"));
            store.close().await;

            let store = Store::open(&location).await.unwrap();
            let kept = KeptUids::load(store.clone()).await.unwrap();
            assert!(kept.check(&workload("uid-2"), None, &agent, Millis(7)).await.is_err());
            kept.check(&workload("uid-2"), Some("uid-2"), &agent, Millis(8)).await.unwrap();
            let old = kept.check(&workload("uid-1"), Some("uid-2"), &agent, Millis(9)).await;
            assert!(matches!(old, Err(NotTheSame::MadeAgain { .. })), "the stated one alone counts");
            store.close().await;
            let gone = KeptUids { store, known: Mutex::default(), writing: tokio::sync::Mutex::default() };
            let refused = gone.check(&workload("uid-1"), None, &agent, Millis(10)).await;
            assert!(matches!(refused, Err(NotTheSame::NotKept(_))), "what can't be kept isn't let through");
        });
    }
}
