//! Why an expression gave no answer. Never with a value of an object in it.

use std::cell::Cell;

use super::types::Kind;

/// Why a part of an expression didn't evaluate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// What stands here, as the expression writes it, isn't there.
    Missing(String),
    /// An operator or function doesn't take values of these kinds.
    Kinds(&'static str, Vec<Kind>),
    /// A function can't do it, for this reason.
    Cannot(&'static str, &'static str),
    /// All steps are used up. Nothing absorbs it.
    Spent,
}

impl Fault {
    /// One sentence without its end.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Missing(path) => format!("`{path}` isn't there"),
            Self::Kinds(what, kinds) => {
                let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
                format!("`{what}` doesn't take {}", words.join(" and "))
            }
            Self::Cannot(what, why) => format!("`{what}` {why}"),
            Self::Spent => format!("it takes more than {STEPS} steps on this object"),
        }
    }
}

/// How many steps one evaluation may take: some milliseconds. An expression that needs more on an object of
/// 3 MB asks too much of a decision.
pub(super) const STEPS: usize = 100_000;

/// What is left of an evaluation's steps. Once they are spent, they stay spent.
#[derive(Debug)]
pub(super) struct Steps {
    left: Cell<usize>,
    spent: Cell<bool>,
}

impl Steps {
    pub(super) fn new() -> Self {
        Self { left: Cell::new(STEPS), spent: Cell::new(false) }
    }

    /// Takes some, before the work is done.
    pub(super) fn take(&self, steps: usize) -> Result<(), Fault> {
        match self.left.get().checked_sub(steps) {
            Some(left) if !self.spent.get() => {
                self.left.set(left);
                Ok(())
            }
            _ => {
                self.spent.set(true);
                Err(Fault::Spent)
            }
        }
    }

    pub(super) fn are_spent(&self) -> bool {
        self.spent.get()
    }
}
