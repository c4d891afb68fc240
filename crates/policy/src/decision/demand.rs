//! What a condition needs of the cluster, for one manner of request.

use crate::attributes::Attributes;
use crate::condition::{Condition, Variable};

use super::facts::Wanted;
use super::manner::Manner;

/// What must be known before a condition can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) facts: Wanted,
    /// What would be stored, which only a dry run says.
    pub(super) stored: bool,
}

impl Demand {
    /// None: it looks at what such a request never has.
    pub(super) fn of(attributes: &Attributes, manner: Manner, condition: &Condition) -> Option<Self> {
        let names = |variable| condition.names(variable);
        let (object, before) = (names(Variable::Object), names(Variable::OldObject));
        let (changed, revisions) = (names(Variable::Changed), names(Variable::Revisions));
        let namespaced = attributes.resource().is_some_and(|on| !on.namespace().is_empty());
        let namespace = names(Variable::NamespaceObject) && namespaced;
        let mut facts = Wanted { namespace, ..Wanted::default() };
        let mut stored = false;
        match manner {
            Manner::Deleted | Manner::Evicted | Manner::Opened => {
                if changed || revisions {
                    return None;
                }
                facts.live = before;
            }
            Manner::Created => {
                if changed || revisions {
                    return None;
                }
                stored = object;
            }
            Manner::Changed => {
                let looks = object || before || changed || revisions;
                let whole = attributes.resource().is_none_or(|on| on.subresource().is_empty());
                (facts.live, facts.part) = (looks && whole, looks && !whole);
                facts.revisions = revisions;
                stored = object || changed;
            }
            Manner::Seen | Manner::Collection | Manner::Other => {
                if object || before || changed || revisions {
                    return None;
                }
            }
        }
        Some(Self { facts, stored })
    }
}
