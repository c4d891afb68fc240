//! Whether the scopes allow one thing: what `decide` would say of the request, without the request.

use crate::attributes::{CLUSTER_RIGHTS, Connect, NAMESPACES, SelfReview};
use crate::body::About;
use crate::decision::why_no_rule;
use crate::rules::{
    self, Allowing, Ask, ESCAPES, Effect, On, RESOURCE_VERBS, Reach, RuleId, Rules, SECRETS, matching,
};
use crate::time::Millis;

/// What the scopes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed { because: String },
    Refused { why: String, ground: Ground },
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
    let mut because = None;
    for ask in needed.allowed {
        match allowed(ask, rules, now) {
            Some(why) => because = because.or(Some(why)),
            None => {
                let lacks = why_no_rule(rules, ask, now);
                return refused(format!("no rule allows it: the agent {lacks}"), Ground::NoRule);
            }
        }
    }
    if let Some(escape) = wild_escapes(ask).next() {
        let why = format!("it includes what only a rule that names it exactly gives: this {}", escape.gives);
        return refused(why, Ground::NoRule);
    }
    Verdict::Allowed { because: because.unwrap_or_default() }
}

fn refused(why: String, ground: Ground) -> Verdict {
    Verdict::Refused { why, ground }
}

/// Why an allow rule allows it, in words. A rule that holds on a condition says so here.
fn because(allowing: Allowing<'_>) -> String {
    format!("the rule {} allows it through the grant {}", allowing.id, allowing.held.grant)
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

fn allowed(ask: Ask<'_>, rules: &Rules, now: Millis) -> Option<String> {
    if let Some(allowing) = rules.allowing(ask, now) {
        return Some(because(allowing));
    }
    let held = rules.longest(now)?;
    let own = match ask {
        Ask::Path { verb, path } => rules::discovers(verb, path).then(RuleId::discovery),
        Ask::Resource(on) => asks_of_itself(on).then(RuleId::review),
    };
    own.map(|id| because(Allowing { id: &id, held }))
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
    let denying = all.filter(|(_, _, rule)| rule.effect() == Effect::Deny);
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
