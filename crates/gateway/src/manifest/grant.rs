//! A grant: gives agents scopes on clusters, in some namespaces or everywhere, until some time or without an
//! end.

use drawbridge_policy::{AgentName, Lists, NamePattern, Reach};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Metadata, names, text};
use crate::yaml::{At, Report, Shape, shown};

/// Agents times scopes times clusters of one grant: decisions keep each combination.
const COMBINATIONS: usize = 100_000;

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its name, labels and annotations.
    pub metadata: Metadata,
    /// Who gets it; at least one.
    pub agents: Vec<AgentName>,
    /// What they get; at least one, by the names of scopes.
    pub scopes: Vec<String>,
    /// Where; at least one, by the names of clusters.
    pub clusters: Vec<String>,
    /// Where in a cluster.
    pub namespaces: Reach,
    /// When it ends: from this time on it gives nothing.
    pub until: Option<Timestamp>,
    /// What it answers to lists of all namespaces.
    pub lists: Lists,
    /// Whether it decides.
    pub mode: Mode,
}

/// Whether a grant decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Decide,
    /// It neither allows nor denies: the record says what it would have done.
    Observe,
}

pub(super) const SHAPE: Shape =
    Shape { known: &["agents", "scopes", "clusters", "namespaces", "until", "lists", "mode"], later: &[] };

impl Grant {
    pub(super) fn read(metadata: Metadata, at: &At<'_>, report: &mut Report) -> Option<Grant> {
        let fields = at.fields(SHAPE, report)?;
        let agents = fields.required("agents", "the names of agents", report);
        let agents = agents.and_then(|at| text::distinct(&at, "at least one agent", report, agent));
        let scopes = fields.required("scopes", "the names of scopes", report);
        let scopes = scopes.and_then(|at| text::distinct(&at, "at least one scope", report, scope));
        let clusters = fields.required("clusters", "the names of clusters", report);
        let clusters = clusters.and_then(|at| text::distinct(&at, "at least one cluster", report, cluster));
        // Left out and empty are not the same: an empty list is how a template without values looks, and
        // must not become every namespace.
        let namespaces = match fields.optional("namespaces") {
            None => Some(Reach::everywhere()),
            Some(at) => {
                let what = "some namespaces, or leave the field out for all of them and for what is in none";
                text::distinct(&at, what, report, pattern).map(Reach::namespaces)
            }
        };
        let until = match fields.optional("until") {
            None => Some(None),
            Some(at) => time(&at, report).map(Some),
        };
        let lists = match fields.optional("lists") {
            None => Some(Lists::Refused),
            Some(at) => lists(&at, report),
        };
        let mode = match fields.optional("mode") {
            None => Some(Mode::Decide),
            Some(at) => mode(&at, report),
        };
        let (agents, scopes, clusters) = (agents?, scopes?, clusters?);
        let (namespaces, until, lists, mode) = (namespaces?, until?, lists?, mode?);
        let grant = Grant { metadata, agents, scopes, clusters, namespaces, until, lists, mode };
        grant.fits(at, report).then_some(grant)
    }

    fn fits(&self, at: &At<'_>, report: &mut Report) -> bool {
        let (agents, scopes, clusters) = (self.agents.len(), self.scopes.len(), self.clusters.len());
        let all = agents.saturating_mul(scopes).saturating_mul(clusters);
        if all > COMBINATIONS {
            at.wrong(
                report,
                &format!(
                    "gives {agents} agents {scopes} scopes on {clusters} clusters, {all} combinations; \
                     at most {COMBINATIONS} are kept, so make several grants of it"
                ),
            );
        }
        all <= COMBINATIONS
    }

    pub(super) fn spec(&self) -> Value {
        let agents: Vec<&str> = self.agents.iter().map(AgentName::as_str).collect();
        let mut spec = json!({"agents": agents, "scopes": self.scopes, "clusters": self.clusters});
        let Value::Object(fields) = &mut spec else { return spec };
        match &self.namespaces {
            Reach::Everywhere => {}
            Reach::Namespaces(patterns) => {
                let patterns = patterns.iter().map(|pattern| Value::from(pattern.to_string())).collect();
                fields.insert("namespaces".to_owned(), patterns);
            }
        }
        match self.lists {
            Lists::Refused => {}
            Lists::Filtered => drop(fields.insert("lists".to_owned(), json!("filtered"))),
        }
        match self.mode {
            Mode::Decide => {}
            Mode::Observe => drop(fields.insert("mode".to_owned(), json!("observe"))),
        }
        if let Some(until) = self.until {
            fields.insert("until".to_owned(), json!(until.to_string()));
        }
        spec
    }
}

fn lists(at: &At<'_>, report: &mut Report) -> Option<Lists> {
    match at.text(report)? {
        "refused" => Some(Lists::Refused),
        "filtered" => Some(Lists::Filtered),
        other => {
            at.wrong(report, &format!("expected refused or filtered, found {}", shown(other)));
            None
        }
    }
}

fn mode(at: &At<'_>, report: &mut Report) -> Option<Mode> {
    match at.text(report)? {
        "decide" => Some(Mode::Decide),
        "observe" => Some(Mode::Observe),
        other => {
            at.wrong(report, &format!("expected decide or observe, found {}", shown(other)));
            None
        }
    }
}

fn agent(at: &At<'_>, report: &mut Report) -> Option<AgentName> {
    let text = at.text(report)?;
    let name = AgentName::parse(text);
    if let Err(error) = &name {
        at.wrong(report, &format!("{} is not an agent's name: {error}", shown(text)));
    }
    name.ok()
}

fn scope(at: &At<'_>, report: &mut Report) -> Option<String> {
    names::read(at, names::is_subdomain, names::SUBDOMAIN_RULE, report).map(str::to_owned)
}

fn cluster(at: &At<'_>, report: &mut Report) -> Option<String> {
    names::read(at, names::is_label, names::LABEL_RULE, report).map(str::to_owned)
}

fn pattern(at: &At<'_>, report: &mut Report) -> Option<NamePattern> {
    let text = at.text(report)?;
    let pattern = NamePattern::parse(text);
    if let Err(error) = &pattern {
        at.wrong(report, &format!("{}: {error}", shown(text)));
    }
    pattern.ok()
}

/// A time as RFC 3339 writes it, with its zone. The library reads more (a space for the `T`, hours alone),
/// which other readers of the file wouldn't.
fn time(at: &At<'_>, report: &mut Report) -> Option<Timestamp> {
    let text = at.text(report)?;
    let time = is_rfc3339(text).then(|| text.parse().ok()).flatten();
    if time.is_none() {
        let found = shown(text);
        at.wrong(
            report,
            &format!("expected a time with its zone such as 2027-06-30T00:00:00Z (RFC 3339), found {found}"),
        );
    }
    time
}

/// Whether it has the form `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`.
fn is_rfc3339(text: &str) -> bool {
    let looks = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte == form,
            })
    };
    let Some((time, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let rest = rest.strip_prefix('.').map_or(rest, |rest| {
        let after = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        // A point without a digit after it leaves the point where no zone begins with one.
        if after.len() == rest.len() { "." } else { after }
    });
    let zone = rest == "Z" || looks(rest, "+00:00") || looks(rest, "-00:00");
    looks(time, "0000-00-00T00:00:00") && zone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_zone_and_one_form() {
        for good in ["2027-06-30T00:00:00Z", "2027-06-30T00:00:00.5Z", "2027-06-30T01:00:00+01:00"] {
            assert!(is_rfc3339(good), "{good}");
            assert!(good.parse::<Timestamp>().is_ok());
        }
        for bad in [
            "",
            "2027-06-30",
            "2027-06-30T00:00:00",
            "2027-06-30 00:00:00Z",
            "2027-06-30T00:00Z",
            "2027-06-30T00:00:00.Z",
            "2027-06-30t00:00:00z",
            "2027-06-30T00:00:00+01",
            "2027-06-30T00:00:00Z[UTC]",
            "+2027-06-30T00:00:00Z",
        ] {
            assert!(!is_rfc3339(bad), "{bad}");
        }
    }
}
