//! What scopes that are only observed would have done, for trying them beside the ones that decide.

use crate::case::Case;
use crate::rules::{RuleId, Rules};
use crate::time::Millis;

use super::facts::Facts;
use super::judge::{Halt, Judge};

/// Grants of one agent that are tried at once; more would make each row of the record long.
const MOST: usize = 16;

/// What one observed grant alone would have done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The grant.
    pub grant: String,
    /// What it would have done.
    pub sight: Sight,
    /// The rule that decides, or that comes nearest.
    pub rule: Option<RuleId>,
    /// What the caller would have been told, of a refusal.
    pub message: Option<String>,
}

/// What an observed grant would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It would have let it through. Limits aren't counted.
    Allowed,
    /// It would have refused it.
    Refused,
    /// It can't be said without facts that nobody else needed, or object by object only.
    Depends,
}

impl Sight {
    /// The record's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Depends => "depends",
        }
    }
}

/// What each observed grant alone would do with a case, as far as the facts that are known say it. Nothing
/// is asked for, and nothing comes of it. Of more than sixteen grants the first ones by name are.
#[must_use]
pub fn observe(case: &Case, rules: &Rules, facts: &Facts, now: Millis) -> Vec<Observed> {
    let alone = |(grant, rules): (&str, &Rules)| {
        let seen = |sight, rule, message| Observed { grant: grant.to_owned(), sight, rule, message };
        match (Judge { case, rules, facts, now }).judge() {
            Ok(grounds) => {
                let filters = grounds.screen.is_some_and(|screen| screen.filters());
                let sight = if filters { Sight::Depends } else { Sight::Allowed };
                seen(sight, Some(grounds.rule), None)
            }
            Err(Halt::Deny(denial)) => seen(Sight::Refused, denial.rule().cloned(), Some(denial.message())),
            Err(Halt::Rehearse(grounds)) => seen(Sight::Depends, Some(grounds.rule), None),
            Err(Halt::Needs(_) | Halt::Expand) => seen(Sight::Depends, None, None),
        }
    };
    rules.observed(now).take(MOST).map(alone).collect()
}
