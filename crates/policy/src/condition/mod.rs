//! Conditions: what a rule's `when` says about the objects of a request, in CEL.
//!
//! The `cel` crate parses, without its macros and without its interpreter. Types and functions are checked
//! here when a condition is compiled, and evaluation is a walk over borrowed JSON in a bounded number of
//! steps (`docs/decisions/0009-conditions-are-evaluated-here.md` says why). That the answers are cel-go's is
//! shown by the corpus in `tests/cel`.
//!
//! In the order of a condition's life:
//!
//! 1. `compile`: the guards around the parser, then the tree that is evaluated, with every name, type and
//!    arity looked at.
//! 2. `bindings`: what its variables are in one decision.
//! 3. `evaluate`: the walk, on `value`s with `operators` and the `library`.
//! 4. [`changed`]: the fact of that name.

mod bindings;
mod changed;
mod compile;
mod evaluate;
mod fault;
mod fields;
mod library;
mod node;
mod operators;
#[cfg(test)]
mod tests;
mod types;
mod value;

use std::fmt;
use std::sync::Arc;

use evaluate::Evaluation;
use fault::Fault;
use node::{Node, What};
use types::Kind;
use value::Val;

pub use bindings::{Bindings, REQUEST_FIELDS, Variable};
pub use changed::{MAX_CHANGED, changed};
pub use compile::{ConditionError, MAX_DEPTH, MAX_NESTED, MAX_SOURCE};
pub use fields::{FieldPath, FieldStep};
pub use library::{Function, LIBRARIES, Library};

/// How many steps one evaluation may take.
pub const MAX_STEPS: usize = fault::STEPS;

/// A compiled condition. Clones are the same one.
#[derive(Clone)]
pub struct Condition {
    compiled: Arc<Compiled>,
}

struct Compiled {
    source: String,
    root: Node,
    variables: Vec<Variable>,
    fields: Vec<FieldPath>,
}

/// What a condition says of one set of facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is true.
    Holds,
    /// It is false.
    Fails,
    /// It has no answer, for the reason in the sentence. That names what the condition asks for and never
    /// what an object says.
    Unclear(String),
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    ///
    /// If it is too long, too deep or no CEL; if it names a variable, a function or a field of `request` that
    /// isn't there, or calls a function with what it doesn't take; if it surely is neither true nor false.
    pub fn compile(source: &str) -> Result<Self, ConditionError> {
        let root = compile::compile(source)?;
        let compiled = Compiled {
            source: source.to_owned(),
            variables: fields::variables(&root),
            fields: fields::read(&root),
            root,
        };
        Ok(Self { compiled: Arc::new(compiled) })
    }

    /// As its author wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.compiled.source
    }

    /// Whether it names the variable, so that somebody has to find it out.
    #[must_use]
    pub fn names(&self, variable: Variable) -> bool {
        self.compiled.variables.contains(&variable)
    }

    /// What it reads of `object` and `oldObject`.
    #[must_use]
    pub fn fields(&self) -> &[FieldPath] {
        &self.compiled.fields
    }

    /// What it says.
    #[must_use]
    pub fn check(&self, bindings: &Bindings<'_>) -> Verdict {
        if bindings.changed.len() > MAX_CHANGED && self.names(Variable::Changed) {
            return Verdict::Unclear(format!(
                "The condition isn't met: more than {MAX_CHANGED} fields change."
            ));
        }
        let evaluation = Evaluation::new(bindings);
        let value = evaluation.of(&self.compiled.root);
        let fault = match value {
            // Whatever it says: without its end it isn't an answer.
            _ if evaluation.steps.are_spent() => Fault::Spent,
            Ok(Val::Bool(true)) => return Verdict::Holds,
            Ok(Val::Bool(false)) => return Verdict::Fails,
            Ok(other) => return Verdict::Unclear(not_bool(other.kind())),
            Err(fault) => fault,
        };
        Verdict::Unclear(format!("The condition has no answer: {}.", fault.sentence()))
    }
}

fn not_bool(kind: Kind) -> String {
    format!("The condition has no answer: it gives {}, not true or false.", kind.word())
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.compiled.source).finish()
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.compiled.source == other.compiled.source
    }
}

impl Eq for Condition {}

/// Whether a node is nothing but a name: what paths begin with.
fn names(node: &Node) -> Option<Variable> {
    match &node.what {
        What::Variable(variable) => Some(*variable),
        What::Now => Some(Variable::Request),
        _ => None,
    }
}
