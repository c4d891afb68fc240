//! Manifests change: all of one call or none.

use std::time::Duration;

use drawbridge_store::Change;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::timeout;

use super::change::{Applied, Author, NotChanged, Report, What};
use super::plan::{Asked, DIRECTORY, Ground, Origin, Plan, Prune, wins};
use super::snapshot::Stored;
use super::{State, agent_named, stopped};
use crate::chain::Chain;
use crate::cluster::Cluster;
use crate::lease::Closed;
use crate::manifest::{self, Apart, Manifest};

/// Reading the credential of a cluster that was applied may take this long; who applied it waits.
const WIRE: Duration = Duration::from_secs(5);

impl State {
    /// What applying would do. Nothing of it is done.
    ///
    /// # Errors
    /// What [`State::apply`] would refuse.
    pub async fn plan(&self, asked: Asked) -> Result<Plan, NotChanged> {
        let Asked { sources, prune, origin } = asked;
        let read = self.read(sources, prune, &origin).await?;
        Plan::new(read, prune, &origin, &self.ground(&self.snapshot()))
    }

    /// Applies manifests: all of them or none.
    ///
    /// # Errors
    /// Everything that is wrong with them; too much to prune; what the database says.
    pub async fn apply(&self, asked: Asked, author: &Author) -> Result<Report, NotChanged> {
        let Asked { sources, prune, origin } = asked;
        // Whoever suspends an agent meanwhile doesn't wait until ten thousand files are read.
        let read = self.read(sources, prune, &origin).await?;
        let alone = self.changing.lock().await;
        let plan = Plan::new(read, prune, &origin, &self.ground(&self.snapshot()))?;
        let mut report = Report {
            applied: plan.applied.clone(),
            cautions: plan.cautions.clone(),
            stays: plan.stays.clone(),
            kept: plan.kept.clone(),
            closed: Closed::default(),
            after: plan.before.clone(),
        };
        if plan.is_empty() {
            return Ok(report);
        }
        let (changes, rows) = self.written(&plan, author);
        let revision = self.store.apply(plan.before.revision(), &changes, &rows).await?;
        report.closed = self.swap(plan.next.at(revision)).await;
        report.after = self.snapshot();
        self.closed("apply", report.closed).await;
        // A credential plugin that hangs must not keep anybody from suspending an agent.
        drop(alone);
        report.cautions.extend(self.unusable(&report.applied).await);
        Ok(report)
    }

    /// Reads manifests where it keeps no other task waiting.
    async fn read(
        &self,
        sources: Vec<manifest::Source>,
        prune: Prune,
        origin: &Origin,
    ) -> Result<Apart, NotChanged> {
        // A directory without files may be meant, and is kept from deleting much; a call without any is not.
        if sources.is_empty() && prune != Prune::Nothing && *origin == Origin::Person {
            return Err(NotChanged::Nothing);
        }
        let origin = origin.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut read = manifest::read_apart(&sources);
            if prune != Prune::Nothing {
                read.refuse_empty();
            }
            if let Origin::Directory(directory) = &origin {
                read.resolve(directory);
            }
            read
        });
        read.await.map_err(NotChanged::Fault)
    }

    fn ground<'s>(&'s self, before: &'s std::sync::Arc<super::Snapshot>) -> Ground<'s> {
        let watched = self.watched.as_deref();
        Ground { before, watched, now: self.clock.now(), fittings: &self.fittings }
    }

    /// What the database is to do, and the entries that say so.
    fn written(&self, plan: &Plan, author: &Author) -> (Vec<Change>, Vec<drawbridge_store::Row>) {
        let mut changes: Vec<Change> = plan.puts.iter().map(put_of).collect();
        let mut rows = Vec::new();
        let mut puts = plan.puts.iter().peekable();
        for one in &plan.applied {
            let Applied { kind, name, change } = one;
            let put = puts.next_if(|put| put.row.kind == *kind && put.row.name == *name);
            match (change, put) {
                (What::Unchanged, _) => {}
                (What::Created | What::Configured, put) => {
                    let manifest = put.map(|put| put.manifest.to_json());
                    let what = json!({ "kind": kind, "name": name, "change": change, "manifest": manifest });
                    rows.push(self.event("apply", agent_named(kind, name), author, &what));
                }
                (What::Deleted, _) => {
                    changes.push(Change::Delete { kind: kind.clone(), name: name.clone() });
                    let what = json!({ "kind": kind, "name": name });
                    rows.push(self.event("delete", agent_named(kind, name), author, &what));
                }
            }
        }
        (changes, rows)
    }

    /// What stands between the gateway and the clusters that were applied. It is no reason to refuse them:
    /// the file may come later, and is read again then.
    async fn unusable(&self, applied: &[Applied]) -> Vec<String> {
        let snapshot = self.snapshot();
        let changed = |one: &&Applied| matches!(one.change, What::Created | What::Configured);
        let clusters = applied.iter().filter(|one| one.kind == "Cluster").filter(changed);
        let clusters = clusters.filter_map(|one| snapshot.cluster(&one.name));
        // All at once: the gateway waits for this before it serves the first request.
        join_all(clusters.map(|cluster| unusable(cluster))).await.into_iter().flatten().collect()
    }

    /// Deletes a manifest that nothing refers to. Besides what that closed, what its author should know.
    pub async fn delete(
        &self,
        kind: &str,
        name: &str,
        author: &Author,
    ) -> Result<(Closed, Option<String>), NotChanged> {
        let _alone = self.changing.lock().await;
        let before = self.snapshot();
        let known: Vec<Manifest> = before.manifests().iter().map(|stored| stored.manifest.clone()).collect();
        let is_it = |stored: &&std::sync::Arc<Stored>| stored.row.kind == kind && stored.row.name == name;
        let Some(was) = before.manifests().iter().find(is_it) else {
            return Err(NotChanged::Unknown { kind: kind.to_owned(), name: name.to_owned() });
        };
        let named = known.iter().find(|manifest| manifest.kind() == kind && manifest.name() == name);
        if let Some(why) = named.and_then(|manifest| stopped::stays(manifest, &before)) {
            return Err(NotChanged::Needed(why));
        }
        if let Some(why) = manifest::needed_by(kind, name, &known) {
            return Err(NotChanged::Needed(why));
        }
        let change = Change::Delete { kind: kind.to_owned(), name: name.to_owned() };
        let what = json!({ "kind": kind, "name": name });
        let row = self.event("delete", agent_named(kind, name), author, &what);
        let next = before.changed(Vec::new(), &[(kind, name)], &self.fittings);
        let revision = self.store.apply(before.revision(), &[change], &[row]).await?;
        let closed = self.swap(next.at(revision)).await;
        self.closed("delete", closed).await;
        let watched = self.watched.as_deref().filter(|_| was.row.origin == DIRECTORY);
        Ok((closed, watched.map(|directory| wins(kind, name, directory))))
    }
}

async fn unusable(cluster: &Cluster) -> Option<String> {
    let error = match timeout(WIRE, cluster.try_wire()).await {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => Chain(&error).to_string(),
        Err(_elapsed) => format!("its credential was not read within {} s", WIRE.as_secs()),
    };
    let name = cluster.name();
    Some(format!("Cluster {name:?} can't be used yet: {error}; it is tried again when it is needed"))
}

fn put_of(stored: &Stored) -> Change {
    let row = &stored.row;
    Change::Put {
        kind: row.kind.clone(),
        name: row.name.clone(),
        uid: row.uid.clone(),
        body: row.body.clone(),
        at: row.updated,
        origin: row.origin.clone(),
    }
}
