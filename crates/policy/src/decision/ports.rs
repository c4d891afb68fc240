//! Port-forwards: the ports are named by the streams that are opened later, so the decision leaves behind
//! what each of them is asked.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::attributes::Connect;
use crate::case::Case;
use crate::condition::{Condition, Variable, Verdict};
use crate::rules::Candidate;

use super::denial::Denial;
use super::explain;
use super::facts::{Live, Needs};
use super::judge::{Grounds, Halt};
use super::manner::Manner;
use super::options;
use super::terms::{Failed, Lack, Stand, Terms, first, looks};
use super::view::{Seen, View};

/// Which ports of a pod may be reached: decided when the connection was, asked for each of its streams.
/// Cheap to copy.
#[derive(Clone)]
pub struct Ports(Arc<Inner>);

struct Inner {
    case: Case,
    view: View,
    pod: Option<Value>,
    namespace: Option<Value>,
    /// Whether a rule that doesn't look at ports allows all that no deny rule refuses.
    everything: bool,
    allows: Vec<Candidate>,
    denies: Vec<Candidate>,
    named: Vec<u16>,
}

impl Ports {
    /// Whether this port may be reached.
    ///
    /// # Errors
    /// It may not, in words.
    pub fn look(&self, port: u16) -> Result<(), Box<Denial>> {
        let inner = &*self.0;
        let options = options::of_ports(&[port]);
        for deny in &inner.denies {
            let holds = |condition: &Condition| inner.check(deny, condition, &options) != Verdict::Fails;
            if deny.rule().and_then(|rule| rule.condition()).is_none_or(holds) {
                return Err(Box::new(explain::denied(&inner.case, deny.id())));
            }
        }
        if inner.everything {
            return Ok(());
        }
        let mut nearest = None;
        for allow in &inner.allows {
            let Some(condition) = allow.rule().and_then(|rule| rule.condition()) else { continue };
            let why = match inner.check(allow, condition, &options) {
                Verdict::Holds => return Ok(()),
                Verdict::Fails => format!("asks that {}", condition.source()),
                Verdict::Unclear(why) => {
                    format!("asks that {}, which can't be said: {why}", condition.source())
                }
            };
            nearest.get_or_insert((allow.id(), why));
        }
        let Some((rule, why)) = nearest else {
            return Err(Box::new(explain::unsupported(&inner.case, &"no rule is about its ports")));
        };
        let why = format!("{why}; the port was {port}");
        Err(Box::new(explain::failed(&inner.case, Failed { rule: rule.clone(), why, spent: false })))
    }

    /// Whether the request line named ports, all of which may be reached: then streams that name none are
    /// for those.
    #[must_use]
    pub fn are_named(&self) -> bool {
        !self.0.named.is_empty()
    }
}

impl Inner {
    fn check(&self, candidate: &Candidate, condition: &Condition, options: &Value) -> Verdict {
        let (old, namespace) = (self.pod.as_ref(), self.namespace.as_ref());
        let seen = Seen { object: Some(options), old, namespace, ..Seen::default() };
        self.view.check(condition, &candidate.grant, seen)
    }
}

impl fmt::Debug for Ports {
    /// Without the pod.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports")
            .field("case", &self.0.case)
            .field("named", &self.0.named)
            .finish_non_exhaustive()
    }
}

impl Terms<'_> {
    /// Whether it is a port-forward, whose ports may come later.
    pub(super) fn forwards(&self) -> bool {
        self.manner == Manner::Opened && self.judge.case.attributes().connect() == Some(Connect::PortForward)
    }

    /// Decides what doesn't hang on the ports. What does is kept, and asked of each port.
    pub(super) fn forward(
        &self,
        plain: Option<Grounds>,
        allows: Vec<Candidate>,
        denies: Vec<Candidate>,
    ) -> Result<Grounds, Halt> {
        let case = self.judge.case;
        let named = options::ports(case.attributes().query());
        let named = named.map_err(|why| explain::unsupported(case, &why))?;
        let mut lacks = Vec::new();
        let looked = denies.iter().any(looks);
        let mut kept_denies = Vec::new();
        for deny in denies {
            match self.denies_ports(&deny) {
                Sort::Always => return Err(self.veiled(explain::denied(case, deny.id())).into()),
                Sort::Never(_) => {}
                Sort::ByPort => kept_denies.push(deny),
                Sort::Lacks(lack) => lacks.push(lack),
            }
        }
        let (mut chosen, mut kept, mut nearest) = (plain, Vec::new(), None);
        for allow in allows {
            if chosen.is_some() {
                break;
            }
            match self.allows_ports(&allow) {
                Sort::Always => chosen = Some(self.grounds(&allow)),
                Sort::ByPort => kept.push(allow),
                Sort::Lacks(lack) => lacks.push(lack),
                Sort::Never(why) => {
                    let spent = self.judge.facts.is_spent(allow.id());
                    nearest.get_or_insert(Failed { rule: allow.id().clone(), why, spent });
                }
            }
        }
        if let Some(Lack::Facts(wanted)) = first(&lacks) {
            return Err(Halt::Needs(Needs::Facts(wanted)));
        }
        let everything = chosen.is_some();
        if everything {
            kept.clear();
        } else {
            only_uncounted(&mut kept);
        }
        let mut grounds = match (chosen, kept.first()) {
            (Some(chosen), _) => chosen,
            (None, Some(first)) => self.grounds(first),
            (None, None) => return Err(self.refused(nearest).into()),
        };
        if grounds.looks || looked || kept.iter().any(looks) {
            grounds.still = self.still()?;
        }
        if everything && kept_denies.is_empty() {
            return Ok(grounds);
        }
        let ends = kept.iter().chain(&kept_denies).filter_map(|one| one.until);
        grounds.until = ends.chain(grounds.until).min();
        let ports = self.ports(everything, kept, kept_denies, named);
        for port in &ports.0.named {
            ports.look(*port).map_err(|denial| self.veiled(*denial))?;
        }
        grounds.ports = Some(ports);
        Ok(grounds)
    }

    fn ports(
        &self,
        everything: bool,
        allows: Vec<Candidate>,
        denies: Vec<Candidate>,
        named: Vec<u16>,
    ) -> Ports {
        let facts = self.judge.facts;
        Ports(Arc::new(Inner {
            case: self.judge.case.clone(),
            view: self.view.clone(),
            pod: facts.live().and_then(Live::object).cloned(),
            namespace: facts.namespace().flatten().cloned(),
            everything,
            allows,
            denies,
            named,
        }))
    }

    fn allows_ports(&self, candidate: &Candidate) -> Sort {
        let condition = candidate.rule().and_then(|rule| rule.condition());
        let by_port = condition.is_some_and(|condition| condition.names(Variable::Object));
        match (self.allows_without_ports(candidate), by_port) {
            (Stand::Lacks(lack), _) => Sort::Lacks(lack),
            (Stand::Fails(why), _) => Sort::Never(why),
            (Stand::Holds, true) => Sort::ByPort,
            (Stand::Holds, false) => Sort::Always,
        }
    }

    /// As [`Self::allows`]; what hangs on the ports holds for now. They are null here, whose fields are
    /// errors: a condition that is false all the same is false whatever the ports are (`error && false` is
    /// false).
    fn allows_without_ports(&self, candidate: &Candidate) -> Stand {
        let condition = candidate.rule().and_then(|rule| rule.condition());
        let Some(condition) = condition.filter(|one| one.names(Variable::Object)) else {
            return self.allows(candidate);
        };
        let ahead = self.allows(candidate);
        match ahead {
            // It is spent, for another version, or never to be said; or false already.
            Stand::Fails(_) if self.may_yet_hold(candidate, condition) => Stand::Holds,
            Stand::Fails(_) | Stand::Holds | Stand::Lacks(_) => ahead,
        }
    }

    fn may_yet_hold(&self, candidate: &Candidate, condition: &Condition) -> bool {
        let version = self.judge.case.attributes().resource().map_or("", |resource| resource.version());
        let is_for = candidate.rule().is_some_and(|rule| rule.is_for(version));
        let asked = is_for && !self.judge.facts.is_spent(candidate.id()) && self.lacks(condition).is_none();
        asked
            && match self.verdict(candidate, condition) {
                Verdict::Unclear(_) => true,
                Verdict::Fails => asks_for_being(condition.source()),
                Verdict::Holds => false,
            }
    }

    /// As [`Self::denies`]; what hangs on the ports is asked of each of them, whatever it says without.
    fn denies_ports(&self, candidate: &Candidate) -> Sort {
        let Some(rule) = candidate.rule() else { return Sort::Always };
        let version = self.judge.case.attributes().resource().map_or("", |resource| resource.version());
        let condition = rule.condition().filter(|_| rule.is_for(version));
        if let Some(condition) = condition.filter(|one| one.names(Variable::Object)) {
            return match self.lacks(condition) {
                Some(Some(lack)) => Sort::Lacks(lack),
                Some(None) => Sort::Always,
                None => Sort::ByPort,
            };
        }
        match self.denies(candidate) {
            Stand::Holds => Sort::Always,
            Stand::Fails(why) => Sort::Never(why),
            Stand::Lacks(lack) => Sort::Lacks(lack),
        }
    }
}

/// When a rule of a port-forward says what it says.
enum Sort {
    Always,
    Never(String),
    ByPort,
    Lacks(Lack),
}

/// Whether a condition may ask for more of `object` than its fields: whether it or one of them is there, say.
/// Then it can be false without ports and true with them. What only looks so is asked port by port, too.
fn asks_for_being(source: &str) -> bool {
    let dense: String = source.chars().filter(|letter| !letter.is_whitespace()).collect();
    let mut after = dense.split("object").skip(1);
    dense.contains("has(object") || after.any(|rest| !rest.starts_with('.') || rest.starts_with(".?"))
}

/// A rule that counts is used only where no other could allow a port.
fn only_uncounted(kept: &mut Vec<Candidate>) {
    let counts = |one: &Candidate| one.rule().is_some_and(|rule| !rule.limits().is_empty());
    if kept.iter().any(|one| !counts(one)) {
        kept.retain(|one| !counts(one));
    } else {
        kept.truncate(1);
    }
}
