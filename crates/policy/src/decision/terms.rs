//! Rules with terms: what must be known of the object before they decide, and whether they hold.

use crate::body::UNSAFE_VERB;
use crate::condition::{Condition, Variable, Verdict};
use crate::rules::{Ask, Candidate, RuleId};

use super::afterwards::Afterwards;
use super::demand::Demand;
use super::denial::Denial;
use super::explain;
use super::facts::{Live, Needs, Wanted};
use super::judge::{Grounds, Halt, Judge};
use super::manner::Manner;
use super::permit::{Limited, Pin};
use super::screen::Screen;
use super::view::{Seen, View, old};

/// Everything that rules with terms are asked with.
pub(super) struct Terms<'a> {
    pub(super) judge: &'a Judge<'a>,
    ask: Ask<'a>,
    pub(super) manner: Manner,
    pub(super) view: View,
}

/// What became of one rule.
pub(super) enum Stand {
    Holds,
    /// It doesn't, and why.
    Fails(String),
    Lacks(Lack),
}

/// What is missing to say.
#[derive(Clone, Copy)]
pub(super) enum Lack {
    Facts(Wanted),
    Stored,
}

/// The rule that came nearest, and why it doesn't allow it.
pub(super) struct Failed {
    pub(super) rule: RuleId,
    pub(super) why: String,
    /// Whether it is its limits that are used up.
    pub(super) spent: bool,
}

impl<'a> Terms<'a> {
    pub(super) fn of(judge: &'a Judge<'a>, ask: Ask<'a>) -> Self {
        let manner = Manner::of(judge.case.attributes());
        let view = View::of(judge.case, ask, manner, judge.now);
        Self { judge, ask, manner, view }
    }

    /// Decides by rules with terms. `plain` is what a rule without terms gives, which only `denies` can
    /// take away. None: no rule with terms is about it either.
    pub(super) fn decide(
        &self,
        plain: Option<Grounds>,
        denies: Vec<Candidate>,
    ) -> Result<Option<Grounds>, Halt> {
        let mut allows = self.judge.rules.allowing_if(self.ask, self.judge.now);
        if self.manner == Manner::Seen {
            return self.seen(plain, allows, denies);
        }
        if plain.is_none() && allows.is_empty() {
            return Ok(None);
        }
        if self.manner == Manner::Collection && (plain.is_none() || !denies.is_empty()) {
            return Err(self.apart(&allows));
        }
        // What costs nothing comes first.
        allows.sort_by_key(|one| one.rule().is_some_and(|rule| rule.looks_at_objects()));
        if self.forwards() {
            return self.forward(plain, allows, denies).map(Some);
        }
        self.write(plain, &allows, &denies).map(Some)
    }

    /// All that the selectors find is decided one by one, unless it is refused for what the request as a
    /// whole says: the objects' own deletes don't say it again.
    fn apart(&self, allows: &[Candidate]) -> Halt {
        let case = self.judge.case;
        if case.reading().is_unsafe() {
            let fault = format!("{UNSAFE_VERB} is not for collections; delete the objects one by one");
            return explain::unsupported(case, &fault).into();
        }
        let read = self.judge.rules.masking(self.ask, self.judge.now);
        for one in allows.iter().chain(&read) {
            let Some(mask) = one.rule().and_then(|rule| rule.mask()) else { continue };
            if let Err(breach) = mask.check(case) {
                return explain::masked(case, one.id(), &breach).into();
            }
        }
        Halt::Expand
    }

    fn write(
        &self,
        plain: Option<Grounds>,
        allows: &[Candidate],
        denies: &[Candidate],
    ) -> Result<Grounds, Halt> {
        let mut lacks = Vec::new();
        for deny in denies {
            match self.denies(deny) {
                Stand::Holds => {
                    return Err(self.veiled(explain::denied(self.judge.case, deny.id())).into());
                }
                Stand::Fails(_) => {}
                Stand::Lacks(lack) => lacks.push(lack),
            }
        }
        let mut nearest: Option<Failed> = None;
        let mut waiting: Option<&Candidate> = None;
        let mut chosen = plain;
        let mut by = None;
        for allow in allows {
            if chosen.is_some() {
                break;
            }
            match self.allows(allow) {
                Stand::Holds => (chosen, by) = (Some(self.grounds(allow)), Some(allow)),
                Stand::Lacks(lack) => {
                    waiting = waiting.or(Some(allow));
                    lacks.push(lack);
                }
                Stand::Fails(why) => {
                    let spent = self.judge.facts.is_spent(allow.id());
                    nearest.get_or_insert(Failed { rule: allow.id().clone(), why, spent });
                }
            }
        }
        if let Some(lack) = first(&lacks).filter(|_| chosen.is_some() || waiting.is_some()) {
            let provisional = chosen.or_else(|| waiting.map(|one| self.grounds(one)));
            return Err(self.needs(lack, provisional));
        }
        let Some(mut grounds) = chosen else { return Err(self.refused(nearest).into()) };
        if grounds.looks || denies.iter().any(looks) {
            grounds.pin = self.pin()?.or(grounds.pin);
            grounds.still = self.still()?;
        }
        grounds.afterwards = self.afterwards(by, denies).map(Box::new);
        Ok(grounds)
    }

    /// Whether an allow rule holds.
    pub(super) fn allows(&self, candidate: &Candidate) -> Stand {
        let Some(rule) = candidate.rule() else { return Stand::Fails(String::new()) };
        if self.judge.facts.is_spent(candidate.id()) {
            return Stand::Fails("has used up its limits".to_owned());
        }
        let version = self.judge.case.attributes().resource().map_or("", |resource| resource.version());
        if !rule.is_for(version) {
            return Stand::Fails(format!("was not written for the API version {version}"));
        }
        match rule.condition() {
            None => Stand::Holds,
            Some(condition) => self.check(candidate, condition),
        }
    }

    /// Whether a deny rule holds. What can't be said denies.
    pub(super) fn denies(&self, candidate: &Candidate) -> Stand {
        let Some(rule) = candidate.rule() else { return Stand::Holds };
        let version = self.judge.case.attributes().resource().map_or("", |resource| resource.version());
        let Some(condition) = rule.condition().filter(|_| rule.is_for(version)) else { return Stand::Holds };
        if let Some(lack) = self.lacks(condition) {
            return lack.map_or(Stand::Holds, Stand::Lacks);
        }
        match self.verdict(candidate, condition) {
            Verdict::Fails => Stand::Fails(String::new()),
            Verdict::Holds | Verdict::Unclear(_) => Stand::Holds,
        }
    }

    fn check(&self, candidate: &Candidate, condition: &Condition) -> Stand {
        match self.lacks(condition) {
            Some(Some(lack)) => return Stand::Lacks(lack),
            Some(None) => {
                return Stand::Fails("looks at an object that this request doesn't have".to_owned());
            }
            None => {}
        }
        match self.verdict(candidate, condition) {
            Verdict::Holds => Stand::Holds,
            Verdict::Fails => Stand::Fails(format!("asks that {}", condition.source())),
            Verdict::Unclear(why) => {
                Stand::Fails(format!("asks that {}, which can't be said: {why}", condition.source()))
            }
        }
    }

    pub(super) fn verdict(&self, candidate: &Candidate, condition: &Condition) -> Verdict {
        let seen = Seen::of(self.manner, &self.view, self.judge.case.attributes(), self.judge.facts);
        self.view.check(condition, &candidate.grant, seen)
    }

    /// What must be read before a condition can be asked; `Some(None)`: it never can.
    pub(super) fn lacks(&self, condition: &Condition) -> Option<Option<Lack>> {
        let Some(demand) = Demand::of(self.judge.case.attributes(), self.manner, condition) else {
            return Some(None);
        };
        let facts = self.judge.facts;
        // Revisions that can't be read are not none.
        if demand.facts.revisions && facts.revisions() == Some(None) {
            return Some(None);
        }
        let missing = demand.facts.missing_in(facts);
        if missing.is_any() {
            return Some(Some(Lack::Facts(missing)));
        }
        (demand.stored && facts.stored().is_none()).then_some(Some(Lack::Stored))
    }

    fn old(&self) -> Option<&Live> {
        old(self.judge.case.attributes(), self.judge.facts)
    }

    /// Asks for what is missing. A dry run is asked for once everything else has passed.
    fn needs(&self, lack: Lack, provisional: Option<Grounds>) -> Halt {
        match lack {
            Lack::Facts(wanted) => Halt::Needs(Needs::Facts(wanted)),
            Lack::Stored => {
                let Some(grounds) = provisional else {
                    return explain::unsupported(self.judge.case, &"no rule is about it").into();
                };
                match self.rehearsal(grounds) {
                    Ok(grounds) => Halt::Rehearse(Box::new(grounds)),
                    // It has not passed yet: what it would be told must not say that there is an object.
                    Err(Halt::Deny(denial)) => self.veiled(*denial).into(),
                    Err(halt) => halt,
                }
            }
        }
    }

    /// What a dry run stands on: everything that needs none.
    fn rehearsal(&self, mut grounds: Grounds) -> Result<Grounds, Halt> {
        grounds.pin = self.pin()?.or(grounds.pin);
        self.judge.inside_of(self.ask, &mut grounds)?;
        let veiled = || Box::new(explain::hidden(self.judge.case, &grounds.rule));
        grounds.veiled = self.is_veiled().then(veiled);
        Ok(grounds)
    }

    pub(super) fn grounds(&self, candidate: &Candidate) -> Grounds {
        let id = candidate.id().clone();
        let rule = candidate.rule();
        let limits = rule.map(|rule| rule.limits().to_vec()).unwrap_or_default();
        let mask = rule.and_then(|rule| rule.mask().cloned());
        let limited = (!limits.is_empty()).then(|| Limited { rule: id.clone(), limits });
        Grounds {
            rule: id,
            grant: candidate.grant.clone(),
            until: candidate.until,
            limited,
            mask,
            looks: looks(candidate),
            ..Grounds::nothing()
        }
    }

    /// What must be true of what is stored, too: where it is stored.
    fn afterwards(&self, allow: Option<&Candidate>, denies: &[Candidate]) -> Option<Afterwards> {
        let stores = matches!(self.manner, Manner::Created | Manner::Changed);
        if !stores || self.judge.case.is_dry_run() {
            return None;
        }
        let seen = Seen::of(self.manner, &self.view, self.judge.case.attributes(), self.judge.facts);
        Afterwards::of(&self.view, seen, allow, denies)
    }

    /// What can't be bound is looked at again once it is open.
    pub(super) fn still(&self) -> Result<Option<String>, Halt> {
        match (self.manner, self.judge.facts.live()) {
            (Manner::Opened, Some(Live::Present { uid, .. })) => Ok(Some(uid.clone())),
            (Manner::Opened, Some(Live::Absent)) => Err(explain::absent(self.judge.case).into()),
            (Manner::Opened, Some(Live::Unseen)) => Err(explain::unseen(self.judge.case).into()),
            _ => Ok(None),
        }
    }

    /// What a write is bound to: what was looked at.
    pub(super) fn pin(&self) -> Result<Option<Pin>, Halt> {
        let live = match self.manner {
            Manner::Deleted | Manner::Evicted => self.judge.facts.live(),
            Manner::Changed => self.old(),
            Manner::Seen | Manner::Collection | Manner::Created | Manner::Opened | Manner::Other => None,
        };
        match live {
            None => Ok(None),
            Some(Live::Present { uid, resource_version, .. }) => {
                self.same_as_asked(uid, resource_version)?;
                let version = Some(resource_version.clone());
                Ok(Some(Pin { uid: uid.clone(), resource_version: version }))
            }
            Some(Live::Absent) => Err(explain::absent(self.judge.case).into()),
            Some(Live::Unseen) => Err(explain::unseen(self.judge.case).into()),
        }
    }

    /// A caller that pinned its request itself must have pinned it to what was looked at: to anything else
    /// the object may turn before the write arrives.
    fn same_as_asked(&self, uid: &str, resource_version: &str) -> Result<(), Halt> {
        let asked = self.judge.case.reading().asked();
        let differs = |asked: Option<String>, live: &str| asked.is_some_and(|asked| asked != live);
        if differs(asked.uid, uid) || differs(asked.resource_version, resource_version) {
            return Err(explain::conflict(self.judge.case).into());
        }
        Ok(())
    }

    /// No rule holds: in words, and as if there were nothing where the agent could not read the object.
    pub(super) fn refused(&self, nearest: Option<Failed>) -> Denial {
        let case = self.judge.case;
        let Some(failed) = nearest else {
            return explain::no_rule(case, self.judge.rules, self.ask, self.judge.now);
        };
        self.veiled(explain::failed(case, failed))
    }

    /// As if there were nothing, where the agent could not read the object.
    pub(super) fn veiled(&self, denial: Denial) -> Denial {
        if self.is_veiled() { denial.hidden(self.judge.case.attributes()) } else { denial }
    }

    /// Whether the object was looked at and the agent could not have got it, so that it may not know that
    /// there is one.
    fn is_veiled(&self) -> bool {
        let live = match self.manner {
            Manner::Changed => self.old(),
            Manner::Deleted | Manner::Evicted | Manner::Opened => self.judge.facts.live(),
            Manner::Seen | Manner::Collection | Manner::Created | Manner::Other => None,
        };
        match live {
            Some(Live::Absent | Live::Unseen) => true,
            Some(Live::Present { object, .. }) => !Screen::would_show(self.judge, object),
            None => false,
        }
    }

    /// Reads: what needs no object is decided now, the rest object by object as the answer streams.
    fn seen(
        &self,
        plain: Option<Grounds>,
        mut allows: Vec<Candidate>,
        denies: Vec<Candidate>,
    ) -> Result<Option<Grounds>, Halt> {
        if plain.is_some() && denies.is_empty() {
            return Ok(plain);
        }
        let filtering = if plain.is_none() { self.filtering() } else { Vec::new() };
        if plain.is_none() && allows.is_empty() && filtering.is_empty() {
            return Ok(None);
        }
        allows.extend(filtering);
        // Also of rules that say nothing now: they may do so later.
        let changing = allows.iter().chain(&denies).any(may_change_by_itself);
        let mut nearest = None;
        let mut lacks = Vec::new();
        let mut kept = Vec::new();
        for allow in allows {
            match self.may_show(&allow) {
                Stand::Holds => kept.push(allow),
                Stand::Lacks(lack) => lacks.push(lack),
                Stand::Fails(why) => {
                    let spent = self.judge.facts.is_spent(allow.id());
                    nearest.get_or_insert(Failed { rule: allow.id().clone(), why, spent });
                }
            }
        }
        let mut hiding = Vec::new();
        for deny in denies {
            match self.may_hide(&deny) {
                Stand::Holds => return Err(explain::denied(self.judge.case, deny.id()).into()),
                Stand::Fails(_) => {}
                Stand::Lacks(Lack::Stored) => hiding.push(deny),
                Stand::Lacks(lack) => lacks.push(lack),
            }
        }
        if let Some(Lack::Facts(wanted)) = first(&lacks) {
            return Err(Halt::Needs(Needs::Facts(wanted)));
        }
        // A rule that counts is used only where no other shows something.
        let counts = |one: &Candidate| one.rule().is_some_and(|rule| !rule.limits().is_empty());
        if plain.is_some() || kept.iter().any(|one| !counts(one)) {
            kept.retain(|one| !counts(one));
        } else {
            kept.truncate(1);
        }
        let everything = plain.is_some();
        let mut grounds = match (plain, kept.first()) {
            (Some(plain), _) => plain,
            (None, Some(first)) => self.grounds(first),
            (None, None) => return Err(self.refused(nearest).into()),
        };
        let ends = kept.iter().chain(&hiding).filter_map(|one| one.until);
        grounds.until = ends.chain(grounds.until).min();
        grounds.screen = Some(Screen::new(self.judge, self.ask, everything, (kept, hiding), changing));
        Ok(Some(grounds))
    }

    /// The rules of grants that filter what they don't allow whole.
    fn filtering(&self) -> Vec<Candidate> {
        match self.ask {
            Ask::Resource(on) if matches!(on.verb, "list" | "watch") && on.subresource.is_empty() => {
                self.judge.rules.filtering(self.ask, self.judge.now)
            }
            Ask::Resource(_) | Ask::Path { .. } => Vec::new(),
        }
    }

    /// Whether a rule could show something. It lacks the namespace, at most: objects come later.
    pub(super) fn may_show(&self, candidate: &Candidate) -> Stand {
        let Some(rule) = candidate.rule() else { return Stand::Fails(String::new()) };
        let version = self.judge.case.attributes().resource().map_or("", |resource| resource.version());
        if self.judge.facts.is_spent(candidate.id()) {
            return Stand::Fails("has used up its limits".to_owned());
        }
        if !rule.is_for(version) {
            return Stand::Fails(format!("was not written for the API version {version}"));
        }
        let Some(condition) = rule.condition() else { return Stand::Holds };
        match self.of_answer(condition) {
            OfAnswer::Later => Stand::Holds,
            OfAnswer::Never => Stand::Fails("looks at what a read doesn't have".to_owned()),
            OfAnswer::Lacks(wanted) => Stand::Lacks(Lack::Facts(wanted)),
            OfAnswer::Now => self.check(candidate, condition),
        }
    }

    /// Whether a deny rule refuses the read whole (`Holds`), or hides objects as they come (`Lacks`).
    pub(super) fn may_hide(&self, candidate: &Candidate) -> Stand {
        let Some(rule) = candidate.rule() else { return Stand::Holds };
        let version = self.judge.case.attributes().resource().map_or("", |resource| resource.version());
        let Some(condition) = rule.condition().filter(|_| rule.is_for(version)) else { return Stand::Holds };
        match self.of_answer(condition) {
            OfAnswer::Later => Stand::Lacks(Lack::Stored),
            OfAnswer::Never => Stand::Holds,
            OfAnswer::Lacks(wanted) => Stand::Lacks(Lack::Facts(wanted)),
            OfAnswer::Now => self.denies(candidate),
        }
    }

    /// When a condition of a read can be asked.
    pub(super) fn of_answer(&self, condition: &Condition) -> OfAnswer {
        let names = |variable| condition.names(variable);
        if names(Variable::OldObject) || names(Variable::Changed) || names(Variable::Revisions) {
            return OfAnswer::Never;
        }
        let resource = self.judge.case.attributes().resource();
        if names(Variable::NamespaceObject) {
            // Of a list of all namespaces there is no one namespace to look at.
            if resource.is_none_or(|on| on.namespace().is_empty()) {
                return OfAnswer::Never;
            }
            if self.judge.facts.namespace().is_none() {
                return OfAnswer::Lacks(Wanted { namespace: true, ..Wanted::default() });
            }
        }
        if names(Variable::Object) { OfAnswer::Later } else { OfAnswer::Now }
    }
}

/// When a condition of a read can be asked.
pub(super) enum OfAnswer {
    /// At once.
    Now,
    /// Of each object of the answer.
    Later,
    /// When the namespace was read.
    Lacks(Wanted),
    /// It looks at what a read doesn't have.
    Never,
}

pub(super) fn looks(candidate: &Candidate) -> bool {
    candidate.rule().is_some_and(|rule| rule.looks_at_objects())
}

/// Whether what a rule says of a read may change though no object does: its condition looks at the time, or
/// at the namespace, which are as they were when it was decided.
fn may_change_by_itself(candidate: &Candidate) -> bool {
    let condition = candidate.rule().and_then(|rule| rule.condition());
    condition.is_some_and(|condition| {
        condition.names(Variable::NamespaceObject) || condition.source().contains("time")
    })
}

/// All facts at once, and the dry run last.
pub(super) fn first(lacks: &[Lack]) -> Option<Lack> {
    let mut wanted = Wanted::default();
    for lack in lacks {
        match lack {
            Lack::Facts(more) => wanted = wanted.or(*more),
            Lack::Stored => {}
        }
    }
    if wanted.is_any() {
        return Some(Lack::Facts(wanted));
    }
    lacks.first().copied()
}
