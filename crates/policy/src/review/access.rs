//! Whether the scopes allow one thing: what `decide` would say of the request, without the request.

use crate::attributes::{CLUSTER_RIGHTS, Connect, NAMESPACES, SelfReview};
use crate::body::About;
use crate::decision::why_no_rule;
use crate::rules::{
    self, Ask, Candidate, ESCAPES, Effect, On, RESOURCE_VERBS, Reach, Rule, RuleId, Rules, SECRETS, matching,
};
use crate::time::Millis;

/// What the scopes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// `terms`: what a list can't say and only the request shows; empty: there are none.
    Allowed {
        because: String,
        terms: String,
    },
    Refused {
        why: String,
        ground: Ground,
    },
}

/// What refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// Nothing allows it.
    NoRule,
    /// A deny rule, or what is built in.
    Denied,
    /// A deny rule that is about some names only, asked without a name.
    SomeDenied,
}

/// Decides as a request would be decided: what is built in, deny rules, allow rules. A wildcard asks for
/// everything that it covers: a yes must be true of all of it.
pub(super) fn weigh(about: &About, rules: &Rules, now: Millis) -> Verdict {
    let ask = about.ask();
    if let Some(why) = unclear(ask) {
        return refused(why.to_owned(), Ground::NoRule);
    }
    if let Some(built_in) = built_in(ask) {
        return refused(format!("no grant can allow it: {}", built_in.why), Ground::Denied);
    }
    let needed = needed(ask);
    if let Some((rule, ground)) = needed.denied.iter().find_map(|ask| denied(*ask, rules, now)) {
        return refused(format!("the rule {rule} denies it"), ground);
    }
    let lacking = |ask| {
        let lacks = why_no_rule(rules, ask, now);
        refused(format!("no rule allows it: the agent {lacks}"), Ground::NoRule)
    };
    let [first, others @ ..] = &needed.allowed[..] else { return lacking(ask) };
    let Some((because, mut terms)) = allowed(*first, rules, now) else { return lacking(*first) };
    // What is asked beside the request itself, only a rule without terms answers.
    if let Some(ask) = others.iter().find(|ask| rules.allowing(**ask, now).is_none()) {
        return lacking(*ask);
    }
    if let Some(escape) = wild_escapes(ask).next() {
        let why = format!("it includes what only a rule that names it exactly gives: this {}", escape.gives);
        return refused(why, Ground::NoRule);
    }
    for ask in needed.denied {
        terms.extend(denied_if(ask, rules, now));
    }
    Verdict::Allowed { because, terms: terms.join(", ") }
}

fn refused(why: String, ground: Ground) -> Verdict {
    Verdict::Refused { why, ground }
}

/// Why it is allowed, and on which terms.
type Why = (String, Vec<String>);

/// Why an allow rule allows it, in words.
fn because(id: &RuleId, grant: &str) -> String {
    format!("the rule {id} allows it through the grant {grant}")
}

/// What a rule asks for that only the request and its object show.
fn terms(id: &RuleId, rule: &Rule) -> Vec<String> {
    let mut terms = Vec::new();
    if let Some(condition) = rule.condition() {
        terms.push(format!("{id}: if {}", condition.source()));
    }
    if rule.mask().is_some() {
        terms.push(format!("{id}: with values masked"));
    }
    if !rule.spec().terms.limits.is_empty() {
        terms.push(format!("{id}: within its limits"));
    }
    terms
}

/// The deny rules that refuse it on a condition.
fn denied_if(ask: Ask<'_>, rules: &Rules, now: Millis) -> Vec<String> {
    let denying = if rules.has_conditional_denies() { rules.denying_if(ask, now) } else { Vec::new() };
    denying.iter().map(|one| format!("{}: unless its condition denies it", one.id())).collect()
}

/// What names nothing that could be done.
fn unclear(ask: Ask<'_>) -> Option<&'static str> {
    match ask {
        Ask::Path { verb: "", .. } | Ask::Resource(On { verb: "", .. }) => Some("it names no verb"),
        Ask::Path { path: "", .. } => Some("it names no path"),
        Ask::Resource(On { resource: "", .. }) => Some("it names no resource"),
        Ask::Resource(On { subresource: "*", .. }) => Some("it names no one subresource"),
        Ask::Path { .. } | Ask::Resource(_) => None,
    }
}

/// The questions that a request asks of rules: what none may deny, and what some must allow.
struct Needed<'a> {
    denied: Vec<Ask<'a>>,
    allowed: Vec<Ask<'a>>,
}

/// A connection needs `create`, and through a proxy also the verb of its own (exception 1); a deny rule that
/// names either is meant.
fn needed(ask: Ask<'_>) -> Needed<'_> {
    let plain = Needed { denied: vec![ask], allowed: vec![ask] };
    let Ask::Resource(on) = ask else { return plain };
    let create = Ask::Resource(on.verb("create"));
    match Connect::read(on.subresource) {
        Some(_) if on.verb == "*" => plain,
        Some(Connect::Proxy) => Needed { denied: vec![create, ask], allowed: vec![create, ask] },
        Some(Connect::Exec | Connect::Attach | Connect::PortForward) => {
            Needed { denied: vec![create, ask], allowed: vec![create] }
        }
        None => plain,
    }
}

/// Whether rules allow it as it is asked, wildcards by wildcards.
pub(super) fn is_allowed(ask: Ask<'_>, rules: &Rules, now: Millis) -> bool {
    needed(ask).allowed.into_iter().all(|ask| allowed(ask, rules, now).is_some())
}

/// A rule without terms comes first, as in a decision.
fn allowed(ask: Ask<'_>, rules: &Rules, now: Millis) -> Option<Why> {
    if let Some(allowing) = rules.allowing(ask, now) {
        return Some((because(allowing.id, &allowing.held.grant), Vec::new()));
    }
    if let Some(one) = rules.allowing_if(ask, now).first() {
        return Some((because(one.id(), &one.grant), terms(one.id(), one.rule()?)));
    }
    if let Some(one) = filtering(ask, rules, now) {
        let mut terms = terms(one.id(), one.rule()?);
        terms.push(format!("{}: with the objects left out that it doesn't reach", one.id()));
        return Some((because(one.id(), &one.grant), terms));
    }
    let held = rules.longest(now)?;
    let own = match ask {
        Ask::Path { verb, path } => rules::discovers(verb, path).then(RuleId::discovery),
        Ask::Resource(on) => asks_of_itself(on).then(RuleId::review),
    };
    own.map(|id| (because(&id, &held.grant), Vec::new()))
}

/// A list or watch that a grant answers with what it reaches.
fn filtering(ask: Ask<'_>, rules: &Rules, now: Millis) -> Option<Candidate> {
    match ask {
        Ask::Resource(On { verb: "list" | "watch", .. }) => rules.filtering(ask, now).into_iter().next(),
        Ask::Resource(_) | Ask::Path { .. } => None,
    }
}

fn asks_of_itself(on: On<'_>) -> bool {
    on.verb == "create" && on.subresource.is_empty() && SelfReview::of(on.group, on.resource).is_some()
}

/// The rule that denies it, or with a wildcard some of it.
pub(super) fn denied<'r>(ask: Ask<'_>, rules: &'r Rules, now: Millis) -> Option<(&'r RuleId, Ground)> {
    if !is_wild(ask) && rules.denying(ask, now).is_none() {
        return None;
    }
    let all = rules.held(now).flat_map(|held| held.scope.rules().map(move |(id, rule)| (held, id, rule)));
    let denying = all.filter(|(_, _, rule)| rule.effect() == Effect::Deny && rule.is_plain());
    let mut some = None;
    for (held, id, rule) in denying {
        let spec = rule.spec();
        let meets = |ask: Ask<'_>| {
            matching::equivalents(ask).any(|ask| matching::denies(spec, &held.namespaces, ask))
        };
        if !within(&held.namespaces, ask) || !some_of(ask, spec, meets) {
            continue;
        }
        let named = matches!(ask, Ask::Resource(On { name: "", .. })) && !spec.resource_names.is_empty();
        if !named {
            return Some((id, Ground::Denied));
        }
        some = some.or(Some((id, Ground::SomeDenied)));
    }
    some
}

/// Whether a grant's namespaces could have to do with what is asked, whatever its wildcards stand for.
fn within(reach: &Reach, ask: Ask<'_>) -> bool {
    match (reach, ask) {
        (Reach::Namespaces(patterns), Ask::Resource(on)) if !on.namespace.is_empty() => {
            patterns.iter().any(|pattern| pattern.matches(on.namespace))
        }
        (Reach::Everywhere | Reach::Namespaces(_), _) => true,
    }
}

/// Whether something of what is asked passes: the question with a rule's own words in the place of its
/// wildcards.
fn some_of(ask: Ask<'_>, rule: &rules::RuleSpec, passes: impl Fn(Ask<'_>) -> bool) -> bool {
    match ask {
        Ask::Path { verb, path } => {
            let stem = path.strip_suffix('*');
            let within = |url: &&str| stem.is_some_and(|stem| url.starts_with(stem));
            let urls = rule.non_resource_urls.iter().map(String::as_str).filter(within);
            let verbs = words(verb, &rule.verbs);
            [path]
                .into_iter()
                .chain(urls)
                .any(|path| verbs.iter().any(|verb| passes(Ask::Path { verb, path })))
        }
        Ask::Resource(on) => {
            let (verbs, groups) = (words(on.verb, &rule.verbs), words(on.group, &rule.api_groups));
            let kinds = words(on.resource, &rule.resources);
            let kinds = kinds.into_iter().filter_map(|resource| kind(resource, on.subresource));
            let kinds: Vec<_> = kinds.collect();
            let on = |verb, group, (resource, subresource)| On { verb, group, resource, subresource, ..on };
            let kind_passes =
                |verb, group| kinds.iter().any(|kind| passes(Ask::Resource(on(verb, group, *kind))));
            verbs.iter().any(|verb| groups.iter().any(|group| kind_passes(verb, group)))
        }
    }
}

/// A rule's resource where a subresource is asked for; with none asked for, "*" asks for all of them.
fn kind<'a>(resource: &'a str, asked: &'a str) -> Option<(&'a str, &'a str)> {
    match resource.split_once('/') {
        None => Some((resource, asked)),
        Some(split) => ["", split.1].contains(&asked).then_some(split),
    }
}

fn words<'a>(word: &'a str, of_rule: &'a [String]) -> Vec<&'a str> {
    if word == "*" { of_rule.iter().map(String::as_str).chain([word]).collect() } else { vec![word] }
}

/// Whether a question is about more than one verb or resource, or a path with a star.
pub(super) fn is_wild(ask: Ask<'_>) -> bool {
    match ask {
        Ask::Path { verb, path } => verb == "*" || path.ends_with('*'),
        Ask::Resource(on) => [on.verb, on.group, on.resource].contains(&"*"),
    }
}

/// What no grant can allow, of all that a question with wildcards covers.
fn built_in(ask: Ask<'_>) -> Option<rules::BuiltIn> {
    let Ask::Resource(on) = ask else { return None };
    let connects = Connect::read(on.subresource).is_some() && on.verb != "*";
    let verbs: Vec<&str> = match on.verb {
        "*" => RESOURCE_VERBS.iter().map(|verb| verb.as_str()).collect(),
        _ if connects => vec!["create"],
        verb => vec![verb],
    };
    let fits = |(group, resource): &(&str, &str)| {
        ["*", *group].contains(&on.group) && ["*", *resource].contains(&on.resource)
    };
    let known = NAMESPACES.into_iter().chain(CLUSTER_RIGHTS).chain([SECRETS]).filter(fits);
    let kinds: Vec<_> = known.chain([(on.group, on.resource)]).collect();
    let all = verbs
        .into_iter()
        .flat_map(|verb| kinds.iter().map(move |(group, resource)| On { verb, group, resource, ..on }));
    all.into_iter().find_map(|on| rules::denied_on(on, None))
}

/// What a wildcard in the question covers and no wildcard in a rule does (exception 3).
pub(super) fn wild_escapes(ask: Ask<'_>) -> impl Iterator<Item = &'static rules::Escape> {
    let met = match ask {
        Ask::Path { .. } => None,
        Ask::Resource(on) => Some(on).filter(|_| is_wild(ask)),
    };
    let resource = met.map(|on| match on.subresource {
        "" => on.resource.to_owned(),
        subresource => format!("{}/{subresource}", on.resource),
    });
    ESCAPES.iter().filter(move |escape| match (met, &resource) {
        (Some(on), Some(resource)) => rules::meets(on.verb, on.group, resource, escape),
        _ => false,
    })
}
