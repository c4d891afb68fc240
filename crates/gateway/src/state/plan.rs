//! What applying manifests would do, worked out before anything is done: so that what a dry run and a diff
//! show is what an apply makes.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use drawbridge_policy::Millis;
use drawbridge_store::Manifest as ManifestRow;

use super::change::{Applied, NotChanged, What};
use super::snapshot::{Fittings, Snapshot, Stored};
use super::standing::{Standing, Subject};
use super::stopped;
use crate::manifest::{self, Apart, Located, Manifest, Source};

/// What may be pruned at once, as a part of what could be: a fifth. More than that is rather a directory
/// that wasn't mounted, or the wrong one.
const PART: usize = 5;

/// What the database says of manifests that come from the watched directory.
pub const DIRECTORY: &str = "directory";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The manifests.
    pub sources: Vec<Source>,
    /// What becomes of those that aren't among them.
    pub prune: Prune,
    /// Where they come from.
    pub origin: Origin,
}

/// What becomes of the manifests that are not among those that are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// They stay.
    Nothing,
    /// They are deleted, unless they are too many. Of the watched directory, which has nobody to ask, all of
    /// them stay then; of a person nothing is done.
    Few {
        /// How many were deleted so lately that they count as well: a fifth after a fifth is everything.
        lately: usize,
    },
    /// They are deleted, however many they are.
    Any,
}

/// Where manifests come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A person applies them.
    Person,
    /// The watched directory; relative paths in them start there.
    Directory(PathBuf),
}

impl Asked {
    /// Manifests that a person applies, beside those that there are.
    #[must_use]
    pub fn to_apply(sources: Vec<Source>) -> Asked {
        Asked { sources, prune: Prune::Nothing, origin: Origin::Person }
    }
}

impl Origin {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Origin::Person => "",
            Origin::Directory(_) => DIRECTORY,
        }
    }
}

/// What would be done, and the snapshot that would come of it.
#[derive(Debug)]
pub struct Plan {
    /// Manifest by manifest, in the order of the files; then what is deleted.
    pub applied: Vec<Applied>,
    /// What its author should know.
    pub cautions: Vec<String>,
    /// What is in no file and stays, since something that stays needs it: a sentence for each.
    pub stays: Vec<String>,
    /// What the watched directory no longer has and keeps, since it is too much at once.
    pub kept: Vec<String>,
    /// What is put into the database: also what is only marked to come from elsewhere now.
    pub(super) puts: Vec<Stored>,
    pub(super) before: std::sync::Arc<Snapshot>,
    /// Everything as it would be.
    pub next: Snapshot,
}

/// What a plan is made with besides what is asked.
pub(super) struct Ground<'s> {
    pub(super) before: &'s std::sync::Arc<Snapshot>,
    /// Whether a directory is watched, and which.
    pub(super) watched: Option<&'s std::path::Path>,
    pub(super) now: Millis,
    pub(super) fittings: &'s Fittings,
}

impl Plan {
    /// Everything as it is.
    pub fn before(&self) -> &Snapshot {
        &self.before
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && !self.applied.iter().any(|one| one.change == What::Deleted)
    }

    pub(super) fn new(
        read: Apart,
        prune: Prune,
        origin: &Origin,
        ground: &Ground<'_>,
    ) -> Result<Plan, NotChanged> {
        let before = ground.before;
        let mut cautions = Vec::new();
        let mut stays = Vec::new();
        let mut gone = match prune {
            Prune::Nothing => Vec::new(),
            Prune::Few { .. } | Prune::Any => gone(&read, origin, ground, &mut stays),
        };
        let mut too_many = Vec::new();
        match few_enough(&gone, prune, origin, ground) {
            Ok(()) => {}
            Err(NotChanged::TooMany { gone: names, .. }) if *origin != Origin::Person => {
                too_many = names;
                gone.clear();
            }
            Err(refused) => return Err(refused),
        }
        // The directory remembers what stays for as long as it stays.
        if *origin == Origin::Person {
            cautions.append(&mut stays);
        }
        let deleted: HashSet<(&str, &str)> = gone.iter().map(|stored| key(stored)).collect();
        let kept = before.manifests().iter().filter(|stored| !deleted.contains(&key(stored)));
        let known: Vec<Manifest> = kept.map(|stored| stored.manifest.clone()).collect();
        let read = read.together(&known).map_err(NotChanged::Problems)?;
        let read = stopped::check(&read, before).or(read).map_err(NotChanged::Problems)?;
        cautions.extend(manifest::cautions(&read, &known, ground.now));
        let (mut applied, puts) = compare(&read, origin, ground, &mut cautions);
        cautions.extend(applied.iter().filter_map(|one| out(one, before)));
        applied.extend(gone.iter().map(|stored| Applied {
            kind: stored.row.kind.clone(),
            name: stored.row.name.clone(),
            change: What::Deleted,
        }));
        let deleted: Vec<(&str, &str)> = deleted.into_iter().collect();
        let next = before.changed(puts.clone(), &deleted, ground.fittings);
        Ok(Plan { applied, cautions, stays, kept: too_many, puts, before: before.clone(), next })
    }
}

fn key(stored: &Stored) -> (&str, &str) {
    (&stored.row.kind, &stored.row.name)
}

/// The manifests that pruning may touch: a person's prune leaves those of the watched directory alone, and
/// the directory's leaves a person's alone.
fn touchable<'s>(origin: &Origin, ground: &Ground<'s>) -> Vec<&'s Stored> {
    let wanted = match origin {
        Origin::Person => "",
        Origin::Directory(_) => DIRECTORY,
    };
    let watched = ground.watched.is_some();
    let is_touched = move |stored: &&Stored| {
        let origin = if watched { stored.row.origin.as_str() } else { "" };
        origin == wanted
    };
    ground.before.manifests().iter().map(AsRef::as_ref).filter(is_touched).collect()
}

/// What pruning deletes. What something that stays names, stays too.
fn gone<'s>(read: &Apart, origin: &Origin, ground: &Ground<'s>, said: &mut Vec<String>) -> Vec<&'s Stored> {
    let declared: HashSet<(&str, &str)> = read.declared().collect();
    let mut goes: Vec<&Stored> =
        touchable(origin, ground).into_iter().filter(|stored| !declared.contains(&key(stored))).collect();
    goes.retain(|stored| {
        let stays = stopped::stays(&stored.manifest, ground.before);
        said.extend(stays.clone());
        stays.is_none()
    });
    let going: HashSet<(&str, &str)> = goes.iter().map(|stored| key(stored)).collect();
    let stays =
        |stored: &&std::sync::Arc<Stored>| !going.contains(&key(stored)) && !declared.contains(&key(stored));
    let stays = ground.before.manifests().iter().filter(stays).map(|stored| &stored.manifest);
    let mut names: Vec<&Manifest> = stays.chain(read.manifests().iter().map(Located::get)).collect();
    // What stays since it is named may itself name something: an agent its cluster.
    while !names.is_empty() {
        let mut needed: HashMap<(&str, &str), &Manifest> = HashMap::new();
        for manifest in names.drain(..) {
            let references = manifest::references(manifest);
            needed.extend(references.map(|reference| ((reference.kind, reference.name), manifest)));
        }
        goes.retain(|stored| {
            let Some(by) = needed.get(&key(stored)) else { return true };
            let (kind, name) = key(stored);
            let by = format!("{} {:?}", by.kind().to_lowercase(), by.name());
            said.push(format!("{kind} {name:?} is in no file and stays, since the {by} names it"));
            names.push(&stored.manifest);
            false
        });
    }
    goes
}

fn few_enough(
    gone: &[&Stored],
    prune: Prune,
    origin: &Origin,
    ground: &Ground<'_>,
) -> Result<(), NotChanged> {
    let all = touchable(origin, ground).len();
    let lately = match prune {
        Prune::Few { lately } => lately,
        Prune::Nothing | Prune::Any => return Ok(()),
    };
    let parts = gone.len().saturating_add(lately).saturating_mul(PART);
    if gone.is_empty() || parts <= all.saturating_add(lately) {
        return Ok(());
    }
    let gone = gone.iter().map(|stored| {
        let (kind, name) = key(stored);
        format!("{}/{name}", kind.to_lowercase())
    });
    Err(NotChanged::TooMany { gone: gone.collect(), all })
}

/// What becomes of each manifest that was read, and what the database is to hold of it.
fn compare(
    read: &[Located<Manifest>],
    origin: &Origin,
    ground: &Ground<'_>,
    cautions: &mut Vec<String>,
) -> (Vec<Applied>, Vec<Stored>) {
    let known: HashMap<(&str, &str), &Stored> =
        ground.before.manifests().iter().map(|stored| (key(stored), stored.as_ref())).collect();
    let mut applied = Vec::new();
    let mut puts = Vec::new();
    for located in read {
        let manifest = located.get();
        let (kind, name) = (manifest.kind(), manifest.name());
        let was = known.get(&(kind, name)).copied();
        let stored = stored(manifest, was, origin, ground);
        let change = match was {
            None => What::Created,
            Some(was) if was.manifest.to_json() == manifest.to_json() => What::Unchanged,
            Some(_) => What::Configured,
        };
        if let (Some(directory), true) = (ground.watched, change == What::Configured)
            && *origin == Origin::Person
            && stored.row.origin == DIRECTORY
        {
            cautions.push(wins(kind, name, directory));
        }
        if change != What::Unchanged || was.is_some_and(|was| was.row.origin != stored.row.origin) {
            puts.push(stored);
        }
        applied.push(Applied { kind: kind.to_owned(), name: name.to_owned(), change });
    }
    (applied, puts)
}

/// What is said of a change by hand to what the directory has.
pub(super) fn wins(kind: &str, name: &str, directory: &std::path::Path) -> String {
    format!(
        "{kind} {name:?} comes from the manifests directory {}, which wins: what a file there says is \
         put back, as soon as all of the directory can be applied; change it there",
        directory.display()
    )
}

/// The manifest as the database will hold it.
fn stored(manifest: &Manifest, was: Option<&Stored>, origin: &Origin, ground: &Ground<'_>) -> Stored {
    let now = ground.now.0;
    let fresh = || uuid::Uuid::now_v7().to_string();
    let body = manifest.to_json().to_string();
    let generation = match was {
        None => 1,
        Some(was) if was.row.body == body => was.row.generation,
        Some(was) => was.row.generation.saturating_add(1),
    };
    // What the directory has stays the directory's, whoever applies it, while one is watched.
    let keeps = was.filter(|was| ground.watched.is_some() && was.row.origin == DIRECTORY);
    Stored {
        manifest: manifest.clone(),
        row: ManifestRow {
            kind: manifest.kind().to_owned(),
            name: manifest.name().to_owned(),
            uid: was.map_or_else(fresh, |was| was.row.uid.clone()),
            generation,
            revision: ground.before.revision().saturating_add(1),
            created: was.map_or(now, |was| was.row.created),
            updated: was.filter(|was| was.row.body == body).map_or(now, |was| was.row.updated),
            body,
            origin: keeps.map_or(origin.as_str(), |_| DIRECTORY).to_owned(),
        },
    }
}

/// A name that was suspended or revoked stays so, whatever is applied under it.
fn out(applied: &Applied, snapshot: &Snapshot) -> Option<String> {
    let Applied { kind, name, .. } = applied;
    let subject = match kind.as_str() {
        "Grant" => Subject::Grant(name.clone()),
        kind => Subject::Agent(super::agent_named(kind, name)?),
    };
    match snapshot.standings().of(&subject) {
        Standing::Active => None,
        standing @ (Standing::Suspended(_) | Standing::Revoked(_)) => {
            Some(format!("{kind} {name:?} is {}, and applying it doesn't change that", standing.as_str()))
        }
    }
}
