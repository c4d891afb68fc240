//! The decision, and the only maker of [`Permit`].

mod afterwards;
mod demand;
mod denial;
mod explain;
mod facts;
mod judge;
mod manner;
mod observe;
mod options;
mod permit;
mod ports;
mod screen;
mod terms;
mod trace;
mod view;

pub use denial::{Denial, LONGEST_MESSAGE, Missing, Next, Reason, Shown};
pub use facts::{Fact, Facts, Live, Needs, Wanted};
pub use observe::{Observed, Sight, observe};
pub use permit::{Limited, Permit, Pin, With};
pub use ports::Ports;
pub use screen::{Look, Screen};
pub use trace::{Cost, Looked, Stands, looked_at};

pub(crate) use explain::why_no_rule;

use crate::case::Case;
use crate::review::Review;
use crate::rules::Rules;
use crate::time::Millis;

use judge::{Grounds, Halt, Judge};
use permit::Purpose;

/// What was decided.
#[derive(Debug)]
pub enum Decision {
    /// It may be sent, as the permit holds it.
    Permit(Permit),
    /// It is refused.
    Deny(Denial, Case),
    /// A fact is needed first: read it as the agent, then decide again.
    Needs(Needs, Case),
    /// Each object of the collection is decided on its own ([`Case::one`]).
    Expand(Case),
}

/// Decides a case. `rules` is what the agent holds on this cluster, `facts` what has been read of the
/// cluster so far (as the agent, never from the caller), `now` the time that grants are measured by.
///
/// A fact is asked for only once everything that needs none has passed, so that a refused caller learns
/// nothing of the cluster.
#[must_use]
pub fn decide(case: Case, rules: &Rules, facts: &Facts, now: Millis) -> Decision {
    match (Judge { case: &case, rules, facts, now }).judge() {
        Ok(grounds) => {
            let review = case.question().and_then(|question| Review::new(question, rules, now)).map(Box::new);
            match permit(case, grounds, Purpose::Earnest) {
                Ok(permit) => Decision::Permit(Permit { review, ..permit }),
                Err(refused) => Decision::Deny(refused.0, refused.1),
            }
        }
        Err(Halt::Deny(denial)) => Decision::Deny(*denial, case),
        Err(Halt::Needs(needs)) => Decision::Needs(needs, case),
        Err(Halt::Rehearse(grounds)) => match permit(case.clone(), *grounds, Purpose::Rehearsal) {
            Ok(permit) => Decision::Needs(Needs::Rehearsal(Box::new(permit)), case),
            Err(refused) => Decision::Deny(refused.0, refused.1),
        },
        Err(Halt::Expand) => Decision::Expand(case),
    }
}

fn permit(case: Case, grounds: Grounds, purpose: Purpose) -> Result<Permit, Box<(Denial, Case)>> {
    let Grounds { rule, grant, until, pin, still, limited, screen, ports, veiled, afterwards, .. } = grounds;
    let mut sent = match case.sent(pin.as_ref()) {
        Ok(sent) => sent,
        Err(fault) => return Err(Box::new((explain::unsupported(&case, &fault), case))),
    };
    if purpose == Purpose::Rehearsal {
        sent.path_and_query = case.attributes().dry_run();
    }
    Ok(Permit {
        case,
        rule,
        grant,
        until,
        pinned: pin,
        still,
        limited,
        screen,
        ports,
        veiled,
        afterwards,
        purpose,
        sent,
        review: None,
    })
}
