//! What is wrong only between manifests.

use std::collections::{HashMap, HashSet};

use drawbridge_policy::AgentName;

use super::builtin;
use super::overlap::{NotOwn, Owners};
use super::{Agent, Grant, Identity, Located, Manifest, TrustedIssuer};
use crate::yaml::{Place, Problems, closest, shown};

/// Problems up to which names that don't exist are compared with those that do.
const ADVISED: usize = 20;

/// Checks manifests that are to be applied in one call, with each other and with those that are `known`
/// already (and stay, unless one of the same kind and name replaces them): no manifest stands twice, a grant
/// names what exists, and a key belongs to one agent (invariant 8).
///
/// # Errors
/// Everything that is wrong.
pub fn check_together(read: &[Located<Manifest>], known: &[Manifest]) -> Result<(), Problems> {
    check(read, known, &[]).or(())
}

/// Why a manifest can't be deleted: who refers to it. None: nobody does.
#[must_use]
pub fn needed_by(kind: &str, name: &str, known: &[Manifest]) -> Option<String> {
    let needs = |manifest: &&Manifest| references(manifest).any(|one| one.kind == kind && one.name == name);
    // An agent that names a preset goes on with it when a manifest that says the same is gone. One that says
    // another url would become somebody else's.
    let preset = kind == "TrustedIssuer" && is_as_preset(name, known);
    let named: Vec<String> = known
        .iter()
        .filter(|_| !preset)
        .filter(needs)
        .map(|manifest| format!("{} {:?}", manifest.kind().to_lowercase(), manifest.name()))
        .collect();
    let count = named.len();
    let shown = named.into_iter().take(10).collect::<Vec<_>>().join(", ");
    match count {
        0 => None,
        1 => Some(format!("{kind} {name:?} is named by the {shown}; delete or change that first")),
        2..=10 => Some(format!("{kind} {name:?} is named by {shown}; delete or change those first")),
        _ => Some(format!(
            "{kind} {name:?} is named by {count} others ({shown}, …); delete or change those first"
        )),
    }
}

fn is_as_preset(name: &str, known: &[Manifest]) -> bool {
    let declared = known.iter().find_map(|manifest| match manifest {
        Manifest::TrustedIssuer(issuer) if issuer.metadata.name == name => Some(issuer),
        Manifest::TrustedIssuer(_)
        | Manifest::Agent(_)
        | Manifest::Scope(_)
        | Manifest::Grant(_)
        | Manifest::Cluster(_) => None,
    });
    match (declared, TrustedIssuer::preset(name)) {
        (Some(declared), Some(preset)) => declared.url == preset.url,
        (None, _) | (_, None) => false,
    }
}

/// As [`check_together`]; `declared` are manifests that exist but have problems of their own, so that what
/// names them isn't wrong as well.
pub(super) fn check(
    read: &[Located<Manifest>],
    known: &[Manifest],
    declared: &[(&'static str, String)],
) -> Problems {
    let mut problems = Problems::default();
    let replaced: HashSet<(&str, &str)> = read.iter().map(|located| key(located.get())).collect();
    let kept: Vec<&Manifest> = known.iter().filter(|manifest| !replaced.contains(&key(manifest))).collect();
    let mut exist = replaced;
    exist.extend(kept.iter().map(|manifest| key(manifest)));
    exist.extend(declared.iter().map(|(kind, name)| (*kind, name.as_str())));
    let mut issuers = Issuers::of(&kept);
    for located in read {
        if let Manifest::TrustedIssuer(issuer) = located.get() {
            issuers.enter(located, issuer, &mut problems);
        }
    }
    for located in read {
        if let Manifest::TrustedIssuer(issuer) = located.get() {
            issuers.check(located, issuer, &kept, &mut problems);
        }
    }
    let mut owners = Owners::default();
    for manifest in &kept {
        if let Manifest::Agent(agent) = manifest {
            for identity in &agent.identities {
                // What stands already was checked when it was applied.
                owners.enter(agent, identity).unwrap_or_default();
            }
        }
    }
    let mut first = HashMap::new();
    for located in read {
        twice(located, &mut first, &mut problems);
        dangling(located, &exist, &mut problems);
        if let Manifest::Agent(agent) = located.get() {
            own(located, agent, &mut owners, &mut problems);
            wide(located, agent, &issuers, &mut problems);
        }
    }
    problems
}

fn key(manifest: &Manifest) -> (&str, &str) {
    (manifest.kind(), manifest.name())
}

/// A manifest that stands in the call already: which of the two holds would depend on their order.
fn twice<'m>(
    located: &'m Located<Manifest>,
    first: &mut HashMap<(&'m str, &'m str), &'m Located<Manifest>>,
    problems: &mut Problems,
) {
    let (kind, name) = key(located.get());
    // What has no name that could be read has its problem already.
    if name.is_empty() {
        return;
    }
    let Some(first) = first.insert((kind, name), located) else { return };
    let (file, line) = (first.file(), first.place().line);
    let place = located.place_of(&["metadata", "name"], None);
    problems.add(
        located.file(),
        place,
        format!("{kind} {name:?} stands in {file}, line {line}, already; leave one of them out"),
    );
}

/// A name in a manifest, of another one.
#[derive(Debug)]
pub struct Reference<'g> {
    /// The kind of what is named.
    pub kind: &'static str,
    field: &'static str,
    index: usize,
    /// Its name.
    pub name: &'g str,
}

/// All that a manifest names.
#[must_use]
pub fn references(manifest: &Manifest) -> Box<dyn Iterator<Item = Reference<'_>> + '_> {
    match manifest {
        Manifest::Grant(grant) => Box::new(of_grant(grant)),
        Manifest::Agent(agent) => Box::new(of_agent(agent)),
        Manifest::Scope(_) | Manifest::Cluster(_) | Manifest::TrustedIssuer(_) => {
            Box::new(std::iter::empty())
        }
    }
}

fn of_grant(grant: &Grant) -> impl Iterator<Item = Reference<'_>> {
    let agents = grant.agents.iter().map(AgentName::as_str).enumerate();
    let scopes = grant.scopes.iter().map(String::as_str).enumerate();
    let clusters = grant.clusters.iter().map(String::as_str).enumerate();
    let agents = agents.map(|(index, name)| Reference { kind: "Agent", field: "agents", index, name });
    let scopes = scopes.map(|(index, name)| Reference { kind: "Scope", field: "scopes", index, name });
    let clusters =
        clusters.map(|(index, name)| Reference { kind: "Cluster", field: "clusters", index, name });
    agents.chain(scopes).chain(clusters)
}

fn of_agent(agent: &Agent) -> impl Iterator<Item = Reference<'_>> {
    agent.identities.iter().enumerate().filter_map(|(index, identity)| {
        let (kind, name) = match identity {
            Identity::Key(_) => return None,
            Identity::ServiceAccount { account, .. } => ("Cluster", account.cluster.as_str()),
            Identity::Oidc { issuer, .. } => ("TrustedIssuer", issuer.as_str()),
        };
        Some(Reference { kind, field: "identities", index, name })
    })
}

/// A manifest that names what isn't there: it would begin to mean something when somebody else takes the
/// name.
fn dangling(located: &Located<Manifest>, exist: &HashSet<(&str, &str)>, problems: &mut Problems) {
    for Reference { kind, field, index, name } in references(located.get()) {
        let preset = match kind {
            "TrustedIssuer" => TrustedIssuer::preset(name).is_some(),
            "Scope" => builtin::scope(name).is_some(),
            _ => false,
        };
        if preset || exist.contains(&(kind, name)) {
            continue;
        }
        // Comparing with every name takes time; after some mistakes the pattern is clear.
        let known = exist.iter().filter(|(other, _)| *other == kind);
        let alike = known.take(if problems.list().len() < ADVISED { usize::MAX } else { 0 });
        let presets: &[&str] = if kind == "TrustedIssuer" { &TrustedIssuer::PRESETS } else { &[] };
        let built_in =
            builtin::scopes().iter().filter(|_| kind == "Scope").map(|scope| &*scope.metadata.name);
        let names = alike.map(|(_, name)| *name).chain(presets.iter().copied()).chain(built_in);
        let advice = closest(name, names).map_or_else(
            || "apply it first or in the same call".to_owned(),
            |meant| format!("did you mean {meant:?}?"),
        );
        let place = located.place_of(&["spec", field], Some(index));
        let name = shown(name);
        problems.add(
            located.file(),
            place,
            format!("spec.{field}[{index}]: no {kind} {name} is known; {advice}"),
        );
    }
}

/// An identity that another agent has too.
fn own<'m>(located: &Located<Manifest>, agent: &'m Agent, owners: &mut Owners<'m>, problems: &mut Problems) {
    for (index, identity) in agent.identities.iter().enumerate() {
        let place: Place = located.place_of(&["spec", "identities"], Some(index));
        let owner = match owners.enter(agent, identity) {
            Ok(()) => continue,
            Err(NotOwn::Another(owner)) => owner.as_str(),
            Err(NotOwn::TooManySets) => {
                let message = "the identities of this issuer name too many different sets of claims; name \
                     the same claims in them";
                problems.add(
                    located.file(),
                    place,
                    format!("spec.identities[{index}].oidc.claims: {message}"),
                );
                continue;
            }
        };
        let message = match identity {
            Identity::Key(_) => format!(
                "this key is enrolled for the agent {owner:?}; one identity names one agent, so make a key \
                 of its own for this one"
            ),
            Identity::ServiceAccount { account, .. } => format!(
                "the service account {account} is the agent {owner:?} already; one identity names one agent, \
                 so make an account of its own for this one"
            ),
            Identity::Oidc { .. } => format!(
                "one token could have these claims and those of the agent {owner:?}; one identity names one \
                 agent, so name a claim in both that differs between them"
            ),
        };
        problems.add(located.file(), place, format!("spec.identities[{index}]: {message}"));
    }
}

/// An identity that would be anybody's.
fn wide(located: &Located<Manifest>, agent: &Agent, issuers: &Issuers<'_>, problems: &mut Problems) {
    for (index, identity) in agent.identities.iter().enumerate() {
        let Identity::Oidc { issuer, claims } = identity else { continue };
        let Some(why) = issuers.named(issuer).and_then(|issuer| issuer.too_wide(claims)) else { continue };
        let place = located.place_of(&["spec", "identities"], Some(index));
        problems.add(located.file(), place, format!("spec.identities[{index}].oidc.claims: {why}"));
    }
}

/// Trusted issuers by name and by url.
struct Issuers<'m> {
    names: HashMap<&'m str, &'m TrustedIssuer>,
    urls: HashMap<&'m str, &'m str>,
}

impl<'m> Issuers<'m> {
    fn of(kept: &[&'m Manifest]) -> Issuers<'m> {
        let mut issuers = Issuers { names: HashMap::new(), urls: HashMap::new() };
        for manifest in kept {
            if let Manifest::TrustedIssuer(issuer) = manifest {
                issuers.names.insert(&issuer.metadata.name, issuer);
                issuers.urls.insert(&issuer.url, &issuer.metadata.name);
            }
        }
        issuers
    }

    /// Enters an issuer. Two that say the same url could not be told apart.
    fn enter(&mut self, located: &Located<Manifest>, issuer: &'m TrustedIssuer, problems: &mut Problems) {
        let name = issuer.metadata.name.as_str();
        self.names.insert(name, issuer);
        let other = *self.urls.entry(&issuer.url).or_insert(name);
        if other != name {
            let place = located.place_of(&["spec", "oidc", "url"], None);
            let message =
                format!("spec.oidc.url: this url is the TrustedIssuer {other:?} already; use that one");
            problems.add(located.file(), place, message);
        }
    }

    /// What is wrong beside the presets, and beside agents that were there before.
    fn check(
        &self,
        located: &Located<Manifest>,
        issuer: &TrustedIssuer,
        kept: &[&Manifest],
        problems: &mut Problems,
    ) {
        let name = issuer.metadata.name.as_str();
        let place = || located.place_of(&["spec", "oidc", "url"], None);
        let same = TrustedIssuer::PRESETS
            .into_iter()
            .filter_map(TrustedIssuer::preset)
            .find(|preset| preset.url == issuer.url && preset.metadata.name != name);
        if let Some(preset) = same {
            let known = preset.metadata.name;
            let message = format!(
                "spec.oidc.url: this url is the issuer {known:?}, which needs no manifest; name that"
            );
            problems.add(located.file(), place(), message);
        }
        for manifest in kept {
            let Manifest::Agent(agent) = manifest else { continue };
            let wide = agent.identities.iter().find_map(|identity| match identity {
                Identity::Oidc { issuer: named, claims } if named == name => issuer.too_wide(claims),
                Identity::Oidc { .. } | Identity::Key(_) | Identity::ServiceAccount { .. } => None,
            });
            if let Some(why) = wide {
                let agent = agent.name.as_str();
                let message = format!("spec.oidc.url: the agent {agent:?} would be anybody: {why}");
                problems.add(located.file(), place(), message);
            }
        }
    }

    fn named(&self, name: &str) -> Option<TrustedIssuer> {
        self.names.get(name).map(|issuer| (*issuer).clone()).or_else(|| TrustedIssuer::preset(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Source, read, read_together};
    use super::*;

    fn text(kind: &str, name: &str, spec: &str) -> String {
        format!(
            "apiVersion: {}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n",
            super::super::API_VERSION
        )
    }

    fn agent(name: &str, identity: &str) -> String {
        text("Agent", name, &format!("{{owner: me, purpose: test, identities: [{identity}]}}"))
    }

    fn sources(texts: &[String]) -> Vec<Source> {
        vec![Source { file: "a.yaml".to_owned(), text: texts.concat() }]
    }

    /// What is wrong with `texts` beside what is `known`.
    fn problems(known: &[String], texts: &[String]) -> String {
        let known: Vec<Manifest> =
            read(&sources(known)).unwrap().into_iter().map(Located::into_inner).collect();
        read_together(&sources(texts), &known).err().map(|problems| problems.to_string()).unwrap_or_default()
    }

    #[test]
    fn one_identity_names_one_agent_within_a_call_and_beside_what_is_there() {
        let cluster = text("Cluster", "prod", "{inCluster: {}}");
        let account = "{serviceAccount: prod/agents/a}";
        let narrow = "{oidc: {issuer: github, claims: {repository: x/a, environment: prod}}}";
        let wide = "{oidc: {issuer: github, claims: {repository: x/a}}}";
        let cases = [
            (account, account, "the service account prod/agents/a is the agent \"a\" already"),
            (narrow, narrow, "one token could have these claims and those of the agent \"a\""),
            (narrow, wide, "one token could have these claims and those of the agent \"a\""),
            (wide, narrow, "one token could have these claims and those of the agent \"a\""),
        ];
        for (first, second, expected) in cases {
            let (a, b) = (agent("a", first), agent("b", second));
            let together = problems(std::slice::from_ref(&cluster), &[a.clone(), b.clone()]);
            assert!(together.contains(expected), "{together}");
            let later = problems(&[cluster.clone(), a.clone()], &[b]);
            assert!(later.contains(expected), "{later}");
            assert_eq!(problems(&[cluster.clone(), a.clone()], &[a]), "", "it may be applied again");
        }
    }

    #[test]
    fn what_an_identity_names_must_be_there_and_stays_while_it_is_named() {
        let missing = problems(&[], &[agent("a", "{serviceAccount: prod/agents/a}")]);
        assert!(missing.contains("spec.identities[0]: no Cluster \"prod\" is known"), "{missing}");
        let issuer = "{oidc: {issuer: githib, claims: {repository: x/a}}}";
        let missing = problems(&[], &[agent("a", issuer)]);
        assert!(
            missing.contains("no TrustedIssuer \"githib\" is known; did you mean \"github\"?"),
            "{missing}"
        );
        let ci = text("TrustedIssuer", "ci", "{oidc: {url: \"https://ci.example\"}}");
        let known = [ci, agent("a", "{oidc: {issuer: ci, claims: {sub: x}}}")];
        let known: Vec<Manifest> =
            read(&sources(&known)).unwrap().into_iter().map(Located::into_inner).collect();
        let needed = needed_by("TrustedIssuer", "ci", &known).unwrap();
        assert_eq!(needed, "TrustedIssuer \"ci\" is named by the agent \"a\"; delete or change that first");
        assert_eq!(needed_by("TrustedIssuer", "other", &known), None);
    }

    #[test]
    fn an_issuer_has_one_name_and_its_agents_are_not_everybody() {
        let at =
            |name: &str, url: &str| text("TrustedIssuer", name, &format!("{{oidc: {{url: \"{url}\"}}}}"));
        let twice = problems(&[at("ci", "https://ci.example")], &[at("ci2", "https://ci.example")]);
        assert!(twice.contains("this url is the TrustedIssuer \"ci\" already"), "{twice}");
        let preset = problems(&[], &[at("gh", "https://token.actions.githubusercontent.com")]);
        assert!(preset.contains("this url is the issuer \"github\", which needs no manifest"), "{preset}");
        let anybody = problems(&[], &[agent("a", "{oidc: {issuer: github, claims: {environment: prod}}}")]);
        assert!(anybody.contains("signs for everybody"), "{anybody}");
        let known = [at("ci", "https://ci.example"), agent("a", "{oidc: {issuer: ci, claims: {ref: main}}}")];
        let moved = problems(&known, &[at("ci", "https://gitlab.com")]);
        assert!(moved.contains("the agent \"a\" would be anybody"), "{moved}");
        assert_eq!(problems(&known, &[at("ci", "https://other.example")]), "");
    }

    #[test]
    fn a_name_that_agents_rely_on_never_begins_to_mean_the_public_issuer() {
        let at = |url: &str| text("TrustedIssuer", "github", &format!("{{oidc: {{url: \"{url}\"}}}}"));
        let agent = agent("a", "{oidc: {issuer: github, claims: {environment: prod}}}");
        let known = |url: &str, agent: &str| -> Vec<Manifest> {
            let read = read(&sources(&[at(url), agent.to_owned()])).unwrap();
            read.into_iter().map(Located::into_inner).collect()
        };
        let own = known("https://github.acme.example/_services/token", &agent);
        let needed = needed_by("TrustedIssuer", "github", &own).unwrap();
        assert!(needed.contains("is named by the agent \"a\""), "{needed}");
        let same = known("https://token.actions.githubusercontent.com", &agent);
        assert_eq!(needed_by("TrustedIssuer", "github", &same), None, "it goes on meaning the same");
        let public = problems(
            &[at("https://github.acme.example/_services/token"), agent],
            &[at("https://token.actions.githubusercontent.com")],
        );
        assert!(public.contains("the agent \"a\" would be anybody"), "{public}");
    }
}
