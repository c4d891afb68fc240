//! What an agent may do in a namespace, as a list: what its rules and the ceiling's have in common. Where a
//! list can't say it exactly, it says more than is allowed and that it does; a request is decided by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::body::{About, Place};
use crate::rules::{self, Ask, DISCOVERY, Effect, Reach, Rules};
use crate::time::Millis;

use super::access::{self, Ground, Verdict};
use super::shared::{Steps, TooMuch};

/// Combinations of verb, resource and name that are looked at for one answer: more than anyone reads.
const MOST: usize = 5_000;

/// A rule's parts, whichever side's it is.
#[derive(Debug, Default)]
struct Part {
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
    urls: Vec<String>,
}

/// A resource and the names that are meant; none: every one. With the path's, the keys by which rules are put
/// together.
type Kind<'a> = (&'a str, &'a str, Vec<&'a str>);

/// What both sides have, before it is looked at one by one.
#[derive(Debug, Default)]
struct Common<'a> {
    kinds: BTreeMap<Kind<'a>, BTreeSet<&'a str>>,
    urls: BTreeMap<&'a str, BTreeSet<&'a str>>,
    size: usize,
}

/// The status of the answer. None: the cluster's is no list of rules.
pub(super) fn with(namespace: &str, rules: &Rules, now: Millis, cluster: &Value) -> Option<Value> {
    let ceiling = ceiling(cluster)?;
    let own = held(namespace, rules, now);
    let mut notes = BTreeSet::new();
    let mut common = Common::default();
    if common.collect(&own, &ceiling).is_err() {
        notes.insert("there is more than fits into an answer".to_owned());
    }
    let mut list = List { namespace, rules, now, notes };
    let resources: Vec<Value> =
        common.kinds.iter().flat_map(|(kind, verbs)| list.kind(kind, verbs)).collect();
    let paths: Vec<Value> = common.urls.iter().filter_map(|(url, verbs)| list.url(url, verbs)).collect();
    let mut notes: Vec<String> = list.notes.into_iter().collect();
    if cluster.get("incomplete") == Some(&Value::Bool(true)) {
        let why = cluster.get("evaluationError").and_then(Value::as_str).unwrap_or("it doesn't say why");
        notes.push(format!("the cluster doesn't list all that its ceiling allows: {why}"));
    }
    let mut status =
        json!({ "resourceRules": resources, "nonResourceRules": paths, "incomplete": !notes.is_empty() });
    if let (Some(status), false) = (status.as_object_mut(), notes.is_empty()) {
        status.insert("evaluationError".to_owned(), Value::String(notes.join("; ")));
    }
    Some(status)
}

/// The rules of the cluster's answer.
fn ceiling(status: &Value) -> Option<Vec<Part>> {
    let texts = |rule: &Value, key: &str| -> Option<Vec<String>> {
        match rule.get(key) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(list) => list.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect(),
        }
    };
    let part = |rule: &Value| {
        Some(Part {
            verbs: texts(rule, "verbs")?,
            groups: texts(rule, "apiGroups")?,
            resources: texts(rule, "resources")?,
            names: texts(rule, "resourceNames")?,
            urls: texts(rule, "nonResourceURLs")?,
        })
    };
    let list = |key: &str| -> Option<Vec<Part>> {
        match status.get(key) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(list) => list.as_array()?.iter().map(part).collect(),
        }
    };
    let mut all = list("resourceRules")?;
    all.extend(list("nonResourceRules")?);
    Some(all)
}

/// The allow rules that hold in the namespace, and what every agent may do.
fn held(namespace: &str, rules: &Rules, now: Millis) -> Vec<Part> {
    let mut parts = Vec::new();
    for held in rules.held(now) {
        let everywhere = match &held.namespaces {
            Reach::Everywhere => true,
            Reach::Namespaces(patterns) if patterns.iter().any(|one| one.matches(namespace)) => false,
            Reach::Namespaces(_) => continue,
        };
        for (_, rule) in held.scope.rules().filter(|(_, rule)| rule.effect() == Effect::Allow) {
            let spec = rule.spec();
            parts.push(Part {
                verbs: spec.verbs.clone(),
                groups: spec.api_groups.clone(),
                resources: spec.resources.clone(),
                names: spec.resource_names.clone(),
                urls: if everywhere { spec.non_resource_urls.clone() } else { Vec::new() },
            });
        }
    }
    let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    // Through a grant with namespaces this is what rules on namespaces allow (exception 2).
    let (verbs, groups, resources) = (texts(&["get"]), texts(&[""]), texts(&["namespaces"]));
    parts.push(Part { verbs, groups, resources, names: texts(&[namespace]), ..Part::default() });
    parts.push(Part { verbs: texts(&["get"]), urls: texts(&DISCOVERY), ..Part::default() });
    for (group, resources) in OWN {
        let (verbs, groups, resources) = (texts(&["create"]), texts(&[group]), texts(resources));
        parts.push(Part { verbs, groups, resources, ..Part::default() });
    }
    parts
}

/// The reviews of the agent itself.
const OWN: [(&str, &[&str]); 2] = [
    ("authentication.k8s.io", &["selfsubjectreviews"]),
    ("authorization.k8s.io", &["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
];

impl<'a> Common<'a> {
    /// Fills in what each of the one has in common with each of the other.
    fn collect(&mut self, own: &'a [Part], ceiling: &'a [Part]) -> Result<(), TooMuch> {
        let mut steps = Steps::new();
        for one in own {
            for other in ceiling {
                self.add(one, other, &mut steps)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, one: &'a Part, other: &'a Part, steps: &mut Steps) -> Result<(), TooMuch> {
        let verbs = steps.words(&one.verbs, &other.verbs)?;
        if verbs.is_empty() {
            return Ok(());
        }
        for url in steps.urls(&one.urls, &other.urls)? {
            self.grow(verbs.len())?;
            self.urls.entry(url).or_default().extend(&verbs);
        }
        let Some(names) = steps.names(&one.names, &other.names)? else { return Ok(()) };
        let groups = steps.words(&one.groups, &other.groups)?;
        let resources = steps.resources(&one.resources, &other.resources)?;
        for group in groups {
            for resource in &resources {
                self.grow(verbs.len().saturating_mul(names.len().max(1)))?;
                self.kinds.entry((group, resource, names.clone())).or_default().extend(&verbs);
            }
        }
        Ok(())
    }

    fn grow(&mut self, by: usize) -> Result<(), TooMuch> {
        self.size = self.size.saturating_add(by);
        if self.size > MOST { Err(TooMuch) } else { Ok(()) }
    }
}

/// Looks at what both sides have, one by one, as requests would be decided.
struct List<'a> {
    namespace: &'a str,
    rules: &'a Rules,
    now: Millis,
    /// What the list says wrongly.
    notes: BTreeSet<String>,
}

impl List<'_> {
    /// The verbs of a resource that are left, put together by the names that they are left for.
    fn kind(&mut self, (group, resource, names): &Kind<'_>, verbs: &BTreeSet<&str>) -> Vec<Value> {
        let mut left: BTreeMap<Vec<String>, Vec<&str>> = BTreeMap::new();
        for verb in verbs {
            if let Some(names) = self.names(verb, group, resource, names) {
                left.entry(names).or_default().push(verb);
            }
        }
        let rule = |(names, verbs): (Vec<String>, Vec<&str>)| {
            let mut rule = json!({ "verbs": verbs, "apiGroups": [group], "resources": [resource] });
            if let (Some(rule), false) = (rule.as_object_mut(), names.is_empty()) {
                rule.insert("resourceNames".to_owned(), json!(names));
            }
            rule
        };
        left.into_iter().map(rule).collect()
    }

    /// The names for which a verb is left; none: all. None: for no one.
    fn names(&mut self, verb: &str, group: &str, resource: &str, names: &[&str]) -> Option<Vec<String>> {
        if !names.is_empty() {
            let mut left = Vec::new();
            for name in names {
                if self.is_allowed(verb, group, resource, name) {
                    left.push((*name).to_owned());
                }
            }
            return Some(left).filter(|left| !left.is_empty());
        }
        match self.ask(verb, group, resource, "") {
            Verdict::Allowed { terms, .. } => {
                self.note_terms(&terms);
                Some(Vec::new())
            }
            // The rule takes only some names away, which a list can't say.
            Verdict::Refused { ground: Ground::SomeDenied, why } if !NAMELESS.contains(&verb) => {
                self.notes.insert(format!("{why} for some names of {resource}"));
                Some(Vec::new())
            }
            Verdict::Refused { .. } if access::is_wild(about(verb, group, resource, "", "").ask()) => {
                self.wild(verb, group, resource).then(Vec::new)
            }
            Verdict::Refused { .. } => None,
        }
    }

    fn ask(&self, verb: &str, group: &str, resource: &str, name: &str) -> Verdict {
        access::weigh(&about(verb, group, resource, self.namespace, name), self.rules, self.now)
    }

    fn is_allowed(&mut self, verb: &str, group: &str, resource: &str, name: &str) -> bool {
        match self.ask(verb, group, resource, name) {
            Verdict::Allowed { terms, .. } => {
                self.note_terms(&terms);
                true
            }
            Verdict::Refused { .. } => false,
        }
    }

    /// A list has no place for what only a request shows.
    fn note_terms(&mut self, terms: &str) {
        if !terms.is_empty() && self.notes.len() < NOTES {
            self.notes.insert(format!("some only on terms ({terms})"));
        }
    }

    /// Whether anything is left of what a wildcard covers; what isn't is noted.
    fn wild(&mut self, verb: &str, group: &str, resource: &str) -> bool {
        let about = about(verb, group, resource, self.namespace, "");
        let ask = about.ask();
        // The gateway's own namespaces, and what a deny rule covers whole.
        let own = matches!(ask, Ask::Resource(on) if rules::denied_on(on, None).is_some());
        let whole = own || self.rules.denying(ask, self.now).is_some();
        if whole || !access::is_allowed(ask, self.rules, self.now) {
            return false;
        }
        let escapes: Vec<&str> = access::wild_escapes(ask).map(|escape| escape.word).collect();
        if !escapes.is_empty() {
            self.notes.insert(format!(
                "its wildcards leave out what only a rule that names it exactly gives ({})",
                escapes.join(", ")
            ));
        }
        if let Some((rule, _)) = access::denied(ask, self.rules, self.now) {
            self.notes.insert(format!("its wildcards include what the rule {rule} denies"));
        }
        true
    }

    fn url(&mut self, url: &str, verbs: &BTreeSet<&str>) -> Option<Value> {
        let mut left = Vec::new();
        for verb in verbs {
            let about = About::Path { verb: (*verb).to_owned(), path: url.to_owned() };
            match access::weigh(&about, self.rules, self.now) {
                Verdict::Allowed { .. } => left.push(*verb),
                Verdict::Refused { .. }
                    if access::is_wild(about.ask())
                        && self.rules.denying(about.ask(), self.now).is_none() =>
                {
                    self.notes.insert(format!("of {url} a rule denies some"));
                    left.push(verb);
                }
                Verdict::Refused { .. } => {}
            }
        }
        (!left.is_empty()).then(|| json!({ "verbs": left, "nonResourceURLs": [url] }))
    }
}

/// The most terms that are told of: a line of them is enough to say that there are some.
const NOTES: usize = 20;

/// The verbs of requests without a name.
const NAMELESS: [&str; 4] = ["list", "watch", "create", "deletecollection"];

/// A question about a resource with its subresource; `*/scale` asks for the subresource of everything.
fn about(verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> About {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let place = Place::of(group, resource, namespace.to_owned(), name.to_owned());
    let [verb, group, resource, subresource] = [verb, group, resource, subresource].map(str::to_owned);
    About::Resource { verb, group, resource, subresource, place }
}
