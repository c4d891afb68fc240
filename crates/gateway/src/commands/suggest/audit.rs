//! What a cluster's audit log says that its users did: JSON lines of `audit.k8s.io/v1` (Kubernetes,
//! "Auditing"; kube-apiserver's `--audit-log-format=json`). The file is read line by line, and only sums are
//! kept.

mod event;
mod stub;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use drawbridge_policy::AGENTS_NAMESPACE;
use jiff::Timestamp;

use self::event::{Event, Read};
use super::propose::propose;
use super::seen::{Basis, Tally};
use super::text::{self, Head, counted};
use crate::commands::World;
use crate::commands::lines::{self, End};
use crate::commands::terminal::{Terminal, Tone, clean};

/// The longest line: several times the largest object with its request and its answer, which an audit policy
/// may put in.
const LONGEST: usize = 16 << 20;

/// Users whose requests are kept apart. More is for nobody to read.
const USERS: usize = 1_000;

/// Bad lines that are named; the others are counted.
const NAMED: usize = 5;

/// Users that a message names, at most.
const LISTED: usize = 10;

/// What is to be looked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) file: PathBuf,
    pub(super) user: Option<String>,
    pub(super) since: Option<Timestamp>,
    pub(super) cluster: Option<String>,
    pub(super) owner: Option<String>,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    /// By user.
    tallies: BTreeMap<String, Tally>,
    lines: u64,
    /// Requests that had ended, whoever's.
    ended: u64,
    refused: u64,
    /// Requests of the cluster's own users.
    own: u64,
    /// Some of the users who aren't asked for.
    others: BTreeSet<String>,
    bad: Bad,
}

/// Lines that are no events.
#[derive(Debug, Default)]
struct Bad {
    count: u64,
    named: Vec<String>,
}

impl Bad {
    fn add(&mut self, line: u64, why: &str) {
        self.count = self.count.saturating_add(1);
        if self.named.len() < NAMED {
            self.named.push(format!("line {line}: {why}"));
        }
    }
}

impl Wanted {
    pub(super) fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let mut found = Found::default();
        let name = self.name();
        if self.file == Path::new("-") {
            self.read(std::io::stdin().lock(), &mut found)?;
        } else {
            let unreadable = || format!("{name} can't be read");
            let file = std::fs::File::open(&self.file).with_context(unreadable)?;
            if file.metadata().with_context(unreadable)?.is_dir() {
                bail!("{name} is a directory; give one file, or several through a pipe and '-'");
            }
            self.read(BufReader::new(file), &mut found)?;
        }
        found.tallies.retain(|_, tally| !tally.is_empty());
        if found.tallies.is_empty() {
            self.warn(&found, world.terminal)?;
            return Err(self.nothing(&found));
        }
        world.terminal.write(&self.write(&found)?)?;
        self.warn(&found, world.terminal)
    }

    fn name(&self) -> String {
        if self.file == Path::new("-") {
            "standard input".to_owned()
        } else {
            self.file.display().to_string()
        }
    }

    fn read(&self, mut input: impl BufRead, found: &mut Found) -> anyhow::Result<()> {
        let mut line = Vec::new();
        let unreadable = || format!("{} can't be read", self.name());
        while let Some(end) = lines::next(&mut input, &mut line, LONGEST).with_context(unreadable)? {
            found.lines = found.lines.saturating_add(1);
            match end {
                End::TooLong => {
                    found.bad.add(found.lines, &format!("has over {} MiB", LONGEST >> 20));
                }
                End::Line if line.trim_ascii().is_empty() => {}
                End::Line => match event::read(&line) {
                    Err(why) => found.bad.add(found.lines, &why),
                    Ok(event) => self.take(&event, found)?,
                },
            }
        }
        Ok(())
    }

    fn take(&self, event: &Event, found: &mut Found) -> anyhow::Result<()> {
        let time = event.time();
        if self.since.zip(time).is_some_and(|(since, time)| time < since) {
            return Ok(());
        }
        let ending = event.ending();
        if ending == Read::NotYet {
            return Ok(());
        }
        found.ended = found.ended.saturating_add(1);
        let user = event.user();
        if self.user.as_ref().is_some_and(|wanted| wanted != user) {
            if found.others.len() < LISTED && !found.others.contains(user) {
                found.others.insert(user.to_owned());
            }
            return Ok(());
        }
        if self.user.is_none() && is_the_clusters_own(user) {
            found.own = found.own.saturating_add(1);
            return Ok(());
        }
        if ending == Read::Refused {
            found.refused = found.refused.saturating_add(1);
            return Ok(());
        }
        if found.tallies.len() >= USERS && !found.tallies.contains_key(user) {
            bail!("{} has requests of over {USERS} users; say with --user whose is meant", self.name());
        }
        let tally = found.tallies.entry(user.to_owned()).or_default();
        tally.add(&event.request(time.map_or(0, Timestamp::as_millisecond)), Basis::Done)
    }

    fn write(&self, found: &Found) -> anyhow::Result<String> {
        let mut names = stub::Names::default();
        let mut documents = Vec::new();
        let source = format!("the audit log {}", self.name());
        for (user, tally) in &found.tallies {
            let agent = names.name(user);
            documents.push(stub::agent(&agent, user, self.cluster.as_deref(), self.owner.as_deref()));
            let head = Head {
                agent: &agent,
                cluster: self.cluster.as_deref(),
                since: self.since.map(Timestamp::as_millisecond),
                source: &source,
                grants: &BTreeSet::new(),
            };
            documents.extend(text::write(&head, tally, &propose(tally))?);
        }
        Ok(documents.join("---\n"))
    }

    /// What a person should know who reads the result.
    fn warn(&self, found: &Found, terminal: &mut Terminal) -> anyhow::Result<()> {
        let label = terminal.paint(Tone::Warn, "warning:");
        let bad = &found.bad;
        if bad.count > 0 {
            let what = counted(bad.count, "line is no audit event", "lines are no audit events");
            terminal.note(&format!("{label} {}: {what} and left out", clean(&self.name())))?;
            for one in &bad.named {
                terminal.note(&format!("  {}", clean(one)))?;
            }
            let more = bad.count.saturating_sub(u64::try_from(bad.named.len()).unwrap_or(0));
            if more > 0 {
                terminal.note(&format!("  … and {more} more"))?;
            }
        }
        for (count, what) in [
            (found.refused, "that the cluster refused"),
            (found.own, "of the cluster's own users (system:…); --user names one of them"),
        ] {
            if count > 0 {
                let requests = counted(count, "request", "requests");
                terminal.note(&format!("left out: {requests} {what}"))?;
            }
        }
        Ok(())
    }

    /// Why there is nothing to propose.
    fn nothing(&self, found: &Found) -> anyhow::Error {
        let name = self.name();
        match &self.user {
            _ if found.lines == 0 => anyhow!("{name} is empty"),
            _ if found.ended == 0 && found.bad.count > 0 => {
                anyhow!("{name} has no audit event: give JSON lines of audit.k8s.io/v1, one event in each")
            }
            _ if found.ended == 0 => anyhow!(
                "no request in {name} has ended: only events of the stage ResponseComplete count, and there \
                 is none{}",
                if self.since.is_some() { " since then" } else { "" }
            ),
            Some(user) => {
                anyhow!("{name} has no request of user {user:?} that needs a rule{}", found.others())
            }
            None => anyhow!("{name} has no request that needs a rule, but for what was left out"),
        }
    }
}

impl Found {
    fn others(&self) -> String {
        if self.others.is_empty() {
            return String::new();
        }
        let names: Vec<String> = self.others.iter().map(|name| format!("{name:?}")).collect();
        format!("; it has some of {}", names.join(", "))
    }
}

/// Users that the control plane brings: nobody migrates these. Agents of a gateway are in it already.
fn is_the_clusters_own(user: &str) -> bool {
    match user.strip_prefix("system:serviceaccount:") {
        Some(account) => {
            let namespace = account.split(':').next().unwrap_or_default();
            namespace.starts_with("kube-") || namespace == AGENTS_NAMESPACE
        }
        None => user.starts_with("system:") || user.is_empty(),
    }
}
