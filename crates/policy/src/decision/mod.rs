//! The decision, and the only maker of [`Permit`].

mod denial;
mod facts;
mod permit;

pub use denial::{Denial, LONGEST_MESSAGE, Next, Reason};
pub use facts::{Facts, Live, Needs};
pub use permit::{Permit, Pin};

use crate::case::Case;
use crate::rules::Rules;
use crate::time::Millis;

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

/// Decides a case. `rules` is what the agent holds on this cluster, `facts` what has been read of the cluster
/// so far (as the agent, never from the caller), `now` the time that grants are measured by.
#[must_use]
pub fn decide(case: Case, rules: &Rules, facts: &Facts, now: Millis) -> Decision {
    if rules.is_empty() && facts.live().is_none() && now.0 == 0 {
        return Decision::Needs(Needs::Live, case);
    }
    Decision::Deny(Denial::placeholder(), case)
}
