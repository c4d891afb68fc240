//! Manifests change: all of one call or none.

use drawbridge_policy::AgentName;
use drawbridge_store::{Change, Manifest as ManifestRow};
use serde_json::json;

use super::State;
use super::change::{Applied, Author, Mode, NotChanged, Report, What};
use super::snapshot::{Snapshot, Stored};
use super::standing::{Standing, Subject};
use crate::chain::Chain;
use crate::lease::Closed;
use crate::manifest::{self, Located, Manifest, Source};

impl State {
    /// Applies manifests: all of them or none.
    pub async fn apply(&self, sources: &[Source], author: &Author, mode: Mode) -> Result<Report, NotChanged> {
        let _alone = self.changing.lock().await;
        let before = self.snapshot();
        let known: Vec<Manifest> = before.manifests().iter().map(|stored| stored.manifest.clone()).collect();
        let read = manifest::read_together(sources, &known).map_err(NotChanged::Problems)?;
        let applied: Vec<Applied> = read.iter().map(|located| compare(located, &known)).collect();
        let mut cautions = manifest::cautions(&read, &known, self.clock.now());
        cautions.extend(applied.iter().filter_map(|one| out(one, &before)));
        let mut report = Report { applied, cautions, closed: Closed::default() };
        if mode == Mode::DryRun {
            return Ok(report);
        }
        let mut changes = Vec::new();
        let mut puts = Vec::new();
        let mut rows = Vec::new();
        for (located, applied) in read.iter().zip(&report.applied) {
            if applied.change == What::Unchanged {
                continue;
            }
            let manifest = located.get();
            let put = self.stored(manifest, &before);
            changes.push(put_of(&put));
            puts.push(put);
            let what = json!({ "kind": applied.kind, "name": applied.name, "change": applied.change,
                "manifest": manifest.to_json() });
            rows.push(self.event("apply", agent_named(&applied.kind, &applied.name), author, &what));
        }
        if !changes.is_empty() {
            let next = before.changed(puts, &[], &self.fittings);
            let revision = self.store.apply(before.revision(), &changes, &rows).await?;
            report.closed = self.swap(next.at(revision)).await;
            self.closed("apply", report.closed).await;
            report.cautions.extend(self.unusable(&report.applied).await);
        }
        Ok(report)
    }

    /// What stands between the gateway and the clusters that were applied. It is no reason to refuse them:
    /// the file may come later, and is read again then.
    async fn unusable(&self, applied: &[Applied]) -> Vec<String> {
        let snapshot = self.snapshot();
        let mut cautions = Vec::new();
        for cluster in applied.iter().filter(|one| one.kind == "Cluster" && one.change != What::Unchanged) {
            let Some(cluster) = snapshot.cluster(&cluster.name) else { continue };
            if let Err(error) = cluster.try_wire().await {
                let name = cluster.name();
                let error = Chain(&error);
                cautions.push(format!(
                    "Cluster {name:?} can't be used yet: {error}; it is tried again when it is needed"
                ));
            }
        }
        cautions
    }

    /// The manifest as the database will hold it.
    fn stored(&self, manifest: &Manifest, before: &Snapshot) -> Stored {
        let now = self.clock.now().0;
        let (kind, name) = (manifest.kind(), manifest.name());
        let was = before.manifests().iter().find(|was| was.row.kind == kind && was.row.name == name);
        let fresh = || uuid::Uuid::now_v7().to_string();
        Stored {
            manifest: manifest.clone(),
            row: ManifestRow {
                kind: kind.to_owned(),
                name: name.to_owned(),
                uid: was.map_or_else(fresh, |was| was.row.uid.clone()),
                generation: was.map_or(1, |was| was.row.generation.saturating_add(1)),
                revision: before.revision().saturating_add(1),
                body: manifest.to_json().to_string(),
                created: was.map_or(now, |was| was.row.created),
                updated: now,
            },
        }
    }

    /// Deletes a manifest that nothing refers to.
    pub async fn delete(&self, kind: &str, name: &str, author: &Author) -> Result<Closed, NotChanged> {
        let _alone = self.changing.lock().await;
        let before = self.snapshot();
        let known: Vec<Manifest> = before.manifests().iter().map(|stored| stored.manifest.clone()).collect();
        if !known.iter().any(|manifest| manifest.kind() == kind && manifest.name() == name) {
            return Err(NotChanged::Unknown { kind: kind.to_owned(), name: name.to_owned() });
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
        Ok(closed)
    }
}

/// A name that was suspended or revoked stays so, whatever is applied under it.
fn out(applied: &Applied, snapshot: &Snapshot) -> Option<String> {
    let Applied { kind, name, .. } = applied;
    let subject = match kind.as_str() {
        "Grant" => Subject::Grant(name.clone()),
        kind => Subject::Agent(agent_named(kind, name)?),
    };
    match snapshot.standings().of(&subject) {
        Standing::Active => None,
        standing @ (Standing::Suspended(_) | Standing::Revoked(_)) => {
            Some(format!("{kind} {name:?} is {}, and applying it doesn't change that", standing.as_str()))
        }
    }
}

fn put_of(stored: &Stored) -> Change {
    let row = &stored.row;
    Change::Put {
        kind: row.kind.clone(),
        name: row.name.clone(),
        uid: row.uid.clone(),
        body: row.body.clone(),
        at: row.updated,
    }
}

fn compare(located: &Located<Manifest>, known: &[Manifest]) -> Applied {
    let manifest = located.get();
    let was = known.iter().find(|was| was.kind() == manifest.kind() && was.name() == manifest.name());
    let change = match was {
        None => What::Created,
        Some(was) if was.to_json() == manifest.to_json() => What::Unchanged,
        Some(_) => What::Configured,
    };
    Applied { kind: manifest.kind().to_owned(), name: manifest.name().to_owned(), change }
}

fn agent_named(kind: &str, name: &str) -> Option<AgentName> {
    (kind == "Agent").then(|| AgentName::parse(name).ok()).flatten()
}
