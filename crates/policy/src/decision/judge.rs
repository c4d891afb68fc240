//! The rules, asked in order: built-in denies, deny rules, allow rules, then what the API server checks
//! inside.

use serde_json::Value;

use crate::attributes::Connect;
use crate::body::{Object, Owners, Pin, Reading, Touch, UNSAFE_VERB};
use crate::case::Case;
use crate::mask::Mask;
use crate::rules::{self, Allowing, Ask, Candidate, HeldScope, On, RuleId, Rules};
use crate::time::Millis;

use super::afterwards::Afterwards;
use super::denial::Denial;
use super::explain;
use super::facts::{Facts, Live, Needs, Wanted};
use super::permit::Limited;
use super::ports::Ports;
use super::screen::Screen;
use super::terms::Terms;

/// A case before its rules.
pub(super) struct Judge<'a> {
    pub(super) case: &'a Case,
    pub(super) rules: &'a Rules,
    pub(super) facts: &'a Facts,
    pub(super) now: Millis,
}

/// What a permit stands on.
pub(super) struct Grounds {
    pub(super) rule: RuleId,
    pub(super) grant: String,
    pub(super) until: Option<Millis>,
    /// What is sent is bound to this.
    pub(super) pin: Option<Pin>,
    /// The uid that the pod must still have once something of it is open.
    pub(super) still: Option<String>,
    /// The limits that it counts against.
    pub(super) limited: Option<Limited>,
    /// What becomes of the objects in the answer.
    pub(super) screen: Option<Screen>,
    /// Which ports its streams may name.
    pub(super) ports: Option<Ports>,
    /// What the rule itself hides.
    pub(super) mask: Option<Mask>,
    /// Whether its condition looked at objects.
    pub(super) looks: bool,
    /// What a failed dry run is answered with where the object isn't the caller's to see.
    pub(super) veiled: Option<Box<Denial>>,
    /// What must be true of what is stored, too.
    pub(super) afterwards: Option<Box<Afterwards>>,
}

/// Why there is no permit.
pub(super) enum Halt {
    Deny(Box<Denial>),
    Needs(Needs),
    /// A dry run must say first what would be stored.
    Rehearse(Box<Grounds>),
    /// Each object of the collection is decided on its own.
    Expand,
}

impl From<Denial> for Halt {
    fn from(denial: Denial) -> Self {
        Self::Deny(Box::new(denial))
    }
}

impl Judge<'_> {
    pub(super) fn judge(&self) -> Result<Grounds, Halt> {
        let attributes = self.case.attributes();
        if self.rules.held(self.now).next().is_none() {
            return Err(explain::no_grant(self.case, self.rules).into());
        }
        if let Some(built_in) = rules::denied(attributes, self.case.reading().called()) {
            return Err(explain::built_in(self.case, built_in.why).into());
        }
        let ask = self.case.ask();
        if let Some(rule) = self.denying(ask) {
            return Err(explain::denied(self.case, rule).into());
        }
        let plain = self.rules.allowing(ask, self.now).map(Grounds::of).or_else(|| self.own());
        let denies = self.denying_if(ask);
        let decided = match (plain, denies.is_empty()) {
            (Some(plain), true) => Some(plain),
            (plain, _) => Terms::of(self, ask).decide(plain, denies)?,
        };
        let mut grounds = match decided {
            Some(grounds) => grounds,
            None => return Err(explain::no_rule(self.case, self.rules, ask, self.now).into()),
        };
        self.inside_of(ask, &mut grounds)?;
        Ok(grounds)
    }

    /// What the API server checks inside, and what a mask asks of the request itself.
    pub(super) fn inside_of(&self, ask: Ask<'_>, grounds: &mut Grounds) -> Result<(), Halt> {
        match ask {
            Ask::Path { .. } => return Ok(()),
            Ask::Resource(on) => {
                self.proxied(on, grounds)?;
                self.inside(on, grounds)?;
            }
        }
        if grounds.screen.is_none() {
            grounds.screen = Screen::of_write(self, ask, grounds.mask.clone());
        }
        let mut masks = grounds.screen.iter().flat_map(Screen::masks_of);
        if let Some(breach) = masks.find_map(|mask| mask.check(self.case).err()) {
            return Err(explain::masked(self.case, &grounds.rule, &breach).into());
        }
        Ok(())
    }

    /// The deny rules with a condition, asked as [`Self::denying`] asks those without.
    fn denying_if(&self, ask: Ask<'_>) -> Vec<Candidate> {
        if !self.rules.has_conditional_denies() {
            return Vec::new();
        }
        let mut found = self.rules.denying_if(ask, self.now);
        let plain = self.plain(ask);
        if plain != ask {
            found.extend(self.rules.denying_if(plain, self.now));
        }
        found
    }

    /// What every agent may do that holds a grant which gives something.
    fn own(&self) -> Option<Grounds> {
        let attributes = self.case.attributes();
        let id = match attributes.review() {
            Some(_) => RuleId::review(),
            None if rules::is_discovery(attributes) => RuleId::discovery(),
            None => return None,
        };
        self.rules.longest(self.now).map(|held| Grounds::own(held, id))
    }

    /// A deny rule that names a connection's own verb (`get` over WebSocket) is meant, too.
    fn denying(&self, ask: Ask<'_>) -> Option<&RuleId> {
        let plain = self.plain(ask);
        let again = || if plain == ask { None } else { self.rules.denying(plain, self.now) };
        self.rules.denying(ask, self.now).or_else(again)
    }

    /// The same with the request's own verb.
    fn plain<'a>(&self, ask: Ask<'a>) -> Ask<'a>
    where
        Self: 'a,
    {
        match ask {
            Ask::Resource(on) if self.case.attributes().connect().is_some() => {
                Ask::Resource(on.verb(self.case.attributes().verb().as_str()))
            }
            Ask::Resource(_) | Ask::Path { .. } => ask,
        }
    }

    /// What is proxied is done with the request's own method, which is RBAC's verb for it: `create` alone
    /// would let a rule that RBAC reads as "may POST" delete there.
    fn proxied(&self, on: On<'_>, grounds: &mut Grounds) -> Result<(), Halt> {
        let attributes = self.case.attributes();
        let own = on.verb(attributes.verb().as_str());
        if attributes.connect() != Some(Connect::Proxy) || own == on || self.also(own, grounds) {
            return Ok(());
        }
        Err(explain::no_rule(self.case, self.rules, Ask::Resource(own), self.now).into())
    }

    /// The checks that the API server makes inside a request, where the ceiling would answer (exceptions 3
    /// and 4).
    fn inside(&self, on: On<'_>, grounds: &mut Grounds) -> Result<(), Halt> {
        match self.case.reading() {
            Reading::Opaque | Reading::Review(_) | Reading::Evict(..) | Reading::Create(..) => Ok(()),
            Reading::Delete(None) | Reading::Patch(_, Touch::Nothing, _) => Ok(()),
            Reading::Delete(Some(options)) if !options.is_unsafe() => Ok(()),
            Reading::Delete(Some(_)) => {
                let ask = on.verb(UNSAFE_VERB);
                if self.also(ask, grounds) {
                    return Ok(());
                }
                Err(explain::no_rule(self.case, self.rules, Ask::Resource(ask), self.now).into())
            }
            Reading::Patch(_, Touch::Owners, _) => self.owners_may_change(on, grounds),
            Reading::Apply(touch, object) => {
                if *touch == Touch::Owners {
                    self.owners_may_change(on, grounds)?;
                }
                self.creation(on, object, grounds)
            }
            Reading::Update(_, object) => {
                self.creation(on, object, grounds)?;
                self.same_owners(on, object, grounds)
            }
        }
    }

    /// Whether the rules allow one more thing, and no deny rule refuses it; the permit then also ends with
    /// that grant.
    fn also(&self, on: On<'_>, grounds: &mut Grounds) -> bool {
        // One with a condition, too: of what happens inside a request there is no object to ask it about.
        let ask = Ask::Resource(on);
        if self.rules.denying(ask, self.now).is_some() || !self.denying_if(ask).is_empty() {
            return false;
        }
        let Some(allowing) = self.rules.allowing(Ask::Resource(on), self.now) else { return false };
        grounds.until = earlier(grounds.until, allowing.held.until);
        true
    }

    /// PUT and apply create what isn't there: either that is allowed, or they are bound to what is there. A
    /// uid of the caller's own binds them already (409 where it differs, or where there is nothing).
    fn creation(&self, on: On<'_>, object: &Object, grounds: &mut Grounds) -> Result<(), Halt> {
        let bound = grounds.pin.is_some() || object.asked.uid.is_some();
        if !on.subresource.is_empty() || bound || self.also(on.verb("create"), grounds) {
            return Ok(());
        }
        match self.live(on)? {
            Live::Present { uid, .. } if !uid.is_empty() => {
                grounds.pin = Some(Pin::object(uid));
                Ok(())
            }
            Live::Present { .. } | Live::Unseen => Err(explain::unseen(self.case).into()),
            Live::Absent => Err(explain::needs_create(self.case).into()),
        }
    }

    fn live(&self, on: On<'_>) -> Result<&Live, Halt> {
        if on.name.is_empty() {
            return Err(explain::unsupported(self.case, &"a change must name one object").into());
        }
        self.facts.live().ok_or(Halt::Needs(Needs::Facts(Wanted::LIVE)))
    }

    fn owners_may_change(&self, on: On<'_>, grounds: &mut Grounds) -> Result<(), Halt> {
        if self.also(on.object().verb("delete"), grounds) {
            return Ok(());
        }
        Err(explain::owner_references(self.case).into())
    }

    /// A PUT has all owner references: without a rule that allows delete they must be the live object's, and
    /// what is sent is bound to that object. A Scale has metadata of its own, which the API server doesn't
    /// write.
    fn same_owners(&self, on: On<'_>, object: &Object, grounds: &mut Grounds) -> Result<(), Halt> {
        if on.subresource == "scale" || self.also(on.object().verb("delete"), grounds) {
            return Ok(());
        }
        match self.live(on)? {
            Live::Unseen => Err(explain::unseen(self.case).into()),
            Live::Absent if object.owners.is_empty() => Ok(()),
            Live::Present { uid, object: live, .. }
                if Owners::of_live(owner_references(live)).as_ref() == Some(&object.owners) =>
            {
                let bound = grounds.pin.is_some() || object.asked.uid.is_some();
                if on.subresource.is_empty() && !bound && !uid.is_empty() {
                    grounds.pin = Some(Pin::object(uid));
                }
                Ok(())
            }
            Live::Absent | Live::Present { .. } => Err(explain::owner_references(self.case).into()),
        }
    }
}

impl Grounds {
    fn of(allowing: Allowing<'_>) -> Self {
        Self {
            rule: allowing.id.clone(),
            grant: allowing.held.grant.clone(),
            until: allowing.held.until,
            ..Self::nothing()
        }
    }

    fn own(held: &HeldScope, rule: RuleId) -> Self {
        let (grant, until) = (held.grant.clone(), held.until);
        Self { rule, grant, until, ..Self::nothing() }
    }

    /// What every agent with a grant may do, without any terms.
    pub(super) fn nothing() -> Self {
        Self {
            rule: RuleId::discovery(),
            grant: String::new(),
            until: None,
            pin: None,
            still: None,
            limited: None,
            screen: None,
            ports: None,
            mask: None,
            looks: false,
            veiled: None,
            afterwards: None,
        }
    }
}

fn owner_references(object: &Value) -> &Value {
    object.pointer("/metadata/ownerReferences").unwrap_or(&Value::Null)
}

fn earlier(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (end, None) | (None, end) => end,
    }
}
