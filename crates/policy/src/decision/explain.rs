//! Refusals in words: what was refused, by which rule, and what would help.

use std::fmt::{self, Write as _};

use crate::attributes::{Attributes, Kind};
use crate::body::UNSAFE_VERB;
use crate::case::Case;
use crate::mask::MaskBreach;
use crate::rules::matching::Fit;
use crate::rules::{Ask, Effect, HeldScope, Reach, Rule, RuleId, Rules, escape, matching};
use crate::time::Millis;

use super::denial::{Denial, Next, Reason};
use super::terms::Failed;

/// How many names of a list are said.
const NAMES: usize = 5;

pub(super) fn no_grant(case: &Case, rules: &Rules) -> Denial {
    let why = if rules.is_empty() {
        "has no grant on this cluster"
    } else {
        "has only grants that have ended here"
    };
    let advice = "ask the agent's owner for a grant";
    Words { reason: Reason::NoGrant, rule: None, why: why.to_owned(), next: Next::AskPerson, advice }
        .say(case)
}

pub(super) fn built_in(case: &Case, why: &str) -> Denial {
    let why = format!("may not {}: {why}", Doing(case.attributes()));
    Words {
        reason: Reason::BuiltIn,
        rule: None,
        why,
        next: Next::Stop,
        advice: "stop; no grant can allow this",
    }
    .say(case)
}

pub(super) fn denied(case: &Case, rule: &RuleId) -> Denial {
    let why = format!("may not {}: the rule {rule} denies it", Doing(case.attributes()));
    let rule = Some(rule.clone());
    Words {
        reason: Reason::DenyRule,
        rule,
        why,
        next: Next::Stop,
        advice: "stop; this was decided on purpose",
    }
    .say(case)
}

pub(super) fn needs_create(case: &Case) -> Denial {
    let why = "may change it but not create it, and it doesn't exist".to_owned();
    let advice = "change an object that exists, or ask the agent's owner for create";
    Words { reason: Reason::NeedsCreate, rule: None, why, next: Next::ChangeRequest, advice }.say(case)
}

pub(super) fn owner_references(case: &Case) -> Denial {
    let why =
        "may not change metadata.ownerReferences, which can delete the object, without a rule for delete";
    let advice = "leave metadata.ownerReferences as they are, or ask the agent's owner for delete";
    let next = Next::ChangeRequest;
    Words { reason: Reason::OwnerReferences, rule: None, why: why.to_owned(), next, advice }.say(case)
}

pub(super) fn unseen(case: &Case) -> Denial {
    let why =
        "may do this only to an object that exists, and the cluster's ceiling doesn't let it read the object";
    let advice = "ask the cluster's owner to let agents get it, or the agent's owner for create and delete";
    Words { reason: Reason::Unseen, rule: None, why: why.to_owned(), next: Next::AskPerson, advice }.say(case)
}

/// A rule is about it, and doesn't hold.
pub(super) fn failed(case: &Case, failed: Failed) -> Denial {
    let Failed { rule, why, spent } = failed;
    let why = format!("may not {}: {rule} {why}", Doing(case.attributes()));
    let (reason, next, advice) = if spent {
        (Reason::Limit, Next::Wait, "wait until there is room again, or ask the agent's owner for more")
    } else {
        let advice = "choose what the rule allows, or ask the agent's owner for more";
        (Reason::Condition, Next::ChangeRequest, advice)
    };
    Words { reason, rule: Some(rule), why, next, advice }.say(case)
}

/// It could find out what is masked, or write back what is shown instead.
pub(super) fn masked(case: &Case, rule: &RuleId, breach: &MaskBreach) -> Denial {
    let why = format!("sees masked values only: {breach}");
    let advice = "leave what is masked alone";
    Words { reason: Reason::Mask, rule: Some(rule.clone()), why, next: Next::ChangeRequest, advice }.say(case)
}

/// There is such an object, and no rule shows it.
pub(super) fn hidden(case: &Case, rule: &RuleId) -> Denial {
    let why = format!("may not see this object: neither {rule} nor any other rule of its grants shows it");
    let advice = "choose what the rules show, or ask the agent's owner for more";
    let (rule, next) = (Some(rule.clone()), Next::ChangeRequest);
    Words { reason: Reason::Condition, rule, why, next, advice }.say(case).hidden(case.attributes())
}

pub(super) fn absent(case: &Case) -> Denial {
    let why = "may change it only after looking at it, and it doesn't exist".to_owned();
    let advice = "name an object that exists";
    let words = Words { reason: Reason::Absent, rule: None, why, next: Next::ChangeRequest, advice };
    words.say(case).hidden(case.attributes())
}

pub(super) fn conflict(case: &Case) -> Denial {
    let why = "bound its request to a state of the object that is not the present one".to_owned();
    let advice = "read the object again, and apply the change to what it is now";
    Words { reason: Reason::Conflict, rule: None, why, next: Next::ChangeRequest, advice }.say(case)
}

pub(super) fn unsupported(case: &Case, fault: &dyn fmt::Display) -> Denial {
    let why = format!("can't be let through: {fault}");
    let advice = "send the request in another form";
    Words { reason: Reason::Unsupported, rule: None, why, next: Next::ChangeRequest, advice }.say(case)
}

/// No rule allows it: says the nearest one and what it lacks.
pub(super) fn no_rule(case: &Case, rules: &Rules, ask: Ask<'_>, now: Millis) -> Denial {
    let words = match nearest(rules, ask, now) {
        Some(near) => near.words(ask),
        None => no_rule_near(rules, ask, now),
    };
    words.say(case)
}

/// The same for an answer that refuses nothing: what follows "the agent".
pub(crate) fn why_no_rule(rules: &Rules, ask: Ask<'_>, now: Millis) -> String {
    nearest(rules, ask, now).map_or_else(|| no_rule_near(rules, ask, now), |near| near.words(ask)).why
}

fn no_rule_near(rules: &Rules, ask: Ask<'_>, now: Millis) -> Words {
    let grants = |which: fn(&HeldScope) -> bool| {
        listed(rules.held(now).filter(|held| which(held)).map(|held| held.grant.as_str()))
    };
    let giving = grants(HeldScope::gives_something);
    let why = if giving.is_empty() {
        let all = grants(|_| true);
        format!("may not {}: its grants ({all}) are suspended or allow nothing", Asked(ask))
    } else {
        format!("may not {}: no rule of its grants ({giving}) is about it", Asked(ask))
    };
    let (reason, advice) = match escape_of(ask) {
        Some(_) => (Reason::Escape, EXACT),
        None => (Reason::NoRule, "ask the agent's owner for a grant that allows it"),
    };
    Words { reason, rule: None, why, next: Next::AskPerson, advice }
}

const EXACT: &str =
    "ask the agent's owner for a rule that names this verb, API group and resource without a wildcard";

/// The rule that lacks least, of those about the same kind of thing.
struct Near<'a> {
    id: &'a RuleId,
    rule: &'a Rule,
    held: &'a HeldScope,
    fit: Fit,
}

fn nearest<'a>(rules: &'a Rules, ask: Ask<'_>, now: Millis) -> Option<Near<'a>> {
    let all = rules.held(now).flat_map(|held| held.scope.rules().map(move |(id, rule)| (held, id, rule)));
    all.filter(|(_, _, rule)| rule.effect() == Effect::Allow)
        .map(|(held, id, rule)| Near {
            id,
            rule,
            held,
            fit: matching::fit(rule.spec(), &held.namespaces, ask),
        })
        .filter(|near| near.fit.kind)
        // A rule with the right verb says what else may be done with it; one with other verbs would deny
        // that.
        .min_by_key(|near| (near.fit.missing(), !near.fit.verb))
}

impl Near<'_> {
    fn words(&self, ask: Ask<'_>) -> Words {
        let Self { id, rule, held, fit } = self;
        let spec = rule.spec();
        let (why, next, advice) = if let Some(escape) = fit.inexact {
            let lacks =
                format!("may not {}: it {}, and {id} doesn't name it exactly", Asked(ask), escape.gives);
            (lacks, Next::AskPerson, EXACT)
        } else if !fit.verb {
            let verbs = listed(spec.verbs.iter().map(String::as_str));
            let lacks = format!("may only {verbs}, not {} ({id})", Asked(ask));
            (lacks, Next::AskPerson, "ask the agent's owner for a grant that allows it")
        } else if !fit.reach {
            let lacks =
                format!("may {} only {} ({id})", Asked(ask).without_place(), Within(&held.namespaces));
            let advice =
                "keep to these namespaces, naming one per request, or ask the agent's owner for more";
            (lacks, Next::ChangeRequest, advice)
        } else {
            let names = listed(spec.resource_names.iter().map(String::as_str));
            let lacks = format!("may {} only named {names} ({id})", Asked(ask));
            (lacks, Next::ChangeRequest, "keep to these names, or ask the agent's owner for more")
        };
        let reason = if fit.inexact.is_some() { Reason::Escape } else { Reason::NoRule };
        Words { reason, rule: Some((*id).clone()), why, next, advice }
    }
}

fn escape_of(ask: Ask<'_>) -> Option<&'static crate::rules::Escape> {
    match ask {
        Ask::Path { .. } => None,
        Ask::Resource(on) => escape(on),
    }
}

/// What a refusal says, before it becomes one line.
struct Words {
    reason: Reason,
    rule: Option<RuleId>,
    /// After `agent "x" `.
    why: String,
    next: Next,
    advice: &'static str,
}

impl Words {
    fn say(self, case: &Case) -> Denial {
        let head = shortened(case.attributes().to_string(), 160);
        let why = shortened(self.why, 260);
        let message = format!(
            "{head} is forbidden: agent \"{}\" {why}. This is policy, not a fault: retrying or another tool \
             won't help. Next: {}.",
            case.agent(),
            self.advice
        );
        Denial::new(self.reason, self.rule, message, self.next)
    }
}

/// `delete`, `create pods/exec`: what the request does.
struct Doing<'a>(&'a Attributes);

impl fmt::Display for Doing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.resource() {
            Some(resource) => write!(f, "{} {}", self.0.decided_verb(), Kind(resource)),
            None => write!(f, "{} this path", self.0.verb()),
        }
    }
}

/// `delete jobs.batch in namespace "batch"`: what rules were asked.
struct Asked<'a>(Ask<'a>);

impl Asked<'_> {
    fn without_place(self) -> String {
        match self.0 {
            Ask::Path { .. } => self.to_string(),
            Ask::Resource(on) => Asked(Ask::Resource(crate::rules::On { namespace: "", ..on })).to_string(),
        }
    }
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = match self.0 {
            Ask::Path { verb, .. } => return write!(f, "{verb} this path"),
            Ask::Resource(on) => on,
        };
        write!(f, "{} {}", on.verb, on.resource)?;
        if !on.group.is_empty() {
            write!(f, ".{}", on.group)?;
        }
        if !on.subresource.is_empty() {
            write!(f, "/{}", on.subresource)?;
        }
        if !on.namespace.is_empty() && on.resource != "namespaces" {
            write!(f, " in namespace {:?}", on.namespace)?;
        }
        if on.verb == UNSAFE_VERB {
            f.write_str(" (the option ignoreStoreReadErrorWithClusterBreakingPotential)")?;
        }
        Ok(())
    }
}

/// `in the namespaces batch, ci-*`.
struct Within<'a>(&'a Reach);

impl fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reach::Everywhere => f.write_str("on this cluster"),
            Reach::Namespaces(patterns) => {
                let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
                let plural = if patterns.len() == 1 { "" } else { "s" };
                write!(f, "in the namespace{plural} {}", listed(patterns.iter().map(String::as_str)))
            }
        }
    }
}

/// `a, b and 3 more`.
fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for word in words {
        if !unique.contains(&word) {
            unique.push(word);
        }
    }
    let said: Vec<_> = unique.iter().take(NAMES).map(|word| shortened((*word).to_owned(), 40)).collect();
    let mut text = said.join(", ");
    if let Some(more) = unique.len().checked_sub(NAMES).filter(|more| *more > 0) {
        // Writing to a String can't fail.
        write!(text, " and {more} more").ok();
    }
    text
}

/// At most so many bytes, the last three an ellipsis where something was left out.
fn shortened(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes - 3));
        text.push('…');
    }
    text
}
