//! What becomes of the objects in an answer: shown, shown with values hidden, or left out.

use std::sync::Arc;

use serde_json::Value;

use crate::condition::{Condition, Verdict};
use crate::mask::Mask;
use crate::rules::{Ask, Candidate, On};

use super::judge::Judge;
use super::manner::Manner;
use super::view::{Seen, View};

/// Whether an object may be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It is passed on, with what is masked hidden.
    Shown,
    /// It is left out, as if it weren't there.
    Hidden,
}

/// Decides on each object of an answer while it streams. Cheap to copy.
#[derive(Debug, Clone)]
pub struct Screen(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    mode: Mode,
    /// Whether what it shows may change though no object does.
    changing: bool,
    /// Whether a rule without terms shows everything that no deny rule hides.
    everything: bool,
    /// Whether a rule shows every object that is asked for, if with values hidden.
    all: bool,
    shows: Vec<Candidate>,
    hides: Vec<Candidate>,
    /// What the rule that let a write through hides itself.
    own: Option<Mask>,
    view: View,
    namespace_object: Option<Value>,
    /// The request's own namespace, for objects that don't name theirs.
    namespace: String,
    /// Objects are namespaces, whose name is their namespace.
    of_namespaces: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A read: what isn't shown is left out.
    Filter,
    /// The answer of a write: everything stays, with values hidden that a read would hide.
    MaskOnly,
}

impl Screen {
    pub(super) fn new(
        judge: &Judge<'_>,
        ask: Ask<'_>,
        everything: bool,
        rules: (Vec<Candidate>, Vec<Candidate>),
        changing: bool,
    ) -> Self {
        Self(Arc::new(Inner::of(judge, ask, everything, rules, changing)))
    }

    /// What hides values in the answer of a write: the rule's own mask, and every mask under which the agent
    /// reads objects of this kind, in whatever version and of whatever name. None: nothing.
    pub(super) fn of_write(judge: &Judge<'_>, ask: Ask<'_>, own: Option<Mask>) -> Option<Self> {
        let attributes = judge.case.attributes();
        // What comes out of a container is no object.
        let inside = attributes.connect().is_some() || Manner::of(attributes) == Manner::Opened;
        let reads = if inside { Vec::new() } else { judge.rules.masking(ask, judge.now) };
        let masks = reads.iter().filter_map(|one| one.rule()?.mask().cloned());
        let own = own.into_iter().chain(masks).reduce(|one, other| Mask::union(&one, &other))?;
        let mut inner = Inner::of(judge, ask, false, (Vec::new(), Vec::new()), false);
        (inner.mode, inner.own) = (Mode::MaskOnly, Some(own));
        Some(Self(Arc::new(inner)))
    }

    /// Whether the agent could `get` this object.
    pub(super) fn would_show(judge: &Judge<'_>, object: &Value) -> bool {
        let Ask::Resource(on) = judge.case.ask() else { return false };
        Inner::of_get(judge, on).is_some_and(|inner| inner.mask_of(object).is_some())
    }

    /// Looks at one object, and hides in it what is masked.
    #[must_use]
    pub fn look(&self, object: &mut Value) -> Look {
        let inner = &*self.0;
        let seen = inner.mask_of(object);
        let masks: Vec<&Mask> = match (inner.mode, seen) {
            (Mode::Filter, None) => return Look::Hidden,
            (Mode::Filter | Mode::MaskOnly, Some(mask)) => inner.own.iter().chain(mask).collect(),
            // No read shows it: then its changes show no more than the reads of others do.
            (Mode::MaskOnly, None) => self.masks_of().collect(),
        };
        masks.into_iter().for_each(|mask| mask.hide(object));
        Look::Shown
    }

    /// Whether anything could be left out.
    #[must_use]
    pub fn filters(&self) -> bool {
        let all = self.0.everything || self.0.all;
        self.0.mode == Mode::Filter && !(all && self.0.hides.is_empty())
    }

    /// Whether what it shows may change though no object does: a condition looks at the time or at the
    /// namespace, which are as they were when it was decided.
    #[must_use]
    pub fn may_change_by_itself(&self) -> bool {
        self.0.changing
    }

    /// Whether anything could be hidden in what is shown.
    #[must_use]
    pub fn masks(&self) -> bool {
        self.masks_of().next().is_some()
    }

    /// Every mask that it could put on.
    pub(crate) fn masks_of(&self) -> impl Iterator<Item = &Mask> {
        let shows = self.0.shows.iter().filter_map(|one| one.rule()?.mask());
        self.0.own.iter().chain(shows)
    }
}

impl Inner {
    fn of(
        judge: &Judge<'_>,
        ask: Ask<'_>,
        everything: bool,
        (shows, hides): (Vec<Candidate>, Vec<Candidate>),
        changing: bool,
    ) -> Self {
        let (namespace, of_namespaces) = match ask {
            Ask::Path { .. } => ("", false),
            Ask::Resource(on) => (on.namespace, on.group.is_empty() && on.resource == "namespaces"),
        };
        Self {
            mode: Mode::Filter,
            everything,
            changing,
            all: shows.iter().any(|one| one.is_for_all_of(ask)),
            shows,
            hides,
            own: None,
            view: View::of(judge.case, ask, Manner::Seen, judge.now),
            namespace_object: judge.facts.namespace().flatten().cloned(),
            namespace: namespace.to_owned(),
            of_namespaces,
        }
    }

    /// What a `get` of the object that a write names would show. None: nothing.
    fn of_get(judge: &Judge<'_>, on: On<'_>) -> Option<Self> {
        let ask = Ask::Resource(on.object().verb("get"));
        if judge.rules.denying(ask, judge.now).is_some() {
            return None;
        }
        let everything = judge.rules.allowing(ask, judge.now).is_some();
        let version = judge.case.attributes().resource().map_or("", |resource| resource.version());
        let mut shows = judge.rules.allowing_if(ask, judge.now);
        shows.retain(|one| one.rule().is_some_and(|rule| rule.is_for(version)));
        let hides = judge.rules.denying_if(ask, judge.now);
        Some(Self::of(judge, ask, everything, (shows, hides), false))
    }

    /// What is hidden in an object that is shown; None: it isn't. Of several rules that show it, one
    /// without a mask wins, and then the first.
    fn mask_of(&self, object: &Value) -> Option<Option<&Mask>> {
        let text = |field: &str| object.pointer(field).and_then(Value::as_str).unwrap_or_default();
        let name = text("/metadata/name");
        let namespace = match text("/metadata/namespace") {
            _ if self.of_namespaces => name,
            "" => self.namespace.as_str(),
            namespace => namespace,
        };
        let hides = |one: &Candidate| {
            one.covers(namespace, name)
                && one
                    .rule()
                    .and_then(|rule| rule.condition())
                    .is_none_or(|condition| !matches!(self.check(one, condition, object), Verdict::Fails))
        };
        if self.hides.iter().any(hides) {
            return None;
        }
        if self.everything {
            return Some(None);
        }
        let shows = |one: &&Candidate| {
            one.covers(namespace, name)
                && one.rule().is_some_and(|rule| match rule.condition() {
                    None => true,
                    Some(condition) => matches!(self.check(one, condition, object), Verdict::Holds),
                })
        };
        let mut first = None;
        for one in self.shows.iter().filter(shows) {
            let mask = one.rule().and_then(|rule| rule.mask());
            if mask.is_none() {
                return Some(None);
            }
            first = first.or(Some(mask));
        }
        first
    }

    fn check(&self, one: &Candidate, condition: &Condition, object: &Value) -> Verdict {
        let namespace = self.namespace_object.as_ref();
        let seen = Seen { object: Some(object), namespace, ..Seen::default() };
        self.view.check(condition, &one.grant, seen)
    }
}
