//! The decision, and the only maker of [`Permit`].

mod denial;
mod explain;
mod facts;
mod judge;
mod permit;
mod trace;

pub use denial::{Denial, LONGEST_MESSAGE, Next, Reason};
pub use facts::{Facts, Live, Needs};
pub use permit::{Permit, Pin};
pub use trace::{Looked, looked_at};

use crate::case::Case;
use crate::rules::Rules;
use crate::time::Millis;

use judge::{Grounds, Halt, Judge};

/// What was decided.
#[derive(Debug)]
pub enum Decision {
    /// It may be sent, as the permit holds it.
    Permit(Permit),
    /// It is refused.
    Deny(Denial, Case),
    /// A fact is needed first: read it as the agent, then decide again.
    Needs(Needs, Case),
}

/// Decides a case. `rules` is what the agent holds on this cluster, `facts` what has been read of the
/// cluster so far (as the agent, never from the caller), `now` the time that grants are measured by.
///
/// A fact is asked for only once everything that needs none has passed, so that a refused caller learns
/// nothing of the cluster.
#[must_use]
pub fn decide(case: Case, rules: &Rules, facts: &Facts, now: Millis) -> Decision {
    match (Judge { case: &case, rules, facts, now }).judge() {
        Ok(grounds) => permit(case, grounds),
        Err(Halt::Deny(denial)) => Decision::Deny(*denial, case),
        Err(Halt::Needs(needs)) => Decision::Needs(needs, case),
    }
}

fn permit(case: Case, grounds: Grounds) -> Decision {
    let Grounds { rule, grant, until, pin } = grounds;
    match case.sent(pin.as_deref()) {
        Ok(sent) => {
            Decision::Permit(Permit { case, rule, grant, until, pinned: pin.map(|uid| Pin { uid }), sent })
        }
        Err(fault) => {
            let denial = explain::unsupported(&case, &fault);
            Decision::Deny(denial, case)
        }
    }
}
